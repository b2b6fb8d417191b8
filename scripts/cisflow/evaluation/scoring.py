"""Scores of predictions on the test subsets, by the rules of the challenge.

Inputs: measured values, predictions of models, subsets. Outputs: Pearson r, its square and Spearman rho per subset, and
the two total scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.datasets.columns import FIRST_HEAD
from cisflow.evaluation.subsets import Subset
from cisflow.files import read_table
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.statistics import rank_values

#: A correlation over fewer items says nothing.
FEWEST_ITEMS = 3
#: Begin of the columns of predictions of further heads.
FURTHER = "prediction."


@dataclass(frozen=True)
class ScoredSubset:
    """A subset with the numbers to correlate: values, or differences within pairs.

    Attributes
    ----------
    subset : Subset
    measured : float64 array, (n,)
    predicted : float64 array, (n, models)
    """

    subset: Subset
    measured: np.ndarray
    predicted: np.ndarray


def further_heads(columns: Iterable[str]) -> list[str]:
    """Heads that a table of predictions has beside the first one, by the names of its columns."""
    return [name.removeprefix(FURTHER) for name in columns if name.startswith(FURTHER)]


def read_predictions(paths: Sequence[str | Path], test_pos: np.ndarray, head: str = FIRST_HEAD) -> pd.DataFrame:
    """Read predictions of trained models and of submissions for the test rows.

    Parameters
    ----------
    paths : sequence of path
        Tables with ``pos``: of a trained model (``split``, ``prediction``; named by the file) or of submissions (one
        column per model).
    test_pos : int array, (n,)
        Rows of the test table that were measured.
    head : str
        Measurement that is predicted. A trained model has ``prediction.<head>`` for all but the first; models without
        it, and submissions, are left out there.

    Returns
    -------
    DataFrame, (n, models)
        Index ``pos`` in the order of ``test_pos``.

    Raises
    ------
    InputError
        On missing or repeated rows, predictions that are not finite, and model names that occur twice.
    """
    columns: dict[str, pd.Series] = {}
    problems = []
    wanted = "prediction" if head == FIRST_HEAD else f"{FURTHER}{head}"
    for path in paths:
        table = read_table(path)
        if wanted in table:
            table = table.loc[table["split"] == "test", ["pos", wanted]]
            table = table.rename(columns={wanted: Path(path).stem})
        elif head != FIRST_HEAD:
            continue
        table = table.set_index("pos")
        if not table.index.is_unique:
            twice = table.index[table.index.duplicated()][:5].tolist()
            problems.append(Problem(str(path), f"rows given more than once: {twice}", column="pos"))
            continue
        missing = np.setdiff1d(test_pos, table.index)
        if len(missing):
            shown = missing[:5].tolist()
            problems.append(
                Problem(str(path), f"{len(missing)} test rows have no prediction, e.g. {shown}", column="pos")
            )
            continue
        for name, values in table.loc[test_pos].items():
            if name in columns:
                problems.append(Problem(str(path), "a model of this name was already read", column=str(name)))
            not_finite = ~np.isfinite(values.to_numpy(np.float64))
            if not_finite.any():
                shown = values.index[not_finite][:5].tolist()
                problems.append(
                    Problem(str(path), f"predictions must be finite numbers; see pos {shown}", column=str(name))
                )
            columns[str(name)] = values
    if problems:
        raise InputError(problems)
    return pd.DataFrame(columns)


def select(subsets: Sequence[Subset], measured: pd.Series, predictions: pd.DataFrame) -> list[ScoredSubset]:
    """Pick the numbers of each subset; items without a measurement are left out and counted in the log.

    Parameters
    ----------
    subsets : sequence of Subset
    measured : Series
        Measured value by ``pos``.
    predictions : DataFrame
        Predictions by ``pos``, one column per model.

    Returns
    -------
    list of ScoredSubset
        Without the subsets that have fewer than three usable items.
    """
    index = pd.Index(measured.index)
    values, predicted = measured.to_numpy(np.float64), predictions.loc[measured.index].to_numpy(np.float64)
    scored = []
    for subset in subsets:
        rows = index.get_indexer(subset.pos.ravel()).reshape(subset.pos.shape)
        usable = (rows >= 0) if subset.kind == "values" else (rows >= 0).all(axis=1)
        if not usable.all():
            logger.info("subset %s: %d of %d items have no measurement", subset.name, (~usable).sum(), len(usable))
        rows = rows[usable]
        if len(rows) < FEWEST_ITEMS:
            logger.warning("subset %s: %d usable items, it is not scored", subset.name, len(rows))
            continue
        if subset.kind == "values":
            scored.append(ScoredSubset(subset, values[rows], predicted[rows]))
        else:
            alternative, reference = rows.T
            scored.append(
                ScoredSubset(
                    subset, values[alternative] - values[reference], predicted[alternative] - predicted[reference]
                )
            )
    return scored


def pearson(measured: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Pearson r of each column; NaN where a side is constant.

    Parameters
    ----------
    measured : float array, (n,)
    predicted : float array, (n, models)

    Returns
    -------
    float64 array, (models,)
    """
    x = measured - measured.mean()
    y = predicted - predicted.mean(axis=0)
    scale = np.sqrt((x @ x) * (y * y).sum(axis=0))
    return np.divide(x @ y, scale, out=np.full(y.shape[1], np.nan), where=scale > 0)


def spearman(measured: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Spearman rho of each column, ties by average rank; see :func:`pearson`."""
    return pearson(rank_values(measured), rank_values(predicted, axis=0))


def total_score(per_subset: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean over subsets.

    Parameters
    ----------
    per_subset : float array, (subsets, ...)
        r squared for the Pearson Score, rho for the Spearman Score. A correlation that is not defined (constant
        predictions) counts 0.
    weights : float array, (subsets,)

    Returns
    -------
    float array, (...)
    """
    return np.tensordot(weights, np.nan_to_num(per_subset, nan=0.0), axes=1) / weights.sum()


def score(scored: Sequence[ScoredSubset], models: Sequence[str]) -> pd.DataFrame:
    """Scores of all models.

    Parameters
    ----------
    scored : sequence of ScoredSubset
    models : sequence of str
        Names of the columns of the predictions.

    Returns
    -------
    DataFrame
        Tidy: ``model, subset, kind, n, weight, metric, value`` with metrics ``pearson``, ``pearson_squared``,
        ``spearman`` per subset, and ``pearson_score``, ``spearman_score`` for the subset ``total``. The total is over
        the subsets that are there, its ``weight`` their sum (4.65 when all nine are).

    Notes
    -----
    Pearson Score = sum of w r^2 / sum of w; Spearman Score = sum of w rho / sum of w (Rafi et al. 2024).
    """
    weights = np.array([s.subset.weight for s in scored])
    r = np.array([pearson(s.measured, s.predicted) for s in scored])
    rho = np.array([spearman(s.measured, s.predicted) for s in scored])
    totals = {"pearson_score": total_score(r**2, weights), "spearman_score": total_score(rho, weights)}
    items = sum(len(s.measured) for s in scored)
    rows = []
    for m, model in enumerate(models):
        for i, s in enumerate(scored):
            head = {"model": model, "subset": s.subset.name, "kind": s.subset.kind, "n": len(s.measured)}
            for metric, values in (("pearson", r), ("pearson_squared", r**2), ("spearman", rho)):
                rows.append({**head, "weight": s.subset.weight, "metric": metric, "value": values[i, m]})
        for metric, values in totals.items():
            head = {"model": model, "subset": "total", "kind": "total", "n": items}
            rows.append({**head, "weight": weights.sum(), "metric": metric, "value": values[m]})
    return pd.DataFrame(rows)

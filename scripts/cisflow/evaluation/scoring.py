"""Scores of models on test subsets, as in the Random Promoter DREAM Challenge 2022.

Purpose: correlations per subset and their weighted totals: Pearson Score = sum of w r^2 / sum of w, Spearman Score = sum
of w rho / sum of w, over values or, in paired subsets, over differences alternative - reference (Rafi et al. 2024).
Inputs: measurements, predictions and subsets. Outputs: the tidy table of scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cisflow.evaluation.correlation import correlations
from cisflow.evaluation.subsets import ALL, CHALLENGE, PAIRS, Subset
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

#: A correlation of fewer items says nothing.
FEWEST_ITEMS = 3
TOTAL = "total"
COMPLETE = "challenge total"


@dataclass(frozen=True)
class ScoredSubset:
    """Measurements and predictions of the usable items of a subset.

    Attributes
    ----------
    subset : Subset
        With the usable items alone.
    measured : float64 array, (n,)
    predicted : float64 array, (models, n)
    """

    subset: Subset
    measured: np.ndarray
    predicted: np.ndarray


def usable_subsets(
    subsets: Sequence[Subset], pos: np.ndarray, measured: np.ndarray, predicted: np.ndarray
) -> list[ScoredSubset]:
    """Join subsets with measurements and predictions; leave out those with too few items.

    Parameters
    ----------
    subsets : sequence of Subset
    pos : int array, (n,)
        Test rows, increasing.
    measured : float array, (n,)
    predicted : float array, (models, n)

    Returns
    -------
    list of ScoredSubset
        Items that were not measured are dropped; so are subsets of fewer than three items that are left.

    Raises
    ------
    InputError
        When the subset ``all`` has too few items.
    """
    found = []
    for subset in subsets:
        place = np.searchsorted(pos, subset.pos).clip(max=len(pos) - 1)
        there = pos[place] == subset.pos
        kept = there.all(axis=1) if subset.kind == PAIRS else there
        items = place[kept]
        logger.info("subset %s: %s of %s items measured", subset.name, f"{len(items):,}", f"{len(subset.pos):,}")
        if len(items) < FEWEST_ITEMS:
            if subset.name == ALL:
                message = f"{len(items)} test rows to score; expected {FEWEST_ITEMS} or more"
                raise InputError(Problem(f"subset {ALL}", message))
            logger.info("subset %s is left out: %d items, %d are needed", subset.name, len(items), FEWEST_ITEMS)
            continue
        if subset.kind == PAIRS:
            values = measured[items[:, 0]] - measured[items[:, 1]]
            model_values = predicted[:, items[:, 0]] - predicted[:, items[:, 1]]
        else:
            values, model_values = measured[items], predicted[:, items]
        usable = Subset(subset.name, subset.kind, subset.weight, subset.pos[kept])
        found.append(ScoredSubset(usable, values, model_values))
    return found


def weights_of(scored: Sequence[ScoredSubset]) -> np.ndarray:
    """Weights of subsets in the total as shares of their sum, float64 (subsets,)."""
    weight = np.array([one.subset.weight for one in scored])
    return weight / weight.sum()


def total_scores(correlation: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson Score and Spearman Score.

    Parameters
    ----------
    correlation : float array, (subsets, ..., 2)
        r and rho of each subset. As in the challenge r counts squared and rho does not.
    weights : float array, (subsets,)
        Shares that add up to 1.

    Returns
    -------
    float array, (..., 2)
    """
    counted = np.stack([correlation[..., 0] ** 2, correlation[..., 1]], axis=-1)
    return np.tensordot(weights, counted, axes=1)


def completeness(scored: Sequence[ScoredSubset]) -> str:
    """``challenge total`` when every subset of the challenge is there; else which are missing and how weights count."""
    missing = [name for name in CHALLENGE if name not in {one.subset.name for one in scored}]
    if not missing:
        return COMPLETE
    total = sum(one.subset.weight for one in scored)
    return f"not the challenge total: without {', '.join(missing)}; weights divided by their sum {total:g}"


def score_table(
    models: Sequence[str], scored: Sequence[ScoredSubset], draws: Sequence[np.ndarray] | None = None
) -> pd.DataFrame:
    """Score models on every subset and in total.

    Parameters
    ----------
    models : sequence of str
        Names in the order of the predictions.
    scored : sequence of ScoredSubset
    draws : sequence of float array (draws, models, 2), optional
        r and rho of each subset in bootstrap draws of full size, for the intervals.

    Returns
    -------
    DataFrame
        ``model, subset, kind, n, weight, metric, value, low, high, note``. Metrics of a subset: ``pearson``, ``r2``,
        ``spearman``; of the subset ``total``: ``pearson_score``, ``spearman_score``, with the sum of the weights used
        as weight and the number of subsets as n. ``low`` and ``high`` bound the central 95 % of the draws.
    """
    values = np.stack([correlations(one.measured, one.predicted) for one in scored])
    note = completeness(scored)
    logger.info("total of %d subsets: %s", len(scored), note)
    for one, value in zip(scored, values, strict=True):
        for model, row, r in zip(models, one.predicted, value[:, 0], strict=True):
            if r == 0 and (np.ptp(row) == 0 or np.ptp(one.measured) == 0):
                logger.info("subset %s, model %s: constant, so its correlations count as 0", one.subset.name, model)
    rows: list[tuple] = []

    def add(m: int, subset: tuple, metric: str, value: float, drawn: np.ndarray | None, note: str = "") -> None:
        low, high = (np.nan, np.nan) if drawn is None else np.quantile(drawn, [0.025, 0.975])
        rows.append((models[m], *subset, metric, value, low, high, note))

    weights = weights_of(scored)
    totals = total_scores(values, weights)
    drawn_totals = None if draws is None else total_scores(np.stack(list(draws)), weights)
    for m in range(len(models)):
        for s, one in enumerate(scored):
            about = (one.subset.name, one.subset.kind, len(one.measured), one.subset.weight)
            r, rho = values[s, m]
            drawn = None if draws is None else draws[s][:, m]
            add(m, about, "pearson", r, None if drawn is None else drawn[:, 0])
            add(m, about, "r2", r**2, None if drawn is None else drawn[:, 0] ** 2)
            add(m, about, "spearman", rho, None if drawn is None else drawn[:, 1])
        about = (TOTAL, TOTAL, len(scored), sum(one.subset.weight for one in scored))
        for k, metric in enumerate(("pearson_score", "spearman_score")):
            add(m, about, metric, totals[m, k], None if drawn_totals is None else drawn_totals[:, m, k], note)
    columns = ["model", "subset", "kind", "n", "weight", "metric", "value", "low", "high", "note"]
    return pd.DataFrame(rows, columns=columns)

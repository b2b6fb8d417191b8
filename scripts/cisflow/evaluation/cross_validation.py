"""Scores of nested cross-validation, and paired tests between models over the test folds.

Inputs: predictions of the test rows of every fold. Outputs: scores per fold, means with intervals, and paired tests.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.datasets.columns import FIRST_HEAD
from cisflow.evaluation.comparisons import benjamini_hochberg, holm
from cisflow.evaluation.scoring import FURTHER, further_heads, pearson, spearman
from cisflow.files import read_table
from cisflow.problems import InputError, Problem
from cisflow.statistics import student_quantile, student_tail

#: Metrics, and whether higher is better.
METRICS = {"pearson": True, "spearman": True, "mse": False}
CONFIDENCE = 0.95


def fold_scores(models: Sequence[str], folds: Sequence[str], paths: Sequence[str | Path]) -> pd.DataFrame:
    """Score the mean prediction of a model on each test fold.

    Parameters
    ----------
    models, folds : sequence of str, length n
        Model and test fold of each table.
    paths : sequence of path, length n
        Tables with ``expression, prediction, models``, and for models with several heads the further measurements and
        ``prediction.<head>`` (see :func:`cisflow.models.folds.predict_fold`).

    Returns
    -------
    DataFrame
        ``model, head`` (``expression``, or the name of a further measurement), ``fold, n`` (rows), ``models`` (models
        averaged), ``metric`` (pearson, spearman, mse), ``value``.

    Raises
    ------
    InputError
        When models were tested on different rows of a fold, or predictions are not finite.
    """
    rows, tested, problems = [], {}, []
    for model, fold, path in zip(models, folds, paths, strict=True):
        table = read_table(path)
        if not np.array_equal(tested.setdefault(fold, table["pos"].to_numpy()), table["pos"].to_numpy()):
            problems.append(Problem(str(path), f"other rows than those of {models[0]} in fold {fold}", column="pos"))
        others = further_heads(table.columns)
        for head, column in {FIRST_HEAD: "prediction", **{name: f"{FURTHER}{name}" for name in others}}.items():
            measured, predicted = (table[name].to_numpy(np.float64) for name in (head, column))
            if not np.isfinite(predicted).all():
                what = f"{(~np.isfinite(predicted)).sum()} predictions are not finite numbers"
                problems.append(Problem(str(path), what, column=column))
                continue
            found = {
                "pearson": float(pearson(measured, predicted[:, None])[0]),
                "spearman": float(spearman(measured, predicted[:, None])[0]),
                "mse": float(np.mean((measured - predicted) ** 2)),
            }
            averaged = int(table["models"].iloc[0])
            start = {"model": model, "head": head, "fold": fold, "n": len(table), "models": averaged}
            rows += [{**start, "metric": metric, "value": value} for metric, value in found.items()]
    if problems:
        raise InputError(problems)
    return pd.DataFrame(rows)


def _wide(scores: pd.DataFrame, head: str, metric: str) -> pd.DataFrame:
    """Values of a metric, folds by models; an undefined correlation (constant predictions) counts 0."""
    part = scores[(scores["head"] == head) & (scores["metric"] == metric)]
    wide = part.pivot(index="fold", columns="model", values="value")
    return wide.loc[part["fold"].unique(), part["model"].unique()].fillna(0.0)


def _interval(values: np.ndarray) -> tuple[float, float, float, float]:
    """Mean, standard deviation over the folds, and the limits of the mean by Student's t."""
    n, mean, spread = len(values), float(values.mean()), float(values.std(ddof=1))
    half = float(student_quantile((1 + CONFIDENCE) / 2, n - 1)) * spread / np.sqrt(n)
    return mean, spread, mean - half, mean + half


def summary_table(scores: pd.DataFrame, metrics: Mapping[str, bool] = METRICS) -> pd.DataFrame:
    """Mean of each model over the test folds.

    Parameters
    ----------
    scores : DataFrame
        See :func:`fold_scores`; two or more folds.
    metrics : mapping of str to bool
        Metrics, and whether higher is better.

    Returns
    -------
    DataFrame
        ``model, head, metric, folds, mean, standard_deviation, low, high`` (95 % interval of the mean, Student's t over
        folds); metrics in the order given, and within each the models by falling mean of the first metric.
    """
    parts = []
    for head in scores["head"].unique():
        rows = []
        for metric in metrics:
            wide = _wide(scores, head, metric)
            for model in wide:
                mean, spread, low, high = _interval(wide[model].to_numpy())
                start = {"model": model, "head": head, "metric": metric, "folds": len(wide), "mean": mean}
                rows.append(start | {"standard_deviation": spread, "low": low, "high": high})
        table = pd.DataFrame(rows)
        first = table[table["metric"] == next(iter(metrics))]
        best = first.sort_values("mean", ascending=False, kind="stable")["model"].tolist()
        order = {"by_metric": table["metric"].map(list(metrics).index), "by_model": table["model"].map(best.index)}
        parts.append(table.assign(**order).sort_values(list(order), kind="stable").drop(columns=list(order)))
    return pd.concat(parts, ignore_index=True)


def _p(mean: np.ndarray, variance: np.ndarray, df: int) -> tuple[np.ndarray, np.ndarray]:
    """Student's t and its two-sided p; models that never differ give 0 and 1."""
    error = np.sqrt(variance)
    t = np.divide(mean, error, out=np.where(mean == 0, 0.0, np.copysign(np.inf, mean)), where=error > 0)
    return t, 2 * student_tail(np.abs(t), df)


def paired_tests(scores: pd.DataFrame, metrics: Mapping[str, bool] = METRICS) -> pd.DataFrame:
    """Paired t-tests of all pairs of models over the test folds.

    Parameters
    ----------
    scores : DataFrame
        See :func:`fold_scores`; two or more folds.
    metrics : mapping of str to bool
        Metrics, and whether higher is better.

    Returns
    -------
    DataFrame
        ``head, metric, better, worse, folds, difference`` (mean over folds of better minus worse), ``low, high``
        (95 %), ``t, df, p_value`` (two-sided paired t-test), ``p_holm``, ``p_benjamini_hochberg`` (adjusted over all
        pairs of models of a head and metric), ``p_corrected``. No rows with one model.

    Notes
    -----
    The training sets of the folds overlap, so that differences are not independent and ``p_value``, the test of the
    published benchmarks, is too small. ``p_corrected`` takes 1 / k + 1 / (k - 1) of the variance in place of 1 / k,
    for k folds of equal size (Nadeau and Bengio 2003).
    """
    parts = []
    for head, (metric, higher) in itertools.product(scores["head"].unique(), metrics.items()):
        wide = _wide(scores, head, metric)
        values, names = wide.to_numpy(), wide.columns.to_numpy(object)
        first, second = np.triu_indices(len(names), 1)
        if not len(first):
            continue
        mean = values.mean(axis=0) if higher else -values.mean(axis=0)
        swap = mean[second] > mean[first]
        better, worse = np.where(swap, second, first), np.where(swap, first, second)
        apart = values[:, better] - values[:, worse]
        k = len(apart)
        difference, variance = apart.mean(axis=0), apart.var(axis=0, ddof=1)
        t, p = _p(difference, variance / k, k - 1)
        _, corrected = _p(difference, variance * (1 / k + 1 / (k - 1)), k - 1)
        half = student_quantile((1 + CONFIDENCE) / 2, k - 1) * np.sqrt(variance / k)
        columns = {"head": head, "metric": metric, "better": names[better], "worse": names[worse], "folds": k}
        columns |= {"difference": difference, "low": difference - half, "high": difference + half}
        columns |= {"t": t, "df": k - 1, "p_value": p, "p_holm": holm(p)}
        columns |= {"p_benjamini_hochberg": benjamini_hochberg(p), "p_corrected": corrected}
        parts.append(pd.DataFrame(columns))
    names = "head metric better worse folds difference low high t df p_value p_holm p_benjamini_hochberg p_corrected"
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names.split())

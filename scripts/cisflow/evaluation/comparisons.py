"""Paired tests between models: is one better than the other beyond the choice of test items?

Inputs: scores of all models in bootstrap draws of the same items. Outputs: the table ``comparisons.tsv``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from cisflow.statistics import normal_tail

LOW, HIGH = 2.5, 97.5
#: Metrics that are compared; r squared orders models like r and is left out.
METRICS = ("pearson_score", "spearman_score", "pearson", "spearman")
#: Columns that come from the spread of the draws.
UNCERTAINTY = ["low", "high", "standard_error", "p_value", "p_bootstrap", "p_holm", "p_benjamini_hochberg"]


def holm(p: np.ndarray) -> np.ndarray:
    """P-values adjusted for the chance of any false positive (Holm 1979).

    Parameters
    ----------
    p : float array, (tests,)

    Returns
    -------
    float64 array, (tests,)
    """
    order = np.argsort(p, kind="stable")
    factors = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """P-values adjusted for the share of false positives (Benjamini and Hochberg 1995); see :func:`holm`."""
    order = np.argsort(p, kind="stable")[::-1]
    factors = len(p) / np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(p[order] * factors), 1.0)
    return adjusted


def _p_values(difference: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Two-sided p of ``difference / error``; models that never differ give 1."""
    z = np.divide(difference, error, out=np.zeros_like(difference), where=error > 0)
    z[(error <= 0) & (difference != 0)] = np.inf
    return 2 * normal_tail(np.abs(z))


def comparison_table(
    scores: pd.DataFrame,
    draws: Mapping[tuple[str, str], np.ndarray],
    models: Sequence[str],
    metrics: Collection[str] = METRICS,
) -> pd.DataFrame:
    """Paired bootstrap tests of all pairs of models, for the total scores and every subset.

    Parameters
    ----------
    scores : DataFrame
        See :func:`cisflow.evaluation.ranking.score_table`.
    draws : mapping of (subset, metric) to float array, (draws, models)
        See :func:`cisflow.evaluation.ranking.interval_draws`: the same items for all models.
    models : sequence of str
    metrics : collection of str
        Those that are compared.

    Returns
    -------
    DataFrame
        ``subset, metric, better, worse`` (by the score on all items), ``difference, low, high`` (95 % of the draws),
        ``standard_error`` (standard deviation over the draws), ``p_value`` (two-sided, difference over standard error,
        normal), ``p_bootstrap`` (two-sided, share of the draws on the other side of 0; not below 2 / (draws + 1)),
        ``p_holm``, ``p_benjamini_hochberg`` (``p_value`` adjusted over all pairs of models of the subset and metric).
        No rows with fewer than two models.

    Notes
    -----
    Paired bootstrap after Efron and Tibshirani (1993), chapters 15 and 16. The normal p-value is the one adjusted
    because counted ones cannot become small enough for many pairs.
    """
    first, second = np.triu_indices(len(models), 1)
    values = {key: part.set_index("model")["value"] for key, part in scores.groupby(["subset", "metric"])}
    names, parts = np.asarray(models, dtype=object), []
    for (subset, metric), drawn in draws.items():
        if metric not in metrics or not len(first):
            continue
        value = np.nan_to_num(values[subset, metric].loc[list(models)].to_numpy(np.float64))
        swap = value[second] > value[first]
        better, worse = np.where(swap, second, first), np.where(swap, first, second)
        apart = drawn[:, better] - drawn[:, worse]
        difference = value[better] - value[worse]
        error = apart.std(axis=0, ddof=1)
        low, high = np.percentile(apart, [LOW, HIGH], axis=0)
        tail = np.minimum((apart <= 0).sum(axis=0), (apart >= 0).sum(axis=0))
        p = _p_values(difference, error)
        parts.append(
            pd.DataFrame(
                {
                    "subset": subset,
                    "metric": metric,
                    "better": names[better],
                    "worse": names[worse],
                    "difference": difference,
                    "low": low,
                    "high": high,
                    "standard_error": error,
                    "p_value": p,
                    "p_bootstrap": np.minimum(2 * (tail + 1) / (len(drawn) + 1), 1.0),
                    "p_holm": holm(p),
                    "p_benjamini_hochberg": benjamini_hochberg(p),
                }
            )
        )
    columns = ["subset", "metric", "better", "worse", "difference", *UNCERTAINTY]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

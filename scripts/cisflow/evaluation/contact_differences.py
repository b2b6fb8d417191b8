"""Differences between two maps of one genome, e.g. two cell types: are they predicted, and in the right direction?

Inputs: predictions of the models that both maps have, on the same windows. Outputs: the table
``contact_differences.{other}.tsv``.
Source: evaluation of Orca (Zhou 2022, Nature Genetics 54:725-734): correlation of observed and predicted differences,
and AUROC of their sign among the one percent of entries that differ most.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numba import njit

from cisflow.contacts.agreement import pearson_from_sums, window_sums
from cisflow.evaluation.akita_comparison import akita_factor, akita_sums
from cisflow.evaluation.contact_predictions import CIS, MAX_MISSING, PredictedMaps, read_predicted_maps
from cisflow.evaluation.contact_sums import ContactSums
from cisflow.evaluation.contacts import AKITA, POOLED, mean_of_drawn
from cisflow.evaluation.intervals import interval
from cisflow.problems import InputError, Problem

#: Share of the entries, those that differ most between the observed maps, whose sign is predicted (published).
TOP_SHARE = 0.01
AUROC = "auroc_sign"
#: Draws behind the interval of the AUROC at most: each one goes through all entries.
MOST_AUROC_DRAWS = 1000
WINDOWS = ("chromosome", "levels", "bin_size", "start", "kind")
COLUMNS = ["model", "kind", "level", "metric", "value", "low", "high", "n_windows", "n_blocks", "n"]


@njit(cache=True)
def _auroc(positive: np.ndarray, group: np.ndarray, window: np.ndarray, times: np.ndarray, found: np.ndarray) -> None:
    """Area under the curve in draws of windows; entries sorted by score, equal scores of one ``group``."""
    for d in range(times.shape[0]):
        n_negative = n_positive = area = below = 0.0
        here_positive = here_negative = 0.0
        last = -1
        for k in range(len(group)):
            if group[k] != last:
                area += here_positive * (below + 0.5 * here_negative)
                below += here_negative
                here_positive = here_negative = 0.0
                last = group[k]
            weight = times[d, window[k]]
            if positive[k]:
                here_positive += weight
                n_positive += weight
            else:
                here_negative += weight
                n_negative += weight
        area += here_positive * (below + 0.5 * here_negative)
        found[d] = area / (n_positive * n_negative) if n_positive > 0 and n_negative > 0 else np.nan


def sign_auroc(predicted: np.ndarray, observed: np.ndarray, window: np.ndarray, times_drawn: np.ndarray) -> np.ndarray:
    """AUROC of the sign of observed differences by predicted ones, in draws of windows.

    Parameters
    ----------
    predicted, observed : float array, (entries,)
        Differences; the sign of ``observed`` is the class.
    window : int array, (entries,)
        Column of ``times_drawn`` of each entry.
    times_drawn : float64 array, (draws, windows)

    Returns
    -------
    float64 array, (draws,)
        Ties count half; NaN where a draw has one sign alone.
    """
    order = np.argsort(predicted, kind="stable")
    ordered = predicted[order]
    group = np.concatenate([[0], np.cumsum(ordered[1:] != ordered[:-1])]) if len(order) else np.zeros(0, np.int64)
    found = np.empty(len(times_drawn))
    _auroc(observed[order] > 0, group.astype(np.int64), window[order], np.ascontiguousarray(times_drawn), found)
    return found


def _top(observed: np.ndarray) -> tuple[np.ndarray, ...]:
    """Indices of the entries that differ most: one percent of those that are finite."""
    size = np.abs(observed)
    finite = size[np.isfinite(size)]
    if not len(finite):
        return np.nonzero(np.zeros(observed.shape, dtype=bool))
    return np.nonzero(size >= np.quantile(finite, 1 - TOP_SHARE))


def _level_rows(
    found: tuple[PredictedMaps, PredictedMaps], sums: ContactSums, kind: str, level: int, draws: int, *names: object
) -> list[dict[str, object]]:
    """Rows of one model, kind and level without ``model``."""
    rows = sums.kind == kind
    first, second = found
    observed = (first.scored(level) - second.scored(level))[rows]
    predicted = first.predicted[:, rows, level].mean(axis=0) - second.predicted[:, rows, level].mean(axis=0)
    block, times_drawn = sums.blocks(kind, level), sums.draw(kind, level, draws, *names)
    both = window_sums(predicted, observed)
    used = both[0][:, 0] > 0
    counts = {"n_windows": int(used.sum()), "n_blocks": len(np.unique(block[used])), "n": int(both[0][:, 0].sum())}
    key = {"kind": kind, "level": int(sums.levels[level])}
    result = []

    def add(metric: str, value: float, drawn: np.ndarray, **other: int) -> None:
        low, high = interval(drawn, counts["n_blocks"])
        result.append({**key, "metric": metric, "value": float(value), "low": low, "high": high, **counts, **other})

    for metric, totals in zip(POOLED, both, strict=True):
        add(metric, pearson_from_sums(totals.sum(axis=0)), pearson_from_sums(times_drawn @ totals))
    top = _top(observed)
    once = np.ones((1, int(rows.sum())))
    chosen = (predicted[top], observed[top], top[0])
    drawn = sign_auroc(*chosen, times_drawn[:MOST_AUROC_DRAWS])
    add(AUROC, sign_auroc(*chosen, once)[0], drawn, n=len(top[0]), n_windows=len(np.unique(top[0])))
    finest = level == int(np.argmin(sums.levels))
    factor = akita_factor(int(sums.bin_size[level]), first.bins)
    if kind == CIS and finest and factor is not None:
        values = pearson_from_sums(akita_sums(predicted, observed, factor))
        finite = np.isfinite(values)
        value = values[finite].mean() if finite.any() else np.nan
        add(AKITA, value, mean_of_drawn(values, times_drawn), n_windows=int(finite.sum()))
    return result


def difference_table(
    first: Mapping[str, str | Path],
    second: Mapping[str, str | Path],
    draws: int,
    seed: int,
    names: tuple[str, str],
    max_missing: float = MAX_MISSING,
) -> pd.DataFrame:
    """How well models predict the difference between two maps.

    Parameters
    ----------
    first, second : mapping of str to path
        Predictions on both maps, by the name of the model; models that both have are compared.
    draws, seed : int
        Bootstrap draws of blocks of windows, and the run's seed.
    names : (str, str)
        Of the maps.
    max_missing : float
        Entries count that were measured well enough in both maps.

    Returns
    -------
    DataFrame
        ``model, kind, level`` (bp), ``metric`` (``pooled_pearson`` and ``pooled_pearson_distance_subtracted`` of the
        differences, ``auroc_sign``, at the finest level also ``pearson_akita``), ``value, low, high, n_windows,
        n_blocks, n`` (entries). The entries of ``auroc_sign`` are chosen once, not in every draw.

    Raises
    ------
    InputError
        When the windows of both maps differ.
    """
    parts = []
    for model in (name for name in first if name in second):
        found = tuple(read_predicted_maps(paths[model], max_missing) for paths in (first, second))
        differing = [n for n in WINDOWS if not np.array_equal(getattr(found[0], n), getattr(found[1], n))]
        if differing:
            message = f"{found[1].in_words()}; expected those of {first[model]}, {found[0].in_words()}"
            raise InputError(Problem(str(second[model]), f"{message} (they differ in {', '.join(differing)})"))
        one = found[0]
        sums = ContactSums(one.chromosome, one.kind, one.levels, one.bin_size, one.start)
        drawn = (draws, seed, "contact differences", *names)
        rows = [
            row
            for kind in sums.kinds
            for k in range(len(one.levels))
            for row in _level_rows(found, sums, kind, k, *drawn)
        ]
        parts.append(pd.DataFrame(rows).assign(model=model))
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)

"""What each bin of a library holds: reads, elements, its largest element; and the elements' profiles over the bins.

Inputs: reads per element and bin, rows of the bins sheet. Outputs: small tables, one row per bin, rank or group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cisflow.quality.thresholds import FEW_READS
from cisflow.randomness import generator

#: Points of a curve over ranks; a screen shows no more.
CURVE_POINTS = 400
#: Rows of the heat map of profiles.
MOST_GROUPS = 300
#: Elements in a row of the heat map, so that its profile is more than the reads of one element.
FEWEST_PER_GROUP = 5


def _number(row: dict[str, Any], column: str) -> float:
    value = row.get(column)
    return float("nan") if value is None else float(value)


def bin_table(counts: pd.DataFrame, bins: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Reads, elements and the largest element of each bin.

    Parameters
    ----------
    counts : DataFrame
        ``element`` and one integer column per bin.
    bins : sequence of dict
        Rows of the bins sheet.

    Returns
    -------
    DataFrame
        In the order of the sheet: ``bin``, ``role``, ``position``, ``reads``, ``elements`` (with a read),
        ``elements_few`` (of these, with fewer than 5 reads in the bin), ``top_element``, ``top_share``, ``cells`` and
        ``share_of_cells`` (NaN where unknown), ``reads_without_top`` (without the library's largest element).
    """
    sorted_names = [row["bin"] for row in bins if row["role"] == "sorted"]
    top = int(counts[sorted_names].sum(axis=1).to_numpy().argmax()) if len(counts) else -1
    rows = []
    for row in bins:
        reads = counts[row["bin"]].to_numpy(dtype=np.int64)
        total, largest = int(reads.sum()), int(reads.argmax()) if reads.size else -1
        rows.append(
            {
                "bin": row["bin"],
                "role": row["role"],
                "position": row["position"],
                "reads": total,
                "elements": int(np.count_nonzero(reads)),
                "elements_few": int(np.count_nonzero((reads > 0) & (reads < FEW_READS))),
                "top_element": counts["element"].iloc[largest] if total else "",
                "top_share": reads[largest] / total if total else 0.0,
                "cells": _number(row, "cells"),
                "share_of_cells": _number(row, "upper_quantile") - _number(row, "lower_quantile"),
                "reads_without_top": total - int(reads[top]) if top >= 0 else 0,
            }
        )
    return pd.DataFrame(rows)


def rank_table(reads: np.ndarray) -> pd.DataFrame:
    """Reads of the elements by rank, and the share of reads up to each rank.

    Parameters
    ----------
    reads : int64 ndarray, shape (n,)
        Reads per element; elements without reads are left out.

    Returns
    -------
    DataFrame
        ``rank`` (1: most reads), ``reads``, ``cumulative_share``; ranks 1 to 10, 100, the last, and evenly spaced on
        the logarithmic scale between.
    """
    ordered = np.sort(reads[reads > 0])[::-1]
    n = ordered.size
    if not n:
        return pd.DataFrame({"rank": [], "reads": [], "cumulative_share": []})
    spaced = np.geomspace(1, n, CURVE_POINTS).round().astype(np.int64)
    marks = np.array([*range(1, 11), 100], dtype=np.int64)
    ranks = np.unique(np.concatenate([spaced, marks[marks <= n], [n]]))
    share = np.cumsum(ordered) / ordered.sum()
    return pd.DataFrame({"rank": ranks, "reads": ordered[ranks - 1], "cumulative_share": share[ranks - 1]})


def profile_groups(counts: np.ndarray, positions: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Profiles over the bins of groups of elements with nearly equal expression.

    One random half of the reads puts the elements in order, the other half is their profile: profiles drawn from the
    reads that also gave the order would show a band for any data.

    Parameters
    ----------
    counts : int64 ndarray, shape (n, n_bins)
        Reads in the sorted bins.
    positions : float64 ndarray, shape (n_bins,)
        Positions of the bins.
    seed : int
        Seed of the run.

    Returns
    -------
    profiles : float64 ndarray, shape (n_groups, n_bins)
        Share of each bin in the reads of the group after dividing by the reads of the bin; rows sum to 1, from low to
        high expression.
    middle : float64 ndarray, shape (n_groups,)
        Median expression of each group, from the first half.
    used : int
        Elements with reads in both halves; without any there are no groups.
    """
    first = generator(seed, "quality", "halves").binomial(counts, 0.5)
    per_read = 1 / np.maximum(counts.sum(axis=0), 1)
    ordering, drawn = first * per_read, (counts - first) * per_read
    (used,) = np.nonzero((ordering.sum(axis=1) > 0) & (drawn.sum(axis=1) > 0))
    n = used.size
    if not n:
        return np.zeros((0, positions.size)), np.zeros(0), 0
    expression = ordering[used] @ positions / ordering[used].sum(axis=1)
    n_groups = max(1, min(MOST_GROUPS, n // FEWEST_PER_GROUP))
    order = np.argsort(expression, kind="stable")
    starts = np.arange(n_groups) * n // n_groups
    sums = np.add.reduceat(drawn[used][order], starts, axis=0)
    ends = np.append(starts[1:], n)
    middle = expression[order][(starts + ends - 1) // 2]
    return sums / sums.sum(axis=1, keepdims=True), middle, n

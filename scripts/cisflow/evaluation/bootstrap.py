"""Bootstrap of the scores: exact Pearson and Spearman correlations in every draw, for all models at once.

Inputs: measured and predicted numbers per subset. Outputs: both total scores per draw and model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from cisflow.evaluation.draws import correlations
from cisflow.evaluation.scoring import FEWEST_ITEMS, ScoredSubset, total_score
from cisflow.progress import Progress
from cisflow.statistics import rank_values

DRAWS_PER_BLOCK = 500


@dataclass(frozen=True)
class Columns:
    """Measurement and predictions, sorted once for all draws; see :func:`cisflow.evaluation.draws.correlations`."""

    values: np.ndarray
    slots: np.ndarray
    groups: np.ndarray
    tied: np.ndarray


def sort_columns(measured: np.ndarray, predicted: np.ndarray) -> Columns:
    """Sort the measurement (n,) and the predictions (n, models)."""
    values = np.ascontiguousarray(np.column_stack([measured, predicted]), dtype=np.float64)
    n, columns = values.shape
    slots, groups, tied = np.empty((columns, n), np.int32), [], np.full(columns, -1, np.int64)
    for m in range(columns):
        order = np.argsort(values[:, m], kind="stable")
        slots[m, order] = np.arange(n, dtype=np.int32)
        in_order = values[order, m]
        if (in_order[1:] == in_order[:-1]).any():
            tied[m] = len(groups)
            ends = (rank_values(values[:, m], "min") - 1, rank_values(values[:, m], "max"))
            groups.append(np.column_stack(ends).astype(np.int32))
    groups = np.stack(groups) if groups else np.empty((0, n, 2), np.int32)
    return Columns(values - values.mean(axis=0), slots, groups, tied)


def _correlate(columns: Columns, seed: int, first_draw: int, draws: int, size: int, replace: bool) -> np.ndarray:
    c = columns
    return correlations(c.values, c.slots, c.groups, c.tied, np.uint64(seed), first_draw, draws, size, replace)


def bootstrap_correlations(
    measured: np.ndarray,
    predicted: np.ndarray,
    *,
    draws: int,
    size: int,
    replace: bool,
    seed: int,
    first_draw: int = 0,
) -> np.ndarray:
    """Correlations of all models in random draws of the items of a subset.

    Parameters
    ----------
    measured : float array, (n,)
    predicted : float array, (n, models)
    draws, size : int
        Number of draws, and items per draw.
    replace : bool
        Whether an item can be drawn more than once.
    seed : int
        Seed of the subset; draw ``first_draw + d`` depends on it and on its own number only.
    first_draw : int
        Number of the first draw, to compute draws in blocks or on several machines.

    Returns
    -------
    float64 array, (draws, models, 2)
        Pearson r and Spearman rho (average ranks for ties); NaN where a side is constant.
    """
    return _correlate(sort_columns(measured, predicted), seed, first_draw, draws, size, replace)


def draw_size(n: int, share: float) -> int:
    """Items per draw of a subset of ``n``: ``share`` of them, but no fewer than a correlation needs."""
    return min(n, max(FEWEST_ITEMS, round(share * n)))


def bootstrap_scores(
    scored: Sequence[ScoredSubset],
    *,
    draws: int,
    share: float,
    replace: bool,
    seeds: Sequence[int],
    threads: int = 1,
    label: str = "bootstrap",
    first_draw: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Total scores of all models in bootstrap draws; every subset is drawn on its own.

    Parameters
    ----------
    scored : sequence of ScoredSubset
    draws : int
    share : float
        Share of each subset in a draw.
    replace : bool
    seeds : sequence of int
        One per subset.
    threads : int
        Does not change the result.
    label : str
        Name in progress lines.
    first_draw : int
        Number of the first draw, where several jobs share them.

    Returns
    -------
    totals : float64 array, (draws, models, 2)
        Pearson Score and Spearman Score.
    correlations : float64 array, (subsets, draws, models, 2)
        Pearson r and Spearman rho.
    """
    numba.set_num_threads(max(1, min(threads, numba.config.NUMBA_NUM_THREADS)))
    weights = np.array([s.subset.weight for s in scored])
    found = np.empty((len(scored), draws, scored[0].predicted.shape[1], 2))
    columns = [sort_columns(s.measured, s.predicted) for s in scored]
    progress = Progress(label, draws, "draws")
    for first in range(0, draws, DRAWS_PER_BLOCK):
        block = slice(first, min(first + DRAWS_PER_BLOCK, draws))
        for i, s in enumerate(scored):
            size = draw_size(len(s.measured), share)
            found[i, block] = _correlate(
                columns[i], seeds[i], first_draw + first, block.stop - block.start, size, replace
            )
        progress.advance(block.stop - block.start)
    used = found.copy()
    used[..., 0] **= 2
    return total_score(used, weights), found

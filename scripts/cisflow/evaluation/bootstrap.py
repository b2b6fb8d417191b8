"""Bootstrap of the scores: exact Pearson and Spearman correlations in every draw, for all models at once.

Inputs: measured and predicted numbers per subset. Outputs: both total scores per draw and model.

Every draw has its own random stream, so the result does not depend on the number of threads. Within a draw values are
ranked by a radix sort of their ranks in the whole subset (integers), which keeps ties exact at linear cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from scipy.stats import rankdata

from cisflow.evaluation.scoring import FEWEST_ITEMS, ScoredSubset, total_score
from cisflow.progress import Progress

DRAWS_PER_BLOCK = 500


@numba.njit(cache=True)
def _next_random(state: np.ndarray) -> np.uint64:
    """One step of SplitMix64 (Steele, Lea and Flood 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@numba.njit(cache=True)
def _below(state: np.ndarray, n: int) -> int:
    """Integer in [0, n), unbiased: numbers beyond the last whole multiple of n are drawn again."""
    n64 = np.uint64(n)
    limit = np.uint64(0xFFFFFFFFFFFFFFFF) - np.uint64(0xFFFFFFFFFFFFFFFF) % n64
    value = _next_random(state)
    while value >= limit:
        value = _next_random(state)
    return np.int64(value % n64)


@numba.njit(cache=True)
def _draw(state: np.ndarray, n: int, size: int, replace: bool) -> np.ndarray:
    chosen = np.empty(size, np.int64)
    if replace:
        for i in range(size):
            chosen[i] = _below(state, n)
        return chosen
    items = np.arange(n)
    for i in range(size):  # the first steps of a Fisher-Yates shuffle
        j = i + _below(state, n - i)
        items[i], items[j] = items[j], items[i]
        chosen[i] = items[i]
    return chosen


@numba.njit(cache=True)
def _average_ranks(keys: np.ndarray, ranks: np.ndarray, work: np.ndarray) -> None:
    """Average ranks of non-negative integer keys by radix sort; ``work`` is (2, n) int64 scratch."""
    n = len(keys)
    order, other = work[0], work[1]
    largest = 0
    for i in range(n):
        order[i] = i
        largest = max(largest, keys[i])
    counts = np.empty(257, np.int64)
    shift = 0
    while (largest >> shift) > 0 or shift == 0:
        counts[:] = 0
        for i in range(n):
            counts[((keys[i] >> shift) & 255) + 1] += 1
        for b in range(256):
            counts[b + 1] += counts[b]
        for i in range(n):
            digit = (keys[order[i]] >> shift) & 255
            other[counts[digit]] = order[i]
            counts[digit] += 1
        order, other = other, order
        shift += 8
    first = 0
    while first < n:
        last = first
        while last + 1 < n and keys[order[last + 1]] == keys[order[first]]:
            last += 1
        for i in range(first, last + 1):
            ranks[order[i]] = 0.5 * (first + last) + 1.0
        first = last + 1


@numba.njit(cache=True)
def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    n = len(x)
    mean_x, mean_y = x.mean(), y.mean()
    xx = yy = xy = 0.0
    for i in range(n):
        a, b = x[i] - mean_x, y[i] - mean_y
        xx += a * a
        yy += b * b
        xy += a * b
    if xx <= 0.0 or yy <= 0.0:
        return np.nan
    return xy / np.sqrt(xx * yy)


@numba.njit(cache=True, parallel=True)
def _correlations(
    values: np.ndarray, keys: np.ndarray, seed: np.uint64, first_draw: int, n_draws: int, size: int, replace: bool
) -> np.ndarray:
    """(n_draws, models, 2) Pearson r and Spearman rho; row 0 of ``values`` and ``keys`` is the measurement."""
    n_rows, n = values.shape
    result = np.empty((n_draws, n_rows - 1, 2))
    for d in numba.prange(n_draws):
        state = np.empty(1, np.uint64)
        state[0] = seed ^ (np.uint64(first_draw + d) * np.uint64(0xD1342543DE82EF95))
        _next_random(state)
        chosen = _draw(state, n, size, replace)
        work = np.empty((2, size), np.int64)
        some_keys = np.empty(size, np.int64)
        x, y, rank_x, rank_y = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
        for i in range(size):
            x[i] = values[0, chosen[i]]
            some_keys[i] = keys[0, chosen[i]]
        _average_ranks(some_keys, rank_x, work)
        for m in range(1, n_rows):
            for i in range(size):
                y[i] = values[m, chosen[i]]
                some_keys[i] = keys[m, chosen[i]]
            _average_ranks(some_keys, rank_y, work)
            rank_correlation = _correlation(rank_x, rank_y)
            # Ranks are exact, so they tell a constant draw apart where the rounding of a mean would hide it.
            result[d, m - 1, 0] = np.nan if np.isnan(rank_correlation) else _correlation(x, y)
            result[d, m - 1, 1] = rank_correlation
    return result


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
    columns = np.ascontiguousarray(np.column_stack([measured, predicted]).T, dtype=np.float64)
    columns = columns - columns.mean(axis=1, keepdims=True)
    keys = np.ascontiguousarray(rankdata(columns, method="dense", axis=1).astype(np.int64) - 1)
    return _correlations(columns, keys, np.uint64(seed), first_draw, draws, size, replace)


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

    Returns
    -------
    totals : float64 array, (draws, models, 2)
        Pearson Score and Spearman Score.
    correlations : float64 array, (subsets, draws, models, 2)
        Pearson r and Spearman rho.
    """
    numba.set_num_threads(max(1, min(threads, numba.config.NUMBA_NUM_THREADS)))
    weights = np.array([s.subset.weight for s in scored])
    correlations = np.empty((len(scored), draws, scored[0].predicted.shape[1], 2))
    progress = Progress(label, draws, "draws")
    for first in range(0, draws, DRAWS_PER_BLOCK):
        block = slice(first, min(first + DRAWS_PER_BLOCK, draws))
        for i, s in enumerate(scored):
            correlations[i, block] = bootstrap_correlations(
                s.measured,
                s.predicted,
                draws=block.stop - block.start,
                size=draw_size(len(s.measured), share),
                replace=replace,
                seed=seeds[i],
                first_draw=first,
            )
        progress.advance(block.stop - block.start)
    used = correlations.copy()
    used[..., 0] **= 2
    return total_score(used, weights), correlations

"""Pearson and Spearman correlations, once and in very many draws of the same items.

Purpose: exact correlations in every draw without sorting in every draw. The items are sorted once; inside a draw the
average ranks follow from counting how often each value was drawn. Inputs: a measurement and predictions of several
models. Outputs: r and rho. A correlation with a constant is undefined and counts as 0.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit, uint64
from scipy.stats import rankdata

#: Draws that one thread does before it reports.
CHUNK = 250
STEP, MIX1, MIX2 = uint64(0x9E3779B97F4A7C15), uint64(0xBF58476D1CE4E5B9), uint64(0x94D049BB133111EB)


def _normalised(values: np.ndarray) -> np.ndarray:
    """Centre each row and scale it to length 1; rows without spread become 0."""
    centred = values - values.mean(axis=1, keepdims=True)
    centred[np.ptp(values, axis=1) == 0] = 0
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)


def correlations(measured: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Correlate predictions with a measurement.

    Parameters
    ----------
    measured : float array, (n,)
    predicted : float array, (models, n)

    Returns
    -------
    float64 array, (models, 2)
        Pearson's r and Spearman's rho (ties get average ranks); 0 where a side is constant.
    """
    both = np.vstack([measured, predicted]).astype(float)
    pearson, ranks = _normalised(both), _normalised(rankdata(both, axis=1))
    return np.stack([pearson[1:] @ pearson[0], ranks[1:] @ ranks[0]], axis=1)


@njit(cache=True, nogil=True)
def _random(state):
    """SplitMix64 (Steele, Lea and Flood 2014): next state and 64 random bits."""
    state += STEP
    z = state
    z = (z ^ (z >> uint64(30))) * MIX1
    z = (z ^ (z >> uint64(27))) * MIX2
    return state, z ^ (z >> uint64(31))


@njit(cache=True, nogil=True)
def _draw_items(seed, n, replacement, tick, seen, items):
    """Draw items uniformly; without replacement by Floyd's algorithm. ``seen`` marks drawn items with ``tick``."""
    size = len(items)
    state = seed
    for k in range(size):
        top = n if replacement else n - size + k + 1
        state, bits = _random(state)
        item = np.int64(bits % uint64(top))
        if not replacement:
            if seen[item] == tick:
                item = top - 1
            seen[item] = tick
        items[k] = item


@njit(cache=True, nogil=True)
def _centred_ranks(value, n_values, items, count, rank, out):
    """Twice the average ranks inside the draw minus their mean: whole numbers, so sums of products are exact."""
    for k in range(len(items)):
        count[value[items[k]]] += 1
    below = 0
    for v in range(n_values):
        rank[v] = 2 * below + count[v] - len(items)
        below += count[v]
        count[v] = 0
    for k in range(len(items)):
        out[k] = rank[value[items[k]]]


@njit(cache=True, nogil=True)
def _correlate_draws(level, value, n_values, seeds, size, replacement, out):
    """Fill ``out`` (draws, models, 2) from items as numbers (``level``) and as places in the order (``value``)."""
    n_rows, n = level.shape
    items, seen = np.empty(size, np.int64), np.zeros(n, np.int64)
    count, rank = np.zeros(n_values.max(), np.int64), np.empty(n_values.max(), np.int64)
    rank_x, rank_y = np.empty(size, np.int64), np.empty(size, np.int64)
    x = np.empty(size)
    for draw in range(len(seeds)):
        _draw_items(seeds[draw], n, replacement, draw + 1, seen, items)
        _centred_ranks(value[0], n_values[0], items, count, rank, rank_x)
        mean = 0.0
        for k in range(size):
            x[k] = level[0, items[k]]
            mean += x[k]
        mean /= size
        xx, rank_xx = 0.0, 0
        for k in range(size):
            x[k] -= mean
            xx += x[k] * x[k]
            rank_xx += rank_x[k] * rank_x[k]
        for row in range(1, n_rows):
            _centred_ranks(value[row], n_values[row], items, count, rank, rank_y)
            mean = 0.0
            for k in range(size):
                mean += level[row, items[k]]
            mean /= size
            yy, xy, rank_yy, rank_xy = 0.0, 0.0, 0, 0
            for k in range(size):
                y = level[row, items[k]] - mean
                yy += y * y
                xy += x[k] * y
                rank_yy += rank_y[k] * rank_y[k]
                rank_xy += rank_x[k] * rank_y[k]
            # Ranks tell exactly whether a side is constant; rounding of the means would hide it.
            if rank_xx == 0 or rank_yy == 0:
                out[draw, row - 1, 0], out[draw, row - 1, 1] = 0.0, 0.0
            else:
                out[draw, row - 1, 0] = min(1.0, max(-1.0, xy / np.sqrt(xx * yy)))
                out[draw, row - 1, 1] = rank_xy / np.sqrt(float(rank_xx) * float(rank_yy))


def drawn_items(n: int, size: int, seeds: np.ndarray, replacement: bool) -> np.ndarray:
    """Items of each draw, int64, shape (draws, size); the ones that :func:`correlations_in_draws` takes."""
    items, seen = np.empty((len(seeds), size), np.int64), np.zeros(n, np.int64)
    for draw, seed in enumerate(seeds):
        _draw_items(seed, n, replacement, draw + 1, seen, items[draw])
    return items


def correlations_in_draws(
    measured: np.ndarray,
    predicted: np.ndarray,
    size: int,
    seeds: np.ndarray,
    replacement: bool = False,
    threads: int = 1,
    report: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Correlate predictions with a measurement in many random draws of the items.

    Parameters
    ----------
    measured : float array, (n,)
    predicted : float array, (models, n)
    size : int
        Items in a draw; at most n without replacement.
    seeds : uint64 array, (draws,)
        One seed per draw. A draw depends on nothing else, so draws may be done in any order and by any thread.
    replacement : bool
    threads : int
        Threads; without effect on the result.
    report : callable, optional
        Called with the number of draws whenever some are finished.

    Returns
    -------
    float64 array, (draws, models, 2)
        r and rho as :func:`correlations` gives them for the drawn items.
    """
    both = np.vstack([measured, predicted]).astype(float)
    value = (rankdata(both, method="dense", axis=1) - 1).astype(np.int64)
    level, n_values = _normalised(both), value.max(axis=1) + 1
    out = np.empty((len(seeds), len(predicted), 2))

    def work(start: int) -> int:
        part = slice(start, start + CHUNK)
        _correlate_draws(level, value, n_values, seeds[part], size, replacement, out[part])
        return len(seeds[part])

    with ThreadPoolExecutor(threads) as pool:
        for done in pool.map(work, range(0, len(seeds), CHUNK)):
            if report is not None:
                report(done)
    return out

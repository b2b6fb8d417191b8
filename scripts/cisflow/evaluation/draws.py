"""Compiled loops of the bootstrap: Pearson and Spearman correlations of all models in random draws of items.

Inputs: values and tie groups of every column. Outputs: correlations per draw and model.

Every draw has its own random stream, so the result does not depend on the number of threads. The items of a draw are
visited in increasing order. Ranks within a draw are counted, not sorted: every item has a slot (its place in the sorted
column), a draw marks its slots, and the number of marked slots below an item gives its rank, with ties exact. Doubled
ranks about their mean are integers, so that the sums behind rho are exact.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

#: Draws that one thread takes at a time, sharing its scratch memory.
DRAWS_PER_TASK = 8
#: Where the square of the mean exceeds the variance this often, the variance is summed again about the mean.
CANCELLATION = 100.0


@intrinsic
def _popcount(typing_context: Any, word: Any) -> Any:
    """Number of set bits of an unsigned 64-bit integer."""

    def code(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return numba.types.int64(numba.types.uint64), code


@numba.njit(cache=True)
def next_random(state: np.ndarray) -> np.uint64:
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
    value = next_random(state)
    while value >= limit:
        value = next_random(state)
    return np.int64(value % n64)


@numba.njit(cache=True)
def draw_times(seed: np.uint64, draw: int, size: int, replace: bool, pool: np.ndarray, times: np.ndarray) -> None:
    """How often each item is in a draw.

    Parameters
    ----------
    seed, draw
        Both and nothing else decide about the draw.
    size : int
        Items per draw.
    replace : bool
    pool : int32 array, (n,)
        Scratch.
    times : int32 array, (n,)
        Filled.
    """
    n = len(times)
    state = np.empty(1, np.uint64)
    state[0] = seed ^ (np.uint64(draw) * np.uint64(0xD1342543DE82EF95))
    next_random(state)
    times[:] = 0
    if replace:
        for _ in range(size):
            times[_below(state, n)] += 1
        return
    for i in range(n):
        pool[i] = i
    for i in range(size):  # the first steps of a Fisher-Yates shuffle
        j = i + _below(state, n - i)
        pool[i], pool[j] = pool[j], pool[i]
        times[pool[i]] = 1


@numba.njit(cache=True)
def _marked_below(place: int, words: np.ndarray, before: np.ndarray) -> int:
    """Number of marked slots below a place."""
    word = place >> 6
    mask = (np.uint64(1) << np.uint64(place & 63)) - np.uint64(1)
    return before[word] + _popcount(words[word] & mask)


@numba.njit(cache=True)
def _ranks_by_bits(
    items: np.ndarray, slot: np.ndarray, first: np.ndarray, words: np.ndarray, before: np.ndarray, ranks: np.ndarray
) -> None:
    """Doubled ranks about their mean, of items drawn once each; ``first`` is empty for a column without ties."""
    words[:] = 0
    for k in range(len(items)):
        s = slot[items[k]]
        words[s >> 6] |= np.uint64(1) << np.uint64(s & 63)
    total = 0
    for w in range(len(words)):
        before[w] = total
        total += _popcount(words[w])
    size = len(items)
    if first.shape[0] == 0:
        for k in range(size):
            ranks[k] = 2 * _marked_below(slot[items[k]], words, before) + 1 - size
        return
    for k in range(size):
        low = _marked_below(first[items[k], 0], words, before)
        ranks[k] = low + _marked_below(first[items[k], 1], words, before) - size


@numba.njit(cache=True)
def _ranks_by_counts(
    items: np.ndarray, times: np.ndarray, slot: np.ndarray, first: np.ndarray, below: np.ndarray, size: int,
    ranks: np.ndarray,
) -> None:  # fmt: skip
    """As :func:`_ranks_by_bits`, of items drawn more than once; ``below`` is (n + 1,) int32 scratch."""
    below[:] = 0
    for k in range(len(items)):
        below[slot[items[k]] + 1] = times[items[k]]
    for s in range(1, len(below)):
        below[s] += below[s - 1]
    for k in range(len(items)):
        i = items[k]
        if first.shape[0] == 0:
            ranks[k] = below[slot[i]] + below[slot[i] + 1] - size
        else:
            ranks[k] = below[first[i, 0]] + below[first[i, 1]] - size


@numba.njit(cache=True, fastmath={"reassoc"})
def _rank_sums(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Weighted sums of y squared and of x times y; whole numbers below 2**53, so that their order does not matter."""
    yy = xy = 0.0
    for k in range(len(weights)):
        weighted = weights[k] * y[k]
        yy += weighted * y[k]
        xy += weighted * x[k]
    return yy, xy


@numba.njit(cache=True)
def _pearson_about_means(items: np.ndarray, times: np.ndarray, values: np.ndarray, m: int, size: int) -> float:
    """Pearson r of columns 0 and m in two passes."""
    mean_x = mean_y = 0.0
    for i in items:
        mean_x += times[i] * values[i, 0]
        mean_y += times[i] * values[i, m]
    mean_x, mean_y = mean_x / size, mean_y / size
    xx = yy = xy = 0.0
    for i in items:
        a, b = values[i, 0] - mean_x, values[i, m] - mean_y
        xx += times[i] * a * a
        yy += times[i] * b * b
        xy += times[i] * a * b
    return xy / np.sqrt(xx * yy) if xx > 0.0 and yy > 0.0 else np.nan


@numba.njit(cache=True)
def _pearson(items: np.ndarray, times: np.ndarray, values: np.ndarray, sums: np.ndarray, size: int) -> None:
    """Sums, squares and products with column 0 of all columns; ``sums`` is (3, columns)."""
    sums[:] = 0.0
    columns = values.shape[1]
    for i in items:
        t, x = np.float64(times[i]), values[i, 0]
        for m in range(columns):
            v = t * values[i, m]
            sums[0, m] += v
            sums[1, m] += v * values[i, m]
            sums[2, m] += v * x


@numba.njit(cache=True, parallel=True)
def correlations(
    values: np.ndarray, slots: np.ndarray, groups: np.ndarray, tied: np.ndarray, seed: np.uint64, first_draw: int,
    n_draws: int, size: int, replace: bool,
) -> np.ndarray:  # fmt: skip
    """Correlations of column 0 with all others in draws.

    Parameters
    ----------
    values : float64 array, (n, columns)
        Column 0 is the measurement; each about its mean.
    slots : int32 array, (columns, n)
        Place of each item in its sorted column, all different.
    groups : int32 array, (tied columns, n, 2)
        First slot, and one past the last, of the items equal to each item.
    tied : int64 array, (columns,)
        Row of ``groups``, or -1 for a column without ties.
    seed, first_draw, n_draws, size, replace
        See :func:`draw_times`.

    Returns
    -------
    float64 array, (n_draws, columns - 1, 2)
        Pearson r and Spearman rho; NaN where a side is constant.
    """
    n, columns = values.shape
    result = np.empty((n_draws, columns - 1, 2))
    for task in numba.prange((n_draws + DRAWS_PER_TASK - 1) // DRAWS_PER_TASK):
        pool, times, below = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n + 1, np.int32)
        words, before = np.empty((n >> 6) + 1, np.uint64), np.empty((n >> 6) + 1, np.int64)
        all_items, sums = np.empty(n, np.int32), np.empty((3, columns))
        ranks_x, ranks_y, weights = np.empty(n), np.empty(n), np.empty(n)
        no_groups = np.empty((0, 2), np.int32)
        for d in range(task * DRAWS_PER_TASK, min((task + 1) * DRAWS_PER_TASK, n_draws)):
            draw_times(seed, first_draw + d, size, replace, pool, times)
            found = 0
            for i in range(n):
                all_items[found] = i
                found += times[i] > 0
            items = all_items[:found]
            for k in range(found):
                weights[k] = times[items[k]]
            _pearson(items, times, values, sums, size)
            xx = 0.0
            for m in range(columns):
                ranks = ranks_x if m == 0 else ranks_y
                group = no_groups if tied[m] < 0 else groups[tied[m]]
                if replace:
                    _ranks_by_counts(items, times, slots[m], group, below, size, ranks)
                else:
                    _ranks_by_bits(items, slots[m], group, words, before, ranks)
                if m == 0:
                    xx, _ = _rank_sums(weights[:found], ranks_x, ranks_x)
                    continue
                yy, xy = _rank_sums(weights[:found], ranks_x, ranks_y)
                # Ranks are exact, so they tell a constant draw apart where the rounding of a mean would hide it.
                if xx <= 0.0 or yy <= 0.0:
                    result[d, m - 1, 0] = result[d, m - 1, 1] = np.nan
                    continue
                result[d, m - 1, 1] = xy / np.sqrt(xx * yy)
                offset_x, offset_y = sums[0, 0] ** 2 / size, sums[0, m] ** 2 / size
                var_x, var_y = sums[1, 0] - offset_x, sums[1, m] - offset_y
                if offset_x > CANCELLATION * var_x or offset_y > CANCELLATION * var_y:
                    result[d, m - 1, 0] = _pearson_about_means(items, times, values, m, size)
                else:
                    product = sums[2, m] - sums[0, 0] * sums[0, m] / size
                    result[d, m - 1, 0] = product / np.sqrt(var_x * var_y)
    return result

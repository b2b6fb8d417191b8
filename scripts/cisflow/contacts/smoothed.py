"""A coarse-grained window on the diagonal, straight from stored pixels: no dense map of it is ever made.

Purpose: adaptive coarse-graining (:mod:`cisflow.contacts.coarsegrain`) and down-sampling of a symmetric window, with
the same values to the last bit, in a fraction of its time and of its memory.
Inputs: rows of the upper triangle and balancing weights. Outputs: block means of the window or of any part of it.
Source: as :mod:`cisflow.contacts.coarsegrain`; Zhou 2022, Nature Genetics 54:725-734.

A symmetric map has one triangle of pixels, but its pyramid has two: sums of 2 x 2 blocks are added rows first, so that
block (i, j) and block (j, i) can differ in the last bit. ``upper[i, j]`` stands for block (i, j) and ``lower[i, j]``
for block (j, i), both for i <= j: everything is read and written along rows.

The compiled functions get a window as the tuple (offsets, columns, counts, first, weights, inside), with weights of 0
for masked bins, and the finest level as (upper, lower, few), with means in place of sums where reads are few.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cisflow.contacts.coarsegrain import halve_sums, n_halvings

STRIP = 16  # rows that are mirrored together
MANY = float(1 << 20)  # counts from here on are as good as this one: 4 times it is exact in float32


@njit(cache=True)
def _fill_row(window, row, end, dense):  # type: ignore[no-untyped-def]
    """Counts of a row of the window, from its diagonal to bin ``end``; 0 for masked bins."""
    offsets, columns, counts, first, weights, _ = window
    dense[row:end] = 0.0
    if weights[row] != 0.0:
        for k in range(offsets[row], offsets[row + 1]):
            j = columns[k] - first
            if j >= end:
                break  # columns rise within a row
            if weights[j] != 0.0:
                dense[j] = counts[k]


@njit(cache=True)
def _halve_pixels(window, cutoff, upper, lower, reads, few):  # type: ignore[no-untyped-def]
    """Level 1 of the pyramid."""
    weights = window[4]
    n = len(weights)
    top, bottom, padded = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    padded[:n] = weights
    for i in range(len(upper)):
        a = 2 * i
        _fill_row(window, a, n, top)
        second = 0.0
        if a + 1 < n:
            _fill_row(window, a + 1, n, bottom)
            bottom[a] = top[a + 1]
            second = weights[a + 1]
        else:
            bottom[a:] = 0.0
        for j in range(i, len(upper)):
            b = 2 * j
            k00, k01, k10, k11 = top[b], top[b + 1], bottom[b], bottom[b + 1]
            x00, x01 = k00 * (weights[a] * padded[b]), k01 * (weights[a] * padded[b + 1])
            x10, x11 = k10 * (second * padded[b]), k11 * (second * padded[b + 1])
            upper[i, j] = (x00 + x10) + (x01 + x11)
            lower[i, j] = (x00 + x01) + (x10 + x11)
            reads[i, j] = min((k00 + k10) + (k01 + k11), MANY)
            few[i, j] = (k00 < cutoff) | (k01 < cutoff) | (k10 < cutoff) | (k11 < cutoff)
        lower[i, i] = upper[i, i]


@njit(cache=True)
def _halve(upper, lower, reads, cutoff, half_upper, half_lower, half_reads, few):  # type: ignore[no-untyped-def]
    n = len(upper)
    for i in range(len(half_upper)):
        a = 2 * i
        for j in range(i + 1, n // 2):
            b = 2 * j
            half_upper[i, j] = (upper[a, b] + upper[a + 1, b]) + (upper[a, b + 1] + upper[a + 1, b + 1])
            half_lower[i, j] = (lower[a, b] + lower[a, b + 1]) + (lower[a + 1, b] + lower[a + 1, b + 1])
            k00, k01, k10, k11 = reads[a, b], reads[a, b + 1], reads[a + 1, b], reads[a + 1, b + 1]
            half_reads[i, j] = min((k00 + k01) + (k10 + k11), np.float32(MANY))
            few[i, j] = (k00 < cutoff) | (k01 < cutoff) | (k10 < cutoff) | (k11 < cutoff)
        if a + 1 < n:  # the block on the diagonal
            total = (upper[a, a] + lower[a, a + 1]) + (upper[a, a + 1] + upper[a + 1, a + 1])
            half_upper[i, i], half_lower[i, i] = total, total
            k00, k01, k11 = reads[a, a], reads[a, a + 1], reads[a + 1, a + 1]
            half_reads[i, i] = min((k00 + k01) + (k01 + k11), np.float32(MANY))
            few[i, i] = (k00 < cutoff) | (k01 < cutoff) | (k11 < cutoff)
        if n % 2:  # the last block reaches over the end
            j, b = n // 2, n - 1
            if i < j:
                half_upper[i, j] = upper[a, b] + upper[a + 1, b]
                half_lower[i, j] = lower[a, b] + lower[a + 1, b]
                half_reads[i, j] = min(reads[a, b] + reads[a + 1, b], np.float32(MANY))
            else:
                half_upper[j, j], half_lower[j, j], half_reads[j, j] = upper[b, b], upper[b, b], reads[b, b]
            few[i, j] = cutoff > 0


@njit(cache=True)
def _refine(upper, lower, few, n_valid, coarse_upper, coarse_lower, n_coarse):  # type: ignore[no-untyped-def]
    """Replace, in place, the sums of blocks with few reads by the coarser mean times the measured pixels."""
    n = len(upper)
    for i in range(len(coarse_upper)):
        for j in range(i, len(coarse_upper)):
            valid = n_coarse[i] * n_coarse[j]
            if few[i, j] and valid > 0:
                mean, mirrored = coarse_upper[i, j] / valid, coarse_lower[i, j] / valid
                for a in range(2 * i, min(2 * i + 2, n)):
                    for b in range(max(a, 2 * j), min(2 * j + 2, n)):
                        upper[a, b] = mean * (n_valid[a] * n_valid[b])
                        lower[a, b] = mirrored * (n_valid[a] * n_valid[b])


@njit(cache=True)
def _means(upper, lower, few, n_valid):  # type: ignore[no-untyped-def]
    """Turn sums into means, in place, in blocks with few reads."""
    for i in range(len(upper)):
        for j in range(i, len(upper)):
            if few[i, j]:
                valid = n_valid[i] * n_valid[j]
                upper[i, j] = upper[i, j] / valid if valid > 0 else 0.0
                lower[i, j] = lower[i, j] / valid if valid > 0 else 0.0


@njit(cache=True)
def _smoothed_row(window, finest, row, end, dense, right, down):  # type: ignore[no-untyped-def]
    """Row ``row`` of the smoothed map, to the right of the diagonal, and its column below; 0 for masked bins."""
    _fill_row(window, row, end, dense)
    (_, _, _, _, weights, inside), (upper, lower, few) = window, finest
    i, weight, measured = row >> 1, weights[row], inside[row]
    begin = row + row % 2
    if begin > row:  # the second half of the block on the diagonal
        value = dense[row] * (weight * weight)
        right[row] = (upper[i, i] if few[i, i] else value) * measured
        down[row] = right[row]
    for j in range(begin >> 1, end >> 1):
        b = 2 * j
        scarce, mean, mirrored = few[i, j], upper[i, j], lower[i, j]
        left, other = measured * inside[b], measured * inside[b + 1]
        value, following = dense[b] * (weight * weights[b]), dense[b + 1] * (weight * weights[b + 1])
        right[b] = (mean if scarce else value) * left
        right[b + 1] = (mean if scarce else following) * other
        down[b] = (mirrored if scarce else value) * left
        down[b + 1] = (mirrored if scarce else following) * other
    if end % 2 and end - 1 >= begin:
        b, j = end - 1, end >> 1
        value = dense[b] * (weight * weights[b])
        right[b] = (upper[i, j] if few[i, j] else value) * (measured * inside[b])
        down[b] = (lower[i, j] if few[i, j] else value) * (measured * inside[b])


@njit(cache=True)
def _pixels(window, finest, start, result):  # type: ignore[no-untyped-def]
    """The smoothed pixels of the part of the window that begins at bin ``start``, as many as the result has."""
    inside = window[5]
    n, end = len(inside), start + len(result)
    row, right, down = np.empty(n), np.empty((STRIP, n)), np.empty((STRIP, n))
    for low in range(start, end, STRIP):
        high = min(low + STRIP, end)
        for a in range(low, high):
            _smoothed_row(window, finest, a, end, row, right[a - low], down[a - low])
            for b in range(a, end):
                result[a - start, b - start] = right[a - low, b] if inside[a] * inside[b] > 0.0 else np.nan
        for b in range(low, end):
            for a in range(low, min(high, b)):
                result[b - start, a - start] = down[a - low, b] if inside[a] * inside[b] > 0.0 else np.nan


@njit(cache=True, error_model="numpy")
def _block_means(window, finest, start, factor, result):  # type: ignore[no-untyped-def]
    """Means over the columns, then over the rows of blocks, for the part of the window that begins at bin ``start``."""
    inside = window[5]
    bins, n = len(result), len(inside)
    end = start + bins * factor
    row, right, down, below = np.empty(n), np.zeros((factor, n)), np.zeros((factor, n)), np.empty(n)
    totals, n_valid = np.empty(bins), np.zeros(bins)
    for k in range(bins * factor):
        n_valid[k // factor] += inside[start + k]
    for i in range(bins):
        low = start + i * factor
        for y in range(factor):
            _smoothed_row(window, finest, low + y, end, row, right[y], down[y])
        for y in range(factor):  # the block on the diagonal is a whole square
            for x in range(y):
                right[y, low + x] = down[x, low + y]
        # Missing entries are 0 and change no sum; the order of the additions is that of a full map.
        below[low:end] = 0.0
        for y in range(factor):
            for b in range(low, end):
                below[b] += down[y, b]
        totals[i:] = 0.0
        for y in range(factor):
            for j in range(i, bins):
                b, row_total = start + j * factor, 0.0
                for x in range(factor):
                    row_total += right[y, b + x]
                totals[j] += row_total / n_valid[j]
        for j in range(i, bins):
            mirrored = 0.0
            for b in range(start + j * factor, start + (j + 1) * factor):
                mirrored += below[b] / n_valid[i]
            result[j, i] = mirrored / n_valid[j]  # 0 / 0 where a whole block is missing
            result[i, j] = totals[j] / n_valid[i]


class SmoothedWindow:
    """A window on the diagonal of a balanced map, adaptively coarse-grained.

    Parameters
    ----------
    offsets : int64 array, (n + 1,)
        Where the pixels of each row of the window begin in ``columns`` and ``counts``.
    columns : int array
        Bins of the map, rising within a row, from the diagonal on; may hold pixels beyond the window.
    counts : array
        Raw counts, not negative.
    first : int
        First bin of the window, in the numbering of ``columns``.
    weights : float64 array, (n,)
        Multiplicative balancing weights, NaN for masked bins.
    cutoff : float
        See :func:`~cisflow.contacts.coarsegrain.adaptive_coarsegrain`; below 2^20.
    max_levels : int
        Most halvings.

    Notes
    -----
    Memory: upper triangles of two float64 arrays at half the resolution of the map, that is 2 bytes per pixel of the
    window, and half as much again while it is made.
    """

    def __init__(
        self,
        offsets: np.ndarray,
        columns: np.ndarray,
        counts: np.ndarray,
        first: int,
        weights: np.ndarray,
        cutoff: float = 5,
        max_levels: int = 12,
    ):
        if not cutoff < MANY:
            raise ValueError(f"cutoff is {cutoff}; expected less than {MANY:g}")
        self.inside = np.isfinite(weights).astype(np.float64)
        balancing = np.where(np.isfinite(weights), weights, 0.0)
        self._window = offsets, columns, counts, first, balancing, self.inside
        n_valid, levels, reads = [], [], None
        size, measured = len(weights), self.inside
        for _ in range(n_halvings(size, max_levels)):
            size, measured = -(-size // 2), halve_sums(measured)
            upper, lower, half_reads, few = (np.empty((size, size), dtype) for dtype in ("f8", "f8", "f4", "?"))
            if levels:
                _halve(*levels[-1][:2], reads, np.float32(cutoff), upper, lower, half_reads, few)
            else:
                _halve_pixels(self._window, float(cutoff), upper, lower, half_reads, few)
            levels.append((upper, lower, few))
            n_valid.append(measured)
            reads = half_reads
        for k in range(len(levels) - 2, -1, -1):
            upper, lower, few = levels.pop()
            _refine(*levels[k][:2], few, n_valid[k], upper, lower, n_valid[k + 1])
        self._finest = levels[0]
        _means(*self._finest, n_valid[0])

    def dense(self) -> np.ndarray:
        """The smoothed window; float64 (n, n), NaN for masked bins."""
        return self.mean(0, len(self.inside), 1)

    def mean(self, first: int, n: int, factor: int) -> np.ndarray:
        """Block means of a part of the window, over the columns, then over the rows of a block.

        Parameters
        ----------
        first, n : int
            First bin of the part (0-based within the window) and number of bins, a multiple of ``factor``.
        factor : int
            Side of a block.

        Returns
        -------
        float64 array, (n / factor, n / factor)
            NaN where a whole block is missing; what
            :func:`~cisflow.contacts.targets.nested_block_mean` of that part of :meth:`dense` is.

        Raises
        ------
        ValueError
            When the part does not lie inside the window, or cannot be cut into blocks.
        """
        self._check(first, n, factor)
        result = np.empty((n // factor, n // factor))
        if factor == 1:
            _pixels(self._window, self._finest, first, result)
        else:
            _block_means(self._window, self._finest, first, factor, result)
        return result

    def missing(self, first: int, n: int, factor: int) -> np.ndarray:
        """Share of missing pixels behind the entries of :meth:`mean`; float64 (n / factor, n / factor)."""
        self._check(first, n, factor)
        measured = self.inside[first : first + n].reshape(-1, factor).mean(axis=1)
        return 1 - np.outer(measured, measured)

    def _check(self, first: int, n: int, factor: int) -> None:
        if factor < 1 or n < 1 or n % factor:
            raise ValueError(f"{n} bins cannot be cut into blocks of {factor}")
        if first < 0 or first + n > len(self.inside):
            raise ValueError(f"bins {first} to {first + n} do not lie inside a window of {len(self.inside)} bins")

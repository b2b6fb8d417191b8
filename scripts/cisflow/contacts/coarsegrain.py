"""Adaptive coarse-graining: smooth a contact map only where too few contacts were counted.

Purpose: the smoothing that training targets of Orca and Akita are made with, with the values of
``cooltools.lib.numutils.adaptive_coarsegrain`` (cooltools 0.7.1) to the last bit, in a fraction of its time and memory.
Inputs: a balanced map and the raw counts of the same window. Outputs: the smoothed map.
Source: Goloborodko and others, cooltools (Open2C 2024, PLoS Comput Biol 20:e1012067); parameters of Zhou 2022, Nature
Genetics 54:725-734.

The number of measured pixels behind a block is a product of two vectors, because whole bins are masked: one vector per
level takes the place of a third pyramid. Padding to a power of two is zeros, which no array here holds. Maps with other
missing pixels go through :mod:`cisflow.contacts.coarsegrain_scattered`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cisflow.contacts.coarsegrain_scattered import coarsegrain_scattered

MIN_SHAPE = 8  # no halving of maps of this size or smaller


def n_halvings(side: int, max_levels: int) -> int:
    """How often a map of this side is halved, as if it were padded to a power of two (9 bins at least)."""
    return min(max_levels, (max(side, MIN_SHAPE + 1) - 1).bit_length() - MIN_SHAPE.bit_length() + 1)


def halve_sums(numbers: np.ndarray) -> np.ndarray:
    """Sums of neighbouring pairs, the last one alone where the length is odd."""
    return np.add.reduceat(numbers, np.arange(0, len(numbers), 2))


@njit(cache=True, error_model="numpy")
def _halve_base(balanced, counts, rows, columns, cutoff, values, reads, few):  # type: ignore[no-untyped-def]
    """Level 1 of the pyramid; returns the pixels against the mask, and the blocks whose counts are not finite.

    ``rows`` and ``columns`` are 1 for measured bins, else 0. Both halves of every pair of columns are arrays of their
    own: in this form the compiler works on several blocks at once.
    """
    n, m = balanced.shape
    wrong, broken, pairs = 0, 0, m // 2
    lefts, rights = columns[0 : 2 * pairs : 2], columns[1 : 2 * pairs : 2]
    for i in range(values.shape[0]):
        a = 2 * i
        first = rows[a]
        if a + 1 < n:
            second = rows[a + 1]
            xs00, xs01 = balanced[a, 0 : 2 * pairs : 2], balanced[a, 1 : 2 * pairs : 2]
            xs10, xs11 = balanced[a + 1, 0 : 2 * pairs : 2], balanced[a + 1, 1 : 2 * pairs : 2]
            ks00, ks01 = counts[a, 0 : 2 * pairs : 2], counts[a, 1 : 2 * pairs : 2]
            ks10, ks11 = counts[a + 1, 0 : 2 * pairs : 2], counts[a + 1, 1 : 2 * pairs : 2]
            to_values, to_reads, to_few = values[i], reads[i], few[i]
            for j in range(pairs):
                in00, in01, in10, in11 = first * lefts[j], first * rights[j], second * lefts[j], second * rights[j]
                x00, x01, x10, x11 = xs00[j], xs01[j], xs10[j], xs11[j]
                known00, known01 = 1.0 if x00 - x00 == 0.0 else 0.0, 1.0 if x01 - x01 == 0.0 else 0.0
                known10, known11 = 1.0 if x10 - x10 == 0.0 else 0.0, 1.0 if x11 - x11 == 0.0 else 0.0
                as_masked = (known00 == in00) & (known01 == in01) & (known10 == in10) & (known11 == in11)
                wrong += 0 if as_masked else 1
                x00, x01 = x00 if in00 > 0.0 else 0.0, x01 if in01 > 0.0 else 0.0
                x10, x11 = x10 if in10 > 0.0 else 0.0, x11 if in11 > 0.0 else 0.0
                k00, k01 = ks00[j] if in00 > 0.0 else 0.0, ks01[j] if in01 > 0.0 else 0.0
                k10, k11 = ks10[j] if in10 > 0.0 else 0.0, ks11[j] if in11 > 0.0 else 0.0
                # Rows first, then columns: the order of additions decides the last bit.
                to_values[j] = (x00 + x10) + (x01 + x11)
                total = (k00 + k10) + (k01 + k11)
                to_reads[j] = total
                broken += 0 if total - total == 0.0 else 1
                to_few[j] = (k00 < cutoff) | (k01 < cutoff) | (k10 < cutoff) | (k11 < cutoff)
        for j in range(pairs if a + 1 < n else 0, values.shape[1]):  # blocks that reach over the end
            x, k, fewest = 0.0, 0.0, 0.0
            for b in range(2 * j, min(2 * j + 2, m)):
                down, down_reads = 0.0, 0.0
                for c in range(a, min(a + 2, n)):
                    inside = rows[c] * columns[b] > 0.0
                    wrong += (balanced[c, b] - balanced[c, b] == 0.0) != inside
                    if inside:
                        down += balanced[c, b]
                        down_reads += counts[c, b]
                        fewest = min(fewest, counts[c, b])
                x += down
                k += down_reads
            values[i, j], reads[i, j], few[i, j] = x, k, fewest < cutoff
            broken += k - k != 0.0
    return wrong, broken


@njit(cache=True)
def _halve(values, reads, cutoff, half_values, half_reads, few):  # type: ignore[no-untyped-def]
    n, m = values.shape
    for i in range(half_values.shape[0]):
        a = 2 * i
        full = m // 2 if a + 1 < n else 0
        for j in range(full):
            b = 2 * j
            half_values[i, j] = (values[a, b] + values[a + 1, b]) + (values[a, b + 1] + values[a + 1, b + 1])
            k00, k01, k10, k11 = reads[a, b], reads[a, b + 1], reads[a + 1, b], reads[a + 1, b + 1]
            half_reads[i, j] = (k00 + k10) + (k01 + k11)
            few[i, j] = (k00 < cutoff) | (k01 < cutoff) | (k10 < cutoff) | (k11 < cutoff)
        for j in range(full, half_values.shape[1]):
            x, k, fewest = 0.0, 0.0, 0.0
            for b in range(2 * j, min(2 * j + 2, m)):
                down, down_reads = 0.0, 0.0
                for c in range(a, min(a + 2, n)):
                    down += values[c, b]
                    down_reads += reads[c, b]
                    fewest = min(fewest, reads[c, b])
                x += down
                k += down_reads
            half_values[i, j], half_reads[i, j], few[i, j] = x, k, fewest < cutoff


@njit(cache=True)
def _refine(values, few, coarse, rows, columns, coarse_rows, coarse_columns):  # type: ignore[no-untyped-def]
    """Replace, in place, the sums of blocks with few reads by the coarser mean times the measured pixels."""
    n, m = values.shape
    for i in range(coarse.shape[0]):
        for j in range(coarse.shape[1]):
            n_coarse = coarse_rows[i] * coarse_columns[j]
            if few[i, j] and n_coarse > 0:
                mean = coarse[i, j] / n_coarse
                for a in range(2 * i, min(2 * i + 2, n)):
                    for b in range(2 * j, min(2 * j + 2, m)):
                        values[a, b] = mean * (rows[a] * columns[b])


@njit(cache=True, error_model="numpy")
def _finish(balanced, sums, few, rows, columns, coarse_rows, coarse_columns, smoothed):  # type: ignore[no-untyped-def]
    """Write the finest level: the mean of the block where it has few reads, else the pixel; NaN outside the mask."""
    n, m = balanced.shape
    means = np.empty(sums.shape[1])
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            means[j] = sums[i, j] / (coarse_rows[i] * coarse_columns[j])
        for a in range(2 * i, min(2 * i + 2, n)):
            row = rows[a]
            for j in range(m // 2):
                b = 2 * j
                left = means[j] if few[i, j] else balanced[a, b]
                right = means[j] if few[i, j] else balanced[a, b + 1]
                smoothed[a, b] = left if row * columns[b] > 0.0 else np.nan
                smoothed[a, b + 1] = right if row * columns[b + 1] > 0.0 else np.nan
            if m % 2:
                last = means[m // 2] if few[i, m // 2] else balanced[a, m - 1]
                smoothed[a, m - 1] = last if row * columns[m - 1] > 0.0 else np.nan


def _mask(balanced: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns that are measured (1, else 0), if whole ones are missing and nothing else."""
    n, m = balanced.shape
    rows, columns = np.zeros(n), np.zeros(m)
    for row in balanced:
        columns = np.isfinite(row).astype(np.float64)
        if columns.any():
            rows = np.isfinite(balanced[:, columns.argmax()]).astype(np.float64)
            break
    return rows, columns


def _coarsegrain(
    balanced: np.ndarray, counts: np.ndarray, cutoff: float, n_levels: int
) -> tuple[np.ndarray | None, bool]:
    """Smoothed map, None where other pixels than those of whole bins are missing; and whether all counts are finite."""
    rows, columns = _mask(balanced)
    shape = tuple(-(-length // 2) for length in balanced.shape)
    values, reads, few = np.empty(shape), np.empty(shape), [np.empty(shape, dtype=bool)]
    wrong, broken = _halve_base(balanced, counts, rows, columns, cutoff, values, reads, few[0])
    if wrong:
        return None, True
    if broken:
        return None, False
    pyramid, n_rows, n_columns = [values], [halve_sums(rows)], [halve_sums(columns)]
    for _ in range(n_levels - 1):
        shape = tuple(-(-length // 2) for length in shape)
        half, half_reads = np.empty(shape), np.empty(shape)
        few.append(np.empty(shape, dtype=bool))
        _halve(pyramid[-1], reads, cutoff, half, half_reads, few[-1])
        pyramid.append(half)
        n_rows.append(halve_sums(n_rows[-1]))
        n_columns.append(halve_sums(n_columns[-1]))
        reads = half_reads
    for k in range(n_levels - 2, -1, -1):
        _refine(pyramid[k], few[k + 1], pyramid[k + 1], n_rows[k], n_columns[k], n_rows[k + 1], n_columns[k + 1])
    smoothed = np.empty(balanced.shape)
    _finish(balanced, pyramid[0], few[0], rows, columns, n_rows[0], n_columns[0], smoothed)
    return smoothed, True


def adaptive_coarsegrain(
    balanced: np.ndarray, counts: np.ndarray, cutoff: float = 5, max_levels: int = 12
) -> np.ndarray:
    """Smooth a balanced map where raw counts are few.

    From coarse to fine, every 2 x 2 block in which one pixel has fewer than ``cutoff`` counts takes the mean of the
    next coarser level, keeping which pixels are missing.

    Parameters
    ----------
    balanced : float array, (n, m)
        Balanced map of a window; NaN where a bin is masked.
    counts : array, (n, m)
        Raw counts of the same window.
    cutoff : float
        Fewest counts of a pixel that stand for themselves.
    max_levels : int
        Most halvings; 12 is enough for windows of 32,768 bins.

    Returns
    -------
    float64 array, (n, m)
        NaN exactly where ``balanced`` is not finite. The inputs are not changed.

    Raises
    ------
    ValueError
        When the shapes differ, a count of a measured pixel is not finite, or ``max_levels`` is below 1.

    Notes
    -----
    The result depends on the window, because blocks are laid from its first bin. Masked pixels count as pixels without
    contacts, so every block that touches a masked bin is smoothed. cooltools' comments describe another rule, but this
    is what it computes, and what published targets were made with. Maps that are not square, or have fewer than 9
    bins on both sides, are smoothed as if they were embedded in a square of missing values, as in Orca.
    """
    balanced, counts = np.asarray(balanced, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if balanced.ndim != 2 or balanced.shape != counts.shape or not balanced.size:
        raise ValueError(f"balanced {balanced.shape} and counts {counts.shape} must be matrices of one shape")
    if max_levels < 1:
        raise ValueError(f"max_levels is {max_levels}; expected 1 or more")
    n_levels = n_halvings(max(balanced.shape), max_levels)
    smoothed, finite = _coarsegrain(balanced, counts, float(cutoff), n_levels)
    if not finite or (smoothed is None and not np.isfinite(counts[np.isfinite(balanced)]).all()):
        raise ValueError("counts must be finite wherever the balanced map is")
    if smoothed is None:
        smoothed = coarsegrain_scattered(balanced, counts, float(cutoff), n_levels)
    return smoothed

"""Adaptive coarse-graining: smooth a contact map only where too few contacts were counted.

Purpose: the smoothing that training targets of Orca and Akita are made with, with the values of
``cooltools.lib.numutils.adaptive_coarsegrain`` (cooltools 0.7.1) to the last bit, and several times faster.
Inputs: a balanced map and the raw counts of the same window. Outputs: the smoothed map.
Source: Goloborodko and others, cooltools (Open2C 2024, PLoS Comput Biol 20:e1012067); parameters of Zhou 2022, Nature
Genetics 54:725-734.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MIN_SHAPE = 8  # no halving of maps of this size or smaller


@njit(cache=True)
def _halve(values: np.ndarray, counts: np.ndarray, n_valid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums over 2 x 2 blocks of values, counts and numbers of valid pixels."""
    size = values.shape[0] // 2
    half_values = np.empty((size, size))
    half_counts = np.empty((size, size))
    half_valid = np.empty((size, size), dtype=np.int32)
    for i in range(size):
        for j in range(size):
            a, b = 2 * i, 2 * j
            # Rows first, then columns: the order of additions decides the last bit.
            half_values[i, j] = (values[a, b] + values[a + 1, b]) + (values[a, b + 1] + values[a + 1, b + 1])
            half_counts[i, j] = (counts[a, b] + counts[a + 1, b]) + (counts[a, b + 1] + counts[a + 1, b + 1])
            half_valid[i, j] = n_valid[a, b] + n_valid[a + 1, b] + n_valid[a, b + 1] + n_valid[a + 1, b + 1]
    return half_values, half_counts, half_valid


@njit(cache=True)
def _refine(
    values: np.ndarray,
    counts: np.ndarray,
    n_valid: np.ndarray,
    coarse_values: np.ndarray,
    coarse_valid: np.ndarray,
    cutoff: float,
) -> None:
    """Replace, in place, the 2 x 2 blocks in which a pixel has fewer than ``cutoff`` counts by the coarser mean."""
    for i in range(coarse_values.shape[0]):
        for j in range(coarse_values.shape[1]):
            a, b = 2 * i, 2 * j
            fewest = min(min(counts[a, b], counts[a + 1, b]), min(counts[a, b + 1], counts[a + 1, b + 1]))
            if fewest < cutoff and coarse_valid[i, j] > 0:
                mean = coarse_values[i, j] / coarse_valid[i, j]
                for x in range(a, a + 2):
                    for y in range(b, b + 2):
                        values[x, y] = mean * n_valid[x, y]


def _coarsegrain_square(balanced: np.ndarray, counts: np.ndarray, cutoff: float, max_levels: int) -> np.ndarray:
    n = len(balanced)
    size = 1 << (n - 1).bit_length()
    valid = np.zeros((size, size), dtype=bool)
    valid[:n, :n] = np.isfinite(balanced)
    values, reads = np.zeros((size, size)), np.zeros((size, size))
    inside = valid[:n, :n]
    np.copyto(values[:n, :n], balanced, where=inside)
    np.copyto(reads[:n, :n], counts, where=inside)
    pyramid = [(values, reads, valid.astype(np.int32))]
    while len(pyramid) <= max_levels and len(pyramid[-1][0]) > MIN_SHAPE:
        pyramid.append(_halve(*pyramid[-1]))
    coarse_values, _, coarse_valid = pyramid.pop()
    while pyramid:
        fine_values, fine_counts, fine_valid = pyramid.pop()
        _refine(fine_values, fine_counts, fine_valid, coarse_values, coarse_valid, float(cutoff))
        coarse_values, coarse_valid = fine_values, fine_valid
    return np.where(inside, coarse_values[:n, :n], np.nan)


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
    bins on both sides, are embedded in a square of missing values, as in Orca.
    """
    balanced, counts = np.asarray(balanced, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if balanced.ndim != 2 or balanced.shape != counts.shape:
        raise ValueError(f"balanced {balanced.shape} and counts {counts.shape} must be matrices of one shape")
    if max_levels < 1:
        raise ValueError(f"max_levels is {max_levels}; expected 1 or more")
    if not np.isfinite(counts[np.isfinite(balanced)]).all():
        raise ValueError("counts must be finite wherever the balanced map is")
    n, m = balanced.shape
    side = max(n, m, MIN_SHAPE + 1)
    if (n, m) == (side, side):
        return _coarsegrain_square(balanced, counts, cutoff, max_levels)
    square, square_counts = np.full((side, side), np.nan), np.zeros((side, side))
    square[:n, :m], square_counts[:n, :m] = balanced, counts
    return _coarsegrain_square(square, square_counts, cutoff, max_levels)[:n, :m]

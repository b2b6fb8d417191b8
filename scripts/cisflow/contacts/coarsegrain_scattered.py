"""Adaptive coarse-graining of maps in which single pixels are missing, not only those of masked bins.

Purpose: the general form of :mod:`cisflow.contacts.coarsegrain`, with a pyramid of the numbers of measured pixels.
Inputs: a balanced map and the raw counts of the same window. Outputs: the smoothed map.
"""

from __future__ import annotations

import numpy as np
from numba import njit


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


def coarsegrain_scattered(balanced: np.ndarray, counts: np.ndarray, cutoff: float, n_levels: int) -> np.ndarray:
    """Smooth a map with any pixels missing, see :func:`cisflow.contacts.coarsegrain.adaptive_coarsegrain`.

    Parameters
    ----------
    balanced, counts : float64 array, (n, m)
    cutoff : float
    n_levels : int
        Halvings.

    Returns
    -------
    float64 array, (n, m)
    """
    n, m = balanced.shape
    side = max(n, m, 1 << n_levels)
    size = 1 << (side - 1).bit_length()
    inside = np.isfinite(balanced)
    valid, values, reads = np.zeros((size, size), dtype=np.int32), np.zeros((size, size)), np.zeros((size, size))
    valid[:n, :m] = inside
    np.copyto(values[:n, :m], balanced, where=inside)
    np.copyto(reads[:n, :m], counts, where=inside)
    pyramid = [(values, reads, valid)]
    for _ in range(n_levels):
        pyramid.append(_halve(*pyramid[-1]))
    coarse_values, _, coarse_valid = pyramid.pop()
    while pyramid:
        fine_values, fine_counts, fine_valid = pyramid.pop()
        _refine(fine_values, fine_counts, fine_valid, coarse_values, coarse_valid, cutoff)
        coarse_values, coarse_valid = fine_values, fine_valid
    return np.where(inside, coarse_values[:n, :m], np.nan)

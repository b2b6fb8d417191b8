"""Agreement of a predicted and an observed contact map.

Purpose: correlation and squared error per window, plain and after removing what distance alone explains.
Inputs: predicted and observed maps (windows, bins, bins), NaN where nothing was observed. Outputs: sums that add up
over windows, and scores made from them.
Source: evaluation of Orca (Zhou 2022, Nature Genetics 54:725-734), including the distance-adjusted correlation of its
comparison with Akita.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numba import njit

METRICS = ("pearson", "pearson_distance_subtracted", "mse")


def subtract_distance_mean(matrix: np.ndarray) -> np.ndarray:
    """Subtract from every entry the mean of the measured entries on its diagonal.

    Parameters
    ----------
    matrix : float array, (bins, bins)
        NaN where nothing was measured.

    Returns
    -------
    float64 array, (bins, bins)
        NaN where ``matrix`` is.
    """
    n = len(matrix)
    index = np.arange(n)
    diagonal = index - index[:, None] + n - 1
    measured = np.isfinite(matrix)
    values = matrix.astype(np.float64)
    total = np.bincount(diagonal[measured], weights=values[measured], minlength=2 * n - 1)
    count = np.bincount(diagonal[measured], minlength=2 * n - 1)
    mean = np.divide(total, count, out=np.zeros(2 * n - 1), where=count > 0)
    return values - mean[diagonal]


def sums(predicted: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Sums over the entries that are finite in both: number, x, y, x^2, y^2, x y; float64 (6,).

    Sums of several windows add up to those of the windows together.
    """
    both = np.isfinite(predicted) & np.isfinite(observed)
    x, y = predicted[both].astype(np.float64), observed[both].astype(np.float64)
    return np.array([len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y])


def pearson_from_sums(totals: np.ndarray) -> np.ndarray:
    """Pearson correlation from :func:`sums` (..., 6); NaN when one side is constant."""
    n, x, y, xx, yy, xy = np.moveaxis(np.asarray(totals, dtype=np.float64), -1, 0)
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    varied = (spread_x > 1e-12 * n * xx) & (spread_y > 1e-12 * n * yy)
    spread = np.sqrt(np.where(varied, spread_x * spread_y, 1.0))
    return np.where(varied, (n * xy - x * y) / spread, np.nan)


def squared_error_from_sums(totals: np.ndarray) -> np.ndarray:
    """Mean squared error from :func:`sums` (..., 6); NaN without entries."""
    n, _, _, xx, yy, xy = np.moveaxis(np.asarray(totals, dtype=np.float64), -1, 0)
    return np.divide(np.maximum(xx - 2 * xy + yy, 0.0), n, out=np.full(np.shape(n), np.nan), where=n > 0)


@njit(cache=True)
def _diagonal_means(matrix: np.ndarray, means: np.ndarray, counts: np.ndarray) -> None:
    """Mean of the measured entries of every diagonal, 0 where there are none; ``means`` and ``counts`` (2 n - 1,)."""
    n = matrix.shape[0]
    means[:], counts[:] = 0.0, 0
    for i in range(n):
        for j in range(n):
            if np.isfinite(matrix[i, j]):
                means[j - i + n - 1] += matrix[i, j]
                counts[j - i + n - 1] += 1
    for d in range(2 * n - 1):
        if counts[d]:
            means[d] /= counts[d]


@njit(cache=True)
def _window_sums(predicted: np.ndarray, observed: np.ndarray, found: np.ndarray) -> None:
    """Fill ``found`` (2, windows, 6) with the sums of every window, plain and distance-adjusted."""
    windows, n = predicted.shape[0], predicted.shape[1]
    mean_x, mean_y = np.empty(2 * n - 1), np.empty(2 * n - 1)
    counts = np.empty(2 * n - 1, np.int64)
    for w in range(windows):
        _diagonal_means(predicted[w], mean_x, counts)
        _diagonal_means(observed[w], mean_y, counts)
        for i in range(n):
            for j in range(n):
                x, y = np.float64(predicted[w, i, j]), np.float64(observed[w, i, j])
                if not (np.isfinite(x) and np.isfinite(y)):
                    continue
                for k in range(2):
                    found[k, w, 0] += 1
                    found[k, w, 1] += x
                    found[k, w, 2] += y
                    found[k, w, 3] += x * x
                    found[k, w, 4] += y * y
                    found[k, w, 5] += x * y
                    x -= mean_x[j - i + n - 1]
                    y -= mean_y[j - i + n - 1]


def window_sums(predicted: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of each window (see :func:`sums`), plain and distance-adjusted (see :func:`subtract_distance_mean`).

    Parameters
    ----------
    predicted, observed : float array, (windows, bins, bins)

    Returns
    -------
    plain, adjusted : float64 array, (windows, 6)
    """
    found = np.zeros((2, len(predicted), 6))
    _window_sums(np.ascontiguousarray(predicted), np.ascontiguousarray(observed), found)
    return found[0], found[1]


def score_windows(predicted: np.ndarray, observed: np.ndarray) -> pd.DataFrame:
    """Scores of each window: one row per window, columns ``n`` (entries) and :data:`METRICS`."""
    plain, adjusted = window_sums(predicted, observed)
    return pd.DataFrame(
        {
            "n": plain[:, 0].astype(int),
            "pearson": pearson_from_sums(plain),
            "pearson_distance_subtracted": pearson_from_sums(adjusted),
            "mse": squared_error_from_sums(plain),
        }
    )

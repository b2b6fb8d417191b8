"""Comparison on the scale of Akita: maps smoothed to bins of about 2 kb, and correlated after removing distance.

Inputs: predicted and observed maps of one level. Outputs: sums per window, from which the correlation follows.
Source: the comparison of Orca with Akita (Zhou 2022, Nature Genetics 54:725-734), whose 250 bins of 4 kb become 500 of
2 kb, smoothed and cut to the 448 that Akita (Fudenberg et al. 2020, Nature Methods 17:1111-1117) predicts.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from cisflow.contacts.agreement import window_sums

AKITA_BIN = 2048  # bp
SIGMA, TRUNCATE = 1.0, 2.0  # bins after upsampling: 5 x 5 entries
CLIP = 2.0
CROP = 26 / 500  # share of the bins after upsampling that is cut off on each side
FEWEST_BINS = 16  # after cropping
MOST_UPSAMPLING = 4
WINDOWS_AT_ONCE = 64


def akita_factor(bin_size: int, bins: int) -> int | None:
    """Bins per bin after upsampling; None where maps do not allow the comparison.

    Parameters
    ----------
    bin_size : int
        Base pairs.
    bins : int
        On a side of the map.

    Returns
    -------
    int or None
        The whole number that brings the bins closest to Akita's 2,048 bp; 2 for 4 kb. None where bins are coarser than
        9 kb (there is nothing left at that scale) or fewer than 16 bins would remain.
    """
    factor = max(1, round(bin_size / AKITA_BIN))
    kept = factor * bins - 2 * crop_of(factor * bins)
    return factor if factor <= MOST_UPSAMPLING and kept >= FEWEST_BINS else None


def crop_of(bins: int) -> int:
    """Bins cut off on each side: 26 of 500."""
    return round(CROP * bins)


def _along(values: np.ndarray, factor: int, axis: int) -> np.ndarray:
    """Linear interpolation between the centres of bins along an axis; constant beyond the outermost centres."""
    n = values.shape[axis]
    place = np.maximum((np.arange(n * factor) + 0.5) / factor - 0.5, 0.0)
    left = place.astype(np.int64)
    right = np.minimum(left + 1, n - 1)
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = (place - left).reshape(shape)
    return np.take(values, left, axis) * (1 - weight) + np.take(values, right, axis) * weight


def upsample(maps: np.ndarray, factor: int) -> np.ndarray:
    """Bilinear upsampling of maps, corners not aligned.

    Parameters
    ----------
    maps : float array, (..., bins, bins)
        An entry that needs a missing one is missing.
    factor : int

    Returns
    -------
    float64 array, (..., bins * factor, bins * factor)
    """
    values = np.asarray(maps, dtype=np.float64)
    return values if factor == 1 else _along(_along(values, factor, -2), factor, -1)


def akita_view(maps: np.ndarray, factor: int) -> np.ndarray:
    """Maps as they are compared: upsampled, smoothed (Gaussian, 5 x 5), clipped to +/- 2, borders cut off.

    Parameters
    ----------
    maps : float array, (windows, bins, bins)
    factor : int
        See :func:`akita_factor`.

    Returns
    -------
    float64 array, (windows, cropped, cropped)
        NaN where any entry within the reach of the filter is.
    """
    fine = upsample(maps, factor)
    smooth = gaussian_filter(fine, sigma=(0.0, SIGMA, SIGMA), truncate=TRUNCATE)
    crop = crop_of(fine.shape[-1])
    inside = slice(crop, fine.shape[-1] - crop)
    return np.clip(smooth[:, inside, inside], -CLIP, CLIP)


def akita_sums(predicted: np.ndarray, observed: np.ndarray, factor: int) -> np.ndarray:
    """Sums of each window after subtracting the mean of every diagonal, in each map by itself.

    Parameters
    ----------
    predicted, observed : float array, (windows, bins, bins)
    factor : int

    Returns
    -------
    float64 array, (windows, 6)
        See :func:`cisflow.contacts.agreement.sums`.
    """
    parts = [
        window_sums(*(akita_view(maps[first : first + WINDOWS_AT_ONCE], factor) for maps in (predicted, observed)))[1]
        for first in range(0, len(predicted), WINDOWS_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 6))

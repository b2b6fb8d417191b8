"""Expected contacts behind predictions, to turn a log ratio back into contacts.

Inputs: predictions, ``expected.npz`` of the map. Outputs: expected contacts (balanced, linear scale) of a window's
level, or by distance.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.contacts.targets import background
from cisflow.evaluation.contact_predictions import PredictedMaps
from cisflow.problems import InputError, Problem


def _by_distance(expected: str | Path, bins: int, bin_size: int) -> np.ndarray:
    """Expected contacts of bins at a distance of 0 to ``bins`` - 1 bins, means over blocks; NaN beyond the curve."""
    with np.load(expected) as curves:
        log_expected, resolution = curves["log_expected"], int(curves["resolution"])
    if bin_size % resolution:
        raise InputError(
            Problem(str(expected), f"bins of {resolution:,} bp; expected bins that make up {bin_size:,} bp")
        )
    factor = bin_size // resolution
    reached = min(bins, len(log_expected) // factor)
    found = np.full(bins, np.nan)
    if reached:
        found[:reached] = background(log_expected, reached * factor, factor)[0]
    return found


def window_expected(found: PredictedMaps, window: int, level: int, expected: str | Path) -> np.ndarray:
    """Expected contacts of one map.

    Parameters
    ----------
    found : PredictedMaps
        Where they hold the background themselves (``log_background``) it is used.
    window, level : int
        Indices.
    expected : path
        ``expected.npz`` of the map that the targets were made from.

    Returns
    -------
    float64 array, (bins, bins)
        Balanced contacts, linear scale; NaN where nothing is known.
    """
    if found.log_background is not None:
        of_level = (
            found.log_background[level] if found.log_background.ndim == 3 else found.log_background[window, level]
        )
        return np.exp(of_level.astype(np.float64))
    by_distance = _by_distance(expected, found.bins, int(found.bin_size[level]))
    index = np.arange(found.bins)
    return by_distance[np.abs(index[:, None] - index)]


def level_expected(found: PredictedMaps, levels: pd.Series, distances: pd.Series, expected: str | Path) -> np.ndarray:
    """Expected contacts within chromosomes at distances (bp) of levels (bp); float64, one per row."""
    cis = np.nonzero(found.kind == "cis")[0]
    result = np.full(len(levels), np.nan)
    for level, length in enumerate(found.levels):
        rows = (levels == length).to_numpy()
        if len(cis) and rows.any():
            first_row = window_expected(found, int(cis[0]), level, expected)[0]
            result[rows] = first_row[distances.to_numpy()[rows] // found.bin_size[level]]
    return result

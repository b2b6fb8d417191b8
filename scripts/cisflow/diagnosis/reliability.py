"""How well a map agrees with itself, and how well a perfect model could agree with it.

Inputs: correlations between parts of a map's contacts. Outputs: the correlation of two maps of full depth, and the
ceiling of a model's correlation with one of them.
"""

from __future__ import annotations

import numpy as np

LARGEST = 1 - 1e-9


def _log_odds(correlation: np.ndarray) -> np.ndarray:
    inside = np.clip(correlation, 1e-9, LARGEST)
    return np.log2(inside / (1 - inside))


def depth_exponent(half: np.ndarray, quarter: np.ndarray) -> np.ndarray:
    """How signal over noise grows with depth: as depth to this power.

    Parameters
    ----------
    half, quarter : float array
        Correlation between two halves of the contacts, and between two quarters.

    Returns
    -------
    float array
        1 where noise falls as one over depth, which the formula of Spearman and Brown takes for granted; near 0 where
        shallower maps are smoothed over larger blocks, as adaptive coarse-graining does. Kept within -1 and 1. NaN
        where a correlation is.
    """
    half, quarter = np.asarray(half, dtype=float), np.asarray(quarter, dtype=float)
    exponent = np.clip(_log_odds(half) - _log_odds(quarter), -1.0, 1.0)
    return np.where(np.isnan(half + quarter), np.nan, exponent)


def at_full_depth(half: np.ndarray, exponent: np.ndarray | float = 1.0) -> np.ndarray:
    """Correlation between two independent maps with all contacts each.

    Parameters
    ----------
    half : float array
        Correlation between two halves; 0 where it is negative.
    exponent : float array
        See :func:`depth_exponent`; 1 gives the formula of Spearman and Brown, 2 r / (1 + r).
    """
    half = np.asarray(half, dtype=float)
    odds = np.clip(half, 0, LARGEST) / (1 - np.clip(half, 0, LARGEST)) * 2.0 ** np.asarray(exponent, dtype=float)
    return np.where(half >= 1, 1.0, odds / (1 + odds))


def ceiling(full_depth: np.ndarray) -> np.ndarray:
    """Largest correlation of a model with one map, from that of two such maps.

    Notes
    -----
    Two maps are the same signal with independent noise, so their correlation is the share of signal in the variance;
    a model that gives the signal itself correlates with either map as the square root of that share.
    """
    return np.sqrt(np.clip(full_depth, 0.0, 1.0))

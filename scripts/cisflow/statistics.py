"""Ranks, tails and quantiles as in scipy.stats, bit for bit.

Importing scipy.stats takes a job a second, which is longer than what many jobs do. These functions call what
scipy.stats calls below its checks of arguments; the tests compare the two. Whole tests and distributions (Wilcoxon's)
are taken from scipy.stats, where they are used. The functions that call scipy.special import it themselves, too: jobs
that only rank start sooner without it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def rank_values(values: ArrayLike, ties: str = "mean", axis: int | None = None) -> np.ndarray:
    """Ranks from 1 on, by rising value.

    Parameters
    ----------
    values : array
    ties : str
        What equal values share: the ``mean``, ``min`` or ``max`` of their places.
    axis : int, optional
        Axis along which to rank; without it all values are ranked together.

    Returns
    -------
    float64 (``mean``) or int64 array
        With the shape of ``values``, or (n,) without an axis. Values that stand in a line with a NaN all have rank NaN.
    """
    given = np.asarray(values)
    lines = given.ravel() if axis is None else np.swapaxes(given, axis, -1)
    order = np.argsort(lines, axis=-1, kind="stable")
    in_order = np.take_along_axis(lines, order, axis=-1)
    first, last = np.ones(lines.shape, bool), np.ones(lines.shape, bool)
    first[..., 1:] = in_order[..., 1:] != in_order[..., :-1]
    last[..., :-1] = first[..., 1:]
    places = np.arange(1, lines.shape[-1] + 1)
    lowest = np.maximum.accumulate(np.where(first, places, 0), axis=-1)
    highest = np.minimum.accumulate(np.where(last, places, lines.shape[-1])[..., ::-1], axis=-1)[..., ::-1]
    shared = {"mean": (lowest + highest) / 2, "min": lowest, "max": highest}[ties]
    found = np.empty(lines.shape, shared.dtype)
    np.put_along_axis(found, order, shared, axis=-1)
    unordered = np.isnan(lines).any(axis=-1)
    if unordered.any():
        found = found.astype(np.float64)
        found[unordered] = np.nan
    return found if axis is None else np.swapaxes(found, axis, -1)


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rho of two arrays (n,); NaN when one is constant, for NaN among the values and for fewer than two."""
    if len(x) < 2 or (x == x[0]).all() or (y == y[0]).all():
        return float("nan")
    return float(np.corrcoef(np.column_stack([rank_values(x), rank_values(y)]), rowvar=False)[1, 0])


def normal_tail(z: ArrayLike) -> np.ndarray:
    """Probability of a standard normal value above ``z``."""
    from scipy.special import ndtr

    return ndtr(-np.asarray(z))


def normal_quantile(p: ArrayLike) -> np.ndarray:
    """Value that a standard normal one is below with probability ``p``."""
    from scipy.special import ndtri

    return ndtri(p)


def student_tail(t: ArrayLike, freedom: ArrayLike) -> np.ndarray:
    """Probability of a value of Student's t above ``t``."""
    from scipy.special import stdtr

    return stdtr(freedom, -np.asarray(t))


def student_quantile(p: ArrayLike, freedom: ArrayLike) -> np.ndarray:
    """Value that one of Student's t is below with probability ``p``."""
    from scipy.special import stdtrit

    return stdtrit(freedom, p)


def beta_quantile(p: ArrayLike, a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Value that one of the beta distribution is below with probability ``p``."""
    from scipy.special import betaincinv

    return betaincinv(a, b, p)


def binomial_tail(k: ArrayLike, draws: int, chance: float) -> np.ndarray:
    """Probability of at least ``k`` successes (whole numbers) in ``draws`` trials that each succeed by ``chance``."""
    from scipy.special import betainc

    k = np.asarray(k, dtype=np.float64)
    inside = np.clip(k, 1, draws)
    return np.where(k < 1, 1.0, np.where(k > draws, 0.0, betainc(inside, draws - inside + 1, chance)))

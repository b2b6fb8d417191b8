"""Spread of an element's reads, between what its own reads show and what the whole library shows.

Purpose: few reads say little about how widely they scatter, many say it well. How far the library speaks for an
element depends on how alike its elements are, which is measured. Inputs: spread of each element relative to what is
expected of it, effective reads. Outputs: pooled spreads and their degrees of freedom for Student's t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: The library counts as at least so many reads: below, the moments of the estimate of an element's spread do not exist.
LEAST_PRIOR, MOST_PRIOR = 4.0, 1000.0
#: Elements on either side, in the order of the estimates, that speak for an element, or a fortieth of them if more; and
#: how many reads the whole library adds to theirs.
NEARBY, LOCAL_PRIOR = 50, 20.0
#: Reads beyond this do not give an element more weight when the elements are compared.
FULL_WEIGHT = 50.0


@dataclass(frozen=True)
class PooledSpread:
    """Spreads after pooling.

    Attributes
    ----------
    spread : float64 ndarray, shape (n,)
        Pooled spread, NaN without reads or where nothing is known.
    freedom : float64 ndarray, shape (n,)
        Degrees of freedom of the pooled spread.
    typical : float64 ndarray, shape (n,)
        Spread of the elements nearby.
    """

    spread: np.ndarray
    freedom: np.ndarray
    typical: np.ndarray


def _sums_nearby(values: np.ndarray) -> np.ndarray:
    """Sum over the window around every value."""
    n = values.size
    half = min(max(NEARBY, n // 40), (n - 1) // 2)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.clip(np.arange(n) - half, 0, n - 2 * half - 1)
    return np.maximum(sums[first + 2 * half + 1] - sums[first], 0.0)


def _mean_of_ties(values: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Mean over runs of equal keys, so that equal elements get equal values."""
    (first,) = np.nonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sizes = np.diff(np.append(first, keys.size))
    return np.repeat(np.add.reduceat(values, first) / sizes, sizes)


def pool_spread(spread: np.ndarray, reads: np.ndarray, place: np.ndarray, order: np.ndarray) -> PooledSpread:
    """Pool the spreads of the elements of a library (empirical Bayes by moments).

    The spread of an element with m reads is taken as a scaled chi-square with m - 1 degrees of freedom around a value
    that itself varies, around the spread s0 of elements with a similar estimate, like an inverse chi-square with d
    degrees of freedom; d follows from how much more the observed spreads differ than their reads explain. The pooled
    spread, ``(d s0 + m s) / (d + m - 1)``, has d + m - 1 degrees of freedom.

    Parameters
    ----------
    spread : float ndarray, shape (n,)
        Mean square per read around the element's own estimate; NaN without reads.
    reads : float ndarray, shape (n,)
        Effective reads m, at least 1.
    place : float ndarray, shape (n,)
        Estimates that tell which elements are similar.
    order : int ndarray
        Rows by ``place``, see :func:`cisflow.expression.dispersion.canonical_order`; all sums run in this order,
        so that the order of the rows does not matter to the last digit.

    Returns
    -------
    PooledSpread
        All NaN when no element shows any spread.
    """
    s, m = spread[order], reads[order]
    known = np.isfinite(s) & np.isfinite(m)
    squares, own_freedom = np.where(known, m * s, 0.0), np.where(known, m - 1, 0.0)
    total_freedom = float(own_freedom.sum())
    overall = float(squares.sum()) / total_freedom if total_freedom > 0 else math.nan
    if not overall > 0:
        return PooledSpread(
            np.full(spread.size, math.nan), np.full(spread.size, math.nan), np.full(spread.size, math.nan)
        )
    nearby, nearby_freedom = _sums_nearby(squares), _sums_nearby(own_freedom)
    local = (LOCAL_PRIOR * overall + nearby) / (LOCAL_PRIOR + nearby_freedom)
    local = _mean_of_ties(local, place[order])
    several = known & (m > 2)
    ratio = s[several] * m[several] / (own_freedom[several] * local[several])
    weight = np.minimum(own_freedom[several], FULL_WEIGHT)
    excess = weight * ((ratio - 1) ** 2 - 2 / own_freedom[several])
    between = float(excess.sum() / weight.sum()) if weight.size else 0.0
    prior = min(max(2 / between, LEAST_PRIOR), MOST_PRIOR) if between > 0 else MOST_PRIOR
    typical = np.empty(spread.size)
    typical[order] = local
    freedom = prior + reads - 1
    return PooledSpread((prior * typical + reads * spread) / freedom, freedom, typical)

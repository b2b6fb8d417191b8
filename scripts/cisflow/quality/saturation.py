"""How many elements more or fewer reads would show, and what more reads would do to the standard errors.

Inputs: how often each element or sequence was read. Outputs: curves of expected elements against reads, below the
depth that was sequenced (rarefaction, exact) and above it (extrapolation with an interval).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from cisflow.problems import InputError, Problem
from cisflow.statistics import binomial_tail

#: Half-width of a 95 % interval in standard deviations.
Z95 = 1.959963984540054
#: Extrapolation beyond five times the reads rests on assumptions rather than on data.
FURTHEST = 5.0
#: Elements of the frequency table times points of the curve that are computed at once.
BLOCK_CELLS = 4_000_000


@dataclass(frozen=True)
class Frequencies:
    """How many elements were read how often.

    Attributes
    ----------
    reads : int64 ndarray, shape (k,)
        Numbers of reads that occur, increasing, all above 0.
    elements : int64 ndarray, shape (k,)
        Elements with exactly that many reads.
    """

    reads: np.ndarray
    elements: np.ndarray

    @property
    def total_reads(self) -> int:
        """Reads of all elements."""
        return int(self.reads @ self.elements)

    @property
    def seen(self) -> int:
        """Elements with a read."""
        return int(self.elements.sum())


@dataclass(frozen=True)
class Extrapolation:
    """Expected elements at several multiples of the reads; arrays of shape (m,), float64.

    Attributes
    ----------
    fold : ndarray
        Reads over the reads that were sequenced, 1 or more.
    elements, low, high : ndarray
        Expected number of elements seen, and its 95 % interval.
    """

    fold: np.ndarray
    elements: np.ndarray
    low: np.ndarray
    high: np.ndarray


def frequencies(reads: ArrayLike) -> Frequencies:
    """Count how many elements were read how often.

    Parameters
    ----------
    reads : int array
        Reads per element; zeros are left out.

    Raises
    ------
    InputError
        When no element has reads.
    """
    values = np.asarray(reads, dtype=np.int64)
    found, elements = np.unique(values[values > 0], return_counts=True)
    if not found.size:
        raise InputError(Problem("counts", "no element has reads"))
    return Frequencies(found, elements.astype(np.int64))


def rarefy(given: Frequencies, depths: ArrayLike) -> np.ndarray:
    """Expected number of elements seen in a random part of the reads.

    The exact expectation over all parts of that size drawn without replacement (Hurlbert 1971, Ecology 52:577).

    Parameters
    ----------
    given : Frequencies
    depths : int array, shape (m,)
        Reads drawn, 0 to all.

    Returns
    -------
    float64 ndarray, shape (m,)
    """
    total = given.total_reads
    depths = np.asarray(depths, dtype=np.int64)
    if depths.size and not (depths.min() >= 0 and depths.max() <= total):
        raise InputError(Problem("depths", f"expected numbers of reads from 0 to {total:,}"))
    missed = np.empty(depths.size)
    left = (total - depths).astype(float)
    step = max(1, BLOCK_CELLS // given.reads.size)
    for start in range(0, depths.size, step):
        rest = left[start : start + step, None]
        possible = rest >= given.reads
        rest = np.where(possible, rest, given.reads)
        # C(total - k, depth) / C(total, depth) = C(total - depth, k) / C(total, k)
        chance = gammaln(rest + 1) - gammaln(rest - given.reads + 1)
        chance -= gammaln(total + 1.0) - gammaln(total - given.reads + 1.0)
        missed[start : start + step] = np.where(possible, np.exp(chance), 0.0) @ given.elements
    return given.seen - missed


def _weights(given: Frequencies, extra: float, chance: float) -> np.ndarray:
    """Weight of an element with k reads in the sum for the new elements of ``extra`` times the reads."""
    k = given.reads.astype(float)
    plain = np.where(k % 2 == 1, 1.0, -1.0) * np.exp(np.minimum(k * np.log(extra), 700.0))
    if extra <= 1:
        return plain
    draws = max(2, int(0.5 * np.log2(given.total_reads * extra**2 / (extra - 1))))
    kept = binomial_tail(k, draws, chance)
    return np.where(kept > 0, plain * kept, 0.0)


def _series(given: Frequencies, extra: float) -> tuple[float, float, float]:
    """New elements with ``extra`` times the reads by the damped series, and its 95 % interval."""
    weights = _weights(given, extra, 2 / (2 + extra))
    new = max(0.0, float(weights @ given.elements))
    damping = 0.0
    if extra > 1:
        damping = abs(new - float(_weights(given, extra, 1 / (1 + extra)) @ given.elements))
    half = Z95 * float(np.sqrt(np.square(weights) @ given.elements + new)) + damping
    return new, new - half, new + half


def _chao(once: float, twice: float, extra: float) -> float:
    """Lower bound of the new elements from those that were read once and twice."""
    if once <= 0:
        return 0.0
    unseen = once**2 / (2 * max(twice, 1.0))
    return unseen * -np.expm1(-extra * once / unseen)


def _bounds(given: Frequencies, extra: float) -> tuple[float, float, float]:
    """Bounds of the new elements that hold for every library: expected least, 95 % intervals' least and most.

    Every further read shows a new element less often than the one before, so that the rate of the last read bounds the
    number from above; Chao's estimate of the unseen elements bounds it from below (Chao et al. 2014, Ecol. Monogr.
    84:45).
    """
    once, twice = (float(given.elements[given.reads == k].sum()) for k in (1, 2))
    low = _chao(once - Z95 * np.sqrt(once), twice + Z95 * np.sqrt(twice + 1), extra)
    return _chao(once, twice + 1, extra), low, extra * (once + Z95 * np.sqrt(once + 1))


def extrapolate(given: Frequencies, fold: ArrayLike) -> Extrapolation:
    """Expected number of elements seen with more reads of the same library.

    Good and Toulmin's series (1956, Biometrika 43:45), exact in expectation up to twice the reads; beyond that its
    terms are damped by binomial tails (Efron and Thisted 1976, Biometrika 63:435) with the settings of Orlitsky,
    Suresh and Wu (2016, PNAS 113:13283). The interval has the sampling error of the series and, beyond twice the
    reads, the difference between two dampings, which says how much of the answer is the damping's; both are cut to
    the bounds that hold for every library: never fewer elements than Chao's lower bound, never more than the rate of
    the last read.

    Parameters
    ----------
    given : Frequencies
    fold : float array, shape (m,)
        Multiples of the reads, 1 to 5.

    Returns
    -------
    Extrapolation
    """
    fold = np.asarray(fold, dtype=float)
    if fold.size and not (fold.min() >= 1 and fold.max() <= FURTHEST):
        raise InputError(Problem("fold", f"expected multiples of the reads from 1 to {FURTHEST:g}"))
    rows = np.zeros((3, fold.size))
    doubled, _, doubled_high = np.maximum(_series(given, 1.0), _bounds(given, 1.0)[0])
    for i, extra in enumerate(fold - 1):
        if extra == 0:
            continue
        expected, least, most = _bounds(given, extra)
        new, low, high = np.clip(_series(given, extra), least, most)
        new = max(new, expected)
        if extra > 1:  # nor more than the rate of the last reads after doubling
            new, high = min(new, extra * doubled), min(high, extra * doubled_high)
        rows[:, i] = new, min(low, new), max(high, new)
    new, low, high = np.maximum.accumulate(rows, axis=1)  # more reads never show fewer elements
    return Extrapolation(fold, given.seen + new, given.seen + low, given.seen + high)


def new_per_million(given: Frequencies) -> tuple[float, float, float]:
    """Elements not seen before in the next million reads, with the 95 % interval.

    Parameters
    ----------
    given : Frequencies

    Returns
    -------
    value, low, high : float
        For libraries with fewer than a million reads: the mean rate while the reads are doubled.
    """
    extra = min(1.0, 1e6 / given.total_reads)
    found = extrapolate(given, [1 + extra])
    scale = 1e6 / (extra * given.total_reads)
    return tuple((float(v[0]) - given.seen) * scale for v in (found.elements, found.low, found.high))


def expected_error(error: np.ndarray, amplified: np.ndarray, copies: float, fold: ArrayLike) -> np.ndarray:
    """Median standard error with more reads of the same cells.

    The square of a standard error has a part of the reads, a part of the cells (reads of one cell are copies) and a
    part of the amplification. Only the first falls with reads.

    Parameters
    ----------
    error : float64 ndarray, shape (n,)
        Standard errors; NaN where unknown.
    amplified : float64 ndarray, shape (n,)
        Part of their squares that is amplification.
    copies : float
        Variance of the reads of an element in a bin over their expectation: 1 + reads per cell.
    fold : float array, shape (m,)
        Multiples of the reads.

    Returns
    -------
    float64 ndarray, shape (m,)
    """
    known = np.isfinite(error)
    if not known.any():
        return np.full(np.size(fold), np.nan)
    square = np.square(error[known])
    fixed = np.clip(np.nan_to_num(amplified[known]), 0, square)
    share = (1 / np.asarray(fold, dtype=float) + copies - 1) / copies
    return np.array([float(np.median(np.sqrt(fixed + (square - fixed) * s))) for s in share])

"""Mean expression per element as the weighted average of its sorting bins.

Purpose: the estimate of the random-promoter libraries (de Boer et al. 2020, Nat. Biotechnol. 38:56; Rafi et al. 2024),
with a standard error and an interval. Inputs: reads per element and sorted bin, positions of the bins.
Outputs: :class:`BinMean`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from cisflow.expression.count_checks import checked_counts
from cisflow.expression.dispersion import canonical_order, estimate_dispersion
from cisflow.expression.pooled_spread import pool_spread
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.statistics import student_quantile


@dataclass(frozen=True)
class BinMean:
    """Estimates of one library; arrays of shape (n,).

    Attributes
    ----------
    expression : float64 ndarray
        Weighted average of the bins' positions; exactly the position when all reads are in one bin, NaN without reads.
    standard_error : float64 ndarray
        Sampling error of ``expression``, see :func:`estimate_bin_mean`.
    low, high : float64 ndarray
        Ends of the interval of the mean, within the bins' positions.
    n_reads : int64 ndarray
        Reads in the sorted bins.
    is_singleton : bool ndarray
        All reads are in one bin.
    """

    expression: np.ndarray
    standard_error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n_reads: np.ndarray
    is_singleton: np.ndarray


def read_weights(totals: np.ndarray, kind: str = "depth", cells: np.ndarray | None = None) -> np.ndarray:
    """Weight of one read in each bin.

    Parameters
    ----------
    totals : int ndarray, shape (n_bins,)
        Reads per bin over all elements.
    kind : str
        ``depth``: 1 / reads of the bin, so every bin counts alike however deeply it was sequenced. ``cells``: share of
        the sorted cells / reads of the bin, so an element's reads stand for its cells. ``raw``: 1.
    cells : ndarray, shape (n_bins,), optional
        Cells sorted into each bin; needed by ``cells``.

    Returns
    -------
    float64 ndarray, shape (n_bins,)
        Scaled to a largest weight of 1; 0 for bins without reads.
    """
    problems = []
    if kind not in ("depth", "cells", "raw"):
        problems.append(Problem("config", not_one_of(kind, ("depth", "cells", "raw")), column="bin_weights"))
    if kind == "cells" and (cells is None or not np.all(np.isfinite(cells) & (np.asarray(cells) >= 0))):
        problems.append(Problem("bins", "every sorted bin needs a number for bin weights `cells`", column="cells"))
    if problems:
        raise InputError(problems)
    weights = np.ones(totals.size)
    if kind != "raw":
        weights = 1.0 / np.maximum(totals, 1)
    if kind == "cells":
        weights = weights * np.asarray(cells, dtype=float)
    weights = np.where(totals > 0, weights, 0.0)
    if not weights.max(initial=0.0) > 0:
        raise InputError(Problem("counts", "no reads in any sorted bin that has weight"))
    return weights / weights.max()


@njit(cache=True, error_model="numpy")
def _means(counts, positions, weights, inflation, amplification):
    n, n_bins = counts.shape
    mean, spread, effective, amplified = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    n_reads, single = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    for i in range(n):
        total, moment, occupied, only = 0.0, 0.0, 0, 0
        for b in range(n_bins):
            n_reads[i] += counts[i, b]
            if counts[i, b] > 0 and weights[b] > 0.0:
                occupied += 1
                only = b
                total += weights[b] * counts[i, b]
                moment += weights[b] * counts[i, b] * positions[b]
        single[i] = occupied == 1
        if occupied == 0:
            mean[i], spread[i], effective[i], amplified[i] = math.nan, math.nan, math.nan, math.nan
            continue
        mean[i] = positions[only] if occupied == 1 else moment / total
        squares, deviations, repeated = 0.0, 0.0, 0.0
        for b in range(n_bins):
            deviation = weights[b] * weights[b] * counts[i, b] * (positions[b] - mean[i]) ** 2
            squares += weights[b] * weights[b] * inflation[b] * counts[i, b]
            deviations += inflation[b] * deviation
            repeated += amplification * counts[i, b] * deviation
        spread[i] = deviations / squares
        effective[i] = max(1.0, total * total / squares)
        amplified[i] = repeated / (total * total)
    return mean, spread, effective, amplified, n_reads, single


@njit(cache=True, error_model="numpy")
def weighted_means(counts, positions, weights):
    """Weighted average of the positions per row; NaN for rows without reads that have weight."""
    result = np.full(len(counts), math.nan)
    for i in range(len(counts)):
        total, moment = 0.0, 0.0
        for b in range(positions.size):
            total += weights[b] * counts[i, b]
            moment += weights[b] * counts[i, b] * positions[b]
        if total > 0.0:
            result[i] = moment / total
    return result


def estimate_bin_mean(
    counts: np.ndarray,
    positions: ArrayLike,
    weights: str = "depth",
    cells: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    elements: Sequence[object] | np.ndarray | None = None,
    where: str = "counts",
    shares: ArrayLike | None = None,
    interval: float = 0.95,
) -> BinMean:
    """Estimate the expression of every element as the weighted average of the bins that hold its reads.

    The weighted average e is a ratio of two weighted sums. By the delta method its variance is
    ``sum v^2 var(c) (x - e)^2 / (sum v c)^2``, with weights v, reads c, positions x and
    ``var(c) = inflation c + amplification c^2`` (:mod:`cisflow.expression.dispersion`): reads of one cell are copies,
    and amplification differs. The first part is written as spread / effective reads, and the spread is pooled with that
    of the library (:func:`cisflow.expression.pooled_spread.pool_spread`), which gives an element with one read the
    typical spread of a read instead of none. The interval is that of Student's t with the freedom of the pooled spread,
    cut off at the outermost positions, beyond which no mean can lie.

    Parameters
    ----------
    counts : int ndarray, shape (n, n_bins)
        Reads per element and sorted bin.
    positions : sequence of float, shape (n_bins,)
        Value of each bin on the expression scale.
    weights : str
        ``depth``, ``cells`` or ``raw``, see :func:`read_weights`.
    cells : sequence of float, optional
        Cells sorted into each bin; NaN where unknown.
    names, elements : sequence, optional
        Names of the bins and of the rows for messages.
    where : str
        What to call the table in messages.
    shares : sequence of float, optional
        Share of all cells between the bounds of each bin. Weights `cells` take it in place of the sorted cells, whose
        number the sorter may cap.
    interval : float
        Share of the intervals that are to hold the mean.

    Returns
    -------
    BinMean

    Raises
    ------
    InputError
        Bad counts or weights, no reads at all.
    """
    if not 0 < interval < 1:
        raise InputError(Problem("config", f"{interval}; expected a share between 0 and 1", column="interval"))
    places = np.asarray(positions, dtype=float)
    names = [f"bin {b + 1}" for b in range(places.size)] if names is None else list(names)
    counts = checked_counts(counts, names, elements, where)
    known_cells = None if cells is None else np.asarray(cells, dtype=float)
    totals = counts.sum(axis=0)
    empty = [name for name, total in zip(names, totals, strict=True) if total == 0]
    if empty:
        logger.warning("Bins without reads are left out: %s", ", ".join(empty))
    per_read = read_weights(totals, weights, known_cells if shares is None else np.asarray(shares, dtype=float))
    first = weighted_means(counts, places, per_read)
    dispersion = estimate_dispersion(counts, places, first, known_cells)
    mean, spread, effective, amplified, n_reads, single = _means(
        counts, places, per_read, dispersion.inflation, dispersion.amplification
    )
    pooled = pool_spread(spread, effective, first, canonical_order(first, counts))
    if np.isnan(pooled.typical).all():
        logger.warning("No element has reads in two bins: standard errors and intervals are missing")
    error = np.sqrt(pooled.spread / effective + amplified)
    half = student_quantile(0.5 + interval / 2, pooled.freedom) * error
    ends = places[per_read > 0]
    low, high = np.maximum(mean - half, ends.min()), np.minimum(mean + half, ends.max())
    return BinMean(mean, error, low, high, n_reads, single)

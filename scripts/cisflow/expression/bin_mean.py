"""Mean expression per element as the weighted average of its sorting bins.

Purpose: the estimate of the random-promoter libraries (de Boer et al. 2020, Nat. Biotechnol. 38:56; Rafi et al. 2024),
with a standard error. Inputs: reads per element and sorted bin, positions of the bins. Outputs: :class:`BinMean`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike

from cisflow.expression.count_checks import checked_counts
from cisflow.expression.independent_reads import read_inflation
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem, not_one_of

#: The spread of an element's reads is a weighted mean of what they show and what the whole library shows; the library
#: counts as this many reads, so an element with few reads borrows and one with many does not.
PRIOR_READS = 8.0


@dataclass(frozen=True)
class BinMean:
    """Estimates of one library; arrays of shape (n,).

    Attributes
    ----------
    expression : float64 ndarray
        Weighted average of the bins' positions; exactly the position when all reads are in one bin, NaN without reads.
    standard_error : float64 ndarray
        Sampling error of ``expression``, see :func:`estimate_bin_mean`.
    n_reads : int64 ndarray
        Reads in the sorted bins.
    is_singleton : bool ndarray
        All reads are in one bin.
    """

    expression: np.ndarray
    standard_error: np.ndarray
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
def _means(counts, positions, weights, inflation):
    n, n_bins = counts.shape
    mean, spread, effective = np.empty(n), np.empty(n), np.empty(n)
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
            mean[i], spread[i], effective[i] = math.nan, math.nan, math.nan
            continue
        mean[i] = positions[only] if occupied == 1 else moment / total
        squares, deviations = 0.0, 0.0
        for b in range(n_bins):
            variance = weights[b] * weights[b] * inflation[b] * counts[i, b]
            squares += variance
            deviations += variance * (positions[b] - mean[i]) ** 2
        spread[i] = deviations / squares
        effective[i] = max(1.0, total * total / squares)
    return mean, spread, effective, n_reads, single


def estimate_bin_mean(
    counts: np.ndarray,
    positions: ArrayLike,
    weights: str = "depth",
    cells: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    elements: Sequence[object] | np.ndarray | None = None,
    where: str = "counts",
    shares: ArrayLike | None = None,
) -> BinMean:
    """Estimate the expression of every element as the weighted average of the bins that hold its reads.

    Reads are taken as drawn independently, so the weighted average (a ratio of two weighted sums) has the variance
    ``sum v^2 c (x - e)^2 / (sum v c)^2`` by the delta method, with weights v, reads c and positions x. It is written as
    spread / effective reads; the spread is then averaged with that of the library (:data:`PRIOR_READS`), which gives an
    element with one read the typical spread of a read instead of none. Where the numbers of cells are known, reads of a
    bin with r reads per cell count as 1 / (1 + r) of a read each, as reads of one cell are one measurement.

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

    Returns
    -------
    BinMean

    Raises
    ------
    InputError
        Bad counts or weights, no reads at all.
    """
    places = np.asarray(positions, dtype=float)
    names = [f"bin {b + 1}" for b in range(places.size)] if names is None else list(names)
    counts = checked_counts(counts, names, elements, where)
    known_cells = None if cells is None else np.asarray(cells, dtype=float)
    totals = counts.sum(axis=0)
    empty = [name for name, total in zip(names, totals, strict=True) if total == 0]
    if empty:
        logger.warning("Bins without reads are left out: %s", ", ".join(empty))
    per_read = read_weights(totals, weights, known_cells if shares is None else np.asarray(shares, dtype=float))
    inflation = read_inflation(totals, known_cells)
    mean, spread, effective, n_reads, single = _means(counts, places, per_read, inflation)

    freedom = np.nansum(effective - 1)
    typical = np.nansum(effective * spread) / freedom if freedom > 0 else 0.0
    if typical > 0:
        pooled = (PRIOR_READS * typical + effective * spread) / (PRIOR_READS + effective - 1)
        error = np.sqrt(pooled / effective)
    else:
        logger.warning("No element has reads in two bins: standard errors are missing")
        error = np.full(mean.size, np.nan)
    return BinMean(mean, error, n_reads, single)

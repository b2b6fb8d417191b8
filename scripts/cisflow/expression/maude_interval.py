"""Interval of the mean expression of every element.

Purpose: the range of means that an element's reads allow, by the profile of the likelihood that the reads alone give
(no pseudocounts), scaled to how much reads really scatter. Inputs: reads, abundance or the rule that derived it, bin
model, dispersion. Outputs: :class:`MeanInterval`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cisflow.expression.bin_model import BinModel
from cisflow.expression.dispersion import Dispersion
from cisflow.expression.maude_profile import ends, mean_grid, score_tables, summits
from cisflow.expression.pooled_spread import pool_spread
from cisflow.statistics import student_quantile


@dataclass(frozen=True)
class MeanInterval:
    """Intervals of one screen; arrays of shape (n,).

    Attributes
    ----------
    low, high : float64 ndarray
        Ends of the interval; a limit where the reads do not exclude it; NaN without reads.
    standard_error : float64 ndarray
        From the curvature at the best mean; NaN where that is a limit.
    scale : float64 ndarray
        What the variance of the slope is over the curvature: 1 when reads scatter as the model says.
    """

    low: np.ndarray
    high: np.ndarray
    standard_error: np.ndarray
    scale: np.ndarray


def mean_intervals(
    counts: np.ndarray,
    unsorted: np.ndarray | None,
    derived: np.ndarray | None,
    bins: BinModel,
    limits: tuple[float, float],
    dispersion: Dispersion,
    level: float,
    place: np.ndarray,
    order: np.ndarray,
) -> MeanInterval:
    """Interval of the mean of every element.

    An element's likelihood is the model's, without pseudocounts. With a measured abundance its library fraction is
    profiled out, as few unsorted reads leave it uncertain. With an abundance derived from the bins the fraction follows
    from the same reads, and its noise is part of the slope. The interval holds the means whose log likelihood is at
    most ``scale t^2 / 2`` below the maximum, t the quantile of Student's t. The scale is the variance of the slope by
    the scatter of the reads, over the curvature (Royall and Tsou 2003, J. R. Stat. Soc. B 65:391): 1 when the model
    holds and each read is a cell, more where reads are copies, less where cells of an element spread less than the
    model says; not below 1 where copies can neither be counted nor seen. Own reads and those of the library are pooled
    for it, see :func:`.pool_spread`.

    Parameters
    ----------
    counts : int ndarray, shape (n, n_bins)
        Reads without pseudocount.
    unsorted : float ndarray, shape (n,), optional
        Reads in the unsorted sample without pseudocount; None when the abundance was derived from the bins.
    derived : float ndarray, shape (n_bins,), optional
        See :func:`score_tables`; one of the two is given.
    bins : BinModel
    limits : pair of float
    dispersion : Dispersion
        Its inflation has the unsorted sample last when there is one.
    level : float
        Share of the intervals that are to hold the mean.
    place, order : ndarray, shape (n,)
        Which elements are similar, and the order to sum in, see :func:`.pool_spread`.

    Returns
    -------
    MeanInterval
    """
    low_limit, high_limit = limits
    grid = mean_grid(limits)
    samples = np.ascontiguousarray(counts, dtype=float)
    if unsorted is not None:
        samples = np.column_stack([samples, unsorted])
    tables = score_tables(grid, samples[order].sum(axis=0), bins, dispersion.inflation, derived)
    mean, curvature, from_reads, from_amplification = summits(
        samples, grid, tables, dispersion.inflation, dispersion.amplification
    )
    effective = np.einsum("ib,b->i", counts, 1 / dispersion.inflation[: counts.shape[1]])
    seen = counts.sum(axis=1) > 0
    interior = seen & (mean > low_limit) & (mean < high_limit) & (curvature > 0)
    own = np.where(interior, from_reads / np.where(interior, curvature, 1.0), np.nan)
    pooled = pool_spread(own, np.maximum(effective, 1.0), place, order)
    typical = np.where(np.isfinite(pooled.typical), pooled.typical, 1.0)
    freedom = np.where(np.isfinite(pooled.freedom), pooled.freedom, np.inf)
    # At a limit there is no summit to measure at: the typical scale, and amplification as if in the bins of its reads.
    squares = np.einsum("ib,ib->i", samples, samples)
    beyond = dispersion.amplification * squares / np.maximum(np.einsum("ib,b->i", samples, dispersion.inflation), 1.0)
    scale = np.where(
        interior & np.isfinite(pooled.spread),
        pooled.spread + np.where(interior, from_amplification / np.where(interior, curvature, 1.0), 0.0),
        typical * (1 + beyond),
    )
    if not dispersion.copies_known:  # reads that lie closer together than the model has it may be copies of one cell
        scale = np.maximum(scale, 1.0)
    drop = np.where(seen, 0.5 * scale * student_quantile(0.5 + level / 2, freedom) ** 2, np.nan)
    low, high = ends(samples, grid, tables, drop)
    error = np.where(interior, np.sqrt(scale / np.where(interior, curvature, 1.0)), np.nan)
    return MeanInterval(low, high, error, scale)

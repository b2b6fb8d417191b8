"""Likelihood of the mean expression by the reads alone, for all elements at once.

Purpose: summits, curvatures and ends of likelihoods without pseudocounts. For rare elements MAUDE's likelihood is
Poisson: a sum over bins of reads times a function of the mean that is the same for all elements. These functions are
tabulated once, so that a likelihood is a dot product. Inputs: reads, reads per bin, bin model, how the abundance is
known. Outputs: tables per mean and bin; means, curvatures and ends per element.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cisflow.expression.bin_model import BinModel
from cisflow.expression.maude_likelihood import ROOT_2PI, interval_probability

#: Largest distance between two points of the grid, in standard deviations of the population.
GRID_STEP = 0.05
#: Smallest probability of a bin that is told from 0.
TINY = 1e-300
#: Halvings of a step of the grid: to 1e-13.
HALVINGS = 40


@njit(cache=True, error_model="numpy")
def _probabilities(grid, lower_z, upper_z):
    """Probability of each bin at each mean, and its first two derivatives in the mean."""
    n_grid, n_bins = grid.size, lower_z.size
    result = np.empty((3, n_grid, n_bins))
    for g in range(n_grid):
        for b in range(n_bins):
            low, high = lower_z[b] - grid[g], upper_z[b] - grid[g]
            at_low, at_high = math.exp(-0.5 * low * low) / ROOT_2PI, math.exp(-0.5 * high * high) / ROOT_2PI
            result[0, g, b] = max(interval_probability(low, high), TINY)
            result[1, g, b] = at_low - at_high
            result[2, g, b] = (low * at_low if at_low > 0.0 else 0.0) - (high * at_high if at_high > 0.0 else 0.0)
    return result


def _log_derivatives(values: np.ndarray) -> np.ndarray:
    """Logarithm of ``values[0]`` and its first two derivatives; ``values`` holds a function and its derivatives."""
    slope = values[1] / values[0]
    return np.stack([np.log(values[0]), slope, values[2] / values[0] - slope**2])


def score_tables(
    grid: np.ndarray, totals: np.ndarray, bins: BinModel, inflation: np.ndarray, derived: np.ndarray | None
) -> np.ndarray:
    """Log likelihood that one read of each bin adds at each mean.

    Parameters
    ----------
    grid : float ndarray, shape (n_grid,)
        Means.
    totals : ndarray, shape (n_bins,), or (n_bins + 1,) with the unsorted sample last
        Reads per sample.
    bins : BinModel
    inflation : float ndarray, shape as ``totals``
        Variance of reads over their expectation. With a measured abundance reads are divided by it.
    derived : float ndarray, shape (n_bins,), optional
        Share of the library that one read of each bin stands for, when the abundance was derived from the bins; None
        when it was measured. Then the library fraction is the one that is best at each mean (profiled out).

    Returns
    -------
    float64 ndarray, shape (3, n_grid, n_samples)
        Values, first and second derivatives in the mean.
    """
    lower, upper, share = bins.kernel_edges
    probability = _probabilities(grid, lower, upper)
    rate = totals[: share.size] / share
    own = _log_derivatives(probability)
    if derived is not None:
        return own - np.einsum("dgb,b->dg", probability, rate)[:, :, None] * derived
    inside = 1 / inflation[: share.size]
    expected = np.einsum("dgb,b->dg", probability, rate * inside)
    expected[0] += totals[-1] / inflation[-1]
    every = np.repeat(_log_derivatives(expected)[:, :, None], share.size + 1, axis=2)
    tables = -every
    tables[:, :, : share.size] += own
    return tables / inflation


@njit(cache=True, error_model="numpy")
def _quintic(u, step, left, right):
    """Value and slope at the share ``u`` of a step between points whose value and two derivatives are known."""
    a0, a1, a2 = left[0], left[1] * step, 0.5 * left[2] * step * step
    d0 = right[0] - a0 - a1 - a2
    d1 = right[1] * step - a1 - 2.0 * a2
    d2 = right[2] * step * step - 2.0 * a2
    a3 = 10.0 * d0 - 4.0 * d1 + 0.5 * d2
    a4 = -15.0 * d0 + 7.0 * d1 - d2
    a5 = 6.0 * d0 - 3.0 * d1 + 0.5 * d2
    value = a0 + u * (a1 + u * (a2 + u * (a3 + u * (a4 + u * a5))))
    slope = (a1 + u * (2.0 * a2 + u * (3.0 * a3 + u * (4.0 * a4 + u * 5.0 * a5)))) / step
    return value, slope


@njit(cache=True, error_model="numpy")
def _at(g, reads, tables):
    value, first, second = 0.0, 0.0, 0.0
    for b in range(reads.size):
        if reads[b] > 0.0:
            value += reads[b] * tables[0, g, b]
            first += reads[b] * tables[1, g, b]
            second += reads[b] * tables[2, g, b]
    return value, first, second


@njit(cache=True, error_model="numpy")
def _heights(reads, tables, height):
    best = 0
    height[:] = 0.0
    for b in range(reads.size):
        if reads[b] > 0.0:
            for g in range(height.size):
                height[g] += reads[b] * tables[0, g, b]
    for g in range(height.size):
        if height[g] > height[best]:
            best = g
    return best


@njit(cache=True, error_model="numpy")
def _summit(best, reads, grid, tables):
    """Mean and height of the maximum next to a point of the grid, and the cell it lies in."""
    slope = _at(best, reads, tables)[1]
    cell = best if slope > 0.0 else best - 1
    if cell < 0 or cell >= grid.size - 1:
        return grid[best], _at(best, reads, tables)[0], min(max(cell, 0), grid.size - 2)
    left, right = _at(cell, reads, tables), _at(cell + 1, reads, tables)
    step = grid[cell + 1] - grid[cell]
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if _quintic(middle, step, left, right)[1] > 0.0:
            low = middle
        else:
            high = middle
    return grid[cell] + low * step, _quintic(low, step, left, right)[0], cell


@njit(cache=True, error_model="numpy")
def summits(counts, grid, tables, inflation, amplification):
    """Per element: best mean, curvature there, variance of the slope from single reads and from amplification."""
    n, n_samples = counts.shape
    mean, curvature = np.full(n, math.nan), np.full(n, math.nan)
    from_reads, from_amplification = np.full(n, math.nan), np.full(n, math.nan)
    height = np.empty(grid.size)
    for i in range(n):
        reads = counts[i]
        best = _heights(reads, tables, height)
        mean[i], _, cell = _summit(best, reads, grid, tables)
        u = (mean[i] - grid[cell]) / (grid[cell + 1] - grid[cell])
        curvature[i], from_reads[i], from_amplification[i] = 0.0, 0.0, 0.0
        for b in range(n_samples):
            if reads[b] > 0.0:
                slope = (1.0 - u) * tables[1, cell, b] + u * tables[1, cell + 1, b]
                curvature[i] -= reads[b] * ((1.0 - u) * tables[2, cell, b] + u * tables[2, cell + 1, b])
                from_reads[i] += inflation[b] * reads[b] * slope * slope
                from_amplification[i] += amplification * reads[b] * reads[b] * slope * slope
    return mean, curvature, from_reads, from_amplification


@njit(cache=True, error_model="numpy")
def _crossing(threshold, low, high, cell, reads, grid, tables):
    """Where the likelihood crosses the threshold between two means of one cell; ``low`` is inside the interval."""
    left, right = _at(cell, reads, tables), _at(cell + 1, reads, tables)
    step = grid[cell + 1] - grid[cell]
    inside, outside = (low - grid[cell]) / step, (high - grid[cell]) / step
    for _ in range(HALVINGS):
        middle = 0.5 * (inside + outside)
        if _quintic(middle, step, left, right)[0] >= threshold:
            inside = middle
        else:
            outside = middle
    return grid[cell] + inside * step


@njit(cache=True, error_model="numpy")
def ends(counts, grid, tables, drop):
    """Lowest and highest mean whose likelihood is at most ``drop`` below the maximum."""
    n = len(counts)
    low, high = np.full(n, math.nan), np.full(n, math.nan)
    height = np.empty(grid.size)
    last = grid.size - 1
    for i in range(n):
        if not drop[i] >= 0.0:
            continue
        reads = counts[i]
        best = _heights(reads, tables, height)
        mean, top, cell = _summit(best, reads, grid, tables)
        threshold = top - drop[i]
        first = 0
        while first <= last and height[first] < threshold:
            first += 1
        end = last
        while end >= 0 and height[end] < threshold:
            end -= 1
        if first == 0:
            low[i] = grid[0]
        elif grid[min(first, last)] <= mean and first <= last:
            low[i] = _crossing(threshold, grid[first], grid[first - 1], first - 1, reads, grid, tables)
        else:
            low[i] = _crossing(threshold, mean, grid[cell], cell, reads, grid, tables)
        if end == last:
            high[i] = grid[last]
        elif end >= 0 and grid[end] >= mean:
            high[i] = _crossing(threshold, grid[end], grid[end + 1], end, reads, grid, tables)
        else:
            high[i] = _crossing(threshold, mean, grid[cell + 1], cell, reads, grid, tables)
    return low, high


def mean_grid(limits: tuple[float, float]) -> np.ndarray:
    """Means of the tables, from limit to limit."""
    low, high = limits
    return np.linspace(low, high, max(1, math.ceil((high - low) / GRID_STEP)) + 1)


def best_means_of_reads(
    counts: np.ndarray, totals: np.ndarray, derived: np.ndarray | None, bins: BinModel, limits: tuple[float, float]
) -> np.ndarray:
    """Mean of highest likelihood by the reads alone.

    Parameters
    ----------
    counts : float ndarray, shape (n, n_bins)
        Reads, not necessarily whole; one column more, the unsorted sample, when the abundance was measured.
    totals : ndarray, shape (n_bins,)
        Reads per column.
    derived : float ndarray, shape (n_bins,), optional
        See :func:`score_tables`.
    bins : BinModel
    limits : pair of float

    Returns
    -------
    float64 ndarray, shape (n,)
    """
    grid, one = mean_grid(limits), np.ones(counts.shape[1])
    tables = score_tables(grid, np.asarray(totals, dtype=float), bins, one, derived)
    return summits(np.ascontiguousarray(counts, dtype=float), grid, tables, one, 0.0)[0]

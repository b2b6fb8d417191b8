"""Best mean expression of every element within the limits.

Purpose: the maximum of MAUDE's likelihood. The likelihood of a sparse element can have two maxima when bins leave part
of the population out, so a grid over the limits finds every hill and Newton's method climbs each of them.
Inputs: reads, reads per bin, library fractions, bin model, limits. Outputs: means and a flag for flat likelihoods.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cisflow.expression.bin_model import BinModel
from cisflow.expression.maude_likelihood import element_log_likelihood, element_slope, interval_probability

#: Largest distance between two points of the grid, in standard deviations of the population. The logarithm of a
#: bin's probability bends over distances near 1, so hills cannot hide between points.
GRID_STEP = 0.05
#: Below this expected share of a bin's reads so many terms of the series of log(1 - p) do: 10^7 reads err by 2e-8 nats.
SMALL_SHARE = 0.01
SERIES_TERMS = 6
#: A likelihood that changes by less than this, relative to 1 + its size, over the limits says nothing about the mean.
FLAT = 1e-9


@njit(cache=True, error_model="numpy")
def _grid_tables(grid, totals, lower_z, upper_z, share):
    """Relative density of an element's cells per grid point and bin, its log, and sums for the series of log(1 - p)."""
    n_grid, n_bins = grid.size, totals.size
    ratio = np.empty((n_grid, n_bins))
    log_ratio = np.empty((n_grid, n_bins))
    moments = np.zeros((n_grid, SERIES_TERMS))
    largest = np.zeros(n_grid)
    for g in range(n_grid):
        for b in range(n_bins):
            r = interval_probability(lower_z[b] - grid[g], upper_z[b] - grid[g]) / share[b]
            ratio[g, b] = r
            log_ratio[g, b] = math.log(r) if r > 0.0 else -math.inf
            largest[g] = max(largest[g], r)
            power = totals[b]
            for j in range(SERIES_TERMS):
                power *= r
                moments[g, j] += power / (j + 1)
    return ratio, log_ratio, moments, largest


@njit(cache=True, error_model="numpy")
def _climb(start, low, high, reads, totals, fraction, lower_z, upper_z, share):
    """Maximum within the bracket: Newton's method on the slope, bisection where a step would leave the bracket."""
    mean = start
    for _ in range(200):
        first, second = element_slope(mean, reads, totals, fraction, lower_z, upper_z, share)
        if math.isnan(first):  # the likelihood does not exist here: go back towards the grid point where it does
            if mean > start:
                high = mean
            else:
                low = mean
            proposal = 0.5 * (mean + start)
        else:
            if first > 0.0:
                low = mean
            elif first < 0.0:
                high = mean
            else:
                return mean
            proposal = mean - first / second if second < 0.0 else math.nan
            if not low < proposal < high:
                proposal = 0.5 * (low + high)
        if abs(proposal - mean) <= 1e-13 * (1.0 + abs(mean)):
            return proposal
        mean = proposal
    return mean


@njit(cache=True, error_model="numpy")
def _search(reads, totals, fractions, lower_z, upper_z, share, grid, tables, start):
    ratio, log_ratio, moments, largest = tables
    n, n_bins = reads.shape
    n_grid = grid.size
    means = np.empty(n)
    flat = np.zeros(n, dtype=np.bool_)
    height = np.empty(n_grid)
    occupied = np.empty(n_bins, dtype=np.int64)
    for i in range(n):
        fraction = fractions[i]
        n_occupied = 0
        n_reads = 0.0
        for b in range(n_bins):
            if reads[i, b] > 0.0:
                occupied[n_occupied] = b
                n_occupied += 1
                n_reads += reads[i, b]
        constant = n_reads * math.log(fraction) if n_reads > 0.0 else 0.0
        highest, lowest, n_finite = -math.inf, math.inf, 0
        for g in range(n_grid):
            value = constant
            for j in range(n_occupied):
                value += reads[i, occupied[j]] * log_ratio[g, occupied[j]]
            if fraction * largest[g] < SMALL_SHARE:
                expected = 0.0
                for j in range(SERIES_TERMS - 1, -1, -1):
                    expected = fraction * (moments[g, j] + expected)
                value -= expected
            else:
                for b in range(n_bins):
                    p = fraction * ratio[g, b]
                    value += totals[b] * math.log1p(-p) if p < 1.0 else -math.inf
            height[g] = value
            if value > -math.inf:
                n_finite += 1
                highest, lowest = max(highest, value), min(lowest, value)
        if n_finite == 0:
            means[i], flat[i] = math.nan, True
            continue
        if n_finite == n_grid and highest - lowest <= FLAT * (1.0 + abs(highest)):
            means[i], flat[i] = start, True
            continue
        best = -math.inf
        means[i] = math.nan
        for g in range(n_grid):
            left = height[g - 1] if g > 0 else -math.inf
            right = height[g + 1] if g + 1 < n_grid else -math.inf
            if height[g] > -math.inf and height[g] >= left and height[g] > right:
                mean = _climb(
                    grid[g],
                    grid[max(g - 1, 0)],
                    grid[min(g + 1, n_grid - 1)],
                    reads[i],
                    totals,
                    fraction,
                    lower_z,
                    upper_z,
                    share,
                )
                value = element_log_likelihood(mean, reads[i], totals, fraction, lower_z, upper_z, share)
                if value > best:
                    best, means[i] = value, mean
    return means, flat


def best_means(
    counts: np.ndarray, totals: np.ndarray, fractions: np.ndarray, bins: BinModel, limits: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Find the mean with the highest likelihood of every element.

    Parameters
    ----------
    counts : ndarray, shape (n, n_bins)
        Reads per element and bin, pseudocount included.
    totals : ndarray, shape (n_bins,)
        Reads per bin over all elements of the screen.
    fractions : float ndarray, shape (n,)
        Share of the element in the unsorted library.
    bins : BinModel
    limits : pair of float
        Range of the mean in standard deviations of the population.

    Returns
    -------
    means : float64 ndarray, shape (n,)
        The point nearest to 0 within the limits where the likelihood is flat, NaN where it is zero everywhere.
    flat : bool ndarray, shape (n,)
        Whether the likelihood holds no information about the mean.
    """
    low, high = map(float, limits)
    start = min(max(0.0, low), high)
    steps = max(1, math.ceil((high - low) / GRID_STEP))
    grid = np.unique(np.append(np.linspace(low, high, steps + 1), start))
    totals = np.ascontiguousarray(totals, dtype=float)
    return _search(
        np.ascontiguousarray(counts, dtype=float),
        totals,
        np.ascontiguousarray(fractions, dtype=float),
        *bins.kernel_edges,
        grid,
        _grid_tables(grid, totals, *bins.kernel_edges),
        start,
    )

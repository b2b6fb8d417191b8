"""Likelihood of the mean expression of an element, given its reads per sorting bin.

Purpose: the negative-binomial model of MAUDE (de Boer et al. 2020, Genome Biology 21:134) for all elements at once.
Cells of an element are normal around its mean with the spread of the whole population; an element's share of the
reads of a bin is its share of the library times the density of its cells in the bin relative to all cells.
Inputs: reads (n_elements, n_bins), reads per bin, library fractions, bin edges. Outputs: log likelihoods in nats and
their first two derivatives.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from cisflow.expression.bin_model import BinModel

ROOT_2 = math.sqrt(2.0)
ROOT_2PI = math.sqrt(2.0 * math.pi)
LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


@njit(cache=True, error_model="numpy")
def interval_probability(lower, upper):
    """Probability of a standard normal between two edges, from the nearer tail to keep the digits of far intervals."""
    if lower >= 0.0:
        return 0.5 * (math.erfc(lower / ROOT_2) - math.erfc(upper / ROOT_2))
    if upper <= 0.0:
        return 0.5 * (math.erfc(-upper / ROOT_2) - math.erfc(-lower / ROOT_2))
    return 0.5 * (math.erf(upper / ROOT_2) - math.erf(lower / ROOT_2))


@njit(cache=True, error_model="numpy")
def _deviance(count, expected, surplus):
    """Return ``count * log(count / expected) + surplus`` for ``surplus = expected - count``.

    The surplus is given rather than formed, so that no digits are lost when the two nearly agree.
    """
    if abs(surplus) > 0.1 * (count + expected):
        return count * math.log(count / expected) + surplus
    r = surplus / (count + expected)
    square, power, total = r * r, r, 0.0
    for odd in range(3, 27, 2):
        power *= square
        total += power / odd
    return surplus * r - 2.0 * count * total


@njit(cache=True, error_model="numpy")
def _stirling_error(n):
    """Return ``log(n!)`` minus Stirling's formula; ``n`` >= 1."""
    if n < 16.0:
        return math.lgamma(n + 1.0) - (n + 0.5) * math.log(n) + n - LOG_ROOT_2PI
    s = 1.0 / (n * n)
    return (1 / 12.0 - (1 / 360.0 - (1 / 1260.0 - (1 / 1680.0 - s / 1188.0) * s) * s) * s) / n


@njit(cache=True, error_model="numpy")
def log_negative_binomial(x, size, p):
    """Log probability of ``x`` successes before ``size`` failures, success probability ``p``.

    Written as deviance from the expectation, because the textbook sum of log-gamma functions loses all digits
    for bins of 10^8 reads. NaN for ``p`` >= 1.
    """
    if not p < 1.0:
        return math.nan
    if x == 0.0:
        return size * math.log1p(-p)
    if p <= 0.0 or size == 0.0:
        return -math.inf
    n = x + size
    return (
        _stirling_error(n)
        - _stirling_error(x)
        - _stirling_error(size)
        - _deviance(x, n * p, n * p - x)
        - _deviance(size, n * (1.0 - p), x - n * p)
        + 0.5 * math.log(size / (x * n))
        - LOG_ROOT_2PI
    )


@njit(cache=True, error_model="numpy")
def element_log_likelihood(mean, reads, totals, fraction, lower_z, upper_z, share):
    """Log likelihood of one element; NaN where it would have to hold more than all reads of a bin."""
    total = 0.0
    for b in range(reads.size):
        p = fraction * interval_probability(lower_z[b] - mean, upper_z[b] - mean) / share[b]
        total += log_negative_binomial(reads[b], totals[b], p)
    return total


@njit(cache=True, error_model="numpy")
def element_slope(mean, reads, totals, fraction, lower_z, upper_z, share):
    """First and second derivative of the log likelihood in the mean; NaN where the likelihood is NaN or zero."""
    first, second = 0.0, 0.0
    for b in range(reads.size):
        low, high = lower_z[b] - mean, upper_z[b] - mean
        probability = interval_probability(low, high)
        at_low = math.exp(-0.5 * low * low) / ROOT_2PI
        at_high = math.exp(-0.5 * high * high) / ROOT_2PI
        d_probability = at_low - at_high
        d2_probability = (low * at_low if at_low > 0.0 else 0.0) - (high * at_high if at_high > 0.0 else 0.0)
        scale = fraction / share[b]
        p = scale * probability
        if not p < 1.0:
            return math.nan, math.nan
        weight = -totals[b] * scale / (1.0 - p)
        first += weight * d_probability
        second += weight * d2_probability - totals[b] * (scale * d_probability / (1.0 - p)) ** 2
        if reads[b] > 0.0:
            if probability <= 0.0:
                return math.nan, math.nan
            ratio = d_probability / probability
            first += reads[b] * ratio
            second += reads[b] * (d2_probability / probability - ratio * ratio)
    return first, second


@njit(cache=True, error_model="numpy")
def _log_likelihoods(means, reads, totals, fractions, lower_z, upper_z, share):
    result = np.empty(means.size)
    for i in range(means.size):
        result[i] = element_log_likelihood(means[i], reads[i], totals, fractions[i], lower_z, upper_z, share)
    return result


@njit(cache=True, error_model="numpy")
def _information(means, totals, lower_z, upper_z, share):
    result = np.empty(means.size)
    for i in range(means.size):
        expected, information = 0.0, 0.0
        for b in range(totals.size):
            low, high = lower_z[b] - means[i], upper_z[b] - means[i]
            probability = interval_probability(low, high)
            if probability > 0.0:
                slope = (math.exp(-0.5 * low * low) - math.exp(-0.5 * high * high)) / ROOT_2PI
                expected += totals[b] / share[b] * probability
                information += totals[b] / share[b] * slope * slope / probability
        result[i] = information / expected
    return result


def log_likelihood(
    means: np.ndarray, counts: np.ndarray, totals: np.ndarray, fractions: np.ndarray, bins: BinModel
) -> np.ndarray:
    """Log likelihood of each element at its mean.

    Parameters
    ----------
    means : float ndarray, shape (n,)
        Mean expression in standard deviations of the cell population.
    counts : ndarray, shape (n, n_bins)
        Reads per element and bin.
    totals : ndarray, shape (n_bins,)
        Reads per bin over all elements of the screen.
    fractions : float ndarray, shape (n,)
        Share of the element in the unsorted library.
    bins : BinModel

    Returns
    -------
    float64 ndarray, shape (n,)
        Natural logarithm; NaN where the model would give the element more than all reads of a bin, ``-inf`` where
        it has reads that the model rules out.
    """
    return _log_likelihoods(
        np.ascontiguousarray(means, dtype=float),
        np.ascontiguousarray(counts, dtype=float),
        np.ascontiguousarray(totals, dtype=float),
        np.ascontiguousarray(fractions, dtype=float),
        *bins.kernel_edges,
    )


def information_per_read(means: np.ndarray, totals: np.ndarray, bins: BinModel) -> np.ndarray:
    """Expected (Fisher) information about the mean in one read of an element.

    With rare elements the reads of a bin are Poisson with expectation ``k f P(mean) / w``, so the information is the
    expectation of ``(P' / P)^2`` over the bins that the read can come from.

    Parameters
    ----------
    means : float ndarray, shape (n,)
    totals : ndarray, shape (n_bins,)
        Reads per bin.
    bins : BinModel

    Returns
    -------
    float64 ndarray, shape (n,)
        Per squared standard deviation of the population: just below 1 when reads are in proportion to cells and bins
        tile the range, more when sparse outer bins are sequenced deeply.
    """
    means, totals = np.ascontiguousarray(means, dtype=float), np.ascontiguousarray(totals, dtype=float)
    return _information(means, totals, *bins.kernel_edges)

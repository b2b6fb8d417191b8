"""Expected contacts: how contacts fall with distance, and their level between chromosomes.

Inputs: pixels and balancing weights of a map. Outputs: sums by chromosome and distance, the natural log of the expected
contacts by distance (raw, smoothed, monotone), and the constant between chromosomes.
Source: distance law as in cooltools (Open2C 2024, PLoS Comput Biol 20:e1012067); aggregation and smoothing of Orca
(Zhou 2022, Nature Genetics 54:725-734).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cooler
import numpy as np
import pandas as pd
from numba import njit

from cisflow.contacts.coolers import Pixels, chromosome_offsets, read_pixels
from cisflow.files import atomic_path, write_table
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

SMOOTHED_FROM = 1_600_000  # bp; shorter distances stay as measured
WIDER_AFTER = 40_000_000  # bp beyond that, the wider of two smoothing windows is used
NARROW, WIDE = 0.01, 0.1  # shares of the smoothed curve in a local regression


@dataclass(frozen=True)
class DistanceSums:
    """Sums of balanced contacts.

    Attributes
    ----------
    n_valid : list of int64 array
        One array per chromosome: pixels of the upper triangle between bins that are not masked, by distance in bins.
    balanced_sum : list of float64 array
        Their balanced contacts.
    n_valid_trans : int
        Pixels between chromosomes (each pair of bins once), bins not masked.
    balanced_sum_trans : float
    """

    n_valid: list[np.ndarray]
    balanced_sum: list[np.ndarray]
    n_valid_trans: int
    balanced_sum_trans: float

    def total(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (int64) and balanced contacts (float64) by distance, summed over chromosomes."""
        length = max(map(len, self.n_valid))
        n_valid, balanced = np.zeros(length, dtype=np.int64), np.zeros(length)
        for pixels, contacts in zip(self.n_valid, self.balanced_sum, strict=True):
            n_valid[: len(pixels)] += pixels
            balanced[: len(contacts)] += contacts
        return n_valid, balanced

    def log_trans(self) -> float:
        """Natural log of the expected contacts between chromosomes; NaN when there are none."""
        if not self.n_valid_trans or not self.balanced_sum_trans:
            return float("nan")
        return float(np.log(self.balanced_sum_trans / self.n_valid_trans))


@njit(cache=True)
def _add(bin1, bin2, count, weights, chromosome, first, sums):  # type: ignore[no-untyped-def]
    """Add balanced contacts: within chromosomes to ``sums[first bin + distance]``; returns those between them."""
    trans = 0.0
    for k in range(len(count)):
        i, j = bin1[k], bin2[k]
        value = count[k] * weights[i] * weights[j]
        if np.isnan(value):
            continue
        if chromosome[i] == chromosome[j]:
            sums[first[i] + j - i] += value
        else:
            trans += value
    return trans


def _pairs_by_distance(valid: np.ndarray) -> np.ndarray:
    """Number of pairs of valid bins by distance, each pair once; int64 (bins,)."""
    length = 1 << (2 * len(valid)).bit_length()  # a fast one, with room for no pair to be met from the other end
    spectrum = np.fft.rfft(valid.astype(np.float64), length)
    return np.rint(np.fft.irfft(spectrum * spectrum.conj(), length)[: len(valid)]).astype(np.int64)


def sum_by_distance(blocks: Iterable[Pixels], weights: np.ndarray, offsets: np.ndarray) -> DistanceSums:
    """Sum balanced contacts by distance; no diagonal is left out.

    Parameters
    ----------
    blocks : iterable of (bin1, bin2, count)
        Pixels of the upper triangle.
    weights : float array, (bins,)
        Multiplicative balancing weights, NaN for masked bins.
    offsets : int array, (chromosomes + 1,)
        First bin of every chromosome, and the number of bins.
    """
    sizes = np.diff(offsets)
    chromosome = np.repeat(np.arange(len(sizes)), sizes)
    first = np.repeat(offsets[:-1], sizes)
    sums, trans = np.zeros(len(weights)), 0.0
    for bin1, bin2, count in blocks:
        trans += _add(bin1, bin2, count, weights, chromosome, first, sums)
    valid = np.isfinite(weights)
    n_valid = [_pairs_by_distance(valid[low:high]) for low, high in pairwise(offsets)]
    by_chromosome = np.array([valid[low:high].sum() for low, high in pairwise(offsets)])
    n_trans = (by_chromosome.sum() ** 2 - (by_chromosome**2).sum()) // 2
    return DistanceSums(n_valid, [sums[low:high] for low, high in pairwise(offsets)], int(n_trans), float(trans))


def aggregate(n_valid: np.ndarray, balanced_sum: np.ndarray) -> np.ndarray:
    """Natural log of balanced contacts per pixel by distance, cut before the first distance that has none.

    Parameters
    ----------
    n_valid, balanced_sum : arrays, (distances,)
        Sums over all chromosomes.

    Returns
    -------
    float64 array, (distances up to the cut,)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        log_expected = np.log(balanced_sum / n_valid)
    missing = np.flatnonzero(~np.isfinite(log_expected))
    return log_expected[: missing[0]] if len(missing) else log_expected


def smooth(log_expected: np.ndarray, resolution: int) -> np.ndarray:
    """Smooth the far part of an expected curve.

    Distances below 1.6 Mb stay as they are. Beyond, local linear regressions (LOWESS) on the log of the distance
    replace them: over 1 % of the curve for the first 40 Mb, over 10 % further out.

    Parameters
    ----------
    log_expected : float array, (distances,)
        Natural log, by distance in bins.
    resolution : int
        Bin size (bp).

    Returns
    -------
    float64 array, (distances,)

    Notes
    -----
    A curve that ends before 1.6 Mb (small genomes) is returned as it is. Where fewer than some 300 distances lie beyond
    1.6 Mb, 1 % of them are too few neighbours for a regression and the values stay as measured, too.
    """
    unsmoothed = SMOOTHED_FROM // resolution
    near = WIDER_AFTER // resolution
    tail = log_expected[unsmoothed:]
    if not len(tail):
        return log_expected.copy()
    from statsmodels.nonparametric.smoothers_lowess import lowess  # slow to import, and small genomes need none

    log_distance = np.log(np.arange(unsmoothed, len(log_expected)) + 1)
    smoothed = lowess(tail, log_distance, frac=NARROW, return_sorted=False)
    if len(tail) > near:
        smoothed[near:] = lowess(tail, log_distance, frac=WIDE, return_sorted=False)[near:]
    return np.concatenate([log_expected[:unsmoothed], smoothed])


def compute_expected(cool: str | Path, npz: str | Path, distance_law: str | Path, by_chromosome: str | Path) -> None:
    """Compute and write the expected contacts of a prepared map.

    Parameters
    ----------
    cool : path
        ``map.cool`` with a column ``weight``.
    npz : path
        Written: ``log_expected`` (smoothed, natural log, index = distance in bins), ``monotone`` (its running minimum),
        ``log_trans`` and ``resolution``.
    distance_law : path
        Written: ``distance_bp``, ``n_valid``, ``balanced_sum``, ``expected``, ``smoothed`` (linear scale).
    by_chromosome : path
        Written: ``chromosome``, ``distance_bp``, ``n_valid``, ``balanced_sum``.

    Raises
    ------
    InputError
        When the map has no balanced contacts on the diagonal.
    """
    clr = cooler.Cooler(str(cool))
    resolution = int(clr.binsize)
    weights = clr.bins()["weight"][:].to_numpy(dtype=np.float64)
    sums = sum_by_distance(read_pixels(cool), weights, chromosome_offsets(clr))
    n_valid, balanced_sum = sums.total()
    log_expected = aggregate(n_valid, balanced_sum)
    if not len(log_expected):
        raise InputError(
            Problem(
                str(cool),
                "no contacts on the diagonal, so no expected can be computed; expected a file with all its diagonals",
            )
        )
    curve = smooth(log_expected, resolution)
    logger.info(
        "expected contacts reach %s of %s distances (%s bp)",
        f"{len(curve):,}",
        f"{len(n_valid):,}",
        f"{len(curve) * resolution:,}",
    )
    with atomic_path(npz) as temporary:
        np.savez(
            temporary,
            log_expected=curve,
            monotone=np.minimum.accumulate(curve),
            log_trans=sums.log_trans(),
            resolution=resolution,
        )
    distance = np.arange(len(n_valid)) * resolution
    with np.errstate(invalid="ignore"):
        expected = balanced_sum / n_valid
    smoothed = np.full(len(n_valid), np.nan)
    smoothed[: len(curve)] = np.exp(curve)
    write_table(
        pd.DataFrame(
            {
                "distance_bp": distance,
                "n_valid": n_valid,
                "balanced_sum": balanced_sum,
                "expected": expected,
                "smoothed": smoothed,
            }
        ),
        distance_law,
    )
    tables = [
        pd.DataFrame({"chromosome": name, "distance_bp": distance[: len(n)], "n_valid": n, "balanced_sum": total})
        for name, n, total in zip(clr.chromnames, sums.n_valid, sums.balanced_sum, strict=True)
    ]
    write_table(pd.concat(tables), by_chromosome)

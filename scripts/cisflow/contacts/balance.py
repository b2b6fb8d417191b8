"""Matrix balancing (iterative correction) of a contact map.

Purpose: the weights of ``cooler balance`` with its defaults (genome-wide), computed from pixels in memory.
Inputs: pixels and chromosome offsets. Outputs: one multiplicative weight per bin, NaN for masked bins.
Source: Imakaev et al. 2012, Nature Methods 9:999-1003; filters of cooler 0.11 (Abdennur & Mirny 2020, Bioinformatics
36:311-316).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit

from cisflow.contacts.coolers import Pixels
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress


@dataclass(frozen=True)
class Balance:
    """Result of balancing.

    Attributes
    ----------
    weights : float64 array, (bins,)
        Multiplicative: balanced value = count * weight of one bin * weight of the other. NaN for masked bins.
    scale : float
        Mean sum of a row before the weights were scaled so that rows sum to 1.
    variance : float
        Variance of the sums of rows at the last iteration.
    iterations : int
    """

    weights: np.ndarray
    scale: float
    variance: float
    iterations: int


@njit(cache=True)
def _add_sums(bin1, bin2, count, ignore_diagonals, n_pixels, n_contacts):  # type: ignore[no-untyped-def]
    for k in range(len(count)):
        i, j = bin1[k], bin2[k]
        if j - i < ignore_diagonals or count[k] == 0:
            continue
        n_pixels[i] += 1
        n_contacts[i] += count[k]
        if i != j:
            n_pixels[j] += 1
            n_contacts[j] += count[k]


@njit(cache=True)
def _add_marginals(bin1, bin2, count, ignore_diagonals, weights, marginals):  # type: ignore[no-untyped-def]
    for k in range(len(count)):
        i, j = bin1[k], bin2[k]
        if j - i < ignore_diagonals:
            continue
        value = weights[i] * weights[j] * count[k]
        marginals[i] += value
        if i != j:
            marginals[j] += value


def in_memory(blocks: Iterable[Pixels], max_pixels: int, again: Callable[[], Iterator[Pixels]]) -> Callable:
    """Function that gives the blocks as often as wanted: from memory when they fit, else by calling ``again``."""
    kept, total = [], 0
    for bin1, bin2, count in blocks:
        total += len(count)
        if total > max_pixels:
            return again
        kept.append((bin1.astype(np.int32), bin2.astype(np.int32), count))
    return lambda: iter(kept)


def _unmasked(
    n_pixels: np.ndarray, n_contacts: np.ndarray, offsets: np.ndarray, min_pixels: int, max_deviations: float
) -> np.ndarray:
    """Bins with enough pixels, and with a number of contacts that is not far below that of the others; bool (bins,)."""
    kept = n_pixels >= min_pixels
    relative = n_contacts.astype(np.float64)
    for low, high in pairwise(offsets):
        covered = relative[low:high][relative[low:high] > 0]
        if len(covered):
            relative[low:high] /= np.median(covered)
    logs = np.log(relative[relative > 0])
    if len(logs):
        centre = np.median(logs)
        kept &= relative >= np.exp(centre - max_deviations * np.median(np.abs(logs - centre)))
    return kept


def balance(
    blocks: Callable[[], Iterator[Pixels]],
    offsets: np.ndarray,
    where: str,
    ignore_diagonals: int = 2,
    min_pixels: int = 10,
    max_deviations: float = 5,
    tolerance: float = 1e-5,
    max_iterations: int = 200,
) -> Balance:
    """Balance a map over the whole genome (within and between chromosomes together).

    Parameters
    ----------
    blocks : function
        Gives the pixels (upper triangle) in blocks, anew at each call.
    offsets : int array, (chromosomes + 1,)
        First bin of every chromosome, and the number of bins.
    where : str
        Name of the map in messages.
    ignore_diagonals : int
        Diagonals left out, beginning with the main one.
    min_pixels : int
        Bins with fewer non-zero pixels are masked.
    max_deviations : float
        Bins whose log contacts, relative to the median of their chromosome, lie this many median absolute deviations
        below the median are masked.
    tolerance : float
        Largest variance of the sums of rows.
    max_iterations : int

    Returns
    -------
    Balance

    Raises
    ------
    InputError
        When no bin passes the filters, or the variance is not reached.
    """
    n_bins = int(offsets[-1])
    n_pixels, n_contacts = np.zeros(n_bins), np.zeros(n_bins)
    for bin1, bin2, count in blocks():
        _add_sums(bin1, bin2, count, ignore_diagonals, n_pixels, n_contacts)
    weights = _unmasked(n_pixels, n_contacts, offsets, min_pixels, max_deviations).astype(np.float64)
    progress = Progress("balance", None, "iterations")
    for _ in range(max_iterations):
        marginals = np.zeros(n_bins)
        for bin1, bin2, count in blocks():
            _add_marginals(bin1, bin2, count, ignore_diagonals, weights, marginals)
        covered = marginals[marginals != 0]
        if not len(covered):
            raise InputError(
                Problem(
                    where,
                    f"cannot be balanced: no bin has {min_pixels} or more non-zero pixels; use larger bins or more "
                    "contacts",
                )
            )
        scale, variance = float(covered.mean()), float(covered.var())
        marginals /= scale
        marginals[marginals == 0] = 1
        weights /= marginals
        progress.advance(1, f"variance {variance:.3g}")
        if variance < tolerance:
            break
    else:
        raise InputError(
            Problem(
                where,
                f"balancing did not converge: after {max_iterations} iterations the variance of the sums of rows is "
                f"{variance:.3g}, expected less than {tolerance:g}; use larger bins, or a file with a column `weight`",
            )
        )
    weights[weights == 0] = np.nan
    return Balance(weights / np.sqrt(scale), scale, variance, progress.done)

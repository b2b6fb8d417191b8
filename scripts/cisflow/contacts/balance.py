"""Matrix balancing (iterative correction) of a contact map.

Purpose: the weights of ``cooler balance`` with its defaults (genome-wide): computed from pixels in memory while these
fit a limit, by cooler itself from the file otherwise.
Inputs: pixels and chromosome offsets, or a cooler. Outputs: one multiplicative weight per bin, NaN for masked bins.
Source: Imakaev et al. 2012, Nature Methods 9:999-1003; filters of cooler 0.11 (Abdennur & Mirny 2020, Bioinformatics
36:311-316).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cooler
import numpy as np
from numba import njit

from cisflow.contacts.coolers import Pixels, chromosome_offsets, read_pixels
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress

BYTES_PER_PIXEL = 12
IGNORED_DIAGONALS, MIN_PIXELS, MAX_DEVIATIONS, TOLERANCE = 2, 10, 5, 1e-5  # defaults of cooler


@dataclass(frozen=True)
class Balance:
    """Result of balancing.

    Attributes
    ----------
    weights : float64 array, (bins,)
        Multiplicative: balanced value = count * weight of one bin * weight of the other. NaN for masked bins.
    scale : float
        Mean sum of a row before the weights were scaled so that rows sum to 1.
    variances : tuple of float
        Variance of the sums of rows at every iteration; the last one is below the tolerance.
    """

    weights: np.ndarray
    scale: float
    variances: tuple[float, ...]

    def attributes(self) -> dict[str, object]:
        """What cooler writes beside such weights, for programs that look there how they were made."""
        return {
            "ignore_diags": IGNORED_DIAGONALS,
            "min_nnz": MIN_PIXELS,
            "min_count": 0,
            "mad_max": MAX_DEVIATIONS,
            "tol": TOLERANCE,
            "scale": self.scale,
            "var": self.variances[-1],
            "converged": True,
            "cis_only": False,
            "divisive_weights": False,
        }


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


def row_sums(blocks: Iterable[Pixels], weights: np.ndarray, ignore_diagonals: int) -> tuple[np.ndarray, np.ndarray]:
    """Raw contacts of every bin, and the sums of its balanced row.

    Parameters
    ----------
    blocks : iterable of (bin1, bin2, count)
        Pixels of the upper triangle.
    weights : float array, (bins,)
        Multiplicative, NaN for masked bins, which count as 0.
    ignore_diagonals : int
        Diagonals left out of the balanced sums, beginning with the main one.

    Returns
    -------
    (float64 array, float64 array), (bins,) each
        Contacts with one end or both in the bin; balanced contacts of its row.
    """
    contacts, sums = np.zeros(len(weights)), np.zeros(len(weights))
    ones, used = np.ones(len(weights)), np.nan_to_num(weights, nan=0.0)
    for bin1, bin2, count in blocks:
        _add_marginals(bin1, bin2, count, 0, ones, contacts)
        _add_marginals(bin1, bin2, count, ignore_diagonals, used, sums)
    return contacts, sums


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
    blocks: Iterable[Pixels],
    offsets: np.ndarray,
    where: str,
    ignore_diagonals: int = IGNORED_DIAGONALS,
    min_pixels: int = MIN_PIXELS,
    max_deviations: float = MAX_DEVIATIONS,
    tolerance: float = TOLERANCE,
    max_iterations: int = 200,
) -> Balance:
    """Balance a map over the whole genome (within and between chromosomes together), in memory.

    Parameters
    ----------
    blocks : iterable of (bin1, bin2, count)
        Pixels of the upper triangle; kept at 12 bytes each.
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
    n_bins, kept = int(offsets[-1]), []
    n_pixels, n_contacts = np.zeros(n_bins), np.zeros(n_bins)
    for bin1, bin2, count in blocks:
        kept.append((bin1.astype(np.int32), bin2.astype(np.int32), count))
        _add_sums(*kept[-1], ignore_diagonals, n_pixels, n_contacts)
    weights = _unmasked(n_pixels, n_contacts, offsets, min_pixels, max_deviations).astype(np.float64)
    progress, variances = Progress("balance", None, "iterations"), []
    for _ in range(max_iterations):
        marginals = np.zeros(n_bins)
        for bin1, bin2, count in kept:
            _add_marginals(bin1, bin2, count, ignore_diagonals, weights, marginals)
        covered = marginals[marginals != 0]
        if not len(covered):
            raise _nothing_left(where, min_pixels)
        scale = float(covered.mean())
        variances.append(float(covered.var()))
        marginals /= scale
        marginals[marginals == 0] = 1
        weights /= marginals
        progress.advance(1, f"variance {variances[-1]:.3g}")
        if variances[-1] < tolerance:
            break
    else:
        raise _not_converged(where, variances, tolerance)
    weights[weights == 0] = np.nan
    return Balance(weights / np.sqrt(scale), scale, tuple(variances))


def _nothing_left(where: str, min_pixels: int) -> InputError:
    what = f"cannot be balanced: no bin has {min_pixels} or more non-zero pixels; use larger bins or more contacts"
    return InputError(Problem(where, what))


def _not_converged(where: str, variances: list[float], tolerance: float) -> InputError:
    what = (
        f"balancing did not converge: after {len(variances)} iterations the variance of the sums of rows is "
        f"{variances[-1]:.3g}, expected less than {tolerance:g}; use larger bins, or a file with a column `weight`"
    )
    return InputError(Problem(where, what))


class _Variances(logging.Handler):
    """Collects the variance that cooler writes to its log at every iteration."""

    START = "variance is "

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.found: list[float] = []
        self.progress = Progress("balance", None, "iterations")

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith(self.START):
            self.found.append(float(text.removeprefix(self.START)))
            self.progress.advance(1, f"variance {self.found[-1]:.3g}")


def balance_on_disk(path: str | Path, where: str, memory_mb: int) -> Balance:
    """Balance a map by ``cooler balance`` (its defaults), which reads the file anew at every iteration.

    Parameters
    ----------
    path : path
        Cooler.
    where : str
        Name of the map in messages.
    memory_mb : int
        For a block of pixels, at some 60 bytes each.
    """
    clr, handler, log = cooler.Cooler(str(path)), _Variances(), logging.getLogger("cooler")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        weights, stats = cooler.balance_cooler(clr, chunksize=max(100_000, memory_mb * 1_000_000 // 60))
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    if not np.isfinite(weights).any():
        raise _nothing_left(where, stats["min_nnz"])
    if not stats["converged"]:
        raise _not_converged(where, handler.found, stats["tol"])
    return Balance(weights, float(stats["scale"]), tuple(handler.found))


def balance_map(path: str | Path, where: str, memory_mb: int) -> Balance:
    """Balance a map, in memory if its pixels fit, else by cooler from the file; the log says which.

    Parameters
    ----------
    path : path
        Cooler of its own file.
    where : str
        Name of the map in messages.
    memory_mb : int
        Limit for the pixels, at 12 bytes each.

    Returns
    -------
    Balance
        The same either way, within rounding (1e-12).
    """
    clr = cooler.Cooler(str(path))
    needed = clr.info["nnz"] * BYTES_PER_PIXEL / 1e6
    fits = needed <= memory_mb
    logger.info(
        "balancing %s pixels %s (%s MB, contacts.memory_mb is %s)",
        f"{clr.info['nnz']:,}",
        "in memory" if fits else "by cooler, from disk",
        f"{needed:,.0f}",
        f"{memory_mb:,}",
    )
    if fits:
        return balance(read_pixels(path), chromosome_offsets(clr), where)
    return balance_on_disk(path, where, memory_mb)

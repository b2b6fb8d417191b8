"""Training targets: natural log of observed over expected contacts of a window.

Inputs: a balanced cooler (``map.cool``) and its expected contacts (``expected.npz``). Outputs: target matrices.
Source: data processing of Orca (Zhou 2022, Nature Genetics 54:725-734).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path

import numpy as np
from numba import njit

from cisflow.contacts.pixels import CoolerWindows
from cisflow.contacts.smoothed import SmoothedWindow
from cisflow.problems import InputError, Problem


@njit(cache=True)
def _block_mean(values: np.ndarray, factor: int, nested: bool) -> np.ndarray:
    """Mean of the measured entries of each block; ``nested``: of the means of its rows."""
    rows, columns = values.shape[0] // factor, values.shape[1] // factor
    result = np.full((rows, columns), np.nan)
    for i in range(rows):
        for j in range(columns):
            total, n = 0.0, 0
            for x in range(i * factor, (i + 1) * factor):
                row_total, n_row = 0.0, 0
                for y in range(j * factor, (j + 1) * factor):
                    if not np.isnan(values[x, y]):
                        row_total += values[x, y]
                        n_row += 1
                if n_row:
                    total += row_total / n_row if nested else row_total
                    n += 1 if nested else n_row
            if n:
                result[i, j] = total / n
    return result


def nested_block_mean(values: np.ndarray, factor: int) -> np.ndarray:
    """Down-sample a map: in each block first the mean over the columns of a row, then over rows; missing ones left out.

    Parameters
    ----------
    values : float array, (n, m)
        NaN where missing; both sides multiples of ``factor``.
    factor : int
        Side of a block.

    Returns
    -------
    float64 array, (n / factor, m / factor)
        NaN where a whole block is missing.
    """
    return _block_mean(_in_blocks(values, factor), factor, True)


def flat_block_mean(values: np.ndarray, factor: int) -> np.ndarray:
    """Down-sample a map by the mean of all measured entries of a block; see :func:`nested_block_mean`.

    Where whole rows and columns are missing both give the same, where single entries are, they do not.
    """
    return _block_mean(_in_blocks(values, factor), factor, False)


def _in_blocks(values: np.ndarray, factor: int) -> np.ndarray:
    """Check that a map can be cut into blocks; float32 stays, because a long input would need twice the memory."""
    if factor < 1 or values.shape[0] % factor or values.shape[1] % factor:
        raise ValueError(f"a map of {values.shape} bins cannot be cut into blocks of {factor}")
    return values if values.dtype == np.float32 else np.asarray(values, dtype=np.float64)


def background(log_expected: np.ndarray, n: int, factor: int) -> np.ndarray:
    """Expected contacts of a window, down-sampled by block means of the linear values.

    Parameters
    ----------
    log_expected : float array, (distances,)
        Natural log of the expected contacts by distance in fine bins.
    n : int
        Fine bins of the window; a multiple of ``factor``.
    factor : int
        Fine bins per bin of the result.

    Returns
    -------
    float64 array, (n / factor, n / factor)
        Symmetric; a function of distance alone.

    Raises
    ------
    ValueError
        When ``n`` is no multiple of ``factor``, or the curve is shorter than the window.
    """
    if factor < 1 or n < 1 or n % factor:
        raise ValueError(f"{n} bins cannot be cut into blocks of {factor}")
    if len(log_expected) < n:
        raise ValueError(f"expected contacts reach {len(log_expected)} bins, the window has {n}")
    expected = np.exp(np.asarray(log_expected[:n], dtype=np.float64))
    # In a block, the offset o between row and column occurs factor - |o| times.
    offsets = np.arange(1 - factor, factor)
    shares = (factor - np.abs(offsets)) / factor**2
    by_distance = (expected[np.abs(factor * np.arange(n // factor)[:, None] + offsets)] * shares).sum(axis=1)
    index = np.arange(n // factor)
    return by_distance[np.abs(index - index[:, None])]


def log_target(observed: np.ndarray, background: np.ndarray, factor: int) -> np.ndarray:
    """Natural log of observed over expected contacts.

    Parameters
    ----------
    observed : float array, (n, n)
        Balanced, coarse-grained map at the fine resolution; NaN where missing.
    background : float array, (n / factor, n / factor)
        Expected contacts, see :func:`background`. Its minimum is added to both sides of the ratio.
    factor : int
        Fine bins per bin of the result.

    Returns
    -------
    float64 array, (n / factor, n / factor)
        NaN where a whole block is missing.
    """
    return log_ratio(nested_block_mean(observed, factor), background)


def log_ratio(observed: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Natural log of observed over expected contacts at one resolution; the background's minimum is added to both."""
    epsilon = background.min()
    return np.log((observed + epsilon) / (background + epsilon))


class ContactMap:
    """A prepared contact map that gives training targets.

    Parameters
    ----------
    cool : path
        ``contacts/{map}/map.cool``.
    expected : path
        ``contacts/{map}/expected.npz``.
    cutoff : float
        Fewest counts of a pixel that is not smoothed, see :func:`~cisflow.contacts.coarsegrain.adaptive_coarsegrain`.

    Attributes
    ----------
    chromosomes : dict of str to int
        Length (bp) of every chromosome.
    resolution : int
        Bin size (bp).
    weights : dict of str to float64 array
        Balancing weights of the bins of every chromosome, NaN for masked bins.
    log_expected : float64 array, (distances,)
        Natural log of the expected contacts by distance in bins.
    monotone : float64 array, (distances,)
        Running minimum of ``log_expected``; Orca's curve for windows of 32 Mb and more.
    log_trans : float
        Natural log of the expected contacts between chromosomes; NaN when the map has none.

    Raises
    ------
    InputError
        When the two files differ in resolution.
    """

    def __init__(self, cool: str | Path, expected: str | Path, cutoff: float = 5):
        self._windows = CoolerWindows(cool)
        self.chromosomes, self.resolution = self._windows.chromosomes, self._windows.resolution
        self.weights = self._windows.weights
        self.cutoff = cutoff
        with np.load(expected) as curves:
            self.log_expected = curves["log_expected"]
            self.monotone = np.minimum.accumulate(self.log_expected)
            self.log_trans = float(curves["log_trans"]) if "log_trans" in curves else float("nan")
            resolution = int(curves["resolution"])
        if resolution != self.resolution:
            raise InputError(
                Problem(str(expected), f"is for bins of {resolution} bp, the map has bins of {self.resolution} bp")
            )
        self._expected_path = str(expected)
        self._backgrounds: dict[tuple[int, int], np.ndarray] = {}

    def of_part(self, take: Callable[[CoolerWindows], CoolerWindows]) -> ContactMap:
        """Return the same map and expected contacts with other pixels: those that ``take`` makes of this map's."""
        part = copy(self)
        part._windows = take(self._windows)
        part.weights = part._windows.weights
        return part

    def background(self, n_fine_bins: int, factor: int) -> np.ndarray:
        """Down-sampled expected contacts of any window of this size, float64; see :func:`background`.

        Raises
        ------
        InputError
            When the expected contacts do not reach across the window.
        """
        if len(self.log_expected) < n_fine_bins:
            raise InputError(
                Problem(
                    self._expected_path,
                    f"expected contacts reach {len(self.log_expected) * self.resolution:,} bp, the window has "
                    f"{n_fine_bins * self.resolution:,} bp; use shorter windows, or a map with more contacts",
                )
            )
        if (n_fine_bins, factor) not in self._backgrounds:
            self._backgrounds[n_fine_bins, factor] = background(self.log_expected, n_fine_bins, factor)
        return self._backgrounds[n_fine_bins, factor]

    def window_target(self, chromosome: str, start: int, n_fine_bins: int, factor: int) -> np.ndarray:
        """Target of a window.

        Parameters
        ----------
        chromosome : str
        start : int
            First base (0-based); a multiple of the resolution.
        n_fine_bins : int
            Bins of the map in the window; a multiple of ``factor``.
        factor : int
            Bins of the map per bin of the target.

        Returns
        -------
        float32 array, (n_fine_bins / factor, n_fine_bins / factor)
            Natural log of observed over expected; NaN where all fine bins are masked.

        Raises
        ------
        ValueError
            When the window does not lie inside the chromosome or on the bins.
        """
        expected = self.background(n_fine_bins, factor)
        observed = self.smoothed(chromosome, start, n_fine_bins).mean(0, n_fine_bins, factor)
        return log_ratio(observed, expected).astype(np.float32)

    def _first_bin(self, start: int) -> int:
        if start % self.resolution:
            raise ValueError(f"start {start} is no multiple of the resolution, {self.resolution} bp")
        return start // self.resolution

    def smoothed(self, chromosome: str, start: int, n_fine_bins: int) -> SmoothedWindow:
        """Balanced, coarse-grained window, to be down-sampled as a whole and in parts (zoom series).

        Parameters
        ----------
        chromosome : str
        start : int
            First base (0-based); a multiple of the resolution.
        n_fine_bins : int
            Bins of the map in the window.

        Raises
        ------
        ValueError
            When the window does not lie inside the chromosome or on the bins.
        """
        return self._windows.smoothed(chromosome, self._first_bin(start), n_fine_bins, self.cutoff)

    def smoothed_block(
        self, one: str, start: int, n_fine_bins: int, other: str, other_start: int, other_bins: int
    ) -> np.ndarray:
        """Balanced, coarse-grained map between two segments, of one chromosome or of two.

        Parameters
        ----------
        one, other : str
            Chromosomes of the rows and of the columns.
        start, other_start : int
            First bases (0-based); multiples of the resolution.
        n_fine_bins, other_bins : int
            Bins of the map in the two segments.

        Returns
        -------
        float64 array, (n_fine_bins, other_bins)
            NaN for masked bins. Smoothed as if embedded in a square of missing values.

        Raises
        ------
        ValueError
            When a segment does not lie inside its chromosome or on the bins.
        """
        rows, columns = (one, self._first_bin(start), n_fine_bins), (other, self._first_bin(other_start), other_bins)
        return self._windows.smoothed_block(*rows, *columns, self.cutoff)

    def missing_share(self, chromosome: str, start: int, n_fine_bins: int, factor: int) -> np.ndarray:
        """Share of the fine pixels behind each entry of a target that were not measured; parameters as there.

        Returns
        -------
        float64 array, (n_fine_bins / factor, n_fine_bins / factor)
            A fine pixel is measured when both of its bins have a balancing weight.
        """
        first = self._first_bin(start)
        measured = np.isfinite(self.weights[chromosome][first : first + n_fine_bins])
        share = measured.reshape(-1, factor).mean(axis=1)
        return 1 - np.outer(share, share)

"""Windows of a cooler: dense arrays, or coarse-grained straight from its rows.

Inputs: a single-resolution cooler. Outputs: raw counts, balancing weights and smoothed windows.
The pixels of a prepared map are memory-mapped (:mod:`cisflow.contacts.rows`). Those of other coolers are kept in
memory, chromosome by chromosome, after the first use while they fit a budget. No file stays open, so that an object can
be copied to other processes.
"""

from __future__ import annotations

from pathlib import Path

import cooler
import h5py
import numpy as np
from numba import njit

from cisflow.contacts.coarsegrain import adaptive_coarsegrain
from cisflow.contacts.rows import MappedRows, has_rows
from cisflow.contacts.smoothed import SmoothedWindow
from cisflow.problems import InputError, Problem

BYTES = 8  # of a pixel in memory
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


@njit(cache=True)
def _fill(offsets: np.ndarray, columns: np.ndarray, counts: np.ndarray, first: int, dense: np.ndarray) -> None:
    """Write upper-triangle pixels, row by row from bin ``first``, into a symmetric window that starts there."""
    n = dense.shape[0]
    for i in range(n):
        for k in range(offsets[i], offsets[i + 1]):
            j = columns[k] - first
            if j >= n:
                break  # columns rise within a row
            dense[i, j] = counts[k]
            dense[j, i] = counts[k]


@njit(cache=True)
def _fill_block(offsets, columns, counts, first, dense):  # type: ignore[no-untyped-def]
    """Write the pixels of rows into a rectangle whose columns start at bin ``first``."""
    n, m = dense.shape
    for i in range(n):
        low, high = offsets[i], offsets[i + 1]
        low += np.searchsorted(columns[low:high], first)
        for k in range(low, high):
            j = columns[k] - first
            if j >= m:
                break
            dense[i, j] = counts[k]


class CoolerWindows:
    """Windows of a cooler.

    Parameters
    ----------
    path : path
        Cooler with fixed bins; ``file.mcool::/resolutions/N`` works as well.
    max_cached_bytes : int
        Coolers without memory-mappable rows: pixels kept in memory, at 8 bytes each; windows of chromosomes beyond it
        are read from the file every time.

    Attributes
    ----------
    chromosomes : dict of str to int
        Length (bp) of every chromosome, in the order of the bins.
    n_bins : dict of str to int
        Number of bins of every chromosome.
    resolution : int
        Bin size (bp).
    weights : dict of str to float64 array
        Multiplicative balancing weights, NaN for masked bins.

    Raises
    ------
    InputError
        When the cooler has bins of different sizes or no ``weight`` column.
    """

    def __init__(self, path: str | Path, max_cached_bytes: int = 8 << 30):
        clr = cooler.Cooler(str(path))
        if clr.binsize is None:
            raise InputError(Problem(str(path), "bins differ in size; expected bins of one size"))
        if "weight" not in clr.bins().columns:
            raise InputError(Problem(str(path), "no column `weight` in the table of bins; expected a balanced map"))
        self._file, self._group = clr.filename, clr.root
        self.resolution = int(clr.binsize)
        self.chromosomes = {str(name): int(length) for name, length in clr.chromsizes.items()}
        extents = {name: clr.extent(name) for name in self.chromosomes}
        self._first = {name: int(low) for name, (low, _) in extents.items()}
        self.n_bins = {name: int(high - low) for name, (low, high) in extents.items()}
        weight = clr.bins()["weight"][:].to_numpy(dtype=np.float64)
        self.weights = {name: weight[low:high] for name, (low, high) in extents.items()}
        with h5py.File(self._file, "r") as handle:
            self._offsets = handle[self._group]["indexes/bin1_offset"][:]
        self._mapped = MappedRows(self._file) if has_rows(self._file, self._group) else None
        self._budget = max_cached_bytes // BYTES
        self._cache: dict[str, Rows] = {}

    def _read(self, low: int, high: int, begin: int, end: int) -> Rows:
        """Rows ``low`` to ``high`` of the file, of columns from ``begin`` to ``end``."""
        first, last = self._offsets[low], self._offsets[high]
        with h5py.File(self._file, "r") as handle:
            pixels = handle[self._group]["pixels"]
            columns, counts = pixels["bin2_id"][first:last], pixels["count"][first:last]
        kept = (columns >= begin) & (columns < end)
        before = np.concatenate([[0], np.cumsum(kept)])
        if counts.dtype != np.int32:
            counts = counts.astype(np.float64)
        return before[self._offsets[low : high + 1] - first], columns[kept].astype(np.int32), counts[kept]

    def _rows(self, chromosome: str, first: int, n: int) -> Rows:
        """Rows of a window, with pixels of columns beyond it, too."""
        bins, start = self.n_bins[chromosome], self._first[chromosome]
        if first < 0 or n < 1 or first + n > bins:
            raise ValueError(f"bins {first} to {first + n} do not lie inside {chromosome}, which has {bins} bins")
        low = start + first
        if self._mapped:
            return self._offsets[low : low + n + 1], self._mapped.columns, self._mapped.counts
        if chromosome not in self._cache:
            size = int(self._offsets[start + bins] - self._offsets[start])
            if size <= self._budget:
                self._cache[chromosome] = self._read(start, start + bins, 0, start + bins)
                self._budget -= len(self._cache[chromosome][1])
        if chromosome in self._cache:
            offsets, columns, counts = self._cache[chromosome]
            return offsets[first : first + n + 1], columns, counts
        return self._read(low, low + n, 0, low + n)

    def counts(self, chromosome: str, first: int, n: int) -> np.ndarray:
        """Raw counts of the bins ``first`` to ``first + n`` of a chromosome.

        Parameters
        ----------
        chromosome : str
        first, n : int
            First bin (0-based within the chromosome) and number of bins.

        Returns
        -------
        float64 array, (n, n)
            Symmetric.

        Raises
        ------
        ValueError
            When the window does not lie inside the chromosome.
        """
        offsets, columns, counts = self._rows(chromosome, first, n)
        dense = np.zeros((n, n))
        _fill(offsets, columns, counts, self._first[chromosome] + first, dense)
        return dense

    def balanced(self, chromosome: str, first: int, counts: np.ndarray) -> np.ndarray:
        """Balanced map of a window from its raw counts (:meth:`counts`); float64 (n, n), NaN for masked bins."""
        weights = self.weights[chromosome][first : first + len(counts)]
        return counts * np.outer(weights, weights)

    def smoothed(self, chromosome: str, first: int, n: int, cutoff: float = 5) -> SmoothedWindow:
        """Coarse-grained window of the bins ``first`` to ``first + n`` of a chromosome.

        Parameters
        ----------
        chromosome : str
        first, n : int
            See :meth:`counts`.
        cutoff : float
            See :func:`~cisflow.contacts.coarsegrain.adaptive_coarsegrain`.
        """
        offsets, columns, counts = self._rows(chromosome, first, n)
        weights = self.weights[chromosome][first : first + n]
        return SmoothedWindow(offsets, columns, counts, self._first[chromosome] + first, weights, cutoff)

    def block_counts(self, one: str, first: int, n: int, other: str, other_first: int, m: int) -> np.ndarray:
        """Raw counts between two stretches, of one chromosome or of two.

        Parameters
        ----------
        one, other : str
            Chromosomes of the rows and of the columns.
        first, n : int
            First bin of the rows (0-based within the chromosome) and their number.
        other_first, m : int
            The same for the columns.

        Returns
        -------
        float64 array, (n, m)

        Raises
        ------
        ValueError
            When a stretch does not lie inside its chromosome.
        """
        dense = np.zeros((n, m))
        places = (one, first, n), (other, other_first, m)
        for (name, start, length), (across, begin, width), part in ((*places, dense), (*places[::-1], dense.T)):
            bins = self.n_bins[name]
            if start < 0 or length < 1 or start + length > bins:
                raise ValueError(f"bins {start} to {start + length} do not lie inside {name}, which has {bins} bins")
            low, begin = self._first[name] + start, self._first[across] + begin
            if begin + width > low:  # the rows hold the upper triangle
                if self._mapped:
                    rows = self._offsets[low : low + length + 1], self._mapped.columns, self._mapped.counts
                else:
                    rows = self._read(low, low + length, begin, begin + width)
                _fill_block(*rows, begin, part)
        return dense

    def smoothed_block(
        self, one: str, first: int, n: int, other: str, other_first: int, m: int, cutoff: float = 5
    ) -> np.ndarray:
        """Coarse-grained map between two stretches, see :meth:`block_counts`; float64 (n, m), NaN for masked bins."""
        counts = self.block_counts(one, first, n, other, other_first, m)
        weights = self.weights[one][first : first + n], self.weights[other][other_first : other_first + m]
        return adaptive_coarsegrain(counts * np.outer(*weights), counts, cutoff)

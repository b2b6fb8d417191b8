"""Windows of a cooler as dense arrays.

Inputs: a single-resolution cooler. Outputs: raw counts and balancing weights of square windows within a chromosome.
The pixels of a chromosome are kept in memory after the first use while they fit a budget; no file stays open, so that
an object can be copied to other processes.
"""

from __future__ import annotations

from pathlib import Path

import cooler
import h5py
import numpy as np
from numba import njit

from cisflow.problems import InputError, Problem


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


class CoolerWindows:
    """Square windows of a cooler.

    Parameters
    ----------
    path : path
        Cooler with fixed bins; ``file.mcool::/resolutions/N`` works as well.
    max_cached_bytes : int
        Pixels kept in memory, at 12 bytes each; windows of chromosomes beyond it are read from the file every time.

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
        self._budget = max_cached_bytes // 12
        self._cache: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def _read(self, low: int, high: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offsets, columns and counts of the pixels of rows ``low`` to ``high`` whose column lies before ``end``."""
        first, last = self._offsets[low], self._offsets[high]
        with h5py.File(self._file, "r") as handle:
            pixels = handle[self._group]["pixels"]
            columns, counts = pixels["bin2_id"][first:last], pixels["count"][first:last]
        kept = columns < end
        before = np.concatenate([[0], np.cumsum(kept)])
        return before[self._offsets[low : high + 1] - first], columns[kept].astype(np.int32), counts[kept].astype(float)

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
        bins, start = self.n_bins[chromosome], self._first[chromosome]
        if first < 0 or n < 1 or first + n > bins:
            raise ValueError(f"bins {first} to {first + n} do not lie inside {chromosome}, which has {bins} bins")
        if chromosome not in self._cache:
            size = int(self._offsets[start + bins] - self._offsets[start])
            if size <= self._budget:
                self._cache[chromosome] = self._read(start, start + bins, start + bins)
                self._budget -= len(self._cache[chromosome][1])
        if chromosome in self._cache:
            offsets, columns, counts = self._cache[chromosome]
            offsets = offsets[first : first + n + 1]
        else:
            offsets, columns, counts = self._read(start + first, start + first + n, start + first + n)
        dense = np.zeros((n, n))
        _fill(offsets, columns, counts, start + first, dense)
        return dense

    def balanced(self, chromosome: str, first: int, counts: np.ndarray) -> np.ndarray:
        """Balanced map of a window from its raw counts (:meth:`counts`); float64 (n, n), NaN for masked bins."""
        weights = self.weights[chromosome][first : first + len(counts)]
        return counts * np.outer(weights, weights)

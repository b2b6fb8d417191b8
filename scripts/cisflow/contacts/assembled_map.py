"""Observed contacts of an input of several chromosomes.

Purpose: the contact map of an assembly, every pair of segments smoothed by itself. Inputs: a balanced cooler, the
layout of the assembly. Outputs: a balanced, coarse-grained map in reading order.
Source: third stage of Orca's training (Zhou 2022, Nature Genetics 54:725-734).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import cooler
import h5py
import numpy as np
from numba import njit

from cisflow.contacts.assembly import Layout
from cisflow.contacts.coarsegrain import adaptive_coarsegrain
from cisflow.contacts.windows import Segment

CHUNK = 1 << 24  # pixels read at a time


@njit(cache=True)
def _scatter(
    offsets: np.ndarray,
    columns: np.ndarray,
    counts: np.ndarray,
    row_place: int,
    column_starts: np.ndarray,
    column_places: np.ndarray,
    column_sizes: np.ndarray,
    dense: np.ndarray,
) -> None:
    """Write pixels of consecutive rows into every stretch of columns that they lie in, and mirrored."""
    for row in range(len(offsets) - 1):
        for k in range(offsets[row], offsets[row + 1]):
            for s in range(len(column_starts)):
                inside = columns[k] - column_starts[s]
                if 0 <= inside < column_sizes[s]:
                    x, y = row_place + row, column_places[s] + inside
                    dense[x, y] = counts[k]
                    dense[y, x] = counts[k]


class AssembledMap:
    """Contacts between any stretches of the genome.

    Parameters
    ----------
    path : path
        Cooler with a column ``weight``.
    weights : mapping of str to float array
        Balancing weights of every chromosome, NaN for masked bins.
    resolution : int
        Bin size (bp).
    cutoff : float
        Fewest counts of a pixel that is not smoothed, see :func:`~cisflow.contacts.coarsegrain.adaptive_coarsegrain`.
    max_cached_bytes : int
        Pixels of the whole map are kept in memory, at 12 bytes each, when they fit; otherwise the rows of an assembly
        are read from the file, in pieces.

    Notes
    -----
    No file stays open, so that an object can be copied to other processes.
    """

    def __init__(
        self,
        path: str | Path,
        weights: Mapping[str, np.ndarray],
        resolution: int,
        cutoff: float = 5,
        max_cached_bytes: int = 4 << 30,
    ):
        clr = cooler.Cooler(str(path))
        self._file, self._group = clr.filename, clr.root
        self._first = {str(name): int(clr.offset(name)) for name in clr.chromnames}
        self.weights, self.resolution, self.cutoff = weights, resolution, cutoff
        with h5py.File(self._file, "r") as handle:
            self._offsets = handle[self._group]["indexes/bin1_offset"][:]
        self._cached: tuple[np.ndarray, np.ndarray] | None = None
        if 12 * self._offsets[-1] <= max_cached_bytes:
            self._cached = self._read(0, int(self._offsets[-1]))

    def _read(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        if self._cached is not None:
            return self._cached[0][first:last], self._cached[1][first:last]
        with h5py.File(self._file, "r") as handle:
            pixels = handle[self._group]["pixels"]
            return pixels["bin2_id"][first:last].astype(np.int64), pixels["count"][first:last].astype(np.float32)

    def _rows(self, low: int, high: int) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """Pieces of the rows ``low`` to ``high``: first row, offsets of the rows in the piece, columns, counts."""
        while low < high:
            limit = self._offsets[low] + CHUNK
            end = max(low + 1, min(high, int(np.searchsorted(self._offsets, limit, side="right")) - 1))
            first, last = int(self._offsets[low]), int(self._offsets[end])
            yield low, self._offsets[low : end + 1] - first, *self._read(first, last)
            low = end

    def counts(self, layout: Layout) -> np.ndarray:
        """Raw counts of an assembly with all its segments read forward; float32 (bins, bins), symmetric."""
        sizes = np.array([segment.length // self.resolution for segment in layout.segments], dtype=np.int64)
        places = np.cumsum(sizes) - sizes
        starts = np.array(
            [self._first[s.chromosome] + s.start // self.resolution for s in layout.segments], dtype=np.int64
        )
        dense = np.zeros((len(layout), len(layout)), dtype=np.float32)
        for start, place, size in zip(starts, places, sizes, strict=True):
            for row, offsets, columns, counts in self._rows(start, start + size):
                _scatter(offsets, columns, counts, place + row - start, starts, places, sizes, dense)
        return dense

    def observed(self, layout: Layout) -> np.ndarray:
        """Balanced, coarse-grained contacts of an assembly in reading order.

        Parameters
        ----------
        layout : Layout

        Returns
        -------
        float32 array, (bins, bins)
            NaN for masked bins. Each pair of segments is coarse-grained by itself and then turned as their strands say.
        """
        result = self.counts(layout)
        edges, first = [], 0
        for segment in layout.segments:
            edges.append(slice(first, first + segment.length // self.resolution))
            first = edges[-1].stop
        weights = [self._segment_weights(segment) for segment in layout.segments]
        for a, one in enumerate(layout.segments):
            for b, other in enumerate(layout.segments[a:], a):
                counts = result[edges[a], edges[b]].astype(np.float64)
                smooth = adaptive_coarsegrain(counts * np.outer(weights[a], weights[b]), counts, self.cutoff)
                smooth = smooth[:: -1 if one.reverse else 1, :: -1 if other.reverse else 1]
                result[edges[a], edges[b]] = smooth
                result[edges[b], edges[a]] = smooth.T
        return result

    def _segment_weights(self, segment: Segment) -> np.ndarray:
        first = segment.start // self.resolution
        return self.weights[segment.chromosome][first : first + segment.length // self.resolution]

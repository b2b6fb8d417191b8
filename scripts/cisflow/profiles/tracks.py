"""Counts per base from a bigWig file.

Inputs: a bigWig of counts (cut sites of ATAC-seq or DNase-seq, both strands together). Outputs: counts of windows. A
chromosome is read in blocks, so that memory does not grow with it and no window is read on its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyBigWig

from cisflow.problems import InputError, Problem

BLOCK = 1 << 23  # bases


class Track:
    """Coverage in a bigWig file.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    lengths : dict of str to int
        Length (bp) of every chromosome in the file's header.

    Raises
    ------
    InputError
        When the file is missing or no bigWig file.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(Problem(str(path), "file not found; expected a bigWig file"))
        try:
            self._file = pyBigWig.open(str(path))
            is_bigwig = self._file.isBigWig()
        except RuntimeError as error:
            raise InputError(Problem(str(path), f"cannot be read as a bigWig file: {error}")) from None
        if not is_bigwig:
            raise InputError(Problem(str(path), "not a bigWig file (bigBed?); expected coverage"))
        self.lengths = {str(name): int(length) for name, length in self._file.chroms().items()}

    def __enter__(self) -> Track:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def windows(self, chromosome: str, starts: np.ndarray, width: int) -> np.ndarray:
        """Counts of windows of one width.

        Parameters
        ----------
        chromosome : str
        starts : int array, (n,)
            First bases, 0-based, in any order; windows may reach beyond the ends of the chromosome.
        width : int

        Returns
        -------
        array, (n, width)
            The smallest of uint8, uint16, uint32 that holds all values when they are whole, else float32. Bases without
            data, and positions outside the chromosome, are 0.

        Raises
        ------
        InputError
            When a value is negative or not finite.
        """
        length = self.lengths[chromosome]
        found = np.zeros((len(starts), width), dtype=np.float32)
        order = np.argsort(starts, kind="stable")
        ordered = np.asarray(starts)[order]
        first = 0
        while first < len(ordered):
            low = max(int(ordered[first]), 0)
            last = int(np.searchsorted(ordered, ordered[first] + BLOCK, side="left"))
            high = min(int(ordered[last - 1]) + width, length)
            if low < high:
                block = self._values(chromosome, low, high)
                # Zeros on both sides stand for what lies outside the chromosome.
                before, after = low - int(ordered[first]), int(ordered[last - 1]) + width - high
                block = np.pad(block, (before, after))
                views = np.lib.stride_tricks.sliding_window_view(block, width)
                found[order[first:last]] = views[ordered[first:last] - ordered[first]]
            first = last
        return smallest_type(found)

    def _values(self, chromosome: str, start: int, end: int) -> np.ndarray:
        values = np.nan_to_num(self._file.values(chromosome, start, end, numpy=True), nan=0.0, posinf=np.inf)
        wrong = np.flatnonzero((values < 0) | ~np.isfinite(values))
        if len(wrong):
            what = f"{values[wrong[0]]:g} at {chromosome}:{start + wrong[0]:,}; expected counts of 0 or more"
            raise InputError(Problem(str(self.path), what))
        return values


def smallest_type(values: np.ndarray) -> np.ndarray:
    """Whole numbers in the smallest unsigned type that holds them (at most uint32); others as they are (float32)."""
    if not values.size or (values == np.rint(values)).all():
        highest = values.max(initial=0)
        for kind in (np.uint8, np.uint16, np.uint32):
            if highest <= np.iinfo(kind).max:
                return values.astype(kind)
    return values

"""Peaks of profile tracks as 0/1 labels of bins.

Inputs: BED files (plain or gzip), one per track. Outputs: labels, float32 (tracks, bins).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cisflow.contacts.intervals import read_bed
from cisflow.problems import InputError, Problem


class PeakTracks:
    """Peak intervals of several tracks.

    Parameters
    ----------
    paths : sequence of path
        BED files, 0-based half-open intervals; columns beyond the third are not used.

    Raises
    ------
    InputError
        When a file is not a BED file: every faulty row is told (the first ten of each file).
    """

    def __init__(self, paths: Sequence[str | Path]):
        self.names = [Path(path).name for path in paths]
        self._edges: list[dict[str, tuple[np.ndarray, np.ndarray]]] = []
        problems: list[Problem] = []
        for path in paths:
            table, found = read_bed(path)
            problems += found
            if table is not None:
                self._edges.append(
                    {
                        str(name): (np.sort(rows["start"].to_numpy()), np.sort(rows["end"].to_numpy()))
                        for name, rows in table.groupby("chromosome", sort=True)
                    }
                )
        if problems:
            raise InputError(problems)

    def __len__(self) -> int:
        return len(self.names)

    def labels(self, chromosome: str, start: int, bins: int, bin_size: int) -> np.ndarray:
        """Which bins are overlapped by a peak.

        Parameters
        ----------
        chromosome : str
        start : int
            First base of the first bin.
        bins, bin_size : int

        Returns
        -------
        float32 array, (tracks, bins)
            1 where one or more intervals share at least one base with the bin.
        """
        left = start + bin_size * np.arange(bins)
        labels = np.zeros((len(self), bins), dtype=np.float32)
        for k, edges in enumerate(self._edges):
            if chromosome in edges:
                starts, ends = edges[chromosome]
                begun = np.searchsorted(starts, left + bin_size, side="left")
                over = np.searchsorted(ends, left, side="right")
                labels[k] = begun > over
        return labels

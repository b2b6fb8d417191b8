"""Peaks of profile tracks as 0/1 labels of bins.

Inputs: BED files (plain or gzip), one per track. Outputs: labels, float32 (tracks, bins).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

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
            table, found = _read_bed(Path(path))
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


def _read_bed(path: Path) -> tuple[pd.DataFrame | None, list[Problem]]:
    try:
        table = pd.read_csv(
            path, sep="\t", header=None, comment="#", usecols=[0, 1, 2], names=["chromosome", "start", "end"], dtype=str
        )
    except (ValueError, pd.errors.ParserError) as error:
        return None, [Problem(str(path), f"not a BED file (chromosome, start, end, tab-separated): {error}")]
    start, end = (pd.to_numeric(table[name], errors="coerce") for name in ("start", "end"))
    wrong = ~((start >= 0) & (end > start) & (start % 1 == 0) & (end % 1 == 0))
    problems = [
        Problem(
            str(path),
            f"interval {table['start'][row]} to {table['end'][row]}; expected whole numbers with 0 <= start < end",
            row=int(row) + 1,
        )
        for row in table.index[wrong][:10]
    ]
    kept = table[["chromosome"]][~wrong].assign(start=start[~wrong].astype(int), end=end[~wrong].astype(int))
    return kept, problems

"""Intervals of a BED file: reading, and which stretches of the genome they touch.

Inputs: BED files (plain or gzip), 0-based half-open. Outputs: tables of intervals; :class:`Intervals` that say
whether a window overlaps one of them (regions to leave out of training, e.g. a blacklist of unmappable regions).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.user_files import read_text

SHOWN = 10
FARTHEST = 10**12  # bp; no genome reaches so far
NO_INTERVAL = r"^(#|track\b|browser\b)"  # lines of a BED file that are for genome browsers and people
OFFSET_COLUMN = 9  # of narrowPeak files: the summit's distance from the start


def read_bed(path: str | Path, summits: bool = False) -> tuple[pd.DataFrame | None, list[Problem]]:
    """Read the first three columns of a BED file, and the summits of a narrowPeak file.

    Parameters
    ----------
    path : path
        Plain or gzip. Lines that begin with ``#``, ``track`` or ``browser`` are left out.
    summits : bool
        Read the tenth column where there is one.

    Returns
    -------
    DataFrame or None
        ``chromosome``, ``start``, ``end``, with ``summits`` also ``offset`` (summit from the start, -1 where none was
        called), of the rows without fault; None when the file is no BED file.
    list of Problem
        The first ten faulty rows.
    """
    try:
        lines = read_text(path, "a BED file").split("\n")
    except InputError as error:
        return None, error.problems
    rows = pl.DataFrame({"line": lines}, schema={"line": pl.String}).with_row_index("row", offset=1)
    text = pl.col("line").str.strip_chars_end("\r\n ")
    rows = rows.with_columns(text).filter((pl.col("line") != "") & ~pl.col("line").str.contains(NO_INTERVAL))
    cells = rows.select("row", "line", cells=pl.col("line").str.split("\t"))
    short = cells.filter(pl.col("cells").list.len() < 3)
    problems = [
        Problem(str(path), f"{line[:60]!r}; not a BED file (expected chromosome, start, end between tabs)", row)
        for row, line in short.select("row", "line").head(SHOWN).iter_rows()
    ]
    if problems:
        return None, problems
    places = {"chromosome": 0, "start": 1, "end": 2}
    if summits and len(cells) and len(cells["cells"][0]) > OFFSET_COLUMN:
        places["offset"] = OFFSET_COLUMN
    cell = pl.col("cells").list
    table = cells.select(
        "row", **{name: cell.get(place, null_on_oob=True).str.strip_chars() for name, place in places.items()}
    ).to_pandas()
    values = {name: pd.to_numeric(table[name], errors="coerce") for name in places if name != "chromosome"}
    start, end = values["start"], values["end"]
    wrong = ~((start >= 0) & (end > start) & (end <= FARTHEST) & (start % 1 == 0) & (end % 1 == 0))
    problems = [
        Problem(
            str(path),
            f"interval {table['start'][row]} to {table['end'][row]}; expected whole numbers with 0 <= start < end",
            row=int(table["row"][row]),
        )
        for row in table.index[wrong][:SHOWN]
    ]
    if "offset" in table:
        offset = values["offset"]
        outside = ~wrong & ~((offset >= -1) & (offset < end - start) & (offset % 1 == 0))
        problems += [
            Problem(
                str(path),
                f"summit at {table['offset'][row]} from the start; expected a whole number inside the interval, or -1",
                row=int(table["row"][row]),
                column="10",
            )
            for row in table.index[outside][:SHOWN]
        ]
        wrong |= outside
    return table[["chromosome"]][~wrong].assign(**{k: v[~wrong].astype(int) for k, v in values.items()}), problems


class Intervals:
    """Stretches of the genome that windows must not touch.

    Parameters
    ----------
    by_chromosome : mapping of str to int array, (intervals, 2)
        Starts and ends, 0-based half-open, in any order; they may overlap.
    """

    def __init__(self, by_chromosome: Mapping[str, np.ndarray]):
        self._edges: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for name, given in by_chromosome.items():
            edges = np.asarray(given, dtype=np.int64).reshape(-1, 2)
            if len(edges):
                edges = edges[np.argsort(edges[:, 0], kind="stable")]
                # With rising starts the farthest end so far decides whether an earlier interval reaches a place.
                self._edges[name] = edges[:, 0].copy(), np.maximum.accumulate(edges[:, 1])

    def __len__(self) -> int:
        return sum(len(starts) for starts, _ in self._edges.values())

    def overlap(self, chromosome: str, start: int, end: int) -> bool:
        """Whether an interval shares at least one base with [start, end)."""
        if chromosome not in self._edges:
            return False
        starts, reached = self._edges[chromosome]
        before = int(np.searchsorted(starts, end, side="left"))
        return before > 0 and bool(reached[before - 1] > start)


def read_excluded(path: str | Path, chromosomes: Collection[str]) -> Intervals:
    """Read the intervals that windows of a map must not touch.

    Parameters
    ----------
    path : path
        BED file.
    chromosomes : collection of str
        Chromosomes of the map. Names that are none of them are told in the log.

    Raises
    ------
    InputError
        When the file is no BED file, or none of its chromosomes is in the map (names that differ, e.g. ``1`` and
        ``chr1``, would leave nothing out).
    """
    table, problems = read_bed(path)
    if problems or table is None:
        raise InputError(problems)
    names = list(dict.fromkeys(table["chromosome"]))
    unknown = [name for name in names if name not in chromosomes]
    shown = ", ".join(unknown[:SHOWN]) + (", ..." if len(unknown) > SHOWN else "")
    if names and len(unknown) == len(names):
        expected = ", ".join(list(chromosomes)[:SHOWN])
        raise InputError(
            Problem(
                str(path),
                f"none of its chromosomes is in the map: {shown}; the map has {expected}",
                column="chromosome",
            )
        )
    if unknown:
        n_rows = int(table["chromosome"].isin(unknown).sum())
        logger.warning(
            "%s: %d of %d intervals are on chromosomes that the map does not have: %s", path, n_rows, len(table), shown
        )
    kept = table[table["chromosome"].isin(list(chromosomes))]
    return Intervals({str(name): rows[["start", "end"]].to_numpy() for name, rows in kept.groupby("chromosome")})

"""The funnel of a bin: reads that are left after each step, by file.

Inputs: counts by file and step. Outputs: the table, and the sum of the funnels of several shards.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cisflow.problems import InputError, Problem

#: Value of the column ``file`` in rows that concern all files of a bin.
ALL_FILES = "all"
MOLECULES, UNIQUE = "molecules", "unique sequences"
SCHEMA = {"library": pl.String, "bin": pl.String, "file": pl.String, "step": pl.String, "count": pl.Int64}
#: Rows of a funnel: file, step, count.
FunnelRows = list[tuple[str, str, int]]


def totals(rows: FunnelRows) -> dict[str, int]:
    """Counts by step, over all files."""
    sums: dict[str, int] = {}
    for _, step, count in rows:
        sums[step] = sums.get(step, 0) + count
    return sums


def bin_rows(n_unique: int, n_molecules: int, with_umi: bool) -> FunnelRows:
    """Rows for all files of a bin together; molecules are told apart by their identifiers, where there are any."""
    molecules = [(ALL_FILES, MOLECULES, n_molecules)] if with_umi else []
    return [*molecules, (ALL_FILES, UNIQUE, n_unique)]


def funnel_table(library: str, name: str, rows: FunnelRows) -> pl.DataFrame:
    """Funnel of a bin with the columns ``library``, ``bin``, ``file``, ``step``, ``count``."""
    return pl.DataFrame([(library, name, *row) for row in rows], schema=SCHEMA, orient="row")


def add_shards(tables: Sequence[pl.DataFrame]) -> FunnelRows:
    """Sum of the funnels of a bin's shards, row by row; two lanes may have the same file name.

    Raises
    ------
    InputError
        When the shards were not made of the same files.
    """
    names = tables[0].select("file", "step")
    for number, table in enumerate(tables):
        if not table.select("file", "step").equals(names):
            raise InputError(
                Problem(f"funnel of shard {number}", "other files or steps than shard 0; count all shards again")
            )
    counts = sum((table["count"] for table in tables[1:]), tables[0]["count"])
    return list(zip(*names.get_columns(), counts, strict=True))

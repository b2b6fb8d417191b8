"""Where the rows of a dataset come from: a table, or the expression estimates of a library.

Inputs: paths, None where a dataset has no such source. Outputs: checked rows for :mod:`cisflow.datasets.build`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from cisflow.clusters.ordered import read_ordered
from cisflow.datasets.tables import read_library, read_test_table, read_training_table, with_positions


def read_train(
    table: str | Path | None, library: str | Path | None, names: Mapping[str, str] | None = None
) -> pl.DataFrame | None:
    """Training rows of a table or a library; None when neither is given.

    Parameters
    ----------
    table : path or None
        See :func:`cisflow.datasets.tables.read_training_table`.
    library : path or None
        ``expression/{library}.{method}.parquet``.
    names : mapping of str to str, optional
        Names that the table has for our columns.
    """
    if table is not None:
        return read_training_table(table, names)
    return read_library(library) if library is not None else None


def read_test(
    table: str | Path | None, library: str | Path | None, ordered: str | Path | None = None
) -> pl.DataFrame | None:
    """Test rows of a table or a library, with ``pos``; None when neither is given.

    Parameters
    ----------
    table : path or None
        See :func:`cisflow.datasets.tables.read_test_table`.
    library : path or None
        ``expression/{library}.{method}.parquet``.
    ordered : path or None
        Ordered sequences of the library; ``pos`` is then the 0-based row there, else the row of the estimates.
    """
    if table is not None:
        return read_test_table(table)
    if library is None:
        return None
    rows = read_library(library)
    if ordered is None:
        return rows.with_columns(pos=pl.int_range(pl.len(), dtype=pl.Int64))
    return with_positions(rows, read_ordered(ordered)["element"], str(ordered))

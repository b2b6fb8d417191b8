"""Where the rows of a dataset come from: a table, or the expression estimates of a library.

Inputs: paths, None where a dataset has no such source. Outputs: checked rows for :mod:`cisflow.datasets.build`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from cisflow.clusters.ordered import read_ordered
from cisflow.datasets.layout import TableLayout, read_training_rows, with_orientation
from cisflow.datasets.tables import read_library, read_test_table, with_positions


def read_train(
    tables: Sequence[str | Path],
    library: str | Path | None,
    layout: TableLayout | None = None,
    fastas: Sequence[str | Path] = (),
) -> pl.DataFrame | None:
    """Training rows of tables or a library; None when neither is given.

    Parameters
    ----------
    tables : sequence of path
        See :func:`cisflow.datasets.layout.read_training_rows`; empty without.
    library : path or None
        ``expression/{library}.{method}.parquet``.
    layout : TableLayout, optional
    fastas : sequence of path
        Sequences of each table, where the tables have none.
    """
    if tables:
        return read_training_rows(tables, fastas, layout)
    return read_library(library) if library is not None else None


def read_test(
    table: str | Path | None,
    library: str | Path | None,
    ordered: str | Path | None = None,
    reverse_pattern: str | None = None,
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
    reverse_pattern : str or None
        See :class:`cisflow.datasets.layout.TableLayout`; elements of a table are marked by it.
    """
    if table is not None:
        return with_orientation(read_test_table(table), reverse_pattern)
    if library is None:
        return None
    rows = read_library(library)
    if ordered is None:
        return rows.with_columns(pos=pl.int_range(pl.len(), dtype=pl.Int64))
    return with_positions(rows, read_ordered(ordered)["element"], str(ordered))

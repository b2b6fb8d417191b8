"""How the training tables of a dataset are laid out, beyond the names of their columns.

Purpose: several tables and FASTA files as one table; folds and orientation that stand in the names of the elements.
Inputs: paths and a :class:`TableLayout`. Outputs: checked rows, or one error with every problem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from cisflow.datasets.columns import ORIENTATION
from cisflow.datasets.tables import read_training_table, shown
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem


@dataclass(frozen=True)
class TableLayout:
    """Layout of training tables.

    Attributes
    ----------
    names : mapping of str to str
        Names that the tables have for ``sequence``, ``expression``, ``element`` and ``fold``.
    measurements : mapping of str to str
        Further measurements: our names, and the columns of the tables.
    reverse_pattern : str or None
        Regular expression that is found in the names of elements in reverse orientation, and in no others.
    fold_pattern : str or None
        Regular expression whose first group is the fold, searched in the name of every element.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    measurements: Mapping[str, str] = field(default_factory=dict)
    reverse_pattern: str | None = None
    fold_pattern: str | None = None


def with_orientation(rows: pl.DataFrame, pattern: str | None) -> pl.DataFrame:
    """Add ``is_reverse`` (bool): whether the pattern is found in the name of the element; no column without one."""
    if pattern is None:
        return rows
    return rows.with_columns(pl.col("element").str.contains(pattern).alias(ORIENTATION))


def _with_folds(rows: pl.DataFrame, pattern: str, where: str) -> pl.DataFrame:
    rows = rows.with_columns(fold=pl.col("element").str.extract(pattern, 1))
    missing = rows.filter(pl.col("fold").is_null())["element"].to_list()
    if missing:
        problems = [Problem(where, f"element {name!r}: the pattern {pattern!r} finds no fold") for name in missing]
        raise InputError(shown(problems, where))
    return rows


def read_training_rows(
    tables: Sequence[str | Path], fastas: Sequence[str | Path], layout: TableLayout | None = None
) -> pl.DataFrame:
    """Read training tables as one.

    Parameters
    ----------
    tables : sequence of path
        See :func:`cisflow.datasets.tables.read_training_table`; rows follow each other in this order, equal rows of
        several tables count once.
    fastas : sequence of path
        Sequences of each table, where the tables have none; else empty.
    layout : TableLayout, optional

    Returns
    -------
    polars.DataFrame
        Columns of :func:`~cisflow.datasets.tables.read_training_table`, and ``is_reverse`` (bool) with a
        ``reverse_pattern``. Elements that no table names are ``train<row>`` with the row of all tables together.

    Raises
    ------
    InputError
        As :func:`~cisflow.datasets.tables.read_training_table`; also a pattern that finds nothing, or only one
        orientation.
    """
    layout = layout or TableLayout()
    parts: list[pl.DataFrame] = []
    problems = []
    for path, fasta in zip(tables, fastas or [None] * len(tables), strict=True):
        try:
            first_row = sum(map(len, parts))
            parts.append(read_training_table(path, layout.names, layout.measurements, fasta, first_row))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    where = ", ".join(map(str, tables))
    rows = pl.concat(parts).unique(maintain_order=True) if len(parts) > 1 else parts[0]
    if len(rows) < sum(map(len, parts)):
        logger.info("%d rows are in more than one table: taken once", sum(map(len, parts)) - len(rows))
    try:
        if layout.fold_pattern is not None:
            rows = _with_folds(rows, layout.fold_pattern, where)
        rows = with_orientation(rows, layout.reverse_pattern)
    except pl.exceptions.ComputeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(Problem(where, f"not a regular expression that can be searched: {reason}")) from None
    if layout.reverse_pattern is not None and rows[ORIENTATION].n_unique() < 2:
        found = "every" if rows[ORIENTATION][0] else "no"
        what = f"the pattern {layout.reverse_pattern!r} is found in {found} name of an element, such as"
        expected = "expected some of each orientation"
        raise InputError(Problem(where, f"{what} {rows['element'][0]!r}; {expected}", column="reverse_pattern"))
    return rows

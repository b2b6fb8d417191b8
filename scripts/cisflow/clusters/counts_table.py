"""Counts per bin that a user brings along.

Inputs: a table with a sequence column and one column of counts per bin. Outputs: the table of counts in the form that
the later stages read, and its funnel; or one error with every problem. Nothing is clustered: sequences are elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from cisflow.clusters.elements import ALL_BINS, READS_COUNTED, READS_IN, funnel_table
from cisflow.clusters.ordered import shown
from cisflow.problems import InputError, Problem, did_you_mean
from cisflow.user_files import read_text

#: A count as text; programs that know missing values write integers as 12.0.
COUNT = r"^\s*\+?[0-9]{1,15}(\.0*)?\s*$"


def _read(path: str | Path) -> pl.DataFrame:
    """Table with text cells (null: empty)."""
    if Path(path).suffix == ".parquet":
        try:
            return pl.read_parquet(path).cast(pl.String)
        except FileNotFoundError:
            raise InputError(Problem(str(path), "file not found; expected a table of counts")) from None
        except pl.exceptions.PolarsError as error:
            raise InputError(Problem(str(path), f"not a Parquet table: {error}")) from None
    text = read_text(path, "a table of counts with a header")
    if not text.strip():
        raise InputError(Problem(str(path), "the file is empty; expected a header and one row per sequence"))
    separator = "," if ".csv" in Path(path).suffixes else "\t"
    try:
        return pl.read_csv(text.encode(), separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).split("\n")[0]
        raise InputError(Problem(str(path), f"not a table separated by {separator!r}: {reason}")) from None


def _missing_columns(table: pl.DataFrame, names: list[str], path: str) -> list[Problem]:
    return [
        Problem(
            path, f"missing column{did_you_mean(name, table.columns)}; there are: {', '.join(table.columns)}", 1, name
        )
        for name in names
        if name not in table.columns
    ]


def _bad_cells(table: pl.DataFrame, columns: Mapping[str, str], sequence_column: str, path: str) -> list[Problem]:
    problems = []
    rows = table.with_row_index("_row", offset=2)  # the header is row 1
    letters = rows.filter(~pl.col(sequence_column).fill_null("").str.contains("(?i)^[ACGTN]+$"))
    for row, value in letters.select("_row", sequence_column).iter_rows():
        what = "the sequence is missing" if value is None else f"{value[:60]!r} holds other letters"
        problems.append(Problem(path, f"{what}; expected only A, C, G, T and N", row, sequence_column))
    for column in columns.values():
        wrong = rows.filter(~pl.col(column).fill_null("").str.contains(COUNT))
        for row, value in wrong.select("_row", column).iter_rows():
            what = "the count is missing" if value is None else f"{value!r} is not a count"
            problems.append(Problem(path, f"{what}; expected a whole number, 0 or more", row, column))
    return sorted(problems, key=lambda p: p.row or 0)


def import_counts(
    path: str | Path, sequence_column: str, columns: Mapping[str, str], library: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read a table of counts per bin.

    Parameters
    ----------
    path : path
        Parquet, or text with a header: comma-separated where the name has ``.csv``, else tab-separated; plain or gzip.
    sequence_column : str
        Column of the sequences; lower-case letters count as upper-case.
    columns : mapping of str by bin
        Column of each bin, in the order of the bins.
    library : str
        Elements are called ``<library>_<index>``, in the order in which their sequences first appear.

    Returns
    -------
    counts : polars.DataFrame
        ``element``, ``sequence``, and one int64 column per bin. Rows with the same sequence are summed.
    funnel : polars.DataFrame
        ``library``, ``bin``, ``step``, ``count``.

    Raises
    ------
    InputError
        With every problem: file missing, columns missing, counts missing, negative or not whole, other letters.
    """
    where, table = str(path), _read(path)
    problems = _missing_columns(table, [sequence_column, *columns.values()], where)
    if not problems and table.is_empty():
        problems = [Problem(where, "the table has a header but no rows")]
    if not problems:
        problems = _bad_cells(table, columns, sequence_column, where)
    if problems:
        raise InputError(shown(problems, where))
    whole = table.select(
        pl.col(sequence_column).str.to_uppercase().alias("sequence"),
        *(
            pl.col(column).str.strip_chars().str.strip_prefix("+").str.replace(r"\.0*$", "").cast(pl.Int64).alias(name)
            for name, column in columns.items()
        ),
    )
    summed = whole.group_by("sequence", maintain_order=True).agg(pl.col(*columns).sum())
    width = len(str(len(summed)))
    index = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(width)
    counts = summed.select(pl.format(f"{library}_{{}}", index).alias("element"), "sequence", *columns)
    rows = []
    for name in columns:
        rows += [(name, READS_IN, int(whole[name].sum())), (name, READS_COUNTED, int(counts[name].sum()))]
    totals = counts.select(pl.sum_horizontal(*columns)).to_series()
    rows += [
        (ALL_BINS, "rows of the table", len(table)),
        (ALL_BINS, "rows joined to an earlier row with the same sequence", len(table) - len(counts)),
        (ALL_BINS, "elements", len(counts)),
        (ALL_BINS, "elements with reads", int((totals > 0).sum())),
    ]
    return counts, funnel_table(library, rows)

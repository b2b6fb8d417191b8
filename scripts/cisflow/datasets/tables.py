"""Training and test tables of a study, read strictly.

Purpose: bring every way into a dataset to the same columns. Inputs: a table of sequences and expression with or without
header, or the expression estimates of a library. Outputs: checked polars tables, or one error with every problem.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from cisflow.clusters.ordered import fasta_records
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem, did_you_mean
from cisflow.reads.ragged import Sequences
from cisflow.user_files import UNREADABLE, read_text, why_unreadable

#: Columns of a table of rows; ``pos`` and ``split`` come later.
COLUMNS = ("element", "sequence", "expression", "n_reads", "is_singleton")
MOST_SHOWN = 10
LETTERS = b"ACGTN"


def _first_line(path: Path) -> str:
    try:
        with open(path, "rb") as handle:
            packed = handle.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else open(path, "rb") as handle:
            return handle.readline().decode("utf-8-sig").rstrip("\r\n")
    except UNREADABLE as error:
        raise InputError(Problem(str(path), f"{why_unreadable(error)}; expected a text table, plain or gzip")) from None
    except UnicodeDecodeError as error:
        raise InputError(Problem(str(path), f"not a text table, plain or gzip: {error}", 1)) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_sequence(text: str) -> bool:
    return bool(text) and set(text.upper().encode()) <= set(LETTERS)


def read_text_table(path: str | Path, headless: tuple[str, ...] = ("sequence", "expression")) -> pl.DataFrame:
    """Read a table as text, with its line numbers.

    Parameters
    ----------
    path : path
        Parquet, or text: tab-separated, or by commas where the name has ``.csv``; plain or gzip.
    headless : tuple of str
        Names of the first columns when there is no header. There is none when the first line starts with a sequence
        and a number.

    Returns
    -------
    polars.DataFrame
        ``row`` (1-based line number; of Parquet files the row as if a header were line 1) and the columns as strings.

    Raises
    ------
    InputError
        File missing, damaged, empty, or with lines of different length.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return _numbered(_read_parquet(path).cast(pl.String), path, 2)
    separator = "," if ".csv" in path.suffixes else "\t"
    cells = [cell.strip() for cell in _first_line(path).split(separator)]
    has_header = not (len(cells) >= len(headless) and _is_sequence(cells[0]) and _is_number(cells[1]))
    try:
        table = pl.read_csv(
            path,
            separator=separator,
            has_header=has_header,
            infer_schema=False,
            quote_char='"' if separator == "," else None,
        )
    except pl.exceptions.NoDataError:
        raise InputError(Problem(str(path), "the file is empty; expected rows of sequences and expression")) from None
    except (pl.exceptions.PolarsError, *UNREADABLE) as error:
        reason = str(error).splitlines()[0]
        raise InputError(Problem(str(path), f"not a table with equally many cells in every line: {reason}")) from None
    if has_header:
        table = table.rename(_stripped(table.columns, path))
    else:
        table = table.rename(dict(zip(table.columns, headless, strict=False)))
    if table.is_empty():
        raise InputError(Problem(str(path), "the table has no rows; expected at least one"))
    return _numbered(table, path, 2 if has_header else 1)


def _read_parquet(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, *UNREADABLE) as error:
        reason = why_unreadable(error) if isinstance(error, OSError) else f"not a Parquet table: {error}"
        raise InputError(Problem(str(path), reason.splitlines()[0])) from None


def _stripped(columns: list[str], path: Path) -> dict[str, str]:
    """Names of columns without blanks around them."""
    names = [name.strip() for name in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError([Problem(str(path), "this column is there more than once", 1, name) for name in twice])
    return dict(zip(columns, names, strict=True))


def _numbered(table: pl.DataFrame, path: Path, offset: int) -> pl.DataFrame:
    """The table with its line numbers as column ``row``."""
    if "row" in table.columns:
        what = "a column of this name is kept for line numbers; give it another one"
        raise InputError(Problem(str(path), what, 1, "row"))
    return table.with_row_index("row", offset=offset)


def shown(problems: list[Problem], where: str) -> list[Problem]:
    """The first problems, and how many more there are."""
    more = len(problems) - MOST_SHOWN
    return problems[:MOST_SHOWN] + ([Problem(where, f"and {more:,} more problems like these")] if more > 0 else [])


def _missing_columns(table: pl.DataFrame, wanted: tuple[str, ...], where: str) -> list[Problem]:
    there = [name for name in table.columns if name != "row"]
    return [
        Problem(where, f"missing column{did_you_mean(name, there)}; the columns are: {', '.join(there)}", column=name)
        for name in wanted
        if name not in there
    ]


def _number_problems(table: pl.DataFrame, column: str, where: str) -> list[Problem]:
    """Cells of the text column ``column`` whose number (column ``number``) is missing or not finite."""
    wrong = table.filter(pl.col("number").is_null() | ~pl.col("number").is_finite())
    problems = [
        Problem(where, f"{'empty' if text in (None, '') else repr(text)}; expected a finite number", row, column)
        for row, text in wrong.select("row", column).head(MOST_SHOWN).iter_rows()
    ]
    if len(wrong) > MOST_SHOWN:
        problems.append(
            Problem(where, f"and {len(wrong) - MOST_SHOWN:,} more cells that are not finite numbers", column=column)
        )
    return problems


def sequence_problems(rows: pl.Series, sequences: pl.Series, where: str) -> list[Problem]:
    """Problems with sequences that are empty or hold letters other than A, C, G, T and N."""
    text = sequences.fill_null("")
    ragged = Sequences.from_series(text)
    known = np.zeros(256, bool)
    known[list(LETTERS)] = True
    # Sequences of a column lie one behind the other, so every wrong letter tells its row.
    begin = int(ragged.start[0])
    wrong_letters = begin + np.flatnonzero(~known[ragged.data[begin : begin + int(ragged.length.sum())]])
    wrong = np.zeros(len(text), bool)
    wrong[np.searchsorted(ragged.start, wrong_letters, side="right") - 1] = True
    wrong |= ragged.length == 0
    problems = []
    for place in np.flatnonzero(wrong)[:MOST_SHOWN].tolist():
        letters = sorted(set(text[place]) - set(LETTERS.decode()))
        what = f"{text[place][:40]!r} holds {', '.join(map(repr, letters))}" if letters else "the sequence is empty"
        problems.append(Problem(where, f"{what}; expected A, C, G, T and N", int(rows[place]), "sequence"))
    if wrong.sum() > MOST_SHOWN:
        problems.append(
            Problem(where, f"and {wrong.sum() - MOST_SHOWN:,} more sequences like these", column="sequence")
        )
    return problems


def _checked_rows(table: pl.DataFrame, measurement: str, where: str) -> tuple[pl.DataFrame, list[Problem]]:
    table = table.with_columns(
        pl.col("sequence").str.strip_chars(),
        number=pl.col(measurement).str.strip_chars().cast(pl.Float64, strict=False),
    )
    problems = sequence_problems(table["row"], table["sequence"], where) + _number_problems(table, measurement, where)
    return table.with_columns(expression=pl.col("number")).drop("number"), problems


def _renamed(table: pl.DataFrame, names: Mapping[str, str], where: str) -> pl.DataFrame:
    """The table with its own columns under our names (``names``: ours to the table's)."""
    missing = [theirs for theirs in names.values() if theirs not in table.columns]
    if missing:
        there = [name for name in table.columns if name != "row"]
        raise InputError(
            [Problem(where, f"missing column{did_you_mean(name, there)}", column=name) for name in missing]
        )
    hidden = [ours for ours, theirs in names.items() if ours != theirs and ours in table.columns]
    chosen = [pl.col(theirs).alias(ours) for ours, theirs in names.items()]
    return table.select(pl.exclude(*hidden, *names.values()), *chosen)


def _with_sequences(table: pl.DataFrame, fasta: str | Path, where: str) -> pl.DataFrame:
    """The table with ``element`` and ``sequence`` of FASTA records, one per row in the same order."""
    text = read_text(fasta, "FASTA records in the order of the table's rows")
    lines = pl.DataFrame({"line": text.splitlines()}, schema={"line": pl.String}).with_row_index("row", offset=1)
    lines = lines.filter(pl.col("line").str.strip_chars() != "")
    if lines.is_empty() or not lines["line"][0].startswith(">"):
        raise InputError(Problem(str(fasta), "expected FASTA: a first line that starts with '>'", row=1))
    records = fasta_records(lines)
    if len(records) != len(table):
        raise InputError(
            Problem(str(fasta), f"{len(records):,} records, but {where} has {len(table):,} rows; expected one for each")
        )
    return table.with_columns(records["element"], records["sequence"].str.to_uppercase())


def read_training_table(
    path: str | Path,
    names: Mapping[str, str] | None = None,
    measurements: Mapping[str, str] | None = None,
    fasta: str | Path | None = None,
    first_row: int = 0,
) -> pl.DataFrame:
    """Read a table of sequences and expression to train on.

    Parameters
    ----------
    path : path
        With columns ``sequence`` and ``expression`` (further ones are ignored, ``element`` is kept), or without a
        header: sequence and expression first, as in the files of the Random Promoter DREAM Challenge.
    names : mapping of str to str, optional
        Names that the table has for ``sequence``, ``expression``, ``element`` and ``fold``.
    measurements : mapping of str to str, optional
        Further measurements: our names, and the table's columns.
    fasta : path, optional
        Sequences and names of the elements where the table has none: a record for each row, in the same order.
    first_row : int
        0-based row of the dataset that the table begins with, for names of elements.

    Returns
    -------
    polars.DataFrame
        ``element`` (str; ``train<row>`` with the 0-based row of the dataset where the table names none), ``sequence``,
        ``expression`` (float64, the scale of the table), the further measurements (float64), ``fold`` (str) where
        ``names`` has it, ``n_reads`` (null: not known),
        ``is_singleton`` (expression is a whole number: an average over one read can be nothing else).

    Raises
    ------
    InputError
        Columns missing, letters other than A, C, G, T and N, measurements missing or not finite, no rows, rows without
        a fold, another number of records than rows.
    """
    where, measurements = str(path), dict(measurements or {})
    table = read_text_table(path)
    if names or measurements:
        table = _renamed(table, {**(names or {}), **measurements}, where)
    if fasta is not None:
        table = _with_sequences(table, fasta, where)
    problems = _missing_columns(table, ("sequence", "expression"), where)
    if problems:
        raise InputError(problems)
    table, problems = _checked_rows(table, "expression", where)
    for name in measurements:
        number = table.with_columns(number=pl.col(name).str.strip_chars().cast(pl.Float64, strict=False))
        problems += _number_problems(number, name, where)
        table = table.with_columns(number["number"].alias(name))
    folds = ["fold"] if "fold" in (names or {}) else []
    if folds:
        table = table.with_columns(pl.col("fold").str.strip_chars())
        empty = table.filter(pl.col("fold").is_null() | (pl.col("fold") == ""))["row"]
        problems += shown([Problem(where, "empty; expected a fold", row, names["fold"]) for row in empty], where)
    if problems:
        theirs = {**(names or {}), **measurements}
        raise InputError([replace(p, column=theirs.get(p.column, p.column)) for p in problems])
    if "element" not in table.columns:
        table = table.with_columns(element="train" + (first_row + pl.int_range(pl.len())).cast(pl.String))
    return table.select(
        "element",
        "sequence",
        "expression",
        *measurements,
        *folds,
        n_reads=pl.lit(None, pl.Int64),
        is_singleton=pl.col("expression") == pl.col("expression").floor(),
    )


def _measurement_column(table: pl.DataFrame, where: str) -> str:
    named = [name for name in table.columns if name == "expression" or name.endswith("_expression")]
    if "expression" in named:
        return "expression"
    if len(named) != 1:
        there = ", ".join(name for name in table.columns if name != "row")
        raise InputError(
            Problem(
                where,
                f"expected one column of measurements, `expression` or a name that ends in `_expression`, not: {there}",
            )
        )
    return named[0]


def read_test_table(path: str | Path) -> pl.DataFrame:
    """Read a table of sequences and measurements to test on.

    Parameters
    ----------
    path : path
        With columns ``pos`` (unique whole numbers), ``sequence`` and ``expression`` (or one column whose name ends in
        ``_expression``), or without header: sequence and expression; ``pos`` is then the 0-based row.

    Returns
    -------
    polars.DataFrame
        As :func:`read_training_table`, and ``pos`` (int64). ``element`` is ``test<pos>`` where the table names none;
        ``is_singleton`` is false.

    Raises
    ------
    InputError
        As :func:`read_training_table`; also ``pos`` that are not whole numbers or there more than once.
    """
    where = str(path)
    table = read_text_table(path)
    headless = table.columns[1:3] == ["sequence", "expression"] and table["row"][0] == 1
    problems = _missing_columns(table, ("sequence",) if headless else ("pos", "sequence"), where)
    if problems:
        raise InputError(problems)
    measurement = _measurement_column(table, where)
    if headless:
        table = table.with_columns(position=pl.int_range(pl.len(), dtype=pl.Int64))
    else:
        table = table.with_columns(position=pl.col("pos").str.strip_chars().cast(pl.Int64, strict=False))
        problems += position_problems(table, where)
    table, found = _checked_rows(table, measurement, where)
    if problems + found:
        raise InputError(problems + found)
    if measurement != "expression":
        logger.info("%s: measurements are in column %s", where, measurement)
    if "element" not in table.columns:
        table = table.with_columns(element="test" + pl.col("position").cast(pl.String))
    return table.select(
        "element",
        "sequence",
        "expression",
        n_reads=pl.lit(None, pl.Int64),
        is_singleton=pl.lit(False),
        pos=pl.col("position"),
    )


def position_problems(table: pl.DataFrame, where: str) -> list[Problem]:
    """Problems with ``pos`` (text) and ``position`` (its number): not whole, negative, there more than once."""
    wrong = table.filter(pl.col("position").is_null() | (pl.col("position") < 0))
    problems = [
        Problem(where, f"{text!r}; expected a whole number from 0 on", row, "pos")
        for row, text in wrong.select("row", "pos").iter_rows()
    ]
    first = table.filter(pl.col("position").is_not_null()).group_by("position").agg(first=pl.col("row").min())
    again = table.join(first, on="position", maintain_order="left").filter(pl.col("row") != pl.col("first"))
    problems += [
        Problem(where, f"{text} was already given in row {before}; every pos may be there once", row, "pos")
        for row, text, before in again.select("row", "pos", "first").iter_rows()
    ]
    return shown(problems, where)


def read_library(path: str | Path) -> pl.DataFrame:
    """Read the expression estimates of a library.

    Parameters
    ----------
    path : path
        ``expression/{library}.{method}.parquet``.

    Returns
    -------
    polars.DataFrame
        Columns of :func:`read_training_table`; ``expression`` is NaN where an element has no estimate.

    Raises
    ------
    InputError
        Columns missing, no rows, or letters other than A, C, G, T and N.
    """
    where = str(path)
    table = _read_parquet(Path(path))
    problems = [Problem(where, "missing column", column=name) for name in COLUMNS if name not in table.columns]
    if not problems and table.is_empty():
        problems.append(Problem(where, "the table has no rows; expected one per element"))
    if not problems:
        table = table.select(
            pl.col("element").cast(pl.String),
            "sequence",
            pl.col("expression").cast(pl.Float64).fill_null(float("nan")),
            pl.col("n_reads").cast(pl.Int64),
            pl.col("is_singleton").cast(pl.Boolean),
        )
        rows = pl.Series("row", np.arange(2, len(table) + 2))
        problems = sequence_problems(rows, table["sequence"], where)
    if problems:
        raise InputError(problems)
    return table


def with_positions(table: pl.DataFrame, order: pl.Series, where: str) -> pl.DataFrame:
    """Add ``pos``, the 0-based place of each element in a library's order.

    Parameters
    ----------
    table : polars.DataFrame
        Rows of a library.
    order : polars.Series
        Every element of the library once, in its order.
    where : str
        File of the order, for messages.

    Raises
    ------
    InputError
        When the order lacks an element.
    """
    places = pl.DataFrame({"element": order.cast(pl.String), "pos": np.arange(len(order))})
    joined = table.join(places, on="element", how="left", maintain_order="left")
    missing = joined.filter(pl.col("pos").is_null())["element"].to_list()
    problems = [Problem(where, f"element {name!r} has an estimate but is not in this library") for name in missing]
    if problems:
        raise InputError(shown(problems, where))
    return joined

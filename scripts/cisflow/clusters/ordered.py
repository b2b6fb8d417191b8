"""The ordered sequences of a designed library.

Inputs: a FASTA file or a table without header (id, sequence), plain or gzip. Outputs: a checked table in the form in
which reads are counted (with or without the flanks), or one error with every problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cisflow.problems import InputError, Problem
from cisflow.reads.flanks import locate_variable_part
from cisflow.reads.layout import ReadStructure
from cisflow.reads.ragged import Sequences
from cisflow.user_files import read_text

MOST_SHOWN = 20


@dataclass(frozen=True)
class OrderedLibrary:
    """Ordered sequences of a designed library.

    Attributes
    ----------
    table : polars.DataFrame
        ``element`` (id), ``sequence`` (as reads are counted), ``variable`` (part between the flanks), in the order of
        the file.
    """

    table: pl.DataFrame


def shown(problems: list[Problem], where: str) -> list[Problem]:
    """The first problems, and how many more there are."""
    more = len(problems) - MOST_SHOWN
    return problems[:MOST_SHOWN] + ([Problem(where, f"and {more:,} more problems like these")] if more > 0 else [])


def fasta_records(lines: pl.DataFrame) -> pl.DataFrame:
    """Records of a FASTA file in their order.

    Parameters
    ----------
    lines : polars.DataFrame
        ``row`` (1-based) and ``line``; the first line is a header.

    Returns
    -------
    polars.DataFrame
        ``record`` (from 1 on), ``row`` of the header, ``element`` (first word of the header), ``sequence`` as given.
    """
    records = lines.with_columns(header=pl.col("line").str.starts_with(">")).with_columns(
        record=pl.col("header").cast(pl.Int64).cum_sum()
    )
    return records.group_by("record", maintain_order=True).agg(
        row=pl.col("row").first(),
        element=pl.col("line").first().str.extract(r"^>\s*(\S+)").fill_null(""),
        sequence=pl.col("line").filter(~pl.col("header")).str.strip_chars().str.join(""),
    )


def _table(lines: pl.DataFrame, path: str | Path) -> pl.DataFrame:
    separator = "," if ".csv" in Path(path).suffixes else "\t"
    cells = lines.with_columns(cells=pl.col("line").str.split(separator))
    wrong = cells.filter(pl.col("cells").list.len() != 2)
    problems = [
        Problem(str(path), f"{line[:60]!r} has {n} cells; expected 2: id and sequence, separated by {separator!r}", row)
        for row, line, n in wrong.select("row", "line", pl.col("cells").list.len()).iter_rows()
    ]
    if problems:
        raise InputError(shown(problems, str(path)))
    return cells.select(
        "row",
        element=pl.col("cells").list.get(0).str.strip_chars(),
        sequence=pl.col("cells").list.get(1).str.strip_chars(),
    )


def read_ordered(path: str | Path) -> pl.DataFrame:
    """Read the ordered sequences of a designed library.

    Parameters
    ----------
    path : path
        FASTA, or a table of two columns (id, sequence) without header: tab-separated, or by commas where the name has
        ``.csv``. Plain or gzip. Lower-case letters count as upper-case.

    Returns
    -------
    polars.DataFrame
        ``row`` (1-based line), ``element``, ``sequence``, in the order of the file.

    Raises
    ------
    InputError
        With every problem: file missing or damaged, no rows, wrong number of cells, empty ids, ids given twice,
        letters other than A, C, G and T.
    """
    text = read_text(path, "FASTA, or a table of id and sequence without header")
    lines = pl.DataFrame({"line": text.splitlines()}, schema={"line": pl.String}).with_row_index("row", offset=1)
    lines = lines.filter(pl.col("line").str.strip_chars() != "")
    if lines.is_empty():
        raise InputError(Problem(str(path), "the file is empty; expected ordered sequences"))
    table = fasta_records(lines) if lines["line"][0].startswith(">") else _table(lines, path)
    table = table.select("row", "element", pl.col("sequence").str.to_uppercase())
    problems = [
        Problem(str(path), "the id is empty; every ordered sequence needs one", row)
        for (row,) in table.filter(pl.col("element") == "").select("row").iter_rows()
    ]
    first = table.group_by("element").agg(first=pl.col("row").first())
    again = table.join(first, on="element", maintain_order="left").filter(pl.col("row") != pl.col("first"))
    problems += [
        Problem(str(path), f"id {name!r} was already given in row {before}; ids must be unique", row)
        for row, name, before in again.select("row", "element", "first").iter_rows()
    ]
    wrong = table.filter(~pl.col("sequence").str.contains("^[ACGT]+$"))
    problems += [
        Problem(
            str(path),
            f"sequence {sequence[:40]!r} of {name!r} is not made of A, C, G and T"
            + (" (the table must not have a header)" if row == 1 else ""),
            row,
        )
        for row, name, sequence in wrong.select("row", "element", "sequence").iter_rows()
    ]
    if problems:
        raise InputError(shown(problems, str(path)))
    return table


def _variable_parts(table: pl.DataFrame, structure: ReadStructure, path: str) -> pl.Series:
    """Parts between the flanks; the whole sequences when none of them holds the flanks."""
    distal, proximal = structure.distal_flank, structure.proximal_flank
    if not (distal or proximal):
        return table["sequence"]
    located = locate_variable_part(Sequences.from_series(table["sequence"]), distal, proximal, 0)
    if not located.found.any():
        return table["sequence"]
    without = table.filter(pl.Series(~located.found))
    if len(without):
        raise InputError(
            shown(
                [
                    Problem(
                        path,
                        f"{name!r} lacks the flanks {distal!r} ... {proximal!r} that "
                        "other ordered sequences hold; expected all of them with the flanks, or all without",
                        row,
                    )
                    for row, name in without.select("row", "element").iter_rows()
                ],
                path,
            )
        )
    return located.sequences.part(located.start, located.stop).to_series()


def ordered_library(path: str | Path, structure: ReadStructure, keep_flanks: bool) -> OrderedLibrary:
    """Read ordered sequences and bring them into the form in which reads are counted.

    Sequences that hold both flanks (exactly, anywhere) are cut to the part between them; sequences without are taken as
    variable parts. With ``keep_flanks`` the flanks are then put around them.

    Parameters
    ----------
    path : path
        See :func:`read_ordered`.
    structure : ReadStructure
        Of the reads.
    keep_flanks : bool
        Count sequences with their flanks.

    Returns
    -------
    OrderedLibrary

    Raises
    ------
    InputError
        As :func:`read_ordered`; also flanks in only some sequences, the same variable part twice, or one whose length
        the reads' filter would drop.
    """
    table, where = read_ordered(path), str(path)
    table = table.with_columns(variable=_variable_parts(table, structure, where))
    length = pl.col("variable").str.len_bytes().cast(pl.Int64)
    shortest, longest = structure.min_variable_length, structure.max_variable_length
    wrong = table.filter((length < shortest) | (length > longest))
    problems = [
        Problem(
            where,
            f"{name!r} has {n} bases between the flanks, but reads are kept from {shortest} to {longest} "
            "(reads.structure)",
            row,
        )
        for row, name, n in wrong.select("row", "element", length.alias("n")).iter_rows()
    ]
    first = table.group_by("variable").agg(first=pl.col("element").first())
    again = table.join(first, on="variable", maintain_order="left").filter(pl.col("element") != pl.col("first"))
    problems += [
        Problem(where, f"{name!r} has the same sequence as {before!r}; their reads cannot be told apart", row)
        for row, name, before in again.select("row", "element", "first").iter_rows()
    ]
    if problems:
        raise InputError(shown(problems, where))
    flanks = structure.distal_flank, structure.proximal_flank
    before, after = flanks if keep_flanks else ("", "")
    return OrderedLibrary(
        table.select("element", sequence=pl.format(f"{before}{{}}{after}", "variable"), variable="variable")
    )

"""Columns of the datasets sheet that say how tables are laid out.

Inputs: a row of the sheet. Outputs: the layout as plain values (:class:`cisflow.datasets.layout.TableLayout`), names
of all measurements, and problems.
"""

from __future__ import annotations

import re
from typing import Any

from cisflow.problems import Problem
from cisflow.settings.downloads import listed

#: Columns of a row that name columns of its training table, by our names.
TABLE_COLUMNS = {
    "sequence": "sequence_column",
    "expression": "expression_column",
    "element": "element_column",
    "fold": "fold_column",
}
PATTERNS = ("reverse_pattern", "fold_pattern")
#: Columns that say something about ``train_table``.
OF_TRAIN_TABLE = (*TABLE_COLUMNS.values(), "further_columns", "sequence_files", "validation_table")
#: Columns of a dataset that further measurements cannot be called.
RESERVED = {"element", "sequence", "expression", "n_reads", "is_singleton", "is_reverse", "split", "pos", "fold"}
RESERVED |= {"inner", "prediction", "models", "row", "number"}


def further_columns(row: dict[str, Any]) -> dict[str, str]:
    """Further measurements of a dataset: their names, and the columns of the table."""
    pairs = (part.partition("=") for part in listed(row["further_columns"]))
    return {name.strip(): column.strip() for name, _, column in pairs}


def measurement_labels(row: dict[str, Any]) -> dict[str, str]:
    """All measurements of a dataset by our names, each with the name that its source has for it."""
    return {"expression": row["expression_column"] or "expression", **further_columns(row)}


def table_layout(row: dict[str, Any]) -> dict[str, Any]:
    """Layout of the training tables of a dataset, see :class:`cisflow.datasets.layout.TableLayout`."""
    return {
        "names": {ours: row[column] for ours, column in TABLE_COLUMNS.items() if row[column]},
        "measurements": further_columns(row),
        **{name: row[name] for name in PATTERNS},
    }


def layout_problems(rows: list[dict[str, Any]], shown: str) -> list[Problem]:
    """Problems of the columns that say how training tables are laid out.

    Parameters
    ----------
    rows : list of dict
        Rows of the datasets sheet.
    shown : str
        Name of the sheet in messages.
    """
    problems = []
    for row in rows:

        def problem(what: str, column: str, row: dict[str, Any] = row) -> None:
            problems.append(Problem(shown, what, row["_row"], column))

        for column in OF_TRAIN_TABLE:
            if row[column] and not row["train_table"]:
                problem(f"{row[column]!r} is about train_table, but there is none", column)
        tables, fastas = listed(row["train_table"]), listed(row["sequence_files"])
        if fastas and len(fastas) != len(tables):
            problem(f"{len(fastas)} FASTA files for {len(tables)} tables; expected one for each", "sequence_files")
        for name in further_columns(row):
            if name in RESERVED:
                problem(f"{name!r} is a column of every dataset; expected another name", "further_columns")
        for column in PATTERNS:
            if row[column] is None:
                continue
            try:
                groups = re.compile(row[column]).groups
            except re.error as error:
                problem(f"{row[column]!r} is no regular expression: {error}", column)
                continue
            if column == "fold_pattern" and groups != 1:
                problem(f"{row[column]!r} has {groups} groups in parentheses; expected one, the fold", column)
        if row["fold_column"] and row["fold_pattern"]:
            problem("give fold_column or fold_pattern, not both", "fold_pattern")
        if row["validation_table"] and not (row["test_table"] or row["test_library"]):
            problem("expected a test_table or test_library beside it: nothing is drawn", "validation_table")
    return problems

"""Folds of the datasets that are cross-validated, from the columns of the datasets sheet.

Inputs: a row of the sheet. Outputs: names of its folds, and problems with them.
"""

from __future__ import annotations

from typing import Any

from cisflow.problems import Problem

#: Columns of a row that name columns of its training table, by our names.
TABLE_COLUMNS = {
    "sequence": "sequence_column",
    "expression": "expression_column",
    "element": "element_column",
    "fold": "fold_column",
}
#: Columns of a row that have no meaning beside folds: all rows are tested.
NOT_WITH_FOLDS = ("train_library", "test_library", "test_table", "subsets", "predictions")
FEWEST_DRAWN, MOST_DRAWN = 2, 100


def fold_names(row: dict[str, Any]) -> list[str]:
    """Names of the test folds of a dataset: those listed, or 1 to n where they are drawn; none without folds."""
    if not row["folds"]:
        return []
    if row["fold_column"]:
        return [name.strip() for name in row["folds"].split(",")]
    return [str(i) for i in range(1, int(row["folds"]) + 1)]


def table_names(row: dict[str, Any]) -> dict[str, str]:
    """Names that the training table of a dataset has for our columns, where the sheet gives them."""
    return {ours: row[column] for ours, column in TABLE_COLUMNS.items() if row[column]}


def fold_problems(rows: list[dict[str, Any]], shown: str) -> list[Problem]:
    """Problems of the columns that name folds and columns of the training table.

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

        for column in TABLE_COLUMNS.values():
            if row[column] and not row["train_table"]:
                problem(f"{row[column]!r} is a column of train_table, but there is none", column)
        if not row["folds"]:
            for column in ("fold_column", "inner_folds"):
                if row[column] is not None:
                    problem(f"{row[column]!r} has no meaning without folds", column)
            continue
        if not row["train_table"]:
            problem("empty; required with folds", "train_table")
        for column in NOT_WITH_FOLDS:
            if row[column]:
                problem(f"{row[column]!r} has no place beside folds, because every row is tested", column)
        if not row["fold_column"] and not row["folds"].isdigit():
            problem(f"{row['folds']!r} lists folds; name their column of the table in fold_column", "folds")
            continue
        names = fold_names(row) if row["fold_column"] or int(row["folds"]) <= MOST_DRAWN else []
        fewest = FEWEST_DRAWN if row["inner_folds"] else FEWEST_DRAWN + 1
        if not fewest <= len(names) or len(set(names)) < len(names):
            problem(
                f"{row['folds']!r}; expected {fewest} or more different names of folds, or without fold_column a "
                f"number from {fewest} to {MOST_DRAWN}",
                "folds",
            )
    return problems

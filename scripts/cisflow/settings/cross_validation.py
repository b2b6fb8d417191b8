"""Folds of the datasets that are cross-validated, from the columns of the datasets sheet.

Inputs: a row of the sheet. Outputs: names of its folds, and problems with them.
"""

from __future__ import annotations

from typing import Any

from cisflow.problems import Problem

#: Columns of a row that have no meaning beside folds: all rows are tested.
NOT_WITH_FOLDS = (
    "train_library",
    "test_library",
    "test_table",
    "validation_table",
    "models_from",
    "subsets",
    "predictions",
)
FEWEST_DRAWN, MOST_DRAWN = 2, 100


def fold_names(row: dict[str, Any]) -> list[str]:
    """Names of the test folds of a dataset: those listed, or 1 to n where they are drawn; none without folds."""
    if not row["folds"]:
        return []
    if row["fold_column"] or row["fold_pattern"]:
        return [name.strip() for name in row["folds"].split(",")]
    return [str(i) for i in range(1, int(row["folds"]) + 1)]


def fold_problems(rows: list[dict[str, Any]], shown: str) -> list[Problem]:
    """Problems of the columns that name folds.

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

        if not row["folds"]:
            for column in ("fold_column", "fold_pattern", "inner_folds"):
                if row[column] is not None:
                    problem(f"{row[column]!r} has no meaning without folds", column)
            continue
        if not row["train_table"]:
            problem("empty; required with folds", "train_table")
        for column in NOT_WITH_FOLDS:
            if row[column]:
                problem(f"{row[column]!r} has no place beside folds, because every row is tested", column)
        given = row["fold_column"] or row["fold_pattern"]
        if not given and not row["folds"].isdigit():
            problem(f"{row['folds']!r} lists folds; name their column of the table in fold_column", "folds")
            continue
        names = fold_names(row) if given or int(row["folds"]) <= MOST_DRAWN else []
        fewest = FEWEST_DRAWN if row["inner_folds"] else FEWEST_DRAWN + 1
        if not fewest <= len(names) or len(set(names)) < len(names):
            problem(
                f"{row['folds']!r}; expected {fewest} or more different names of folds, or, where they are drawn, a "
                f"number from {fewest} to {MOST_DRAWN}",
                "folds",
            )
    return problems

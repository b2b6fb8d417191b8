"""Checks of contact maps and of what recipes ask of them, before any job starts.

Inputs: rows of the sheets and recipes. Outputs: problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cisflow.problems import Problem


def asked_resolution(recipe: Mapping[str, Any]) -> int | None:
    """Bin size (bp) of the map that a contact recipe asks for (``window.resolution``); None when it asks for none."""
    window = recipe.get("window")
    return window.get("resolution") if isinstance(window, Mapping) else None


def resolution_problems(
    maps: Mapping[str, Mapping[str, Any]], models: Iterable[Mapping[str, Any]], recipes: Mapping[str, Mapping[str, Any]]
) -> list[Problem]:
    """Recipes that ask for bins which the bins of their map do not make up.

    Parameters
    ----------
    maps : mapping
        Rows of the contact maps sheet by name.
    models : iterable
        Rows of the models sheet.
    recipes : mapping
        Recipes by their path in the sheet.
    """
    problems = {}
    for row in models:
        if row["dataset"] not in maps or row["recipe"] not in recipes:
            continue
        base, asked = maps[row["dataset"]]["resolution"], asked_resolution(recipes[row["recipe"]])
        if asked is None:
            continue
        whole = isinstance(asked, int) and not isinstance(asked, bool) and asked > 0
        if not whole or (isinstance(base, int) and asked % base):
            what = f"{asked!r}; expected a multiple of the resolution of map {row['dataset']}, {base} bp"
            problems[row["recipe"], row["dataset"]] = Problem(row["recipe"], what, column="window.resolution")
    return list(problems.values())

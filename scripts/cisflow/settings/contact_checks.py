"""Checks of contact maps and of what recipes ask of them, before any job starts.

Inputs: rows of the sheets and recipes. Outputs: problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cisflow.problems import Problem, not_one_of


def asked_resolution(recipe: Mapping[str, Any]) -> int | None:
    """Bin size (bp) of the map that a contact recipe asks for (``window.resolution``); None when it asks for none."""
    window = recipe.get("window")
    return window.get("resolution") if isinstance(window, Mapping) else None


def genome_names(maps: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Name of the genome of each map: that of its file without suffixes; that of the map where it is simulated.

    Maps with one file share one genome. Files of one name in two folders get the name of their first map as well.

    Parameters
    ----------
    maps : mapping
        Rows of the contact maps sheet by name.
    """
    names: dict[str, str] = {}  # by file
    by_map = {}
    for name, row in maps.items():
        file = row["genome"] if row["source"] != "simulated" else f"{name}.fa"
        if file is None:
            continue
        if file not in names:
            stem = Path(file).name.split(".")[0]
            names[file] = f"{stem}.{name}" if stem in names.values() else stem
        by_map[name] = names[file]
    return by_map


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


def base_resolution_problems(rows: Iterable[Mapping[str, Any]], shown: str) -> list[Problem]:
    """Bin sizes to sum from that do not make up the bins of their map, or of maps that are not read from such a file.

    Parameters
    ----------
    rows : iterable
        Rows of the contact maps sheet.
    shown : str
        Name of the sheet in messages.
    """
    problems = []
    for row in rows:
        base, wanted = row.get("base_resolution"), row["resolution"]
        if not isinstance(base, int):
            continue
        if row["source"] not in ("cooler", "hic"):
            what = f"{base}; expected nothing, for maps of source {row['source']} have no bins of their own"
            problems.append(Problem(shown, what, row["_row"], "base_resolution"))
        elif isinstance(wanted, int) and wanted % base:
            what = f"{base}; expected a bin size that divides the resolution, {wanted} bp"
            problems.append(Problem(shown, what, row["_row"], "base_resolution"))
    return problems


def replicate_problems(rows: Iterable[Mapping[str, Any]], shown: str) -> list[Problem]:
    """Maps whose replicate is not another map of the sheet, or that is named by several.

    Parameters
    ----------
    rows : iterable
        Rows of the contact maps sheet.
    shown : str
        Name of the sheet in messages.
    """
    rows = list(rows)
    names, problems, taken = [row["map"] for row in rows], [], {}
    for row in rows:
        other = row.get("replicate_of")
        if other is None:
            continue
        others = [name for name in names if name != row["map"]]
        if other not in others:
            said = not_one_of(other, others) if others else f"{other!r}, but there is no other map"
            problems.append(Problem(shown, said, row["_row"], "replicate_of"))
        elif other in taken:
            said = f"{other!r} has a replicate already, {taken[other]!r}; expected one at most"
            problems.append(Problem(shown, said, row["_row"], "replicate_of"))
        else:
            taken[other] = row["map"]
    return problems

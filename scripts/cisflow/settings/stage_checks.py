"""Recipes of contact models and the models that they start from, checked before any job.

Inputs: rows of the models sheet, recipes, bundles. Outputs: problems; where the start values of a model come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cisflow.models.contact_settings import FITTED, contact_settings, fill_from_others
from cisflow.problems import InputError, Problem, did_you_mean, not_one_of

#: Settings of a network that fix the shapes of its first encoder, which a later stage takes over.
ENCODER_KEYS = ("widths", "pools", "kernel_size")
BUNDLE_FILES = ("weights.safetensors", "recipe.yaml", "history.tsv", "manifest.json")

Row = Mapping[str, Any]


def start_row(recipe: Mapping[str, Any], rows: Sequence[Row]) -> Row | None:
    """Row of the model that a recipe starts from; None when it starts from a bundle or from nothing.

    Parameters
    ----------
    recipe : mapping
    rows : sequence of mapping
        Rows of the models sheet for the same map.
    """
    name = recipe.get("start_from")
    return next((row for row in rows if row["model"] == name), None) if name else None


def start_seed(row: Row, seed: int) -> int:
    """Replicate that replicate ``seed`` starts from: that of the same number, else the first."""
    return seed if seed in row["seeds"] else row["seeds"][0]


def recipe_problems(rows: Sequence[Row], recipes: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """Problems of the recipes of one map's models, each by itself.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of the models sheet for the map.
    recipes : mapping
        By their path in the sheet.
    """
    given = {row["model"]: recipes[row["recipe"]] for row in rows if row["recipe"] in recipes}
    problems, seen = [], set()
    for row in rows:
        if row["recipe"] not in recipes or row["recipe"] in seen:
            continue
        seen.add(row["recipe"])
        recipe = fill_from_others(recipes[row["recipe"]], given)
        if recipe.get("task") != "contacts":
            continue
        named = recipe.get("windows_of")
        if named is not None and named not in given:
            problems.append(Problem(row["recipe"], not_one_of(named, given), column="windows_of"))
        try:
            contact_settings(recipe, row["recipe"])
        except InputError as error:
            problems += error.problems
    return problems


def start_problems(
    rows: Sequence[Row], recipes: Mapping[str, Mapping[str, Any]], where_is: Mapping[str, str | Path]
) -> list[Problem]:
    """Models that start from something that is not there or does not fit.

    Parameters
    ----------
    rows, recipes
        See :func:`recipe_problems`.
    where_is : mapping of str to path
        Where each ``start_from`` would lie as a folder.
    """
    problems = []
    names = [row["model"] for row in rows]
    for row in rows:
        recipe = recipes.get(row["recipe"], {})
        name, earlier = recipe.get("start_from"), start_row(recipe, rows)
        if not isinstance(name, str):
            continue
        place = {"where": row["recipe"], "column": "start_from"}
        if earlier is None:
            folder = Path(where_is[name])
            absent = [file for file in BUNDLE_FILES if not (folder / file).is_file()]
            if absent:
                known = ", ".join(other for other in names if other != row["model"]) or "none"
                what = f"{name!r}{did_you_mean(name, names)} is neither a model of map {row['dataset']} ({known}) nor "
                problems.append(Problem(what=what + f"a folder with {', '.join(BUNDLE_FILES)}", **place))
            continue
        if _comes_back(row, rows, recipes):
            problems.append(Problem(what=f"{name!r} itself starts, in the end, from {row['model']!r}", **place))
            continue
        other = recipes.get(earlier["recipe"], {})
        if other.get("model") in FITTED:
            problems.append(Problem(what=f"{name!r} has no network to start from", **place))
        problems += [Problem(what=what, **place) for what in _misfits(recipe, other, name)]
    return problems


def _comes_back(row: Row, rows: Sequence[Row], recipes: Mapping[str, Mapping[str, Any]]) -> bool:
    seen, current = {row["model"]}, row
    while (earlier := start_row(recipes.get(current["recipe"], {}), rows)) is not None:
        if earlier["model"] in seen:
            return True
        seen.add(earlier["model"])
        current = earlier
    return False


def _misfits(recipe: Mapping[str, Any], other: Mapping[str, Any], name: str) -> list[str]:
    """Settings of the first encoder that two recipes give differently."""
    ours, theirs = recipe.get("network"), other.get("network")
    if not isinstance(ours, Mapping) or not isinstance(theirs, Mapping):
        return []
    return [
        f"{name!r} has network.{key} {theirs[key]}, this recipe has {ours[key]}; expected the same"
        for key in ENCODER_KEYS
        if key in ours and key in theirs and ours[key] != theirs[key]
    ]


def assembly_problems(
    maps: Mapping[str, Row], rows: Iterable[Row], recipes: Mapping[str, Mapping[str, Any]], shown: str
) -> list[Problem]:
    """Maps with too few test chromosomes for the contacts between chromosomes that a recipe is evaluated on.

    Parameters
    ----------
    maps : mapping
        Rows of the contact maps sheet by name.
    rows : iterable of mapping
        Rows of the models sheet.
    recipes : mapping
    shown : str
        Name of the contact maps sheet in messages.
    """
    found = {}
    for row in rows:
        recipe = recipes.get(row["recipe"], {})
        evaluation = recipe.get("evaluation")
        asked = evaluation.get("assemblies", 0) if isinstance(evaluation, Mapping) else 0
        if row["dataset"] not in maps or not isinstance(asked, int) or not asked:
            continue
        given = maps[row["dataset"]]["test_chromosomes"] or ""
        if len([name for name in given.split(",") if name.strip()]) < 2:
            what = f"{given!r}; expected two or more: {row['recipe']} asks for contacts between them"
            found[row["dataset"]] = Problem(shown, what, maps[row["dataset"]]["_row"], "test_chromosomes")
    return list(found.values())

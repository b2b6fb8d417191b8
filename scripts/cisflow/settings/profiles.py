"""Checks of the profiles sheet: folds, files, recipes that fit together.

Inputs: rows of the sheet, tables of folds, recipes. Outputs: folds by assay, and problems. Reads no data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.models.profiles.settings import ProfileSettings, profile_settings
from cisflow.problems import InputError, Problem
from cisflow.profiles.folds import ROLES, Fold, fold_problems
from cisflow.settings.schema import read_schema
from cisflow.settings.sheets import duplicates, read_sheet

if TYPE_CHECKING:
    from cisflow.settings.study import Study

#: Model name that stands for the bias model of an assay.
BIAS_MODEL = "bias"
#: Name of the only fold of an assay without a table of folds.
ONLY_FOLD = "1"
FILE_COLUMNS = ("genome", "bigwig", "peaks", "nonpeaks")
NEGATIVES_PER_PEAK = 2.0


def _fold(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Fold of a row as plain values."""
    lists = {role: [n.strip() for n in (row[f"{role}_chromosomes"] or "").split(",") if n.strip()] for role in ROLES}
    return {"name": name, **lists}


def read_folds(
    row: Mapping[str, Any], path: str | Path | None, schema: dict[str, Any], shown: str
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Folds of an assay, from its table or from the columns of the sheet.

    Parameters
    ----------
    row : mapping
        Row of the profiles sheet.
    path : path or None
        Table of folds.
    schema : dict
        JSON schema of its rows.
    shown : str
        Name of the profiles sheet in messages.

    Returns
    -------
    folds : list of dict
        ``name, validation, test, training``, see :meth:`cisflow.profiles.folds.Fold.of`.
    problems : list of Problem
    """
    if path is None:
        fold = _fold(row, ONLY_FOLD)
        return [fold], fold_problems([Fold.of(fold)], shown, [row["_row"]])
    problems = [
        Problem(shown, f"{row[column]!r} has no place beside a table of folds", row["_row"], column)
        for column in (f"{role}_chromosomes" for role in ROLES)
        if row[column]
    ]
    if not Path(path).is_file():
        return [], [*problems, Problem(shown, f"file not found: {row['folds']}", row["_row"], "folds")]
    rows, found = read_sheet(path, schema, row["folds"])
    problems += found + duplicates(rows, ("fold",), row["folds"])
    whole = [r for r in rows if all(r[column] is not None for column in schema["required"])]
    folds = [_fold(r, r["fold"]) for r in whole]
    problems += fold_problems([Fold.of(fold) for fold in folds], row["folds"], [r["_row"] for r in whole])
    return folds, problems


def sheet_problems(
    rows: Sequence[Mapping[str, Any]],
    models: Sequence[Mapping[str, Any]],
    taken: Mapping[str, str],
    shown: str,
    shown_models: str,
) -> list[Problem]:
    """Problems of the sheet that need no other file.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of the profiles sheet.
    models : sequence of mapping
        Rows of the models sheet.
    taken : mapping of str to str
        What bears a name already, e.g. ``{"promoters": "dataset"}``.
    shown, shown_models : str
        Names of the profiles sheet and of the models sheet in messages.
    """
    problems = []
    names = {row["assay"] for row in rows}
    for row in rows:
        if row["assay"] in taken:
            what = f"{row['assay']!r} is also the name of a {taken[row['assay']]}; models could not tell them apart"
            problems.append(Problem(shown, what, row["_row"], "assay"))
        if row["source"] == "files":
            problems += [
                Problem(shown, "empty; required when source is files", row["_row"], column)
                for column in FILE_COLUMNS[:3]
                if row[column] is None
            ]
        else:
            problems += [
                Problem(shown, f"{row[column]!r} has no place beside source simulated", row["_row"], column)
                for column in FILE_COLUMNS
                if row[column] is not None
            ]
        if row["nonpeaks"] and row["negatives_per_peak"] is not None:
            what = f"{row['negatives_per_peak']:g} has no meaning beside nonpeaks"
            problems.append(Problem(shown, what, row["_row"], "negatives_per_peak"))
    problems += [
        Problem(shown_models, f"{BIAS_MODEL!r} stands for the bias model of the assay", row["_row"], "model")
        for row in models
        if row["dataset"] in names and row["model"] == BIAS_MODEL
    ]
    return problems


def assay_problems(
    study: Study,
    schemas: Path,
    shown: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    read_recipes: Callable[[Study, str, list[dict[str, Any]]], list[Problem]],
) -> list[Problem]:
    """Read the folds and bias recipes of the assays into a study; problems of sheet, folds, files and recipes.

    Parameters
    ----------
    study : Study
    schemas : path
        Folder of the JSON schemas.
    shown : mapping of str to str
        Names of the sheets in messages.
    rows : sequence of mapping
        Rows of the profiles sheet.
    read_recipes : callable
        Reads the recipes of rows of the models sheet into the study.
    """
    taken = {**dict.fromkeys(study.maps, "contact map"), **dict.fromkeys(study.datasets, "dataset")}
    problems = sheet_problems(rows, study.models, taken, shown["profiles"], shown["models"])
    schema = read_schema(schemas / "chromosome_folds.schema.yaml")
    for row in rows:
        path = study.path(row["folds"]) if row["folds"] else None
        study.chromosome_folds[row["assay"]], found = read_folds(row, path, schema, shown["profiles"])
        problems += found
        problems += [
            Problem(shown["profiles"], f"file not found: {row[column]}", row["_row"], column)
            for column in (*FILE_COLUMNS, "bias_recipe")
            if row[column] is not None and not study.is_known(row[column])
        ]
        recipe = {"recipe": row["bias_recipe"], "dataset": row["assay"], "_row": row["_row"]}
        problems += read_recipes(study, shown["profiles"], [recipe])
        own = [r["recipe"] for r in study.models_of(row["assay"]) if r["recipe"] in study.recipes]
        if row["bias_recipe"] in study.recipes:
            problems += recipe_problems(
                (row["bias_recipe"], study.recipes[row["bias_recipe"]]), {path: study.recipes[path] for path in own}
            )
    return problems


def recipe_problems(bias: tuple[str, Mapping[str, Any]], others: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """Problems between the recipes of an assay: kinds, and windows of different lengths.

    Parameters
    ----------
    bias : (str, mapping)
        File and content of the bias recipe.
    others : mapping of str to mapping
        Recipes of the models by file.
    """
    problems: list[Problem] = []
    checked: dict[str, ProfileSettings] = {}
    for path, recipe in ((bias[0], bias[1]), *others.items()):
        try:
            checked[path] = profile_settings(recipe, path)
        except InputError:
            continue  # told where the recipe is read
        kind = "bias" if recipe is bias[1] else "network"
        if checked[path].model != kind:
            problems.append(Problem(path, f"{checked[path].model!r}; expected {kind!r} here", column="model"))
    if bias[0] not in checked:
        return problems
    wanted = checked[bias[0]].window
    for path, settings in checked.items():
        for name in ("input_length", "output_length"):
            value, expected = getattr(settings.window, name), getattr(wanted, name)
            if value != expected:
                what = f"{value}; the bias recipe {bias[0]} has {expected}, and both see the same windows"
                problems.append(Problem(path, what, column=f"window.{name}"))
    return problems


def window_of(recipes: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Window that the regions of an assay are cut for: the lengths of its recipes and the largest jitter."""
    windows = [profile_settings(recipe).window for recipe in recipes]
    first = windows[0]
    jitter = max(window.jitter for window in windows)
    return {"input_length": first.input_length, "output_length": first.output_length, "jitter": jitter}

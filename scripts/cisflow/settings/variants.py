"""Checks of the variants sheet: models, files and columns that belong to their kind.

Inputs: rows of the sheet and the study. Outputs: problems; names of models. Reads no data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.problems import Problem, not_one_of

if TYPE_CHECKING:
    from cisflow.settings.study import Study

SIMULATED = "simulated"
#: Columns that mean something for one kind of model only.
OF_EXPRESSION = ("constructs", "intervals", "genome", "rename", "left", "right")
OF_CONTACTS = ("padding",)


def predicting_models(study: Study, row: Mapping[str, Any]) -> list[str]:
    """Models that predict a set: those of the row, or all of the dataset, or all networks of the map."""
    given = [name.strip() for name in (row["models"] or "").split(",") if name.strip()]
    if given:
        return given
    rows = study.models_of(row["dataset"])
    if row["dataset"] in study.maps:
        rows = [model for model in rows if study.recipes.get(model["recipe"], {}).get("model") == "network"]
    return [model["model"] for model in rows]


def asked_model_problems(study: Study, row: Mapping[str, Any], shown: str) -> list[Problem]:
    """Problems of the columns ``dataset`` and ``models`` of a row that asks models.

    Parameters
    ----------
    study : Study
        With its datasets, maps and models.
    row : mapping
    shown : str
        Name of the sheet in messages.
    """
    datasets = [name for name in study.datasets if study.models_of(name) and not study.folds(name)]
    trained = [*datasets, *(name for name in study.maps if study.models_of(name))]
    if row["dataset"] not in trained:
        what = f"no dataset or contact map that models are trained on: {not_one_of(row['dataset'], trained)}"
        return [Problem(shown, what, row["_row"], "dataset")]
    known = [model["model"] for model in study.models_of(row["dataset"])]
    asked = predicting_models(study, row)
    if not asked:
        return [Problem(shown, f"{row['dataset']} has no network", row["_row"], "dataset")]
    return [
        Problem(shown, f"no model of {row['dataset']}: {not_one_of(name, known)}", row["_row"], "models")
        for name in asked
        if name not in known
    ]


def rows_that_ask(
    study: Study, rows: Sequence[Mapping[str, Any]], shown: str
) -> tuple[list[Mapping[str, Any]], list[Problem]]:
    """Rows whose dataset has models, and the problems of :func:`asked_model_problems` of all rows.

    Rows without a dataset have their message from the schema and are left out.
    """
    sound, problems = [], []
    for row in rows:
        if row["dataset"] is None:
            continue
        wrong = asked_model_problems(study, row, shown)
        problems += wrong
        if not any(problem.column == "dataset" for problem in wrong):
            sound.append(row)
    return sound, problems


def variant_problems(study: Study, rows: Sequence[Mapping[str, Any]], shown: str) -> list[Problem]:
    """Problems of the variants sheet.

    Parameters
    ----------
    study : Study
        With its datasets, maps and models.
    rows : sequence of mapping
    shown : str
        Name of the sheet in messages.
    """
    sound, problems = rows_that_ask(study, rows, shown)
    for row in sound:
        of_contacts = row["dataset"] in study.maps
        problems += [
            Problem(shown, f"{row[column]!r} has no meaning for models of this dataset", row["_row"], column)
            for column in (OF_EXPRESSION if of_contacts else OF_CONTACTS)
            if row[column] is not None
        ]
        files = ["vcf"] if of_contacts else ["vcf", "constructs", "intervals", "genome", "rename"]
        problems += [
            Problem(shown, f"file not found: {row[column]}", row["_row"], column)
            for column in files
            if row[column] not in (None, SIMULATED) and not Path(study.path(row[column])).is_file()
        ]
        if not of_contacts:
            problems += _sequence_problems(study, row, shown)
        elif row["vcf"] == SIMULATED and study.maps[row["dataset"]]["source"] != SIMULATED:
            problems.append(Problem(shown, "'simulated' needs a simulated map", row["_row"], "vcf"))
    return problems


def _sequence_problems(study: Study, row: Mapping[str, Any], shown: str) -> list[Problem]:
    """Problems of what expression models are shown."""
    problems = []
    if bool(row["constructs"]) == bool(row["intervals"] or row["genome"]):
        problems.append(Problem(shown, "give constructs, or intervals and genome", row["_row"], "constructs"))
    elif not row["constructs"] and not (row["intervals"] and row["genome"]):
        problems.append(Problem(shown, "intervals and genome belong together", row["_row"], "intervals"))
    if row["rename"] and row["constructs"]:
        problems.append(Problem(shown, "constructs are named as they are", row["_row"], "rename"))
    if row["vcf"] is not None and (row["vcf"] == SIMULATED) != (row["constructs"] == SIMULATED):
        problems.append(Problem(shown, "'simulated' variants and constructs belong together", row["_row"], "vcf"))
    library = study.datasets[row["dataset"]]["test_library"]
    first = study.libraries.get(study.members(library)[0], {}) if library else {}
    if row["vcf"] == SIMULATED and (first.get("kind"), first.get("source")) != ("designed", SIMULATED):
        what = "'simulated' needs a dataset whose test library is designed and simulated"
        problems.append(Problem(shown, what, row["_row"], "vcf"))
    return problems

"""Checks of the designs sheet and of the file of known motifs: models, settings and files that are there.

Inputs: rows of the sheet and the study. Outputs: problems; names of models, settings. Reads no data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.design.settings import read_design
from cisflow.problems import InputError, Problem, not_one_of

if TYPE_CHECKING:
    from cisflow.settings.study import Study


def designing_models(row: Mapping[str, Any], models: Sequence[str]) -> list[str]:
    """Models that make a design: those of the row, or all of the dataset."""
    given = [name.strip() for name in (row["models"] or "").split(",") if name.strip()]
    return given or list(models)


def design_problems(study: Study, rows: Sequence[Mapping[str, Any]], shown: str) -> list[Problem]:
    """Problems of the designs sheet.

    Parameters
    ----------
    study : Study
        With its datasets and models.
    rows : sequence of mapping
    shown : str
        Name of the sheet in messages.
    """
    problems = []
    for row in (row for row in rows if row["dataset"] is not None):
        trained = [name for name in study.datasets if study.models_of(name) and not study.folds(name)]
        if row["dataset"] not in trained:
            what = f"not a dataset that models are trained on: {not_one_of(row['dataset'], trained)}"
            problems.append(Problem(shown, what, row["_row"], "dataset"))
            continue
        known = [model["model"] for model in study.models_of(row["dataset"])]
        problems += [
            Problem(shown, f"no model of {row['dataset']}: {not_one_of(name, known)}", row["_row"], "models")
            for name in designing_models(row, known)
            if name not in known
        ]
        for column in ("settings", "promoters"):
            name = row[column]
            if name is not None and not Path(study.path(name)).is_file():
                problems.append(Problem(shown, f"file not found: {name}", row["_row"], column))
        if row["settings"] is not None and Path(study.path(row["settings"])).is_file():
            try:
                read_design(study.path(row["settings"]))
            except InputError as error:
                problems += error.problems
    return problems


def motif_problems(study: Study, motifs: str | None) -> list[Problem]:
    """Problems of the file of known motifs, ``interpret.motifs`` of the config."""
    if motifs is None or Path(study.path(motifs)).is_file():
        return []
    return [Problem("config", f"file not found: {motifs}", column="interpret.motifs")]

"""Checks of the screens sheet: networks that can be asked, regions, files, and columns that belong to the kind.

Inputs: rows of the sheet and the study. Outputs: problems; settings of a screen. Reads no data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.contacts.regions import Region, listed_regions
from cisflow.models.contact_settings import WITHOUT_SEQUENCE, fill_from_others
from cisflow.problems import Problem, not_one_of
from cisflow.settings.variants import SIMULATED, predicting_models

if TYPE_CHECKING:
    from cisflow.settings.study import Study

#: Columns that mean something for one kind only.
OF_DISRUPTION = ("width", "method", "together", "rounds", "strands")
OF_INSERTION = ("sequences",)
#: Networks without an encoder whose bins can be encoded again one by one.
WITHOUT_ENCODER = ("akita", "kmer_pairs")


def disruption_rule(row: Mapping[str, Any]) -> dict[str, Any]:
    """How a row disrupts sites: what it gives of :class:`cisflow.variants.disruption_screen.Disruption`."""
    return {column: row[column] for column in OF_DISRUPTION[:-1] if row[column] is not None}


def row_regions(row: Mapping[str, Any]) -> list[Region] | None:
    """Regions that a row lists; None where it names a file, or they are simulated."""
    return None if row["regions"] == SIMULATED else listed_regions(row["regions"])


def screen_problems(study: Study, rows: Sequence[Mapping[str, Any]], shown: str) -> list[Problem]:
    """Problems of the screens sheet.

    Parameters
    ----------
    study : Study
        With its maps and models.
    rows : sequence of mapping
    shown : str
        Name of the sheet in messages.
    """
    problems = []
    for row in (row for row in rows if row["dataset"] is not None):
        of_kind = OF_INSERTION if row["kind"] == "insertion" else OF_DISRUPTION
        problems += [
            Problem(shown, f"{row[column]!r} has no meaning for kind {row['kind']}", row["_row"], column)
            for column in (*OF_DISRUPTION, *OF_INSERTION)
            if row[column] is not None and column not in of_kind and row["kind"] is not None
        ]
        if row["kind"] == "insertion" and row["sequences"] is None:
            problems.append(Problem(shown, "empty; an insertion screen needs sequences", row["_row"], "sequences"))
        trained = [name for name in study.maps if study.models_of(name)]
        if row["dataset"] not in trained:
            what = f"no contact map that models are trained on: {not_one_of(row['dataset'], trained)}"
            problems.append(Problem(shown, what, row["_row"], "dataset"))
            continue
        problems += _model_problems(study, row, shown) + _place_problems(study, row, shown)
    return problems


def _model_problems(study: Study, row: Mapping[str, Any], shown: str) -> list[Problem]:
    """Models of a row that cannot be asked."""
    recipes = {model["model"]: study.recipes[model["recipe"]] for model in study.models_of(row["dataset"])}
    asked, problems = predicting_models(study, row), []
    if not asked:
        return [Problem(shown, f"{row['dataset']} has no network", row["_row"], "dataset")]
    for name in asked:
        if name not in recipes:
            what = f"no model of {row['dataset']}: {not_one_of(name, recipes)}"
            problems.append(Problem(shown, what, row["_row"], "models"))
            continue
        reasons = _misfits(fill_from_others(recipes[name], recipes), row)
        problems += [Problem(shown, f"{name} {why}", row["_row"], "models") for why in reasons]
    return problems


def _misfits(recipe: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """Why a model cannot be asked a screen."""
    if recipe.get("model") in WITHOUT_SEQUENCE:
        return ["knows no sequence"]
    network, window = (recipe[name] if isinstance(recipe.get(name), Mapping) else {} for name in ("network", "window"))
    encoder = recipe.get("model") == "network" and network.get("name") not in WITHOUT_ENCODER
    reasons = []
    if "assembly" in recipe:
        reasons.append("has inputs of several chromosomes; screens need a window that is a stretch of one")
    if row["kind"] == "insertion" and not encoder:
        reasons.append("has no encoder of Orca's kind, which insertions need")
    if row["strands"] == "forward" and not (encoder and window.get("levels", 1) == 1):
        reasons.append(
            "cannot predict the forward strand alone; models of one level with an encoder of Orca's kind can"
        )
    return reasons


def _place_problems(study: Study, row: Mapping[str, Any], shown: str) -> list[Problem]:
    """Regions and sequences of a row that are not there."""
    problems = []
    for column in ("regions", "sequences"):
        given = row[column]
        if given == SIMULATED:
            if study.maps[row["dataset"]]["source"] != SIMULATED:
                problems.append(Problem(shown, "'simulated' needs a simulated map", row["_row"], column))
            continue
        if given is None:
            continue
        try:
            listed = column == "regions" and listed_regions(given) is not None
        except ValueError as error:
            problems.append(Problem(shown, str(error), row["_row"], column))
            continue
        if not listed and not study.is_known(given):
            expected = ", regions such as chr9:94904000-94914000" if column == "regions" else ""
            what = f"file not found: {given}; expected a file{expected}, or 'simulated'"
            problems.append(Problem(shown, what, row["_row"], column))
    return problems


def genome_of_map(study: Study, name: str) -> dict[str, Any]:
    """Genome of a contact map before any job: ``lengths`` (bp by chromosome) of a simulated one, else ``genome``."""
    contact_map = study.maps[name]
    if contact_map["source"] != SIMULATED:
        return {"lengths": None, "genome": contact_map["genome"] and study.path(contact_map["genome"])}
    simulation = study.config["simulation"]
    names = [f"chr{number}" for number in range(1, simulation["chromosomes"] + 1)]
    return {"lengths": dict.fromkeys(names, simulation["chromosome_length"]), "genome": None}


def screens_with_files(study: Study) -> list[dict[str, Any]]:
    """Screens as :func:`cisflow.variants.screen_input.file_problems` has them; files that a job makes are left out."""
    found = []
    for name, row in study.screens.items():
        files = {column: study.path(row[column]) for column in ("regions", "sequences") if row[column] is not None}
        there = {column: path if Path(path).is_file() else None for column, path in files.items()}
        found.append(
            {
                "where": f"screen {name}",
                "kind": row["kind"],
                "regions": row_regions(row) or there["regions"],
                "sequences": there.get("sequences"),
                **genome_of_map(study, row["dataset"]),
            }
        )
    return found

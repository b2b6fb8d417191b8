"""Checks of the queries sheet: models, files and columns that belong to their kind.

Inputs: rows of the sheet and the study. Outputs: problems; what a set asks. Reads no data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.contacts.regions import Region, listed_regions
from cisflow.models.contact_settings import WITHOUT_SEQUENCE, fill_from_others
from cisflow.problems import Problem
from cisflow.settings.screens import genome_of_map
from cisflow.settings.variants import SIMULATED, predicting_models, rows_that_ask

if TYPE_CHECKING:
    from cisflow.settings.study import Study

#: Columns that mean something for models of expression only.
OF_EXPRESSION = ("genome", "left", "right", "species", "cell_type")


def query_regions(row: Mapping[str, Any]) -> list[Region] | None:
    """Regions that a row lists; None where it names a file, has none, or they are simulated."""
    return None if row["intervals"] in (None, SIMULATED) else listed_regions(row["intervals"])


def query_problems(study: Study, rows: Sequence[Mapping[str, Any]], shown: str) -> list[Problem]:
    """Problems of the queries sheet.

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
        if bool(row["sequences"]) == bool(row["intervals"]):
            problems.append(Problem(shown, "give sequences or intervals", row["_row"], "sequences"))
        of_contacts = row["dataset"] in study.maps
        problems += (_contact_problems if of_contacts else _expression_problems)(study, row, shown)
    return problems


def _expression_problems(study: Study, row: Mapping[str, Any], shown: str) -> list[Problem]:
    """Problems of a set for models of expression."""
    problems = [
        Problem(shown, f"file not found: {row[column]}", row["_row"], column)
        for column in ("sequences", "intervals", "genome")
        if row[column] not in (None, SIMULATED) and not study.is_known(row[column])
    ]
    if row["intervals"] == SIMULATED:
        problems.append(Problem(shown, "'simulated' intervals are for contact models", row["_row"], "intervals"))
    library = study.datasets[row["dataset"]]["train_library"]
    if row["sequences"] == SIMULATED and not (
        library and study.libraries[study.members(library)[0]]["source"] == SIMULATED
    ):
        what = "'simulated' needs a dataset whose training library is simulated"
        problems.append(Problem(shown, what, row["_row"], "sequences"))
    if bool(row["intervals"]) != bool(row["genome"]):
        problems.append(Problem(shown, "intervals and genome belong together", row["_row"], "genome"))
    if bool(row["species"]) != bool(row["cell_type"]):
        problems.append(Problem(shown, "species and cell_type belong together", row["_row"], "cell_type"))
    return problems


def _contact_problems(study: Study, row: Mapping[str, Any], shown: str) -> list[Problem]:
    """Problems of a set for contact models."""
    problems = [
        Problem(shown, f"{row[column]!r} has no meaning for models of this dataset", row["_row"], column)
        for column in OF_EXPRESSION
        if row[column] is not None
    ]
    recipes = {model["model"]: study.recipes[model["recipe"]] for model in study.models_of(row["dataset"])}
    for name in predicting_models(study, row):
        recipe = fill_from_others(recipes[name], recipes) if name in recipes else {}
        if recipe.get("model") in WITHOUT_SEQUENCE:
            problems.append(Problem(shown, f"{name} knows no sequence", row["_row"], "models"))
        if "assembly" in recipe:
            what = f"{name} has inputs of several chromosomes; expected a window that is a stretch of one"
            problems.append(Problem(shown, what, row["_row"], "models"))
    if row["sequences"] == SIMULATED:
        problems.append(Problem(shown, "'simulated' sequences are for models of expression", row["_row"], "sequences"))
    elif row["sequences"] and not study.is_known(row["sequences"]):
        problems.append(Problem(shown, f"file not found: {row['sequences']}", row["_row"], "sequences"))
    if row["intervals"] == SIMULATED:
        if study.maps[row["dataset"]]["source"] != SIMULATED:
            problems.append(Problem(shown, "'simulated' needs a simulated map", row["_row"], "intervals"))
    elif row["intervals"]:
        try:
            listed = listed_regions(row["intervals"]) is not None
        except ValueError as error:
            problems.append(Problem(shown, str(error), row["_row"], "intervals"))
        else:
            if not listed and not study.is_known(row["intervals"]):
                what = (
                    f"file not found: {row['intervals']}; expected a BED file, regions such as "
                    "chr9:94904000-94914000, or 'simulated'"
                )
                problems.append(Problem(shown, what, row["_row"], "intervals"))
    return problems


def queries_with_files(study: Study) -> list[dict[str, Any]]:
    """Regions that contact models are asked, as :func:`cisflow.variants.screen_input.file_problems` has them; those
    that a job makes are left out.
    """
    found = []
    for name in study.queries_of("contacts"):
        row = study.queries[name]
        if row["intervals"] is None:
            continue
        path = Path(study.path(row["intervals"]))
        regions = query_regions(row) or (str(path) if path.is_file() else None)
        about = {"where": f"query {name}", "kind": "disruption", "regions": regions, "sequences": None}
        found.append(about | genome_of_map(study, row["dataset"]))
    return found

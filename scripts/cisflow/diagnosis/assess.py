"""The diagnosis of a contact model: figures, verdicts and page.

Inputs: tables of the diagnosis, histories of the training, scores. Outputs: see :func:`assess_contact_model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.contacts.evaluation_inputs import CIS
from cisflow.contacts.regions import length_name
from cisflow.diagnosis.training_curve import curve_columns, read_curves
from cisflow.diagnosis.verdicts import Findings, ceiling_at, conclusion, contact_verdicts
from cisflow.figures import diagnosis as one_level
from cisflow.figures import diagnosis_levels as several_levels
from cisflow.files import read_table, write_table
from cisflow.joblog import logger
from cisflow.quality.verdict import OK, Verdict, verdict_table
from cisflow.report.quality import QualityPage, write_quality_page

PANELS = ("ceiling", "noise", "targets", "learning")
SECTIONS = {
    "ceiling": "Ceiling and scores",
    "noise": "Noise by distance",
    "targets": "Targets",
    "learning": "Learning",
}
CONCLUSION = "conclusion"
NOT_RUN = "Whether the network can learn one window by heart was not tried; set diagnosis.{key}, e.g. to 200."
KEYS = ("overfit_steps", "overfit_steps_several_levels")  # of the config, for models of one level and of several


def assess_contact_model(
    tables: Mapping[str, str | Path],
    histories: Mapping[str, str | Path],
    reference_histories: Mapping[str, str | Path],
    names: Mapping[str, str],
    references: Mapping[str, str],
    results: str | Path,
    figures: Mapping[str, str | Path],
    verdict: str | Path,
    page: str | Path,
) -> None:
    """Draw the figures of the diagnosis of a contact model, write its verdicts and its page.

    Parameters
    ----------
    tables : mapping of path
        ``ceiling``, ``by_distance``, ``targets``, ``histogram``, ``scores`` (``contact_summary.tsv``), and
        ``one_window`` where that was tried.
    histories : mapping of path by name
        ``history.tsv`` by seed of the model.
    reference_histories : mapping of path by name
        ``history.tsv`` of the models that were fitted in one go.
    names : mapping of str
        ``run``, ``map``, ``model``.
    references : mapping of str by name
        Kinds of those models, see :data:`cisflow.models.contact_settings.FITTED`.
    results : path
        Folder of the run's results.
    figures : mapping of path by panel
        SVGs to write, see :data:`PANELS`.
    verdict, page : path
        Table of verdicts, whose first row is the conclusion, and HTML page to write.
    """
    read = {name: read_table(path) for name, path in tables.items()}
    one_window, course = read.get("one_window"), {name: read_table(path) for name, path in histories.items()}
    columns = curve_columns(read["scores"]["level"].unique().tolist())
    found = Findings(
        model=names["model"],
        map_name=names["map"],
        ceiling=read["ceiling"],
        targets=read["targets"],
        one_window=one_window,
        curves={level: read_curves(list(course.values()), column) for level, column in columns.items()},
        scores=read["scores"],
        references=references,
    )
    verdicts = contact_verdicts(found)
    grade, sentence = conclusion(verdicts, names["model"])
    (logger.info if grade == OK else logger.warning)("%s", sentence)
    label = f"{names['map']}, {names['model']}"
    draw = several_levels if len(columns) > 1 else one_level
    draw.plot_ceiling(read["ceiling"], read["scores"], label, figures["ceiling"])
    draw.plot_noise(read["by_distance"], label, figures["noise"])
    draw.plot_targets(read["targets"], read["histogram"], label, figures["targets"])
    bounds = _bounds(found, {name: read_table(path) for name, path in reference_histories.items()}, columns)
    if len(columns) > 1:
        several_levels.plot_learning(one_window, course, bounds, label, figures["learning"])
    else:
        one_level.plot_learning(one_window, course, *bounds.values(), label, figures["learning"])
    table = verdict_table(verdicts)
    first = verdict_table([Verdict(CONCLUSION, "", float("nan"), float("nan"), grade, sentence)])
    write_table(pd.concat([first, table]) if len(table) else first, verdict)
    content = QualityPage(
        library=label,
        run=names["run"],
        about=_about(read["targets"], len(course)),
        headlines=[] if one_window is not None else [NOT_RUN.format(key=KEYS[len(columns) > 1])],
        figures={panel: [svg] for panel, svg in figures.items()},
        texts={},
        sections=SECTIONS,
        title=f"Diagnosis of {names['model']} on map {names['map']}",
        summary=(grade, sentence),
    )
    write_quality_page(content, table, results, page)


def _bounds(
    found: Findings, fitted: Mapping[str, pd.DataFrame], columns: Mapping[int, str]
) -> dict[int, dict[str, float]]:
    """Validation correlations to compare the training with, by level and name: ceiling, and models fitted in one go."""
    bounds: dict[int, dict[str, float]] = {}
    for place in found.places:
        if place.kind == CIS:
            row = ceiling_at(found.ceiling, place, "validation")
            levels = {} if row is None else {"ceiling": float(row["ceiling"])}
            known = {name: float(table[columns[place.level]].max()) for name, table in fitted.items()}
            bounds[place.level] = levels | {name: value for name, value in known.items() if np.isfinite(value)}
    return bounds


def _about(targets: pd.DataFrame, seeds: int) -> str:
    rows = targets[(targets["chromosome"] == "all") & (targets["kind"] == CIS)]
    rows = rows[rows["level"] == rows["level"].min()]
    windows = ", ".join(f"{row.windows} {row.role}" for row in rows.itertuples())
    return f"{seeds} seed{'s' if seeds != 1 else ''}; looked at {windows} windows{_levels(targets)}."


def _levels(targets: pd.DataFrame) -> str:
    names = [length_name(level) for level in sorted(targets["level"].unique())]
    return f" at the finest of the levels {', '.join(names)}" if len(names) > 1 else ""

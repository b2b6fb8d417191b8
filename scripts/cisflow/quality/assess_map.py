"""Assess a prepared contact map: draw its figures, write its verdict and its page.

Inputs: a :class:`~cisflow.quality.contact_map.MapQuality`. Outputs: see :func:`assess_map`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cisflow.figures.quality_map import plot_balancing, plot_coverage, plot_distance, plot_masked
from cisflow.figures.quality_map_structure import plot_compartments, plot_insulation
from cisflow.files import write_table
from cisflow.joblog import logger
from cisflow.quality.contact_map import MapQuality
from cisflow.quality.map_checks import compartment_sentence, insulation_sentence, map_verdicts
from cisflow.quality.verdict import OK, overall, verdict_table
from cisflow.report.quality import QualityPage, write_quality_page

PANELS = {
    "coverage": ("Coverage", plot_coverage),
    "masked": ("Masked bins", plot_masked),
    "balancing": ("Balancing", plot_balancing),
    "distance": ("Distance law", plot_distance),
    "compartments": ("Compartments", plot_compartments),
    "insulation": ("Insulation", plot_insulation),
}
NO_REPLICATE = (
    "No replicate with bins of this size is named (column replicate_of of the contact maps sheet): how well the curve "
    "repeats is not known."
)


def assess_map(
    given: MapQuality,
    run: str,
    results: str | Path,
    figures: Mapping[str, str | Path],
    verdict: str | Path,
    page: str | Path,
) -> None:
    """Draw the figures of a map, and write its verdict and its page.

    Parameters
    ----------
    given : MapQuality
    run : str
        Name of the run, for the page.
    results : path
        Folder of the run's results.
    figures : mapping of path by panel
        SVGs to write, one for each of ``PANELS``.
    verdict, page : path
        Table of verdicts and HTML page to write.
    """
    table = verdict_table(map_verdicts(given))
    grade, sentence = overall(table, given.name, "map")
    (logger.info if grade == OK else logger.warning)("%s", sentence)
    for name, (_, draw) in PANELS.items():
        draw(given, figures[name])
    overall_row = given.overall
    write_table(table, verdict)
    content = QualityPage(
        library=given.name,
        run=run,
        about=(
            f"{overall_row['bins']:,} bins of {given.resolution:,} bp on {len(given.chromosomes):,} chromosomes, "
            f"{overall_row['contacts']:,} contacts, weights {overall_row['weights']}."
        ),
        headlines=[compartment_sentence(given), insulation_sentence(given)],
        figures={name: [svg] for name, svg in figures.items()},
        texts={} if given.replicate is not None else {"distance": NO_REPLICATE},
        sections={name: title for name, (title, _) in PANELS.items()},
        title=f"Quality of map {given.name}",
        summary=(grade, sentence),
    )
    write_quality_page(content, table, results, page)

"""Assess a sorted library: draw its figures, write its verdict and its page.

Inputs: a sorted library and figures that other stages made of it. Outputs: see :func:`assess`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cisflow.figures.quality import plot_bins, plot_ranks, plot_saturation
from cisflow.figures.quality_expression import plot_expression, plot_profiles
from cisflow.files import write_table
from cisflow.joblog import logger
from cisflow.quality.checks import verdicts
from cisflow.quality.library import SortedLibrary
from cisflow.quality.more_reads import more_reads
from cisflow.quality.verdict import OK, overall, verdict_table
from cisflow.report.quality import QualityPage, write_quality_page

NO_REPLICATE = (
    "There is no replicate of this library (column sample of the libraries sheet). How well its values repeat was not "
    "measured: the standard errors know the chance of reads and cells within this one sort, but not what differs from "
    "day to day, between cultures or between sorts."
)
NO_READS = (
    "The library came as a table of counts: there is no funnel of its reads, and nothing can be said about merging, "
    "flanks and sequencing errors."
)


def assess(
    library: SortedLibrary,
    run: str,
    seed: int,
    results: str | Path,
    figures: Mapping[str, str | Path],
    verdict: str | Path,
    page: str | Path,
    concordance: Sequence[str | Path] = (),
    funnel_figure: str | Path | None = None,
) -> None:
    """Draw the figures of a library, and write its verdict and its page.

    Parameters
    ----------
    library : SortedLibrary
    run : str
        Name of the run, for the page.
    seed : int
        Seed of the run.
    results : path
        Folder of the run's results.
    figures : mapping of path by panel
        SVGs to write: ``bins``, ``ranks``, ``saturation``, ``profiles``, ``expression``.
    verdict, page : path
        Table of verdicts and HTML page to write.
    concordance : sequence of path
        Figures of the library's replicates against each other; none without replicates.
    funnel_figure : path, optional
        Figure of the reads' funnel; None for libraries that come as counts.
    """
    table = verdict_table(verdicts(library.counts, library.bins, library.funnel))
    grade, sentence = overall(table, library.name)
    (logger.info if grade == OK else logger.warning)("%s", sentence)
    answer = more_reads(library)
    plot_bins(library, figures["bins"])
    plot_ranks(library, figures["ranks"])
    plot_saturation(library, answer, figures["saturation"])
    plot_profiles(library, seed, figures["profiles"])
    plot_expression(library, figures["expression"])
    texts = {}
    if not concordance:
        texts["replicates"] = NO_REPLICATE
    if funnel_figure is None:
        texts["funnel"] = NO_READS
    content = QualityPage(
        library=library.name,
        run=run,
        about=(
            f"{len(library.counts):,} elements, {len(library.sorted_bins)} sorted bins, {answer.reads:,} reads in them."
        ),
        headlines=[answer.sentence()],
        figures={
            **{name: [svg] for name, svg in figures.items()},
            "replicates": list(concordance),
            "funnel": [funnel_figure] if funnel_figure else [],
        },
        texts=texts,
    )
    write_table(table, verdict)
    write_quality_page(content, table, results, page)

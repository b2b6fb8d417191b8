"""The quality report of one sorted library: one self-contained HTML page that opens without network.

Inputs: verdicts, sentences and figures of the library. Outputs: ``quality/{library}.html``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cisflow import __version__
from cisflow.files import write_text
from cisflow.quality.verdict import overall
from cisflow.report.layout import figure_values, render
from cisflow.report.page import QUALITY_PAGE
from cisflow.report.tables import format_cell

#: Sections of the page, by the figures that they hold.
SECTIONS = {
    "bins": "Bins",
    "ranks": "Reads by rank",
    "saturation": "Saturation",
    "profiles": "Profiles over the bins",
    "expression": "Expression",
    "replicates": "Replicates",
    "funnel": "Funnel of the reads",
}


@dataclass(frozen=True)
class QualityPage:
    """What goes onto the page of a library.

    Attributes
    ----------
    library, run : str
    about : str
        What the library is, in one sentence.
    headlines : sequence of str
        Sentences under the verdict.
    figures : mapping of list of path by section
        SVGs with their PNG, TSV and JSON beside them.
    texts : mapping of str by section
        What is said in place of figures, or before them.
    """

    library: str
    run: str
    about: str
    headlines: Sequence[str]
    figures: Mapping[str, Sequence[str | Path]]
    texts: Mapping[str, str]


def write_quality_page(page: QualityPage, verdicts: pd.DataFrame, results: str | Path, output: str | Path) -> None:
    """Write the quality report of a library.

    Parameters
    ----------
    page : QualityPage
    verdicts : DataFrame
        See :func:`cisflow.quality.verdict.verdict_table`.
    results : path
        Folder of the run's results; names in the page are relative to it.
    output : path
        HTML file, written atomically.
    """
    verdict, sentence = overall(verdicts, page.library)
    sections = []
    for name, title in SECTIONS.items():
        figures = [figure_values(svg, Path(results)) for svg in page.figures.get(name, [])]
        text = page.texts.get(name, "")
        if figures or text:
            sections.append({"name": name, "title": title, "text": text, "figures": figures})
    checks = [
        row | {"value": format_cell(row["value"]), "threshold": format_cell(row["threshold"])}
        for row in verdicts.to_dict("records")
    ]
    text = render(
        QUALITY_PAGE,
        library=page.library,
        run=page.run,
        version=__version__,
        about=page.about,
        verdict=verdict,
        sentence=sentence,
        headlines=page.headlines,
        checks=checks,
        sections=sections,
    )
    write_text(text, output)

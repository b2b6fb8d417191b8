"""Quality reports: one self-contained HTML page that opens without network, of a sorted library or a contact model.

Inputs: verdicts, sentences and figures. Outputs: ``quality/{library}.html``, ``quality/{map}.{model}.html``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cisflow import __version__
from cisflow.files import write_text
from cisflow.quality.verdict import overall
from cisflow.report.layout import figure_values, render
from cisflow.report.page import QUALITY_PAGE
from cisflow.report.tables import format_cell

#: Sections of the page of a library, by the figures that they hold.
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
    """What goes onto the page of a library or of something else that is checked.

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
    sections : mapping of str
        Titles of the sections in their order.
    title : str
        Heading of the page; by default that of a library.
    summary : (str, str), optional
        Verdict and sentence on top; by default the first of the worst verdicts.
    """

    library: str
    run: str
    about: str
    headlines: Sequence[str]
    figures: Mapping[str, Sequence[str | Path]]
    texts: Mapping[str, str]
    sections: Mapping[str, str] = field(default_factory=lambda: SECTIONS)
    title: str = ""
    summary: tuple[str, str] | None = None


def write_quality_page(page: QualityPage, verdicts: pd.DataFrame, results: str | Path, output: str | Path) -> None:
    """Write a quality report.

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
    verdict, sentence = page.summary or overall(verdicts, page.library)
    sections = []
    for name, title in page.sections.items():
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
        title=page.title or f"Quality of library {page.library}",
        run=page.run,
        version=__version__,
        about=page.about,
        verdict=verdict,
        sentence=sentence,
        headlines=page.headlines,
        checks=checks,
        bins=any(v["bin"] for v in checks),
        sections=sections,
    )
    write_text(text, output)

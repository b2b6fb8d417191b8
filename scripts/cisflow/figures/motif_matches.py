"""Figure of known motifs in what models see: letters of the mutagenesis with the sites that they spell.

Inputs: position scores, matches of motifs. Outputs: a figure with its table and caption.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cisflow.figures.interpretation import INCHES_PER_BASE, draw_logo
from cisflow.figures.style import GREY, new_figure, save_figure
from cisflow.interpret.motif_scan import MOST_SHARE

#: Room of a row of names above the letters, as a share of their range.
ROW_SHARE = 0.17


def _rows(matches: pd.DataFrame, per_base: float) -> np.ndarray:
    """Row of each match, so that names beside each other do not overlap."""
    ends: list[float] = []
    rows = []
    for match in matches.itertuples():
        centre, half = (match.start + match.end) / 2, max(match.end - match.start, per_base * (len(match.name) + 2)) / 2
        row = next((i for i, end in enumerate(ends) if centre - half > end), len(ends))
        ends[row : row + 1] = [centre + half]
        rows.append(row)
    return np.array(rows, dtype=int)


def _draw_matches(panel: Axes, matches: pd.DataFrame, rows: np.ndarray, top: float, height: float) -> None:
    """Bars over the sites with their names; an arrow head shows the strand."""
    for match, row in zip(matches.itertuples(), rows, strict=True):
        level = top + height * (row + 0.45)
        left, right = match.start - 0.45, match.end - 0.55
        ends = ((right, level), (left, level)) if match.strand == "+" else ((left, level), (right, level))
        colour = "black" if match.window_share <= MOST_SHARE else GREY
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.1, "mutation_scale": 7}
        arrow |= {"shrinkA": 0, "shrinkB": 0}
        panel.annotate("", *ends, arrowprops=arrow)
        where = ((left + right) / 2, level + 0.12 * height)
        panel.text(*where, match.name, ha="center", va="bottom", fontsize=6.5, color=colour)


def motif_figure(
    profiles: pd.DataFrame, matches: pd.DataFrame, placed: pd.DataFrame
) -> tuple[Figure, pd.DataFrame, str]:
    """Letters of one sequence, model above model, with sites of known motifs.

    Parameters
    ----------
    profiles : DataFrame
        ``model``, ``id``, ``position``, ``base``, ``score`` of one sequence.
    matches, placed : DataFrame
        All matches in that sequence, and those that are drawn, one for each place; see
        :mod:`cisflow.interpret.motif_scan`.

    Returns
    -------
    figure, table, caption
        The table has all matches, and whether they are drawn.
    """
    models = profiles["model"].drop_duplicates().tolist()
    first, last = profiles["position"].min(), profiles["position"].max()
    inches = INCHES_PER_BASE * max(last - first + 1, 40)
    per_base = 0.062 * (last - first + 1) / inches
    figure, panels = new_figure(1.6 + inches, 0.7 + 1.55 * len(models), nrows=len(models), sharex=True, squeeze=False)
    for panel, model in zip(panels[:, 0], models, strict=True):
        own, drawn = profiles[profiles["model"] == model], placed[placed["model"] == model].sort_values("start")
        lowest, highest = min(0.0, -own["score"].max()), max(0.0, -own["score"].min())
        height = ROW_SHARE * max(highest - lowest, 1e-12)
        draw_logo(panel, own["position"].to_numpy(), own["base"].tolist(), -own["score"].to_numpy())
        rows = _rows(drawn, per_base)
        _draw_matches(panel, drawn, rows, highest, height)
        panel.set_ylim(lowest - 0.3 * height, highest + height * (rows.max(initial=-1) + 1.4))
        panel.set_title(model, loc="left")
    panels[-1, 0].set_xlim(first - 0.6, last + 0.6)
    panels[-1, 0].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    panels[-1, 0].set_xlabel("position in the sequence (bp, 0-based)")
    figure.supylabel("what the base adds\n(minus mean effect of substitutions)", fontsize=9)
    if placed.empty:
        where = {"ha": "right", "transform": panels[0, 0].transAxes}
        panels[0, 0].text(0.99, 0.95, "no match of a known motif", color=GREY, **where)
    keys = ["model", "motif", "start", "end", "strand"]
    table = matches.merge(placed[keys].assign(drawn=True), on=keys, how="left")
    table["drawn"] = table["drawn"].eq(True)
    number = len(matches.drop_duplicates(keys[1:]))
    caption = (
        f"Motifs in {profiles['id'].iloc[0]}. Letters: what each base adds to the prediction, each model on its own "
        f"scale. Arrows: sites of known motifs and their strand, one for each place of {number} matches; black where "
        f"no more than {MOST_SHARE:.0%} of the windows of that width contribute as much. A match says that the "
        "sequence fits the motif; tall letters say that the model uses it."
    )
    return figure, table, caption


def save_motifs(profiles: pd.DataFrame, matches: pd.DataFrame, placed: pd.DataFrame, svg: str, label: str = "") -> None:
    """Draw and save the figure of one sequence; see :func:`motif_figure`."""
    figure, table, caption = motif_figure(profiles, matches, placed)
    save_figure(figure, table, svg, f"Motifs in {profiles['id'].iloc[0]}{f', {label}' if label else ''}", caption)

"""What models of expression predict of sequences that were given: distributions and agreement.

Inputs: table of predictions. Outputs: figure with table and caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cisflow.figures.style import GREY, PALETTE, draw_density, new_figure, save_figure
from cisflow.statistics import spearman

BINS = 40
COLUMNS = 4
#: Of the histograms; their medians are black.
COLOURS = PALETTE[:-1]
#: Sequences from which on a plane of two models is drawn by density.
MANY = 2000


def plot_predicted_expression(table: pd.DataFrame, models: Sequence[str], name: str, svg: str | Path) -> None:
    """Draw the predictions of each model, and the first two models against each other.

    Parameters
    ----------
    table : DataFrame
        ``id``, one column per model, and of replicates ``model.1`` and so on; null where a model has no prediction.
    models : sequence of str
    name : str
        Of the query.
    svg : path
    """
    plane = len(models) > 1
    panels_drawn = len(models) + plane
    rows, columns = -(-panels_drawn // COLUMNS), min(panels_drawn, COLUMNS)
    figure, grid = new_figure(0.6 + 2.7 * columns, 3.0 * rows, nrows=rows, ncols=columns, squeeze=False)
    panels = list(grid.flat)
    for panel in panels[panels_drawn:]:
        panel.set_axis_off()
    counted = []
    for number, (panel, model) in enumerate(zip(panels, models, strict=False)):
        colour = COLOURS[number % len(COLOURS)]
        values = table[model].dropna().to_numpy(dtype=float)
        panel.set_title(model)
        panel.set_xlabel("predicted expression")
        if not len(values):
            panel.text(0.5, 0.5, "no sequence of a length\nthat it is for", ha="center", transform=panel.transAxes)
            continue
        counts, edges = np.histogram(values, BINS)
        panel.stairs(counts, edges, fill=True, color=colour, alpha=0.85)
        panel.axvline(np.median(values), color="black", linewidth=0.9)
        panel.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        counted.append(
            pd.DataFrame({"model": model, "left": edges[:-1], "right": edges[1:], "sequences": counts.astype(int)})
        )
    for panel in grid[:, 0]:
        panel.set_ylabel("sequences")
    caption = f"Predictions of {len(table):,} sequences; line: median."
    without = {model: int(table[model].isna().sum()) for model in models}
    if any(without.values()):
        lacking = ", ".join(f"{model} {number:,}" for model, number in without.items() if number)
        caption += f" Without a prediction, because a model is not for their length: {lacking}."
    drawn = pd.concat(counted, ignore_index=True) if counted else pd.DataFrame(columns=["model", "sequences"])
    if plane:
        both = table.dropna(subset=list(models[:2]))
        caption += _plane(panels[len(models)], both, models[:2])
        drawn = pd.concat([drawn, both[["id", *models[:2]]]], ignore_index=True)
    save_figure(figure, drawn, svg, f"Predicted expression, {name}", caption)


def _plane(panel: Axes, rows: pd.DataFrame, models: Sequence[str]) -> str:
    """Draw two models against each other; a sentence for the caption."""
    panel.set_xlabel(f"predicted by {models[0]}")
    panel.set_ylabel(f"predicted by {models[1]}")
    if len(rows) < 3:
        return ""
    x, y = (rows[model].to_numpy(dtype=float) for model in models)
    if len(rows) >= MANY:
        draw_density(panel, x, y)
    else:
        spread = [_half_range(rows, model) for model in models]
        panel.errorbar(x, y, *spread[::-1], fmt="none", ecolor=GREY, linewidth=0.5, alpha=0.5)
        panel.scatter(x, y, s=8, color=PALETTE[0], linewidth=0, alpha=0.6, rasterized=True)
    panel.set_title(f"Spearman {spearman(x, y):.2f}")
    several = any(f"{model}.1" in rows for model in models)
    bars = " Bars: half the range of the replicates." if several and len(rows) < MANY else ""
    return f" Last: {models[0]} and {models[1]} of the same sequences.{bars}"


def _half_range(rows: pd.DataFrame, model: str) -> np.ndarray | None:
    """Half the range of the replicates of a model; None of one."""
    replicates = [column for column in rows if column.rpartition(".")[0] == model]
    if not replicates:
        return None
    return np.ptp(rows[replicates].to_numpy(dtype=float), axis=1) / 2

"""Figures of a designed library: what the models expect of its subsets, and how the genetic algorithms got there.

Inputs: order sheet and history of a design. Outputs: figures with their tables and captions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure

BINS = 40
#: Colours of the subsets in the order in which they are drawn.
COLOURS = {
    "random": GREY,
    "yeast": PALETTE[2],
    "high": PALETTE[3],
    "low": PALETTE[0],
    "challenging": PALETTE[4],
    "SNVs": PALETTE[5],
    "motif perturbation": PALETTE[1],
    "motif tiling": PALETTE[7],
}
#: Subsets beside the random one that are shown in the plane of two models.
IN_PLANE = ("challenging", "high", "low")


def _members(order: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows of each subset, in the order of the colours."""
    lists = order["subsets"].str.split(",")
    rows = {name: order[lists.map(lambda names, wanted=name: wanted in names)] for name in COLOURS}
    return {name: found for name, found in rows.items() if len(found)}


def library_figure(order: pd.DataFrame, models: list[str]) -> tuple[Figure, pd.DataFrame, str]:
    """Histograms of the predictions of every subset, one column of panels per model.

    Parameters
    ----------
    order : DataFrame
        Order sheet, see :class:`cisflow.design.library.Design`.
    models : list of str

    Returns
    -------
    figure, table, caption
        The table has the counts drawn.
    """
    subsets = _members(order)
    figure, panels = new_figure(
        1.6 + 2.6 * len(models),
        0.9 + 0.62 * len(subsets),
        nrows=len(subsets),
        ncols=len(models),
        sharex="col",
        squeeze=False,
    )
    rows = []
    for column, model in enumerate(models):
        edges = np.linspace(order[model].min(), order[model].max() + 1e-9, BINS + 1)
        for row, (name, members) in enumerate(subsets.items()):
            panel = panels[row, column]
            counts, _ = np.histogram(members[model], edges)
            panel.stairs(counts, edges, fill=True, color=COLOURS[name], alpha=0.85)
            panel.axvline(members[model].median(), color="black", linewidth=0.9)
            panel.yaxis.set_major_locator(MaxNLocator(2, integer=True))
            panel.tick_params(axis="y", labelsize=7)
            if column == 0:
                label = f"{name}\n{len(members):,}"
                panel.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
            if row == 0:
                panel.set_title(model)
            rows += [
                {"model": model, "subset": name, "left": edges[i], "right": edges[i + 1], "sequences": int(count)}
                for i, count in enumerate(counts)
            ]
        panels[-1, column].set_xlabel("predicted expression")
    figure.supylabel("sequences", fontsize=9)
    caption = (
        f"Predictions of the {len(order):,} designed sequences by subset; numbers: sequences of each subset (those of "
        "pairs with their references; a sequence may belong to several). Line: median. High and low should lie beyond "
        "the random sequences, challenging ones on different sides for the first two models."
    )
    return figure, pd.DataFrame(rows), caption


def _plane(panel: Axes, order: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """Predictions of two models against each other."""
    subsets, drawn, size = _members(order), [], 5 if len(order) > 300 else 18
    for name in ("random", *IN_PLANE):
        rows = subsets.get(name)
        if rows is None:
            continue
        look = {"s": size, "linewidth": 0, "alpha": 0.35 if name == "random" else 0.7, "rasterized": True}
        panel.scatter(rows[models[0]], rows[models[1]], color=COLOURS[name], label=name, **look)
        drawn.append(rows[["id", *models[:2]]].assign(subset=name))
    panel.set_xlabel(f"predicted by {models[0]}")
    panel.set_ylabel(f"predicted by {models[1]}")
    legend = panel.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=7, markerscale=2 if size < 10 else 1
    )
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    return pd.concat(drawn) if drawn else pd.DataFrame(columns=["id", *models[:2], "subset"])


def _course(panel: Axes, history: pd.DataFrame, kind: str) -> None:
    """Mean and best of each run over the generations."""
    columns = ("mean", "best") if kind == "GA" else ("mean_difference", "best_difference")
    rows = history[history[columns[0]].notna()]
    for i, (run, own) in enumerate(rows.groupby("run", sort=False)):
        colour = PALETTE[i % 7]
        panel.plot(
            own["generation"], own[columns[0]], color=colour, label=run.removeprefix("GA.").removesuffix(".pareto")
        )
        panel.plot(own["generation"], own[columns[1]], color=colour, linestyle=":")
    panel.set_xlabel("generation")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_ylabel("prediction" if kind == "GA" else "difference of the predictions")
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=7, ncols=2 if kind == "GA" else 1)


def evolution_figure(order: pd.DataFrame, history: pd.DataFrame, models: list[str]) -> tuple[Figure, pd.DataFrame, str]:
    """Course of the genetic algorithms, and where the sequences lie in the plane of the first two models.

    Parameters
    ----------
    order, history : DataFrame
        See :class:`cisflow.design.library.Design`.
    models : list of str

    Returns
    -------
    figure, table, caption
    """
    kinds = [k for k, c in (("GA", "mean"), ("pareto", "mean_difference")) if history[c].notna().any()]
    number = len(kinds) + (len(models) > 1)
    figure, panels = new_figure(0.4 + 3.3 * max(number, 1), 3.7, ncols=max(number, 1), squeeze=False)
    for panel, kind in zip(panels[0], kinds, strict=False):
        _course(panel, history, kind)
    table = history
    caption = "Generations of the genetic algorithms; lines: mean of the population, dotted: its best sequence."
    if "pareto" in kinds:
        caption += " Of two models: the first prediction minus the second one."
    if len(models) > 1:
        plane = _plane(panels[0, -1], order, models)
        table = pd.concat([history, plane], ignore_index=True)
        caption += (
            f" Right: predictions of {models[0]} and {models[1]}; challenging sequences lie along the two Pareto "
            "fronts, away from the diagonal on which models agree."
        )
    if not number:
        panels[0, 0].text(0.5, 0.5, "no genetic algorithm in this design", ha="center", va="center")
        panels[0, 0].set_axis_off()
    return figure, table, caption


def save_design(
    order: pd.DataFrame, history: pd.DataFrame, models: list[str], svgs: tuple[str | Path, str | Path], label: str = ""
) -> None:
    """Draw and save both figures.

    Parameters
    ----------
    order, history : DataFrame
    models : list of str
    svgs : tuple of path
        Library, evolution.
    label : str
        Name of the design for titles.
    """
    behind = f" {label}" if label else ""
    titles = (f"Designed library{behind}", f"How the designed sequences{behind and ' of' + behind} evolved")
    drawn = (library_figure(order, models), evolution_figure(order, history, models))
    for (figure, table, caption), svg, title in zip(drawn, svgs, titles, strict=True):
        save_figure(figure, table, svg, title, caption)

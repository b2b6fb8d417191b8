"""The look of every figure, and the four files that each figure is saved as.

Inputs: a matplotlib figure and the table of what it draws.
Outputs: ``<stem>.svg``, ``<stem>.png``, ``<stem>.tsv`` (the numbers drawn) and ``<stem>.json`` (title and caption).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from cisflow.files import atomic_path, write_json, write_table

#: Okabe and Ito's palette: eight colours that stay apart for colour-blind readers.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
GREY = "#8A8A8A"

#: Log fold over background, as drawn by Zhou 2022: light yellow (depleted) to dark red (enriched).
CONTACT_CMAP = LinearSegmentedColormap.from_list(
    "contact",
    ["#ffffe2", "#ffe9ab", "#fecc76", "#fe9f4c", "#fe6134", "#eb1f23", "#bb0026", "#710027", "#290027"],
).with_extremes(bad="#AAAAAA")

#: Elements per cell of a density plot; the lightest is still seen on white.
DENSITY = LinearSegmentedColormap.from_list("density", ["#b9d3ea", "#4292c6", "#08306b"])

STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=PALETTE),
    "legend.frameon": False,
    "svg.hashsalt": "cisflow",
    "svg.fonttype": "path",
}


def new_figure(width: float = 6.0, height: float = 3.6, **subplots: Any) -> tuple[Figure, Any]:
    """Make a figure (inches) in the house style; returns what ``matplotlib.pyplot.subplots`` returns."""
    plt.rcParams.update(STYLE)
    return plt.subplots(figsize=(width, height), **subplots)


def short_number(value: float, _: object = None) -> str:
    """Number for an axis: 1.5k, 20M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def draw_density(
    panel: Axes,
    x: np.ndarray,
    y: np.ndarray,
    extent: tuple[float, float, float, float] | None = None,
    cells: int = 45,
    shrink: float = 0.8,
) -> None:
    """Draw how many elements lie where, with a bar that says so.

    Parameters
    ----------
    panel : matplotlib Axes
    x, y : ndarray, shape (n,)
    extent : tuple of float, optional
        Smallest and largest x and y; those of the elements when None.
    cells : int
        Hexagons along x.
    shrink : float
        Length of the bar as a share of the panel's height.
    """
    drawn = panel.hexbin(x, y, gridsize=cells, extent=extent, mincnt=1, norm=LogNorm(), cmap=DENSITY, linewidths=0.1)
    ticks = LogLocator(subs=(1, 2, 5))
    bar = panel.figure.colorbar(drawn, ax=panel, label="elements", shrink=shrink, ticks=ticks, format=short_number)
    bar.ax.yaxis.set_minor_locator(NullLocator())


def save_figure(figure: Figure, table: pd.DataFrame, svg: str | Path, title: str, caption: str) -> None:
    """Save a figure as SVG and PNG with its table and caption; equal figures give equal bytes.

    Parameters
    ----------
    figure : matplotlib Figure
    table : DataFrame
        The numbers that the figure draws, one row per mark where that is sensible.
    svg : path
        Name of the SVG; PNG, TSV and JSON get the same stem.
    title : str
        Short title for the report.
    caption : str
        What is drawn, with the main numbers, and how to read it (what good looks like).
    """
    svg = Path(svg)
    with atomic_path(svg) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    with atomic_path(svg.with_suffix(".png")) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    write_table(table, svg.with_suffix(".tsv"))
    write_json({"title": title, "caption": caption}, svg.with_suffix(".json"))
    plt.close(figure)

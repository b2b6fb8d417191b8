"""Figures over all test windows: predicted against observed values, and contacts by distance.

Inputs: ``contact_density.tsv``, ``contact_distance.tsv``, ``contact_summary.tsv``. Outputs: figures.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cisflow.contacts.regions import length_name
from cisflow.evaluation.contact_profiles import OBSERVED
from cisflow.figures.style import DENSITY, GREY, PALETTE, new_figure, short_number

PANEL, LEGEND = 2.1, 1.5  # inches
NO_CIS = "No test windows within chromosomes: there is no distance to show."
WHERE = {"cis": "within", "trans": "between chromosomes"}


def _draw_density(axis: Axes, cells: pd.DataFrame, edges: np.ndarray, norm: LogNorm) -> object:
    grid = np.full((len(edges) - 1,) * 2, np.nan)
    place = [np.searchsorted(edges, cells[name].to_numpy(), side="right") - 1 for name in ("observed", "predicted")]
    grid[place[0], place[1]] = cells["n"]
    image = axis.pcolormesh(edges, edges, grid, cmap=DENSITY, norm=norm, rasterized=True)
    axis.plot(edges[[0, -1]], edges[[0, -1]], color=GREY, linewidth=0.7, linestyle="--")
    return image


def density_figure(density: pd.DataFrame, summary: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Observed against predicted value of every entry: one row per model, one column per level, the finest left.

    Parameters
    ----------
    density : DataFrame
        See :func:`cisflow.evaluation.contact_profiles.density`.
    summary : DataFrame
        See :func:`cisflow.evaluation.contacts.summary_table`.

    Returns
    -------
    figure, table, caption
        The table is ``density``.
    """
    levels = sorted(density["level"].unique())
    rows = list(dict.fromkeys(zip(density["model"], density["kind"], strict=True)))
    several = density["kind"].nunique() > 1
    pooled = summary[summary["metric"] == "pooled_pearson"].set_index(["model", "kind", "level"])["value"]
    figure, axes = new_figure(
        PANEL * len(levels) + 1.6, PANEL * len(rows) + 0.9, nrows=len(rows), ncols=len(levels), squeeze=False
    )
    norm = LogNorm(1, max(density["n"].max(), 2))
    for number, (line, (model, kind)) in enumerate(zip(axes, rows, strict=True)):
        for axis, level in zip(line, levels, strict=True):
            of_level = density[density["level"] == level]
            centres = np.unique(of_level[["predicted", "observed"]].to_numpy())
            step = np.diff(centres).min() if len(centres) > 1 else 1.0
            first, last = centres[0] - step / 2, centres[-1] + step / 2
            edges = np.linspace(first, last, round((last - first) / step) + 1)
            part = of_level[(of_level["model"] == model) & (of_level["kind"] == kind)]
            image = _draw_density(axis, part, edges, norm)
            r = pooled.get((model, kind, level), np.nan)
            title = f"r {r:.3f}" if np.isfinite(r) else "r undefined"
            axis.set_title(f"{length_name(level)}\n{title}" if number == 0 else title, fontsize=9)
            axis.set_box_aspect(1)
            axis.tick_params(labelsize=7)
        line[0].set_ylabel(f"{model}{f', {WHERE[kind]}' if several else ''}\nobserved", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("predicted", fontsize=8)
    bar = figure.colorbar(image, ax=axes, label="entries", shrink=0.7, aspect=25, format=short_number)
    bar.ax.minorticks_off()
    values = "; ".join(f"{m} ({k}) {length_name(lv)} {pooled[m, k, lv]:.3f}" for m, k, lv in pooled.dropna().index)
    caption = (
        "Natural log of observed over expected contacts, predicted and observed, for every entry of the test windows "
        "that counts; colour is the number of entries on a log scale, one scale for all panels; dashed: equal. Pearson "
        f"r over all entries: {values}. A good model gives a rising band along the dashed line; a flat one predicts "
        "too little variation, which is usual where the measurement is noisy. The outermost cells hold what lies "
        "beyond them."
    )
    return figure, density, caption


def distance_figure(distance: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Contacts by distance, observed and predicted, per level: distance law above, mean log ratio below.

    Parameters
    ----------
    distance : DataFrame
        See :func:`cisflow.evaluation.contact_profiles.distance_means`, with ``expected``.

    Returns
    -------
    figure, table, caption
        The table is ``distance`` with a column ``contacts``: ``ratio`` times ``expected``.
    """
    table = distance.assign(contacts=distance["ratio"] * distance["expected"])
    if table.empty:
        figure, axis = new_figure(5, 1)
        axis.set_axis_off()
        axis.text(0.5, 0.5, NO_CIS, ha="center", va="center")
        return figure, table, NO_CIS
    levels, series = sorted(table["level"].unique()), list(dict.fromkeys(table["series"]))
    figure, axes = new_figure(
        max(2.5 * len(levels) + 1.2, LEGEND * min(len(series), 6)),
        5.0,
        nrows=2,
        ncols=len(levels),
        squeeze=False,
        sharex="col",
        sharey="row",
    )
    largest = []
    for k, level in enumerate(levels):
        top, below = axes[:, k]
        below.axhline(0, color=GREY, linewidth=0.7)
        observed = table[(table["level"] == level) & (table["series"] == OBSERVED)].set_index("distance")
        for number, name in enumerate(series):
            part = table[(table["level"] == level) & (table["series"] == name) & (table["distance"] > 0)]
            x = part["distance"].to_numpy() / 1e3
            if name == OBSERVED:
                top.plot(x, part["contacts"], ".", ms=3, color="black", label=name)
                below.plot(x, part["mean"], color="black", lw=1.5, label=name)
                low, high = part["mean"] - part["sd"], part["mean"] + part["sd"]
                below.fill_between(x, low, high, color=GREY, alpha=0.25, linewidth=0)
                continue
            colour = PALETTE[(number - 1) % (len(PALETTE) - 1)]
            top.plot(x, part["contacts"], lw=1.2, color=colour, label=name)
            below.plot(x, part["mean"], lw=1.2, color=colour, label=name)
            apart = (part.set_index("distance")["mean"] - observed["mean"]).abs().max()
            largest.append(f"{name} {length_name(level)} {apart:.2f}")
        top.set(xscale="log", yscale="log", title=length_name(level))
        below.set(xlabel="distance (kb)")
        below.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
        below.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        below.xaxis.set_minor_formatter(NullFormatter())
    axes[0, 0].set_ylabel("balanced contacts per pair of bins", fontsize=8)
    axes[1, 0].set_ylabel("mean ln(observed / expected)", fontsize=8)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=6, fontsize=8)
    caption = (
        "Contacts within chromosomes by distance, over the test windows, by level (columns, the finest left). Above: "
        "distance law, the mean of observed over expected times the expected contacts, of the observed maps (points) "
        "and of what models predict (lines). Below: mean log ratio at each distance; grey: observed mean +/- one "
        f"standard deviation of the entries. Largest distance between the means: {'; '.join(largest)}. Lines on the "
        "points mean that a model carries the decay of the held-out chromosomes; structure is judged by the "
        "distance-subtracted correlation alone."
    )
    return figure, table, caption

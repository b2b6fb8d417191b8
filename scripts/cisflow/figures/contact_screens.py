"""Tracks of virtual screens of contact maps: impact along regions, activity of inserted sequences.

Inputs: tables of :mod:`cisflow.variants.disruption_screen` and :mod:`cisflow.variants.insertion_screen`. Outputs:
figures with table and caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cisflow.contacts.intervals import read_bed
from cisflow.contacts.regions import length_name
from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure

#: Places of an insertion screen that are drawn at most, and sequences that are drawn by name.
MOST_PLACES, MOST_NAMED = 30, 24
ACTIVITY = "activity (mean |change|, ln)"


def _stretches(table: pd.DataFrame) -> list[pd.DataFrame]:
    """Sites of each stretch without gap, in order."""
    table = table.sort_values(["chromosome", "start"], kind="stable")
    width = int((table["end"] - table["start"]).max())
    new = (table["chromosome"] != table["chromosome"].shift()) | (table["start"] - table["end"].shift() > 3 * width)
    return [part for _, part in table.groupby(new.cumsum())]


def _draw_peaks(axis: Axes, chromosome: str, edges: np.ndarray, peaks: pd.DataFrame | None) -> None:
    """Mark the peaks of a stretch along the upper end of a panel."""
    if peaks is None:
        return
    shown = peaks[(peaks["chromosome"] == chromosome) & (peaks["start"] < edges[-1]) & (peaks["end"] > edges[0])]
    for start, end in zip(shown["start"], shown["end"], strict=True):
        ends = max(start, edges[0]) / 1e3, min(end, edges[-1]) / 1e3
        axis.plot(
            ends,
            [0.97] * 2,
            color="black",
            linewidth=3,
            transform=axis.get_xaxis_transform(),
            zorder=1,
            solid_capstyle="butt",
        )


def plot_disruptions(table: pd.DataFrame, svg: str | Path, name: str = "", peaks: Sequence[str | Path] = ()) -> None:
    """Draw the impact of disrupted sites along the genome: one row per model and level, one column per stretch.

    Parameters
    ----------
    table : DataFrame
        Columns of :data:`cisflow.variants.disruption_screen.COLUMNS`.
    svg : path
    name : str
        Of the screen, for the title.
    peaks : sequence of path
        BED files of peaks that are marked above the tracks.
    """
    found = [read_bed(path)[0] for path in peaks]
    marked = [part for part in found if part is not None]
    marks = pd.concat(marked) if marked else None
    rows = [group for _, group in table.groupby(["model", "level"], sort=False)]
    stretches = _stretches(rows[0]) if rows else []
    width = float(np.clip(4.2 * len(stretches), 7, 16))
    shape = {"nrows": max(len(rows), 1), "ncols": max(len(stretches), 1)}
    figure, axes = new_figure(width, 0.6 + 1.25 * shape["nrows"], squeeze=False, **shape)
    for line, group in enumerate(rows):
        highest = max(float(group["impact"].max()), 1e-6)
        for column, part in enumerate(_stretches(group)):
            axis = axes[line, column]
            bases = np.append(part["start"], part["end"].iloc[-1])
            edges = bases / 1e3
            axis.stairs(part["impact"], edges, fill=True, color=PALETTE[line % 6])
            _draw_peaks(axis, part["chromosome"].iloc[0], bases, marks)
            if part["low"].notna().any():
                middle = (part["start"] + part["end"]) / 2e3
                axis.vlines(middle, np.clip(part["low"], 0, None), part["high"], color=GREY, linewidth=0.4)
            axis.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.12 * highest))
            axis.xaxis.set_major_locator(MaxNLocator(4))
            axis.ticklabel_format(axis="x", useOffset=False, style="plain")
            axis.tick_params(labelsize=7)
            if column == 0:
                model, level = group["model"].iloc[0], length_name(int(group["level"].iloc[0]))
                axis.set_ylabel(f"{model}, {level}\nimpact", fontsize=7)
            if line == len(rows) - 1:
                axis.set_xlabel(f"{part['chromosome'].iloc[0]} (kb)", fontsize=8)
            else:
                axis.tick_params(labelbottom=False)
    if table.empty:
        axes[0, 0].set_axis_off()
        caption = "No site was screened."
    else:
        finest = table[table["level"] == table["level"].min()]
        best = finest.loc[finest["impact"].idxmax()]
        site = int(best["end"] - best["start"])
        caption = (
            f"Impact of disrupting sites of {site} bp one by one or in groups: mean absolute change of the log ratio "
            "on the row of the site's bin, by model and level. Grey lines, where there are replicates: 95 % "
            f"interval of their mean. The largest at {length_name(int(finest['level'].iloc[0]))} is "
            f"{best['impact']:.3g} at {best['chromosome']}:{int(best['start']):,} ({best['model']}; median of all "
            f"sites {finest['impact'].median():.3g}). Sites that a model reads stand out of an even floor as "
            f"narrow peaks.{'' if marks is None else ' Black bars: peaks of the map.'}"
        )
    save_figure(figure, table, svg, f"Impact of disrupted sites{name and f', {name}'}", caption)


def _draw_sequences(axis: Axes, part: pd.DataFrame, model: str) -> None:
    """Activity of each sequence over the places: by name where there are few, else ranked."""
    by_sequence = part.groupby("sequence", sort=False)["activity"].mean().sort_values(ascending=False)
    if len(by_sequence) > MOST_NAMED:
        axis.plot(np.arange(1, len(by_sequence) + 1), by_sequence, "-o", color=PALETTE[0], markersize=3, linewidth=1)
        axis.set(xlabel="inserted sequences, ranked", ylabel=f"{model}\nmean {ACTIVITY}", ylim=(0, None))
        return
    for y, sequence in enumerate(by_sequence.index):
        here = part[part["sequence"] == sequence]
        colours = np.where(here["change"] > 0, PALETTE[3], PALETTE[0])
        axis.scatter(here["activity"], np.full(len(here), y), c=colours, s=18, alpha=0.8, linewidths=0, zorder=3)
        if len(here) > 1:
            axis.plot([by_sequence[sequence]] * 2, [y - 0.35, y + 0.35], color="black", linewidth=1.2)
    axis.set_yticks(range(len(by_sequence)), by_sequence.index, fontsize=7)
    axis.set_ylim(len(by_sequence) - 0.5, -0.5)
    axis.set(xlabel=ACTIVITY, ylabel=model, xlim=(0, None))


def plot_insertions(table: pd.DataFrame, svg: str | Path, name: str = "") -> None:
    """Draw the activity of inserted sequences: by sequence over places, and by place.

    Parameters
    ----------
    table : DataFrame
        Columns of :data:`cisflow.variants.insertion_screen.COLUMNS`.
    svg : path
    name : str
        Of the screen, for the title.
    """
    rows = table[table["activity"].notna()]
    models = list(dict.fromkeys(rows["model"]))
    figure, axes = new_figure(9.0, 0.8 + 2.4 * max(len(models), 1), nrows=max(len(models), 1), ncols=2, squeeze=False)
    for (left, right), model in zip(axes, models, strict=False):
        part = rows[rows["model"] == model]
        _draw_sequences(left, part, model)
        places = part.groupby(["chromosome", "position"], sort=False)
        shown = list(places)[:MOST_PLACES]
        for x, (_, here) in enumerate(shown):
            colours = np.where(here["change"] > 0, PALETTE[3], PALETTE[0])
            right.scatter(np.full(len(here), x), here["activity"], c=colours, s=18, alpha=0.8, linewidths=0, zorder=3)
            right.plot([x - 0.3, x + 0.3], [here["activity"].median()] * 2, color="black", linewidth=1.2)
        names = [f"{chromosome}:{position / 1e6:.2f}" for (chromosome, position), _ in shown]
        right.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=6)
        right.set(xlabel="place (Mb)", ylabel=ACTIVITY, ylim=(0, None), xlim=(-1, max(len(names), 2)))
    for colour, label in ((PALETTE[3], "gains contacts"), (PALETTE[0], "loses contacts")):
        axes[0, 0].scatter([], [], c=colour, s=18, label=label)
    if models and rows["sequence"].nunique() <= MOST_NAMED:
        axes[0, 0].legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    if not models:
        for axis in axes.ravel():
            axis.set_axis_off()
    number = f"{len(rows):,} insertions" if models else "no insertion"
    levels = {model: length_name(int(part["level"].iloc[0])) for model, part in rows.groupby("model", sort=False)}
    level = " at the coarsest level (" + ", ".join(f"{m} {size}" for m, size in levels.items()) + ")" if models else ""
    caption = (
        f"Activity of sequences written into the genome, {number}: mean absolute change of the log ratio on the row of "
        f"the place{level}. Left: mean over places of each sequence, the most active first. Right: insertions by "
        "place, bars: medians. Orange-red: the row gains contacts on average, blue: it loses them. Sequences that act "
        "alike everywhere stand out on the left; where everything acts, the context says more than the sequence."
    )
    save_figure(figure, table, svg, f"Activity of inserted sequences{name and f', {name}'}", caption)

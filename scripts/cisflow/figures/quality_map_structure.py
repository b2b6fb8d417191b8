"""Figures of a contact map's quality page on what cooltools finds in it: compartments and insulation.

Inputs: a :class:`~cisflow.quality.contact_map.MapQuality`.
Outputs: figures with their numbers and captions, see :func:`cisflow.figures.style.save_figure`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure
from cisflow.quality.contact_map import MapQuality
from cisflow.quality.map_checks import compartment_sentence, insulation_sentence

TRACKS = 5  # chromosomes with their eigenvector
REGION_BINS = 800  # of the insulation score
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")


def _empty(given: MapQuality, svg: str | Path, title: str, sentence: str, columns: list[str]) -> None:
    """A figure that says why there is nothing to draw."""
    figure, axis = new_figure(6.4, 1.2)
    axis.set_axis_off()
    axis.text(0.5, 0.5, "nothing to draw", ha="center", va="center", color=GREY)
    save_figure(figure, pd.DataFrame(columns=columns), svg, title, f"Map {given.name}. {sentence}")


def plot_compartments(given: MapQuality, svg: str | Path) -> None:
    """Draw the first eigenvector along chromosomes, and against the GC content.

    Parameters
    ----------
    given : MapQuality
    svg : path
        Output; PNG, TSV (``compartments.tsv`` of the chromosomes drawn) and JSON get the same stem.
    """
    title, table = f"Compartments, map {given.name}", given.compartments
    names = [name for name in given.shown_chromosomes(TRACKS) if name in set(table["chromosome"])]
    if table["E1"].notna().sum() < 3:
        _empty(given, svg, title, compartment_sentence(given), list(table.columns))
        return
    figure, axes = new_figure(8.2, 1.0 + 0.75 * max(len(names), 3), nrows=len(names), ncols=2, width_ratios=[2.2, 1])
    axes = np.reshape(axes, (len(names), 2))
    limit = float(np.nanquantile(np.abs(table["E1"]), 0.99))
    for (axis, other), name in zip(axes, names, strict=True):
        rows = table[table["chromosome"] == name]
        place, value = rows["start"] / 1e6, rows["E1"].to_numpy()
        known = np.nan_to_num(value)
        axis.fill_between(place, 0, np.maximum(known, 0), step="post", color=PALETTE[1], lw=0)
        axis.fill_between(place, 0, np.minimum(known, 0), step="post", color=PALETTE[5], lw=0)
        axis.set(ylim=(-limit, limit), xlim=(0, given.chromosomes["length"].max() / 1e6), yticks=[])
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.spines["left"].set_visible(False)
        axis.xaxis.set_major_formatter(PLAIN)
        if name != names[-1]:
            axis.set_xticklabels([])
        other.remove()
    axes[-1, 0].set_xlabel("position (Mb)")
    axes[0, 0].set_title("first eigenvector", fontsize=9)
    scatter = figure.add_subplot(axes[0, 1].get_gridspec()[:, 1])
    both = table[["gc", "E1"]].dropna()
    scatter.plot(100 * both["gc"], both["E1"], ".", ms=3, alpha=0.5, color=PALETTE[0], rasterized=len(both) > 5000)
    scatter.axhline(0, color=GREY, lw=0.8)
    scatter.set(xlabel="GC content (%)", ylabel="first eigenvector", ylim=(-1.3 * limit, 1.3 * limit))
    scatter.set_title(f"r = {both.corr().iloc[0, 1]:.2f}", fontsize=9)
    scatter.xaxis.set_major_locator(MaxNLocator(5))
    caption = (
        f"Map {given.name}. {compartment_sentence(given)} Left: first eigenvector of the observed over expected map "
        "(cooltools eigs_cis), signed to rise with the GC content (orange: the richer side, A where compartments are "
        "what it shows), along the test chromosomes and the longest others. Right: against the GC content of the bin, "
        "all chromosomes. Good, for an animal's interphase map: long blocks of one sign, and a clear correlation."
    )
    save_figure(figure, table[table["chromosome"].isin(names)], svg, title, caption)


def plot_insulation(given: MapQuality, svg: str | Path) -> None:
    """Draw insulation scores along a region, and the strengths of all boundaries.

    Parameters
    ----------
    given : MapQuality
    svg : path
        Output; PNG, TSV (``insulation.tsv`` of the region drawn) and JSON get the same stem.
    """
    title, table = f"Insulation, map {given.name}", given.insulation
    if not len(table) or table["score"].notna().sum() < 3:
        _empty(given, svg, title, insulation_sentence(given), list(table.columns))
        return
    name = given.shown_chromosomes(1)[0]
    windows = sorted(table["window"].unique())
    rows = table[(table["chromosome"] == name) & (table["window"] == windows[0])]
    first = max(0, (len(rows) - REGION_BINS) // 2)
    region = rows.iloc[first : first + REGION_BINS]
    start, end = int(region["start"].min()), int(region["end"].max())
    figure, axes = new_figure(8.2, 3.8, nrows=2, ncols=2, width_ratios=[2.2, 1], height_ratios=[3, 1], sharex="col")
    drawn, labels = [], []
    for number, (window, colour) in enumerate(zip(windows, (PALETTE[0], PALETTE[1], PALETTE[2]), strict=True)):
        part = table[(table["window"] == window) & (table["chromosome"] == name)]
        part = part[(part["start"] >= start) & (part["end"] <= end)]
        middle = (part["start"] + part["end"]) / 2e6
        label = f"{window / 1000:g} kb"
        axes[0, 0].plot(middle, part["score"], color=colour, lw=1, label=label)
        axes[1, 0].plot(
            middle[part["boundary"]], np.full(part["boundary"].sum(), -number), "|", ms=9, mew=1.4, color=colour
        )
        strengths = np.sort(table.loc[(table["window"] == window) & table["boundary"], "strength"].to_numpy())[::-1]
        axes[0, 1].plot(strengths, np.arange(1, len(strengths) + 1), drawstyle="steps-post", color=colour, label=label)
        drawn.append(part)
        labels.append(label)
    axes[0, 0].axhline(0, color=GREY, lw=0.8, zorder=0)
    axes[0, 0].set(ylabel="insulation (log2)", xlim=(start / 1e6, end / 1e6))
    axes[0, 0].legend(fontsize=8, ncols=3, loc="upper right", title="window", title_fontsize=8)
    low, high = axes[0, 0].get_ylim()
    axes[0, 0].set_ylim(low, high + 0.35 * (high - low))
    axes[1, 0].set(xlabel=f"{name} (Mb)", ylim=(0.6 - len(windows), 0.4), yticks=-np.arange(len(windows)))
    axes[1, 0].set_yticklabels(labels, fontsize=7)
    axes[1, 0].set_ylabel("boundaries")
    axes[1, 0].xaxis.set_major_formatter(PLAIN)
    axes[1, 1].remove()
    axes[0, 1].tick_params(labelbottom=True)
    axes[0, 1].set(xlabel="strength (log2)", ylabel="boundaries this strong")
    axes[0, 1].xaxis.set_major_formatter(PLAIN)
    caption = (
        f"Map {given.name}. {insulation_sentence(given)} Left: insulation score (cooltools, low where few contacts "
        f"cross a bin) of {name}:{start:,}-{end:,} at windows of {', '.join(labels)}, and the boundaries found "
        "(strength above cooltools' threshold). Right: boundaries of the whole map by their strength. Good: deep, "
        "narrow minima at the same places for all windows; a score that follows chance jumps from bin to bin, and its "
        "boundaries are weak."
    )
    save_figure(figure, pd.concat(drawn), svg, title, caption)

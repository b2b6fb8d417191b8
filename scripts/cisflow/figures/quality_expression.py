"""Figures of the quality report on expression: profiles over the bins, estimates, and the two methods side by side.

Inputs: a sorted library.
Outputs: figures with their numbers and captions, see :func:`cisflow.figures.style.save_figure`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cisflow.figures.style import GREY, PALETTE, draw_density, new_figure, save_figure, short_number
from cisflow.quality.bins import profile_groups
from cisflow.quality.library import SortedLibrary
from cisflow.statistics import spearman

#: White (no cells of the group in the bin) to dark blue.
SHARES = LinearSegmentedColormap.from_list("shares", ["#ffffff", "#b9d3ea", "#4292c6", "#08306b"])
#: Colours end here, so that one group with all reads in one bin does not pale the others.
COLOUR_QUANTILE = 0.995


def plot_profiles(library: SortedLibrary, seed: int, svg: str | Path) -> None:
    """Draw the profiles of the elements over the bins as a heat map, by expression.

    Parameters
    ----------
    library : SortedLibrary
    seed : int
        Seed of the run, for the halves of the reads.
    svg : path
        Output; PNG, TSV (one row per group of elements) and JSON get the same stem.
    """
    names = [row["bin"] for row in library.sorted_bins]
    places = np.array([float(row["position"]) for row in library.sorted_bins])
    profiles, middle, used = profile_groups(library.in_sorted_bins(), places, seed)
    n_groups = len(profiles)
    figure, axes = new_figure(max(4.6, 2.4 + 0.26 * len(names)), 4.4)
    top = float(np.quantile(profiles, COLOUR_QUANTILE)) if n_groups else 1.0
    image = axes.imshow(
        100 * (profiles if n_groups else np.zeros((1, len(names)))),
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        cmap=SHARES,
        vmin=0,
        vmax=100 * top,
    )
    axes.set_xticks(np.arange(len(names)), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    ticks = np.unique(np.linspace(0, n_groups - 1, 7).round().astype(int)) if n_groups else np.zeros(0, int)
    if not n_groups:
        axes.text(0.5, 0.5, "no element has two reads", transform=axes.transAxes, ha="center")
    axes.set_yticks(ticks, [f"{middle[i]:.1f}" for i in ticks])
    axes.set(
        xlabel="Sorting bin", ylabel="Elements by expression (bin-weighted mean)", title="Where the elements' cells lie"
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    figure.colorbar(image, ax=axes, label="Share of the group (%)", extend="max", shrink=0.9)
    caption = (
        f"{used:,} elements of library {library.name} with two or more reads, in {n_groups:,} groups with nearly equal "
        "expression (rows, low at the bottom). One random half of the reads puts the elements in order, the other half "
        "is drawn, so that chance alone makes no band. Colour: share of each bin in the group after dividing by "
        "the reads of the bin; rows sum to 100 %. Good: one band without gaps from the lower left to the upper right. "
        "Two columns that break the band look exchanged; a column of scattered spots is a bin with few cells; a dark "
        "column through all rows is a bin that holds everything (cells without reporter, mixing between bins); a broad "
        "band is noise between cells."
    )
    table = pd.DataFrame(profiles, columns=names)
    table.insert(0, "expression", middle)
    save_figure(figure, table, svg, f"Profiles over the bins, library {library.name}", caption)


def _histogram(library: SortedLibrary, axes: object) -> tuple[pd.DataFrame, float]:
    """Draw the histogram of expression with the bins; returns its numbers and the share of singletons."""
    expression = library.bin_mean["expression"].to_numpy()
    single = library.bin_mean["is_singleton"].to_numpy(dtype=bool)
    places = np.array([float(row["position"]) for row in library.sorted_bins])
    step = float(np.median(np.diff(places))) / 4
    edges = np.arange(places.min() - step / 2, places.max() + step, step)
    several, one = (np.histogram(expression[mask], edges)[0] for mask in (~single, single))
    centres = (edges[:-1] + edges[1:]) / 2
    axes.bar(centres, several, step, color=PALETTE[0], label="reads in several bins")
    axes.bar(centres, one, step, bottom=several, color=PALETTE[1], label="in one bin (singletons)")
    highest = max(1, (several + one).max())
    axes.vlines(places, 0, 1.06 * highest, color=GREY, linewidth=0.5, zorder=0)
    axes.set(xlabel="Bin-weighted mean (bins; grey lines: the bins)", ylabel="Elements", title="Expression")
    axes.set_ylim(0, 1.22 * highest)
    axes.legend(fontsize=8, ncols=2, loc="upper center", borderaxespad=0.1, columnspacing=1.0, handlelength=1.2)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(short_number))
    table = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "elements": several + one, "singletons": one})
    return table.assign(panel="expression"), float(single.mean())


def _methods(library: SortedLibrary, axes: object) -> tuple[pd.DataFrame, str]:
    """Draw the estimates of the two methods against each other; returns the numbers and a sentence."""
    columns = ["element", "expression"]
    both = library.bin_mean[[*columns, "n_reads"]].merge(
        library.maude[columns], on="element", suffixes=("_bin_mean", "_maude")
    )
    x, y = both["expression_bin_mean"].to_numpy(), both["expression_maude"].to_numpy()
    draw_density(axes, x, y, shrink=0.85)
    rho = spearman(x, y) if len(both) > 2 else float("nan")
    axes.set(
        xlabel="Bin-weighted mean (bins)",
        ylabel="MAUDE (SD of the cells)",
        title=f"Two methods, Spearman rho = {rho:.3f}",
    )
    words = (
        "Right: the bin-weighted mean against MAUDE, which takes the gates' widths into account; rank correlation "
        f"{rho:.3f} for {len(both):,} elements. Good: a narrow rising curve (it may bend: the scales differ); elements "
        "far off it have few reads or lie in two separate humps."
    )
    return both.assign(panel="methods"), words


def plot_expression(library: SortedLibrary, svg: str | Path) -> None:
    """Draw the histogram of expression, and the two methods against each other where both can be had.

    Parameters
    ----------
    library : SortedLibrary
    svg : path
        Output; PNG, TSV and JSON get the same stem.
    """
    compared = library.maude is not None
    figure, axes = new_figure(8.6 if compared else 5.2, 3.4, ncols=2 if compared else 1, squeeze=False)
    table, singles = _histogram(library, axes[0, 0])
    words = library.without_maude
    if compared:
        methods, words = _methods(library, axes[0, 1])
        table = pd.concat([table, methods], ignore_index=True)
    expression = library.bin_mean["expression"]
    low, high = np.quantile(expression, [0.05, 0.95])
    caption = (
        f"{len(expression):,} elements of library {library.name}. {'Left: h' if compared else 'H'}istogram of "
        f"expression, 90 % of the elements between {low:.1f} and {high:.1f}; {singles:.1%} have all reads in one bin, "
        "which makes the spikes at whole bins. Good: elements spread over most bins, and few singletons (many mean "
        f"that the elements have too few reads or cells). {words}"
    )
    table = table[["panel", *[c for c in table if c != "panel"]]]
    save_figure(figure, table, svg, f"Expression of library {library.name}", caption)

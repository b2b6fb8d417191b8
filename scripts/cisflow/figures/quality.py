"""Figures of the quality report on the reads: over bins, over elements, and what more reads would give.

Inputs: a sorted library.
Outputs: figures with their numbers and captions, see :func:`cisflow.figures.style.save_figure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure, short_number
from cisflow.quality.bins import bin_table, rank_table
from cisflow.quality.library import SortedLibrary, error_parts
from cisflow.quality.more_reads import MoreReads
from cisflow.quality.saturation import FURTHEST, Frequencies, expected_error, extrapolate, frequencies, rarefy
from cisflow.quality.thresholds import FEW_READS

#: Points of a curve below and above the reads that were sequenced.
POINTS_BELOW, POINTS_ABOVE = 60, 33
#: Ranks whose share of the reads is told.
RANKS_TOLD = (1, 10, 100)
#: A light tone of the first colour, for the part of a bar that counts less.
PALE = "#9CC7E3"


def _counts_axis(axis: object) -> None:
    axis.set_major_formatter(FuncFormatter(short_number))


def plot_bins(library: SortedLibrary, svg: str | Path) -> None:
    """Draw reads and elements of each bin.

    Parameters
    ----------
    library : SortedLibrary
    svg : path
        Output; PNG, TSV and JSON get the same stem.
    """
    table = bin_table(library.counts, library.bins)
    names, places = table["bin"].tolist(), np.arange(len(table))
    unsorted = (table["role"] == "unsorted").to_numpy()
    cells_known = bool(table["cells"][~unsorted].notna().all())
    figure, axes = new_figure(max(6.4, 2.6 + 0.34 * len(table)), 3.3, ncols=2)
    axes[0].bar(places, table["reads"], color=np.where(unsorted, GREY, PALETTE[0]))
    if cells_known:
        axes[0].plot(places[~unsorted], table["cells"][~unsorted], "o", color=PALETTE[3], markersize=4, label="cells")
        axes[0].margins(y=0.22)
        axes[0].legend(fontsize=8, loc="upper center", borderaxespad=0.1)
    axes[0].set(ylabel="Reads, cells" if cells_known else "Reads", title="Reads in the bin")
    several = table["elements"] - table["elements_few"]
    axes[1].bar(places, table["elements"], color=PALE, label=f"fewer than {FEW_READS} reads")
    axes[1].bar(places, several, color=PALETTE[0], label=f"{FEW_READS} reads or more")
    axes[1].set(ylabel="Elements", title="Elements with reads in the bin")
    axes[1].margins(y=0.22)
    axes[1].legend(fontsize=8, ncols=2, loc="upper center", borderaxespad=0.1, columnspacing=1.0, handlelength=1.2)
    for axis in axes:
        axis.set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
        axis.set_xlim(-0.7, len(places) - 0.3)
        axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        _counts_axis(axis.yaxis)
    in_bins = table[~unsorted]
    low, high = in_bins.loc[in_bins["reads"].idxmin()], in_bins.loc[in_bins["reads"].idxmax()]
    none = int((library.in_sorted_bins().sum(axis=1) == 0).sum())
    sentences = [
        f"Library {library.name}: {in_bins['reads'].sum():,} reads of {len(library.counts) - none:,} elements in the "
        f"sorted bins; {none:,} elements have none.",
        f"Left: reads of each bin, from {low['reads']:,} ({low['bin']}) to {high['reads']:,} ({high['bin']})"
        + ("; points: cells sorted into it." if cells_known else "."),
        f"Right: elements that have reads there, dark those with {FEW_READS} or more.",
        "Grey: sample of the whole population, not sorted." if unsorted.any() else "",
        "Good: no empty bin, reads in proportion to the cells sorted or about equal in all bins, and much the same mix "
        "of dark and light.",
    ]
    caption = " ".join(filter(None, sentences))
    save_figure(figure, table, svg, f"Reads and elements of each bin, library {library.name}", caption)


def _listed(values: Sequence[int]) -> str:
    return ", ".join(f"{value:,}" for value in values)


def plot_ranks(library: SortedLibrary, svg: str | Path) -> None:
    """Draw the reads of the elements by rank, and the share of the reads that the first ones take.

    Parameters
    ----------
    library : SortedLibrary
    svg : path
        Output; PNG, TSV and JSON get the same stem.
    """
    reads = library.in_sorted_bins().sum(axis=1)
    table = rank_table(reads)
    n = int(np.count_nonzero(reads))
    figure, axes = new_figure(7.6, 3.2, ncols=2)
    axes[0].plot(table["rank"], table["reads"], color=PALETTE[0])
    axes[0].axhline(reads.sum() / n, color=GREY, linestyle="--", linewidth=1, label="if all were equal")
    axes[0].set(xscale="log", yscale="log", xlabel="Rank of the element", ylabel="Reads", title="Reads by rank")
    axes[0].set_ylim(bottom=0.8)
    axes[1].plot(table["rank"], 100 * table["cumulative_share"], color=PALETTE[0], label="this library")
    axes[1].plot(
        table["rank"], 100 * table["rank"] / n, color=GREY, linestyle="--", linewidth=1, label="if all were equal"
    )
    told = [rank for rank in RANKS_TOLD if rank <= n]
    shares = table.set_index("rank")["cumulative_share"].loc[told]
    percent = ", ".join(f"{share:.1%}" for share in shares)
    axes[1].plot(told, 100 * shares, "o", color=PALETTE[3], markersize=5, label=f"first {_listed(told)}: {percent}")
    axes[1].set(
        xscale="log", ylim=(-2, 104), xlabel="Elements, from the one with most reads", ylabel="Share of all reads (%)",
        title="Share of the first elements",
    )  # fmt: skip
    for axis in axes:
        axis.xaxis.set_major_locator(LogLocator(numticks=10))
        axis.xaxis.set_minor_formatter(NullFormatter())
        _counts_axis(axis.xaxis)
        axis.legend(fontsize=8, loc="lower left" if axis is axes[0] else "upper left")
    _counts_axis(axes[0].yaxis)
    axes[0].yaxis.set_minor_formatter(NullFormatter())
    tenth = np.sort(reads[reads > 0])[::-1]
    ratio = np.quantile(tenth, 0.9) / max(1.0, np.quantile(tenth, 0.1))
    listed = ", ".join(f"{share:.2%} (first {rank:,})" for rank, share in shares.items())
    caption = (
        f"Library {library.name}, {n:,} elements with reads. Left: reads of the elements, from the one with most to "
        f"the one with fewest; the reads of the 90th and of the 10th percentile differ by a factor of {ratio:,.1f}. "
        f"Right: share of all reads that the first elements take: {listed}. Good: a flat curve that falls only at its "
        "end, and first elements that take hardly more than their part (dashed); a steep start is a jackpot of the PCR "
        "or a clone that overgrew."
    )
    save_figure(figure, table, svg, f"Reads by rank of the elements, library {library.name}", caption)


def _curve(given: Frequencies, what: str) -> pd.DataFrame:
    """Rarefied and extrapolated curve of elements or sequences."""
    total = given.total_reads
    depths = np.unique(np.linspace(0, total, POINTS_BELOW).round().astype(np.int64))
    below = rarefy(given, depths)
    above = extrapolate(given, np.linspace(1, FURTHEST, POINTS_ABOVE))
    return pd.concat(
        [
            pd.DataFrame({"of": what, "part": "rarefied", "reads": depths, "value": below}),
            pd.DataFrame(
                {
                    "of": what,
                    "part": "extrapolated",
                    "reads": (above.fold * total).round().astype(np.int64),
                    "value": above.elements,
                    "low": above.low,
                    "high": above.high,
                }
            ),
        ],
        ignore_index=True,
    )


def _draw_curve(axis: object, curve: pd.DataFrame, title: str) -> None:
    below, above = curve[curve["part"] == "rarefied"], curve[curve["part"] == "extrapolated"]
    axis.fill_between(above["reads"], above["low"], above["high"], color=PALE, alpha=0.6, linewidth=0)
    axis.plot(below["reads"], below["value"], color=PALETTE[0], label="expected with fewer reads")
    axis.plot(above["reads"], above["value"], color=PALETTE[0], linestyle="--", label="expected with more reads")
    axis.plot(
        below["reads"].iloc[-1], below["value"].iloc[-1], "o", color=PALETTE[3], markersize=5, label="this library"
    )
    axis.set(title=title, xlabel="Reads", ylabel=title)
    axis.set_ylim(bottom=0)
    axis.set_xlim(left=0)


def plot_saturation(library: SortedLibrary, answer: MoreReads, svg: str | Path) -> None:
    """Draw how many elements and sequences fewer or more reads show, and the standard error that they give.

    Parameters
    ----------
    library : SortedLibrary
    answer : MoreReads
    svg : path
        Output; PNG, TSV and JSON get the same stem.
    """
    curves = {"elements": _curve(frequencies(library.in_sorted_bins().sum(axis=1)), "elements")}
    if library.sequence_reads is not None and library.sequence_reads.any():
        curves["sequences"] = _curve(frequencies(library.sequence_reads), "sequences")
    fold = np.linspace(0.2, FURTHEST, 49)
    error, amplified, copies = error_parts(library)
    errors = expected_error(error, amplified, copies, fold)
    figure, axes = new_figure(3.2 * (len(curves) + 1), 3.3, ncols=len(curves) + 1)
    titles = {"elements": "Elements", "sequences": "Unique sequences"}
    for axis, (what, curve) in zip(axes, curves.items(), strict=False):
        _draw_curve(axis, curve, titles[what])
        axis.xaxis.set_major_locator(MaxNLocator(4))
        axis.yaxis.set_major_locator(MaxNLocator(5))
        _counts_axis(axis.xaxis)
        _counts_axis(axis.yaxis)
    axes[0].legend(fontsize=8, loc="lower right")
    last = axes[-1]
    last.plot(fold * answer.reads, errors, color=PALETTE[0], linestyle="--")
    last.plot(answer.reads, answer.error, "o", color=PALETTE[3], markersize=5)
    last.set(
        title="Median standard error", xlabel="Reads", ylabel="Standard error (bins)", xlim=(0, FURTHEST * answer.reads)
    )
    last.set_ylim(0, 1.05 * np.nanmax(errors) if np.isfinite(errors).any() else 1)
    last.xaxis.set_major_locator(MaxNLocator(4))
    _counts_axis(last.xaxis)
    sequences = ""
    if "sequences" in curves:
        sequences = (
            "Middle: unique sequences before clustering, in all bins; they keep rising because sequencing errors make "
            "new ones. "
        )
    cells = (
        "the cells sorted"
        if answer.cells_known
        else "the scatter of the reads, because the number of sorted cells is not known"
    )
    caption = (
        f"{answer.sentence()} Left: elements of library {library.name} expected in a random part of its reads (line) "
        f"and with up to {FURTHEST:g} times as many (dashed, with 95 % interval); the point is the library. "
        f"{sequences}Right: expected median standard error of the bin-weighted mean, given {cells}. Good: a curve of "
        "elements that has become flat, and an error that hardly falls any more."
    )
    error_rows = pd.DataFrame(
        {
            "of": "median standard error",
            "part": "expected",
            "reads": (fold * answer.reads).round().astype(np.int64),
            "value": errors,
        }
    )
    table = pd.concat([*curves.values(), error_rows], ignore_index=True)
    save_figure(figure, table, svg, f"Saturation of library {library.name}", caption)

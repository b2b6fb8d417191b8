"""Figure of the read check: the overlap seen in each file, and how often flanks are found and reads kept.

Inputs: the table and the histogram of the check of a library. Outputs: the figure with its table and caption.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cisflow.figures.reads import wilson_interval
from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure

WINDOW = "#DDDDDD"
SHOWN_FROM = 0.002  # share of a file's reads from which a length widens the axis
#: Rates drawn: column, name, colour, marker, and place beside the middle of the row.
RATES = (
    ("read1_forward", "read 1, forward flank", PALETTE[0], "o", 0.3),
    ("read2_reverse", "read 2, reverse flank", PALETTE[5], "o", 0.18),
    ("read1_reverse", "read 1, reverse flank", PALETTE[3], "x", 0.06),
    ("read2_forward", "read 2, forward flank", PALETTE[1], "x", -0.06),
    ("merged", "pairs merged", PALETTE[2], "s", -0.18),
    ("kept", "reads kept", PALETTE[7], "D", -0.3),
)
VERDICT_COLOUR = {"ok": GREY, "warn": PALETTE[3]}


def _names(table: pd.DataFrame) -> list[str]:
    """Names of the rows: the bin, with the lane where a bin has several."""
    rows = zip(table["bin"], table["lane"], table["bin"].duplicated(keep=False), strict=True)
    return [f"{b} lane {lane}" if more else str(b) for b, lane, more in rows]


def _draw_lengths(axes: Axes, table: pd.DataFrame, histogram: pd.DataFrame, place: np.ndarray, window: tuple) -> None:
    """One small histogram per row, as high as the row at its most frequent length."""
    axes.axvspan(window[0] - 0.5, window[1] + 0.5, color=WINDOW, lw=0, label="configured")
    parts = dict(iter(histogram.groupby(["bin", "lane"])))
    ends = [*window]
    for row, y in zip(table.itertuples(), place, strict=True):
        part = parts.get((row.bin, row.lane))
        axes.axhline(y - 0.4, color=GREY, lw=0.3)
        if part is not None:
            share = part["reads"] / part["reads"].sum()
            axes.bar(part["bases"], 0.8 * share / share.max(), width=0.9, bottom=y - 0.4, color=PALETTE[0], lw=0)
            ends += part["bases"][share >= SHOWN_FROM].tolist()
    margin = 0.04 * (max(ends) - min(ends) + 1)
    axes.set_xlim(min(ends) - margin - 0.5, max(ends) + margin + 0.5)


def _draw_rates(axes: Axes, table: pd.DataFrame, place: np.ndarray) -> None:
    for column, name, colour, marker, beside in RATES:
        share = table[column].to_numpy(float)
        known = np.isfinite(share)
        if not known.any():
            continue
        low, high = wilson_interval(share[known] * table["reads"][known], table["reads"][known])
        y = place[known] + beside
        axes.hlines(y, 100 * low, 100 * high, color=colour, lw=0.8)
        size = {"x": 3.5, "D": 2.6}.get(marker, 3)
        axes.plot(100 * share[known], y, marker, ms=size, mew=0.8, color=colour, label=name, clip_on=False)
    axes.set_xlim(-2, 102)


def _caption(table: pd.DataFrame, library: str, quantity: str, window: tuple[int, int]) -> str:
    kept = table["kept"]
    worst = table.loc[kept.idxmin()]
    warned = int((table["verdict"] != "ok").sum())
    said = f"{warned} of {len(table)} files have a warning (right edge; reasons in the table). " if warned else ""
    what = {
        "overlap": "bases that the mates share, found without the configured range (grey)",
        "variable": "bases of the variable part; grey: configured range",
    }[quantity]
    good = {
        "overlap": "dots at the right edge, crosses at the left edge. Crosses at the right: mates swapped.",
        "variable": "kept reads at the right edge; reads of both strands share dots and crosses.",
    }[quantity]
    return (
        f"Library {library}: the first {int(table['reads'].max()):,} reads of each file, or all where it has fewer. "
        f"{100 * kept.median():.1f} % of the reads are kept in the median file, {100 * kept.min():.1f} % in "
        f"{worst['bin']}. {said}Left: {what}, {window[0]} to {window[1]}; heights are in proportion to the "
        "most frequent length, lengths of fewer than 0.2 % may lie outside. Right: reads with the first flank of the "
        "structure (forward) and with the last one's reverse complement (reverse), pairs merged, reads kept; lines are "
        "95 % intervals. Good: all rows "
        f"alike, one narrow peak in the grey range, {good}"
    )


def plot_read_check(
    table: pd.DataFrame,
    histogram: pd.DataFrame,
    library: str,
    overlap: tuple[int, int],
    variable: tuple[int, int],
    svg: str | Path,
) -> None:
    """Draw the check of a library, and save the figure with its table and caption.

    Parameters
    ----------
    table, histogram : DataFrame
        As :class:`cisflow.reads.check.Checked` has them.
    library : str
    overlap, variable : (int, int)
        Configured smallest and largest overlap of pairs, and length of the variable part (bases).
    svg : path
    """
    quantity = "overlap" if (histogram["quantity"] == "overlap").any() else "variable"
    window = overlap if quantity == "overlap" else variable
    place = np.arange(len(table), 0, -1.0)
    figure, (left, right) = new_figure(
        8.2, 1.7 + 0.27 * len(table), ncols=2, sharey=True, gridspec_kw={"width_ratios": [1, 1.2]}
    )
    _draw_lengths(left, table, histogram[histogram["quantity"] == quantity], place, window)
    _draw_rates(right, table, place)
    left.set_yticks(place, _names(table))
    left.set_ylim(0.4, len(table) + 0.6)
    left.set_title("overlap of the mates" if quantity == "overlap" else "length of the variable part", loc="left")
    left.set_xlabel("overlap seen (bases)" if quantity == "overlap" else "variable part (bases)")
    right.set_title("flanks found, reads kept", loc="left")
    right.set_xlabel("share of the reads or pairs (%)")
    for y in place[1:]:
        right.axhline(y + 0.5, color=WINDOW, lw=0.5)
    for verdict, y in zip(table["verdict"], place, strict=True):
        right.text(105, y, verdict, va="center", fontsize=8, color=VERDICT_COLOUR.get(verdict, "black"))
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
    handles = [axes.get_legend_handles_labels() for axes in (left, right)]
    figure.legend(
        handles[0][0] + handles[1][0],
        handles[0][1] + handles[1][1],
        loc="outside lower center",
        ncols=4,
        fontsize=8,
    )
    save_figure(figure, table, svg, f"Read check of library {library}", _caption(table, library, quantity, window))

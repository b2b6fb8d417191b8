"""Figure of the reads: how many each bin has, and where they are lost on the way to the counts.

Inputs: the funnels of the reads and of the clusters of a library. Outputs: the figure with its table and caption.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.clusters.elements import ALL_BINS, MATCHES, READS_COUNTED, READS_IN
from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure
from cisflow.problems import InputError, Problem
from cisflow.reads.funnel import MOLECULES, UNIQUE

DROPPED = (MATCHES["designed"]["ambiguous"], MATCHES["designed"]["unaligned"])
#: What a read lost at a step of the reads' funnel is called, and its colour.
LOSSES = {
    "merged": ("pair not merged", PALETTE[0]),
    "flanks found": ("flanks not found", PALETTE[1]),
    "barcode right": ("another barcode", PALETTE[6]),
    "length kept": ("variable part too short or long", PALETTE[2]),
    "without N": ("N in the sequence", PALETTE[4]),
    MOLECULES: ("molecule seen before (same UMI)", GREY),
    DROPPED[0]: ("two ordered sequences equally near", PALETTE[5]),
    DROPPED[1]: ("no ordered sequence near", PALETTE[3]),
}
WENT_IN, COUNTED = "#CFCFCF", "#444444"
SMALLEST_SHARE = 0.01  # of the axis of losses: rare losses should not look large
Z95 = 1.959963984540054


def wilson_interval(count: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a share (Wilson 1927), bounds in the shape of the input; 0 to 1 where the total is 0."""
    count, total = np.asarray(count, float), np.asarray(total, float)
    safe = np.maximum(total, 1)
    share = count / safe
    centre = (share + Z95**2 / (2 * safe)) / (1 + Z95**2 / safe)
    half = Z95 / (1 + Z95**2 / safe) * np.sqrt(share * (1 - share) / safe + Z95**2 / (4 * safe**2))
    empty = total == 0
    return np.where(empty, 0, np.clip(centre - half, 0, 1)), np.where(empty, 1, np.clip(centre + half, 0, 1))


def loss_table(reads: pd.DataFrame, clusters: pd.DataFrame) -> pd.DataFrame:
    """Reads that went in, were counted and were lost at each step, by bin.

    Parameters
    ----------
    reads : DataFrame
        Funnels of all bins of a library (``bin``, ``file``, ``step``, ``count``), in the order of the bins.
    clusters : DataFrame
        Funnel of its clusters.

    Returns
    -------
    DataFrame
        One row per bin and, last, ``all``: ``bin``, ``reads_in``, ``reads_counted``, and one column per step at which
        reads can be lost.

    Raises
    ------
    InputError
        When the reads of the two funnels do not fit together.
    """
    rows = []
    for name, part in reads.groupby("bin", sort=False):
        counts = part[part["step"] != UNIQUE].groupby("step", sort=False)["count"].sum()  # over files
        assigned = clusters[clusters["bin"] == name].set_index("step")["count"]
        if assigned.get(READS_IN) != counts.iloc[-1]:
            raise InputError(
                Problem(
                    "clusters funnel",
                    f"bin {name!r}: {assigned.get(READS_IN)} reads, but the reads' funnel ends with {counts.iloc[-1]}",
                )
            )
        lost = -counts.diff().iloc[1:].astype(int)
        dropped = assigned[[step for step in DROPPED if step in assigned.index]]
        rows.append(
            {"bin": name, "reads_in": counts.iloc[0], "reads_counted": assigned[READS_COUNTED], **lost, **dropped}
        )
    table = pd.DataFrame(rows).fillna(0)
    numbers = table.columns.drop("bin")
    table[numbers] = table[numbers].astype(np.int64)
    total = pd.DataFrame([{"bin": ALL_BINS, **table[numbers].sum()}])
    return pd.concat([table, total], ignore_index=True)


def _caption(table: pd.DataFrame, clusters: pd.DataFrame, library: str) -> str:
    total, bins = table.iloc[-1], table.iloc[:-1]
    steps = [step for step in LOSSES if step in table]
    share = 100 * total["reads_counted"] / max(total["reads_in"], 1)
    worst = max(steps, key=lambda step: total[step])
    kept = bins["reads_counted"] / bins["reads_in"].clip(lower=1)
    lost = "None is lost. "
    if total[worst]:
        lost = (
            f"Most are lost because: {LOSSES[worst][0]} ({100 * total[worst] / total['reads_in']:.2f} %). The bin that "
            f"keeps least is {bins.loc[kept.idxmin(), 'bin']} ({100 * kept.min():.2f} %). "
        )
    library_rows = clusters[clusters["bin"] == ALL_BINS].set_index("step")["count"]
    return (
        f"Library {library}: {total['reads_counted']:,} of {total['reads_in']:,} reads or pairs ({share:.2f} %) are "
        f"counted for {library_rows['elements with reads']:,} elements with reads. {lost}"
        "Left: reads or pairs that went in (light) and that are counted (dark), by bin. "
        "Right: share lost at each step; the bars add up, thin lines are 95 % intervals of the whole loss. "
        "Good: short bars of much the same length in every bin; a bin that differs points to its sequencing run or a "
        "mix-up."
    )


def plot_read_funnel(reads: pd.DataFrame, clusters: pd.DataFrame, library: str, svg: str | Path) -> None:
    """Draw reads and losses by bin, and save the figure with its table and caption.

    Parameters
    ----------
    reads, clusters : DataFrame
        See :func:`loss_table`.
    library : str
    svg : path
    """
    table = loss_table(reads, clusters)
    steps = [step for step in LOSSES if step in table and table[step].any()]
    low, high = wilson_interval(table["reads_in"] - table["reads_counted"], table["reads_in"])
    n_bins = len(table) - 1
    place = np.append(np.arange(n_bins, 0, -1), -0.5)
    figure, (left, right) = new_figure(
        8.2, 1.5 + 0.21 * (n_bins + 2), ncols=2, sharey=True, gridspec_kw={"width_ratios": [1, 1.25]}
    )
    each = slice(None, -1)  # the row of all bins would dwarf the others
    left.barh(place[each], table["reads_in"][each], 0.8, color=WENT_IN, label="went in")
    left.barh(place[each], table["reads_counted"][each], 0.45, color=COUNTED, label="counted")
    left.text(
        0,
        place[-1],
        f" {table['reads_counted'].iloc[-1]:,} of {table['reads_in'].iloc[-1]:,}",
        va="center",
        fontsize=8,
    )
    left.set_yticks(place, [*table["bin"][each], "all bins"])
    left.tick_params(axis="y", length=0)
    right.tick_params(axis="y", length=0)
    left.set_xlabel("reads or pairs")
    left.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:,g}k" if value >= 1000 else f"{value:g}")
    left.set_title("went in (light) and counted (dark)", loc="left")
    share = 100 / table["reads_in"].clip(lower=1)
    start = np.zeros(len(table))
    for step in steps:
        name, colour = LOSSES[step]
        width = (table[step] * share).to_numpy()
        right.barh(place, width, 0.7, left=start, color=colour, label=name)
        start += width
    right.hlines(place, 100 * low, 100 * high, color="black", linewidth=0.8)
    right.set_xlim(0, 105 * max(float(high[table["reads_in"] > 0].max(initial=0)), SMALLEST_SHARE))
    right.set_xlabel("lost on the way (% of the bin's reads or pairs)")
    right.set_title("share lost, by reason", loc="left")
    for axes in (left, right):
        axes.set_ylim(-1.2, n_bins + 0.8)
        axes.axhline(0.25, color=GREY, linewidth=0.6)
    if steps:
        figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    else:
        right.text(0.5, 0.5, "no read is lost", transform=right.transAxes, ha="center")
    drawn = table.assign(
        lost_percent=100 * (1 - table["reads_counted"] / table["reads_in"].clip(lower=1)),
        lost_percent_low=100 * low,
        lost_percent_high=100 * high,
    )
    save_figure(figure, drawn, svg, f"Reads of library {library}", _caption(table, clusters, library))

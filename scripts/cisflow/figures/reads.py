"""Figure of the reads: how many each bin has, and where they are lost on the way to the counts.

Inputs: the funnels of the reads and of the clusters of a library. Outputs: the figure with its table and caption.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cisflow.clusters.elements import ALL_BINS, MATCHES, READS_COUNTED, READS_IN
from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure, short_number
from cisflow.problems import InputError, Problem
from cisflow.reads.funnel import ALL_FILES, MOLECULES, UNIQUE

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


def file_table(reads: pd.DataFrame) -> pd.DataFrame:
    """Reads that went in and that passed the last step of the reads, by file.

    Parameters
    ----------
    reads : DataFrame
        See :func:`loss_table`; with ``file`` where the funnels tell files apart.

    Returns
    -------
    DataFrame
        ``bin``, ``file``, ``reads_in``, ``passed``; no rows where no bin has two files.
    """
    columns = ["bin", "file", "reads_in", "passed"]
    if "file" not in reads:
        return pd.DataFrame(columns=columns)
    by_file = reads[reads["file"].notna() & (reads["file"] != ALL_FILES)]
    table = by_file.groupby(["bin", "file"], sort=False)["count"].agg(reads_in="first", passed="last").reset_index()
    if not table["bin"].duplicated().any():
        return pd.DataFrame(columns=columns)
    return table[columns]


def step_table(reads: pd.DataFrame, clusters: pd.DataFrame) -> pd.DataFrame:
    """Reads of the whole library that are left after each step, to the reads that count for an element.

    Returns
    -------
    DataFrame
        ``step``, ``reads``.
    """
    left = reads[reads["step"] != UNIQUE].groupby("step", sort=False)["count"].sum()
    counted = clusters[(clusters["step"] == READS_COUNTED) & (clusters["bin"] != ALL_BINS)]["count"].sum()
    return pd.DataFrame({"step": [*left.index, "given to an element"], "reads": [*left, counted]})


def _caption(
    table: pd.DataFrame, files: pd.DataFrame, reads: pd.DataFrame, clusters: pd.DataFrame, library: str
) -> str:
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
    if len(files):
        passed = files["passed"] / files["reads_in"].clip(lower=1)
        row = files.loc[passed.idxmin()]
        lost += f"Of {len(files)} files {row['file']} (bin {row['bin']}) keeps least ({100 * passed.min():.2f} %). "
    library_rows = clusters[clusters["bin"] == ALL_BINS].set_index("step")["count"]
    unique = library_rows.get(UNIQUE, reads[reads["step"] == UNIQUE]["count"].sum())
    return (
        f"Library {library}: {total['reads_counted']:,} of {total['reads_in']:,} reads or pairs ({share:.2f} %) are "
        f"counted; their {unique:,} unique sequences count for {library_rows['elements with reads']:,} elements with "
        f"reads. {lost}Top: what is left after each step. "
        "Bottom left: reads or pairs that went in (light) and that are counted (dark), by bin. "
        f"{'Middle' if len(files) else 'Right'}: share lost at each step; the bars add up, thin lines are 95 % "
        f"intervals of the whole loss. {'Right: share that each file lost before clustering. ' if len(files) else ''}"
        "Good: short bars of much the same length in every bin; a bin or file that differs points to its sequencing "
        "run or a mix-up."
    )


def _draw_steps(axes: Axes, steps: pd.DataFrame) -> None:
    """What is left of the whole library after each step."""
    place, left = np.arange(len(steps))[::-1], steps["reads"].to_numpy(float)
    axes.barh(place, left, 0.72, color=[WENT_IN, *[COUNTED] * (len(steps) - 1)])
    start = max(left[0], 1)
    for y, now, before in zip(place, left, np.append(left[0], left[:-1]), strict=True):
        share = f"   {100 * now / start:.1f} % of all, {100 * now / max(before, 1):.1f} % of the step before"
        text = f" {now:,.0f}{share if y < place[0] else ''}"
        inside = now > 0.45 * start and y < place[0]
        axes.text(
            now if not inside else 0,
            y,
            text,
            va="center",
            fontsize=8,
            color="white" if inside else "black",
            clip_on=False,
        )
    axes.set_yticks(place, steps["step"])
    axes.set_ylim(-0.6, len(steps) - 0.4)
    axes.set_xlim(0, 1.12 * start)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(short_number)
    axes.set_title("whole library: reads or pairs that are left", loc="left")


def _draw_files(axes: Axes, files: pd.DataFrame, place: dict[str, float]) -> None:
    """Share that each file lost before clustering, one dot each, with its 95 % interval."""
    lost = files["reads_in"] - files["passed"]
    low, high = wilson_interval(lost, files["reads_in"])
    number = files.groupby("bin", sort=False).cumcount()
    spread = 0.6 / max(1, number.max())
    y = files["bin"].map(place) + 0.3 - spread * number
    axes.hlines(y, 100 * low, 100 * high, color="black", linewidth=0.8)
    axes.scatter(100 * lost / files["reads_in"].clip(lower=1), y, s=14, color=PALETTE[0], zorder=3)
    axes.set_xlim(0, 105 * max(float(high[files["reads_in"] > 0].max(initial=0)), SMALLEST_SHARE))
    axes.set_xlabel("lost before clustering (%)")
    axes.set_title("each file", loc="left")
    axes.tick_params(axis="y", length=0)


def plot_read_funnel(reads: pd.DataFrame, clusters: pd.DataFrame, library: str, svg: str | Path) -> None:
    """Draw what is left after each step, losses by bin and by file; save the figure with its table and caption.

    Parameters
    ----------
    reads, clusters : DataFrame
        See :func:`loss_table`; ``file`` in ``reads`` is optional.
    library : str
    svg : path
    """
    table, files, steps_left = loss_table(reads, clusters), file_table(reads), step_table(reads, clusters)
    steps = [step for step in LOSSES if step in table and table[step].any()]
    low, high = wilson_interval(table["reads_in"] - table["reads_counted"], table["reads_in"])
    n_bins = len(table) - 1
    place = np.append(np.arange(n_bins, 0, -1), -0.5)
    heights = [0.5 + 0.2 * len(steps_left), 1.0 + 0.21 * (n_bins + 2)]
    widths = [1, 1.25, 0.75] if len(files) else [1, 1.25]
    figure, whole = new_figure(8.2 + 2 * (len(files) > 0), 0.6 + sum(heights))
    whole.remove()
    grid = figure.add_gridspec(2, len(widths), height_ratios=heights, width_ratios=widths)
    _draw_steps(figure.add_subplot(grid[0, :]), steps_left)
    left = figure.add_subplot(grid[1, 0])
    lower = [left, *(figure.add_subplot(grid[1, i], sharey=left) for i in range(1, len(widths)))]
    right = lower[1]
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
    left.set_xlabel("reads or pairs")
    left.xaxis.set_major_formatter(short_number)
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
    if len(files):
        _draw_files(lower[2], files, dict(zip(table["bin"], place, strict=True)))
    for axes in lower:
        axes.set_ylim(-1.2, n_bins + 0.8)
        axes.axhline(0.25, color=GREY, linewidth=0.6)
        axes.tick_params(axis="y", length=0, labelleft=axes is left)
    if steps:
        figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    else:
        right.text(0.5, 0.5, "no read is lost", transform=right.transAxes, ha="center")
    drawn = table.assign(
        lost_percent=100 * (1 - table["reads_counted"] / table["reads_in"].clip(lower=1)),
        lost_percent_low=100 * low,
        lost_percent_high=100 * high,
    )
    if len(files):
        drawn = pd.concat([drawn.assign(file=ALL_FILES), files], ignore_index=True)
    caption = _caption(table, files, reads, clusters, library)
    save_figure(figure, drawn, svg, f"Reads of library {library}", caption)

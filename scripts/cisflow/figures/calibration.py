"""Figure of the calibration of the intervals of a simulated library.

Inputs: a table of coverage, see :func:`cisflow.expression.calibration.coverage_table`. Outputs: the figure with its
numbers and caption.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.expression.calibration import READ_CLASSES
from cisflow.figures.expression import NAMES
from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure

#: Coverage that a nominal 95 % interval is asked for: this far from nominal on either side.
TOLERANCE = 0.02
#: Classes of few elements have bars that would press the others together; they run out of the panel here.
LOWEST = 0.8
LABELS = {"reads": "interval of the reads", "reported": "as reported, with the estimate"}


def _points(axis, places: np.ndarray, part: pd.DataFrame, **style) -> None:
    covered = part["covered"].to_numpy()
    error = np.abs(part[["covered_low", "covered_high"]].to_numpy().T - covered)
    axis.errorbar(places, covered, error, fmt="o", capsize=2, markersize=4, **style)


def _class_names(lows: np.ndarray) -> list[str]:
    ends = dict(zip(READ_CLASSES, [*(c - 1 for c in READ_CLASSES[1:]), None], strict=True))
    return [f"{c}+" if ends[c] is None else str(c) if ends[c] == c else f"{c}-{ends[c]}" for c in lows.tolist()]


def plot_calibration(table: pd.DataFrame, library: str, method: str, level: float, svg: str | Path) -> None:
    """Draw coverage against the nominal level, and coverage of the reported level by reads.

    Parameters
    ----------
    table : DataFrame
        See :func:`cisflow.expression.calibration.coverage_table`.
    library, method : str
        Names for title and caption.
    level : float
        Level of the intervals in the table of expression.
    svg : path
        Output; PNG, TSV and JSON get the same stem.
    """
    overall = table[table["reads_from"] == 0]
    classes = table[(table["reads_from"] > 0) & (table["level"] == level)]
    lows = np.unique(classes["reads_from"])
    figure, axes = new_figure(8.6, 3.8, ncols=2, width_ratios=[1, 1.25])
    ends = np.array([overall["level"].min() - 0.06, 1.0])
    axes[0].plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label="as nominal")
    axes[1].axhspan(level - TOLERANCE, min(level + TOLERANCE, 1), color=GREY, alpha=0.2, linewidth=0)
    axes[1].axhline(level, color=GREY, linestyle="--", linewidth=1)
    kinds = list(overall["interval"].unique())
    for k, kind in enumerate(kinds):
        style = {"color": PALETTE[k], "label": LABELS[kind], "mfc": PALETTE[k] if k == 0 else "white"}
        part = overall[overall["interval"] == kind]
        _points(axes[0], part["level"].to_numpy(), part, **style)
        part = classes[classes["interval"] == kind]
        offset = 0.16 * (k - (len(kinds) - 1) / 2)
        _points(axes[1], np.searchsorted(lows, part["reads_from"]) + offset, part, **style)
    axes[0].set(xlabel="Nominal level", ylabel="Share of elements covered", title="All elements", xlim=ends, ylim=ends)
    axes[0].legend(loc="lower right", fontsize=8)
    axes[0].set_aspect("equal")
    axes[1].set_xticks(range(len(lows)), _class_names(lows), rotation=60, ha="right", rotation_mode="anchor")
    axes[1].set(xlabel="Reads per element", ylabel="Share of elements covered", title=f"Nominal {level:.0%} by reads")
    axes[1].set_ylim(min(0.85, float(classes["covered_low"].clip(lower=LOWEST).min())), 1.003)
    at_level = overall[overall["level"] == level].set_index("interval")
    first = at_level.loc["reads"]
    caption = (
        f"Library {library}, {NAMES[method]}: how often intervals hold the value that the same method gives with "
        f"unlimited cells and reads, computed from the simulated probabilities of the bins (n = {int(first['n']):,}; "
        f"bars: 95 % intervals of the share). Left: against the nominal level; points should lie on the dashed line. "
        f"At {level:.0%} the interval of the reads covers {first['covered']:.1%} ({first['covered_low']:.1%} to "
        f"{first['covered_high']:.1%})."
    )
    if "reported" in at_level.index:
        caption += (
            " Reported intervals are extended to the estimate where pseudocounts draw it further than chance would; "
            f"they cover {at_level.loc['reported', 'covered']:.1%}."
        )
    caption += (
        f" Right: at {level:.0%}, by reads per element; the band is {TOLERANCE:.0%} on either side. Differences "
        "between that value and the true mean (a slope other than 1 in the recovery figure) are not chance and not "
        "covered."
    )
    save_figure(figure, table, svg, f"Calibration of the intervals, library {library} ({NAMES[method]})", caption)

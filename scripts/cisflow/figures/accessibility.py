"""Figure of a simulated accessibility assay: a region with its sites, the enzyme's preference, and the cuts of regions.

Inputs: the truth that :mod:`cisflow.simulate.accessibility` wrote, regions of the prepared assay. Outputs: a figure,
the numbers that it draws, and its caption.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cisflow.contacts.genome import BASES
from cisflow.figures.style import PALETTE, new_figure
from cisflow.profiles.regions import NONPEAK, PEAK

BAND = "#C8C8C8"


def _example(truth: Mapping[str, np.ndarray], regions: pd.DataFrame) -> pd.Series:
    """Peak with the median count."""
    peaks = regions[regions["kind"] == PEAK].sort_values("count", kind="stable", ignore_index=True)
    return peaks.iloc[len(peaks) // 2]


def _draw_region(panel: Axes, truth: Mapping[str, np.ndarray], peak: pd.Series, counts: np.ndarray) -> pd.DataFrame:
    name, length = peak["chromosome"], len(counts)
    offset = np.arange(length) - length // 2
    place = int(peak["position"]) + offset
    rate, bias = truth[f"{name}.rate"][place], np.exp(truth[f"{name}.log_bias"][place])
    panel.fill_between(offset, counts, step="mid", color=BAND, linewidth=0)
    panel.plot(offset, rate, color=PALETTE[0], linewidth=1.0)
    panel.plot(offset, rate / bias, color=PALETTE[3], linewidth=1.2)
    handles = [
        Patch(color=BAND, label="cuts drawn"),
        Patch(color=PALETTE[0], label="expected"),
        Patch(color=PALETTE[3], label="without the enzyme's preference"),
    ]
    factors = truth["factors"].tolist()
    top = panel.get_ylim()[1]
    for start, strand, factor, _ in truth[f"{name}.sites"]:
        middle = start - int(peak["position"])
        if offset[0] <= middle < offset[-1]:
            label = f"{factors[factor]} {'>' if strand > 0 else '<'}"
            panel.axvline(middle, color="black", linewidth=0.6, linestyle=":")
            panel.annotate(label, (middle, top), (1, -1), textcoords="offset points", fontsize=7, rotation=90, va="top")
    panel.set(xlabel=f"bp from the summit ({name}:{int(peak['position']):,})", ylabel="cuts per base", ylim=(0, top))
    panel.margins(x=0)
    panel.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8)
    return pd.DataFrame({"panel": "region", "x": offset, "cuts": counts, "expected": rate, "without_bias": rate / bias})


def simulated_assay_figure(
    truth: Mapping[str, np.ndarray], regions: pd.DataFrame, counts: np.ndarray, room: int, assay: str
) -> tuple[Figure, pd.DataFrame, str]:
    """Draw what was put into a simulated assay.

    Parameters
    ----------
    truth : mapping of str to array
        See :func:`cisflow.simulate.accessibility.simulate_accessibility`.
    regions : DataFrame
        Regions of the prepared assay.
    counts : array, (regions, positions)
        Their counts.
    room : int
        Positions of ``counts`` on either side that are there for the jitter.
    assay : str

    Returns
    -------
    figure, table, caption
        The table has ``panel`` (region, preference, counts) and the columns that the panel draws.
    """
    figure, (left, middle, right) = new_figure(11.0, 3.6, ncols=3, width_ratios=(2.2, 1.1, 1.1))
    peak = _example(truth, regions)
    own = counts[int(peak["region"]), room : counts.shape[1] - room]
    tables = [_draw_region(left, truth, peak, np.asarray(own))]
    preference = truth["enzyme_preference"]
    reach = len(preference) // 2
    limit = float(np.abs(preference).max())
    image = middle.imshow(preference.T, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    middle.set_yticks(range(4), list(BASES))
    middle.set_xticks(range(0, len(preference), 2), range(-reach, reach + 1, 2))
    middle.set(xlabel="bp from the cut", title="the enzyme's preference")
    figure.colorbar(image, ax=middle, label="ln of the rate", shrink=0.8)
    table = pd.DataFrame(preference, columns=list(BASES)).assign(panel="preference", x=np.arange(-reach, reach + 1))
    tables.append(table)
    low, high = (np.log10(max(regions["count"].agg(which), 1)) for which in ("min", "max"))
    edges = np.logspace(low - 0.05, high + 0.05, 32)
    for kind, colour, label in ((NONPEAK, PALETTE[5], "regions without peak"), (PEAK, PALETTE[0], "peaks")):
        values = regions.loc[regions["kind"] == kind, "count"].clip(lower=1)
        number, _, _ = right.hist(values, bins=edges, color=colour, alpha=0.8, label=label)
        tables.append(pd.DataFrame({"panel": "counts", "x": edges[:-1], "regions": number, "kind": kind}))
    right.set(xscale="log", xlabel="cuts in the output window", ylabel="regions")
    right.legend(
        fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=1.2, columnspacing=1.0
    )
    n_peaks = int((regions["kind"] == PEAK).sum())
    caption = (
        f"Assay {assay}: what was put into the simulated cuts. Left: the peak with the median count; grey, the cuts "
        "drawn; blue, the expected cuts; red, the same without the enzyme's preference. Dotted: sites of factors, with "
        "their strand; a bound factor keeps the enzyme from its site. Middle: what each base around a cut adds to the "
        f"log of the rate, alike on both strands. Right: cuts of {n_peaks:,} peaks and of {len(regions) - n_peaks:,} "
        "regions without peak in the window that is predicted. A bias model should learn the middle panel from the "
        "light regions, a network what is left: the red line."
    )
    return figure, pd.concat(tables, ignore_index=True), caption

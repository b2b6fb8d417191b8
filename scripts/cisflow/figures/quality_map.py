"""Figures of a contact map's quality page: coverage, masked bins, distance law and balancing.

Inputs: a :class:`~cisflow.quality.contact_map.MapQuality`.
Outputs: figures with their numbers and captions, see :func:`cisflow.figures.style.save_figure`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from cisflow.contacts.balance import TOLERANCE
from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure, short_number
from cisflow.quality.contact_map import MapQuality, binned_law
from cisflow.quality.map_checks import law_slope, law_spread
from cisflow.quality.map_thresholds import CIS_WARN, ENOUGH_CONTACTS, MASKED_WARN

MOST_CHROMOSOMES = 40  # drawn; the longest of more
LEAST_WIDTH = 1 / 300  # of a masked stretch, as a share of the longest chromosome, so that a single bin is seen
QUANTILES = (0.25, 0.5, 0.75)


def _left_out(given: MapQuality) -> str:
    more = len(given.chromosomes) - MOST_CHROMOSOMES
    return f" {more:,} shorter chromosomes are not drawn." if more > 0 else ""


def _drawn(given: MapQuality) -> pd.DataFrame:
    """Numbers of the chromosomes that are drawn, by name, with ``masked_share``."""
    table = given.chromosomes.set_index("chromosome").loc[given.shown_chromosomes(MOST_CHROMOSOMES)]
    return table.assign(masked_share=table["masked_bins"] / table["bins"])


def plot_coverage(given: MapQuality, svg: str | Path) -> None:
    """Draw contacts per bin, the share within chromosomes and the share of masked bins, by chromosome.

    Parameters
    ----------
    given : MapQuality
    svg : path
        Output; PNG, TSV (one row per chromosome) and JSON get the same stem.
    """
    table = _drawn(given)
    names = table.index
    used = given.bins[~given.bins["masked"]].groupby("chromosome", sort=False)["contacts"]
    for column, q in zip(("lower_quartile", "median", "upper_quartile"), QUANTILES, strict=True):
        table[column] = used.quantile(q).reindex(names)
    places = np.arange(len(names))
    figure, axes = new_figure(max(6.0, 2.2 + 0.26 * len(names)), 5.4, nrows=3, sharex=True, height_ratios=[2, 1, 1])
    middle = table["median"].to_numpy()
    spread = np.abs(table[["lower_quartile", "upper_quartile"]].to_numpy().T - middle)
    axes[0].errorbar(places, middle, spread, fmt="o", ms=4, color=PALETTE[0], ecolor="#9CC7E3", elinewidth=4)
    if middle.max() < 20 * ENOUGH_CONTACTS:  # else the line lies on the axis
        axes[0].axhline(ENOUGH_CONTACTS, color=GREY, lw=1, ls="--", zorder=0)
    axes[0].set(ylabel="contacts of a bin", ylim=(0, None))
    axes[0].yaxis.set_major_formatter(FuncFormatter(short_number))
    axes[1].bar(places, table["cis_share"], color=PALETTE[2])
    axes[1].axhline(CIS_WARN, color=GREY, lw=1, ls="--")
    axes[1].set(ylabel="within\nchromosome", ylim=(0, 1))
    axes[2].bar(places, table["masked_share"], color=PALETTE[3])
    axes[2].axhline(MASKED_WARN, color=GREY, lw=1, ls="--")
    axes[2].set(ylabel="masked bins", ylim=(0, max(0.25, 1.15 * table["masked_share"].max())))
    for axis in axes[1:]:
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axis.yaxis.set_major_locator(MaxNLocator(4))
    axes[2].set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    axes[2].set_xlim(-0.7, len(names) - 0.3)
    overall = given.overall
    caption = (
        f"Map {given.name}, bins of {given.resolution:,} bp. Top: contacts of a bin that is not masked (median and "
        f"quartiles over the bins of a chromosome); dashed: {ENOUGH_CONTACTS:,}, what four in five bins should have. "
        f"Middle: share of a chromosome's contacts that stay on it, {overall['cis_share']:.1%} of all "
        f"{overall['contacts']:,} contacts; below the dashed line ({CIS_WARN:.0%}) random ligation is likely; short "
        f"chromosomes have less. Bottom: share of masked bins, {overall['masked_bins']:,} of {overall['bins']:,} in "
        f"all; dashed: {MASKED_WARN:.0%}.{_left_out(given)} Good: chromosomes at one height in the upper panel; "
        "another copy number or a wrong genome stands out."
    )
    save_figure(figure, table.reset_index(), svg, f"Coverage of the chromosomes, map {given.name}", caption)


def masked_runs(given: MapQuality, names: list[str]) -> pd.DataFrame:
    """Stretches of masked bins: ``chromosome``, ``start``, ``end`` (bp), ``bins``."""
    bins = given.bins[given.bins["chromosome"].isin(names)]
    change = (bins["masked"] != bins["masked"].shift()) | (bins["chromosome"] != bins["chromosome"].shift())
    runs = bins.assign(run=change.cumsum())[bins["masked"]].groupby("run", sort=False)
    runs = runs.agg(
        chromosome=("chromosome", "first"), start=("start", "min"), end=("end", "max"), bins=("start", "size")
    )
    return runs.reset_index(drop=True)


def plot_masked(given: MapQuality, svg: str | Path) -> None:
    """Draw where masked bins lie along the chromosomes.

    Parameters
    ----------
    given : MapQuality
    svg : path
        Output; PNG, TSV (one row per stretch) and JSON get the same stem.
    """
    shown = _drawn(given)
    names, lengths = list(shown.index), shown["length"]
    runs = masked_runs(given, names)
    figure, axis = new_figure(6.6, 1.2 + 0.24 * len(names))
    places, longest = np.arange(len(names)), lengths.max() / 1e6
    axis.barh(places, lengths / 1e6, height=0.62, color="#DDE3E8")
    row = runs["chromosome"].map(dict(zip(names, places, strict=True)))
    width = np.maximum((runs["end"] - runs["start"]) / 1e6, LEAST_WIDTH * longest)
    axis.barh(row, width, left=runs["start"] / 1e6, height=0.62, color=PALETTE[3])
    for place, (name, of) in zip(places, shown.iterrows(), strict=True):
        text = f"{of['masked_bins']:,} ({of['masked_share']:.0%})"
        axis.annotate(text, (lengths[name] / 1e6, place), (4, 0), textcoords="offset points", va="center", fontsize=7)
    axis.set(xlabel="position (Mb)", ylim=(len(names) - 0.4, -0.6), xlim=(0, longest * 1.12))
    axis.set_yticks(places, names, fontsize=8)
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    caption = (
        f"Map {given.name}: bins of {given.resolution:,} bp without a weight (coloured; single ones are drawn wider "
        f"than they are) along the chromosomes, with their number and share. {len(runs):,} stretches, the longest "
        f"{(runs['end'] - runs['start']).max() if len(runs) else 0:,} bp. Targets are missing there, and every 2 x 2 "
        f"block that touches one is smoothed.{_left_out(given)} Good: centromeres, telomeres and repeats only; "
        "stretches spread all over mean that contacts do not suffice for bins of this size."
    )
    save_figure(figure, runs, svg, f"Masked bins, map {given.name}", caption)


def _draw_ratio(axis: Axes, curve: pd.DataFrame, reference: pd.DataFrame, style: dict) -> pd.DataFrame:
    both = curve.merge(reference, on="index", suffixes=("", "_reference"))
    ratio = both["expected"] / both["expected_reference"]
    axis.plot(both["distance_bp"], ratio, **style)
    return pd.DataFrame({"distance_bp": both["distance_bp"], "expected": ratio})


def plot_distance(given: MapQuality, svg: str | Path) -> None:
    """Draw the distance law as measured and as used, with a replicate's, and their ratios.

    Parameters
    ----------
    given : MapQuality
    svg : path
        Output; PNG, TSV (``series, distance_bp, expected``) and JSON get the same stem.
    """
    law = given.law[given.law["distance_bp"] > 0]
    used = law[law["smoothed"].notna()]
    curve = binned_law(*(law[c].to_numpy() for c in ("distance_bp", "n_valid", "balanced_sum")))
    distance, pairs = used["distance_bp"].to_numpy(), used["n_valid"].to_numpy()
    smooth = binned_law(distance, pairs, pairs * used["smoothed"].to_numpy())
    within = binned_law(distance, pairs, used["balanced_sum"].to_numpy())
    figure, (top, below) = new_figure(6.4, 5.0, nrows=2, sharex=True, height_ratios=[3, 1.3])
    measured = law[law["expected"] > 0]
    top.plot(used["distance_bp"], used["smoothed"], color=PALETTE[1], lw=3, label="used as expected")
    top.plot(measured["distance_bp"], measured["expected"], ".", ms=2, color=PALETTE[0], label="measured")
    drawn = [measured[["distance_bp", "expected"]].assign(series="measured")]
    drawn.append(used[["distance_bp"]].assign(expected=used["smoothed"], series="used"))
    own = {"color": PALETTE[0], "marker": ".", "ms": 4, "lw": 1, "label": "measured / used"}
    drawn.append(_draw_ratio(below, within, smooth, own).assign(series="measured / used"))
    said = ""
    if given.replicate is not None:
        other = given.replicate[given.replicate["distance_bp"] > 0]
        other = binned_law(*(other[c].to_numpy() for c in ("distance_bp", "n_valid", "balanced_sum")))
        top.plot(other["distance_bp"], other["expected"], color=PALETTE[2], lw=1.2, label=given.replicate_name)
        drawn.append(other[["distance_bp", "expected"]].assign(series="replicate"))
        label = f"{given.replicate_name} / {given.name}"
        style = {"color": PALETTE[2], "marker": ".", "ms": 4, "lw": 1, "label": label}
        drawn.append(_draw_ratio(below, other, curve, style).assign(series="replicate / measured"))
        said = f" Green: replicate {given.replicate_name}."
    top.set(xscale="log", yscale="log", ylabel="balanced contacts\nper pair of bins")
    top.legend(fontsize=8)
    below.axhline(1, color=GREY, lw=1, zorder=0)
    below.set(xlabel="distance (bp)", ylabel="ratio", yscale="log")
    below.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    below.yaxis.set_minor_locator(NullLocator())
    low, high = below.get_ylim()
    below.set_ylim(min(low, 0.4), max(high, 2.5) * 1.6)
    below.legend(fontsize=8, ncols=2, loc="upper left")
    caption = (
        f"Map {given.name}: balanced contacts per pair of bins by distance. Top: as measured (blue, every distance) "
        f"and as targets are divided by (orange; smoothed beyond 1.6 Mb).{said} Below: ratios, means over bins of log "
        f"distance. Slope {law_slope(given):.2f} over the middle of the curve; chromosomes differ "
        f"{np.exp(law_spread(given)):.2f}-fold (one standard deviation) at one distance. Good: ratios near 1; a "
        "replicate that runs parallel differs in depth of contacts between chromosomes only, one that crosses differs "
        "in its biology or protocol."
    )
    out = pd.concat(drawn)[["series", "distance_bp", "expected"]]
    save_figure(figure, out, svg, f"Distance law, map {given.name}", caption)


def plot_balancing(given: MapQuality, svg: str | Path) -> None:
    """Draw how balancing converged, and how equal the sums of rows are.

    Parameters
    ----------
    given : MapQuality
    svg : path
        Output; PNG, TSV (``series, x, value``) and JSON get the same stem.
    """
    sums = given.bins["row_sum"].dropna()
    relative = (sums / sums.mean()).to_numpy() if len(sums) else np.empty(0)
    steps = given.balancing
    if len(steps):
        figure, (left, right) = new_figure(6.6, 3.2, ncols=2)
        left.plot(steps["iteration"], steps["variance"], "-", marker=".", ms=4, color=PALETTE[0])
        left.axhline(TOLERANCE, color=GREY, lw=1, ls="--")
        left.set(yscale="log", xlabel="iteration", ylabel="variance of the sums of rows", title="Convergence")
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        first = (
            f"Left: variance of the sums of rows at each of {len(steps)} iterations, until below {TOLERANCE:g} "
            "(dashed). Right: "
        )
    else:
        figure, right = new_figure(4.4, 3.2)
        first = f"The weights are {given.overall['weights']}: no iterations here. "
    half = max(0.02, float(np.abs(relative - 1).max())) if len(relative) else 0.02
    counts, edges = np.histogram(relative, bins=41, range=(1 - half, 1 + half))
    right.stairs(counts, edges, fill=True, color=PALETTE[0])
    right.set(xlabel="balanced row sum / mean", ylabel="bins", title="Rows after balancing")
    right.yaxis.set_major_formatter(FuncFormatter(short_number))
    right.xaxis.set_major_locator(MaxNLocator(5))
    variation = given.row_variation()
    caption = (
        f"Map {given.name}. {first}Sums of balanced rows (without the first two diagonals) over their mean, for "
        f"{len(relative):,} bins that are not masked; standard deviation {variation:.2g}. Good: variance falls in a "
        "straight line, and all rows lie at 1. Weights that were made on other contacts, as before chromosomes were "
        "dropped, leave a wide peak."
    )
    table = pd.concat(
        [
            pd.DataFrame({"series": "variance", "x": steps["iteration"], "value": steps["variance"]}),
            pd.DataFrame({"series": "bins by row sum", "x": (edges[:-1] + edges[1:]) / 2, "value": counts}),
        ]
    )
    save_figure(figure, table, svg, f"Balancing, map {given.name}", caption)

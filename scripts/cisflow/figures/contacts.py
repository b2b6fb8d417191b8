"""Figures of contact maps: distance law, and a region of the map with what lies under it.

Inputs: the files of the contacts stage. Outputs: figures (SVG, PNG, TSV, JSON).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from cisflow.contacts.pixels import CoolerWindows
from cisflow.contacts.targets import ContactMap
from cisflow.figures.style import CONTACT_CMAP, GREY, PALETTE, new_figure, save_figure
from cisflow.files import read_table

COLOUR_LIMITS = (-1.0, 2.0)  # natural log of observed over expected, as in Zhou 2022
REGION = 1_000_000  # bp, at most
MAX_BINS = 250  # of the map drawn, per side
SLOPE_RANGE = (0.02, 0.5)  # distances, as shares of the longest, over which the slope is fitted


def _slope(distance: np.ndarray, expected: np.ndarray) -> tuple[float, float, float]:
    """Slope of log contacts on log distance over the middle of the curve, with the range it is fitted on (bp)."""
    reach = distance[np.isfinite(expected) & (expected > 0)].max()
    low, high = SLOPE_RANGE[0] * reach, SLOPE_RANGE[1] * reach
    used = (distance >= low) & (distance <= high) & (expected > 0)
    if used.sum() < 3:
        return float("nan"), low, high
    # Log-spaced weights: every decade of distance counts the same.
    slope = np.polyfit(np.log(distance[used]), np.log(expected[used]), 1, w=1 / np.sqrt(distance[used]))[0]
    return float(slope), low, high


def _binned(distance: np.ndarray, n_valid: np.ndarray, total: np.ndarray, per_decade: int = 24) -> pd.DataFrame:
    """Mean contacts in bins of log distance, so that far, sparse distances do not scatter."""
    index = np.floor(np.log10(distance) * per_decade)
    sums = pd.DataFrame({"index": index, "distance": distance * n_valid, "n_valid": n_valid, "total": total})
    sums = sums.groupby("index").sum()
    sums = sums[(sums["n_valid"] > 0) & (sums["total"] > 0)]
    return pd.DataFrame(
        {"distance_bp": sums["distance"] / sums["n_valid"], "expected": sums["total"] / sums["n_valid"]}
    ).reset_index(drop=True)


def plot_distance_law(
    law: str | Path, by_chromosome: str | Path, expected: str | Path, name: str, svg: str | Path
) -> None:
    """Draw how contacts fall with distance: each chromosome, all together, and the curve that targets are divided by.

    Parameters
    ----------
    law, by_chromosome, expected : path
        Written by :func:`cisflow.contacts.expected.compute_expected`.
    name : str
        Name of the map.
    svg : path
        Written, with PNG, TSV (``series, distance_bp, expected``) and JSON beside it.
    """
    table, chromosomes = read_table(law), read_table(by_chromosome)
    with np.load(expected) as curves:
        resolution, log_trans, reach = (
            int(curves["resolution"]),
            float(curves["log_trans"]),
            len(curves["log_expected"]),
        )
    table, chromosomes = table[table["distance_bp"] > 0], chromosomes[chromosomes["distance_bp"] > 0]
    figure, axis = new_figure(6.4, 4.2)
    drawn = []
    for number, (chromosome, rows) in enumerate(chromosomes.groupby("chromosome", sort=False)):
        curve = _binned(*(rows[c].to_numpy() for c in ("distance_bp", "n_valid", "balanced_sum")))
        label = "chromosomes" if number == 0 else None
        axis.plot(curve["distance_bp"], curve["expected"], color=GREY, lw=0.6, alpha=0.7, label=label, zorder=1)
        drawn.append(curve.assign(series=str(chromosome)))
    used = table[table["smoothed"].notna()]
    axis.plot(used["distance_bp"], used["smoothed"], color=PALETTE[1], lw=3, label="used as expected", zorder=2)
    drawn.append(used[["distance_bp", "smoothed"]].rename(columns={"smoothed": "expected"}).assign(series="used"))
    measured = table[table["expected"] > 0]
    axis.plot(
        measured["distance_bp"], measured["expected"], ".", ms=2, color=PALETTE[0], label="all, by distance", zorder=3
    )
    drawn.append(measured[["distance_bp", "expected"]].assign(series="all"))
    slope, low, high = _slope(measured["distance_bp"].to_numpy(), measured["expected"].to_numpy())
    middle = measured.iloc[(measured["distance_bp"] - np.sqrt(low * high)).abs().argmin()]
    if np.isfinite(slope):
        guide = np.array([low, high])
        height = 2 * middle["expected"] * (guide / middle["distance_bp"]) ** slope
        axis.plot(guide, height, color="black", ls="--", lw=1, label=f"slope {slope:.2f}", zorder=4)
    if np.isfinite(log_trans):
        axis.axhline(np.exp(log_trans), color=PALETTE[2], lw=1, ls=":", label="between chromosomes")
        drawn.append(pd.DataFrame({"series": "trans", "distance_bp": [np.nan], "expected": [np.exp(log_trans)]}))
    axis.set(xscale="log", yscale="log", xlabel="distance (bp)", ylabel="balanced contacts per pair of bins")
    axis.set_xlim(resolution * 0.8, table["distance_bp"].max() * 1.2)
    axis.legend(loc="upper right", fontsize=8)
    longest = table["distance_bp"].max() + resolution
    caption = (
        f"Map {name}, bins of {resolution:,} bp: balanced contacts per pair of bins by distance, for each chromosome "
        "(grey, means over bins of log distance), for all together (blue, every distance) and as used for observed "
        f"over expected (orange; smoothed beyond 1.6 Mb). Slope from {low:,.0f} to {high:,.0f} bp: {slope:.2f}; -1 is "
        f"typical of interphase chromosomes. The curve used reaches {reach * resolution:,} of {longest:,} bp: it ends "
        "before the first distance without contacts, and windows cannot be longer. Good: grey lines close together, "
        "all falling. A chromosome far from the others is badly covered or rearranged; a peak at one distance is a "
        "pair of regions with far too many contacts, such as two copies of one sequence."
    )
    out = pd.concat(drawn)[["series", "distance_bp", "expected"]]
    save_figure(figure, out, svg, f"Distance law of {name}", caption)


def choose_region(lengths: dict[str, int], resolution: int, preferred: Sequence[str]) -> tuple[str, int, int, int]:
    """Choose the region to draw: the middle of the first preferred chromosome.

    Returns
    -------
    (str, int, int, int)
        Chromosome, first bin, number of bins, and bins of the map per bin drawn.
    """
    chromosome = next((name for name in preferred if name in lengths), max(lengths, key=lambda name: lengths[name]))
    n_bins = -(-lengths[chromosome] // resolution)
    wanted = max(2, min(n_bins, REGION // resolution)) if n_bins > 1 else 1
    factor = -(-wanted // MAX_BINS)
    wanted -= wanted % factor
    first = (n_bins - wanted) // 2
    return chromosome, first, wanted, factor


def _draw_truth(axis: Axes, truth: str | Path, chromosome: str, start: int, end: int) -> pd.DataFrame:
    """Compartments as an area, domain borders as lines, bound motifs as arrows in their direction."""
    with np.load(truth) as data:
        index = list(data["chromosomes"]).index(chromosome)
        bins = (data["bin_chromosome"] == index) & (data["bin_start"] >= start) & (data["bin_start"] < end)
        position, compartment = data["bin_start"][bins] / 1e6, data["compartment"][bins]
        border = data["border_position"][data["border_chromosome"] == index]
        sites = (data["site_chromosome"] == index) & (data["site_occupancy"] >= 0.5)
        site, strand = data["site_start"][sites], data["site_strand"][sites]
    axis.fill_between(position, 0, np.maximum(compartment, 0), step="post", color=PALETTE[1], lw=0, label="A")
    axis.fill_between(position, 0, np.minimum(compartment, 0), step="post", color=PALETTE[5], lw=0, label="B")
    border = border[(border > start) & (border < end)] / 1e6
    axis.vlines(border, -1.05, 1.05, color="black", lw=0.8, label="domain border")
    inside = (site >= start) & (site < end)
    for sign, marker, height, colour in ((1, ">", 1.95, PALETTE[3]), (-1, "<", 1.4, PALETTE[0])):
        chosen = site[inside & (strand == sign)] / 1e6
        label = "motif, forward" if sign > 0 else "motif, reverse"
        axis.plot(chosen, np.full(len(chosen), height), marker, ms=3.5, color=colour, label=label)
    axis.set(ylim=(-1.1, 2.3), yticks=[-1, 0, 1], yticklabels=["B", "", "A"], ylabel="truth")
    axis.legend(loc="upper left", bbox_to_anchor=(1.02, 1.1), fontsize=7, handlelength=1.2, borderaxespad=0)
    return pd.DataFrame({"track": "compartment", "x_bp": position * 1e6, "value": compartment})


def _draw_coverage(axis: Axes, cool: str | Path, chromosome: str, first: int, n: int) -> pd.DataFrame:
    """Contacts of each bin with the region, masked bins marked."""
    windows = CoolerWindows(cool)
    coverage = windows.counts(chromosome, first, n).sum(axis=1)
    masked = np.isnan(windows.weights[chromosome][first : first + n])
    position = (first + np.arange(n)) * windows.resolution / 1e6
    width = windows.resolution / 1e6
    axis.bar(position, coverage, width=width, align="edge", color=PALETTE[0], lw=0, label="contacts with\nthe region")
    top = coverage.max() * 1.1 if coverage.max() else 1.0
    axis.bar(position[masked], top, width=width, align="edge", color="#AAAAAA", lw=0, label="masked", zorder=0)
    axis.set(ylim=(0, top), ylabel="contacts")
    axis.legend(loc="upper left", bbox_to_anchor=(1.02, 1.1), fontsize=7, handlelength=1.2, borderaxespad=0)
    return pd.DataFrame({"track": "coverage", "x_bp": position * 1e6, "value": coverage})


def plot_contact_map(
    cool: str | Path,
    expected: str | Path,
    name: str,
    preferred: Sequence[str],
    svg: str | Path,
    truth: str | Path | None = None,
) -> None:
    """Draw a region of a map as log observed over expected, with the simulated truth or the coverage under it.

    Parameters
    ----------
    cool, expected : path
        ``map.cool`` and ``expected.npz``.
    name : str
        Name of the map.
    preferred : sequence of str
        Chromosomes to choose the region from, e.g. those for testing.
    svg : path
        Written, with PNG, TSV (``track, x_bp, y_bp, value``) and JSON beside it.
    truth : path, optional
        ``truth.npz`` of a simulated map.
    """
    contacts = ContactMap(cool, expected)
    resolution = contacts.resolution
    chromosome, first, n, factor = choose_region(contacts.chromosomes, resolution, preferred)
    reach = len(contacts.log_expected) - len(contacts.log_expected) % factor
    if n > reach:
        first, n = first + (n - reach) // 2, reach
    start, end = first * resolution, (first + n) * resolution
    values = contacts.window_target(chromosome, start, n, factor)

    figure, (top, below) = new_figure(6.4, 6.1, nrows=2, sharex=True, height_ratios=[5, 1])
    extent = (start / 1e6, end / 1e6, end / 1e6, start / 1e6)
    low, high = COLOUR_LIMITS
    image = top.imshow(
        values, cmap=CONTACT_CMAP, vmin=low, vmax=high, extent=extent, aspect="auto", interpolation="none"
    )
    top.set(ylabel=f"{chromosome} (Mb)", box_aspect=1)
    below.set(box_aspect=0.2)
    colours = top.inset_axes((1.04, 0.2, 0.035, 0.6))
    figure.colorbar(image, cax=colours, label="ln(observed / expected)", extend="both")
    if truth:
        track = _draw_truth(below, truth, chromosome, start, end)
        under = "Under it the simulated truth: compartments, domain borders, and bound motifs in their direction."
        good = "Good: blocks of one compartment are dark with each other, domains are dark squares between borders."
    else:
        track = _draw_coverage(below, cool, chromosome, first, n)
        under = "Under it the raw contacts of each bin within the region."
        good = "Good: grey bins are few and have low coverage; structure does not follow coverage."
    below.set(xlabel=f"{chromosome} (Mb)")
    for axis in (below.xaxis, top.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    missing = float(np.isnan(values).mean())
    quartiles = np.nanpercentile(values, [5, 95]) if missing < 1 else [np.nan, np.nan]
    caption = (
        f"Map {name}, {chromosome}:{start:,}-{end:,}, bins of {factor * resolution:,} bp: natural log of observed over "
        f"expected contacts, as models are trained on (balanced, adaptively coarse-grained); 90 % of the entries lie "
        f"between {quartiles[0]:.2f} and {quartiles[1]:.2f}, {missing:.1%} are missing (grey). {under} {good}"
    )
    rows, columns = np.triu_indices(len(values))
    step = factor * resolution
    table = pd.DataFrame(
        {"track": "map", "x_bp": start + columns * step, "y_bp": start + rows * step, "value": values[rows, columns]}
    )
    track["x_bp"] = track["x_bp"].round().astype(int)
    save_figure(figure, pd.concat([table, track]).astype({"y_bp": "Int64"}), svg, f"Contact map {name}", caption)

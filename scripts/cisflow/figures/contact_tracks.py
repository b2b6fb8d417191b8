"""Tracks under contact maps: genes, peaks, signals.

Inputs: GTF, GFF3, BED and bigWig files. Outputs: drawn axes, and the features drawn as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Polygon

from cisflow.contacts.annotation import read_features, signal_means
from cisflow.contacts.regions import Region
from cisflow.figures.style import GREY, PALETTE

#: Genes of a panel that are drawn with their names at most, and lanes that they are packed into.
MOST_NAMES, LANES = 14, 4
#: Inches per row of a track.
GENE_HEIGHT, PEAK_HEIGHT, SIGNAL_HEIGHT = 0.62, 0.13, 0.34
LETTER = 0.062  # inches, width of a letter of a gene's name
SIGNAL_BINS = 250
FEATURE_COLUMNS = ["chromosome", "start", "end", "name", "strand", "value"]


@dataclass(frozen=True)
class Tracks:
    """What is drawn under the maps of a figure.

    Attributes
    ----------
    genes : path or None
        GTF, GFF3 or BED.
    peaks : sequence of path
        BED files, one line each.
    signals : sequence of path
        bigWig files, one row each.
    """

    genes: str | Path | None = None
    peaks: Sequence[str | Path] = ()
    signals: Sequence[str | Path] = ()
    _features: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    def heights(self) -> list[float]:
        """Inches of every row."""
        rows = [GENE_HEIGHT] if self.genes else []
        rows += [0.1 + PEAK_HEIGHT * len(self.peaks)] if self.peaks else []
        return rows + [SIGNAL_HEIGHT] * len(self.signals)

    def read(self, regions: Sequence[Region]) -> None:
        """Read the genes and peaks of all regions once."""
        for path in [*([self.genes] if self.genes else []), *self.peaks]:
            self._features[str(path)] = read_features(path, regions)

    def inside(self, path: str | Path, region: Region) -> pd.DataFrame:
        """Features of a file that share a base with a region; see :meth:`read`."""
        table = self._features[str(path)]
        touched = (table["start"] < region.end) & (table["end"] > region.start)
        return table[touched & (table["chromosome"] == region.chromosome)]

    def draw(self, axes: Sequence[Axes], region: Region, width: float, first: bool) -> pd.DataFrame:
        """Draw the tracks of a region.

        Parameters
        ----------
        axes : sequence of Axes
            One per row of :meth:`heights`, x axis in Mb.
        region : Region
        width : float
            Inches of the panel, so that names do not overlap.
        first : bool
            Whether to label the tracks on the left.

        Returns
        -------
        DataFrame
            ``track, chromosome, start, end, name, strand, value`` of all that is drawn.
        """
        rows, parts = iter(axes), []
        if self.genes:
            axis, genes = next(rows), self.inside(self.genes, region)
            _draw_genes(axis, genes, region, width)
            _label(axis, "genes", first)
            parts.append(genes.assign(track="genes"))
        if self.peaks:
            axis = next(rows)
            for place, path in enumerate(self.peaks):
                peaks = self.inside(path, region)
                _draw_peaks(axis, peaks, place)
                parts.append(peaks.assign(track=track_name(path)))
            axis.set(ylim=(len(self.peaks) - 0.5, -0.5))
            names = [track_name(path) for path in self.peaks]
            axis.set_yticks(range(len(names)), names if first else [""] * len(names), fontsize=6)
            axis.tick_params(axis="y", length=0)
        for path, axis in zip(self.signals, rows, strict=True):
            parts.append(_draw_signal(axis, path, region).assign(track=track_name(path)))
            _label(axis, track_name(path), first)
        for axis in axes:
            axis.set_xlim(region.start / 1e6, region.end / 1e6)
            axis.spines[["left", "bottom"]].set_visible(False)
        if not parts:
            return pd.DataFrame(columns=["track", *FEATURE_COLUMNS])
        return pd.concat(parts, ignore_index=True).reindex(columns=["track", *FEATURE_COLUMNS])


def track_name(path: str | Path) -> str:
    """Name of a file without its suffixes."""
    name = Path(path).name
    for suffix in (".gz", ".bed", ".narrowPeak", ".broadPeak", ".bw", ".bigWig", ".bigwig"):
        name = name.removesuffix(suffix)
    return name


def _label(axis: Axes, text: str, first: bool) -> None:
    axis.set_yticks([])
    if first:
        axis.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=7)


def lanes(start: np.ndarray, end: np.ndarray, most: int) -> np.ndarray:
    """Lane of each interval so that none overlap in a lane; -1 for those that fit in none.

    Parameters
    ----------
    start, end : float array, (intervals,)
        Starts do not fall.
    most : int
        Number of lanes.

    Returns
    -------
    int64 array, (intervals,)
    """
    free, found = np.full(most, -np.inf), np.full(len(start), -1)
    for k, (low, high) in enumerate(zip(start, end, strict=True)):
        open_lanes = np.nonzero(free <= low)[0]
        if len(open_lanes):
            found[k] = open_lanes[0]
            free[open_lanes[0]] = high
    return found


def _draw_genes(axis: Axes, genes: pd.DataFrame, region: Region, width: float) -> None:
    """Genes as bars that point in their direction: with names where they fit, else in one lane per strand."""
    per_inch = (region.end - region.start) / 1e6 / width
    start = np.maximum(genes["start"].to_numpy(float), region.start) / 1e6
    end = np.minimum(genes["end"].to_numpy(float), region.end) / 1e6
    reverse = (genes["strand"] == "-").to_numpy()
    named = len(genes) <= MOST_NAMES
    lane = np.where(reverse, 1, 0)
    if named:
        text = genes["name"].astype(str).str.len().to_numpy() * LETTER * per_inch
        lane = lanes(start, np.maximum(end, start + text) + 0.05 * per_inch, LANES)
        named = bool((lane >= 0).all())
        lane = lane if named else np.where(reverse, 1, 0)
    n_lanes = LANES if named else 2
    half = 0.17 if named else 0.3
    tip = np.minimum(0.06 * per_inch, 0.5 * (end - start))
    shapes = []
    for low, high, cut, y, backward in zip(start, end, tip, lane, reverse, strict=True):
        outline = [(low, y - half), (high - cut, y - half), (high, y), (high - cut, y + half), (low, y + half)]
        shapes.append(Polygon([(low + high - x, h) for x, h in outline] if backward else outline))
    colours = [PALETTE[3] if backward else PALETTE[0] for backward in reverse]
    axis.add_collection(PatchCollection(shapes, facecolor=colours, edgecolor="none"))
    if named:
        for low, y, name in zip(start, lane, genes["name"], strict=True):
            axis.text(low, y + half + 0.04, name, fontsize=5, va="top", ha="left", clip_on=True)
    axis.set_ylim(n_lanes - 0.2, -0.5)


def _draw_peaks(axis: Axes, peaks: pd.DataFrame, place: int) -> None:
    spans = np.column_stack([peaks["start"], peaks["end"] - peaks["start"]]) / 1e6
    axis.broken_barh(spans, (place - 0.35, 0.7), color=PALETTE[place % 6], linewidth=0.4)


def _draw_signal(axis: Axes, path: str | Path, region: Region) -> pd.DataFrame:
    values = signal_means(path, region, SIGNAL_BINS)
    edges = np.linspace(region.start, region.end, SIGNAL_BINS + 1)
    axis.fill_between(edges / 1e6, 0, np.append(values, values[-1]), step="post", color=GREY, linewidth=0)
    low, high = (float(f(values)) if np.isfinite(values).any() else 0.0 for f in (np.nanmin, np.nanmax))
    axis.set_ylim(min(low, 0.0), high * 1.05 if high > 0 else 1.0)
    axis.text(0.995, 0.95, f"{high:.3g}", transform=axis.transAxes, fontsize=5, ha="right", va="top")
    bounds = edges.round().astype(int)
    return pd.DataFrame({"chromosome": region.chromosome, "start": bounds[:-1], "end": bounds[1:], "value": values})

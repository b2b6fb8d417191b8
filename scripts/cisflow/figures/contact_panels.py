"""Panels of predicted and observed contact maps, one column per window or level, with tracks below.

Inputs: maps of a window as :class:`Column`. Outputs: a figure and the table of what it draws.
Colours, limits, missing entries and the shading of windows of several chromosomes are those of the field (Zhou 2022,
Nature Genetics 54:725-734).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cisflow.contacts.regions import Region
from cisflow.figures.contact_tracks import Tracks
from cisflow.figures.style import CONTACT_CMAP, new_figure

#: Natural log of observed over expected that the colours run between (published).
LIMITS = (-1.0, 2.0)
OBSERVED = "observed"
PANEL, TITLE, TICKS = 2.2, 0.25, 0.3  # inches
SHADE = (0.0, 0.0, 0.0, 0.2)
BAR_LABEL = "ln(observed / expected contacts)"


@dataclass(frozen=True)
class Column:
    """One stretch of the genome and its maps.

    Attributes
    ----------
    name : str
        In the table.
    heading : str
        Above the first panel.
    region : Region
        Stretch of the maps; of windows of several chromosomes the stretch of the assembly.
    maps : dict of str to float array, (bins, bins)
        Rows of the figure, top to bottom; NaN is drawn grey.
    titles : dict of str to str
        Above the panel of a row, e.g. its correlation.
    inner : (int, int) or None
        Stretch of the next finer level, outlined.
    between : bool array, (bins, bins), or None
        Entries between chromosomes: borders are drawn, and predictions shaded where ``observed`` is missing.
    bin_chromosome : str array, (bins,), or None
        Chromosome of every bin, to name the parts of an assembly.
    assembled : bool
        Coordinates are those of an assembly, not of a chromosome: no tracks are drawn.
    """

    name: str
    heading: str
    region: Region
    maps: dict[str, np.ndarray]
    titles: dict[str, str] = field(default_factory=dict)
    inner: tuple[int, int] | None = None
    between: np.ndarray | None = None
    bin_chromosome: np.ndarray | None = None
    assembled: bool = False

    @property
    def edges(self) -> np.ndarray:
        """Starts of the bins and the end of the last one; int64 (bins + 1,)."""
        n = len(next(iter(self.maps.values())))
        return np.linspace(self.region.start, self.region.end, n + 1).round().astype(np.int64)

    def borders(self) -> np.ndarray:
        """Where one chromosome ends and the next begins (bp)."""
        if self.between is None:
            return np.array([], dtype=np.int64)
        changes = np.diagonal(self.between, 1)
        if self.bin_chromosome is not None:  # a bin with both sides of a border is not between chromosomes
            changes = changes | (self.bin_chromosome[1:] != self.bin_chromosome[:-1])
        return self.edges[1:-1][changes]


def colour_limits(columns: Sequence[Column], limits: Sequence[float] | None) -> tuple[float, float]:
    """Limits of the colour scale: as given, or for None the 1st to 99th percentile of what was observed."""
    if limits is not None:
        return float(limits[0]), float(limits[1])
    values = np.concatenate([column.maps[OBSERVED].ravel() for column in columns])
    values = values[np.isfinite(values)]
    return tuple(np.percentile(values, [1, 99])) if len(values) else LIMITS


def draw_matrix(axis: Axes, column: Column, row: str, limits: tuple[float, float]) -> AxesImage:
    """Draw one map with borders, outline and shading; coordinates in Mb."""
    left, right = column.region.start / 1e6, column.region.end / 1e6
    place = {"extent": (left, right, right, left), "interpolation": "nearest"}
    values = np.ma.masked_invalid(column.maps[row])
    image = axis.imshow(values, cmap=CONTACT_CMAP, vmin=limits[0], vmax=limits[1], **place)
    if column.between is not None and row != OBSERVED:
        shade = np.zeros((*values.shape, 4))
        shade[~np.isfinite(column.maps[OBSERVED])] = SHADE
        axis.imshow(shade, **place)
    for border in column.borders() / 1e6:
        axis.axhline(border, color="black", linewidth=0.6)
        axis.axvline(border, color="black", linewidth=0.6)
    if column.inner is not None:
        low, high = (end / 1e6 for end in column.inner)
        style = {"fill": False, "edgecolor": "#0072B2", "linewidth": 1.0}
        axis.add_patch(Rectangle((low, low), high - low, high - low, **style))
    return image


def _coordinates(axis: Axes, labelled: str) -> None:
    """Ticks in Mb, few enough to be read; ``labelled``: axes with numbers, ``x``, ``y`` or both."""
    number = FuncFormatter(lambda value, _: f"{value:g}")
    for name in "xy":
        one = getattr(axis, f"{name}axis")
        one.set_major_locator(MaxNLocator(3, steps=[1, 2, 4, 5, 10]))
        one.set_major_formatter(number)
    axis.tick_params(labelsize=7, length=2, pad=1.5, labelbottom="x" in labelled, labelleft="y" in labelled)


def _track_coordinates(axis: Axes, column: Column) -> None:
    """Ticks in Mb below the last track."""
    axis.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 4, 5, 10]))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.tick_params(axis="x", labelsize=7, length=2, pad=1.5)
    axis.spines["bottom"].set_visible(True)
    axis.set_xlabel(_axis_name(column), fontsize=8)


def _name_parts(axis: Axes, column: Column) -> None:
    """Names of the chromosomes of an assembly above its parts."""
    if column.bin_chromosome is None or column.between is None:
        return
    ends = np.concatenate([[column.region.start], column.borders(), [column.region.end]])
    middles = (ends[:-1] + ends[1:]) / 2
    at = np.searchsorted(column.edges, middles, side="right") - 1
    for middle, bin_ in zip(middles, at, strict=True):
        name = str(column.bin_chromosome[min(bin_, len(column.bin_chromosome) - 1)])
        axis.annotate(
            name, (middle / 1e6, 1.0), (0, 1), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom", fontsize=5.5,
        )  # fmt: skip


def draw_columns(columns: Sequence[Column], tracks: Tracks, limits: tuple[float, float]) -> tuple[Figure, pd.DataFrame]:
    """Draw maps side by side: rows are models and what was observed, below them the tracks.

    Parameters
    ----------
    columns : sequence of Column
        All with the same rows.
    tracks : Tracks
        Not drawn under assemblies.
    limits : (float, float)
        One colour scale for all panels.

    Returns
    -------
    figure, table
        ``column, track`` (``map``, or a track), ``chromosome, start, end`` (of a map: starts of both bins), the rows of
        the figure, and ``name, strand, value`` of features.
    """
    rows = list(columns[0].maps)
    inside = [column for column in columns if not column.assembled]
    heights = tracks.heights() if inside else []
    tracks.read([column.region for column in inside])
    figure, axes = new_figure(
        (PANEL + TICKS) * len(columns) + (1.45 if len(columns) > 1 else 1.7),  # one column: room for names of rows
        (PANEL + TITLE) * len(rows) + 0.65 + sum(heights) + 0.1 * len(heights),
        nrows=len(rows) + len(heights),
        ncols=len(columns),
        squeeze=False,
        height_ratios=[PANEL] * len(rows) + heights,
    )
    tables = []
    for place, column in enumerate(columns):
        for number, row in enumerate(rows):
            axis = axes[number, place]
            axis.set_box_aspect(1)
            image = draw_matrix(axis, column, row, limits)
            lowest = number == len(rows) - 1 and (not heights or column.assembled)
            _coordinates(axis, "xy" if lowest else "y")
            title = column.titles.get(row, "")
            axis.set_title(f"{column.heading}\n{title}" if number == 0 else title, fontsize=8)
            if place == 0:
                axis.set_ylabel(f"{row}\nposition (Mb)", fontsize=8)
            if lowest:
                axis.set_xlabel(_axis_name(column), fontsize=8)
        _name_parts(axes[len(rows) - 1, place], column)
        below = axes[len(rows) :, place]
        for axis, height in zip(below, heights, strict=True):
            axis.set_box_aspect(height / PANEL)
        features = None
        if heights and not column.assembled:
            features = tracks.draw(below, column.region, PANEL, first=place == 0)
            for axis in below[:-1]:
                axis.set_xticks([])
            _track_coordinates(below[-1], column)
        else:
            for axis in below:
                axis.set_axis_off()
        tables.append(_table(column, rows, features))
    bar = figure.colorbar(image, ax=axes[: len(rows)], shrink=0.6 if len(rows) > 1 else 0.8, aspect=30, extend="both")
    bar.set_label(BAR_LABEL)
    return figure, pd.concat(tables, ignore_index=True)


def _axis_name(column: Column) -> str:
    return f"{'assembly' if column.assembled else column.region.chromosome} (Mb)"


def _table(column: Column, rows: Sequence[str], features: pd.DataFrame | None) -> pd.DataFrame:
    """Upper triangles of the maps, one row per pair of bins, then the features."""
    i, j = np.triu_indices(len(column.edges) - 1)
    table = pd.DataFrame(
        {
            "column": column.name,
            "track": "map",
            "chromosome": column.region.chromosome,
            "start": column.edges[i],
            "end": column.edges[j],
            **{row: np.round(column.maps[row][i, j], 3) for row in rows},
        }
    )
    if features is None or features.empty:
        return table
    features = features.assign(column=column.name, value=features["value"].astype(float).round(4))
    return pd.concat([table, features], ignore_index=True)

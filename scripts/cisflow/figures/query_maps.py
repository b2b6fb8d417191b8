"""Contact maps that a model predicts of regions that were given.

Inputs: predicted maps. Outputs: figure with table and caption.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cisflow.contacts.regions import Region, length_name
from cisflow.evaluation.contact_predictions import PredictedMaps
from cisflow.figures.contact_panels import LIMITS, Column, draw_columns
from cisflow.figures.contact_tracks import Tracks
from cisflow.figures.style import save_figure

#: Columns of maps that are drawn.
MOST_COLUMNS = 4


def region_columns(found: PredictedMaps, regions: Sequence[Region], model: str) -> list[Column]:
    """Columns of a figure: all levels of the first regions, as many as there is room for.

    Parameters
    ----------
    found : PredictedMaps
        One window per region; replicates are averaged.
    regions : sequence of Region
    model : str
    """
    maps, columns = found.mean(), []
    for window, region in enumerate(regions):
        if columns and len(columns) + len(found.levels) > MOST_COLUMNS:
            break
        for level, length in enumerate(found.levels):
            start = int(found.start[window, level])
            columns.append(
                Column(
                    f"{region}, {length_name(length)}",
                    f"{region}\n{length_name(length)}",
                    Region(region.chromosome, start, start + int(length)),
                    {model: maps[window, level]},
                    inner=_inner(found, window, level),
                )
            )
    return columns


def _inner(found: PredictedMaps, window: int, level: int) -> tuple[int, int] | None:
    """Stretch of the next finer level."""
    if level + 1 == len(found.levels):
        return None
    start = int(found.start[window, level + 1])
    return start, start + int(found.levels[level + 1])


def plot_region_maps(
    found: PredictedMaps, regions: Sequence[Region], tracks: Tracks, model: str, name: str, svg: str | Path
) -> None:
    """Draw predicted maps of the first regions of a query.

    Parameters
    ----------
    found, regions, model
        See :func:`region_columns`.
    tracks : Tracks
    name : str
        Of the query.
    svg : path
    """
    columns = region_columns(found, regions, model)
    figure, table = draw_columns(columns, tracks, LIMITS)
    shown = len({column.region.chromosome + column.heading.split("\n")[0] for column in columns})
    caption = (
        f"Contact maps that {model} predicts around the middles of the first {shown} of {len(regions):,} regions of "
        f"{name}; natural log of observed over expected contacts, both strands"
        f"{' and all replicates' if len(found.seeds) > 1 else ''} averaged."
    )
    if len(found.levels) > 1:
        caption += " Outlined: the stretch of the next finer level."
    save_figure(figure, table, svg, f"Predicted contacts, {name}", caption)

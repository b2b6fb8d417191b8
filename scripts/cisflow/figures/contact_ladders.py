"""Predicted beside observed contact maps: chosen windows at the finest level, and the ladder of levels of one window.

Inputs: predictions of the models of a map, ``contact_scores.tsv``, annotation. Outputs: figures with table and caption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.contacts.regions import Region, length_name
from cisflow.evaluation.contact_predictions import TRANS, PredictedMaps
from cisflow.evaluation.contact_sums import MEAN
from cisflow.evaluation.contact_windows import PLAIN, RANKING_METRIC
from cisflow.figures.contact_panels import LIMITS, OBSERVED, Column, colour_limits, draw_columns
from cisflow.figures.contact_tracks import Tracks
from cisflow.figures.style import save_figure

Predictions = Mapping[str, PredictedMaps]


def _score_of(scores: pd.DataFrame) -> dict[tuple[str, int, int, str], float]:
    """Scores of the averaged predictions by model, window, level and metric."""
    rows = scores[scores["seed"].astype(str) == MEAN]
    keys = zip(rows["model"], rows["window"], rows["level"], rows["metric"], strict=True)
    return dict(zip(keys, rows["value"], strict=True))


def _agreement(score: Mapping[tuple[str, int, int, str], float], model: str, window: int, level: int) -> str:
    plain, adjusted = (score.get((model, window, level, metric), np.nan) for metric in (PLAIN, RANKING_METRIC))
    text = f"r {plain:.2f}" if np.isfinite(plain) else "r undefined"
    return f"{text}, distance removed {adjusted:.2f}" if np.isfinite(adjusted) else text


def _column(
    predictions: Predictions,
    window: int,
    level: int,
    score: Mapping[tuple[str, int, int, str], float],
    name: str,
    heading: str,
) -> Column:
    found = next(iter(predictions.values()))
    length, start = int(found.levels[level]), int(found.start[window, level])
    maps = {model: one.predicted[:, window, level].mean(axis=0) for model, one in predictions.items()}
    between = found.background_trans
    return Column(
        name,
        heading,
        Region(str(found.chromosome[window]), start, start + length),
        {**maps, OBSERVED: found.measured(level)[window]},
        {model: _agreement(score, model, window, length) for model in predictions},
        between=None if between is None or not between[window, level].any() else between[window, level],
        bin_chromosome=None if found.bin_chromosome is None else found.bin_chromosome[window, level],
        assembled=found.kind[window] == TRANS,
    )


def plot_predicted_maps(
    predictions: Predictions,
    scores: pd.DataFrame,
    chosen: Mapping[str, int],
    tracks: Tracks,
    map_name: str,
    svg: str | Path,
    limits: Sequence[float] | None = LIMITS,
) -> None:
    """Draw chosen test windows at the finest level: what each model predicts, then what was observed.

    Parameters
    ----------
    predictions : mapping of str to PredictedMaps
        By model, in the order of the rows; replicates are averaged.
    scores : DataFrame
        See :func:`cisflow.evaluation.contacts.score_table`.
    chosen : mapping of str to int
        Rows of the windows by name, see :func:`cisflow.evaluation.contact_windows.chosen_windows`; a window that has
        several names is drawn once.
    tracks : Tracks
    map_name : str
    svg : path
    limits : (float, float) or None
        See :func:`cisflow.figures.contact_panels.colour_limits`.
    """
    found, score = next(iter(predictions.values())), _score_of(scores)
    finest = int(np.argmin(found.levels))
    names: dict[int, list[str]] = {}
    for name, window in chosen.items():
        names.setdefault(window, []).append(name)
    columns = [
        _column(predictions, window, finest, score, " = ".join(of), f"{', '.join(map(_words, of))} window")
        for window, of in names.items()
    ]
    scale = colour_limits(columns, limits)
    figure, table = draw_columns(columns, tracks, scale)
    first, length = next(iter(predictions)), int(found.levels[finest])
    middle = chosen.get("median", columns and next(iter(names)))
    caption = (
        f"Map {map_name}: contacts of test windows of {length_name(length)} in bins of "
        f"{length_name(int(found.bin_size[finest]))}: what each model predicts from the sequence alone, and what was "
        f"observed (last row). Best, median and worst are by the distance-subtracted correlation of {first} among "
        f"{len(found.chromosome)} windows on held-out chromosomes. {_how_to_read(scale)} A good model shows the blocks "
        f"and corners of the observed map at the same places (median window, {first}: "
        f"{_agreement(score, first, middle, length)}); a model of distance alone cannot show any."
    )
    save_figure(figure, table, svg, f"Predicted contact maps, {map_name}", caption)


def plot_ladder(
    predictions: Predictions,
    scores: pd.DataFrame,
    name: str,
    window: int,
    tracks: Tracks,
    map_name: str,
    svg: str | Path,
    limits: Sequence[float] | None = LIMITS,
) -> None:
    """Draw all levels of one test window: prediction of each model, then observation; the finest level left.

    Parameters
    ----------
    predictions, scores, tracks, map_name, svg, limits
        See :func:`plot_predicted_maps`.
    name : str
        Of the window, in title and caption.
    window : int
        Its row in the predictions.
    """
    found, score = next(iter(predictions.values())), _score_of(scores)
    order = np.argsort(found.levels, kind="stable")
    columns = []
    for place, level in enumerate(order):
        length, size = (length_name(int(values[level])) for values in (found.levels, found.bin_size))
        column = _column(predictions, window, level, score, length, f"{length}, bins of {size}")
        if place:
            finer = order[place - 1]
            start = int(found.start[window, finer])
            column = Column(**{**vars(column), "inner": (start, start + int(found.levels[finer]))})
        columns.append(column)
    scale = colour_limits(columns, limits)
    figure, table = draw_columns(columns, tracks, scale)
    several = any(column.between is not None for column in columns)
    first = next(iter(predictions))
    values = [score.get((first, window, int(found.levels[level]), PLAIN), np.nan) for level in order]
    numbers = "; ".join(f"{column.name} {value:.2f}" for column, value in zip(columns, values, strict=True))
    borders = " Thin lines: borders between chromosomes; predictions are shaded where nothing was measured."
    caption = (
        f"Map {map_name}, {_words(name)} test window, {found.chromosome[window]}: prediction of each model and "
        "observation (last row) at every level, the finest left, as models of this kind are shown in the field: the "
        "eye moves from the region of interest outward. The blue square is the stretch of the column to its left. "
        f"{_how_to_read(scale)}{borders if several else ''} Pearson r of {first}: {numbers}. A good model shows the "
        "observed blocks at every level."
    )
    save_figure(figure, table, svg, f"Levels of the {_words(name)} window, {map_name}", caption)


def _how_to_read(scale: tuple[float, float]) -> str:
    return (
        "Colour: natural log of observed over expected contacts, one scale for all panels "
        f"({scale[0]:.2f} to {scale[1]:.2f}); grey: not measured, or more than a quarter of the fine pixels missing. "
        "Titles: Pearson correlation with the observed map, plain and after subtracting the mean of every diagonal. "
        "Both strands and all replicates are averaged."
    )


def _words(name: str) -> str:
    """Name of a window for people: regions with their coordinates."""
    parts = name.rsplit("_", 2)
    if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
        return f"{parts[0]}:{int(parts[1]):,}-{int(parts[2]):,}"
    return name.replace("_", " ")

"""Screen of what inserted sequences do to a context: compartment activity.

Purpose: bases at places of the genome are replaced by those of other sequences, one after the other; the score of each
is how much the coarsest map changes on the row of the place. Inputs: contact models, places, sequences. Outputs: one
row per place, sequence and model. A context is encoded once; every insertion re-encodes only the bins that see it.
Source: Zhou 2022, Nature Genetics 54:725-734 (compartment screen: 12,800 bases, 32-Mb level).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cisflow.contacts.intervals import Intervals
from cisflow.models.cascade_zoom import Ladder
from cisflow.parts import Parts
from cisflow.progress import Progress
from cisflow.variants.contact_effects import VariantModel
from cisflow.variants.expression import replicate_interval

#: Columns of the table.
COLUMNS = {
    "chromosome": pl.String,
    "position": pl.Int64,
    "sequence": pl.String,
    "length": pl.Int64,
    "model": pl.String,
    "level": pl.Int64,
    "bin_size": pl.Int64,
    "activity": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "change": pl.Float64,
    "status": pl.String,
}
PREDICTED = "predicted"
#: Places with a larger share of excluded bins on their row are not screened (published).
MOST_EXCLUDED = 0.5
#: Share of the finest bins inside a bin that excluded intervals may touch before it is left out (published: 8 of 32).
MOST_OF_BIN = 0.25


@dataclass(frozen=True)
class Place:
    """Where sequences are written in: ``position`` (0-based) is the first base that is replaced."""

    chromosome: str
    position: int


def window_start(place: Place, length: int, chromosome_length: int, bin_size: int) -> int:
    """First base of the window around a place: centred as far as the chromosome allows (published)."""
    last = chromosome_length - chromosome_length % bin_size - length
    return min(max(place.position - length // 2, 0), max(last, 0))


def counted_columns(excluded: Intervals, chromosome: str, start: int, ladder: Ladder) -> np.ndarray:
    """Bins of the coarsest level that count; bool (bins,).

    A bin is left out when more than a quarter of its finest bins touch an excluded interval (published: 8 of 32).
    """
    size, factor = ladder.bin_sizes[-1], ladder.bin_sizes[0] // ladder.bin_sizes[-1]
    if not len(excluded):
        return np.ones(ladder.bins, dtype=bool)
    firsts = start + size * np.arange(ladder.bins * factor)
    touched = np.array([excluded.overlap(chromosome, int(first), int(first) + size) for first in firsts])
    return touched.reshape(ladder.bins, factor).mean(axis=1) <= MOST_OF_BIN


def _maps(model: VariantModel, codes: np.ndarray, expected: np.ndarray | None, remember: bool) -> list[np.ndarray]:
    """Coarsest map of each replicate, both strands averaged."""
    return [replicate.predict_top(codes, expected, remember) for replicate in model.replicates]


def screen_insertions(
    models: Sequence[VariantModel],
    places: Sequence[Place],
    sequences: Sequence[tuple[str, np.ndarray]],
    parts: Parts,
    excluded: Intervals,
) -> Iterator[pl.DataFrame]:
    """Write every sequence into every place and score the change.

    Parameters
    ----------
    models : sequence of VariantModel
    places : sequence of Place
    sequences : sequence of (str, uint8 array)
        Names and base codes.
    parts : Parts
        Rows of finished places.
    excluded : Intervals
        Badly measured stretches: columns that are left out of the mean.

    Yields
    ------
    polars.DataFrame
        Columns of :data:`COLUMNS`, place after place. ``activity``: mean absolute difference of the log ratios (variant
        - reference) on the row of the place at the coarsest level, ``change``: mean difference; ``low``, ``high``: 95 %
        interval of the activity over replicates.
    """
    progress = Progress("insertions", len(places) * len(sequences), "insertions", done=parts.done * len(sequences))
    for place in places[parts.done :]:
        rows: list[dict[str, object]] = []
        for model in models:
            for row in _screen_place(model, place, sequences, excluded):
                rows.append(row)
                if model is models[0]:
                    progress.advance()
        parts.append(pl.DataFrame(rows, schema=COLUMNS).with_columns(pl.col("low", "high").fill_nan(None)), 1)
    progress.write()
    yield from parts.tables()


def _screen_place(
    model: VariantModel, place: Place, sequences: Sequence[tuple[str, np.ndarray]], excluded: Intervals
) -> Iterator[dict[str, object]]:
    placer, ladder = model.placer, model.placer.ladder
    length, size = ladder.levels[0], ladder.bin_sizes[0]
    about = {
        "chromosome": place.chromosome,
        "position": place.position,
        "model": model.name,
        "level": length,
        "bin_size": size,
    }
    start = window_start(place, length, placer.lengths[place.chromosome], ladder.bin_sizes[-1])
    row, along = (place.position - start) // size, place.position - start
    counted = counted_columns(excluded, place.chromosome, start, ladder)
    screened = counted.mean() >= 1 - MOST_EXCLUDED
    of_levels = placer.level_expected()
    expected = None if of_levels is None else of_levels[0]
    reference = placer.fetch(place.chromosome, start, start + length)
    for replicate in model.replicates:
        replicate.forget()
    before = _maps(model, reference, expected, True) if screened else []
    for name, bases in sequences:
        of_one = {**about, "sequence": name, "length": len(bases)}
        if not screened:
            yield {**of_one, "status": "more than half of the row excluded"}
            continue
        if along + len(bases) > length:
            yield {**of_one, "status": "sequence reaches beyond the window"}
            continue
        codes = reference.copy()
        codes[along : along + len(bases)] = bases
        after = _maps(model, codes, expected, False)
        change = np.array(
            [(b[row, counted] - a[row, counted]) for a, b in zip(before, after, strict=True)], dtype=float
        )
        activity = np.abs(change).mean(axis=1)
        low, high = replicate_interval(activity[:, None])
        yield {
            **of_one,
            "activity": float(activity.mean()),
            "low": float(low[0]),
            "high": float(high[0]),
            "change": float(change.mean()),
            "status": PREDICTED,
        }

"""Effects of structural variants on predicted contact maps.

Purpose: what contact models say of each change, one after the other: maps of reference and variant at all levels, and
impact scores. Inputs: trained models, changes, a genome. Outputs: one row per change, model, place looked at and level;
changes that are not predicted have a row with the reason. Memory grows with a model's window, not with the changes; a
killed run continues.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import polars as pl

from cisflow.parts import Parts
from cisflow.progress import Progress
from cisflow.variants.changes import Asked
from cisflow.variants.contact_scores import Impact, impact_of, pair_bins, row_of
from cisflow.variants.contact_views import Input, Placer, views_of
from cisflow.variants.expression import PREDICTED, replicate_interval
from cisflow.variants.structural import Refusal

#: Columns of the table.
COLUMNS = {
    "item": pl.Int64,
    "line": pl.Int64,
    "id": pl.String,
    "chromosome": pl.String,
    "position": pl.Int64,
    "allele": pl.String,
    "kind": pl.String,
    "model": pl.String,
    "view": pl.String,
    "breakpoint": pl.Int64,
    "level": pl.Int64,
    "bin_size": pl.Int64,
    "start": pl.Int64,
    "impact": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "change": pl.Float64,
    "map_impact": pl.Float64,
    "root_sum_squares": pl.Float64,
    "compared": pl.Float64,
    "status": pl.String,
    "detail": pl.String,
}
#: Alleles longer than this are cut in the table.
LONGEST_ALLELE = 60


class MapPredictor(Protocol):
    """See :class:`cisflow.models.local_predict.LocalPredictor`."""

    def forget(self) -> None:
        """Forget what was predicted before."""

    def predict(
        self,
        codes: np.ndarray,
        offsets: np.ndarray,
        expected: np.ndarray | None,
        trans: np.ndarray | None,
        remember: bool = True,
    ) -> np.ndarray:
        """Maps of all levels; float32 (levels, bins, bins)."""


@dataclass(frozen=True)
class VariantModel:
    """Replicates of a model, and how its windows are placed.

    Attributes
    ----------
    name : str
    replicates : sequence of MapPredictor
    placer : Placer
    """

    name: str
    replicates: Sequence[MapPredictor]
    placer: Placer


#: Is given item, model, change, and the views of reference and variant.
Keep = Callable[[int, "VariantModel", Asked, "Sequence[Seen]", "Sequence[Seen]"], None]


@dataclass(frozen=True)
class Seen:
    """A view with its maps.

    Attributes
    ----------
    given : Input
    maps : float32 array, (replicates, levels, bins, bins)
        Natural log of observed over expected contacts, coarse to fine.
    """

    given: Input
    maps: np.ndarray


def look_at(model: VariantModel, asked: Asked) -> tuple[list[Seen], list[Seen]]:
    """Predict all views of a change.

    Returns
    -------
    references, alternatives : list of Seen
    """
    for replicate in model.replicates:
        replicate.forget()  # what is predicted must not depend on the changes before
    found = []
    for views in views_of(asked.change, model.placer.lengths):
        found.append([])
        for view in views:
            given = model.placer.place(view)
            codes = model.placer.codes(given)
            shown = (codes, given.offsets, given.expected, given.trans)
            found[-1].append(Seen(given, np.stack([one.predict(*shown) for one in model.replicates])))
    return found[0], found[1]


def score_change(
    model: VariantModel, references: Sequence[Seen], alternatives: Sequence[Seen]
) -> Iterator[tuple[Input, int, list[Impact]]]:
    """Score the views of a rearranged chromosome: input, number of the level, scores of each replicate."""
    ladder = model.placer.ladder
    for seen in alternatives:
        for level in range(len(ladder.levels)):
            pairing = pair_bins(seen.given, [one.given for one in references], ladder, level)
            row = row_of(seen.given, ladder, level)
            yield (
                seen.given,
                level,
                [
                    impact_of(maps[level], pairing.counterpart([one.maps[k, level] for one in references]), row)
                    for k, maps in enumerate(seen.maps)
                ],
            )


def _about(item: int, asked: Asked) -> dict[str, object]:
    allele = asked.allele if len(asked.allele) <= LONGEST_ALLELE else f"{asked.allele[:LONGEST_ALLELE]}..."
    name = asked.name if len(asked.name) <= LONGEST_ALLELE else f"{asked.name[:LONGEST_ALLELE]}..."
    return {
        "item": item,
        "line": asked.line,
        "id": name,
        "chromosome": asked.chromosome,
        "position": asked.position,
        "allele": allele,
    }


def _rows(item: int, model: VariantModel, asked: Asked, keep: Keep | None) -> list[dict[str, object]]:
    """Rows of a change for one model."""
    about = {**_about(item, asked), "model": model.name}
    if isinstance(asked.change, Refusal):
        return [{**about, "status": asked.change.reason, "detail": asked.change.detail}]
    about["kind"] = asked.change.kind
    references, alternatives = look_at(model, asked)
    if keep is not None:
        keep(item, model, asked, references, alternatives)
    ladder, rows = model.placer.ladder, []
    if not alternatives:  # a region: maps, nothing to compare
        for level, (length, size) in enumerate(zip(ladder.levels, ladder.bin_sizes, strict=True)):
            given = references[0].given
            start = int(given.starts()[level])
            place = {"view": given.view.name, "level": length, "bin_size": size, "start": start}
            rows.append({**about, **place, "status": PREDICTED, "detail": ""})
    for given, level, impacts in score_change(model, references, alternatives):
        scores = np.array([astuple(one) for one in impacts])
        low, high = replicate_interval(scores[:, :1])
        impact, change, map_impact, squares, compared = scores.mean(axis=0).tolist()
        rows.append(
            {
                **about,
                "view": given.view.name,
                "breakpoint": given.view.position,
                "level": ladder.levels[level],
                "bin_size": ladder.bin_sizes[level],
                "start": int(given.starts()[level]),
                "impact": impact,
                "low": float(low[0]),
                "high": float(high[0]),
                "change": change,
                "map_impact": map_impact,
                "root_sum_squares": squares,
                "compared": compared,
                "status": PREDICTED,
                "detail": "" if compared else "no bin of the row has a counterpart in the reference",
            }
        )
    return rows


def contact_effects(
    models: Sequence[VariantModel],
    asked: Iterable[tuple[int, Asked]],
    parts: Parts,
    total: int | None = None,
    every_seconds: float = 30.0,
    every_items: int = 1000,
    keep: Keep | None = None,
    counts: Counter[str] | None = None,
) -> Iterator[pl.DataFrame]:
    """Predict changes one by one.

    Parameters
    ----------
    models : sequence of VariantModel
    asked : iterable of (int, Asked)
        Changes with their number; the same in every run.
    parts : Parts
        Rows of finished changes; those are not predicted again.
    total : int, optional
        Number of changes, for the time left.
    every_seconds, every_items : float, int
        How much work a killed run loses at most, beside the change that it was at; what comes first.
    keep : callable, optional
        Is given every change that is predicted, with its views, e.g. to write its maps.
    counts : Counter, optional
        Is given the number of changes by status.

    Yields
    ------
    polars.DataFrame
        Columns of :data:`COLUMNS`, in the order of the changes, once all are predicted.

    Notes
    -----
    Rows: one per change (``item``), model, position of the variant that is looked at (``view``; ``breakpoint``,
    0-based, along the rearranged chromosome) and level (``level``, ``bin_size`` in bp; ``start``: first base of its
    window).
    ``low``, ``high``: 95 % interval of the mean impact over replicates (Student's t; null with one).
    """
    progress = Progress("variants", total, "variants", done=parts.done)
    waiting: list[dict[str, object]] = []
    items, last = 0, time.monotonic()
    for item, one in islice(asked, parts.done, None):
        for model in models:
            waiting += _rows(item, model, one, keep)
        items += 1
        progress.advance()
        if items >= every_items or time.monotonic() - last >= every_seconds:
            parts.append(_table(waiting), items)
            waiting, items, last = [], 0, time.monotonic()
    if items:
        parts.append(_table(waiting), items)
    progress.write()
    for table in parts.tables():
        if counts is not None:
            counts.update(table.unique("item", maintain_order=True)["status"].to_list())
        yield table


def _table(rows: list[dict[str, object]]) -> pl.DataFrame:
    table = pl.DataFrame([{name: row.get(name) for name in COLUMNS} for row in rows], schema=COLUMNS)
    numbers = [name for name, kind in COLUMNS.items() if kind == pl.Float64]
    return table.with_columns(pl.col(*numbers).fill_nan(None))

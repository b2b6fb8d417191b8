"""Screen of the bases that contact maps depend on: small sites are disrupted one after the other, or many at once.

Purpose: motif-scale impact along a stretch of the genome. Inputs: contact models, regions. Outputs: one row per site,
level and model: how much the row of the site's bin changes. Source: Zhou 2022, Nature Genetics 54:725-734 (10-bp sites,
20 of them at once in 1 Mb, minimum over three rounds).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cisflow.contacts.fasta import UNKNOWN
from cisflow.contacts.intervals import Intervals
from cisflow.contacts.regions import Region
from cisflow.models.cascade_zoom import zoom_offsets
from cisflow.parts import Parts
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.progress import Progress
from cisflow.randomness import generator
from cisflow.variants.contact_effects import MapPredictor, VariantModel
from cisflow.variants.expression import replicate_interval

METHODS = ("draw", "shuffle", "mask")
#: Columns of the table.
COLUMNS = {
    "chromosome": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "model": pl.String,
    "level": pl.Int64,
    "bin_size": pl.Int64,
    "impact": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


@dataclass(frozen=True)
class Disruption:
    """How sites are disrupted.

    Attributes
    ----------
    width : int
        Bases of a site; sites lie side by side.
    method : {"draw", "shuffle", "mask"}
        ``draw``: every base becomes that of a random position of the window (published); ``shuffle``: the bases of the
        site in another order; ``mask``: unknown bases.
    together : int
        Sites that are disrupted at once, in as many equal blocks of the window: a prediction serves them all.
    rounds : int
        Times that every site is disrupted, beside other sites each time; the smallest impact counts, because neighbours
        can only be blamed by chance in one of them.
    seed : int

    Raises
    ------
    InputError
        When a value has no meaning.
    """

    width: int = 10
    method: str = "draw"
    together: int = 1
    rounds: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        problems = []
        if self.method not in METHODS:
            problems.append(Problem("method", not_one_of(self.method, METHODS)))
        problems += [
            Problem(name, f"{getattr(self, name)}; expected 1 or more")
            for name in ("width", "together", "rounds")
            if getattr(self, name) < 1
        ]
        if problems:
            raise InputError(problems)


def disrupt(codes: np.ndarray, starts: np.ndarray, rule: Disruption, rng: np.random.Generator) -> np.ndarray:
    """Disrupt sites of a window.

    Parameters
    ----------
    codes : uint8 array, (length,)
    starts : int array, (sites,)
        First bases of the sites.
    rule : Disruption
    rng : numpy Generator

    Returns
    -------
    uint8 array, (length,)
    """
    changed = codes.copy()
    places = np.asarray(starts)[:, None] + np.arange(rule.width)
    if rule.method == "draw":
        changed[places] = codes[rng.integers(0, len(codes), places.shape)]
    elif rule.method == "shuffle":
        changed[places] = rng.permuted(codes[places], axis=1)
    else:
        changed[places] = UNKNOWN
    return changed


def passes(n_sites: int, together: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Sites of each prediction: one of every block, in a random order inside the blocks; int64 arrays."""
    blocks = np.array_split(np.arange(n_sites), min(together, n_sites))
    orders = [rng.permutation(block) for block in blocks]
    for k in range(max(map(len, orders))):
        yield np.array([order[k] for order in orders if k < len(order)])


def site_impacts(
    predictor: MapPredictor,
    codes: np.ndarray,
    starts: np.ndarray,
    offsets: np.ndarray,
    sizes: Sequence[int],
    rule: Disruption,
    counted: Sequence[np.ndarray],
    expected: np.ndarray | None = None,
    draw: tuple[int | str, ...] = (),
    progress: Progress | None = None,
) -> np.ndarray:
    """Impact of the sites of a window.

    Parameters
    ----------
    predictor : MapPredictor
    codes : uint8 array, (length,)
    starts : int64 array, (sites,)
        From the start of the window.
    offsets : int64 array, (levels,)
        Starts of the levels' windows.
    sizes : sequence of int
        Bin sizes of the levels (bp).
    rule : Disruption
    counted : sequence of bool array, (bins,)
        Columns of each level that count.
    expected : float array, (levels, bins, bins), optional
        See :meth:`cisflow.models.local_predict.LocalPredictor.predict`.
    draw : tuple
        Names the random draws of this window.
    progress : Progress, optional
        Advanced by the number of sites, once a round.

    Returns
    -------
    float64 array, (levels, sites)
        Mean absolute difference of the log ratios on the row of the site's bin, the smallest of the rounds; NaN where a
        level's window does not hold the site; 0 for sites with unknown bases (published).
    """
    reference = predictor.predict(codes, offsets, expected, None).astype(np.float64)
    bins = reference.shape[-1]
    rows = np.stack([(starts + rule.width // 2 - first) // size for first, size in zip(offsets, sizes, strict=True)])
    least = np.full((len(offsets), len(starts)), np.inf)
    for round_ in range(rule.rounds):
        rng = generator(rule.seed, "disruption screen", *draw, round_)
        for chosen in passes(len(starts), rule.together, rng):
            altered = disrupt(codes, starts[chosen], rule, rng)
            maps = predictor.predict(altered, offsets, expected, None, remember=False)
            for level, (before, after) in enumerate(zip(reference, maps, strict=True)):
                row = np.clip(rows[level, chosen], 0, bins - 1)
                impact = np.abs(after[row] - before[row])[:, counted[level]].mean(axis=1)
                least[level, chosen] = np.minimum(least[level, chosen], impact)
            if progress is not None:
                progress.advance(len(chosen))
    least[:, (codes[starts[:, None] + np.arange(rule.width)] == UNKNOWN).any(axis=1)] = 0.0
    return np.where((rows >= 0) & (rows < bins), least, np.nan)


def windows_of(region: Region, length: int, chromosome_length: int, width: int = 1) -> list[tuple[int, int, int]]:
    """Windows that screen a region: start, and the part (along the chromosome) that is screened in each.

    Parts hold whole sites of ``width`` bases, counted from the start of the region, but for the last.

    The middle four fifths of a window are screened (published: 100 to 900 kb of 1 Mb), at chromosome ends more.
    """
    found, first, margin = [], region.start, length // 10
    while first < region.end:
        start = min(max(first - margin, 0), max(chromosome_length - length, 0))
        last = start + length if start + length >= chromosome_length else start + length - margin
        last = max(last - (last - first) % width, first + width)
        found.append((start, first, min(last, region.end)))
        first = last
    return found


def screen_disruptions(
    models: Sequence[VariantModel], regions: Sequence[Region], rule: Disruption, parts: Parts, excluded: Intervals
) -> Iterator[pl.DataFrame]:
    """Disrupt every site of regions.

    Parameters
    ----------
    models : sequence of VariantModel
        Whose windows are stretches of one chromosome.
    regions : sequence of Region
        Inside their chromosomes.
    rule : Disruption
    parts : Parts
        Rows of finished windows, counted over all models.
    excluded : Intervals
        Badly measured stretches: bins that touch one are left out of the mean.

    Yields
    ------
    polars.DataFrame
        Columns of :data:`COLUMNS`; models one after the other, windows in the order of the regions. ``low``, ``high``:
        95 % interval of the mean impact over replicates (Student's t; null with one).
    """
    work = []
    for model in models:
        for region in regions:
            length = model.placer.lengths[region.chromosome]
            found = windows_of(region, model.placer.ladder.length, length, rule.width)
            work += [(model, region.chromosome, *one) for one in found]
    sites = [max(0, (last - first) // rule.width) * rule.rounds for _, _, _, first, last in work]
    done = sum(sites[: parts.done])
    progress = Progress("disruptions", sum(sites), "sites", done=done)
    for model, chromosome, start, first, last in work[parts.done :]:
        ladder, placer = model.placer.ladder, model.placer
        codes = placer.fetch(chromosome, start, start + ladder.length)
        starts = np.arange(first, last - rule.width + 1, rule.width) - start
        offsets = zoom_offsets(ladder, start, (first + last) // 2)
        counted = []
        for offset, size in zip(offsets, ladder.bin_sizes, strict=True):
            edges = start + int(offset) + size * np.arange(ladder.bins)
            counted.append(np.array([not excluded.overlap(chromosome, int(e), int(e) + size) for e in edges]))
        found = []
        for replicate in model.replicates:
            replicate.forget()
            if len(starts):
                given = (codes, starts, offsets, ladder.bin_sizes, rule, counted, placer.level_expected())
                found.append(site_impacts(replicate, *given, (chromosome, start), progress if not found else None))
        parts.append(_table(model, chromosome, starts + start, rule.width, found), 1)
    progress.write()
    yield from parts.tables()


def _table(
    model: VariantModel, chromosome: str, starts: np.ndarray, width: int, found: list[np.ndarray]
) -> pl.DataFrame:
    tables = [pl.DataFrame(schema=COLUMNS)]
    for level, (length, size) in enumerate(zip(model.placer.ladder.levels, model.placer.ladder.bin_sizes, strict=True)):
        if not found:
            break
        impacts = np.stack([one[level] for one in found])
        low, high = replicate_interval(impacts)
        table = pl.DataFrame(
            {
                "chromosome": [chromosome] * len(starts),
                "start": starts,
                "end": starts + width,
                "model": [model.name] * len(starts),
                "level": [length] * len(starts),
                "bin_size": [size] * len(starts),
                "impact": impacts.mean(axis=0),
                "low": low,
                "high": high,
            },
            schema=COLUMNS,
        ).with_columns(pl.col("impact", "low", "high").fill_nan(None))
        tables.append(table.filter(pl.col("impact").is_not_null()))
    return pl.concat(tables)

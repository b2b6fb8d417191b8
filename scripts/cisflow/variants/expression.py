"""Effects of variants on predicted expression.

Purpose: what an expression model says of each allele of a VCF file, in the sequences that the allele touches. Inputs:
trained models, sequences with their place, a VCF file. Outputs: one row per allele, sequence and model, in the order of
the file; alleles that are not predicted have a row with the reason. Everything is done block by block: memory grows
with the sequences, not with the variants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import special

from cisflow.interpret.mutagenesis import Predictor
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.variants.sequences import Place, PlaceIndex
from cisflow.variants.vcf import BadLine, Record, read_records
from cisflow.variants.vcf_names import renamed

#: Alleles that are predicted at once, and the least that shards divide between them.
BLOCK = 1024
#: Columns of the table.
COLUMNS = {
    "line": pl.Int64,
    "chromosome": pl.String,
    "position": pl.Int64,
    "id": pl.String,
    "reference_allele": pl.String,
    "alternative_allele": pl.String,
    "sequence": pl.String,
    "model": pl.String,
    "reference": pl.Float64,
    "alternative": pl.Float64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "status": pl.String,
}
PREDICTED = "predicted"
LEVEL = 0.95


@dataclass(frozen=True)
class Asked:
    """An allele in a sequence: what the models are to be shown, or why not."""

    line: int
    chromosome: str
    position: int | None
    name: str
    reference_allele: str
    alternative_allele: str
    sequence: str
    reference: str = ""
    alternative: str = ""
    status: str = PREDICTED


def _written_in(record: Record, alternative: str, place: Place, left: str, right: str) -> tuple[str, str] | str:
    """The sequence without and with an allele, or why it cannot be written in."""
    start = record.position - 1 - place.start
    end = start + len(record.reference)
    if start < 0 or end > len(place.bases):
        return "allele reaches beyond the sequence"
    there = place.bases[start:end]
    if any(base not in (given, "N") and given != "N" for base, given in zip(there, record.reference, strict=True)):
        return "REF differs from the sequence"
    changed = place.bases[:start] + alternative + place.bases[end:]
    return place.read(place.bases, left, right), place.read(changed, left, right)


def asked_of(
    entry: Record | BadLine,
    index: PlaceIndex,
    left: str = "",
    right: str = "",
    names: Mapping[str, str] | None = None,
) -> Iterator[Asked]:
    """Every allele of a record in every sequence that it touches; at least one row per allele or bad line.

    Parameters
    ----------
    entry : Record or BadLine
    index : PlaceIndex
    left, right : str
        Constant ends around every sequence.
    names : mapping of str to str, optional
        Names of the places' chromosomes by those of the file, where they differ.
    """
    if isinstance(entry, BadLine):
        yield Asked(entry.line, "", None, "", "", "", "", status=f"bad line: {entry.reason}")
        return
    start, end = entry.position - 1, entry.position - 1 + len(entry.reference)
    places = index.touching(renamed(entry, names or {}).chromosome, start, end)
    for alternative in entry.alternatives:
        about = (entry.line, entry.chromosome, entry.position, entry.name, entry.reference, alternative)
        if set(alternative) - set("ACGTN"):
            yield Asked(*about, "", status="allele is not written as bases")
        elif "N" in alternative:
            yield Asked(*about, "", status="N in the alternative allele")
        elif alternative == entry.reference:
            yield Asked(*about, "", status="same as the reference")
        elif not places:
            yield Asked(*about, "", status="outside the sequences")
        else:
            for place in places:
                found = _written_in(entry, alternative, place, left, right)
                if isinstance(found, str):
                    yield Asked(*about, place.name, status=found)
                else:
                    yield Asked(*about, place.name, *found)


def replicate_interval(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Student's t interval of the mean over replicates (first axis); NaN where there is one replicate."""
    replicates = len(differences)
    if replicates < 2:
        nothing = np.full(differences.shape[1], np.nan)
        return nothing, nothing
    half = special.stdtrit(replicates - 1, (1 + LEVEL) / 2) * differences.std(axis=0, ddof=1) / np.sqrt(replicates)
    return differences.mean(axis=0) - half, differences.mean(axis=0) + half


def _predict(model: str, replicates: Sequence[Predictor], block: list[Asked]) -> pl.DataFrame:
    """Rows of a block for one model."""
    wanted = [row for row, asked in enumerate(block) if asked.status == PREDICTED]
    # A sequence is shown once, however many alleles it is compared with.
    texts = {text: None for row in wanted for text in (block[row].reference, block[row].alternative)}
    place = {text: number for number, text in enumerate(texts)}
    reference, alternative, difference, low, high = np.full((5, len(block)), np.nan)
    status = [asked.status for asked in block]
    if wanted:
        predicted = np.stack([np.asarray(replicate.predict(list(texts))) for replicate in replicates])
        before = predicted[:, [place[block[row].reference] for row in wanted]]
        after = predicted[:, [place[block[row].alternative] for row in wanted]]
        reference[wanted], alternative[wanted] = before.mean(axis=0), after.mean(axis=0)
        difference[wanted] = (after - before).mean(axis=0)
        low[wanted], high[wanted] = replicate_interval(after - before)
        for row in wanted:
            if not np.isfinite(difference[row]):
                status[row] = "no prediction for a sequence of this length"
    return pl.DataFrame(
        {
            "line": [asked.line for asked in block],
            "chromosome": [asked.chromosome for asked in block],
            "position": [asked.position for asked in block],
            "id": [asked.name for asked in block],
            "reference_allele": [asked.reference_allele for asked in block],
            "alternative_allele": [asked.alternative_allele for asked in block],
            "sequence": [asked.sequence for asked in block],
            "model": [model] * len(block),
            "reference": reference,
            "alternative": alternative,
            "difference": difference,
            "low": low,
            "high": high,
            "status": status,
        },
        schema=COLUMNS,
    ).with_columns(pl.col("reference", "alternative", "difference", "low", "high").fill_nan(None))


def variant_effects(
    models: Mapping[str, Sequence[Predictor]],
    places: Sequence[Place],
    vcf: str | Path,
    left: str = "",
    right: str = "",
    names: Mapping[str, str] | None = None,
    shard: tuple[int, int] = (0, 1),
    done: int = 0,
) -> Iterator[pl.DataFrame]:
    """Predict every allele of a VCF file in every sequence that it touches.

    Parameters
    ----------
    models : mapping of list of Predictor by name
        Replicates (seeds, folds) of each model.
    places : sequence of Place
    vcf : path
    left, right : str
        Constant ends that the models expect around every sequence, e.g. adapters.
    names : mapping of str to str, optional
        Names of the places' chromosomes by those of the file, where they differ, see :mod:`cisflow.variants.vcf_names`.
    shard : (int, int)
        Number of this part of the work (from 0), and number of parts; a part takes every so manieth block, so that what
        is predicted together, and with it every last digit, is the same for any number.
    done : int
        Blocks of this part that are left out, because they were predicted before.

    Yields
    ------
    polars.DataFrame
        One per block, columns of :data:`COLUMNS`: ``line`` of the file, ``position`` 1-based; ``reference``,
        ``alternative`` predictions (mean over replicates), ``difference`` = alternative - reference, ``low``, ``high``:
        95 % interval of its mean over the replicates (Student's t; null with one), ``status``: ``predicted`` or why
        not. Insertions and deletions change the length of the sequence; models for one length have no prediction then.

    Raises
    ------
    InputError
        When the file is no VCF file, or two sequences have one name.
    """
    named = Counter(place.name for place in places)
    twice = [name for name, times in named.items() if times > 1]
    if twice:
        raise InputError([Problem("sequences", f"{name!r} is the name of several sequences") for name in twice[:20]])
    progress = Progress("variants", None, "alleles")
    blocks = islice(_blocks(vcf, PlaceIndex(places), left, right, names), shard[0], None, shard[1])
    for number, block in enumerate(blocks):
        if number >= done:
            tables = [_predict(name, replicates, block) for name, replicates in models.items()]
            # Side by side in the order of the file, not model after model: what belongs to a line stays together.
            numbered = [table.with_columns(row=pl.int_range(pl.len())) for table in tables]
            yield pl.concat(numbered).sort("row", maintain_order=True).drop("row")
        progress.advance(len(block))
    progress.write()


def _blocks(
    vcf: str | Path, index: PlaceIndex, left: str, right: str, names: Mapping[str, str] | None
) -> Iterator[list[Asked]]:
    """Alleles of a file; those of a line are in one block."""
    block: list[Asked] = []
    for entry in read_records(vcf):
        block.extend(asked_of(entry, index, left, right, names))
        if len(block) >= BLOCK:
            yield block
            block = []
    if block:
        yield block


def status_table(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows ``status, alleles``, predicted first, then by number."""
    order = sorted(counts.items(), key=lambda entry: (entry[0] != PREDICTED, -entry[1], entry[0]))
    return [{"status": status, "alleles": number} for status, number in order]

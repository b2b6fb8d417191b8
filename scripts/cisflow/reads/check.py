"""Read check: a look at the first reads of every file before the real work.

Inputs: the lanes of a library (FASTQ files with their bin and barcode) and the config section ``reads``.
Outputs: a table with one row per lane, histograms for the figure, and one error for all lanes that will not work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.reads.count import ReadSettings
from cisflow.reads.fastq import FastqBlock
from cisflow.reads.layout import ReadStructure
from cisflow.reads.overlaps import Overlaps, find_overlaps
from cisflow.reads.ragged import Sequences
from cisflow.reads.trial import Sample, base_quality, literal_shares, read_sample, try_settings
from cisflow.reads.verdict import FAILS, OK, judge, percent, spread

#: Reads of a lane, evenly spread, in which overlaps and single flanks are searched at every place.
SEARCHED = 10_000
NUMBER, SHARE, TEXT = pl.Int64, pl.Float64, pl.String
COLUMNS = {
    "bin": TEXT,
    "lane": NUMBER,
    "verdict": TEXT,
    "reads": NUMBER,
    "kept": SHARE,
    "merged": SHARE,
    "overlap_seen": SHARE,
    "overlap_low": NUMBER,
    "overlap_median": NUMBER,
    "overlap_high": NUMBER,
    "insert_low": NUMBER,
    "insert_median": NUMBER,
    "insert_high": NUMBER,
    "read_through": SHARE,
    "read1_forward": SHARE,
    "read1_reverse": SHARE,
    "read2_forward": SHARE,
    "read2_reverse": SHARE,
    "found_forward": SHARE,
    "found_reverse": SHARE,
    "variable_low": NUMBER,
    "variable_median": NUMBER,
    "variable_high": NUMBER,
    "barcode": SHARE,
    "read1_length": TEXT,
    "read2_length": TEXT,
    "read1_quality": SHARE,
    "read2_quality": SHARE,
    "read1_n": SHARE,
    "read2_n": SHARE,
    "read1": TEXT,
    "read2": TEXT,
    "reason": TEXT,
}


@dataclass(frozen=True)
class Lane:
    """FASTQ files of one lane of a bin; ``read2`` is empty for single reads, ``barcode`` without in-line barcodes."""

    bin: str
    lane: int
    read1: str
    read2: str = ""
    barcode: str = ""


@dataclass(frozen=True)
class Checked:
    """Result of the check.

    Attributes
    ----------
    table : polars.DataFrame
        One row per lane; see docs/methods/reads.md.
    histogram : polars.DataFrame
        ``bin``, ``lane``, ``quantity`` (``overlap`` or ``variable``), ``bases``, ``reads``.
    problems : list of Problem
        One for each lane that will not work.
    """

    table: pl.DataFrame
    histogram: pl.DataFrame
    problems: list[Problem]


def _end_literals(structure: ReadStructure, number: int) -> tuple[str, str]:
    """What a mate begins with when it is read forward, and when it is the other mate; empty without literals."""
    sides = [structure, structure.other] if structure.other else [structure]
    literals = [[part.bases for part in side.parts if part.kind == "literal"] for side in sides if side]
    if len(literals) == 1:
        last = Sequences.from_series(pl.Series(literals[0][-1:], dtype=pl.String)).reverse_complement().to_series()
        return "".join(literals[0][:1]), "".join(last)
    own = 0 if structure.variable_mate == number else 1
    return "".join(literals[own][:1]), "".join(literals[1 - own][:1])


def _ends(blocks: list[FastqBlock], settings: ReadSettings, number: int) -> list[float | None]:
    """Share of reads of a mate with either of its :func:`_end_literals`."""
    literals = _end_literals(settings.parsed, number)
    step = _step(sum(map(len, blocks)))
    reads = [block.sequences.take(slice(None, None, step)) for block in blocks]
    return [literal_shares(reads, [bases], settings.flank_mismatches)[0] if bases else None for bases in literals]


def _step(reads: int) -> int:
    """Every so manieth read is searched."""
    return max(1, -(-reads // SEARCHED))


def _lengths(blocks: list[FastqBlock]) -> str:
    lengths = np.concatenate([block.length for block in blocks])
    low, high = int(lengths.min()), int(lengths.max())
    return str(low) if low == high else f"{low}-{high}"


def _overlaps(sample: Sample) -> Overlaps:
    """Overlaps of pairs evenly spread over the sample."""
    step = _step(sample.reads)
    found = [
        find_overlaps(first.sequences.take(slice(None, None, step)), second.sequences.take(slice(None, None, step)))
        for first, second in sample.blocks
        if second is not None
    ]
    return Overlaps(
        *(np.concatenate([getattr(part, name) for part in found]) for name in Overlaps.__dataclass_fields__)
    )


def _spread(name: str, values: np.ndarray) -> dict[str, int]:
    if not len(values):
        return {}
    return dict(zip((f"{name}_low", f"{name}_median", f"{name}_high"), spread(values), strict=True))


def _histogram(lane: Lane, quantity: str, values: np.ndarray) -> pl.DataFrame:
    bases, reads = np.unique(values, return_counts=True)
    return pl.DataFrame(
        {
            "bin": [lane.bin] * len(bases),
            "lane": [lane.lane] * len(bases),
            "quantity": [quantity] * len(bases),
            "bases": bases,
            "reads": reads,
        },
        schema={"bin": TEXT, "lane": NUMBER, "quantity": TEXT, "bases": NUMBER, "reads": NUMBER},
    )


def check_lane(lane: Lane, settings: ReadSettings, most: int) -> tuple[dict[str, Any], pl.DataFrame]:
    """Measure and judge the first ``most`` reads of a lane; returns its row and its histograms.

    Raises
    ------
    InputError
        For bad FASTQ among these reads.
    """
    sample = read_sample(lane.read1, lane.read2 or None, most)
    base = try_settings(sample, settings, lane.barcode)
    row: dict[str, Any] = {**dict.fromkeys(COLUMNS), "bin": lane.bin, "lane": lane.lane, "reads": base.reads}
    qualities = []
    for number in (1, 2) if sample.is_paired else (1,):
        blocks = sample.mates(number)
        qualities.append(base_quality(blocks))
        row[f"read{number}_forward"], row[f"read{number}_reverse"] = _ends(blocks, settings, number)
        row[f"read{number}_length"] = _lengths(blocks)
        row[f"read{number}_quality"], row[f"read{number}_n"] = qualities[-1]
        row[f"read{number}"] = lane.read1 if number == 1 else lane.read2
    histograms = [_histogram(lane, "variable", base.lengths)]
    overlaps = None
    if sample.is_paired and not settings.parsed.other:
        overlaps = _overlaps(sample)
        row["merged"] = base.merged / base.reads
        row["overlap_seen"] = float(overlaps.found.mean())
        row["read_through"] = float(overlaps.read_through.mean())
        row.update(_spread("overlap", overlaps.overlap[overlaps.found]))
        row.update(_spread("insert", overlaps.insert[overlaps.found]))
        histograms.append(_histogram(lane, "overlap", overlaps.overlap[overlaps.found]))
    row.update(_spread("variable", base.lengths))
    row["found_forward"], row["found_reverse"] = base.forward / base.reads, base.reverse / base.reads
    row["kept"] = base.kept / base.reads
    row["barcode"] = base.barcode / base.kept if lane.barcode and base.kept else None
    lowest, most_unknown = min(q for q, _ in qualities), max(n for _, n in qualities)
    verdict = judge(sample, settings, overlaps, base, lane.barcode, lowest, most_unknown)
    row["verdict"], row["reason"] = verdict.level, "; ".join(verdict.reasons)
    return row, pl.concat(histograms)


def check_reads(lanes: Sequence[Lane], settings: ReadSettings, most: int, library: str) -> Checked:
    """Check the first reads of every lane of a library.

    Parameters
    ----------
    lanes : sequence of Lane
    settings : ReadSettings
    most : int
        Reads or pairs looked at in each lane.
    library : str
        Name for the log.

    Returns
    -------
    Checked

    Raises
    ------
    InputError
        With all bad FASTQ files at once.
    """
    rows, histograms, problems, broken = [], [], [], []
    progress = Progress(f"check {library}", len(lanes), "lanes")
    for lane in lanes:
        try:
            row, histogram = check_lane(lane, settings, most)
        except InputError as error:
            broken += error.problems
            continue
        finally:
            progress.advance(1)
        rows.append(row)
        histograms.append(histogram)
        files = f"{lane.read1} and {lane.read2}" if lane.read2 else lane.read1
        said = f"{library} {lane.bin} lane {lane.lane} ({files}): {row['verdict']}"
        said += f": {row['reason']}" if row["reason"] else f", {percent(row['kept'])} of the reads are kept"
        (logger.info if row["verdict"] == OK else logger.warning)("%s", said)
        if row["verdict"] == FAILS:
            problems.append(Problem(files, f"bin {lane.bin!r} {FAILS}: {row['reason']}"))
    if broken:
        raise InputError(broken + problems)
    return Checked(pl.DataFrame(rows, schema=COLUMNS), pl.concat(histograms), problems)

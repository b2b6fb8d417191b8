"""From FASTQ files of one bin to counts of unique sequences.

Inputs: FASTQ files (one or more lanes, pairs or single reads) and the config section ``reads``.
Outputs: a table of unique sequences with their reads, and what each filter let through.
Memory grows with the unique sequences, not with the reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.reads.extract import extract
from cisflow.reads.fastq import BLOCK_BYTES, read_fastq, read_pairs
from cisflow.reads.merge import merge_pairs
from cisflow.reads.ragged import Sequences, contains
from cisflow.reads.structure import ReadStructure, parse_structure, strand_problems

#: Unique sequences of single blocks that wait before they are joined.
WAITING_ROWS = 1 << 20
FEW_MERGED = 0.5


@dataclass(frozen=True)
class ReadSettings:
    """Config section ``reads``; see config/README.md for every key."""

    structure: str
    expected_overlap: int
    overlap_tolerance: int
    min_identity: float
    flank_mismatches: int
    keep_flanks: bool
    orientation: str
    barcode_mismatches: int = 1

    def __post_init__(self) -> None:
        problems = strand_problems(self.parsed, self.orientation)
        if problems:
            raise InputError(problems)

    @property
    def parsed(self) -> ReadStructure:
        """The read structure."""
        return parse_structure(self.structure)


@dataclass(frozen=True)
class ReadCounts:
    """Unique sequences of a bin.

    Attributes
    ----------
    table : polars.DataFrame
        ``sequence`` (str), ``reads`` (uint32); decreasing reads, then sequence.
    funnel : dict of int by step
        Reads (or pairs) after each step, in the order of the steps; last the number of unique sequences.
    """

    table: pl.DataFrame
    funnel: dict[str, int]

    def funnel_table(self, library: str, name: str) -> pl.DataFrame:
        """Funnel with the columns ``library``, ``bin``, ``step``, ``count``."""
        return pl.DataFrame(
            {
                "library": [library] * len(self.funnel),
                "bin": [name] * len(self.funnel),
                "step": list(self.funnel),
                "count": list(self.funnel.values()),
            }
        )


class UniqueCounter:
    """Counts equal strings over many blocks; memory grows with the number of different strings."""

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []
        self._waiting = 0
        self._joined_rows = 0

    def add(self, sequences: pl.Series) -> None:
        """Count a block of strings."""
        part = sequences.rename("sequence").to_frame().group_by("sequence").agg(reads=pl.len().cast(pl.UInt64))
        self._parts.append(part)
        self._waiting += len(part)
        if self._waiting > max(WAITING_ROWS, self._joined_rows):
            self._join()

    def _join(self) -> None:
        joined = pl.concat(self._parts).group_by("sequence").agg(pl.col("reads").sum())
        self._parts, self._waiting, self._joined_rows = [joined], 0, len(joined)

    def table(self) -> pl.DataFrame:
        """``sequence``, ``reads`` (uint32), by decreasing reads, then sequence."""
        if not self._parts:
            return pl.DataFrame(schema={"sequence": pl.String, "reads": pl.UInt32})
        self._join()
        return self._parts[0].cast({"reads": pl.UInt32}).sort("reads", "sequence", descending=[True, False])


def _blocks(
    read1: Sequence[str | Path], read2: Sequence[str | Path], settings: ReadSettings, block_bytes: int
) -> Iterator[tuple[int, Sequences]]:
    """Number of reads or pairs in each block, and its single reads or merged amplicons."""
    if not read2:
        for file in read1:
            for block in read_fastq(file, block_bytes):
                yield len(block), block.sequences
        return
    for file1, file2 in zip(read1, read2, strict=True):
        for block1, block2 in read_pairs(file1, file2, block_bytes):
            merged = merge_pairs(
                block1, block2, settings.expected_overlap, settings.overlap_tolerance, settings.min_identity
            )
            yield len(block1), merged.amplicons


def count_reads(
    read1: Sequence[str | Path],
    read2: Sequence[str | Path],
    settings: ReadSettings,
    what: str = "reads",
    block_bytes: int = BLOCK_BYTES,
) -> ReadCounts:
    """Merge, cut out and count the reads of one bin.

    Parameters
    ----------
    read1 : sequence of path
        FASTQ files of read 1, one per lane.
    read2 : sequence of path
        Read 2 of the same lanes, or none for single-end or already merged reads.
    settings : ReadSettings
    what : str
        Name of the bin in the log.
    block_bytes : int
        Text read at once from each file; the counts do not depend on it.

    Returns
    -------
    ReadCounts

    Raises
    ------
    InputError
        For bad FASTQ (see :mod:`cisflow.reads.fastq`), or when only some lanes have a read 2.
    """
    if len(read2) not in (0, len(read1)):
        raise InputError(
            Problem(
                "reads sheet",
                f"{len(read1)} lanes of {what} have read1, but {len(read2)} have read2; give read2 for all or for none",
                column="read2",
            )
        )
    unit = "read pairs" if read2 else "reads"
    steps = [unit, *(["merged"] if read2 else []), "flanks found", "length kept", "without N"]
    funnel = dict.fromkeys(steps, 0)
    counter, progress, reverse = UniqueCounter(), Progress(f"count {what}", None, unit), 0
    for n_reads, sequences in _blocks(read1, read2, settings, block_bytes):
        found = extract(
            sequences,
            settings.parsed,
            settings.flank_mismatches,
            both_strands=settings.orientation == "either",
            keep_flanks=settings.keep_flanks,
        )
        counted = found.counted.take(found.length_ok)
        clean = counted.take(~contains(counted, "N"))
        counter.add(clean.to_series())
        reverse += int(np.count_nonzero(found.reverse))
        funnel[unit] += n_reads
        if read2:
            funnel["merged"] += len(sequences)
        funnel["flanks found"] += int(np.count_nonzero(found.found))
        funnel["length kept"] += len(counted)
        funnel["without N"] += len(clean)
        progress.advance(n_reads)
    table = counter.table()
    funnel["unique sequences"] = len(table)
    logger.info("%s: %s", what, ", ".join(f"{count:,} {step}" for step, count in funnel.items()))
    if settings.orientation == "either":
        logger.info("%s: flanks of %s reads were found on the reverse strand", what, f"{reverse:,}")
    if read2 and funnel["merged"] < FEW_MERGED * funnel[unit]:
        logger.warning(
            "%s: only %.1f %% of the pairs merged; are expected_overlap (%d) and overlap_tolerance (%d) right?",
            what,
            100 * funnel["merged"] / funnel[unit],
            settings.expected_overlap,
            settings.overlap_tolerance,
        )
    return ReadCounts(table, funnel)

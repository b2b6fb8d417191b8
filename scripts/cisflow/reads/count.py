"""From FASTQ files of one bin to counts of unique sequences.

Inputs: FASTQ files (one or more lanes, pairs or single reads) and the config section ``reads``.
Outputs: a table of unique sequences with their reads, and what each filter let through. Memory is bounded by the
settings; the result depends neither on it nor on how the reads are spread over lanes, blocks or shards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.reads.extract import extract_reads
from cisflow.reads.fastq import BLOCK_BYTES, read_fastq, read_pairs
from cisflow.reads.funnel import FunnelRows, bin_rows, funnel_table, totals
from cisflow.reads.merge import merge_pairs
from cisflow.reads.packed import pack, words_for
from cisflow.reads.ragged import Sequences
from cisflow.reads.sorted_runs import SCHEMA, count_tables, merge_runs, write_tables
from cisflow.reads.structure import ReadStructure, parse_structure, strand_problems
from cisflow.reads.unique import UniqueCounter

#: Records of a lane that go to the same shard together.
SHARD_RECORDS = 4096
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
    merge_rule: str = "published"
    memory_mb: int = 1000
    shards: int = 1

    def __post_init__(self) -> None:
        problems = strand_problems(self.parsed, self.orientation)
        if problems:
            raise InputError(problems)

    @property
    def parsed(self) -> ReadStructure:
        """The read structure."""
        return parse_structure(self.structure)

    @property
    def words(self) -> int:
        """Words that hold the bases of the longest sequence that can be counted."""
        flanks = self.parsed.flank_lengths(self.keep_flanks)
        return words_for(self.parsed.max_variable_length + sum(flanks))

    @property
    def row_words(self) -> int:
        """Words of a packed row, without the number of reads."""
        return self.words + 1 + words_for(self.parsed.umi_length)


@dataclass(frozen=True)
class ReadCounts:
    """Unique sequences of a bin.

    Attributes
    ----------
    table : polars.DataFrame
        ``sequence`` (str, ascending), ``reads`` (uint32).
    rows : list of (file, step, count)
        Reads (or pairs) after each step, in the order of the steps, file by file; last, for all files together, the
        number of unique sequences.
    """

    table: pl.DataFrame
    rows: FunnelRows

    @property
    def funnel(self) -> dict[str, int]:
        """Counts by step, over all files."""
        return totals(self.rows)

    def funnel_table(self, library: str, name: str) -> pl.DataFrame:
        """Funnel with the columns ``library``, ``bin``, ``file``, ``step``, ``count``."""
        return funnel_table(library, name, self.rows)


def _blocks(
    read1: str | Path, read2: str | Path | None, settings: ReadSettings, shard: int, block_bytes: int
) -> Iterator[tuple[int, Sequences, Sequences | None]]:
    """Number of reads or pairs in each block of a lane, and its single reads or merged amplicons; of one shard.

    Pairs that are not merged (the read structure has a part for each mate) come as read 1 and read 2.
    """
    pairs = read_pairs(read1, read2, block_bytes) if read2 else ((b, None) for b in read_fastq(read1, block_bytes))
    record = 0
    for block1, block2 in pairs:
        if settings.shards > 1:
            numbers = np.arange(record, record + len(block1)) // SHARD_RECORDS
            record += len(block1)
            mine = numbers % settings.shards == shard
            if not mine.any():
                continue
            block1, block2 = block1.take(mine), None if block2 is None else block2.take(mine)
        if block2 is None or settings.parsed.other:
            yield len(block1), block1.sequences, None if block2 is None else block2.sequences
            continue
        merged = merge_pairs(
            block1,
            block2,
            settings.expected_overlap,
            settings.overlap_tolerance,
            settings.min_identity,
            settings.merge_rule,
        )
        yield len(block1), merged.amplicons, None


class _BinCounter:
    """Takes the sequences of a bin through the filters into the counter, and keeps the funnel of the current lane."""

    def __init__(self, settings: ReadSettings, folder: str | Path, pairs: bool) -> None:
        self.settings, self.structure = settings, settings.parsed
        self.unit = "read pairs" if pairs else "reads"
        merges = pairs and not self.structure.other
        self.steps = [self.unit, *(["merged"] if merges else []), "flanks found"]
        self.steps += [*(["barcode right"] if self.structure.barcode_length else []), "length kept", "without N"]
        self.unique = UniqueCounter(settings.row_words, settings.memory_mb << 20, folder)
        self.funnel = dict.fromkeys(self.steps, 0)
        self.reverse = 0

    def add(self, n_reads: int, sequences: Sequences, mates: Sequences | None, barcode: str) -> None:
        """Count what is to be counted of a block."""
        found = extract_reads(
            sequences,
            mates,
            self.structure,
            self.settings.flank_mismatches,
            both_strands=self.settings.orientation == "either",
            keep_flanks=self.settings.keep_flanks,
            barcode=barcode,
            barcode_mismatches=self.settings.barcode_mismatches,
        )
        kept = found.length_ok & found.barcode_ok
        umis = found.umi.take(kept) if self.structure.umi_length else None
        rows = pack(found.counted.take(kept), self.settings.words, umis, self.structure.umi_length)
        self.unique.add(rows)
        self.reverse += int(np.count_nonzero(found.reverse))
        here = {
            self.unit: n_reads,
            "merged": len(sequences),
            "flanks found": int(np.count_nonzero(found.found)),
            "barcode right": int(np.count_nonzero(found.barcode_ok)),
            "length kept": int(np.count_nonzero(kept)),
            "without N": len(rows),
        }
        for step in self.steps:
            self.funnel[step] += here[step]

    def end_lane(self, file: str | Path) -> FunnelRows:
        """Funnel of the lane that was read."""
        rows = [(Path(file).name, step, count) for step, count in self.funnel.items()]
        self.funnel = dict.fromkeys(self.steps, 0)
        return rows


def count_runs(
    read1: Sequence[str | Path],
    read2: Sequence[str | Path],
    settings: ReadSettings,
    folder: str | Path,
    what: str = "reads",
    barcodes: Sequence[str] = (),
    shard: int = 0,
    block_bytes: int = BLOCK_BYTES,
) -> tuple[list[np.ndarray], FunnelRows]:
    """Merge, cut out and count the reads of one bin, or one shard of them.

    Parameters
    ----------
    read1, read2, settings, what, barcodes, block_bytes
        See :func:`count_reads`.
    folder : path
        For sorted runs that do not fit into memory; it must outlive them.
    shard : int
        0-based; of ``settings.shards``. A shard takes every so manieth block of 4,096 records of each lane.

    Returns
    -------
    runs : list of ndarray
        See :class:`cisflow.reads.unique.UniqueCounter`.
    rows : list of (file, step, count)
        Funnel without the rows of all files together.
    """
    if len(read2) not in (0, len(read1)):
        raise InputError(
            Problem(
                "reads sheet",
                f"{len(read1)} lanes of {what} have read1, but {len(read2)} have read2; give read2 for all or for none",
                column="read2",
            )
        )
    if settings.parsed.other and not read2:
        what_lacks = f"{what} has no read2, but reads.structure has a part for each mate"
        raise InputError(Problem("reads sheet", what_lacks, column="read2"))
    counter = _BinCounter(settings, folder, bool(read2))
    progress, funnel = Progress(f"count {what}", None, counter.unit), []
    for lane, file in enumerate(read1):
        for n_reads, *reads in _blocks(file, read2[lane] if read2 else None, settings, shard, block_bytes):
            counter.add(n_reads, *reads, barcode=barcodes[lane] if barcodes else "")
            progress.advance(n_reads)
        funnel += counter.end_lane(file)
    left = totals(funnel)
    logger.info("%s: %s", what, ", ".join(f"{count:,} {step}" for step, count in left.items()))
    if settings.orientation == "either":
        logger.info("%s: flanks of %s reads were found on the reverse strand", what, f"{counter.reverse:,}")
    if "merged" in left and left["merged"] < FEW_MERGED * left[counter.unit]:
        logger.warning(
            "%s: only %.1f %% of the pairs merged; are expected_overlap (%d) and overlap_tolerance (%d) right?",
            what,
            100 * left["merged"] / left[counter.unit],
            settings.expected_overlap,
            settings.overlap_tolerance,
        )
    return counter.unique.runs(), funnel


def bin_tables(runs: Sequence[np.ndarray], settings: ReadSettings) -> Iterator[pl.DataFrame]:
    """Tables of the unique sequences of a bin, in ascending order, from the runs of all its shards."""
    return count_tables(merge_runs(runs), settings.words, settings.parsed.umi_length > 0)


def write_bin(runs: Sequence[np.ndarray], funnel: FunnelRows, settings: ReadSettings, path: str | Path) -> FunnelRows:
    """Write the unique sequences of a bin, piece by piece; returns its whole funnel."""
    n_unique, n_molecules = write_tables(bin_tables(runs, settings), path)
    return [*funnel, *bin_rows(n_unique, n_molecules, settings.parsed.umi_length > 0)]


def count_reads(
    read1: Sequence[str | Path],
    read2: Sequence[str | Path],
    settings: ReadSettings,
    what: str = "reads",
    block_bytes: int = BLOCK_BYTES,
    barcodes: Sequence[str] = (),
) -> ReadCounts:
    """Merge, cut out and count the reads of one bin; the table is returned, so that it must fit into memory.

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
    barcodes : sequence of str
        In-line barcode of the bin in each lane, or none.

    Returns
    -------
    ReadCounts

    Raises
    ------
    InputError
        For bad FASTQ (see :mod:`cisflow.reads.fastq`), or when only some lanes have a read 2.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole = replace(settings, shards=1)
        runs, funnel = count_runs(read1, read2, whole, folder, what, barcodes, block_bytes=block_bytes)
        table = pl.concat([pl.DataFrame(schema=SCHEMA), *bin_tables(runs, whole)])
    return ReadCounts(table, [*funnel, *bin_rows(len(table), int(table["reads"].sum()), whole.parsed.umi_length > 0)])

"""What settings make of a sample of reads, without counting them.

Inputs: the first reads of a lane and settings. Outputs: how many would merge and be kept, and on which strand.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numba import njit

from cisflow.reads.count import ReadSettings
from cisflow.reads.extract import extract_reads
from cisflow.reads.fastq import FastqBlock, read_fastq, read_pairs
from cisflow.reads.merge import merge_pairs
from cisflow.reads.patterns import Pattern
from cisflow.reads.ragged import Sequences, contains

SAMPLE_BLOCK_BYTES = 1 << 22
LETTER_N = 78


@dataclass(frozen=True)
class Sample:
    """The first reads of a lane.

    Attributes
    ----------
    blocks : tuple of (FastqBlock, FastqBlock or None)
        Read 1 and, for pairs, read 2.
    """

    blocks: tuple[tuple[FastqBlock, FastqBlock | None], ...]

    @property
    def is_paired(self) -> bool:
        """Whether there is a read 2."""
        return self.blocks[0][1] is not None

    @property
    def reads(self) -> int:
        """Reads or pairs."""
        return sum(len(first) for first, _ in self.blocks)

    def mates(self, number: int) -> list[FastqBlock]:
        """Blocks of read 1 or read 2."""
        return [mate for mate in (block[number - 1] for block in self.blocks) if mate is not None]

    def exchanged(self) -> Sample:
        """The same pairs with read 1 and read 2 exchanged."""
        return Sample(tuple((second, first) for first, second in self.blocks if second is not None))

    def fragments(self, settings: ReadSettings) -> list[tuple[Sequences, Sequences | None]]:
        """Merged pairs or single reads of each block, or read 1 and read 2 where pairs are not merged."""
        if settings.parsed.other or not self.is_paired:
            return [(first.sequences, second.sequences if second else None) for first, second in self.blocks]
        how = (settings.expected_overlap, settings.overlap_tolerance, settings.min_identity, settings.merge_rule)
        return [(merge_pairs(*block, *how).amplicons, None) for block in self.blocks]

    def variable_reads(self, settings: ReadSettings) -> list[Sequences]:
        """What holds the variable part: merged pairs, single reads, or one of the mates."""
        mate = max(settings.parsed.variable_mate - 1, 0)
        return [fragment[mate] for fragment in self.fragments(settings)]


def read_sample(read1: str | Path, read2: str | Path | None, most: int) -> Sample:
    """Read the first ``most`` reads or pairs of a lane.

    Raises
    ------
    InputError
        For bad FASTQ among these reads.
    """
    blocks, left = [], most
    if read2 is None:
        pairs = ((block, None) for block in read_fastq(read1, SAMPLE_BLOCK_BYTES))
    else:
        pairs = read_pairs(read1, read2, SAMPLE_BLOCK_BYTES)
    for first, second in pairs:
        blocks.append((first.part(0, left), None if second is None else second.part(0, left)))
        left -= len(blocks[-1][0])
        if left == 0:
            break
    return Sample(tuple(blocks))


@dataclass(frozen=True)
class Outcome:
    """What settings make of a sample.

    Attributes
    ----------
    reads, merged : int
        Reads or pairs, and those that merge (single reads: all).
    forward, reverse : int
        Of these, all literals found, by strand; both strands are searched whatever the settings.
    kept : int
        Found on a strand that the settings accept, with an allowed length and no N, of any barcode.
    barcode : int
        Of these, with the wanted barcode.
    lengths : ndarray of int64
        Variable parts of the reads found.
    codes, umis : polars.Series of str
        Barcode and UMI of the reads kept; empty without these parts.
    """

    reads: int
    merged: int
    forward: int
    reverse: int
    kept: int
    barcode: int
    lengths: np.ndarray
    codes: pl.Series
    umis: pl.Series


def try_settings(sample: Sample, settings: ReadSettings, barcode: str = "") -> Outcome:
    """Merge and extract a sample.

    Parameters
    ----------
    sample : Sample
    settings : ReadSettings
    barcode : str
        Wanted in-line barcode, if any.

    Returns
    -------
    Outcome
    """
    structure, numbers, lengths = settings.parsed, np.zeros(5, np.int64), []
    codes, umis = [], []
    for sequences, mates in sample.fragments(settings):
        found = extract_reads(
            sequences,
            mates,
            structure,
            settings.flank_mismatches,
            structure.has_literal,
            settings.keep_flanks,
            barcode,
            settings.barcode_mismatches,
        )
        kept = found.length_ok & ~contains(found.counted, "N")
        if settings.orientation == "forward":
            kept &= ~found.reverse
        numbers += [
            len(sequences),
            np.count_nonzero(found.found & ~found.reverse),
            np.count_nonzero(found.reverse),
            np.count_nonzero(kept),
            np.count_nonzero(kept & found.barcode_ok),
        ]
        flanks = sum(structure.flank_lengths(settings.keep_flanks))
        lengths.append(found.counted.length[found.found] - flanks)
        codes += [found.barcode.take(kept).to_series()] if structure.barcode_length else []
        umis += [found.umi.take(kept).to_series()] if structure.umi_length else []
    empty = pl.Series("sequence", [], pl.String)
    merged, forward, reverse, kept_reads, wanted = (int(number) for number in numbers)
    return Outcome(
        sample.reads,
        merged,
        forward,
        reverse,
        kept_reads,
        wanted,
        np.concatenate(lengths),
        pl.concat([empty, *codes]),
        pl.concat([empty, *umis]),
    )


def literal_shares(sequences: list[Sequences], literals: list[str], max_mismatches: int) -> list[float]:
    """Share of sequences in which each literal is found anywhere, on the strand as given."""
    total = sum(map(len, sequences))
    shares = []
    for bases in literals:
        hits = 0
        for block in sequences:
            found, wrong = np.ones(len(block), np.bool_), np.zeros(len(block), np.int64)
            last = block.start + block.length - len(bases) + 1
            Pattern.of(bases).best_places(block.data, block.start, last, max_mismatches, found, wrong)
            hits += int(np.count_nonzero(found))
        shares.append(hits / total if total else 0.0)
    return shares


@njit(cache=True, nogil=True)
def _add_up(data, sequence_start, quality_start, length, sums):
    for i in range(len(length)):
        for k in range(length[i]):
            sums[0] += data[sequence_start[i] + k] == LETTER_N
            sums[1] += data[quality_start[i] + k]
        sums[2] += length[i]


def base_quality(blocks: list[FastqBlock]) -> tuple[float, float]:
    """Mean quality (Phred, offset 33) and share of N over all bases; NaN without bases."""
    sums = np.zeros(3, np.int64)
    for block in blocks:
        _add_up(block.data, block.sequence_start, block.quality_start, block.length, sums)
    unknown, quality, bases = sums
    return (float(quality / bases) - 33, float(unknown / bases)) if bases else (np.nan, np.nan)

"""Merging of read pairs into amplicons by the rule of the published promoter libraries.

Inputs: blocks of read 1 and read 2. Outputs: the place in read 1 where read 2 begins, and the merged sequence.

The rule (de Boer et al. 2020; Rafi et al. 2024): read 2 is reverse-complemented; overlaps are tried in the order
40, 39, 41, 38, 42, ... (for an expected overlap of 40), and the first one whose identity is strictly above the
threshold is taken, not the best one. In the overlap the base with the higher quality counts, read 2's where they are
equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cisflow.reads.fastq import FastqBlock
from cisflow.reads.ragged import COMPLEMENT, Sequences


@dataclass(frozen=True)
class MergedPairs:
    """Result of merging a block of pairs.

    Attributes
    ----------
    offset : ndarray of int64, shape (n,)
        0-based place in read 1 where reverse-complemented read 2 begins; -1 for pairs that were not merged.
    amplicons : Sequences
        The merged pairs in their order: one for each ``offset`` that is not -1.
    """

    offset: np.ndarray
    amplicons: Sequences


def allowed_mismatches(largest_overlap: int, min_identity: float) -> np.ndarray:
    """Most mismatches that keep the identity strictly above ``min_identity``.

    Parameters
    ----------
    largest_overlap : int
        Bases.
    min_identity : float
        Share of equal letters that must be exceeded.

    Returns
    -------
    ndarray of int64, shape (largest_overlap + 1,)
        By overlap length; -1 where no overlap of that length can be accepted.
    """
    allowed = np.full(largest_overlap + 1, -1, np.int64)
    for overlap in range(1, largest_overlap + 1):
        accepted = np.arange(overlap + 1) / overlap > min_identity  # by number of equal letters
        if accepted.any():
            allowed[overlap] = overlap - int(np.argmax(accepted))
    return allowed


@njit(cache=True, nogil=True)
def _accepted(data1, start1, length1, data2, end2, length2, overlap, allowed, complement):
    """Whether the last ``overlap`` bases of read 1 match the first ones of reverse-complemented read 2."""
    # An overlap longer than a read would start before read 1 or end after read 2.
    if overlap < 1 or overlap > length1 or overlap > length2:
        return False
    mismatches = 0
    first = start1 + length1 - overlap
    for k in range(overlap):
        if data1[first + k] != complement[data2[end2 - k]]:
            mismatches += 1
            if mismatches > allowed[overlap]:
                return False
    return allowed[overlap] >= 0


@njit(cache=True, nogil=True)
def _find_offsets(
    data1, start1, length1, data2, start2, length2, expected_overlap, tolerance, allowed, complement, offset
):
    for i in range(len(start1)):
        offset[i] = -1
        end2 = start2[i] + length2[i] - 1
        for shift in range(tolerance + 1):
            shorter, longer = expected_overlap - shift, expected_overlap + shift
            if _accepted(data1, start1[i], length1[i], data2, end2, length2[i], shorter, allowed, complement):
                offset[i] = length1[i] - shorter
                break
            if _accepted(data1, start1[i], length1[i], data2, end2, length2[i], longer, allowed, complement):
                offset[i] = length1[i] - longer
                break


@njit(cache=True, nogil=True)
def _write_consensus(
    data1, start1, quality1, length1, data2, start2, quality2, length2, complement, offset, out_start, out
):
    row = 0
    for i in range(len(start1)):
        if offset[i] < 0:
            continue
        place = out_start[row]
        row += 1
        end2 = length2[i] - 1
        for k in range(offset[i] + length2[i]):
            j = k - offset[i]  # place in reverse-complemented read 2
            if j < 0:
                base = data1[start1[i] + k]
            else:
                base = complement[data2[start2[i] + end2 - j]]
                if k < length1[i] and data1[quality1[i] + k] > data2[quality2[i] + end2 - j]:
                    base = data1[start1[i] + k]
            out[place + k] = base


def merge_pairs(
    read1: FastqBlock, read2: FastqBlock, expected_overlap: int, tolerance: int, min_identity: float
) -> MergedPairs:
    """Merge a block of read pairs by the published rule.

    Parameters
    ----------
    read1, read2 : FastqBlock
        n records each, read 2 as sequenced.
    expected_overlap : int
        Bases shared by the two reads.
    tolerance : int
        Largest difference to the expected overlap that is tried.
    min_identity : float
        Share of equal letters in the overlap that must be exceeded. N equals only N.

    Returns
    -------
    MergedPairs

    Notes
    -----
    Overlaps below one base or longer than one of the two reads are never accepted; the original script reads outside
    the read there.
    """
    allowed = allowed_mismatches(expected_overlap + tolerance, min_identity)
    offset = np.empty(len(read1), np.int64)
    _find_offsets(
        read1.data,
        read1.sequence_start,
        read1.length,
        read2.data,
        read2.sequence_start,
        read2.length,
        expected_overlap,
        tolerance,
        allowed,
        COMPLEMENT,
        offset,
    )
    merged = offset >= 0
    length = (offset + read2.length)[merged]
    start = np.zeros(len(length), np.int64)
    np.cumsum(length[:-1], out=start[1:])
    out = np.empty(int(length.sum()), np.uint8)
    _write_consensus(
        read1.data,
        read1.sequence_start,
        read1.quality_start,
        read1.length,
        read2.data,
        read2.sequence_start,
        read2.quality_start,
        read2.length,
        COMPLEMENT,
        offset,
        start,
        out,
    )
    return MergedPairs(offset, Sequences(out, start, length))

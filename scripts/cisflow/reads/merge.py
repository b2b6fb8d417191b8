"""Merging of read pairs into amplicons.

Inputs: blocks of read 1 and read 2. Outputs: the place in read 1 where read 2 begins, and the merged sequence.

Read 2 is reverse-complemented; overlaps up to a tolerance away from the expected one are compared, and one is accepted
when its share of equal letters (identity) is strictly above a threshold. Two rules:

``published`` (de Boer et al. 2020; Rafi et al. 2024)
    Overlaps are tried in the order 40, 39, 41, 38, 42, ... (for an expected overlap of 40); the first accepted one is
    taken, not the best one. In it the base with the higher quality counts, read 2's where they are equal.
``best``
    The overlap with the highest identity is taken, the longest of equals. In it the base with the higher quality
    counts; where they are equal, the one nearer to the start of its own read, because errors grow more frequent
    towards a read's end; where that is equal too, read 1's. A base always wins over N.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit

from cisflow.reads.fastq import FastqBlock
from cisflow.reads.ragged import Sequences
from cisflow.reads.words import (
    SIZE,
    complement_word,
    count_unequal,
    first_letters,
    load_word,
    store_word,
    swap_bytes,
)

RULES = ("published", "best")
LETTER_N = 78


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


@lru_cache(maxsize=64)
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
def _turn(data, start, length, turned):
    """Write the reverse complement of a read; the last word may reach over its end."""
    end = start + length
    for k in range(0, length - SIZE + 1, SIZE):
        store_word(turned, k, complement_word(swap_bytes(load_word(data, end - k - SIZE))))
    left = length % SIZE
    if left:  # the first letters of the read, moved to the front after the bytes are swapped
        word = first_letters(load_word(data, start), left)
        word = swap_bytes(word) >> np.uint64(8 * (SIZE - left))
        store_word(turned, length - left, complement_word(word))


@njit(cache=True, nogil=True)
def _mismatches(data, place, turned, overlap, most):
    """Unequal letters of the overlap; some number above ``most`` as soon as there are more."""
    mismatches = 0
    for k in range(0, overlap, SIZE):
        difference = load_word(data, place + k) ^ load_word(turned, k)
        mismatches += count_unequal(first_letters(difference, overlap - k))
        if mismatches > most:
            break
    return mismatches


@njit(cache=True, nogil=True)
def _first_overlap(data, end1, turned, longest, expected_overlap, tolerance, allowed):
    """First accepted overlap and its mismatches; 0 where there is none."""
    for shift in range(tolerance + 1):
        for overlap in (expected_overlap - shift, expected_overlap + shift):
            if 1 <= overlap <= longest and allowed[overlap] >= 0:
                mismatches = _mismatches(data, end1 - overlap, turned, overlap, allowed[overlap])
                if mismatches <= allowed[overlap]:
                    return overlap, mismatches
    return 0, 0


@njit(cache=True, nogil=True)
def _best_overlap(data, end1, turned, longest, expected_overlap, tolerance, allowed, likely):
    """Overlap with the highest identity, the longest of equals, and its mismatches; 0 where none is accepted.

    Compares ``likely`` first: when it is the right one, the others are given up after their first letters.
    """
    most_bases, fewest = min(longest, expected_overlap + tolerance), max(expected_overlap - tolerance, 1)
    best = least = 0
    if fewest <= likely <= most_bases:
        mismatches = _mismatches(data, end1 - likely, turned, likely, allowed[likely])
        if mismatches <= allowed[likely]:
            best, least = likely, mismatches
    for overlap in range(most_bases, fewest - 1, -1):
        most = allowed[overlap]
        if best and overlap <= best:
            most = min(most, least - 1)
        elif best and overlap <= 2 * best:
            most = min(most, 2 * least)
        if most < 0:
            continue
        mismatches = _mismatches(data, end1 - overlap, turned, overlap, most)
        # The shares of mismatches are compared as products, so that they are exact.
        if mismatches <= most and mismatches * best + (overlap <= best) <= least * overlap:
            best, least = overlap, mismatches
    return best, least


@njit(cache=True, nogil=True)
def _takes_read1(base1, base2, quality1, quality2, from_start1, from_start2, best):
    """Whether read 1's base counts where the two differ."""
    if not best:
        return quality1 > quality2
    if base1 == LETTER_N or base2 == LETTER_N:
        return base2 == LETTER_N
    if quality1 != quality2:
        return quality1 > quality2
    return from_start1 <= from_start2


@njit(cache=True, nogil=True)
def _merge(
    data1,
    start1,
    quality1,
    length1,
    data2,
    start2,
    quality2,
    length2,
    expected_overlap,
    tolerance,
    allowed,
    best,
    turned,
    offset,
    out_start,
    out_length,
    out,
):
    """Merge all pairs; returns how many were merged. Writes may reach up to seven bytes over the end of an amplicon."""
    n = place = 0
    likely = expected_overlap
    for i in range(len(start1)):
        offset[i] = -1
        size1, size2 = length1[i], length2[i]
        _turn(data2, start2[i], size2, turned)
        end1, longest = start1[i] + size1, min(size1, size2)
        if best:
            overlap, mismatches = _best_overlap(
                data1, end1, turned, longest, expected_overlap, tolerance, allowed, likely
            )
        else:
            overlap, mismatches = _first_overlap(data1, end1, turned, longest, expected_overlap, tolerance, allowed)
        if overlap == 0:
            continue
        likely, begin = overlap, size1 - overlap
        for k in range(0, begin, SIZE):
            store_word(out, place + k, load_word(data1, start1[i] + k))
        for k in range(0, size2, SIZE):
            store_word(out, place + begin + k, load_word(turned, k))
        if mismatches:
            for k in range(overlap):
                base1, from_start2 = data1[start1[i] + begin + k], size2 - 1 - k
                if base1 != turned[k] and _takes_read1(
                    base1,
                    turned[k],
                    data1[quality1[i] + begin + k],
                    data2[quality2[i] + from_start2],
                    begin + k,
                    from_start2,
                    best,
                ):
                    out[place + begin + k] = base1
        offset[i], out_start[n], out_length[n] = begin, place, begin + size2
        place += begin + size2
        n += 1
    return n


def merge_pairs(
    read1: FastqBlock,
    read2: FastqBlock,
    expected_overlap: int,
    tolerance: int,
    min_identity: float,
    rule: str = "published",
) -> MergedPairs:
    """Merge a block of read pairs.

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
    rule : str
        ``published`` or ``best``; see the head of this module.

    Returns
    -------
    MergedPairs

    Notes
    -----
    Overlaps below one base or longer than one of the two reads are never accepted; the original script reads outside
    the read there.
    """
    if rule not in RULES:
        raise ValueError(f"merge rule {rule!r}; expected one of {', '.join(RULES)}")
    n = len(read1)
    longest = [int(read.length.max(initial=0)) for read in (read1, read2)]
    offset, start, length = (np.empty(n, np.int64) for _ in range(3))
    out = np.empty(int(read1.length.sum() + read2.length.sum()) + SIZE, np.uint8)
    merged = _merge(
        read1.data,
        read1.sequence_start,
        read1.quality_start,
        read1.length,
        read2.data,
        read2.sequence_start,
        read2.quality_start,
        read2.length,
        expected_overlap,
        tolerance,
        allowed_mismatches(expected_overlap + tolerance, min_identity),
        rule == "best",
        np.empty(longest[1] + SIZE, np.uint8),
        offset,
        start,
        length,
        out,
    )
    return MergedPairs(offset, Sequences(out, start[:merged], length[:merged]))

"""Pairs of homologous sequences: a local alignment of either strand scores high.

Purpose: keep overlapping windows, repeats and distant copies on one side of a split, where an edit distance between
whole sequences sees nothing. Inputs: sequences and the lowest score. Outputs: row numbers of the pairs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cisflow.clusters.near_identical import MOST_PAIRS, TooManyPairsError
from cisflow.reads.ragged import Sequences

#: Letters that two sequences must share unchanged before they are compared (blastn's default).
WORD = 11
#: Score at which an alignment without gaps is worth one with gaps (27 bits of blastn with +1, -1).
TRIGGER = 16
#: An alignment without gaps ends when its score falls this far below its best.
DROP = 18
MATCH, MISMATCH = 1, -1
#: Cost of the first and of each further base of a gap.
GAP_OPEN, GAP_EXTEND = 2, 1
NO_LETTER = 4
BUFFER = 1 << 20  # pairs that are found before they are copied


def _codes(sequences: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """Letters as 0 to 3, others 4, without bytes between sequences; and the n + 1 offsets."""
    offsets = np.concatenate([[0], np.cumsum(sequences.length)]).astype(np.int64)
    table = np.full(256, NO_LETTER, np.uint8)
    table[np.frombuffer(b"ACGT", np.uint8)] = np.arange(4, dtype=np.uint8)
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sequences.length)
    return table[sequences.data[np.repeat(sequences.start, sequences.length) + within]], offsets


def common_flanks(sequences: Sequences) -> tuple[int, int]:
    """Letters that all sequences share at their left and at their right end, e.g. adapters; not more than fit both.

    Parameters
    ----------
    sequences : Sequences
        n sequences, one or more.
    """
    shortest = int(sequences.length.min())
    found = []
    for place in (sequences.start, sequences.start + sequences.length - 1):
        step, depth = (-1 if found else 1), 0
        while depth < shortest:
            letters = sequences.data[place + step * depth]
            if (letters != letters[0]).any():
                break
            depth += 1
        found.append(depth)
    left = found[0]
    return left, min(found[1], shortest - left)


@njit(cache=True, nogil=True)
def _words(codes, offsets, out):
    """Number of the word that begins at each letter; -1 where it leaves its sequence or meets an N."""
    mask = (1 << (2 * WORD)) - 1
    for i in range(len(offsets) - 1):
        word, good = 0, 0
        for place in range(offsets[i], offsets[i + 1]):
            letter = codes[place]
            good = 0 if letter == NO_LETTER else good + 1
            word = ((word << 2) | (letter & 3)) & mask
            if good >= WORD:
                out[place - WORD + 1] = word


@njit(cache=True, nogil=True)
def _ungapped(a, i, a_start, a_stop, b, j, b_start, b_stop):
    """Best score of an alignment without gaps through the shared word at ``a[i]``, ``b[j]``."""
    total = best = WORD * MATCH
    p, q = i + WORD, j + WORD
    while p < a_stop and q < b_stop and best - total <= DROP:
        total += MATCH if a[p] == b[q] and a[p] != NO_LETTER else MISMATCH
        best = max(best, total)
        p, q = p + 1, q + 1
    total, p, q = best, i - 1, j - 1
    while p >= a_start and q >= b_start and best - total <= DROP:
        total += MATCH if a[p] == b[q] and a[p] != NO_LETTER else MISMATCH
        best = max(best, total)
        p, q = p - 1, q - 1
    return best


@njit(cache=True, nogil=True)
def _aligned(a, b, enough, row, gap):
    """Best score of a local alignment with affine gaps (Smith and Waterman, Gotoh), or ``enough`` once reached."""
    row[: len(b) + 1] = 0
    gap[: len(b) + 1] = -enough
    best = 0
    for x in a:
        diagonal, across = 0, -enough
        for j in range(1, len(b) + 1):
            gap[j] = max(gap[j] - GAP_EXTEND, row[j] - GAP_OPEN)
            across = max(across - GAP_EXTEND, row[j - 1] - GAP_OPEN)
            here = diagonal + (MATCH if x == b[j - 1] and x != NO_LETTER else MISMATCH)
            here = max(0, here, gap[j], across)
            diagonal, row[j] = row[j], here
            best = max(best, here)
        if best >= enough:
            return enough
    return best


@njit(cache=True, nogil=True)
def _search(codes, turned, offsets, owner, order, begin, words, turned_words, exempt, lowest, row, first, second):
    """Pairs of rows from ``row`` on with earlier ones, until the arrays may be full: the next row, and pairs found."""
    n, found = len(offsets) - 1, 0
    longest = 0
    for i in range(n):
        longest = max(longest, offsets[i + 1] - offsets[i])
    scores, gaps = np.zeros(longest + 1, np.int64), np.zeros(longest + 1, np.int64)
    decided, homologous = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    while row < n and found + row <= len(first):
        start, stop = offsets[row], offsets[row + 1]
        for strand in range(2):
            own, own_words = (codes, words) if strand == 0 else (turned, turned_words)
            for place in range(start, stop):
                word = own_words[place]
                if word < 0:
                    continue
                for k in range(begin[word], begin[word + 1]):
                    there = order[k]
                    j = owner[there]
                    if j >= row:
                        break  # places of a word are in the order of the rows
                    if decided[j] == 2 * row + strand or homologous[j] == row or (exempt[row] and exempt[j]):
                        continue
                    if _ungapped(own, place, start, stop, codes, there, offsets[j], offsets[j + 1]) < TRIGGER:
                        continue
                    decided[j] = 2 * row + strand
                    if _aligned(own[start:stop], codes[offsets[j] : offsets[j + 1]], lowest, scores, gaps) >= lowest:
                        homologous[j] = row
                        first[found], second[found] = j, row
                        found += 1
        row += 1
    return row, found


def homologous_pairs(
    sequences: Sequences, lowest_score: int, exempt: np.ndarray | None = None, most: int = MOST_PAIRS
) -> tuple[np.ndarray, np.ndarray]:
    """Find pairs of sequences with a high-scoring local alignment, on the same or on opposite strands.

    Parameters
    ----------
    sequences : Sequences
        n sequences of upper-case letters; N matches nothing. Ends that all of them share (adapters) are left out.
    lowest_score : int
        Smith-Waterman score from which on two sequences are homologous: +1 for a match, -1 for a mismatch, -2 for the
        first base of a gap, -1 for each further one.
    exempt : ndarray of bool, shape (n,), optional
        Pairs of two exempt rows are left out.
    most : int
        Largest number of pairs to return.

    Returns
    -------
    first, second : ndarray of int64, shape (pairs,)
        Row numbers, ``first < second``; sorted, each pair once.

    Raises
    ------
    TooManyPairsError
        When there are more than ``most`` pairs.

    Notes
    -----
    Pairs are proposed as by blastn (Altschul et al. 1990): a shared word of 11 letters whose extension without gaps
    scores 16 or more; the full alignment (Smith and Waterman 1981, Gotoh 1982) then decides. Scores and word are the
    defaults of hashFrag. Alignments without such a word are not found; at score 60 they are rare.
    """
    n = len(sequences)
    if n == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    left, right = common_flanks(sequences)
    inner = sequences.part(np.full(n, left), sequences.length - right)
    codes, offsets = _codes(inner)
    turned, _ = _codes(inner.reverse_complement())
    words, turned_words = (np.full(len(codes), -1, np.int32) for _ in range(2))
    _words(codes, offsets, words)
    _words(turned, offsets, turned_words)
    order = np.argsort(words, kind="stable")
    begin = np.searchsorted(words[order], np.arange(4**WORD + 1))
    owner = np.repeat(np.arange(n), np.diff(offsets))
    flags = np.zeros(n, np.bool_) if exempt is None else np.asarray(exempt, np.bool_)
    first, second = (np.empty(max(BUFFER, 2 * n), np.int64) for _ in range(2))
    row, total, blocks = 0, 0, [(first[:0], second[:0])]
    while row < n:
        row, found = _search(
            codes, turned, offsets, owner, order, begin, words, turned_words, flags, lowest_score, row, first, second
        )
        blocks.append((first[:found].copy(), second[:found].copy()))
        total += found
        if total > most:
            raise TooManyPairsError(f"more than {most:,} pairs with an alignment score of {lowest_score} or more")
    a, b = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    rank = np.lexsort((b, a))
    return a[rank], b[rank]

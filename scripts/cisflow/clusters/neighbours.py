"""Pairs of sequences at edit distance 1, found by a join.

Inputs: queries and references. Outputs: candidate pairs, which hold every pair at distance 1.

Two sequences at distance 1 become equal when one base is deleted from one of them or from both (the idea of deletion
neighbourhoods: Mor and Fraenkel 1982). All sequences with at most one base deleted are hashed and the hashes joined, so
the time does not grow with the number of references that share their seeds, as it does for an aligner.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba import njit

from cisflow.reads.ragged import Sequences

QUERIES_AT_ONCE = 20_000
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd; equal hashes of different sequences only cost a comparison


@njit(cache=True, nogil=True)
def _deletion_hashes(data, start, length, base, first, hashes, rows):
    """Hashes of each sequence and of it without one base; of a run of equal bases only one is deleted."""
    for i in range(len(start)):
        n = length[i]
        place = first[i]
        suffix = np.zeros(n + 1, np.uint64)
        power = np.uint64(1)
        powers = np.empty(n + 1, np.uint64)
        for k in range(n - 1, -1, -1):
            powers[k] = power
            suffix[k] = suffix[k + 1] + np.uint64(data[start[i] + k]) * power
            power *= base
        hashes[place], rows[place] = suffix[0], i
        prefix = np.uint64(0)
        for k in range(n):
            letter = data[start[i] + k]
            place += 1
            rows[place] = i
            if k and letter == data[start[i] + k - 1]:
                hashes[place] = suffix[0]  # the same as the deletion before; repeats the whole sequence instead
            else:
                hashes[place] = prefix * powers[k] + suffix[k + 1]
            prefix = prefix * base + np.uint64(letter)


def _hashes(sequences: Sequences) -> tuple[np.ndarray, np.ndarray]:
    """Hashes (uint64, sorted) and the row of each."""
    size = sequences.length + 1
    first = np.zeros(len(sequences), np.int64)
    np.cumsum(size[:-1], out=first[1:])
    hashes, rows = np.empty(int(size.sum()), np.uint64), np.empty(int(size.sum()), np.int64)
    _deletion_hashes(sequences.data, sequences.start, sequences.length, BASE, first, hashes, rows)
    order = np.argsort(hashes, kind="stable")
    return hashes[order], rows[order]


def neighbours(queries: Sequences, references: Sequences) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Candidates for edit distance 1.

    Parameters
    ----------
    queries, references : Sequences

    Yields
    ------
    query, reference : ndarray of int64
        Rows of pairs that are equal after deleting at most one base from each, so at distance 2 or less; blocks of
        queries, each pair once.
    """
    if len(queries) == 0 or len(references) == 0:
        return
    known, reference_rows = _hashes(references)
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        hashes, query_rows = _hashes(queries.take(slice(start, start + QUERIES_AT_ONCE)))
        low, high = np.searchsorted(known, hashes, "left"), np.searchsorted(known, hashes, "right")
        number = high - low
        query = np.repeat(query_rows + start, number)
        before = np.cumsum(number) - number
        reference = reference_rows[np.arange(number.sum()) - np.repeat(before - low, number)]
        yield tuple(np.unique(np.stack([query, reference]), axis=1))

"""Edit distance of many pairs of sequences.

Inputs: two sets of sequences and the pairs to compare. Outputs: substitutions, inserted and deleted bases of the best
alignment of the two whole sequences.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cisflow.reads.ragged import Sequences


@njit(cache=True, nogil=True)
def _distance(data1, start1, length1, data2, start2, length2, limit, row):
    """Levenshtein distance inside a band of ``limit`` diagonals on each side; limit + 1 where it is larger."""
    too_far = limit + 1
    if abs(length1 - length2) > limit:
        return too_far
    for j in range(length2 + 1):
        row[j] = min(j, too_far)
    for i in range(1, length1 + 1):
        low, high = max(1, i - limit), min(length2, i + limit)
        diagonal = row[low - 1]
        row[low - 1] = i if low == 1 and i < too_far else too_far
        smallest = row[low - 1]
        for j in range(low, high + 1):
            above = row[j] if j < i + limit else too_far
            best = diagonal + (data1[start1 + i - 1] != data2[start2 + j - 1])
            best = min(best, above + 1, row[j - 1] + 1, too_far)
            diagonal, row[j] = above, best
            smallest = min(smallest, best)
        if smallest >= too_far:
            return too_far
    return row[length2]


@njit(cache=True, nogil=True)
def _distances(data1, start1, length1, data2, start2, length2, first, second, limit, row, out):
    for k in range(len(first)):
        a, b = first[k], second[k]
        out[k] = _distance(data1, start1[a], length1[a], data2, start2[b], length2[b], limit, row)


def edit_distances(
    sequences1: Sequences, sequences2: Sequences, first: np.ndarray, second: np.ndarray, limit: int
) -> np.ndarray:
    """Edit distances (Levenshtein) of pairs, up to a limit.

    Parameters
    ----------
    sequences1, sequences2 : Sequences
    first, second : ndarray of int64, shape (n,)
        Rows of ``sequences1`` and ``sequences2`` to compare.
    limit : int
        Largest distance of interest.

    Returns
    -------
    ndarray of int64, shape (n,)
        ``limit + 1`` stands for every larger distance.
    """
    out = np.empty(len(first), np.int64)
    longest = int(sequences2.length.max(initial=0))
    _distances(
        sequences1.data,
        sequences1.start,
        sequences1.length,
        sequences2.data,
        sequences2.start,
        sequences2.length,
        first,
        second,
        limit,
        np.empty(longest + 1, np.int64),
        out,
    )
    return out

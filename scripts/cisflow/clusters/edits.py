"""Small edit distances of very many pairs of sequences.

Purpose: tell near-identical pairs from unrelated ones. Work grows with the square of the largest distance of interest,
not with the length: for each number of edits and each diagonal only the furthest point that an alignment can reach is
kept (E. W. Myers, Algorithmica 1:251, 1986; G. M. Landau, U. Vishkin, J. Algorithms 10:157, 1989).
Inputs: two sets of sequences and the rows to compare. Outputs: edit distances up to a limit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from cisflow.reads.ragged import Sequences


@njit(cache=True, nogil=True)
def edit_distance(data1, start1, length1, data2, start2, length2, limit, reach, reach_before):
    """Edit distance, or limit + 1 where it is larger.

    ``reach[d]`` is the number of letters of sequence 1 that are used up on diagonal ``d - limit - 1`` (letters of
    sequence 2 minus letters of sequence 1), -1 where nothing reaches the diagonal.
    """
    longer = length2 - length1
    if abs(longer) > limit:
        return limit + 1
    middle = limit + 1
    reach[:] = -1
    for edits in range(limit + 1):
        reach, reach_before = reach_before, reach
        reach[:] = -1
        for diagonal in range(-edits, edits + 1):
            d = middle + diagonal
            if edits == 0:
                i = 0
            else:
                i = reach_before[d - 1]  # a letter of sequence 2 alone
                if reach_before[d] >= 0:
                    i = max(i, reach_before[d] + 1)  # a substitution
                if reach_before[d + 1] >= 0:
                    i = max(i, reach_before[d + 1] + 1)  # a letter of sequence 1 alone
                i = min(i, length1, length2 - diagonal)
            if i < 0 or i + diagonal < 0:
                continue
            while i < length1 and i + diagonal < length2 and data1[start1 + i] == data2[start2 + i + diagonal]:
                i += 1
            reach[d] = i
        if reach[middle + longer] == length1:
            return edits
    return limit + 1


@njit(cache=True, nogil=True)
def _edits_of_pairs(data1, start1, length1, data2, start2, length2, first, second, limit, out):
    reach, reach_before = np.empty(2 * limit + 3, np.int64), np.empty(2 * limit + 3, np.int64)
    for k in range(len(first)):
        a, b = first[k], second[k]
        out[k] = edit_distance(
            data1, start1[a], length1[a], data2, start2[b], length2[b], limit, reach, reach_before
        )  # fmt: skip


def edits_up_to(
    sequences1: Sequences, sequences2: Sequences, first: np.ndarray, second: np.ndarray, limit: int
) -> np.ndarray:
    """Edit distances (substitutions, inserted and deleted letters) of pairs of whole sequences, up to a limit.

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
    _edits_of_pairs(
        sequences1.data,
        sequences1.start,
        sequences1.length,
        sequences2.data,
        sequences2.start,
        sequences2.length,
        first,
        second,
        limit,
        out,
    )
    return out

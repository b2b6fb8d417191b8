"""Constant flanks around the variable part of a read.

Inputs: sequences and the two flanks. Outputs: where the variable part lies, or that the flanks were not found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cisflow.reads.ragged import Sequences


@dataclass(frozen=True)
class Located:
    """Where the variable parts lie.

    Attributes
    ----------
    sequences : Sequences
        The n sequences that were searched; reverse complements where the flanks were found on that strand.
    found : ndarray of bool, shape (n,)
    start, stop : ndarray of int64, shape (n,)
        Variable part in ``sequences``, 0-based half-open; 0 where not found.
    mismatches : ndarray of int64, shape (n,)
        Substitutions in both flanks together.
    reverse : ndarray of bool, shape (n,)
        Whether the flanks were found on the reverse complement.
    """

    sequences: Sequences
    found: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    mismatches: np.ndarray
    reverse: np.ndarray


@njit(cache=True, nogil=True)
def _best_place(data, start, stop, flank, max_mismatches):
    """Place with the fewest substitutions (the leftmost of equals) in ``data[start:stop]``, and their number."""
    best_place, best = -1, max_mismatches + 1
    for place in range(start, stop - flank.size + 1):
        mismatches = 0
        for k in range(flank.size):
            if data[place + k] != flank[k]:
                mismatches += 1
                if mismatches >= best:
                    break
        if mismatches < best:
            best_place, best = place, mismatches
            if best == 0:
                break
    return best_place, best


@njit(cache=True, nogil=True)
def _locate(data, start, length, distal, proximal, max_mismatches, found, first, last, mismatches):
    for i in range(len(start)):
        found[i] = False
        first[i] = last[i] = mismatches[i] = 0
        end = start[i] + length[i]
        variable, distal_mismatches = start[i], 0
        if distal.size:
            place, distal_mismatches = _best_place(data, start[i], end - proximal.size, distal, max_mismatches)
            if place < 0:
                continue
            variable = place + distal.size
        variable_end, proximal_mismatches = end, 0
        if proximal.size:
            variable_end, proximal_mismatches = _best_place(data, variable, end, proximal, max_mismatches)
            if variable_end < 0:
                continue
        found[i] = True
        first[i], last[i] = variable - start[i], variable_end - start[i]
        mismatches[i] = distal_mismatches + proximal_mismatches


def _search(sequences: Sequences, distal: np.ndarray, proximal: np.ndarray, max_mismatches: int) -> tuple:
    n = len(sequences)
    found, first, last, mismatches = (np.empty(n, kind) for kind in (np.bool_, np.int64, np.int64, np.int64))
    _locate(
        sequences.data,
        sequences.start,
        sequences.length,
        distal,
        proximal,
        max_mismatches,
        found,
        first,
        last,
        mismatches,
    )
    return found, first, last, mismatches


def locate_variable_part(
    sequences: Sequences, distal_flank: str, proximal_flank: str, max_mismatches: int, both_strands: bool = False
) -> Located:
    """Find the part between the flanks.

    The distal flank is taken where it has the fewest substitutions, the leftmost of equals, anywhere in the sequence;
    the proximal flank likewise after it. An empty flank is always found, at the end of the sequence.

    Parameters
    ----------
    sequences : Sequences
        n merged amplicons or single reads.
    distal_flank, proximal_flank : str
        Constant sequence before and after the variable part; N in a read never matches.
    max_mismatches : int
        Substitutions allowed in each flank.
    both_strands : bool
        Whether to search the reverse complement too; it is taken where it has fewer substitutions or is the only one.

    Returns
    -------
    Located
    """
    distal, proximal = (np.frombuffer(flank.encode(), np.uint8) for flank in (distal_flank, proximal_flank))
    found, start, stop, mismatches = _search(sequences, distal, proximal, max_mismatches)
    reverse = np.zeros(len(sequences), np.bool_)
    if both_strands:
        doubtful = np.flatnonzero(~found | (mismatches > 0))
        turned = sequences.take(doubtful).reverse_complement()
        other_found, other_start, other_stop, other_mismatches = _search(turned, distal, proximal, max_mismatches)
        better = other_found & (~found[doubtful] | (other_mismatches < mismatches[doubtful]))
        rows = doubtful[better]
        found[rows], reverse[rows] = True, True
        start[rows], stop[rows], mismatches[rows] = other_start[better], other_stop[better], other_mismatches[better]
        whole_start = sequences.start.copy()
        whole_start[rows] = sequences.data.size + turned.start[better]
        sequences = Sequences(np.concatenate([sequences.data, turned.data]), whole_start, sequences.length)
    return Located(sequences, found, start, stop, mismatches, reverse)

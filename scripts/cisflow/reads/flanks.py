"""Where the parts of a read lie: the compiled search behind the read structure.

Inputs: sequences and the layout of a read structure. Outputs: where the variable part, the UMI and the barcode lie, or
that the constant bases were not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from cisflow.reads.ragged import Sequences
from cisflow.reads.structure import ANY, Layout, plain_structure

#: Letters that fit into one 64-bit word at four bits each; the low halves of A, C, G, T and N differ in ASCII.
WORD = 16


@dataclass(frozen=True)
class Located:
    """Where the parts lie; all places are 0-based in ``sequences``, 0 where not found.

    Attributes
    ----------
    sequences : Sequences
        The n sequences that were searched; reverse complements where the literals were found on that strand.
    found : ndarray of bool, shape (n,)
    start, stop : ndarray of int64, shape (n,)
        Variable part, half-open.
    mismatches : ndarray of int64, shape (n,)
        Substitutions in all literals together.
    reverse : ndarray of bool, shape (n,)
        Whether the literals were found on the reverse complement.
    umi, barcode : ndarray of int64, shape (n,)
        First base of these parts, where the layout has them.
    """

    sequences: Sequences
    found: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    mismatches: np.ndarray
    reverse: np.ndarray
    umi: np.ndarray
    barcode: np.ndarray


class _Groups(NamedTuple):
    """Layout as arrays; letters of all groups one after the other."""

    letter: np.ndarray  # bases of the literals
    offset: np.ndarray  # of each base in its group
    literal: np.ndarray  # number of the literal that it belongs to
    bounds: np.ndarray  # of each group in these three
    head: np.ndarray  # letters of each group's first literal that fit into a word
    word: np.ndarray  # these letters
    size: np.ndarray
    gap_least: np.ndarray
    gap_most: np.ndarray
    follow: np.ndarray  # fewest bases behind each group
    tail: np.ndarray  # most bases behind each group, -1 for any number
    first_right: int
    cut: int
    umi: tuple[int, int]
    barcode: tuple[int, int]


def _arrays(layout: Layout) -> _Groups:
    letters, offsets, literals, bounds, heads, words = [], [], [], [0], [], []
    number = 0
    for group in layout.groups:
        begins = []
        for place, base in enumerate(group.pattern):
            if base == ANY:
                continue
            if place == 0 or group.pattern[place - 1] == ANY:
                number += 1
                begins.append(len(letters))
            letters.append(ord(base))
            offsets.append(place)
            literals.append(number)
        begins.append(len(letters))
        head = min(begins[1] - begins[0], WORD) if len(begins) > 1 else 0
        heads.append(head)
        word = 0
        for code in letters[begins[0] : begins[0] + head]:
            word = (word << 4) | (code & 15)
        words.append(word)
        bounds.append(len(letters))
    sizes = np.array([len(group.pattern) for group in layout.groups], np.int64)
    least = np.array([group.gap_least for group in layout.groups], np.int64)
    follow = np.array([sizes[g + 1 :].sum() + least[g + 1 :].sum() for g in range(len(sizes))], np.int64)
    tail = np.full(len(sizes), -1, np.int64)
    last = len(sizes) - 1
    if last > layout.first_right and not layout.groups[last].has_literal:
        tail[last - 1] = layout.groups[last].gap_most + sizes[last]
    return _Groups(
        np.array(letters, np.uint8),
        np.array(offsets, np.int64),
        np.array(literals, np.int64),
        np.array(bounds, np.int64),
        np.array(heads, np.int64),
        np.array(words, np.uint64),
        sizes,
        least,
        np.array([group.gap_most for group in layout.groups], np.int64),
        follow,
        tail,
        layout.first_right,
        layout.cut,
        layout.umi[:2],
        layout.barcode[:2],
    )


@njit(cache=True, nogil=True)
def _substitutions(data, place, groups, group, most_each, most):
    """Substitutions of a group at a place; above ``most`` when that, or ``most_each`` in one literal, is exceeded."""
    total = here = 0
    current = -1
    for k in range(groups.bounds[group], groups.bounds[group + 1]):
        if groups.literal[k] != current:
            current, here = groups.literal[k], 0
        if data[place + groups.offset[k]] != groups.letter[k]:
            total += 1
            here += 1
            if here > most_each or total > most:
                return most + 1
    return total


@njit(cache=True, nogil=True)
def _first_exact(data, first, last, groups, group):
    """Leftmost place in ``first`` to ``last`` (not itself) without a substitution; ``last`` when there is none."""
    begin = groups.bounds[group]
    shift, head = groups.offset[begin], groups.head[group]
    wanted = groups.word[group]
    mask = np.uint64(0xFFFFFFFFFFFFFFFF) if head == WORD else (np.uint64(1) << np.uint64(4 * head)) - np.uint64(1)
    word = np.uint64(0)
    for i in range(first + shift, first + shift + head - 1):
        word = (word << np.uint64(4)) | np.uint64(data[i] & 15)
    for place in range(first, last):
        word = ((word << np.uint64(4)) | np.uint64(data[place + shift + head - 1] & 15)) & mask
        if word == wanted and _substitutions(data, place, groups, group, 0, 0) == 0:
            return place
    return last


@njit(cache=True, nogil=True)
def _best_place(data, first, last, groups, group, most_each, likely):
    """Place with the fewest substitutions (the leftmost of equals) in ``first`` to ``last``, and their number.

    Most reads have the group exactly at ``likely``, where the read before had it: then only exact places further left
    can win, which are found by comparing whole words.
    """
    if first <= likely < last and _substitutions(data, likely, groups, group, 0, 0) == 0:
        return _first_exact(data, first, likely, groups, group), 0
    best_place = -1
    best = most_each * (groups.literal[groups.bounds[group + 1] - 1] - groups.literal[groups.bounds[group]] + 1) + 1
    for place in range(first, last):
        found = _substitutions(data, place, groups, group, most_each, best - 1)
        if found < best:
            best_place, best = place, found
            if best == 0:
                break
    return best_place, best


@njit(cache=True, nogil=True)
def _find_groups(data, begin, end, groups, first_group, last_group, most_each, place, likely):
    """Fill in the places of consecutive groups behind ``begin``; returns their substitutions, -1 where one is missing.

    The last group of all lies at the end of the read when it has no literal, the first of all at ``begin``.
    """
    total, before = 0, begin
    for g in range(first_group, last_group):
        if groups.bounds[g] == groups.bounds[g + 1]:
            place[g] = before if g < groups.first_right else end - groups.size[g]
            if place[g] < before or place[g] + groups.size[g] > end - groups.follow[g]:
                return -1
        else:
            first, last = before + groups.gap_least[g], end - groups.follow[g] - groups.size[g] + 1
            if groups.gap_most[g] >= 0:
                last = min(last, before + groups.gap_most[g] + 1)
            if groups.tail[g] >= 0:
                first = max(first, end - groups.tail[g] - groups.size[g])
            place[g], found = _best_place(data, first, last, groups, g, most_each, before + likely[g])
            if place[g] < 0:
                return -1
            likely[g] = place[g] - before
            total += found
        before = place[g] + groups.size[g]
    return total


@njit(cache=True, nogil=True)
def _locate(data, start, length, groups, most_each, found, first, last, mismatches, umi, barcode):
    n_groups = groups.size.size
    right = groups.first_right
    place = np.zeros(n_groups, np.int64)
    likely = np.zeros(n_groups, np.int64)
    open_left = groups.bounds[right] == 0
    open_right = groups.bounds[right] == groups.bounds[n_groups]
    for i in range(len(start)):
        found[i] = False
        first[i] = last[i] = mismatches[i] = umi[i] = barcode[i] = 0
        begin, end = start[i], start[i] + length[i]
        if groups.cut >= 0 and open_right:  # the length of the variable part says where it ends
            total = _find_groups(data, begin, end, groups, 0, right, most_each, place, likely)
            if total < 0:
                continue
            variable = place[right - 1] + groups.size[right - 1]
            stop = min(variable + groups.cut, end)
            place[right] = stop
            if stop + groups.size[right] > end:
                continue
        elif groups.cut >= 0 and open_left:  # ... or where it begins
            size = groups.size[0]
            total = _find_groups(data, begin + size, end, groups, right, n_groups, most_each, place, likely)
            if total < 0:
                continue
            stop = place[right]
            variable = max(stop - groups.cut, begin + size)
            place[0] = variable - size
        else:
            total = _find_groups(data, begin, end, groups, 0, n_groups, most_each, place, likely)
            if total < 0:
                continue
            variable = place[right - 1] + groups.size[right - 1]
            stop = place[right]
        found[i] = True
        first[i], last[i], mismatches[i] = variable - begin, stop - begin, total
        if groups.umi[0] >= 0:
            umi[i] = place[groups.umi[0]] + groups.umi[1] - begin
        if groups.barcode[0] >= 0:
            barcode[i] = place[groups.barcode[0]] + groups.barcode[1] - begin


def _search(sequences: Sequences, groups: _Groups, max_mismatches: int) -> list[np.ndarray]:
    """``found`` and the places as :class:`Located` has them, on the strand as given."""
    n = len(sequences)
    results = [np.empty(n, np.bool_), *(np.empty(n, np.int64) for _ in range(5))]
    _locate(sequences.data, sequences.start, sequences.length, groups, max_mismatches, *results)
    return results


def locate_parts(sequences: Sequences, layout: Layout, max_mismatches: int, both_strands: bool = False) -> Located:
    """Find the parts of a read structure.

    Groups of parts at fixed distances are searched in the order of the read, each behind the one before and so that
    what must follow still fits. A group is taken where its literals have the fewest substitutions, the leftmost of
    equals.

    Parameters
    ----------
    sequences : Sequences
        n merged amplicons or single reads.
    layout : Layout
    max_mismatches : int
        Substitutions allowed in each literal; N in a read never matches.
    both_strands : bool
        Whether to search the reverse complement too; it is taken where it has fewer substitutions or is the only one.

    Returns
    -------
    Located
    """
    groups = _arrays(layout)
    results = _search(sequences, groups, max_mismatches)
    found, mismatches = results[0], results[3]
    reverse = np.zeros(len(sequences), np.bool_)
    if both_strands:
        doubtful = np.flatnonzero(~found | (mismatches > 0))
        turned = sequences.take(doubtful).reverse_complement()
        others = _search(turned, groups, max_mismatches)
        better = others[0] & (~found[doubtful] | (others[3] < mismatches[doubtful]))
        rows = doubtful[better]
        reverse[rows] = True
        for values, other in zip(results, others, strict=True):
            values[rows] = other[better]
        whole_start = sequences.start.copy()
        whole_start[rows] = sequences.data.size + turned.start[better]
        sequences = Sequences(np.concatenate([sequences.data, turned.data]), whole_start, sequences.length)
    found, start, stop, mismatches, umi, barcode = results
    return Located(sequences, found, start, stop, mismatches, reverse, umi, barcode)


def locate_variable_part(
    sequences: Sequences, distal_flank: str, proximal_flank: str, max_mismatches: int, both_strands: bool = False
) -> Located:
    """Find the part between two flanks; an empty flank is always found, at the end of the sequence.

    Parameters
    ----------
    sequences : Sequences
        n sequences.
    distal_flank, proximal_flank : str
        Constant sequence before and after the variable part.
    max_mismatches, both_strands
        See :func:`locate_parts`.

    Returns
    -------
    Located
    """
    longest = int(sequences.length.max(initial=0)) + 2
    structure = plain_structure(distal_flank, proximal_flank, 1, longest)
    return locate_parts(sequences, structure.layout, max_mismatches, both_strands)

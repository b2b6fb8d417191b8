"""Where the parts of a read lie.

Inputs: sequences and the layout of a read structure. Outputs: where the variable part, the UMI and the barcode lie, or
that the constant bases were not found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cisflow.reads.layout import Layout, plain_structure
from cisflow.reads.patterns import Pattern
from cisflow.reads.ragged import Sequences


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


class _Search:
    """Places of the groups of a layout in sequences, on the strand as given."""

    def __init__(self, sequences: Sequences, layout: Layout, max_mismatches: int) -> None:
        self.data, self.begin = sequences.data, sequences.start
        self.end = sequences.start + sequences.length
        self.groups, self.right, self.max_mismatches = layout.groups, layout.first_right, max_mismatches
        self.found = np.ones(len(sequences), np.bool_)
        self.mismatches = np.zeros(len(sequences), np.int64)
        self.places: dict[int, np.ndarray] = {}

    def behind(self, group: int) -> np.ndarray:
        """First base behind a group."""
        return self.places[group] + len(self.groups[group].pattern)

    def find(self, first: int, last: int, before: np.ndarray) -> None:
        """Find groups ``first`` to ``last`` (not itself) behind the places ``before``.

        A group without a literal lies at ``before`` on the left side, at the end of the read on the right side.
        """
        for g in range(first, last):
            group, size = self.groups[g], len(self.groups[g].pattern)
            follow = sum(other.gap_least + len(other.pattern) for other in self.groups[g + 1 :])
            latest = self.end - follow - size
            if group.has_literal:
                earliest = before + group.gap_least
                if group.gap_most >= 0:
                    latest = np.minimum(latest, before + group.gap_most)
                if g + 2 == len(self.groups) and g >= self.right and not self.groups[-1].has_literal:
                    tail = self.groups[-1].gap_most + len(self.groups[-1].pattern)
                    earliest = np.maximum(earliest, self.end - tail - size)
                place = Pattern.of(group.pattern).best_places(
                    self.data, earliest, latest + 1, self.max_mismatches, self.found, self.mismatches
                )
            else:
                place = before if g < self.right else self.end - size
                self.found &= (place >= before) & (place <= latest)
            self.places[g] = place
            before = place + size


def _search(sequences: Sequences, layout: Layout, max_mismatches: int) -> list[np.ndarray]:
    """``found``, ``start``, ``stop``, ``mismatches``, ``umi`` and ``barcode`` of :class:`Located`."""
    search, right, groups = _Search(sequences, layout, max_mismatches), layout.first_right, layout.groups
    if layout.cut >= 0 and not any(group.has_literal for group in groups[right:]):
        search.find(0, right, search.begin)
        start = search.behind(right - 1)
        stop = np.minimum(start + layout.cut, search.end)
        search.places[right] = stop
        search.found &= search.behind(right) <= search.end
    elif layout.cut >= 0:
        size = len(groups[0].pattern)
        search.find(right, len(groups), search.begin + size)
        stop = search.places[right]
        start = np.maximum(stop - layout.cut, search.begin + size)
        search.places[0] = start - size
    else:
        search.find(0, len(groups), search.begin)
        start, stop = search.behind(right - 1), search.places[right]
    nowhere = np.zeros_like(start)
    umi, barcode = (
        search.places[group] + place - search.begin if group >= 0 else nowhere
        for group, place, _ in (layout.umi, layout.barcode)
    )
    places = (start - search.begin, stop - search.begin, search.mismatches, umi, barcode)
    return [search.found, *(np.where(search.found, values, 0) for values in places)]


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
    results = _search(sequences, layout, max_mismatches)
    found, mismatches = results[0], results[3]
    reverse = np.zeros(len(sequences), np.bool_)
    if both_strands:
        doubtful = np.flatnonzero(~found | (mismatches > 0))
        turned = sequences.take(doubtful).reverse_complement()
        others = _search(turned, layout, max_mismatches)
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

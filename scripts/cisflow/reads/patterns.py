"""Compiled search of literals at fixed distances of each other.

Inputs: letters, where a pattern may begin in each row, and the substitutions allowed. Outputs: the best place per row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cisflow.reads.layout import ANY

#: Bases of the words by which the exact search leaps (Horspool 1980, with words instead of letters).
WORD = 4


@dataclass(frozen=True)
class Pattern:
    """Literals of a group as arrays.

    Attributes
    ----------
    letter, offset, literal : ndarray of uint8, int64, int64, shape (k,)
        Bases of the literals, the place of each in the group, and the number of the literal that it belongs to.
    head : int
        Bases of the first literal.
    leap : ndarray of int64, shape (4**WORD,)
        How far the group can move on by the word under the end of its head (Horspool's rule); 0 for its own word.
    after : int
        How far when it is its own word.
    """

    letter: np.ndarray
    offset: np.ndarray
    literal: np.ndarray
    head: int
    leap: np.ndarray
    after: int

    @classmethod
    def of(cls, text: str) -> Pattern:
        """Pattern of a text of bases in which ``.`` stands for any base."""
        bases = np.frombuffer(text.encode(), np.uint8)
        offset = np.flatnonzero(bases != ord(ANY))
        letter = bases[offset]
        literal = np.cumsum(np.diff(offset, prepend=offset[:1] - 1) != 1)
        head = int(np.count_nonzero(literal == 0))
        leap, after = np.zeros(4**WORD, np.int64), 1
        if head >= WORD:
            leap[:] = head - WORD + 1
            for place in range(head - WORD):
                leap[_word(letter, place)] = head - WORD - place
            own = _word(letter, head - WORD)
            after, leap[own] = int(leap[own]), 0
        return cls(letter, offset, literal, head, leap, after)

    def best_places(
        self,
        data: np.ndarray,
        first: np.ndarray,
        last: np.ndarray,
        max_mismatches: int,
        found: np.ndarray,
        mismatches: np.ndarray,
    ) -> np.ndarray:
        """Place with the fewest substitutions, the leftmost of equals, in each row.

        Parameters
        ----------
        data : ndarray of uint8
            Letters of all rows.
        first, last : ndarray of int64, shape (n,)
            Where the pattern may begin in ``data``, 0-based half-open; it must fit behind every such place.
        max_mismatches : int
            Substitutions allowed in each literal.
        found : ndarray of bool, shape (n,)
            Rows to search; set to False where the pattern is not found.
        mismatches : ndarray of int64, shape (n,)
            The substitutions are added.

        Returns
        -------
        ndarray of int64, shape (n,)
            Places in ``data``; ``first`` where not found.
        """
        place = np.empty_like(first)
        _best_places(
            data,
            first,
            last,
            self.letter,
            self.offset,
            self.literal,
            self.head,
            self.leap,
            self.after,
            max_mismatches,
            found,
            place,
            mismatches,
        )
        return place


@njit(cache=True, nogil=True)
def _word(data, place):
    """Number of the ``WORD`` bases at a place; N has the number of another base, so that a hit must be verified."""
    word = 0
    for k in range(WORD):
        word = (word << 2) | ((data[place + k] >> 1) & 3)
    return word


@njit(cache=True, nogil=True)
def _is_exact(data, place, letter, offset):
    equal = True
    for k in range(letter.size):
        if data[place + offset[k]] != letter[k]:
            equal = False
            break
    return equal


@njit(cache=True, nogil=True)
def _first_exact(data, first, last, letter, offset, head, leap, after):
    """Leftmost place in ``first`` to ``last`` (not itself) without a substitution; ``last`` when there is none."""
    place, to_word = first, offset[0] + head - WORD
    while place < last:
        step = leap[_word(data, place + to_word)] if head >= WORD else 0
        if step:
            place += step
        elif _is_exact(data, place, letter, offset):
            return place
        else:
            place += after
    return last


@njit(cache=True, nogil=True)
def _substitutions(data, place, letter, offset, literal, most_each, most):
    """Substitutions at a place; above ``most`` when that, or ``most_each`` in one literal, is exceeded."""
    total = here = current = 0
    for k in range(letter.size):
        if literal[k] != current:
            current, here = literal[k], 0
        if data[place + offset[k]] != letter[k]:
            total += 1
            here += 1
            if here > most_each or total > most:
                return most + 1
    return total


@njit(cache=True, nogil=True)
def _best_places(data, first, last, letter, offset, literal, head, leap, after, most_each, found, place, mismatches):
    """Place with the fewest substitutions (the leftmost of equals) in ``first`` to ``last`` of each row still found.

    Most reads have an exact place, which the leaps find; only the others are compared letter by letter.
    """
    for i in range(len(first)):
        place[i] = first[i]
        if not found[i]:
            continue
        exact = _first_exact(data, first[i], last[i], letter, offset, head, leap, after)
        if exact < last[i]:
            place[i] = exact
            continue
        best = most_each * (literal[-1] + 1) + 1
        found[i] = False
        for here in range(first[i], last[i]):
            wrong = _substitutions(data, here, letter, offset, literal, most_each, best - 1)
            if wrong < best:
                place[i], best, found[i] = here, wrong, True
                if best == 1:
                    break
        if found[i]:
            mismatches[i] += best

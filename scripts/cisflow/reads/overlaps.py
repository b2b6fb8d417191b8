"""The overlap that pairs really have, found without knowing it.

Inputs: read 1 and read 2. Outputs: for each pair the place in read 1 where reverse-complemented read 2 begins.
For the read check only: every place is tried, so that wrong settings of the merge cannot hide anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cisflow.reads.ragged import COMPLEMENT, Sequences

#: Shortest overlap that is told from chance: 12 bases with one wrong fit by chance at one of 500,000 places.
FEWEST_BASES = 12
#: Share of unequal bases in an overlap that is still believed; random bases have 0.75.
MOST_WRONG = 0.15
#: What an unequal base costs in equal ones, to choose between overlaps.
COST = 3


@dataclass(frozen=True)
class Overlaps:
    """Overlaps of n pairs.

    Attributes
    ----------
    offset : ndarray of int64, shape (n,)
        0-based place in read 1 where reverse-complemented read 2 begins; negative where the fragment is shorter than a
        read, so that the reads go through into what lies behind it. Means nothing where not found.
    found : ndarray of bool, shape (n,)
    overlap : ndarray of int64, shape (n,)
        Bases of read 1 from ``offset`` to its end: what ``reads.expected_overlap`` is compared with.
    insert : ndarray of int64, shape (n,)
        Bases of the fragment.
    """

    offset: np.ndarray
    found: np.ndarray
    overlap: np.ndarray
    insert: np.ndarray

    @property
    def read_through(self) -> np.ndarray:
        """Pairs whose fragment is shorter than a read; bool, shape (n,)."""
        return self.found & ((self.offset < 0) | (self.insert < self.offset + self.overlap))


@njit(cache=True, nogil=True)
def _find(data1, start1, length1, data2, start2, length2, complement, offset, found):
    for i in range(len(start1)):
        found[i] = False
        offset[i] = 0
        best = 0
        last2 = start2[i] + length2[i] - 1
        for place in range(FEWEST_BASES - length2[i], length1[i] - FEWEST_BASES + 1):
            first, stop = max(place, 0), min(length1[i], place + length2[i])
            allowed = int(MOST_WRONG * (stop - first))
            if stop - first < FEWEST_BASES or stop - first <= best:
                continue
            wrong = 0
            for k in range(first, stop):
                if data1[start1[i] + k] != complement[data2[last2 - (k - place)]]:
                    wrong += 1
                    if wrong > allowed:
                        break
            score = stop - first - (COST + 1) * wrong
            if wrong <= allowed and score > best:
                best = score
                offset[i], found[i] = place, True


def find_overlaps(read1: Sequences, read2: Sequences) -> Overlaps:
    """Find the best overlap of each pair at any place.

    An overlap must have 12 bases or more, of which at most 15 % differ; the one with the most equal bases, less three
    for each unequal one, is taken (the first of equals, from the shortest fragment on).

    Parameters
    ----------
    read1, read2 : Sequences
        n each, read 2 as sequenced.

    Returns
    -------
    Overlaps
    """
    offset, found = np.empty(len(read1), np.int64), np.empty(len(read1), np.bool_)
    _find(read1.data, read1.start, read1.length, read2.data, read2.start, read2.length, COMPLEMENT, offset, found)
    return Overlaps(offset, found, read1.length - offset, offset + read2.length)

"""Parts of a contact map: every contact is given to one of four quarters by chance.

Inputs: a prepared contact map. Outputs: maps of its quarters and halves, which give targets as the whole map does.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from cisflow.contacts.pixels import CoolerWindows, Rows
from cisflow.contacts.targets import ContactMap
from cisflow.randomness import generator

QUARTERS = 4
HALVES = ((0, 1), (2, 3))
QUARTER_PAIRS = tuple(combinations(range(QUARTERS), 2))


def split_counts(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give every contact to one of four parts with equal probability.

    Parameters
    ----------
    counts : int or float array, (pixels,)
        Raw counts.
    rng : numpy Generator

    Returns
    -------
    int32 array, (4, pixels)
        Parts that sum to ``counts``.

    Notes
    -----
    Where counts are Poisson, the parts are independent of each other: maps of the same cells with a quarter of the
    contacts each.
    """
    left = counts.astype(np.int64)
    parts = np.empty((QUARTERS, len(left)), dtype=np.int32)
    for k in range(QUARTERS):
        drawn = rng.binomial(left, 1 / (QUARTERS - k)) if k < QUARTERS - 1 else left
        left = left - drawn
        parts[k] = drawn
    return parts


class PartWindows(CoolerWindows):
    """Windows of some quarters of a map's contacts.

    Parameters
    ----------
    whole : CoolerWindows
    quarters : sequence of int
        Which of the quarters 0 to 3.
    seed : int
        Two objects with the same seed split alike; the draws of a window depend on the seed and its place.

    Notes
    -----
    Weights are larger by the root of the number of parts, so that balanced contacts keep their level.
    """

    def __init__(self, whole: CoolerWindows, quarters: Sequence[int], seed: int):
        self.__dict__.update(whole.__dict__)
        self._whole, self._quarters, self._seed = whole, list(quarters), seed
        scale = np.sqrt(QUARTERS / len(self._quarters))
        self.weights = {name: scale * weights for name, weights in whole.weights.items()}

    def _part(self, counts: np.ndarray, *place: object) -> np.ndarray:
        return split_counts(counts, generator(self._seed, "parts", *place))[self._quarters].sum(axis=0, dtype=np.int32)

    def _rows(self, chromosome: str, first: int, n: int) -> Rows:
        offsets, columns, counts = self._whole._rows(chromosome, first, n)
        low, high, end = offsets[0], offsets[-1], self._first[chromosome] + first + n
        columns, counts = columns[low:high], counts[low:high]
        inside = columns < end
        before = np.concatenate([[0], np.cumsum(inside)])
        return before[offsets - low], columns[inside], self._part(counts[inside], chromosome, first, n)

    def block_counts(self, one: str, first: int, n: int, other: str, other_first: int, m: int) -> np.ndarray:
        """See :meth:`cisflow.contacts.pixels.CoolerWindows.block_counts`."""
        place = one, first, n, other, other_first, m
        dense = self._whole.block_counts(*place)
        square = (one, first, n) == (other, other_first, m)
        row, column = np.nonzero(np.triu(dense) if square else dense)
        part = self._part(dense[row, column], *place)
        dense[:] = 0
        dense[row, column] = part
        if square:
            dense[column, row] = part
        return dense


def part_maps(contact_map: ContactMap, seed: int) -> tuple[list[ContactMap], list[ContactMap]]:
    """Two halves and four quarters of a map.

    Returns
    -------
    halves, quarters : list of ContactMap
        Each is coarse-grained and divided by the expected contacts anew, window by window. Balancing weights and the
        curve of expected contacts are those of the whole map: they are sums over thousands of contacts, and cost a
        pass over the genome each.
    """

    def part(quarters: Sequence[int]) -> ContactMap:
        return contact_map.of_part(lambda windows: PartWindows(windows, quarters, seed))

    return [part(half) for half in HALVES], [part([k]) for k in range(QUARTERS)]

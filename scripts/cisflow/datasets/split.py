"""Train, validation and test rows without near-identical sequences on two sides.

Inputs: the connected component of every row and the number of rows that each held-out split should get. Outputs: the
split of every row; whole components go to one side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit

TRAIN = "train"
SPLITS = (TRAIN, "validation", "test")
REMOVED = "removed"
#: Fewer training rows than this cannot be split.
FEWEST_ROWS = 10
#: Largest relative difference between the rows that a split should get and gets.
TOLERANCE = 0.2


class SplitError(ValueError):
    """The components are too large to give every split its share."""


@dataclass(frozen=True)
class Drawn:
    """Splits of all rows (training rows, then test rows) before and after regard to sequences.

    Attributes
    ----------
    before, after : ndarray of str, shape (n,)
        ``removed`` where a row was taken out.
    removed : dict
        Rows of the first split of a pair that were taken out because they are related to one of the second.
    """

    before: np.ndarray
    after: np.ndarray
    removed: dict[tuple[str, str], int]


@njit(cache=True, nogil=True)
def _fill(sizes, free, target):
    """Take free components in their order while they fit; then the smallest one that brings the sum closer."""
    taken = np.zeros(len(sizes), np.bool_)
    total = 0
    for c in range(len(sizes)):
        if free[c] and total + sizes[c] <= target:
            taken[c] = True
            total += sizes[c]
    if total < target:
        best = -1
        for c in range(len(sizes)):
            if free[c] and not taken[c] and (best < 0 or sizes[c] < sizes[best]):
                best = c
        if best >= 0 and total + sizes[best] - target < target - total:
            taken[best] = True
    return taken


def split_components(component: np.ndarray, held_out: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """Draw held-out splits from whole components; the rest is for training.

    Parameters
    ----------
    component : ndarray of int, shape (n,)
        Label of each row's component.
    held_out : mapping of str to int
        Rows that each split should get, e.g. ``{"validation": 100, "test": 100}``.
    rng : numpy.random.Generator
        Components are visited in its random order, so small and large ones are drawn alike as long as they fit.

    Returns
    -------
    ndarray of str, shape (n,)
        ``train`` or a key of ``held_out``.

    Raises
    ------
    SplitError
        When a split cannot come within 20 % (or one row) of its number of rows, or fewer than two rows are left to
        train on.
    """
    _, inverse, sizes = np.unique(component, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    of_component = np.full(len(sizes), TRAIN, dtype=f"U{max(map(len, [TRAIN, *held_out]))}")
    for split, target in held_out.items():
        taken = order[_fill(sizes[order], of_component[order] == TRAIN, target)]
        of_component[taken] = split
        got = int(sizes[taken].sum())
        if abs(got - target) > max(1.0, TOLERANCE * target) or got == 0:
            raise SplitError(f"{split} should get {target:,} rows, but whole families of sequences give it {got:,}")
    left = int(sizes[of_component == TRAIN].sum())
    if left < 2:
        raise SplitError(f"{left} rows are left to train on")
    return of_component[inverse]


def plain_split(n: int, held_out: Mapping[str, int], rng: np.random.Generator) -> np.ndarray:
    """Draw the same numbers of rows without regard to their sequences; str, shape (n,)."""
    names = np.full(n, TRAIN, dtype=f"U{max(map(len, [TRAIN, *held_out]))}")
    order, start = rng.permutation(n), 0
    for split, target in held_out.items():
        names[order[start : start + target]] = split
        start += target
    return names

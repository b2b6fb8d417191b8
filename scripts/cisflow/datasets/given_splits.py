"""Splits that a study brings with it: kept as they are, but for rows that would leak.

Inputs: sequences and the split of each. Outputs: related pairs, and the splits without rows that have a related one in
a later split (train, validation, test).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from cisflow.clusters.near_identical import NearIdentical, TooManyPairsError
from cisflow.datasets.related import related_pairs
from cisflow.datasets.split import FEWEST_ROWS, REMOVED, SPLITS, TRAIN, Drawn
from cisflow.problems import InputError, Problem
from cisflow.reads.ragged import Sequences

#: Fewer validation rows than this select no model.
FEWEST_HELD_OUT = 2


def _keep(pairs: NearIdentical, given: np.ndarray, method: str) -> Drawn:
    """Splits that are given: rows with a related one in a later split (train, validation, test) are taken out."""
    if method == "random":
        return Drawn(given, given, {})
    order = np.select([given == split for split in SPLITS], range(len(SPLITS)))
    latest = order.copy()
    np.maximum.at(latest, pairs.first, order[pairs.second])
    np.maximum.at(latest, pairs.second, order[pairs.first])
    taken_out = {
        (first, second): int(((order == i) & (latest == j)).sum())
        for (i, first), (j, second) in combinations(enumerate(SPLITS), 2)
    }
    return Drawn(given, np.where(latest > order, REMOVED, given), taken_out)


def keep_splits(
    sequences: Sequences, given: np.ndarray, dataset: str, method: str, max_distance: int, homology_score: int
) -> tuple[NearIdentical, Drawn]:
    """Find related pairs, and take out rows with a related one in a later split.

    Parameters
    ----------
    sequences : Sequences
        n sequences.
    given : ndarray of str, shape (n,)
        Split of each row.
    dataset, method, max_distance, homology_score
        See :class:`cisflow.datasets.build.SplitSettings`; with method ``random`` no row is taken out.

    Returns
    -------
    NearIdentical, Drawn

    Raises
    ------
    InputError
        When too many sequences are related, or too few rows are left.
    """
    try:
        exempt = given == "test"
        pairs = related_pairs(sequences, method, max_distance, homology_score, exempt)
    except TooManyPairsError as error:
        column = "split.homology_score" if method == "homology" else "split.max_distance"
        raise InputError(
            Problem("config", f"leakage of dataset {dataset!r} cannot be counted: {error}", column=column)
        ) from error
    drawn = _keep(pairs, given, method)
    left = {split: int((drawn.after == split).sum()) for split in SPLITS}
    if left[TRAIN] < FEWEST_ROWS or left["validation"] < FEWEST_HELD_OUT:
        raise InputError(
            Problem(
                f"dataset {dataset!r}",
                f"{left[TRAIN]} training and {left['validation']} validation rows are left without those related to a "
                f"row of a later split; expected {FEWEST_ROWS} and {FEWEST_HELD_OUT} or more",
            )
        )
    return pairs, drawn

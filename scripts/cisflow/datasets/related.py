"""Pairs of sequences that should not lie on two sides of a split.

Inputs: sequences, and what counts as related. Outputs: row numbers of the near-identical and the homologous pairs.
"""

from __future__ import annotations

import numpy as np

from cisflow.clusters.near_identical import NearIdentical, near_identical_pairs
from cisflow.datasets.homology import homologous_pairs
from cisflow.reads.ragged import Sequences


def related_pairs(
    sequences: Sequences, method: str, max_distance: int, homology_score: int, exempt: np.ndarray | None = None
) -> NearIdentical:
    """Pairs of near-identical sequences; with method ``homology`` of homologous ones as well (their distance is 0).

    Parameters
    ----------
    sequences : Sequences
    method : {"near_identical", "homology", "random"}
    max_distance, homology_score : int
        See :class:`cisflow.datasets.build.SplitSettings`.
    exempt : ndarray of bool, shape (n,), optional
        Pairs of two exempt rows are left out.
    """
    pairs = near_identical_pairs(sequences, max_distance, exempt)
    if method != "homology":
        return pairs
    first, second = homologous_pairs(sequences, homology_score, exempt)
    n = len(sequences)
    key = np.unique(np.concatenate([first * n + second, pairs.first.astype(np.int64) * n + pairs.second]))
    return NearIdentical((key // n).astype(np.int32), (key % n).astype(np.int32), np.zeros(len(key), np.uint8))

"""Pairs of near-identical sequences in a large set.

Purpose: find every pair of sequences within a small edit distance. The index of pieces proposes the pairs and the edit
distance decides: the result is exact, the index only saves work.
Inputs: sequences and the largest distance. Outputs: row numbers of the pairs and their distances, or the sequences'
connected components.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cisflow.clusters.edits import edits_up_to
from cisflow.clusters.piece_index import PieceIndex
from cisflow.clusters.union import Components
from cisflow.reads.ragged import Sequences

#: Pairs that are kept in memory (9 bytes each); more than this means that a set has collapsed into one family.
MOST_PAIRS = 50_000_000
BLOCK = 1 << 20  # candidates that are compared at once


class TooManyPairsError(ValueError):
    """More near-identical pairs than :data:`MOST_PAIRS`."""


@dataclass(frozen=True)
class NearIdentical:
    """Pairs of near-identical sequences.

    Attributes
    ----------
    first, second : ndarray of int32, shape (n,)
        Row numbers, ``first < second``; sorted, each pair once.
    distance : ndarray of uint8, shape (n,)
        Edit distance, the smaller one of both strands.
    """

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def within(self, distance: int) -> NearIdentical:
        """The pairs up to a smaller distance."""
        kept = self.distance <= distance
        return NearIdentical(self.first[kept], self.second[kept], self.distance[kept])


def components(n: int, pairs: NearIdentical) -> np.ndarray:
    """Connected components of ``n`` rows joined by pairs: the smallest row number of each, int64, shape (n,)."""
    joined = Components(n)
    joined.join(pairs.first.astype(np.int64), pairs.second.astype(np.int64))
    return joined.labels()


def near_identical_components(sequences: Sequences, max_distance: int) -> np.ndarray:
    """Connected components of sequences within an edit distance of each other, on the same strand.

    Pairs are joined as they are found and never kept; pairs that are in one component already are not compared.

    Parameters
    ----------
    sequences : Sequences
        n sequences of upper-case letters. ``N`` is a letter of its own: it differs from every base.
    max_distance : int
        Largest number of substitutions, inserted and deleted bases that turn one whole sequence into the other.

    Returns
    -------
    ndarray of int64, shape (n,)
        A row number of each component, the same for all its rows.
    """
    by_length = np.argsort(sequences.length, kind="stable")
    ordered = sequences.take(by_length)
    joined = Components(len(sequences))
    PieceIndex(ordered, max_distance, both_strands=False).join(joined)
    labels = np.empty(len(sequences), np.int64)
    labels[by_length] = by_length[joined.labels()]
    return labels


def near_identical_pairs(
    sequences: Sequences, max_distance: int, exempt: np.ndarray | None = None, most: int = MOST_PAIRS
) -> NearIdentical:
    """Find all pairs of sequences within an edit distance, on the same or on opposite strands.

    Parameters
    ----------
    sequences : Sequences
        n sequences of upper-case letters. ``N`` is a letter of its own: it differs from every base.
    max_distance : int
        Largest number of substitutions, inserted and deleted bases that turn one whole sequence into the other or
        into its reverse complement.
    exempt : ndarray of bool, shape (n,), optional
        Pairs of two exempt rows are left out.
    most : int
        Largest number of pairs to return.

    Returns
    -------
    NearIdentical

    Raises
    ------
    TooManyPairsError
        When there are more than ``most`` pairs.
    """
    by_length = np.argsort(sequences.length, kind="stable")
    ordered = sequences.take(by_length)
    index = PieceIndex(ordered, max_distance, both_strands=True)
    exempt = None if exempt is None else np.asarray(exempt, np.bool_)[by_length]
    found, total = [], 0
    for first, second, strand in index.candidates(BLOCK, exempt=exempt):
        found.append(_checked(ordered, index.reverse, first, second, strand, max_distance))
        total += len(found[-1])
        if total > most:
            raise TooManyPairsError(f"more than {most:,} pairs within {max_distance} edits")
    return _in_rows(found, by_length)


def _checked(
    ordered: Sequences, reverse: Sequences, first: np.ndarray, second: np.ndarray, strand: np.ndarray, limit: int
) -> NearIdentical:
    """Candidates that are near-identical, each pair once with its smaller distance."""
    distance = np.full(len(first), limit + 1, np.int64)
    for opposite, partner in enumerate((ordered, reverse)):
        chosen = np.flatnonzero(strand == opposite)
        distance[chosen] = edits_up_to(ordered, partner, first[chosen], second[chosen], limit)
    kept = np.flatnonzero(distance <= limit)
    first, second, distance = first[kept], second[kept], distance[kept]
    order = np.lexsort((distance, first, second))
    first, second, distance = first[order], second[order], distance[order]
    new = np.ones(len(first), bool)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return NearIdentical(first[new].astype(np.int32), second[new].astype(np.int32), distance[new].astype(np.uint8))


def _in_rows(found: list[NearIdentical], by_length: np.ndarray) -> NearIdentical:
    """Join blocks and turn places in the order of lengths into row numbers."""
    empty = NearIdentical(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8))
    a = by_length[np.concatenate([block.first for block in [empty, *found]])]
    b = by_length[np.concatenate([block.second for block in [empty, *found]])]
    distance = np.concatenate([block.distance for block in [empty, *found]])
    first, second = np.minimum(a, b).astype(np.int32), np.maximum(a, b).astype(np.int32)
    order = np.lexsort((second, first))
    return NearIdentical(first[order], second[order], distance[order])

"""Pairs of near-identical sequences in a large set, without comparing all with all.

Purpose: find every pair of sequences within a small edit distance on either strand. A sequence is cut into one piece
more than the distance allows edits, so at least one piece must survive unchanged; an index of the pieces proposes the
pairs and the edit distance decides. The result is exact, the index only saves work.
Inputs: sequences and the largest distance. Outputs: row numbers of the pairs and their distances.

The pieces of a sequence depend on its length alone, and each is looked up only at the shifts that an alignment with
so few edits can give it: G. Li, D. Deng, J. Wang, J. Feng, Pass-Join, Proc. VLDB Endow. 5:253 (2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, uint64

from cisflow.clusters.union import Components
from cisflow.datasets.edits import edits_up_to
from cisflow.progress import Progress
from cisflow.reads.ragged import Sequences

#: Pairs that are kept in memory (9 bytes each); more than this means that a set has collapsed into one family.
MOST_PAIRS = 50_000_000
#: Letters that a piece should have at least, for the index to be selective.
SHORT_PIECE = 8
#: Share of the sequences that must agree on a letter at either end for it to count as a constant flank.
CONSTANT = 0.9
BUFFER = 1 << 20
MULTIPLIER, MIXER = uint64(0x9E3779B97F4A7C15), uint64(0xD6E8FEB86659FD93)


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


def constant_ends(sequences: Sequences) -> tuple[int, int]:
    """Number of letters at the left and right end on which nearly all sequences agree (flanks)."""
    shortest = int(sequences.length.min()) if len(sequences) else 0
    ends: list[int] = []
    for place in (sequences.start, sequences.start + sequences.length - 1):
        step, agreed = (1 if not ends else -1), 0
        while agreed < shortest:
            counts = np.bincount(sequences.data[place + step * agreed], minlength=1)
            if counts.max() < CONSTANT * len(place):
                break
            agreed += 1
        ends.append(agreed)
    return ends[0], ends[1]


def _piece_layout(lengths: np.ndarray, n_pieces: int, left: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """Start and size of each piece for every length up to the longest; start -1 where no sequence has the length.

    The flanks ``left`` and ``right`` are left out of the pieces where enough is left between them: a piece that every
    sequence holds proposes every pair.
    """
    longest = int(lengths.max(initial=0))
    start = np.full((longest + 1, n_pieces), -1, np.int64)
    size = np.zeros_like(start)
    for length in np.unique(lengths):
        low, high = left, length - right
        if high - low < SHORT_PIECE * n_pieces:
            low, high = 0, length
        borders = low + (high - low) * np.arange(n_pieces + 1) // n_pieces
        start[length], size[length] = borders[:-1], np.diff(borders)
    return start, size


@njit(cache=True, nogil=True)
def _prefix_hashes(data, start, length, prefix):
    """Polynomial hashes modulo 2**64 of all prefixes; equal windows always have equal hashes."""
    prefix[0] = uint64(0)
    for i in range(length):
        prefix[i + 1] = prefix[i] * MULTIPLIER + uint64(data[start + i])


@njit(cache=True, nogil=True)
def _key(prefix, power, start, size, tag):
    key = prefix[start + size] - prefix[start] * power[size]
    key ^= uint64(tag + 1) * MIXER
    key ^= key >> uint64(32)
    key *= MIXER
    return key ^ (key >> uint64(32))


@njit(cache=True, nogil=True)
def _piece_keys(data, start, length, piece_start, piece_size, power, prefix, keys):
    n_pieces = piece_start.shape[1]
    for row in range(len(start)):
        n = length[row]
        _prefix_hashes(data, start[row], n, prefix)
        for piece in range(n_pieces):
            tag = n * n_pieces + piece
            keys[row, piece] = _key(prefix, power, piece_start[n, piece], piece_size[n, piece], tag)


@njit(cache=True, nogil=True)
def _propose(
    data, start, data_reverse, start_reverse, length, exempt, piece_start, piece_size, power,
    keys, rows, bucket, bucket_shift, prefix, seen, tick, row, first, second, strand,
):  # fmt: skip
    """Fill the buffers with candidate pairs of rows from ``row`` on.

    Returns the next row, the number of candidates and the tick. A row whose candidates do not fit is left to the next
    call as a whole.
    """
    n_pieces = piece_start.shape[1]
    distance = n_pieces - 1
    count = 0
    while row < len(start):
        before = count
        n = length[row]
        for reverse in range(2):
            tick += 1
            if reverse:
                _prefix_hashes(data_reverse, start_reverse[row], n, prefix)
            else:
                _prefix_hashes(data, start[row], n, prefix)
            for other in range(max(0, n - distance), n + 1):
                if piece_start[other, 0] < 0:
                    continue
                longer = n - other
                for piece in range(n_pieces):
                    size = piece_size[other, piece]
                    # At most `piece` edits lie before the first unchanged piece, the others behind it.
                    place = piece_start[other, piece]
                    low = max(place - piece, place + longer - (distance - piece), 0)
                    high = min(place + piece, place + longer + (distance - piece), n - size)
                    for window in range(low, high + 1):
                        key = _key(prefix, power, window, size, other * n_pieces + piece)
                        place_in_index = bucket[key >> bucket_shift]
                        while place_in_index < len(keys) and keys[place_in_index] <= key:
                            if keys[place_in_index] == key:
                                candidate = rows[place_in_index]
                                if (
                                    candidate < row
                                    and seen[candidate] != tick
                                    and not (exempt[candidate] and exempt[row])
                                ):
                                    seen[candidate] = tick
                                    if count == len(first):
                                        return row, before, tick
                                    first[count], second[count], strand[count] = candidate, row, reverse
                                    count += 1
                            place_in_index += 1
        row += 1
    return row, count, tick


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
    n, n_pieces = len(sequences), max_distance + 1
    by_length = np.argsort(sequences.length, kind="stable")
    ordered = sequences.take(by_length)
    reverse = ordered.reverse_complement()
    exempt = np.zeros(n, np.bool_) if exempt is None else np.asarray(exempt, np.bool_)[by_length]
    longest = int(sequences.length.max(initial=0))
    piece_start, piece_size = _piece_layout(sequences.length, n_pieces, *constant_ends(sequences))
    power = np.full(longest + 1, MULTIPLIER, np.uint64)
    power[0] = 1
    power = np.cumprod(power, dtype=np.uint64)
    prefix = np.empty(longest + 1, np.uint64)

    keys = np.empty((n, n_pieces), np.uint64)
    _piece_keys(ordered.data, ordered.start, ordered.length, piece_start, piece_size, power, prefix, keys)
    order = np.argsort(keys, axis=None, kind="stable")
    rows, keys = (order // n_pieces).astype(np.int32), keys.ravel()[order]
    bits = max(1, int(n * n_pieces).bit_length())
    shift = np.uint64(64 - bits)
    bucket = np.searchsorted(keys >> shift, np.arange(1 << bits, dtype=np.uint64))

    buffer = max(BUFFER, 2 * n)
    first, second = np.empty(buffer, np.int64), np.empty(buffer, np.int64)
    strand, seen = np.empty(buffer, np.uint8), np.zeros(n, np.int64)
    found, total, tick, row = [], 0, 0, 0
    progress = Progress("find near-identical sequences", n, "sequences")
    while row < n:
        before = row
        row, count, tick = _propose(
            ordered.data, ordered.start, reverse.data, reverse.start, ordered.length, exempt, piece_start, piece_size,
            power, keys, rows, bucket, shift, prefix, seen, tick, row, first, second, strand,
        )  # fmt: skip
        pairs = _checked(ordered, reverse, first[:count], second[:count], strand[:count], max_distance)
        found.append(pairs)
        total += len(pairs)
        if total > most:
            raise TooManyPairsError(f"more than {most:,} pairs within {max_distance} edits")
        progress.advance(row - before, f"{total:,} pairs")
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

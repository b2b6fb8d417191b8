"""Candidates for near-identical pairs in a large set, without comparing all with all.

Purpose: a sequence is cut into one piece more than the distance allows edits, so at least one piece must survive
unchanged; an index of the pieces proposes the pairs. Every pair within the distance is proposed, with others that
happen to share a piece.
Inputs: sequences and the largest distance. Outputs: blocks of candidate pairs, or the connected components of the
sequences within the distance.

The pieces of a sequence depend on its length alone, and each is looked up only at the shifts that an alignment with
so few edits can give it: G. Li, D. Deng, J. Wang, J. Feng, Pass-Join, Proc. VLDB Endow. 5:253 (2011).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit, uint64

from cisflow.clusters.edits import edit_distance
from cisflow.clusters.union import Components, find_root, link
from cisflow.progress import Progress
from cisflow.reads.ragged import Sequences

#: Letters that a piece should have at least, for the index to be selective.
SHORT_PIECE = 8
#: Share of the sequences that must agree on a letter at either end for it to count as a constant flank.
CONSTANT = 0.9
ROWS_AT_ONCE = 100_000  # between two lines of progress
MULTIPLIER, MIXER = uint64(0x9E3779B97F4A7C15), uint64(0xD6E8FEB86659FD93)


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
def _pass_over(entry, key, own, keys, rows, skip, parent):
    """Place behind the entries of a piece from ``entry`` on that are in component ``own``.

    ``skip`` holds for each entry the place behind it, or behind those after it that were once found in its component:
    components only grow, so that what was passed over together always can be, and a family that shares a piece is
    passed in one step once it is joined.
    """
    behind = skip[entry]
    while behind < len(keys) and keys[behind] == key and find_root(parent, rows[behind]) == own:
        behind = skip[behind]
    skip[entry] = behind
    return behind


@njit(cache=True, nogil=True)
def _propose(
    data, start, data_reverse, start_reverse, length, n_strands, exempt, piece_start, piece_size, power,
    keys, rows, bucket, bucket_shift, prefix, seen, tick, row, stop, enough, first, second, strand, parent, skip, reach,
):  # fmt: skip
    """Go through the rows from ``row`` on, up to ``stop`` or until there are ``enough`` candidates.

    Without ``parent`` the candidates are put into the buffers. A row has at most one for each row before it and each
    strand, so buffers that are larger than ``enough`` by as many never overflow. With ``parent`` candidates of other
    components are compared at once and joined when they are near.

    Returns the next row, the number of candidates and the tick.
    """
    n_pieces = piece_start.shape[1]
    distance = n_pieces - 1
    joins = len(parent) > 0
    count = 0
    while row < stop and count < enough:
        n = length[row]
        own = row
        for reverse in range(n_strands):
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
                        entry = bucket[key >> bucket_shift]
                        while entry < len(keys) and keys[entry] < key:
                            entry += 1
                        while entry < len(keys) and keys[entry] == key and rows[entry] < row:
                            candidate = rows[entry]
                            if joins and find_root(parent, candidate) == own:
                                entry = _pass_over(entry, key, own, keys, rows, skip, parent)
                                continue
                            entry += 1
                            if seen[candidate] == tick:
                                continue
                            seen[candidate] = tick
                            if joins:
                                edits = edit_distance(
                                    data, start[candidate], length[candidate], data, start[row], n, distance,
                                    reach[0], reach[1],
                                )  # fmt: skip
                                if edits <= distance:
                                    own = link(parent, candidate, row)
                            elif not (exempt[candidate] and exempt[row]):
                                first[count], second[count], strand[count] = candidate, row, reverse
                                count += 1
        row += 1
    return row, count, tick


class PieceIndex:
    """Index of the pieces of a set of sequences.

    Parameters
    ----------
    sequences : Sequences
        n sequences of upper-case letters, sorted by length.
    max_distance : int
        Largest number of substitutions, inserted and deleted letters between two sequences.
    both_strands : bool
        Whether a sequence is also compared with the reverse complements of the others.
    """

    def __init__(self, sequences: Sequences, max_distance: int, both_strands: bool):
        n, n_pieces = len(sequences), max_distance + 1
        self._sequences = sequences
        #: Reverse complements; the sequences themselves where one strand is compared.
        self.reverse = sequences.reverse_complement() if both_strands else sequences
        self._n_strands = 1 + both_strands
        longest = int(sequences.length.max(initial=0))
        self._start, self._size = _piece_layout(sequences.length, n_pieces, *constant_ends(sequences))
        power = np.full(longest + 1, MULTIPLIER, np.uint64)
        power[0] = 1
        self._power = np.cumprod(power, dtype=np.uint64)
        self._prefix = np.empty(longest + 1, np.uint64)
        keys = np.empty((n, n_pieces), np.uint64)
        _piece_keys(
            sequences.data, sequences.start, sequences.length, self._start, self._size, self._power, self._prefix, keys
        )
        order = np.argsort(keys, axis=None, kind="stable")
        self._rows, self._keys = (order // n_pieces).astype(np.int32), keys.ravel()[order]
        bits = max(1, int(n * n_pieces).bit_length())
        self._shift = np.uint64(64 - bits)
        self._bucket = np.searchsorted(self._keys >> self._shift, np.arange(1 << bits, dtype=np.uint64))

    def _scan(self, row: int, stop: int, tick: int, seen: np.ndarray, **given: Any) -> tuple[int, int, int]:
        sequences, none = self._sequences, np.empty(0, np.int64)
        given = {"exempt": none, "enough": 1, "buffers": (none, none, none), "parent": none, "skip": none} | given
        reach = np.empty((2, 2 * self._start.shape[1] + 1), np.int64)
        return _propose(
            sequences.data, sequences.start, self.reverse.data, self.reverse.start, sequences.length, self._n_strands,
            given["exempt"], self._start, self._size, self._power, self._keys, self._rows, self._bucket, self._shift,
            self._prefix, seen, tick, row, stop, given["enough"], *given["buffers"], given["parent"], given["skip"],
            reach,
        )  # fmt: skip

    def candidates(
        self, enough: int, exempt: np.ndarray | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Candidate pairs, in blocks of whole rows.

        Parameters
        ----------
        enough : int
            Candidates after which a block ends.
        exempt : ndarray of bool, shape (n,), optional
            Pairs of two exempt rows are left out.

        Yields
        ------
        first, second : ndarray of int64
            Rows, ``first < second``; each pair once per strand.
        strand : ndarray of uint8
            1 where ``second`` is to be compared as its reverse complement.
        """
        n = len(self._sequences)
        exempt = np.zeros(n, np.bool_) if exempt is None else exempt
        size = enough + self._n_strands * n
        first, second, strand = np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.uint8)
        seen, tick, row = np.zeros(n, np.int64), 0, 0
        progress = Progress("find near-identical sequences", n, "sequences")
        while row < n:
            before = row
            row, count, tick = self._scan(
                row, n, tick, seen, exempt=exempt, enough=enough, buffers=(first, second, strand)
            )
            progress.advance(row - before)
            yield first[:count].astype(np.int64), second[:count].astype(np.int64), strand[:count].copy()

    def join(self, components: Components) -> None:
        """Join all rows that lie within the distance, on the same strand; ``components`` are over the rows.

        A pair that is in one component already is not compared.
        """
        n = len(self._sequences)
        skip = np.arange(1, len(self._keys) + 1, dtype=np.int32 if len(self._keys) < 2**31 - 1 else np.int64)
        seen, tick, row = np.zeros(n, np.int64), 0, 0
        progress = Progress("join near-identical sequences", n, "sequences")
        while row < n:
            before = row
            row, _, tick = self._scan(row, min(n, row + ROWS_AT_ONCE), tick, seen, parent=components.parent, skip=skip)
            progress.advance(row - before)

"""Counting of equal rows: a compiled hash table that goes to disk when it is full.

Inputs: packed rows (see :mod:`cisflow.reads.packed`), block by block. Outputs: runs, which are the different rows with
their number in a last column, each run sorted. Two rows are equal when all their words are: a hash only says where to
look.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit

from cisflow.reads.sorted_runs import open_run, write_run

FIRST_ROWS = 1 << 16
#: Bytes beside the rows, for each: places in the table (two to four of eight bytes), order and word of the sort.
SIDE_BYTES = 48
SMALL = 16
STACK = 256
HASH_1, HASH_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
ROW_BITS, ROW_MASK = np.uint64(32), np.uint64(0xFFFFFFFF)


@njit(cache=True, nogil=True, inline="always")
def _hash(rows, i, n_words):
    value = HASH_1
    for k in range(n_words):
        value = (value ^ rows[i, k]) * HASH_2
        value ^= value >> ROW_BITS
    return value


@njit(cache=True, nogil=True)
def _place_all(rows, n, n_words, slots):
    """Fill an empty table with different rows."""
    mask = np.uint64(len(slots) - 1)
    for i in range(n):
        value = _hash(rows, i, n_words)
        place = value & mask
        while slots[place]:
            place = (place + np.uint64(1)) & mask
        slots[place] = (value >> ROW_BITS) << ROW_BITS | np.uint64(i + 1)


@njit(cache=True, nogil=True)
def _add(new, n_words, slots, rows, n):
    """Count new rows; returns how many different rows there are now. A place holds 32 bits of the hash and row + 1."""
    mask = np.uint64(len(slots) - 1)
    hashes = np.empty(len(new), np.uint64)
    for i in range(len(new)):
        hashes[i] = _hash(new, i, n_words)
    for i in range(len(new)):
        value = hashes[i]
        place = value & mask
        while True:
            slot = slots[place]
            if slot == 0:
                for k in range(n_words):
                    rows[n, k] = new[i, k]
                rows[n, n_words] = 1
                n += 1
                slots[place] = (value >> ROW_BITS) << ROW_BITS | np.uint64(n)
                break
            if slot >> ROW_BITS == value >> ROW_BITS:
                row = np.int64(slot & ROW_MASK) - 1
                equal = True
                for k in range(n_words):
                    equal &= rows[row, k] == new[i, k]
                if equal:
                    rows[row, n_words] += np.uint64(1)
                    break
            place = (place + np.uint64(1)) & mask
    return n


@njit(cache=True, nogil=True)
def _less(rows, one, two, first_word, n_words):
    for k in range(first_word, n_words):
        if rows[one, k] != rows[two, k]:
            return rows[one, k] < rows[two, k]
    return False


@njit(cache=True, nogil=True)
def _sort_small(rows, order, low, high, column, n_words):
    for i in range(low + 1, high):
        row, place = order[i], i
        while place > low and _less(rows, row, order[place - 1], column, n_words):
            order[place] = order[place - 1]
            place -= 1
        order[place] = row


@njit(cache=True, nogil=True)
def sort_order(rows, n_words):
    """Order of different rows by their first ``n_words`` words: quicksort word by word (Bentley and Sedgewick 1997)."""
    order = np.arange(len(rows))
    word = rows[:, 0].copy()
    stack = np.empty((STACK, 3), np.int64)
    stack[0] = 0, len(rows), 0
    depth = 1
    while depth:
        depth -= 1
        low, high, column = stack[depth]
        if high - low <= SMALL:
            _sort_small(rows, order, low, high, column, n_words)
            continue
        a, b, c = word[low], word[(low + high) // 2], word[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        less, place, more = low, low, high
        while place < more:
            value = word[place]
            if value < pivot:
                word[place], word[less] = word[less], value
                order[place], order[less] = order[less], order[place]
                less += 1
                place += 1
            elif value > pivot:
                more -= 1
                word[place], word[more] = word[more], value
                order[place], order[more] = order[more], order[place]
            else:
                place += 1
        parts = [(low, less, column), (more, high, column)]
        if column + 1 < n_words:
            parts.append((less, more, column + 1))
            for i in range(less, more):
                word[i] = rows[order[i], column + 1]
        for _ in range(len(parts)):  # the largest part at the bottom keeps the stack small
            largest = 0
            for i in range(1, len(parts)):
                if parts[i][1] - parts[i][0] > parts[largest][1] - parts[largest][0]:
                    largest = i
            part = parts.pop(largest)
            if part[1] - part[0] > 1:
                stack[depth] = part
                depth += 1
    return order


class UniqueCounter:
    """Counts equal rows.

    Parameters
    ----------
    n_words : int
        Words of a row.
    memory_bytes : int
        About what the table may need, the sort at the end included; what does not fit goes to disk as a sorted run.
    folder : path
        Where runs are written; it belongs to the caller.
    """

    def __init__(self, n_words: int, memory_bytes: int, folder: str | Path) -> None:
        self._n_words = n_words
        self._most = max(memory_bytes // (2 * 8 * (n_words + 1) + SIDE_BYTES), 1)
        self._folder = Path(folder)
        self._written: list[Path] = []
        self._clear()

    def _clear(self) -> None:
        self._n = 0
        rows = min(FIRST_ROWS, self._most)
        self._rows = np.empty((rows, self._n_words + 1), np.uint64)
        self._slots = np.zeros(self._places(rows), np.uint64)

    @staticmethod
    def _places(rows: int) -> int:
        """Places of a table that is at most half full."""
        return 1 << (2 * rows - 1).bit_length()

    def _grow(self, wanted: int) -> None:
        rows = np.empty((min(max(wanted, 2 * len(self._rows)), self._most), self._n_words + 1), np.uint64)
        rows[: self._n] = self._rows[: self._n]
        self._rows = rows
        if self._places(len(rows)) > len(self._slots):
            self._slots = np.zeros(self._places(len(rows)), np.uint64)
            _place_all(rows, self._n, self._n_words, self._slots)

    def _sorted(self) -> np.ndarray:
        self._slots = np.empty(0, np.uint64)
        rows = self._rows[: self._n]
        return rows[sort_order(rows, self._n_words)]

    def _spill(self) -> None:
        path = self._folder / f"{len(self._written)}.npy"
        write_run([self._sorted()], self._n_words + 1, path)
        self._written.append(path)
        self._clear()

    def add(self, rows: np.ndarray) -> None:
        """Count rows; uint64, shape (m, n_words)."""
        while len(rows):
            if self._n + len(rows) > len(self._rows) < self._most:
                self._grow(self._n + len(rows))
            room = len(self._rows) - self._n
            if room == 0:
                self._spill()
                continue
            part, rows = rows[:room], rows[room:]
            self._n = _add(part, self._n_words, self._slots, self._rows, self._n)

    def runs(self) -> list[np.ndarray]:
        """All rows with their numbers, in sorted runs; the counter is empty afterwards."""
        if self._written and self._n:
            self._spill()
        runs = [open_run(path) for path in self._written] or [self._sorted()]
        self._written = []
        self._clear()
        return runs

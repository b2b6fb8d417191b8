"""Many sequences of different lengths in one array of bytes.

Inputs: ASCII bytes with the start and length of every sequence. Outputs: reverse complements, slices and string
columns of them, without a Python object per sequence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numba import njit


def _complement_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint8)
    table[np.frombuffer(b"ACGT", np.uint8)] = np.frombuffer(b"TGCA", np.uint8)
    return table


#: Complement of a base by its ASCII code; N stays N.
COMPLEMENT = _complement_table()


@dataclass(frozen=True)
class Sequences:
    """Sequences as slices of one array.

    Attributes
    ----------
    data : ndarray of uint8, shape (m,)
        ASCII letters; may hold other bytes between the sequences.
    start, length : ndarray of int64, shape (n,)
        0-based place of the first letter, and number of letters.
    """

    data: np.ndarray
    start: np.ndarray
    length: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: np.ndarray | slice) -> Sequences:
        """Sequences of some rows (indices or mask); the letters are shared, not copied."""
        return Sequences(self.data, self.start[rows], self.length[rows])

    def part(self, start: np.ndarray, stop: np.ndarray) -> Sequences:
        """Sub-sequences, 0-based half-open inside each sequence; the letters are shared."""
        return Sequences(self.data, self.start + start, stop - start)

    def reverse_complement(self) -> Sequences:
        """Reverse complements, in an array of their own."""
        offsets = _offsets(self.length)
        data = np.empty(offsets[-1], np.uint8)
        _copy_reversed(self.data, self.start, self.length, COMPLEMENT, offsets, data)
        return Sequences(data, offsets[:-1], self.length)

    def to_series(self, name: str = "sequence") -> pl.Series:
        """Column of strings, shape (n,)."""
        offsets = _offsets(self.length)
        data = np.empty(offsets[-1], np.uint8)
        _copy(self.data, self.start, self.length, offsets, data)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        array = pa.Array.from_buffers(pa.large_string(), len(self), buffers)
        return pl.Series(name, array, dtype=pl.String)

    @classmethod
    def from_series(cls, series: pl.Series) -> Sequences:
        """Sequences of a column of strings without missing values."""
        array = series.to_arrow()
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        array = array.cast(pa.large_string())
        if len(array) == 0:
            return cls(np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64))
        _, offsets, letters = array.buffers()
        bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        data = np.frombuffer(letters, np.uint8) if letters is not None and letters.size else np.empty(0, np.uint8)
        return cls(data, bounds[:-1], np.diff(bounds))


def _offsets(length: np.ndarray) -> np.ndarray:
    offsets = np.zeros(len(length) + 1, np.int64)
    np.cumsum(length, out=offsets[1:])
    return offsets


@njit(cache=True, nogil=True)
def _copy(data, start, length, offsets, out):
    for i in range(len(start)):
        for k in range(length[i]):
            out[offsets[i] + k] = data[start[i] + k]


@njit(cache=True, nogil=True)
def _copy_reversed(data, start, length, complement, offsets, out):
    for i in range(len(start)):
        for k in range(length[i]):
            out[offsets[i] + k] = complement[data[start[i] + length[i] - 1 - k]]


@njit(cache=True, nogil=True)
def _contains(data, start, length, letter, out):
    for i in range(len(start)):
        out[i] = False
        for k in range(length[i]):
            if data[start[i] + k] == letter:
                out[i] = True
                break


def contains(sequences: Sequences, letter: str) -> np.ndarray:
    """Whether each sequence holds a letter; bool, shape (n,)."""
    found = np.empty(len(sequences), np.bool_)
    _contains(sequences.data, sequences.start, sequences.length, np.uint8(ord(letter)), found)
    return found

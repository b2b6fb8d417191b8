"""Sequences packed to two bits a base: rows of 64-bit words that compare like the sequences.

Inputs: sequences of A, C, G and T. Outputs: a row of words for each, and the sequences back. A row holds the bases of a
sequence (the first one in the highest bits; zeros behind the last), then its length, then, where there are any, the
bases of its unique molecular identifier (UMI). Rows sort like the sequences in alphabetical order, a shorter one before
its continuations, and equal sequences by their UMI.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numba import njit

from cisflow.reads.ragged import Sequences
from cisflow.reads.words import HIGH, LOW, SEVEN, SIZE, N, first_letters, load_word, swap_bytes

BASES_PER_WORD = 32
#: Letters of each byte of four bases, the first base in the lowest byte.
FOUR_LETTERS = np.array(
    [sum(b"ACGT"[(code >> 2 * (3 - k)) & 3] << 8 * k for k in range(4)) for code in range(256)], np.uint32
)


def words_for(bases: int) -> int:
    """Words that hold a number of bases."""
    return -(-bases // BASES_PER_WORD)


@njit(cache=True, nogil=True, inline="always")
def _eight_bases(word):
    """Two-bit codes of eight letters, in the order of the alphabet, the first letter in the highest of 16 bits."""
    code = (swap_bytes(word) >> np.uint64(1)) & (LOW * np.uint64(3))
    code ^= (code >> np.uint64(1)) & LOW  # T and G change places
    code = (code | code >> np.uint64(6)) & np.uint64(0x000F000F000F000F)
    code = (code | code >> np.uint64(12)) & np.uint64(0x000000FF000000FF)
    return (code | code >> np.uint64(24)) & np.uint64(0xFFFF)


@njit(cache=True, nogil=True)
def _pack_one(data, start, length, row, column):
    """Pack one sequence into ``row[column:]``; False when it holds an N."""
    word = np.uint64(0)
    any_n = np.uint64(0)
    for k in range(0, length, SIZE):
        letters = load_word(data, start + k) if start + k + SIZE <= data.size else np.uint64(0)
        if start + k + SIZE > data.size:  # nothing to read behind the last letters of all
            for i in range(data.size - start - k):
                letters |= np.uint64(data[start + k + i]) << np.uint64(8 * i)
        letters = first_letters(letters, length - k)
        any_n |= ~((letters ^ N) + SEVEN) & HIGH
        shift = np.uint64(48 - 2 * (k % BASES_PER_WORD))
        word |= _eight_bases(letters) << shift
        if shift == 0:
            row[column + k // BASES_PER_WORD] = word
            word = np.uint64(0)
    if word:
        row[column + (length - 1) // BASES_PER_WORD] = word
    return any_n == 0


@njit(cache=True, nogil=True)
def _pack(data, start, length, words, umi_data, umi_start, umi_length, rows):
    """Pack the sequences without an N; returns how many."""
    n = 0
    for i in range(len(start)):
        row = rows[n]
        row[:] = 0
        clean = _pack_one(data, start[i], length[i], row, 0)
        row[words] = length[i]
        if umi_length and clean:
            clean = _pack_one(umi_data, umi_start[i], umi_length, row, words + 1)
        n += clean
    return n


def pack(sequences: Sequences, words: int, umis: Sequences | None = None, umi_length: int = 0) -> np.ndarray:
    """Pack sequences; those with an N (or with an N in the UMI) are left out.

    Parameters
    ----------
    sequences : Sequences
        n sequences of A, C, G, T and N, none longer than ``words`` can hold.
    words : int
        Words for the bases of a sequence.
    umis : Sequences, optional
        n identifiers of ``umi_length`` bases.
    umi_length : int

    Returns
    -------
    ndarray of uint64, shape (m, words + 1 + words of the UMI)
    """
    rows = np.empty((len(sequences), words + 1 + words_for(umi_length)), np.uint64)
    codes = umis if umi_length and umis is not None else sequences
    n = _pack(sequences.data, sequences.start, sequences.length, words, codes.data, codes.start, umi_length, rows)
    return rows[:n]


@njit(cache=True, nogil=True)
def _unpack(rows, words, offsets, four_letters, out):
    for i in range(len(rows)):
        place = offsets[i]
        for k in range(0, offsets[i + 1] - place, 4):
            code = rows[i, k // BASES_PER_WORD] >> np.uint64(56 - 2 * (k % BASES_PER_WORD))
            letters = four_letters[code & np.uint64(255)]
            for j in range(min(4, offsets[i + 1] - place - k)):
                out[place + k + j] = (letters >> np.uint32(8 * j)) & np.uint32(255)


def unpack(rows: np.ndarray, words: int) -> pl.Series:
    """Sequences of packed rows, as strings."""
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(rows[:, words], out=offsets[1:])
    letters = np.empty(offsets[-1], np.uint8)
    _unpack(rows, words, offsets, FOUR_LETTERS, letters)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(letters)]
    return pl.Series("sequence", pa.Array.from_buffers(pa.large_string(), len(rows), buffers), dtype=pl.String)

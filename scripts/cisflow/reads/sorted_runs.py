"""Sorted runs of counted rows: files that merge as streams, and the tables made of them.

Inputs: runs of packed rows (see :mod:`cisflow.reads.packed`), each sorted, with the number of reads in the last column.
Outputs: one sorted run, or tables of unique sequences, in pieces. Memory is bounded by the pieces, whatever the runs
hold, and the result does not depend on how the rows were spread over runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numba import njit

from cisflow.files import TableWriter, atomic_path
from cisflow.problems import InputError, Problem
from cisflow.reads.packed import unpack

#: Rows of a piece; also of a row group of the tables.
PIECE_ROWS = 1 << 19
SCHEMA = {"sequence": pl.String, "reads": pl.UInt32}
MOST_READS = np.iinfo(np.uint32).max


def write_run(pieces: Iterable[np.ndarray], columns: int, path: str | Path) -> None:
    """Write rows (uint64, shape (m, columns) each) as a NumPy file, piece by piece."""
    n = 0

    def header() -> None:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<u8", "fortran_order": False, "shape": (n, columns)}
        )  # of fixed size: the number of rows has room for 21 digits

    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        header()
        for piece in pieces:
            np.ascontiguousarray(piece, "<u8").tofile(file)
            n += len(piece)
        file.seek(0)
        header()


def open_run(path: str | Path) -> np.ndarray:
    """Rows of a run, read from disk when they are used."""
    with open(path, "rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if shape[0] == 0:
        return np.empty(shape, dtype)
    return np.load(path, mmap_mode="r")


@njit(cache=True, nogil=True)
def _compare(rows, one, at_one, two, at_two, n_words):
    for k in range(n_words):
        if rows[one, at_one, k] != rows[two, at_two, k]:
            return -1 if rows[one, at_one, k] < rows[two, at_two, k] else 1
    return 0


@njit(cache=True, nogil=True)
def _merge(window, place, size, live, out):
    """Merge until ``out`` is full or a run that goes on has no row left in its window; returns the rows written.

    Equal rows of several runs become one. Runs that have ended are those with ``place == size`` and not ``live``.
    """
    n_words = window.shape[2] - 1
    n = 0
    while n < len(out):
        first = -1
        for run in range(len(window)):
            if place[run] == size[run]:
                if live[run]:
                    return n
                continue
            if first < 0 or _compare(window, run, place[run], first, place[first], n_words) < 0:
                first = run
        if first < 0:
            return n
        at = place[first]
        out[n] = window[first, at]
        place[first] += 1
        for run in range(first + 1, len(window)):
            if place[run] < size[run] and _compare(window, run, place[run], first, at, n_words) == 0:
                out[n, n_words] += window[run, place[run], n_words]
                place[run] += 1
        n += 1
    return n


def merge_runs(runs: Sequence[np.ndarray], piece_rows: int = PIECE_ROWS) -> Iterator[np.ndarray]:
    """Merge sorted runs; the numbers of equal rows are added.

    Parameters
    ----------
    runs : sequence of ndarray of uint64, shape (n, columns)
        Each sorted by all columns but the last, without equal rows.
    piece_rows : int
        Rows of a piece.

    Yields
    ------
    ndarray of uint64, shape (piece_rows, columns)
        The last one can be shorter.
    """
    if len(runs) == 1:
        yield from (runs[0][i : i + piece_rows] for i in range(0, len(runs[0]), piece_rows))
        return
    columns = runs[0].shape[1]
    window = np.empty((len(runs), max(piece_rows // len(runs), 1), columns), np.uint64)
    place, size, used = (np.zeros(len(runs), np.int64) for _ in range(3))
    lengths = np.array([len(run) for run in runs])
    out, n = np.empty((piece_rows, columns), np.uint64), 0
    while True:
        for k in np.flatnonzero((place == size) & (used < lengths)):
            part = runs[k][used[k] : used[k] + window.shape[1]]
            window[k, : len(part)] = part
            place[k], size[k] = 0, len(part)
            used[k] += len(part)
        n += _merge(window, place, size, used < lengths, out[n:])
        ended = bool(np.all((place == size) & (used == lengths)))
        if n == piece_rows or (ended and n):
            yield out[:n].copy()
            n = 0
        if ended:
            return


def count_tables(pieces: Iterable[np.ndarray], words: int, with_umi: bool) -> Iterator[pl.DataFrame]:
    """Tables of unique sequences from merged rows.

    Parameters
    ----------
    pieces : iterable of ndarray of uint64
        Rows of :func:`merge_runs`.
    words : int
        Words for the bases of a sequence.
    with_umi : bool
        Whether rows differ in their identifiers too; the reads of a sequence are then its different identifiers.

    Yields
    ------
    polars.DataFrame
        ``sequence`` (str, ascending over all tables), ``reads`` (uint32).
    """
    open_key, open_reads = None, 0  # a sequence whose identifiers may go on in the next piece
    for piece in pieces:
        if not with_umi:
            yield _table(piece, piece[:, -1], words)
            continue
        keys = piece[:, : words + 1]
        first = np.append(0, np.flatnonzero(np.any(keys[1:] != keys[:-1], axis=1)) + 1)
        keys, reads = keys[first], np.diff(np.append(first, len(piece)))
        if open_key is not None:
            if np.array_equal(open_key, keys[0]):
                reads[0] += open_reads
            else:
                keys, reads = np.vstack([open_key, keys]), np.append(open_reads, reads)
        open_key, open_reads = keys[-1].copy(), int(reads[-1])
        if len(keys) > 1:
            yield _table(keys[:-1], reads[:-1], words)
    if open_key is not None:
        yield _table(open_key[None], np.array([open_reads]), words)


def _table(rows: np.ndarray, reads: np.ndarray, words: int) -> pl.DataFrame:
    sequences = unpack(rows, words)
    if reads.max(initial=0) > MOST_READS:
        most = int(np.argmax(reads))
        raise InputError(
            Problem("reads", f"{reads[most]:,} reads of {sequences[most]}; expected at most {MOST_READS:,} in a bin")
        )
    return pl.DataFrame({"sequence": sequences, "reads": reads.astype(np.uint32)})


def write_tables(tables: Iterable[pl.DataFrame], path: str | Path) -> tuple[int, int]:
    """Write tables of unique sequences one after the other to a file; returns the number of rows and of reads."""
    n = n_reads = 0
    with TableWriter(path, SCHEMA) as writer:
        for table in tables:
            writer.write(table)
            n += len(table)
            n_reads += int(table["reads"].sum())
    return n, n_reads

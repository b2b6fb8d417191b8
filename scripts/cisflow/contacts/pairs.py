"""Lists of pairs to pixels, streamed: memory does not grow with the file.

Inputs: ``.pairs`` files (4DN format), plain or gzip. Outputs: pixels of the upper triangle in the order of the bins.
Pairs are turned into numbers of pixels, sorted and counted piece by piece; pieces that do not fit go to disk and are
merged as streams. The order of the pairs, and how they are spread over files, change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit

from cisflow.contacts.coolers import Pixels
from cisflow.contacts.pairs_header import PairsHeader, read_header
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.progress import Progress
from cisflow.reads.sorted_runs import merge_runs, open_run, write_run
from cisflow.reads.text import TextReader

TEXT = 1 << 24  # bytes of text in memory
BYTES_PER_PAIR = 8 + 8 + 16  # a number, its copy while it is sorted, and its row in a run
UNMAPPED, NEWLINE = b"!", 10
MOST_BINS = 1 << 31  # the number of a pixel has to fit 64 bits
FNV_START, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
FINE, SHORT, NUMBER, NAME, BEYOND = range(5)


@njit(cache=True)
def _hash(text, begin, end):  # type: ignore[no-untyped-def]
    """FNV-1a of a piece of text."""
    value = FNV_START
    for k in range(begin, end):
        value = (value ^ np.uint64(text[k])) * FNV_PRIME
    return value


@njit(cache=True)
def _chromosome(text, begin, end, hashes, order):  # type: ignore[no-untyped-def]
    value = _hash(text, begin, end)
    k = np.searchsorted(hashes, value)
    return order[k] if k < len(hashes) and hashes[k] == value else -1


@njit(cache=True)
def _parse(text, n, columns, hashes, order, lengths, first_bins, resolution, n_bins, unmapped, keys):  # type: ignore[no-untyped-def]
    """Pixel numbers of the pairs in whole lines; returns (pairs, unmapped, status, begin and end of a bad line)."""
    last_column = columns.max()
    place, found, lost = 0, 0, 0
    begins, ends = np.empty(last_column + 1, np.int64), np.empty(last_column + 1, np.int64)
    where, position = np.empty(2, np.int64), np.empty(2, np.int64)
    while place < n:
        begin, column = place, 0
        begins[0] = place
        while place < n and text[place] != 10:
            if text[place] == 9:
                if column <= last_column:
                    ends[column] = place
                column += 1
                if column <= last_column:
                    begins[column] = place + 1
            place += 1
        end = place
        place += 1
        if end > begin and text[end - 1] == 13:
            end -= 1
        if end == begin or text[begin] == 35:  # an empty line, or a comment
            continue
        if column < last_column:
            return found, lost, SHORT, begin, end
        if column == last_column:
            ends[column] = end
        skipped = False
        for side in range(2):
            name, number = columns[2 * side], columns[2 * side + 1]
            if ends[name] == begins[name] + 1 and text[begins[name]] == unmapped:
                skipped = True
                break
            where[side] = _chromosome(text, begins[name], ends[name], hashes, order)
            if where[side] < 0:
                return found, lost, NAME, begins[name], ends[name]
            value = 0
            for k in range(begins[number], ends[number]):
                digit = text[k] - 48
                if text[k] < 48 or digit > 9 or k - begins[number] > 15:
                    return found, lost, NUMBER, begin, end
                value = 10 * value + digit
            if value < 1 or value > lengths[where[side]]:
                return found, lost, BEYOND, begin, end
            position[side] = value - 1
        if skipped:
            lost += 1
            continue
        one = first_bins[where[0]] + position[0] // resolution
        two = first_bins[where[1]] + position[1] // resolution
        keys[found] = np.uint64(min(one, two) * n_bins + max(one, two))
        found += 1
    return found, lost, FINE, 0, 0


@dataclass(frozen=True)
class _Layout:
    """Bins of the chromosomes, and how to find a chromosome by its name."""

    names: tuple[str, ...]
    lengths: np.ndarray
    first_bins: np.ndarray
    n_bins: int
    hashes: np.ndarray
    order: np.ndarray
    resolution: int


def _layout(header: PairsHeader, resolution: int, path: str) -> _Layout:
    names, lengths = tuple(header.lengths), np.array(list(header.lengths.values()), dtype=np.int64)
    bins = -(-lengths // resolution)
    first = np.concatenate([[0], np.cumsum(bins)])
    if first[-1] >= MOST_BINS:
        what = f"{int(first[-1]):,} bins of {resolution:,} bp; at most {MOST_BINS - 1:,} can be numbered"
        raise InputError(Problem(path, what, column="#chromsize"))
    hashes = np.array([_hash(np.frombuffer(name.encode(), np.uint8), 0, len(name.encode())) for name in names])
    order = np.argsort(hashes)
    if len(np.unique(hashes)) < len(names):
        raise RuntimeError("two names of chromosomes have one hash")
    return _Layout(names, lengths, first[:-1], int(first[-1]), hashes[order], order, resolution)


def _lines(path: str, header: PairsHeader) -> Iterator[tuple[np.ndarray, int]]:
    """Text behind the header in blocks of whole lines: a buffer, and how much of it is used."""
    reader, room, kept, skip = TextReader(path, "a .pairs file"), np.empty(TEXT, dtype=np.uint8), 0, header.size
    while n := reader.read_into(room[kept:]):
        n += kept
        if skip:
            dropped = min(skip, n)
            room[: n - dropped] = room[dropped:n].copy()
            skip, n = skip - dropped, n - dropped
        newlines = np.flatnonzero(room[:n] == 10)
        used = int(newlines[-1]) + 1 if len(newlines) else 0
        if used:
            yield room, used
        elif n == len(room):
            raise InputError(Problem(path, f"a line has more than {TEXT:,} bytes; expected one pair per line"))
        kept = n - used
        room[:kept] = room[used:n].copy()
    if reader.failure:
        raise InputError(Problem(path, "".join(reader.failure)))
    if kept:
        yield room, kept


def _problem(path: str, text: np.ndarray, status: int, begin: int, end: int, header: PairsHeader, row: int) -> Problem:
    shown = text[begin:end].tobytes()[:200].decode(errors="replace")
    if status == NAME:
        return Problem(path, f"no #chromsize for this chromosome: {not_one_of(shown, list(header.lengths))}", row)
    expected = {
        SHORT: "fewer columns than the header says",
        NUMBER: "a position is no whole number",
        BEYOND: "a position lies outside its chromosome (1-based)",
    }[status]
    return Problem(path, f"{expected}: {shown!r}", row)


def _sorted_rows(keys: np.ndarray) -> np.ndarray:
    """Sorted rows (key, number of times); uint64 (rows, 2)."""
    keys.sort()
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.empty(0, np.int64)
    rows = np.empty((len(first), 2), dtype=np.uint64)
    rows[:, 0] = keys[first]
    rows[:, 1] = np.diff(np.append(first, len(keys)))
    return rows


def bin_pairs(
    paths: Sequence[str | Path], resolution: int, memory_mb: int, folder: str | Path
) -> tuple[Iterator[Pixels], int]:
    """Count pairs per pixel.

    Parameters
    ----------
    paths : sequence of path
        Lists of pairs of one experiment; equal chromosomes in all headers. Positions are 1-based, as the format has
        them; pairs with a side that is not mapped (chromosome ``!``) are left out.
    resolution : int
        Bin size (bp).
    memory_mb : int
        For pairs in memory; more go to disk, sorted.
    folder : path
        For these files, which the caller removes.

    Returns
    -------
    pixels : iterator of (bin1, bin2, count)
        Upper triangle in the order of the bins; int64 and int64.
    unmapped : int
        Pairs that were left out.

    Raises
    ------
    InputError
        When headers differ, or a line is no pair within the chromosomes of the header.
    """
    headers = [read_header(path) for path in paths]
    problems = [
        Problem(
            str(path), f"chromosomes or their lengths differ from those of {paths[0]}; expected pairs of one genome"
        )
        for path, header in zip(paths, headers, strict=True)
        if dict(header.lengths) != dict(headers[0].lengths)
    ]
    if problems:
        raise InputError(problems)
    layout, runs = _layout(headers[0], resolution, str(paths[0])), []
    # A line has 8 bytes at least, so that a block of text never has more pairs than this.
    room = max(memory_mb * 1_000_000 // BYTES_PER_PAIR, TEXT // 8)
    keys, n, unmapped = np.empty(room, dtype=np.uint64), 0, 0
    progress = Progress("bin pairs", None, "pairs")

    def spill() -> None:
        path = Path(folder) / f"pairs{len(runs)}.npy"
        write_run([_sorted_rows(keys[:n])], 2, path)
        runs.append(open_run(path))

    for path, header in zip(map(str, paths), headers, strict=True):
        columns, row = np.array(header.columns), header.rows + 1
        for text, used in _lines(path, header):
            if n + TEXT // 8 > room:
                spill()
                n = 0
            found, lost, status, begin, end = _parse(
                text,
                used,
                columns,
                layout.hashes,
                layout.order,
                layout.lengths,
                layout.first_bins,
                resolution,
                layout.n_bins,
                UNMAPPED[0],
                keys[n:],
            )
            if status != FINE:
                row += int(np.count_nonzero(text[:begin] == NEWLINE))
                raise InputError(_problem(path, text, status, begin, end, header, row))
            row += int(np.count_nonzero(text[:used] == NEWLINE))
            n, unmapped = n + found, unmapped + lost
            progress.advance(found + lost)
    if runs:
        spill()
        del keys
    else:
        runs.append(_sorted_rows(keys[:n]))

    def pixels() -> Iterator[Pixels]:
        for rows in merge_runs(runs):
            key = rows[:, 0].astype(np.int64)
            yield key // layout.n_bins, key % layout.n_bins, rows[:, 1].astype(np.int64)

    return pixels(), unmapped

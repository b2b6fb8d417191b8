"""FASTQ files as a stream of blocks.

Inputs: FASTQ with four lines a record, plain or gzip (told by the content, not the name), LF or CRLF.
Outputs: blocks of records as arrays, or one :class:`~cisflow.problems.InputError` that names the file and the read.
Memory is bounded by the size of a block.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit

from cisflow.problems import InputError, Problem
from cisflow.reads.ragged import Sequences

BLOCK_BYTES = 1 << 24
LINES = 4
#: What `_find_records` can find wrong with a record.
FINE, NO_HEADER, NO_SEPARATOR, UNEQUAL_LENGTHS, BAD_LETTER = range(5)


@dataclass(frozen=True)
class FastqBlock:
    """Consecutive records of a FASTQ file.

    Attributes
    ----------
    data : ndarray of uint8
        Text of the block.
    sequence_start, quality_start, length : ndarray of int64, shape (n,)
        0-based places in ``data`` and the number of bases.
    """

    data: np.ndarray
    sequence_start: np.ndarray
    quality_start: np.ndarray
    length: np.ndarray

    def __len__(self) -> int:
        return len(self.length)

    def part(self, start: int, stop: int | None = None) -> FastqBlock:
        """Records ``start`` to ``stop`` (0-based, half-open); the text is shared."""
        rows = slice(start, stop)
        return FastqBlock(self.data, self.sequence_start[rows], self.quality_start[rows], self.length[rows])

    @property
    def sequences(self) -> Sequences:
        """Bases of the records."""
        return Sequences(self.data, self.sequence_start, self.length)


def _letter_table() -> np.ndarray:
    table = np.zeros(256, np.bool_)
    table[np.frombuffer(b"ACGTN", np.uint8)] = True
    return table


VALID_LETTER = _letter_table()


@njit(cache=True, nogil=True)
def _line_end(data, start):
    """Place of the newline that ends the line, or -1."""
    for i in range(start, data.size):
        if data[i] == 10:
            return i
    return -1


@njit(cache=True, nogil=True)
def _find_records(data, valid_letter, sequence_start, quality_start, length):
    """Fill in the complete records of ``data``; returns their number, the bytes used, what is wrong, and where."""
    n = used = 0
    while True:
        header = used
        header_end = _line_end(data, header)
        if header_end < 0:
            return n, used, FINE, 0
        if data[header] != 64:  # @
            return n, used, NO_HEADER, header
        bases = header_end + 1
        bases_end = _line_end(data, bases)
        if bases_end < 0:
            return n, used, FINE, 0
        separator = bases_end + 1
        separator_end = _line_end(data, separator)
        if separator_end < 0:
            return n, used, FINE, 0
        if data[separator] != 43:  # +
            return n, used, NO_SEPARATOR, separator
        quality = separator_end + 1
        quality_end = _line_end(data, quality)
        if quality_end < 0:
            return n, used, FINE, 0
        n_bases = bases_end - bases
        if n_bases and data[bases_end - 1] == 13:
            n_bases -= 1
        n_quality = quality_end - quality
        if n_quality and data[quality_end - 1] == 13:
            n_quality -= 1
        if n_bases != n_quality:
            return n, used, UNEQUAL_LENGTHS, quality
        for i in range(bases, bases + n_bases):
            if not valid_letter[data[i]]:
                return n, used, BAD_LETTER, i
        sequence_start[n], quality_start[n], length[n] = bases, quality, n_bases
        n += 1
        used = quality_end + 1


def _line(data: np.ndarray, start: int) -> str:
    stop = _line_end(data, start)
    return data[start : stop if stop >= 0 else None][:60].tobytes().decode("ascii", "replace").rstrip("\r")


def _problem(path: str | Path, read: int, wrong: int, data: np.ndarray, record: int, place: int) -> Problem:
    """Message for the record that begins at byte ``record`` of ``data``; ``read`` is its 1-based number."""
    if wrong == NO_HEADER:
        return Problem(
            str(path),
            f"read {read:,} begins with {_line(data, place)!r}; expected a name line that begins with '@' "
            "(FASTQ with four lines a read)",
            row=LINES * (read - 1) + 1,
        )
    if wrong == NO_SEPARATOR:
        return Problem(
            str(path),
            f"the third line of read {read:,} is {_line(data, place)!r}; expected a line that begins with '+' "
            "(FASTQ with four lines a read)",
            row=LINES * (read - 1) + 3,
        )
    bases = _line(data, _line_end(data, record) + 1)
    if wrong == UNEQUAL_LENGTHS:
        bases_start = _line_end(data, record) + 1
        n_bases = _line_end(data, bases_start) - bases_start
        n_quality = _line_end(data, place) - place
        return Problem(
            str(path),
            f"read {read:,} has {n_bases} bases, but {n_quality} quality characters; is the file truncated?",
            row=LINES * read,
        )
    return Problem(
        str(path),
        f"read {read:,} holds the letter {chr(data[place])!r} ({bases}...); expected only A, C, G, T and N",
        row=LINES * (read - 1) + 2,
    )


def _chunks(path: str | Path, block_bytes: int) -> Iterator[bytes]:
    """Content of a file, unpacked when it is gzip."""
    try:
        with open(path, "rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        opened: gzip.GzipFile | io.BufferedReader = gzip.open(path) if packed else open(path, "rb")  # noqa: SIM115
    except OSError as error:
        reason = "file not found" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise InputError(Problem(str(path), f"{reason}; expected a FASTQ file")) from None
    with opened:
        failure: Exception | None = None
        while failure is None:
            parts, size = [], 0
            try:
                while size < block_bytes and (part := opened.read1(block_bytes - size)):
                    parts.append(part)
                    size += len(part)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                failure = error  # told after what could be read, so that the message can count the whole reads
            if size:
                yield b"".join(parts)
            elif failure is None:
                return
        raise failure


def read_fastq(path: str | Path, block_bytes: int = BLOCK_BYTES) -> Iterator[FastqBlock]:
    """Read a FASTQ file in blocks.

    Parameters
    ----------
    path : path
        Plain or gzip.
    block_bytes : int
        Bytes of text per block; a record that is longer makes its block longer.

    Yields
    ------
    FastqBlock
        One or more records each.

    Raises
    ------
    InputError
        File missing, without reads, truncated or damaged; a record whose name line lacks ``@``, whose third line
        lacks ``+``, whose sequence and quality differ in length, or with a letter other than A, C, G, T, N.
    """
    rest, n_read = b"", 0
    chunks = _chunks(path, block_bytes)
    while True:
        try:
            chunk = next(chunks, b"")
        except EOFError:
            raise InputError(
                Problem(str(path), f"the gzip file ends early, after {n_read:,} whole reads; is the copy complete?")
            ) from None
        except (zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                Problem(str(path), f"the gzip file is damaged ({error}), after {n_read:,} whole reads")
            ) from None
        text = rest + chunk
        if not chunk and rest and not rest.endswith(b"\n"):
            text += b"\n"
        data = np.frombuffer(text, np.uint8)
        room = int(np.count_nonzero(data == 10)) // LINES
        arrays = [np.empty(room, np.int64) for _ in range(3)]
        n, used, wrong, place = _find_records(data, VALID_LETTER, *arrays)
        if wrong:
            blank_to_end = not text[used:].strip() and not any(block.strip() for block in chunks)
            if wrong != NO_HEADER or not blank_to_end:
                raise InputError(_problem(path, n_read + n + 1, wrong, data, used, place))
            chunk, used = b"", len(text)
        n_read += n
        if n:
            yield FastqBlock(data, *(array[:n] for array in arrays))
        rest = text[used:]
        if not chunk:
            break
    if rest.strip():
        lines = rest.count(b"\n")
        raise InputError(
            Problem(
                str(path),
                f"read {n_read + 1:,} has {lines} of {LINES} lines; the file is truncated",
                row=LINES * n_read + lines,
            )
        )
    if n_read == 0:
        raise InputError(Problem(str(path), "no reads in this file; expected FASTQ records"))


def read_pairs(
    read1: str | Path, read2: str | Path, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[FastqBlock, FastqBlock]]:
    """Read two FASTQ files side by side; pairs are matched by their position.

    Yields
    ------
    tuple of FastqBlock
        Two blocks with the same number of records.

    Raises
    ------
    InputError
        As :func:`read_fastq`; also when one file holds more reads than the other.
    """
    files = [read_fastq(read1, block_bytes), read_fastq(read2, block_bytes)]
    blocks = [next(file) for file in files]
    paired = 0
    while True:
        n = min(map(len, blocks))
        paired += n
        yield blocks[0].part(0, n), blocks[1].part(0, n)
        left = [block.part(n) for block in blocks]
        following = [part if len(part) else next(file, None) for part, file in zip(left, files, strict=True)]
        if None in following:
            break
        blocks = following  # type: ignore[assignment]
    totals = [
        paired + (len(block) if block is not None else 0) + sum(map(len, file))
        for block, file in zip(following, files, strict=True)
    ]
    if totals[0] != totals[1]:
        raise InputError(
            Problem(
                f"{read1} and {read2}",
                f"{totals[0]:,} reads in the first file, {totals[1]:,} in the second; "
                "expected pairs, matched by position",
            )
        )

"""FASTQ files as a stream of blocks.

Inputs: FASTQ with four lines a record, plain or gzip (told by the content, not the name), LF or CRLF.
Outputs: blocks of records as arrays, or one :class:`~cisflow.problems.InputError` that names the file and the read.
Memory is bounded by the size of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit

from cisflow.problems import InputError, Problem
from cisflow.reads.ragged import Sequences
from cisflow.reads.text import TextReader
from cisflow.reads.words import SIZE, line_end, load_word, only_bases

#: Text at once: fits into the cache of a core, so that the steps behind find it there.
BLOCK_BYTES = 1 << 21
LINES = 4
SHORTEST_RECORD = len("@\n\n+\n\n")
LONGEST_RECORD = 1 << 28
NEWLINE = 10
#: What `_find_records` can find wrong with a record.
FINE, NO_HEADER, NO_SEPARATOR, UNEQUAL_LENGTHS, BAD_LETTER = range(5)


@dataclass(frozen=True)
class FastqBlock:
    """Consecutive records of a FASTQ file.

    Attributes
    ----------
    data : ndarray of uint8
        Text of the block, and at least eight bytes more.
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

    def take(self, rows: np.ndarray) -> FastqBlock:
        """Some records (indices or mask); the text is shared."""
        return FastqBlock(self.data, self.sequence_start[rows], self.quality_start[rows], self.length[rows])

    @property
    def sequences(self) -> Sequences:
        """Bases of the records."""
        return Sequences(self.data, self.sequence_start, self.length)


@njit(cache=True, nogil=True)
def _bad_letter(data, start, stop):
    """Place of the first letter other than A, C, G, T and N, or -1."""
    fine = stop - start >= SIZE and only_bases(load_word(data, stop - SIZE))
    for place in range(start, stop - SIZE + 1, SIZE):
        fine = fine and only_bases(load_word(data, place))
    if not fine:
        for place in range(start, stop):
            if data[place] not in (65, 67, 71, 84, 78):
                return place
    return -1


@njit(cache=True, nogil=True)
def _find_records(data, begin, size, most, sequence_start, quality_start, length):
    """Fill in up to ``most`` complete records of ``data[begin:size]``, which has eight bytes more.

    Returns their number, the place behind the last one, what is wrong, and where.
    """
    n, used = 0, begin
    while n < most:
        if used < size and data[used] != 64:  # @; looked at first: what is no FASTQ may have no line end for gigabytes
            return n, used, NO_HEADER, used
        header_end = line_end(data, used, size)
        if header_end < 0:
            break
        bases = header_end + 1
        bases_end = line_end(data, bases, size)
        if bases_end < 0:
            break
        separator = bases_end + 1
        separator_end = line_end(data, separator, size)
        if separator_end < 0:
            break
        if data[separator] != 43:  # +
            return n, used, NO_SEPARATOR, separator
        quality = separator_end + 1
        quality_end = line_end(data, quality, size)
        if quality_end < 0:
            break
        n_bases = bases_end - bases
        if n_bases and data[bases_end - 1] == 13:
            n_bases -= 1
        n_quality = quality_end - quality
        if n_quality and data[quality_end - 1] == 13:
            n_quality -= 1
        if n_bases != n_quality:
            return n, used, UNEQUAL_LENGTHS, quality
        bad = _bad_letter(data, bases, bases + n_bases)
        if bad >= 0:
            return n, used, BAD_LETTER, bad
        sequence_start[n], quality_start[n], length[n] = bases, quality, n_bases
        n += 1
        used = quality_end + 1
    return n, used, FINE, 0


def _line(text: bytes, start: int) -> str:
    stop = text.find(b"\n", start)
    return text[start : stop if stop >= 0 else None][:60].decode("ascii", "replace").rstrip("\r")


def _problem(path: str | Path, read: int, wrong: int, text: bytes, place: int) -> Problem:
    """Message for the record that ``text`` begins with; ``read`` is its 1-based number."""
    if wrong == NO_HEADER:
        return Problem(
            str(path),
            f"read {read:,} begins with {_line(text, place)!r}; expected a name line that begins with '@' "
            "(FASTQ with four lines a read)",
            row=LINES * (read - 1) + 1,
        )
    if wrong == NO_SEPARATOR:
        return Problem(
            str(path),
            f"the third line of read {read:,} is {_line(text, place)!r}; expected a line that begins with '+' "
            "(FASTQ with four lines a read)",
            row=LINES * (read - 1) + 3,
        )
    bases = _line(text, text.find(b"\n") + 1)
    if wrong == UNEQUAL_LENGTHS:
        n_bases, n_quality = (len(text.split(b"\n", line + 1)[line].removesuffix(b"\r")) for line in (1, 3))
        return Problem(
            str(path),
            f"read {read:,} has {n_bases} bases, but {n_quality} quality characters; is the file truncated?",
            row=LINES * read,
        )
    return Problem(
        str(path),
        f"read {read:,} holds the letter {chr(text[place])!r} ({bases}...); expected only A, C, G, T and N",
        row=LINES * (read - 1) + 2,
    )


class FastqReader:
    """Reads a FASTQ file in blocks of records.

    Parameters
    ----------
    path : path
        Plain or gzip.
    block_bytes : int
        Bytes of text read at once; a record that is longer makes its block longer.
    """

    def __init__(self, path: str | Path, block_bytes: int = BLOCK_BYTES) -> None:
        self.path = path
        self.n_read = 0
        self._text = TextReader(path)
        self._block_bytes = block_bytes
        self._data = np.empty(SIZE, np.uint8)
        self._used = self._size = 0

    def _fill(self, wanted: int) -> None:
        """Move what is left to the begin of a new array, and read until it holds ``wanted`` bytes."""
        left = self._size - self._used
        data = np.empty(max(wanted, left) + 1 + SIZE, np.uint8)
        data[:left] = self._data[self._used : self._size]
        size = left
        while size < wanted and (n := self._text.read_into(data[size:wanted])):
            size += n
        # The last line may lack its end.
        if self._text.ended and not self._text.failure and size and data[size - 1] != NEWLINE:
            data[size] = NEWLINE
            size += 1
        data[size:] = 0
        self._data, self._used, self._size = data, 0, size

    def _blank_to_end(self) -> bool:
        """Whether nothing but blank lines follows; the text is used up then."""
        while not self._data[self._used : self._size].tobytes().strip():
            self._used = self._size
            if self._text.ended:
                return True
            self._fill(self._block_bytes)
        return False

    def read(self, most: int = 1 << 62) -> FastqBlock | None:
        """Next block of one to ``most`` records; None at the end of the file.

        Raises
        ------
        InputError
            See :func:`read_fastq`.
        """
        wanted = self._block_bytes
        while True:
            if self._size - self._used < wanted and not self._text.ended:
                self._fill(wanted)
            room = min(most, (self._size - self._used) // SHORTEST_RECORD)
            arrays = [np.empty(room, np.int64) for _ in range(3)]
            n, used, wrong, place = _find_records(self._data, self._used, self._size, room, *arrays)
            self._used = used
            self.n_read += n
            if n:
                return FastqBlock(self._data, *(array[:n] for array in arrays))
            if wrong:
                text = self._data[self._used : self._size].tobytes()
                if wrong == NO_HEADER and self._blank_to_end():
                    continue
                raise InputError(_problem(self.path, self.n_read + 1, wrong, text, place - used))
            if self._text.ended:
                self._check_end()
                return None
            if self._size - self._used >= LONGEST_RECORD:
                what = f"read {self.n_read + 1:,} does not end within {LONGEST_RECORD:,} bytes; expected FASTQ records"
                raise InputError(Problem(str(self.path), what, row=LINES * self.n_read + 1))
            wanted = 2 * max(wanted, self._size - self._used)

    def _check_end(self) -> None:
        """Refuse a file that ends inside a gzip member or a record, or without a record."""
        if self._text.failure:
            what, question = self._text.failure
            raise InputError(Problem(str(self.path), f"{what}, after {self.n_read:,} whole reads{question}"))
        rest = self._data[self._used : self._size].tobytes()
        if rest.strip():
            lines = rest.count(b"\n")
            raise InputError(
                Problem(
                    str(self.path),
                    f"read {self.n_read + 1:,} has {lines} of {LINES} lines; the file is truncated",
                    row=LINES * self.n_read + lines,
                )
            )
        if self.n_read == 0:
            raise InputError(Problem(str(self.path), "no reads in this file; expected FASTQ records"))


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
    reader = FastqReader(path, block_bytes)
    while (block := reader.read()) is not None:
        yield block


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
    # Mates of much the same length: the second file has as many records at hand as the first one gives.
    first, second = FastqReader(read1, block_bytes), FastqReader(read2, block_bytes + block_bytes // 4)
    while (block1 := first.read()) is not None:
        while len(block1) and (block2 := second.read(len(block1))) is not None:
            yield block1.part(0, len(block2)), block2
            block1 = block1.part(len(block2))
        if len(block1):
            break
    for reader in (first, second):
        while reader.read() is not None:
            pass
    if first.n_read != second.n_read:
        raise InputError(
            Problem(
                f"{read1} and {read2}",
                f"{first.n_read:,} reads in the first file, {second.n_read:,} in the second; "
                "expected pairs, matched by position",
            )
        )

"""Genomes at two bits per base: the UCSC 2bit format, written from FASTA and read through a memory map.

Inputs: a FASTA file; a ``.2bit`` file. Outputs: a ``.2bit`` file; bases of any interval as small integers.
A human genome takes 0.8 GB on disk and, however many processes read it, once in the page cache.
Source: format description of the UCSC Genome Browser (genome.ucsc.edu/FAQ/FAQformat.html#format7), versions 0 and 1.
"""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numba import njit

from cisflow.contacts.fasta import UNKNOWN, read_fasta
from cisflow.files import atomic_path
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress

SIGNATURE = 0x1A412743
LARGEST = 2**32 - 1  # bp of a record
LARGEST_OFFSET = 2**32 - 1  # of a record in a file of version 0; version 1 has 64 bits
# The format counts T, C, A, G = 0 to 3; codes here count A, C, G, T. An unknown base is stored as T.
_TO_STORED = np.array([2, 1, 3, 0, 0], dtype=np.uint8)
_BYTES = np.arange(256, dtype=np.uint8)
# Four codes of every byte, the first base in its highest bits, as one 32-bit number each: reading is one look-up.
_FOUR_CODES = (
    np.array([2, 1, 3, 0])
    .argsort()
    .astype(np.uint8)[np.stack([(_BYTES >> shift) & 3 for shift in (6, 4, 2, 0)], axis=1)]
)
_FOUR_CODES = np.ascontiguousarray(_FOUR_CODES).view(np.uint32).ravel()


def is_two_bit(path: str | Path) -> bool:
    """Whether a file begins as a 2bit file."""
    with open(path, "rb") as handle:
        start = handle.read(4)
    return len(start) == 4 and SIGNATURE in (int.from_bytes(start, "little"), int.from_bytes(start, "big"))


def _unknown_runs(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and sizes of the runs of unknown bases."""
    edges = np.flatnonzero(np.diff(codes == UNKNOWN, prepend=False, append=False))
    return edges[::2], edges[1::2] - edges[::2]


def _pack(codes: np.ndarray) -> np.ndarray:
    """Four bases per byte, the first in the highest bits; the last byte is filled up with zero bits."""
    stored = np.zeros(-(-len(codes) // 4) * 4, dtype=np.uint8)
    stored[: len(codes)] = _TO_STORED[codes]
    first, second, third, fourth = stored.reshape(-1, 4).T
    return (first << 6) | (second << 4) | (third << 2) | fourth


def write_two_bit(fasta: str | Path, target: str | Path) -> None:
    """Write a genome as a 2bit file, whole or not at all.

    Parameters
    ----------
    fasta : path
        See :func:`cisflow.contacts.fasta.read_fasta`.
    target : path
        Written. Lower case (soft masking) is not kept; bases other than A, C, G and T become N.

    Raises
    ------
    InputError
        When the FASTA file is not usable, a name has more than 255 bytes, or a record 2^32 bases or more.
    """
    progress = Progress("encode genome", None, "bp")
    names, sizes = [], []
    with atomic_path(target) as temporary, TemporaryFile(dir=temporary.parent) as body:
        for name, length, codes in read_fasta(fasta):
            if len(name.encode()) > 255 or length > LARGEST:
                what = f"{name[:40]!r} has {length:,} bp; expected names up to 255 bytes and less than 2^32 bp"
                raise InputError(Problem(str(fasta), what))
            starts, runs = _unknown_runs(codes)
            head = np.array([length, len(starts), *starts, *runs, 0, 0], dtype="<u4")  # no soft-masked runs
            names.append(name.encode())
            sizes.append(body.write(head.tobytes()) + body.write(_pack(codes).tobytes()))
            progress.advance(length)
        for version in (0, 1):
            index = sum(1 + len(name) + (8 if version else 4) for name in names)
            offsets = np.cumsum([16 + index, *sizes])[:-1]
            if not sizes or offsets[-1] <= LARGEST_OFFSET:
                break
        body.seek(0)
        with open(temporary, "wb") as handle:
            handle.write(struct.pack("<4I", SIGNATURE, version, len(names), 0))
            for name, offset in zip(names, offsets, strict=True):
                handle.write(bytes([len(name)]) + name + struct.pack("<Q" if version else "<I", offset))
            shutil.copyfileobj(body, handle, 1 << 24)


@njit(cache=True)
def _mark_unknown(codes: np.ndarray, start: int, starts: np.ndarray, ends: np.ndarray, first: int) -> None:
    """Set the runs of unknown bases, from number ``first`` on, in codes that begin at base ``start``."""
    for k in range(first, len(starts)):
        low, high = max(starts[k] - start, 0), min(ends[k] - start, len(codes))
        if low >= len(codes):
            break
        codes[low:high] = UNKNOWN


@dataclass(frozen=True)
class _Record:
    length: int
    starts: np.ndarray
    ends: np.ndarray
    offset: int


class TwoBit:
    """A 2bit file, memory-mapped. Copies of it in other processes open the file again and share its pages.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    lengths : dict of str to int
        Length (bp) of every record, in the order of the file.

    Raises
    ------
    InputError
        When the file is no 2bit file, or is cut short.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self._bytes = np.memmap(self.path, dtype=np.uint8, mode="r")
            self._records = self._read_index()
        except (ValueError, IndexError, OSError, struct.error, UnicodeDecodeError) as error:
            raise InputError(Problem(str(path), f"is no whole 2bit file: {error}")) from None
        self.lengths = {name: record.length for name, record in self._records.items()}

    def __reduce__(self) -> tuple:
        return TwoBit, (self.path,)

    def _read_index(self) -> dict[str, _Record]:
        order = "<" if int.from_bytes(self._bytes[:4].tobytes(), "little") == SIGNATURE else ">"
        signature, version, count, _ = struct.unpack(f"{order}4I", self._bytes[:16].tobytes())
        if signature != SIGNATURE or version > 1:
            raise ValueError(f"it starts with {signature:#x}, version {version}")

        def numbers(at: int, n: int) -> np.ndarray:
            if at + 4 * n > len(self._bytes):
                raise ValueError("it ends early")
            return np.frombuffer(self._bytes, dtype=f"{order}u4", count=n, offset=at).astype(np.int64)

        records, place = {}, 16
        for _ in range(count):
            after = place + 1 + int(self._bytes[place])
            name = self._bytes[place + 1 : after].tobytes().decode()
            width = 8 if version else 4
            offset = int.from_bytes(self._bytes[after : after + width].tobytes(), "little" if order == "<" else "big")
            place = after + width
            if not name or name in records:
                raise ValueError(f"record {name!r} is there twice" if name else "a record has no name")
            length, runs = numbers(offset, 2)
            starts, sizes = numbers(offset + 8, 2 * runs).reshape(2, -1)
            masked = int(numbers(offset + 8 + 8 * runs, 1)[0])
            at = offset + 8 + 8 * int(runs) + 4 + 8 * masked + 4
            if at + -(-length // 4) > len(self._bytes):
                raise ValueError("it ends early")
            edges = np.column_stack((starts, starts + sizes)).ravel()
            if (np.diff(edges, prepend=0, append=length) < 0).any():
                raise ValueError(f"the unknown bases of {name!r} are not in order, or lie outside of it")
            records[name] = _Record(int(length), starts, starts + sizes, at)
        return records

    def codes(self, chromosome: str, start: int, end: int) -> np.ndarray:
        """Bases of an interval that lies inside the chromosome; see :meth:`cisflow.contacts.genome.Genome.codes`."""
        record = self._records[chromosome]
        packed = self._bytes[record.offset + start // 4 : record.offset + -(-end // 4)]
        codes = _FOUR_CODES[packed].view(np.uint8)[start % 4 : start % 4 + end - start]
        first = int(np.searchsorted(record.ends, start, side="right"))
        if first < len(record.starts) and record.starts[first] < end:
            _mark_unknown(codes, start, record.starts, record.ends, first)
        return codes

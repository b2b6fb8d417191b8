"""Genome sequence as numbers.

Inputs: a FASTA file, plain or compressed with gzip or bgzip. Outputs: bases of any interval as small integers, and
one-hot sequences. The whole genome is held in memory at one byte per base (12 MB for yeast, 3.1 GB for human): windows
are then slices, no index file is needed, and nothing is written beside the user's file.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from cisflow.problems import InputError, Problem

BASES = "ACGT"
UNKNOWN = 4
BLOCK = 1 << 24

# `find` gives -1 for every other character, which is 4 modulo 5.
_TO_CODE = bytes(BASES.find(chr(byte).upper()) % (UNKNOWN + 1) for byte in range(256))
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)
_ONE_HOT = np.concatenate([np.eye(4, dtype=np.float32), np.full((4, 1), 0.25, dtype=np.float32)], axis=1)


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Bases of the other strand, in its reading direction; uint8 (length,), see :meth:`Genome.codes`."""
    return _COMPLEMENT[codes[::-1]]


def one_hot_ACGT(codes: np.ndarray) -> np.ndarray:
    """One-hot sequence, channels in the order A, C, G, T.

    Parameters
    ----------
    codes : uint8 array, (length,)
        A, C, G, T = 0 to 3, unknown = 4.

    Returns
    -------
    float32 array, (4, length)
        An unknown base is 0.25 in every channel.
    """
    return _ONE_HOT[:, codes]


def _records(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """Name of each record (with None), followed by the pieces of its sequence as codes."""
    opener = gzip.open if path.suffix in (".gz", ".bgz") else open
    with opener(path, "rb") as handle:
        rest, first = b"", True
        while block := handle.read(BLOCK):
            if first and not block.startswith(b">"):
                raise InputError(Problem(str(path), f"starts with {block[:20]!r}; expected a FASTA header (>)"))
            first = False
            # A header must not be cut: what follows the last line break waits for the next block.
            block = rest + block
            cut = block.rfind(b"\n") + 1
            block, rest = block[:cut], block[cut:]
            yield from _split(block)
        yield from _split(rest)


def _split(block: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Headers and sequences in a block of whole lines."""
    position = 0
    while position < len(block):
        if block.startswith(b">", position):
            end = block.find(b"\n", position)
            end = len(block) if end < 0 else end
            fields = block[position + 1 : end].split()
            yield fields[0].decode() if fields else "", None
            position = end + 1
        else:
            end = block.find(b"\n>", position)
            end = len(block) if end < 0 else end + 1
            yield "", block[position:end].translate(_TO_CODE, b"\r\n")
            position = end


class Genome:
    """Genome in memory.

    Parameters
    ----------
    fasta : path
        Plain text, gzip (``.gz``) or bgzip (``.gz``, ``.bgz``). The name of a record ends at the first blank.
    chromosomes : collection of str, optional
        Keep the bases of these records only; ``lengths`` still has all.

    Attributes
    ----------
    lengths : dict of str to int
        Length (bp) of every record, in the order of the file.

    Raises
    ------
    InputError
        When the file is missing or no FASTA file, holds a name twice, or lacks one of ``chromosomes``.
    """

    def __init__(self, fasta: str | Path, chromosomes: Collection[str] | None = None):
        self.path = Path(fasta)
        self.lengths: dict[str, int] = {}
        self._codes: dict[str, np.ndarray] = {}
        if not self.path.is_file():
            raise InputError(Problem(str(fasta), "file not found; expected a FASTA file"))
        pieces: dict[str, list[bytes]] = {}
        try:
            name = ""
            for header, sequence in _records(self.path):
                if sequence is None:
                    name = header
                    if not name or name in self.lengths:
                        what = f"{name!r} is there twice" if name else "a record has no name"
                        raise InputError(Problem(str(fasta), f"{what}; expected one record per chromosome"))
                    self.lengths[name] = 0
                else:
                    self.lengths[name] += len(sequence)
                    if chromosomes is None or name in chromosomes:
                        pieces.setdefault(name, []).append(sequence)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(Problem(str(fasta), f"cannot be read to its end: {error}")) from None
        absent = [name for name in chromosomes or () if name not in self.lengths]
        if absent:
            raise InputError(
                Problem(str(fasta), f"no record named {', '.join(absent)}; there are {', '.join(self.lengths)}")
            )
        for name in list(pieces):
            self._codes[name] = np.frombuffer(b"".join(pieces.pop(name)), dtype=np.uint8)

    def codes(self, chromosome: str, start: int, end: int) -> np.ndarray:
        """Bases of an interval.

        Parameters
        ----------
        chromosome : str
        start, end : int
            0-based, half-open; either may lie outside the chromosome.

        Returns
        -------
        uint8 array, (end - start,)
            A, C, G, T = 0 to 3 in either case; anything else, and positions outside the chromosome, = 4.
        """
        codes = self._codes[chromosome]
        if start >= 0 and end <= len(codes):
            return codes[start:end].copy()
        window = np.full(end - start, UNKNOWN, dtype=np.uint8)
        low, high = min(max(start, 0), len(codes)), max(min(end, len(codes)), 0)
        if low < high:
            window[low - start : high - start] = codes[low:high]
        return window

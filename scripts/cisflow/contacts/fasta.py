"""FASTA files as numbers, record by record, in one pass and without an index.

Inputs: a FASTA file, plain or compressed with gzip or bgzip. Outputs: name, length and bases of every record.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import numpy as np

from cisflow.problems import InputError, Problem

BASES = "ACGT"
UNKNOWN = 4
BLOCK = 1 << 24  # bytes read at a time

# `find` gives -1 for every other character, which is 4 modulo 5.
_TO_CODE = bytes(BASES.find(chr(byte).upper()) % (UNKNOWN + 1) for byte in range(256))


def _pieces(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """Name of each record (with None), followed by the pieces of its sequence as codes."""
    opener = gzip.open if path.suffix in (".gz", ".bgz") else open
    with opener(path, "rb") as handle:
        rest, first = b"", True
        while block := handle.read(BLOCK):
            if first:
                block = block.removeprefix(codecs.BOM_UTF8)
            if first and not block.startswith(b">"):
                raise InputError(Problem(str(path), f"starts with {block[:20]!r}; expected a FASTA header (>)", row=1))
            first = False
            # A header must not be cut: what follows the last line break waits for the next block.
            block = rest + block
            cut = block.rfind(b"\n") + 1
            block, rest = block[:cut], block[cut:]
            yield from _split(block)
        yield from _split(rest)


def _name(field: bytes) -> str:
    try:
        return field.decode()
    except UnicodeDecodeError:
        raise ValueError(f"the name {field[:40]!r} is no UTF-8 text") from None


def _split(block: bytes) -> Iterator[tuple[str, bytes | None]]:
    """Headers and sequences in a block of whole lines."""
    position = 0
    while position < len(block):
        if block.startswith(b">", position):
            end = block.find(b"\n", position)
            end = len(block) if end < 0 else end
            fields = block[position + 1 : end].split()
            yield _name(fields[0]) if fields else "", None
            position = end + 1
        else:
            end = block.find(b"\n>", position)
            end = len(block) if end < 0 else end + 1
            yield "", block[position:end].translate(_TO_CODE, b"\r\n")
            position = end


def read_fasta(
    path: str | Path, kept: Callable[[str], bool] = lambda name: True
) -> Iterator[tuple[str, int, np.ndarray | None]]:
    """Read a FASTA file record by record.

    Parameters
    ----------
    path : path
        Plain text, gzip (``.gz``) or bgzip (``.gz``, ``.bgz``). The name of a record ends at the first blank.
    kept : function
        Whether the bases of a record are wanted, by its name; those of others are only counted.

    Yields
    ------
    (str, int, uint8 array or None)
        Name, length (bp) and bases: A, C, G, T = 0 to 3 in either case, anything else = 4. No more than one record is
        in memory at a time.

    Raises
    ------
    InputError
        When the file is missing or no FASTA file, ends early, or holds a name twice.
    """
    path, names = Path(path), set()
    if not path.is_file():
        raise InputError(Problem(str(path), "file not found; expected a FASTA file"))
    name, length, parts = None, 0, []

    def record() -> tuple[str, int, np.ndarray | None]:
        return name, length, np.frombuffer(b"".join(parts), dtype=np.uint8) if kept(name) else None

    try:
        for header, sequence in _pieces(path):
            if sequence is None:
                if name is not None:
                    yield record()
                name, length, parts = header, 0, []
                if not name or name in names:
                    what = f"{name!r} is there twice" if name else "a record has no name"
                    raise InputError(Problem(str(path), f"{what}; expected one record per chromosome"))
                names.add(name)
            else:
                length += len(sequence)
                if kept(name):
                    parts.append(sequence)
    except InputError:
        raise
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InputError(Problem(str(path), f"cannot be read to its end: {error}")) from None
    if name is None:
        raise InputError(Problem(str(path), "the file is empty; expected FASTA records"))
    yield record()


class Fasta:
    """A FASTA file in memory at one byte per base.

    Parameters
    ----------
    path : path
        See :func:`cisflow.contacts.fasta.read_fasta`.
    chromosomes : collection of str, optional
        Keep the bases of these records only; ``lengths`` still has all.
    """

    def __init__(self, path: str | Path, chromosomes: Collection[str] | None = None):
        self.lengths: dict[str, int] = {}
        self._codes: dict[str, np.ndarray] = {}
        for name, length, codes in read_fasta(path, lambda name: chromosomes is None or name in chromosomes):
            self.lengths[name] = length
            if codes is not None:
                self._codes[name] = codes

    def codes(self, chromosome: str, start: int, end: int) -> np.ndarray:
        """Bases of an interval that lies inside the chromosome; a copy."""
        return self._codes[chromosome][start:end].copy()

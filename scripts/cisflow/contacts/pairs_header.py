"""Header of a list of pairs: chromosomes and columns.

Inputs: a ``.pairs`` file, plain or gzip. Outputs: a :class:`PairsHeader`.
Source: format of 4DN-DCIC, version 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cisflow.problems import InputError, Problem
from cisflow.reads.text import TextReader

COLUMNS = ("readID", "chr1", "pos1", "chr2", "pos2", "strand1", "strand2")
NEEDED = ("chr1", "pos1", "chr2", "pos2")
FIRST_LINE = "## pairs format"
ROOM = 1 << 20
#: Length of a chromosome; no genome has one of 10^12 bases.
LENGTH = re.compile("[1-9][0-9]{0,11}")


@dataclass(frozen=True)
class PairsHeader:
    """What the header says.

    Attributes
    ----------
    lengths : mapping of str to int
        Length (bp) of every chromosome (``#chromsize``), in the order of the file.
    columns : tuple of int
        0-based columns of chr1, pos1, chr2 and pos2.
    size, rows : int
        Bytes and lines of the header.
    """

    lengths: Mapping[str, int]
    columns: tuple[int, int, int, int]
    size: int
    rows: int


def read_header(path: str | Path) -> PairsHeader:
    """Read the header of a list of pairs.

    Raises
    ------
    InputError
        When the file is missing or no list of pairs, or the header lacks lengths of chromosomes or columns.
    """
    reader, text, room = TextReader(path, "a .pairs file"), b"", np.empty(ROOM, dtype=np.uint8)
    while n := reader.read_into(room):
        text += room[:n].tobytes()
        if not text.startswith(FIRST_LINE.encode()[: len(text)]) or _end(text) < len(text):
            break
    size = _end(text)
    header = text[:size].decode(errors="replace")
    if not header.startswith(FIRST_LINE):
        start = text[:20].decode(errors="replace")
        raise InputError(
            Problem(str(path), f"starts with {start!r}; expected .cool, .mcool, .hic, or .pairs ({FIRST_LINE} v1.0)")
        )
    lengths: dict[str, int] = {}
    columns, problems = list(COLUMNS), []
    for row, line in enumerate(header.split("\n"), 1):
        line = line.rstrip("\r")
        key, _, value = line.partition(":")
        fields = value.split()
        if key == "#chromsize":
            if len(fields) != 2 or not LENGTH.fullmatch(fields[1]) or fields[0] in lengths:
                shown = line if len(line) < 80 else f"{line[:77]}..."
                problems.append(Problem(str(path), f"{shown!r}; expected a chromosome, once, and its length (bp)", row))
            else:
                lengths[fields[0]] = int(fields[1])
        elif key == "#columns":
            columns = fields
    problems += [
        Problem(str(path), f"no column {name}; there are {', '.join(columns)}")
        for name in NEEDED
        if name not in columns
    ]
    if not lengths:
        problems.append(
            Problem(str(path), "no line `#chromsize: NAME LENGTH`; expected the length of every chromosome")
        )
    if problems:
        raise InputError(problems)
    return PairsHeader(lengths, tuple(columns.index(name) for name in NEEDED), size, header.count("\n"))


def _end(text: bytes) -> int:
    """Where the lines that start with # end; the length of the text while that cannot be told."""
    place = 0
    while text.startswith(b"#", place):
        newline = text.find(b"\n", place)
        if newline < 0:
            return len(text)
        place = newline + 1
    return place

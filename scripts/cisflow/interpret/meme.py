"""Motifs in MEME files.

Inputs: a file in the minimal MEME format (JASPAR, YeTFaSCo, HOCOMOCO, ...), plain or gzip. Outputs: probability
matrices with their names. Source of the format: https://meme-suite.org/meme/doc/meme-format.html.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cisflow.clusters.ordered import shown
from cisflow.problems import InputError, Problem
from cisflow.user_files import read_text

#: Sites that a matrix counts for where the file does not say.
SITES = 20.0
_KEY = re.compile(r"(\w+)=\s*(\S+)")


@dataclass(frozen=True)
class Motif:
    """A motif.

    Attributes
    ----------
    motif : str
        Identifier in the file.
    name : str
        Alternative name where the file has one, else the identifier.
    probabilities : float64 array, (width, 4)
        A, C, G, T; rows sum to 1.
    sites : float
        Sites that it was made from.
    """

    motif: str
    name: str
    probabilities: np.ndarray
    sites: float


@dataclass(frozen=True)
class MotifFile:
    """Motifs of a file and its background.

    Attributes
    ----------
    motifs : list of Motif
    background : float64 array, (4,)
        Frequencies of A, C, G, T; equal where the file has none.
    """

    motifs: list[Motif]
    background: np.ndarray


def _numbers(line: str) -> list[float] | None:
    """Finite numbers of a line; None where a cell is none."""
    try:
        numbers = [float(cell) for cell in line.split()]
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def read_meme(path: str | Path) -> MotifFile:
    """Read the motifs of a MEME file.

    Raises
    ------
    InputError
        With every problem: no MEME file, another alphabet, a matrix that is damaged, a motif twice, or none at all.
    """
    where = str(path)
    lines = read_text(path, "motifs in MEME format").splitlines()
    if not any(line.startswith("MEME version") for line in lines[:50]):
        raise InputError(Problem(where, "no line 'MEME version'; expected motifs in MEME format"))
    problems: list[Problem] = []
    background, motifs, at = np.full(4, 0.25), [], 0
    heading: tuple[str, str, int] | None = None
    while at < len(lines):
        line, row = lines[at].strip(), at + 1
        at += 1
        if line.startswith("ALPHABET") and "ACGT" not in line.replace(" ", ""):
            problems.append(Problem(where, f"{line!r}; expected the alphabet ACGT", row))
        elif line.startswith("Background letter frequencies"):
            cells = lines[at].split() if at < len(lines) else []
            given = dict(zip(cells[::2], cells[1::2], strict=False))
            values = _numbers(" ".join(given.get(base, "x") for base in "ACGT"))
            if values is None or min(values) <= 0:
                problems.append(Problem(where, "expected frequencies above 0 as 'A 0.3 C 0.2 G 0.2 T 0.3'", row + 1))
            else:
                background = np.array(values) / sum(values)
        elif line.startswith("MOTIF"):
            cells = line.split()
            if len(cells) < 2:
                problems.append(Problem(where, "a motif without a name", row))
                continue
            alternative = cells[2] if len(cells) > 2 and cells[2] not in ("NA", "") else cells[1]
            heading = (cells[1], alternative, row)
        elif line.startswith("letter-probability matrix"):
            keys = dict(_KEY.findall(line))
            matrix: list[list[float]] = []
            while at < len(lines) and (values := _numbers(lines[at])) is not None and values:
                matrix.append(values)
                at += 1
            width = keys.get("w")
            if heading is None:
                problems.append(Problem(where, "a matrix without a line MOTIF before it", row))
            elif not matrix or any(len(values) != 4 or min(values) < 0 or sum(values) <= 0 for values in matrix):
                problems.append(Problem(where, f"{heading[0]}: expected four probabilities in every row", row))
            elif width is not None and width != str(len(matrix)):
                problems.append(Problem(where, f"{heading[0]}: {len(matrix)} rows, w= says {width}", row))
            else:
                found = np.array(matrix)
                sites = max((_numbers(keys.get("nsites", "")) or [SITES])[0], 0.0) or SITES
                motifs.append(Motif(*heading[:2], found / found.sum(axis=1, keepdims=True), sites))
            heading = None
    seen: set[str] = set()
    for motif in motifs:
        if motif.motif in seen:
            problems.append(Problem(where, f"motif {motif.motif!r} is there twice"))
        seen.add(motif.motif)
    if not motifs and not problems:
        problems.append(Problem(where, "holds no motif"))
    if problems:
        raise InputError(shown(problems, where))
    return MotifFile(motifs, background)

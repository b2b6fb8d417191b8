"""Sequences that variants are put into: constructs, or intervals of a genome.

Inputs: a FASTA file or table of constructs, or a BED file and a genome. Outputs: sequences with their place, so that a
variant can be written into them. Coordinates are 0-based and half-open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cisflow.clusters.ordered import read_ordered
from cisflow.contacts.genome import BASES, Genome
from cisflow.contacts.intervals import NO_INTERVAL
from cisflow.problems import InputError, Problem
from cisflow.user_files import read_text

_LETTERS = np.frombuffer((BASES + "N").encode(), dtype=np.uint8)
_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


@dataclass(frozen=True)
class Place:
    """A sequence and where it lies.

    Attributes
    ----------
    name : str
    chromosome : str
        For a construct its own name.
    start, end : int
        Interval that ``bases`` shows.
    strand : str
        ``-``: the model reads the reverse complement.
    bases : str
        Of the given strand of the chromosome, upper case.
    """

    name: str
    chromosome: str
    start: int
    end: int
    strand: str
    bases: str

    def read(self, bases: str, left: str = "", right: str = "") -> str:
        """What the model is shown of ``bases``: on the place's strand, between constant ends."""
        return left + (bases if self.strand == "+" else bases[::-1].translate(_COMPLEMENT)) + right


def constructs(path: str | Path) -> list[Place]:
    """Sequences of a FASTA file, or of a table of id and sequence without header; each is a chromosome of its own."""
    table = read_ordered(path)
    return [
        Place(name, name, 0, len(sequence), "+", sequence)
        for name, sequence in zip(table["element"], table["sequence"], strict=True)
    ]


def _bed_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each line of a BED file that is an interval."""
    for number, line in enumerate(read_text(path, "a BED file").split("\n"), 1):
        if line.strip() and not re.match(NO_INTERVAL, line):
            yield number, line.rstrip("\r").split("\t")


def intervals(bed: str | Path, genome: str | Path) -> list[Place]:
    """Sequences of the intervals of a BED file.

    Parameters
    ----------
    bed : path
        Columns chromosome, start, end, and where they are there name, score and strand.
    genome : path
        FASTA.

    Raises
    ------
    InputError
        With every line that is no interval of the genome.
    """
    bed = Path(bed)
    rows = list(_bed_rows(bed))
    wanted = {fields[0] for _, fields in rows}
    reference = Genome(genome, wanted & set(Genome(genome, ()).lengths))
    problems, places = [], []
    for number, fields in rows:
        if len(fields) < 3 or not all(re.fullmatch("[0-9]{1,12}", field) for field in fields[1:3]):
            problems.append(
                Problem(str(bed), "expected chromosome, start and end (whole numbers) between tabs", number)
            )
            continue
        chromosome, start, end = fields[0], int(fields[1]), int(fields[2])
        strand = fields[5] if len(fields) > 5 and fields[5] != "." else "+"
        length = reference.lengths.get(chromosome)
        if length is None:
            problems.append(Problem(str(bed), f"{chromosome!r} is no record of {genome}", number, "chromosome"))
        elif not start < end <= length:
            what = f"{start} to {end}; expected an interval of {chromosome}, which has {length} bp"
            problems.append(Problem(str(bed), what, number))
        elif strand not in ("+", "-"):
            problems.append(Problem(str(bed), f"{strand!r}; expected + or -", number, "strand"))
        else:
            name = fields[3] if len(fields) > 3 and fields[3] not in ("", ".") else f"{chromosome}:{start}-{end}"
            bases = _LETTERS[reference.codes(chromosome, start, end)].tobytes().decode()
            places.append(Place(name, chromosome, start, end, strand, bases))
    if not rows:
        problems.append(Problem(str(bed), "holds no interval"))
    if problems:
        raise InputError(problems)
    return places


class PlaceIndex:
    """Finds the places that an interval touches.

    Parameters
    ----------
    places : sequence of Place
    """

    def __init__(self, places: Sequence[Place]):
        self.places = list(places)
        self._by_chromosome: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        rows: dict[str, list[int]] = {}
        for row, place in enumerate(self.places):
            rows.setdefault(place.chromosome, []).append(row)
        for chromosome, found in rows.items():
            order = np.array(sorted(found, key=lambda row: (self.places[row].start, row)))
            starts = np.array([self.places[row].start for row in order])
            ends = np.array([self.places[row].end for row in order])
            # The largest end so far never falls, so that it can be searched although intervals may overlap.
            self._by_chromosome[chromosome] = (order, starts, np.maximum.accumulate(ends))

    @property
    def lengths(self) -> Mapping[str, int]:
        """Largest end of the places of each chromosome, bp."""
        return {name: int(ends[-1]) for name, (_, _, ends) in self._by_chromosome.items()}

    def touching(self, chromosome: str, start: int, end: int) -> list[Place]:
        """Places that share a base with an interval, or hold the seam in front of ``start`` where it is empty."""
        if chromosome not in self._by_chromosome:
            return []
        order, starts, ends = self._by_chromosome[chromosome]
        last = max(end, start + 1)
        first_row, last_row = np.searchsorted(ends, start, "right"), np.searchsorted(starts, last, "left")
        found = (self.places[row] for row in sorted(order[first_row:last_row]))
        return [place for place in found if place.end > start and place.start < last]

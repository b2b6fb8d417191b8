"""Rearranged chromosomes as lists of reference segments.

Purpose: an allele is what a structural variant, or a chain of them, makes of a chromosome; it says which reference
bases lie where and on which strand, so that any window can be read from the reference. Inputs: chromosome names and
lengths, operations in the allele's own coordinates. Outputs: segments, pieces of a window, bases of a window.
Coordinates are 0-based and half-open throughout; those of breakends are explained at :func:`join_breakends`.
Source of the rules: Zhou 2022, Nature Genetics 54:725-734 (structural variants of Orca).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np

from cisflow.contacts.genome import reverse_complement

STRANDS = ("+", "-")


@dataclass(frozen=True)
class Segment:
    """A run of reference bases (or of an inserted text) in an allele.

    Attributes
    ----------
    source : str
        Chromosome, or name of an inserted text.
    start, end : int
        Bases of ``source``, 0-based, half-open.
    strand : str
        ``+``, or ``-``: the reverse complement of these bases.
    """

    source: str
    start: int
    end: int
    strand: str = "+"

    @property
    def length(self) -> int:
        """Number of bases."""
        return self.end - self.start

    def cut(self, start: int, end: int) -> Segment:
        """Part of the segment; ``start`` and ``end`` count along the allele from the segment's first base."""
        if self.strand == "+":
            return replace(self, start=self.start + start, end=self.start + end)
        return replace(self, start=self.end - end, end=self.end - start)

    def turned(self) -> Segment:
        """Return the segment on the other strand."""
        return replace(self, strand=STRANDS[self.strand == "+"])


@dataclass(frozen=True)
class Allele:
    """A rearranged chromosome; operations return a new allele and leave this one as it is.

    Attributes
    ----------
    segments : tuple of Segment
        In the order of the allele, none of them empty.

    Raises
    ------
    ValueError
        From all operations: when a position lies outside the allele, or an interval is empty or turned around.

    Notes
    -----
    Segments are split at the ends of every operation and never joined again, so that their ends are the positions of
    interest (:attr:`breakpoints`).
    """

    segments: tuple[Segment, ...]

    @classmethod
    def reference(cls, chromosome: str, length: int) -> Allele:
        """Return the chromosome as it is, ``length`` bp."""
        return cls((Segment(chromosome, 0, length),))

    @property
    def breakpoints(self) -> list[int]:
        """Ends of all segments along the allele: 0, every junction, and the length."""
        return [0, *accumulate(segment.length for segment in self.segments)]

    @property
    def length(self) -> int:
        """Number of bases."""
        return sum(segment.length for segment in self.segments)

    def _check(self, start: int, end: int) -> None:
        if not 0 <= start < end <= self.length:
            raise ValueError(f"{start} to {end} is no interval of an allele of {self.length} bp")

    def _around(self, start: int, end: int) -> tuple[list[Segment], list[Segment], list[Segment]]:
        """Segments before, inside and after an interval, split at its ends."""
        self._check(start, end)
        return self.pieces(0, start), self.pieces(start, end), self.pieces(end, self.length)

    def pieces(self, start: int, end: int) -> list[Segment]:
        """Reference segments behind an interval of the allele, in its order.

        Parameters
        ----------
        start, end : int
            Along the allele, 0-based, half-open; an empty interval has no pieces.

        Raises
        ------
        ValueError
            When the interval lies outside the allele.
        """
        if not 0 <= start <= end <= self.length:
            raise ValueError(f"{start} to {end} lies outside an allele of {self.length} bp")
        found = []
        for segment, (first, last) in zip(self.segments, pairwise(self.breakpoints), strict=True):
            low, high = max(start, first), min(end, last)
            if low < high:
                found.append(segment.cut(low - first, high - first))
        return found

    def delete(self, start: int, end: int) -> Allele:
        """Remove an interval."""
        before, _, after = self._around(start, end)
        return Allele((*before, *after))

    def duplicate(self, start: int, end: int) -> Allele:
        """Insert a copy of an interval right behind it."""
        before, inside, after = self._around(start, end)
        return Allele((*before, *inside, *inside, *after))

    def invert(self, start: int, end: int, compatible: bool = False) -> Allele:
        """Turn an interval around.

        Parameters
        ----------
        start, end : int
        compatible : bool
            As the published program does: a piece that was turned before keeps its strand, so that two inversions of
            one interval do not cancel out. By default they do.
        """
        before, inside, after = self._around(start, end)
        if compatible:
            turned = [replace(segment, strand="-") for segment in reversed(inside)]
        else:
            turned = [segment.turned() for segment in reversed(inside)]
        return Allele((*before, *turned, *after))

    def insert(self, position: int, length: int, strand: str = "+", name: str | None = None) -> Allele:
        """Insert a text in front of a base; ``name`` (``ins<position>_<length>``) is how its bases are looked up."""
        inserted = Segment(name or f"ins{position}_{length}", 0, length, strand)
        return Allele((*self.pieces(0, position), inserted, *self.pieces(position, self.length)))

    def __add__(self, other: Allele) -> Allele:
        """Join the beginning of ``other`` to the end of this allele."""
        return Allele((*self.segments, *other.segments))

    def positions_of(self, source: str, start: int, end: int) -> list[tuple[int, int, str]]:
        """Where reference bases lie in the allele.

        Parameters
        ----------
        source : str
            Chromosome or name of an inserted text.
        start, end : int
            0-based, half-open.

        Returns
        -------
        list of (start, end, strand)
            Along the allele, in its order; several where the interval was cut or copied, none where it was removed.
        """
        found = []
        for segment, (first, last) in zip(self.segments, pairwise(self.breakpoints), strict=True):
            low, high = max(start, segment.start), min(end, segment.end)
            if segment.source == source and low < high:
                if segment.strand == "+":
                    found.append((first + low - segment.start, first + high - segment.start, "+"))
                else:
                    found.append((last - (high - segment.start), last - (low - segment.start), "-"))
        return found

    def codes(
        self,
        start: int,
        end: int,
        fetch: Callable[[str, int, int], np.ndarray],
        texts: Mapping[str, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Bases of an interval of the allele.

        Parameters
        ----------
        start, end : int
            Along the allele, 0-based, half-open.
        fetch : callable
            Codes of a reference interval, see :meth:`cisflow.contacts.genome.Genome.codes`.
        texts : mapping of str to uint8 array, optional
            Codes of the inserted texts by name.

        Returns
        -------
        uint8 array, (end - start,)
            A, C, G, T = 0 to 3, unknown = 4.
        """
        texts = texts or {}
        parts = []
        for piece in self.pieces(start, end):
            if piece.source in texts:
                codes = np.asarray(texts[piece.source], dtype=np.uint8)[piece.start : piece.end]
            else:
                codes = fetch(piece.source, piece.start, piece.end)
            parts.append(codes if piece.strand == "+" else reverse_complement(codes))
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint8)


def from_segments(segments: Sequence[Segment], lengths: Mapping[str, int]) -> Allele:
    """Allele of an arbitrary list of reference segments.

    Parameters
    ----------
    segments : sequence of Segment
    lengths : mapping of str to int
        Lengths (bp) of the chromosomes.

    Raises
    ------
    ValueError
        When a segment is empty, or no part of a chromosome.
    """
    for segment in segments:
        if segment.source not in lengths:
            raise ValueError(f"{segment.source!r} is no chromosome of the genome")
        if not 0 <= segment.start < segment.end <= lengths[segment.source]:
            raise ValueError(
                f"{segment.source}:{segment.start}-{segment.end} is no interval of a chromosome of "
                f"{lengths[segment.source]} bp"
            )
        if segment.strand not in STRANDS:
            raise ValueError(f"strand {segment.strand!r}; expected + or -")
    return Allele(tuple(segments))


def join_breakends(
    first: str,
    first_length: int,
    first_position: int,
    second: str,
    second_length: int,
    second_position: int,
    orientations: str,
) -> tuple[Allele, int]:
    """Derivative chromosome of a translocation, or of any two joined breakends.

    Parameters
    ----------
    first, second : str
        Chromosomes; they may be the same.
    first_length, second_length : int
        Their lengths, bp.
    first_position, second_position : int
        **1-based** base at the junction, which belongs to the side that is kept.
    orientations : str
        Two signs, one per breakend: ``+`` keeps the bases up to the position, ``-`` those from it on. The kept sides
        are turned so that they meet at the junction.

    Returns
    -------
    allele : Allele
    junction : int
        Position of the junction in the allele (first base behind it, 0-based).

    Raises
    ------
    ValueError
        When a position lies outside its chromosome, or the orientations are none.
    """
    if len(orientations) != 2 or set(orientations) - set(STRANDS):
        raise ValueError(f"orientations {orientations!r}; expected two signs, such as +-")
    for chromosome, position, length in (
        (first, first_position, first_length),
        (second, second_position, second_length),
    ):
        if not 1 <= position <= length:
            raise ValueError(f"position {position} lies outside {chromosome}, which has {length} bp")
    kept_left, kept_right = orientations
    if kept_left == "+":
        left = Segment(first, 0, first_position)
    else:
        left = Segment(first, first_position - 1, first_length, "-")
    if kept_right == "+":
        right = Segment(second, 0, second_position, "-")
    else:
        right = Segment(second, second_position - 1, second_length)
    return Allele((left, right)), left.length

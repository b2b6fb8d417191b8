"""What a contact model is shown of a reference or rearranged chromosome, and where the windows lie.

Purpose: windows of all levels around a position of an allele, as in the published program: centred on the position as
far as the chromosome allows, in the phase of its bins, so that windows of reference and variant stay comparable.
Inputs: alleles, a genome, expected contacts, the levels of a model. Outputs: base codes, offsets and expected contacts
of an input, and the reference base behind every bin. Coordinates are 0-based and half-open.
Source: Zhou 2022, Nature Genetics 54:725-734, and its program (:func:`~cisflow.models.cascade_zoom.clip_centre`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cisflow.contacts import windows
from cisflow.contacts.assembly import AssemblyBackground, Layout
from cisflow.contacts.evaluation_inputs import filling
from cisflow.contacts.fasta import BASES, UNKNOWN
from cisflow.files import opened_arrays
from cisflow.models.cascade_zoom import Ladder, clip_centre, distance_backgrounds, zoom_offsets
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.variants.alleles import Allele, Segment
from cisflow.variants.structural import Change

#: Name of the bases beyond the end of an allele that is shorter than a window.
BEYOND = ""
_CODES = np.full(256, UNKNOWN, dtype=np.uint8)
_CODES[np.frombuffer(BASES.encode(), dtype=np.uint8)] = np.arange(4)


def base_codes(text: str) -> np.ndarray:
    """Bases of a text as numbers; uint8 (length,): A, C, G, T = 0 to 3 in either case, others 4."""
    return _CODES[np.frombuffer(text.upper().encode(), dtype=np.uint8)]


@dataclass(frozen=True)
class View:
    """A position of an allele that is looked at.

    Attributes
    ----------
    name : str
        As in the published program: ``ref``, ``ref_l``, ``ref_r``, ``ref_1``, ``alt``, ``alt_l``, ...
    allele : Allele
    label : str
        Chromosome, or those of a derivative joined by ``|``.
    position : int
        Base that all windows are centred on, along the allele.
    breakpoints : tuple of int
        Positions of the change along the allele, for figures.
    texts : mapping of str to str
        Bases of inserted texts by name.
    """

    name: str
    allele: Allele
    label: str
    position: int
    breakpoints: tuple[int, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def _named(prefix: str, count: int, numbered: bool) -> list[str]:
    if count == 1:
        return [prefix]
    return [f"{prefix}_{'lr'[k]}" if count == 2 and not numbered else f"{prefix}_{k + 1}" for k in range(count)]


def views_of(change: Change, lengths: Mapping[str, int]) -> tuple[list[View], list[View]]:
    """Where a change is looked at from, in the reference and in the rearranged chromosome.

    Parameters
    ----------
    change : Change
    lengths : mapping of str to int
        Chromosomes of the genome (bp).

    Returns
    -------
    references, alternatives : list of View
        No alternatives for a region.
    """
    places = change.reference_points
    names = _named("ref", len(places), change.kind in ("breakend", "segments"))
    references = []
    for name, (chromosome, position) in zip(names, places, strict=True):
        marks = tuple(sorted({point for other, point in places if other == chromosome}))
        allele = Allele.reference(chromosome, lengths[chromosome])
        references.append(View(name, allele, chromosome, position, marks if change.allele_points else ()))
    sources = dict.fromkeys(s.source for s in change.allele.segments if s.source in lengths)
    points = tuple(change.allele_points)
    names = _named("alt", len(points), len(points) > 2)
    label = "|".join(sources)
    alternatives = [
        View(name, change.allele, label, point, points, change.texts) for name, point in zip(names, points, strict=True)
    ]
    return references, alternatives


@dataclass(frozen=True)
class Input:
    """A view as a model is shown it.

    Attributes
    ----------
    view : View
    start : int
        First base of the top window along the allele.
    inside : int
        Bases of the input that belong to the allele; what follows is filled up.
    offsets : int64 array, (levels,)
        Starts of the levels from the start of the input (bp).
    content : Allele
        The input itself, as long as the top level.
    expected : float64 array, (levels, bins, bins), or None
        Linear scale; None for models of one level.
    trans : bool array, (levels, bins, bins), or None
        Entries between chromosomes.
    """

    view: View
    start: int
    inside: int
    offsets: np.ndarray
    content: Allele
    expected: np.ndarray | None
    trans: np.ndarray | None

    def starts(self) -> np.ndarray:
        """First base of each level's window along the allele; int64 (levels,)."""
        return self.start + self.offsets


@dataclass(frozen=True)
class ExpectedContacts:
    """Content of ``expected.npz``.

    Attributes
    ----------
    path : str
    log_expected : float64 array, (distances,)
        Natural log of the expected contacts by distance in bins of ``resolution`` bp.
    log_trans : float
        The same between chromosomes; NaN when the map has none.
    resolution : int
    """

    path: str
    log_expected: np.ndarray
    log_trans: float
    resolution: int

    @classmethod
    def read(cls, path: str | Path) -> ExpectedContacts:
        """Read the file of a prepared map.

        Raises
        ------
        InputError
            When the file is missing or another one.
        """
        with opened_arrays(path, "expected contacts of a map (expected.npz)") as curves:
            trans = float(curves["log_trans"]) if "log_trans" in curves else float("nan")
            return cls(str(path), curves["log_expected"], trans, int(curves["resolution"]))


class Placer:
    """Puts views before a model.

    Parameters
    ----------
    ladder : Ladder
        Levels of the model; one for models of one level.
    fetch : callable
        Codes of a reference interval, see :meth:`cisflow.contacts.genome.Genome.codes`.
    lengths : mapping of str to int
        Chromosomes of the genome (bp).
    expected : ExpectedContacts, optional
        Needed by models of several levels.
    assembled : bool
        The model is shown several chromosomes at once (256-Mb model): the allele from its start, filled up with others.
    padding : str, optional
        Chromosome that fills up first; by default the longest.

    Raises
    ------
    InputError
        When expected contacts are missing or do not fit, or ``padding`` is no chromosome.

    Notes
    -----
    An allele that is shorter than a window is shown from its start, followed by unknown bases (as published for
    derivative chromosomes), or by other chromosomes where the model is shown several. Distances, and with them expected
    contacts, are those along the allele.
    """

    def __init__(
        self,
        ladder: Ladder,
        fetch: Callable[[str, int, int], np.ndarray],
        lengths: Mapping[str, int],
        expected: ExpectedContacts | None = None,
        assembled: bool = False,
        padding: str | None = None,
    ):
        self.ladder, self.fetch, self.lengths, self.expected = ladder, fetch, dict(lengths), expected
        self.assembled = assembled
        self._distances: np.ndarray | None = None
        if len(ladder.levels) > 1:
            self._check_expected()
        if padding is not None and padding not in self.lengths:
            raise InputError(Problem("padding", not_one_of(padding, self.lengths)))
        first = {padding: self.lengths[padding]} if padding is not None else {}
        # Ties in the order of the genome: the same genome fills up in the same way.
        self._fillers = first | dict(sorted(self.lengths.items(), key=lambda item: -item[1]))

    def _check_expected(self) -> None:
        expected, ladder = self.expected, self.ladder
        if expected is None:
            raise InputError(Problem("expected", "models of several levels need the expected contacts of their map"))
        if ladder.bin_sizes[-1] % expected.resolution:
            what = f"for bins of {expected.resolution:,} bp; expected a divisor of {ladder.bin_sizes[-1]:,} bp"
            raise InputError(Problem(expected.path, what))
        if self.assembled:
            if not np.isfinite(expected.log_trans):
                raise InputError(Problem(expected.path, "no contacts between chromosomes; the model needs them"))
            return
        reach = len(expected.log_expected) * expected.resolution
        if reach < ladder.length:
            what = f"expected contacts reach {reach:,} bp, the model's window has {ladder.length:,} bp"
            raise InputError(Problem(expected.path, what))
        self._distances = np.stack(distance_backgrounds(ladder, expected.log_expected, expected.resolution))

    def level_expected(self) -> np.ndarray | None:
        """Expected contacts of the levels of any window inside a chromosome; None for models of one level."""
        return self._distances

    def place(self, view: View) -> Input:
        """Windows around a view, and what the model is told of them."""
        ladder, resolution = self.ladder, self.expected.resolution if self.assembled else 1
        length = view.allele.length - view.allele.length % resolution
        inside, start = min(length, ladder.length), 0
        if length >= ladder.length:
            start = clip_centre(view.position, length, ladder.length // 2, ladder.bin_sizes[0]) - ladder.length // 2
        parts = view.allele.pieces(start, start + inside)
        if not self.assembled:
            if inside < ladder.length:
                parts.append(Segment(BEYOND, 0, ladder.length - inside))
            offsets = zoom_offsets(ladder, start, view.position)
            return Input(view, start, inside, offsets, Allele(tuple(parts)), self._distances, None)
        fillers = filling(self._fillers, ladder.length - inside, resolution)
        parts += [Segment(one.chromosome, one.start, one.start + one.length) for one in fillers]
        end = length if inside < ladder.length else None
        offsets = zoom_offsets(ladder, start, view.position, end)
        own = [windows.Segment(view.label, start - start % resolution, inside)] if inside else []
        layout = Layout.of([*own, *fillers], resolution)
        background = AssemblyBackground(
            layout, np.minimum.accumulate(self.expected.log_expected), self.expected.log_trans
        )
        factors = [size // resolution for size in ladder.bin_sizes]
        firsts = [int(offset) // resolution for offset in offsets]
        of = list(zip(firsts, factors, strict=True))
        expected = np.stack([background.window(first, ladder.bins, factor) for first, factor in of])
        trans = np.stack([layout.trans(first, ladder.bins, factor) for first, factor in of])
        return Input(view, start, inside, offsets, Allele(tuple(parts)), expected, trans)

    def codes(self, given: Input) -> np.ndarray:
        """Base codes of an input; uint8 (length,)."""
        texts = {name: base_codes(text) for name, text in given.view.texts.items()}

        def fetch(source: str, start: int, end: int) -> np.ndarray:
            if source == BEYOND:
                return np.full(end - start, UNKNOWN, dtype=np.uint8)
            return self.fetch(source, start, end)

        return given.content.codes(0, self.ladder.length, fetch, texts)


def sources_of(given: Input, ladder: Ladder, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Reference base in the middle of every bin.

    Parameters
    ----------
    given : Input
    ladder : Ladder
    level : int
        Number of the level, coarse to fine.

    Returns
    -------
    source : str array, (bins,)
        Chromosome; name of an inserted text; empty beyond the allele, also where other chromosomes fill up the input.
    position : int64 array, (bins,)
        0-based.
    """
    size = ladder.bin_sizes[level]
    middle = int(given.offsets[level]) + size * np.arange(ladder.bins) + size // 2
    segments = given.content.segments
    first = np.array(given.content.breakpoints, dtype=np.int64)
    which = np.searchsorted(first, middle, side="right") - 1
    along = middle - first[which]
    start = np.array([segment.start for segment in segments], dtype=np.int64)[which]
    end = np.array([segment.end for segment in segments], dtype=np.int64)[which]
    reverse = np.array([segment.strand == "-" for segment in segments])[which]
    names = np.array([segment.source for segment in segments])[which]
    names = np.where(middle < given.inside, names, BEYOND)
    return names, np.where(reverse, end - 1 - along, start + along)


def places_in(given: Input, source: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Where reference bases lie in an input of reference segments; int64 (bases,), -1 where it does not show them."""
    place = np.full(len(position), -1, dtype=np.int64)
    for segment, first in zip(given.content.segments, given.content.breakpoints, strict=False):
        if segment.source == BEYOND or segment.strand != "+":
            continue
        here = (place < 0) & (source == segment.source) & (position >= segment.start) & (position < segment.end)
        place[here] = first + position[here] - segment.start
    return place

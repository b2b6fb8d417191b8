"""Inputs that models of several levels are evaluated on.

Purpose: the windows of the test chromosomes, at all levels, and which of their entries count. Inputs: lengths of the
chromosomes, levels, steps. Outputs: lists of :class:`EvaluationInput`. Coordinates are 0-based; ends are exclusive.
Source: evaluation of Orca (Zhou 2022, Nature Genetics 54:725-734, and its notebooks): 32-Mb windows along the test
chromosomes with zoom to the centre; test chromosomes filled up with another to 256 Mb; random assemblies of the test
chromosomes for the contacts between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cisflow.contacts.assembly import AssemblySampler, SegmentRule
from cisflow.contacts.ladder import LadderData
from cisflow.contacts.windows import Segment, centre_zoom, tile
from cisflow.models.cascade_zoom import Ladder
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator

CIS, TRANS = "cis", "trans"


@dataclass(frozen=True)
class EvaluationInput:
    """An input and the series of windows in it.

    Attributes
    ----------
    segments : tuple of Segment
        Forward strand, except in random assemblies.
    zooms : tuple of int64 array, (levels,)
        Offsets of the levels from the start of the input (bp).
    kind : {"cis", "trans"}
        Whether contacts within a chromosome or between chromosomes count.
    name : str
        Chromosome, or several joined by ``+``.
    start : int
        First base in the coordinates of the chromosome; 0 in random assemblies.
    inside : int
        Bases from the start of the input that belong to the test chromosome; all of them in random assemblies.
    """

    segments: tuple[Segment, ...]
    zooms: tuple[np.ndarray, ...]
    kind: str
    name: str
    start: int
    inside: int

    def counts(self, zoom: int, ladder: Ladder, data: LadderData, max_missing: float) -> np.ndarray:
        """Which entries count; bool (levels, bins, bins).

        Parameters
        ----------
        zoom : int
            Number of the series of windows.
        ladder : Ladder
        data : LadderData
            Of that series.
        max_missing : float
            Largest share of missing fine pixels behind an entry.

        Notes
        -----
        The top window is the same for all series of an input and counts in the first alone. A window that reaches
        beyond the test chromosome counts in the first series alone, there without what lies beyond.
        """
        kept = data.missing <= max_missing
        if self.kind == TRANS:
            return kept & data.trans
        offsets = self.zooms[zoom]
        for k, (offset, level, size) in enumerate(zip(offsets, ladder.levels, ladder.bin_sizes, strict=True)):
            beyond = offset + level > self.inside
            if zoom and (beyond or (k == 0 and len(self.zooms) > 1)):
                kept[k] = False
            elif beyond:
                within = offset + size * np.arange(1, ladder.bins + 1) <= self.inside
                kept[k] &= np.outer(within, within)
        return kept


def centred_inputs(
    lengths: Mapping[str, int], ladder: Ladder, step: int, first_bins: Sequence[int] | None = None
) -> list[EvaluationInput]:
    """Windows at regular steps along each test chromosome, each zoomed to its centre.

    Parameters
    ----------
    lengths : mapping of str to int
        Test chromosomes (bp).
    ladder : Ladder
    step : int
        From one window to the next (bp).
    first_bins : sequence of int, optional
        See :func:`~cisflow.contacts.windows.centre_zoom`.
    """
    offsets = centre_zoom(ladder, first_bins)
    return [
        EvaluationInput((one.segment(ladder.length),), (offsets,), CIS, one.chromosome, one.start, ladder.length)
        for one in tile(lengths, ladder.length, step)
    ]


def chromosome_inputs(
    tested: Mapping[str, int], others: Mapping[str, int], ladder: Ladder, resolution: int, step: int
) -> list[EvaluationInput]:
    """Whole test chromosomes, filled up with others, and zooms at regular steps along them.

    Parameters
    ----------
    tested, others : mapping of str to int
        Lengths (bp) of the test chromosomes, and of those that fill up, longest first.
    ladder : Ladder
    resolution : int
        Bin size of the map (bp); lengths are rounded down to it.
    step : int
        From one zoom to the next (bp), a multiple of the top level's bin size. Below the top, all windows of a zoom
        start there, as far as they fit into the window above.

    Notes
    -----
    A chromosome that is longer than an input is covered by inputs end to end, the last of them up to its end.
    """
    longest = dict(sorted(others.items(), key=lambda item: -item[1]))
    found = []
    for name, bases in tested.items():
        whole = bases - bases % resolution
        last = max(0, whole - ladder.length)
        for start in dict.fromkeys([*range(0, last, ladder.length), last]):
            inside = min(whole, ladder.length)
            segments = (Segment(name, start, inside), *filling(longest, ladder.length - inside, resolution))
            places = range(0, max(inside - ladder.levels[-1], 0) + 1, step)
            zooms = tuple(_zoom_at(place, ladder) for place in places)
            found.append(EvaluationInput(segments, zooms, CIS, name, start, inside))
    return found


def _zoom_at(place: int, ladder: Ladder) -> np.ndarray:
    """Offsets of windows that start at a place, or as near to it as the window above allows."""
    return np.array([min(place, ladder.length - level) for level in ladder.levels], dtype=np.int64)


def filling(longest: Mapping[str, int], left: int, resolution: int) -> list[Segment]:
    """Segments from the starts of chromosomes, ``left`` bp, in their order, again from the first when all are used."""
    usable = [(name, bases - bases % resolution) for name, bases in longest.items() if bases >= resolution]
    if left and not usable:
        raise InputError(
            Problem("contact maps sheet", "no chromosome but those for testing; expected one to fill up inputs with")
        )
    segments = []
    while left:
        name, whole = usable[len(segments) % len(usable)]
        segments.append(Segment(name, 0, min(whole, left)))
        left -= segments[-1].length
    return segments


def assembled_inputs(
    tested: Mapping[str, int],
    ladder: Ladder,
    resolution: int,
    rule: SegmentRule,
    number: int,
    seed: int,
    first_bins: Sequence[int] | None = None,
) -> list[EvaluationInput]:
    """Random assemblies of the test chromosomes, zoomed to the centre, for the contacts between chromosomes.

    Parameters
    ----------
    tested : mapping of str to int
        Test chromosomes (bp), two or more.
    ladder, resolution, first_bins
        See :func:`chromosome_inputs` and :func:`~cisflow.contacts.windows.centre_zoom`.
    rule : SegmentRule
    number : int
        Assemblies.
    seed : int
    """
    if number and len(tested) < 2:
        found = f"{', '.join(tested)}; expected two or more for contacts between chromosomes (evaluation.assemblies)"
        raise InputError(Problem("contact maps sheet", found, column="test_chromosomes"))
    sampler = AssemblySampler(tested, ladder.length, resolution, 0, rule) if number else None
    found = []
    for k in range(number):
        segments = tuple(sampler.draw(generator(seed, "evaluation assemblies", k)))
        name = "+".join(segment.chromosome for segment in segments)
        found.append(EvaluationInput(segments, (centre_zoom(ladder, first_bins),), TRANS, name, 0, ladder.length))
    return found

"""Sequence and contacts of an input at all levels of a cascade.

Purpose: what a network of several levels is trained on and compared with: base codes of a long window or of an assembly
of several chromosomes, and at every level observed contacts, expected contacts and how much was measured.
Inputs: a prepared contact map, a genome, segments, offsets of the levels. Outputs: :class:`LadderData`.
Source: second and third stage of Orca (Zhou 2022, Nature Genetics 54:725-734).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cisflow.contacts.assembly import AssemblyBackground, Layout
from cisflow.contacts.genome import reverse_complement
from cisflow.contacts.reader import MAX_TRIES
from cisflow.contacts.reader import Sequence as GenomeSequence
from cisflow.contacts.targets import ContactMap, flat_block_mean
from cisflow.contacts.windows import Segment
from cisflow.models.cascade_zoom import Ladder, distance_backgrounds
from cisflow.problems import InputError, Problem


@dataclass(frozen=True)
class LadderData:
    """What is known of an input, in reading order, levels from coarse to fine.

    Attributes
    ----------
    segments : tuple of Segment
    offsets : int64 array, (levels,)
        Start of each level's window from the start of the input (bp).
    observed : float32 array, (levels, bins, bins)
        Mean of the observed contacts (balanced, coarse-grained); NaN where nothing was measured.
    expected : float64 array, (levels, bins, bins)
        Mean of the expected contacts; shared by all windows of one chromosome.
    missing : float32 array, (levels, bins, bins)
        Share of the fine pixels behind an entry that were not measured.
    trans : bool array, (levels, bins, bins)
        Entries between chromosomes.
    """

    segments: tuple[Segment, ...]
    offsets: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    missing: np.ndarray
    trans: np.ndarray

    @property
    def epsilon(self) -> np.ndarray:
        """Smallest expected contacts of each level; float64 (levels,)."""
        return self.expected.min(axis=(1, 2))

    @property
    def target(self) -> np.ndarray:
        """Natural log of (observed + epsilon) / (expected + epsilon); float32 (levels, bins, bins)."""
        epsilon = self.epsilon[:, None, None]
        return np.log((self.observed + epsilon) / (self.expected + epsilon)).astype(np.float32)


class LadderReader:
    """Reader of inputs at the levels of a cascade.

    Parameters
    ----------
    contact_map : ContactMap
        At the resolution that targets are made from; every bin size is a multiple of it.
    genome : Genome or None
        None where only contacts are read.
    ladder : Ladder
    assembled : bool
        Inputs are assemblies of several chromosomes, as in the third stage: contacts expected within a chromosome never
        rise with distance, blocks are averaged in one go. Otherwise inputs are one window, as in the second stage:
        expected contacts as measured, blocks averaged first by row.

    Raises
    ------
    InputError
        When a bin size is no multiple of the resolution, or the expected contacts do not reach across a window.
    """

    def __init__(self, contact_map: ContactMap, genome: GenomeSequence | None, ladder: Ladder, assembled: bool = False):
        self.contact_map, self.genome, self.ladder, self.assembled = contact_map, genome, ladder, assembled
        resolution = contact_map.resolution
        if ladder.bin_sizes[-1] % resolution:
            raise InputError(
                Problem(
                    "recipe",
                    f"{ladder.bin_sizes[-1]} bp is no multiple of the map's resolution, {resolution} bp",
                    column="window.bin_size",
                )
            )
        self.factors = [size // resolution for size in ladder.bin_sizes]
        if not assembled:
            for factor in self.factors:
                contact_map.background(ladder.bins * factor, factor)  # checks the reach of the curve
            #: Expected contacts of the levels of any window, float64 (levels, bins, bins).
            self.expected = np.stack(distance_backgrounds(ladder, contact_map.log_expected, resolution))

    def missing_share(self, segments: Sequence[Segment]) -> float:
        """Share of the fine pixels of a whole input that were not measured; needs no pixel to be read."""
        measured = self._measured(Layout.of(segments, self.contact_map.resolution))
        return float(1 - measured.mean() ** 2)

    def codes(self, segments: Sequence[Segment]) -> np.ndarray:
        """Bases of an input in reading order, with the shift of each segment; uint8 (length,)."""
        parts = []
        for one in segments:
            first = one.start + one.shift
            codes = self.genome.codes(one.chromosome, first, first + one.length)
            parts.append(reverse_complement(codes) if one.reverse else codes)
        return np.concatenate(parts) if len(parts) > 1 else np.ascontiguousarray(parts[0])

    def read(self, segments: Sequence[Segment], offsets: np.ndarray) -> LadderData:
        """Read the contacts of an input.

        Parameters
        ----------
        segments : sequence of Segment
            In reading order; together as long as the top level.
        offsets : int64 array, (levels,)
            In the direction of reading, multiples of the level's bin size.
        """
        return self.open(segments)(offsets)

    def open(self, segments: Sequence[Segment]) -> Callable[[np.ndarray], LadderData]:
        """Read an input once for several series of windows; the result takes offsets, see :meth:`read`."""
        resolution, bins = self.contact_map.resolution, self.ladder.bins
        layout = Layout.of(segments, resolution)
        if len(layout) * resolution != self.ladder.length:
            raise ValueError(f"an input of {len(layout) * resolution:,} bp; expected {self.ladder.length:,} bp")
        measured, mean = self._measured(layout), self._means(layout)
        if self.assembled:
            background = AssemblyBackground(layout, self.contact_map.monotone, self.contact_map.log_trans)

        def at(offsets: np.ndarray) -> LadderData:
            observed, expected, missing, trans = [], [], [], []
            for k, (offset, factor) in enumerate(zip(offsets, self.factors, strict=True)):
                start = int(offset) // resolution
                observed.append(mean(start, bins * factor, factor))
                share = measured[start : start + bins * factor].reshape(bins, factor).mean(axis=1)
                missing.append(1 - np.outer(share, share))
                expected.append(background.window(start, bins, factor) if self.assembled else self.expected[k])
                trans.append(layout.trans(start, bins, factor))
            return LadderData(
                tuple(segments),
                np.asarray(offsets, dtype=np.int64),
                np.stack(observed).astype(np.float32),
                np.stack(expected) if self.assembled else self.expected,
                np.stack(missing).astype(np.float32),
                np.stack(trans),
            )

        return at

    def draw(
        self,
        draw_segments: Callable[[np.random.Generator], Sequence[Segment]],
        rng: np.random.Generator,
        max_missing: float,
    ) -> tuple[Segment, ...]:
        """Draw inputs until one has at most ``max_missing`` of its fine pixels missing.

        Raises
        ------
        InputError
            When 1,000 inputs in a row have more.
        """
        for _ in range(MAX_TRIES):
            segments = tuple(draw_segments(rng))
            if self.missing_share(segments) <= max_missing:
                return segments
        raise InputError(
            Problem(
                "recipe",
                f"{MAX_TRIES} random inputs in a row have more than {max_missing:.0%} missing pixels; allow more, or "
                "use a map with more contacts or larger bins",
                column="window.max_missing",
            )
        )

    def _measured(self, layout: Layout) -> np.ndarray:
        """Which fine bins have a balancing weight, in reading order; bool (bins,)."""
        names = list(dict.fromkeys(segment.chromosome for segment in layout.segments))
        measured = np.empty(len(layout), dtype=bool)
        for k, name in enumerate(names):
            here = layout.chromosome == k
            measured[here] = np.isfinite(self.contact_map.weights[name][layout.position[here]])
        return measured

    def _means(self, layout: Layout) -> Callable[[int, int, int], np.ndarray]:
        """Function that gives the block means of a part of the input: first fine bin, fine bins, side of a block."""
        if self.assembled:
            fine = assembled_map(self.contact_map, layout)
            return lambda first, n, factor: flat_block_mean(fine[first : first + n, first : first + n], factor)
        (segment,) = layout.segments
        window = self.contact_map.smoothed(segment.chromosome, segment.start, len(layout))
        if not segment.reverse:
            return window.mean
        return lambda first, n, factor: window.mean(len(layout) - first - n, n, factor)[::-1, ::-1]


def assembled_map(contact_map: ContactMap, layout: Layout) -> np.ndarray:
    """Balanced, coarse-grained contacts of an assembly in reading order.

    Returns
    -------
    float32 array, (bins, bins)
        NaN for masked bins. Each pair of segments is coarse-grained by itself and then turned as their strands say.
    """
    result = np.empty((len(layout), len(layout)), dtype=np.float32)
    edges, first = [], 0
    for segment in layout.segments:
        edges.append(slice(first, first + segment.length // layout.resolution))
        first = edges[-1].stop
    places = [(s.chromosome, s.start, s.length // layout.resolution) for s in layout.segments]
    for a, one in enumerate(layout.segments):
        for b, other in enumerate(layout.segments[a:], a):
            block = contact_map.smoothed_block(*places[a], *places[b])
            block = block[:: -1 if one.reverse else 1, :: -1 if other.reverse else 1]
            result[edges[a], edges[b]] = block
            result[edges[b], edges[a]] = block.T
    return result

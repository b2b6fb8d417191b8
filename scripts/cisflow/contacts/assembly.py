"""Inputs of several chromosomes: random assemblies of a fixed length, their expected contacts, and where they join.

Purpose: the inputs of the third stage of Orca's training (256 Mb from several chromosomes), on any genome. Inputs:
chromosome lengths, total length, resolution of the map, expected contacts within and between chromosomes. Outputs:
lists of :class:`~cisflow.contacts.windows.Segment`, expected contacts of any part of an assembly.
Coordinates are 0-based; ends are exclusive.
Source: Zhou 2022, Nature Genetics 54:725-734.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from cisflow.contacts.windows import Segment, draw_shift
from cisflow.problems import InputError, Problem


@dataclass(frozen=True)
class SegmentRule:
    """How long the segments of an assembly are.

    Attributes
    ----------
    random_length_probability : float
        Probability that a segment gets a random length instead of a whole chromosome or all that is left.
    shortest, longest : int
        Range of random lengths (bp), both included.
    max_length : int
        No segment is longer (bp); 0 = no limit.
    """

    random_length_probability: float = 0.0
    shortest: int = 0
    longest: int = 0
    max_length: int = 0


class AssemblySampler:
    """Random assemblies of segments.

    Parameters
    ----------
    lengths : mapping of str to int
        Chromosomes to draw from, with their lengths (bp); a chromosome can come several times in one assembly.
    length : int
        Length of an assembly (bp), a multiple of ``resolution``.
    resolution : int
        Starts and lengths of segments are multiples of it (bp).
    max_shift : int
        Shifts are drawn for every segment, uniformly from -max_shift to max_shift - 1.
    rule : SegmentRule
        By default segments are whole chromosomes as long as they fit into what is left of the assembly.

    Raises
    ------
    InputError
        When no chromosome has a whole bin.

    Notes
    -----
    A chromosome is drawn in proportion to its length. If its whole bins do not exceed what is left of the assembly, it
    is taken from its start to its last whole bin; otherwise what is left is taken from a random start. When the length
    is reached, the order of the segments and the strand of each are drawn.
    """

    def __init__(
        self,
        lengths: Mapping[str, int],
        length: int,
        resolution: int,
        max_shift: int = 0,
        rule: SegmentRule | None = None,
    ):
        if length % resolution:
            raise ValueError(f"an assembly of {length} bp is no multiple of the resolution, {resolution} bp")
        self.names = [name for name, bases in lengths.items() if bases >= resolution]
        if not self.names:
            found = f"no chromosome has a whole bin of {resolution:,} bp; expected one to draw segments from"
            raise InputError(Problem("recipe", found, column="window"))
        self.lengths = np.array([lengths[name] for name in self.names], dtype=np.int64)
        self.length, self.resolution, self.max_shift = length, resolution, max_shift
        self.rule = SegmentRule() if rule is None else rule

    def draw(self, rng: np.random.Generator) -> list[Segment]:
        """Draw an assembly: segments in reading order, ``length`` bp together."""
        left, drawn = self.length, []
        while left:
            k = int(rng.choice(len(self.names), p=self.lengths / self.lengths.sum()))
            whole = int(self.lengths[k]) - int(self.lengths[k]) % self.resolution
            most = min(left, self._longest(rng))
            start, length = 0, whole
            if whole > most:
                start, length = int(rng.integers(0, max(1, int(self.lengths[k]) - most))), most
                start -= start % self.resolution
            drawn.append((self.names[k], start, length))
            left -= length
        order = rng.permutation(len(drawn))
        return [
            Segment(*drawn[k], shift=draw_shift(rng, self.max_shift), reverse=bool(rng.random() < 0.5)) for k in order
        ]

    def _longest(self, rng: np.random.Generator) -> int:
        """Longest segment that the rule allows this time."""
        rule, most = self.rule, self.length
        if rule.max_length:
            most = min(most, rule.max_length - rule.max_length % self.resolution)
        if rule.random_length_probability and rng.random() < rule.random_length_probability:
            drawn = int(rng.integers(rule.shortest, rule.longest + 1))
            most = min(most, drawn - drawn % self.resolution)
        return max(most, self.resolution)


@dataclass(frozen=True)
class Layout:
    """Where every bin of an input lies in the genome, in reading order.

    Attributes
    ----------
    segments : tuple of Segment
    resolution : int
        Bin size (bp).
    chromosome : int32 array, (bins,)
        Number of the bin's chromosome among those of the input.
    position : int64 array, (bins,)
        Number of the bin within its chromosome.
    """

    segments: tuple[Segment, ...]
    resolution: int
    chromosome: np.ndarray
    position: np.ndarray

    @classmethod
    def of(cls, segments: Sequence[Segment], resolution: int) -> Layout:
        """Layout of segments whose starts and lengths are multiples of ``resolution``."""
        names = list(dict.fromkeys(segment.chromosome for segment in segments))
        chromosomes, positions = [], []
        for segment in segments:
            if segment.start % resolution or segment.length % resolution:
                raise ValueError(f"{segment} does not lie on bins of {resolution} bp")
            bins = segment.start // resolution + np.arange(segment.length // resolution)
            positions.append(bins[::-1] if segment.reverse else bins)
            chromosomes.append(np.full(len(bins), names.index(segment.chromosome), dtype=np.int32))
        return cls(tuple(segments), resolution, np.concatenate(chromosomes), np.concatenate(positions))

    def __len__(self) -> int:
        return len(self.position)

    def trans(self, start: int, bins: int, factor: int) -> np.ndarray:
        """Which entries of a window lie between chromosomes and nowhere else.

        Parameters
        ----------
        start : int
            First fine bin of the window.
        bins, factor : int
            Entries on a side, and fine bins per side of an entry.

        Returns
        -------
        bool array, (bins, bins)
        """
        here = self.chromosome[start : start + bins * factor].reshape(bins, factor)
        present = np.stack([(here == k).any(axis=1) for k in range(int(self.chromosome.max()) + 1)]).astype(np.int32)
        return (present.T @ present) == 0


@njit(cache=True)
def _block_means(
    chromosome: np.ndarray,
    position: np.ndarray,
    cis: np.ndarray,
    trans: float,
    missing: float,
    start: int,
    bins: int,
    factor: int,
) -> np.ndarray:
    means = np.empty((bins, bins))
    for i in range(bins):
        for j in range(i, bins):
            total = 0.0
            for x in range(start + i * factor, start + (i + 1) * factor):
                for y in range(start + j * factor, start + (j + 1) * factor):
                    if chromosome[x] != chromosome[y]:
                        total += trans
                    else:
                        distance = abs(position[x] - position[y])
                        total += cis[distance] if distance < len(cis) else missing
            means[i, j] = means[j, i] = total / factor**2
    return means


@njit(cache=True)
def _smallest(chromosome: np.ndarray, position: np.ndarray, cis: np.ndarray, trans: float) -> float:
    least = np.inf
    for x in range(len(position)):
        for y in range(x, len(position)):
            value = trans
            if chromosome[x] == chromosome[y]:
                distance = abs(position[x] - position[y])
                value = cis[distance] if distance < len(cis) else np.inf
            least = min(least, value)
    return least


class AssemblyBackground:
    """Expected contacts of an input of several chromosomes.

    Parameters
    ----------
    layout : Layout
    log_expected : float array, (distances,)
        Natural log of the expected contacts within a chromosome by distance in fine bins. Where two bins are farther
        apart than it reaches, the smallest expected contacts of the whole input stand in.
    log_trans : float
        Natural log of the expected contacts between chromosomes.
    """

    def __init__(self, layout: Layout, log_expected: np.ndarray, log_trans: float):
        self.layout = layout
        self._cis = np.exp(np.asarray(log_expected, dtype=np.float64))
        self._trans = float(np.exp(log_trans))
        reach = max(int(layout.position[layout.chromosome == k].max()) for k in np.unique(layout.chromosome))
        least = np.inf
        if reach >= len(self._cis):  # otherwise nothing can be missing
            least = float(_smallest(layout.chromosome, layout.position, self._cis, self._trans))
        self._missing = least

    def window(self, start: int, bins: int, factor: int) -> np.ndarray:
        """Expected contacts of a part of the input, as means of the linear values over blocks.

        Parameters
        ----------
        start : int
            First fine bin.
        bins, factor : int
            Entries on a side, and fine bins per side of an entry.

        Returns
        -------
        float64 array, (bins, bins)
            Symmetric. Its minimum is the epsilon of the level.
        """
        layout = self.layout
        return _block_means(
            layout.chromosome, layout.position, self._cis, self._trans, self._missing, start, bins, factor
        )

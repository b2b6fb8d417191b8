"""Where the windows of a zoom cascade lie.

Purpose: levels of a cascade, their windows around a position on either strand, the centre of a window on its
chromosome, and the expected and observed contacts of each level. Inputs: bins and bp per level, coordinates, maps.
Outputs: offsets in bp, matrices. Coordinates are 0-based; ends are exclusive.
Source: Zhou 2022, Nature Genetics 54:725-734, and its program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cisflow.contacts.targets import background, log_target, nested_block_mean
from cisflow.problems import InputError, Problem, not_one_of

RULES = ("corrected", "compatible")


@dataclass(frozen=True)
class Ladder:
    """Levels of a cascade: the same number of bins on half the stretch, step by step.

    Attributes
    ----------
    bins : int
        Bins per level; even.
    levels : tuple of int
        Stretch of each level (bp), coarse to fine; each half of the one before, and a multiple of ``bins``.

    Raises
    ------
    InputError
        When the levels are not such a series.
    """

    bins: int
    levels: tuple[int, ...]

    def __post_init__(self) -> None:
        problems = []
        if self.bins < 2 or self.bins % 2:
            problems.append(Problem("recipe", f"{self.bins} bins per level; expected an even number"))
        if not self.levels:
            problems.append(Problem("recipe", "no levels; expected at least one"))
        for coarse, fine in zip(self.levels, self.levels[1:], strict=False):
            if coarse != 2 * fine:
                problems.append(Problem("recipe", f"level of {fine:,} bp below {coarse:,} bp; expected half of it"))
        if self.bins > 0 and any(level <= 0 or level % self.bins for level in self.levels):
            problems.append(Problem("recipe", f"levels {list(self.levels)} bp; expected multiples of {self.bins} bins"))
        if problems:
            raise InputError(problems)

    @classmethod
    def from_finest(cls, bins: int, bin_size: int, n_levels: int) -> Ladder:
        """Levels whose finest has bins of ``bin_size`` bp."""
        return cls(bins, tuple(bins * bin_size * 2**k for k in reversed(range(n_levels))))

    @property
    def length(self) -> int:
        """Stretch of the top level (bp)."""
        return self.levels[0]

    @property
    def bin_sizes(self) -> tuple[int, ...]:
        """Bin size of each level (bp)."""
        return tuple(level // self.bins for level in self.levels)

    def offsets(self, first_bins: Sequence[int]) -> np.ndarray:
        """Starts of all levels relative to the top window.

        Parameters
        ----------
        first_bins : sequence of int, one per level below the top
            First bin of the next window inside each window, in bins of the coarser of the two: 0 to bins / 2.

        Returns
        -------
        int64 array, (levels,)
            bp.
        """
        steps = [first * size for first, size in zip(first_bins, self.bin_sizes[:-1], strict=True)]
        if any(not 0 <= first <= self.bins // 2 for first in first_bins):
            raise ValueError(f"first bins {list(first_bins)}; expected 0 to {self.bins // 2}")
        return np.concatenate([[0], np.cumsum(steps, dtype=np.int64)]).astype(np.int64)

    def first_bins(self, offsets: np.ndarray) -> np.ndarray:
        """Inverse of :meth:`offsets`."""
        return np.diff(offsets) // np.array(self.bin_sizes[:-1], dtype=np.int64)

    def mirrored(self, offsets: np.ndarray) -> np.ndarray:
        """Offsets of the same windows on the reverse complement, from its own start."""
        return self.length - np.asarray(offsets) - np.array(self.levels, dtype=np.int64)


def zoom_offsets(ladder: Ladder, start: int, position: int, chromosome_end: int | None = None) -> np.ndarray:
    """Starts of all levels of a cascade that zooms to a position.

    Every window is centred on the position, rounded down to bins of the window above, and kept inside it.

    Parameters
    ----------
    ladder : Ladder
    start : int
        First base of the top window.
    position : int
        Base to zoom to, in the same coordinates.
    chromosome_end : int, optional
        For inputs of several chromosomes whose first begins at coordinate 0: end of that chromosome inside the input.
        Windows stay inside it where they fit.

    Returns
    -------
    int64 array, (levels,)
        bp from ``start``. For the reverse complement see :meth:`Ladder.mirrored`.

    Notes
    -----
    The program has its own formulas for the reverse strand, and below the top level measures the end of the chromosome
    from the start of the input instead of the window's. Both give the windows found here (tested): a window that lies
    inside the chromosome holds those below it there, too.
    """
    first_bins, offset = [], 0
    for level, size in zip(ladder.levels[:-1], ladder.bin_sizes[:-1], strict=True):
        proposal = position - level // 4 - (start + offset)
        if chromosome_end is not None:
            low, high = -(start + offset), chromosome_end - level // 2 - (start + offset)
            proposal = min(max(proposal, low), high) if low < high else low
        first = min(max(proposal // size, 0), ladder.bins // 2)
        first_bins.append(first)
        offset += first * size
    return ladder.offsets(first_bins)


def clip_centre(position: int, chromosome_length: int, radius: int, bin_size: int = 128_000) -> int:
    """Centre of a window around a position that lies inside the chromosome and keeps the phase of its bins.

    Parameters
    ----------
    position, chromosome_length, radius : int
        bp; the window reaches ``radius`` to either side. The chromosome is at least twice as long.
    bin_size : int
        Bin size of the top level: centre and position differ by a multiple of it, so that windows of a reference and an
        altered sequence stay comparable. Less than one bin from an end of the chromosome, the phase is given up.

    Returns
    -------
    int
    """
    last = chromosome_length - radius
    if last < radius:
        raise ValueError(f"chromosome of {chromosome_length:,} bp; expected at least {2 * radius:,} bp")
    if position < bin_size or position > chromosome_length - bin_size:
        return min(max(position, radius), last)
    phase = position % bin_size
    lowest = radius + (position - radius) % bin_size
    highest = last - last % bin_size + phase
    if last % bin_size <= phase:
        highest -= bin_size
    return max(min(position, highest), lowest) if lowest <= highest else min(max(position, radius), last)


def round_down(position: int, bin_size: int = 4000) -> int:
    """Largest multiple of ``bin_size`` that does not exceed ``position``."""
    return position - position % bin_size


def distance_backgrounds(ladder: Ladder, log_expected: np.ndarray, resolution: int) -> list[np.ndarray]:
    """Expected contacts of each level of a window inside one chromosome: the same wherever the window lies.

    Parameters
    ----------
    ladder : Ladder
    log_expected : float array, (distances,)
        Natural log of the expected contacts by distance in bins of ``resolution``.
    resolution : int
        bp; every bin size is a multiple of it.

    Returns
    -------
    list of float64 array, (bins, bins)
        Coarse to fine, linear scale. The minimum of each is its epsilon.
    """
    factors = _factors(ladder, resolution)
    return [background(log_expected, ladder.bins * factor, factor) for factor in factors]


def matrix_backgrounds(
    ladder: Ladder, matrix: np.ndarray, resolution: int, offsets: np.ndarray, rule: str = "corrected"
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Expected contacts of each level, cut from the matrix of the whole input (several chromosomes).

    Parameters
    ----------
    ladder : Ladder
    matrix : float array, (n, n)
        Expected contacts of the top window on the forward strand, linear scale; n bins of ``resolution`` bp. Missing
        entries become the smallest of the others.
    resolution : int
        bp.
    offsets : int64 array, (levels,)
        Of the forward strand, see :func:`zoom_offsets`.
    rule : {"corrected", "compatible"}
        How to cut for the reverse strand. ``corrected``: the forward block, flipped. ``compatible``: what the program
        does below the top level, the unflipped matrix cut at the reverse start, then flipped. They differ where an
        input holds several chromosomes.

    Returns
    -------
    forward, reverse : list of float64 array, (bins, bins)
        Coarse to fine, each in the direction of its strand.
    """
    if rule not in RULES:
        raise InputError(Problem("background rule", not_one_of(rule, RULES)))
    missing = np.isnan(matrix)
    filled = np.where(missing, np.nanmin(matrix), matrix) if missing.any() else matrix

    def cut(starts: np.ndarray) -> list[np.ndarray]:
        return [
            nested_block_mean(filled[crop, crop], factor)
            for crop, factor in zip(_crops(ladder, resolution, starts), _factors(ladder, resolution), strict=True)
        ]

    forward = cut(offsets)
    unflipped = cut(ladder.mirrored(offsets)) if rule == "compatible" else forward
    return forward, [block[::-1, ::-1] for block in unflipped]


def observed_ladder(
    ladder: Ladder, observed: np.ndarray, resolution: int, offsets: np.ndarray, backgrounds: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Observed log ratio of each level.

    Parameters
    ----------
    ladder : Ladder
    observed : float array, (n, n)
        Balanced, coarse-grained contacts of the top window, NaN where missing; n bins of ``resolution`` bp.
    resolution : int
        bp.
    offsets : int64 array, (levels,)
    backgrounds : sequence of float array, (bins, bins)
        Expected contacts of each level on the forward strand.

    Returns
    -------
    list of float64 array, (bins, bins)
        Coarse to fine, natural log of (observed + eps) / (expected + eps); NaN where a whole block is missing.
    """
    parts = zip(_crops(ladder, resolution, offsets), backgrounds, _factors(ladder, resolution), strict=True)
    return [log_target(observed[crop, crop], expected, factor) for crop, expected, factor in parts]


def _factors(ladder: Ladder, resolution: int) -> list[int]:
    if any(size % resolution for size in ladder.bin_sizes):
        raise ValueError(f"bins of {ladder.bin_sizes} bp; expected multiples of the resolution, {resolution} bp")
    return [size // resolution for size in ladder.bin_sizes]


def _crops(ladder: Ladder, resolution: int, offsets: np.ndarray) -> list[slice]:
    firsts = [int(offset) // resolution for offset in offsets]
    return [slice(first, first + level // resolution) for first, level in zip(firsts, ladder.levels, strict=True)]

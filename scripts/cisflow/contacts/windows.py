"""Windows of the genome for training and evaluation of contact models.

Purpose: random windows as in the first two stages of Orca's training, on any genome; series of nested windows (zoom);
regular tiles for evaluation. Inputs: chromosome lengths, window length, resolution of the map, intervals to leave out.
Outputs: :class:`Window` and :class:`Segment` objects. Coordinates are 0-based; ends are exclusive.
Source of the sampling: Zhou 2022, Nature Genetics 54:725-734.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cisflow.contacts.intervals import Intervals
from cisflow.models.cascade_zoom import Ladder
from cisflow.problems import InputError, Problem

MAX_TRIES = 10_000


@dataclass(frozen=True)
class Window:
    """A stretch of one chromosome and the way it is read.

    Attributes
    ----------
    chromosome : str
    start : int
        First base of the contact map's part; a multiple of the map's resolution.
    shift : int
        Bases by which the sequence, and only the sequence, is displaced to the right.
    reverse : bool
        Read the reverse strand: reverse-complemented sequence, flipped map, reversed profiles.
    """

    chromosome: str
    start: int
    shift: int = 0
    reverse: bool = False

    def segment(self, length: int) -> Segment:
        """The window as the only segment of an input of ``length`` bases."""
        return Segment(self.chromosome, self.start, length, self.shift, self.reverse)


@dataclass(frozen=True)
class Segment:
    """A stretch of one chromosome as a part of a longer input.

    Attributes
    ----------
    chromosome : str
    start, length : int
        In base pairs; multiples of the map's resolution.
    shift, reverse
        See :class:`Window`.
    """

    chromosome: str
    start: int
    length: int
    shift: int = 0
    reverse: bool = False


class WindowSampler:
    """Random windows that lie inside their chromosome.

    Parameters
    ----------
    lengths : mapping of str to int
        Chromosomes to draw from, with their lengths (bp).
    length : int
        Length of a window (bp).
    resolution : int
        Starts are rounded down to a multiple of it (bp).
    max_shift : int
        Shifts are drawn uniformly from -max_shift to max_shift - 1.
    excluded : Intervals, optional
        A window that shares a base with one of them, before its shift, is drawn again.

    Raises
    ------
    InputError
        When no chromosome is as long as a window.

    Notes
    -----
    A chromosome is drawn in proportion to its length, then a start. Published practice draws again when a window
    crosses the end of its chromosome, which only windows on chromosomes shorter than a window do: leaving those out
    gives the same distribution.
    """

    def __init__(
        self,
        lengths: Mapping[str, int],
        length: int,
        resolution: int,
        max_shift: int = 0,
        excluded: Intervals | None = None,
    ):
        check_lengths(lengths, length)
        self.names = [name for name, bases in lengths.items() if bases >= length]
        self.lengths = np.array([lengths[name] for name in self.names], dtype=np.int64)
        self.length, self.resolution, self.max_shift = length, resolution, max_shift
        self.excluded = Intervals({}) if excluded is None else excluded

    def draw(self, rng: np.random.Generator) -> Window:
        """Draw one window, on either strand with the same probability.

        Raises
        ------
        InputError
            When 10,000 windows in a row touch an interval that is left out.
        """
        for _ in range(MAX_TRIES):
            k = rng.choice(len(self.names), p=self.lengths / self.lengths.sum())
            start = int(rng.integers(0, max(1, self.lengths[k] - self.length)))
            start -= start % self.resolution
            shift = draw_shift(rng, self.max_shift)
            window = Window(self.names[k], start, shift, bool(rng.random() < 0.5))
            if not self.excluded.overlap(window.chromosome, start, start + self.length):
                return window
        raise InputError(
            Problem(
                "contact maps sheet",
                f"{MAX_TRIES:,} random windows of {self.length:,} bp in a row touch an interval to leave out; expected "
                f"room for windows on {', '.join(self.names)}",
                column="exclude",
            )
        )


def draw_shift(rng: np.random.Generator, max_shift: int) -> int:
    """Draw a shift uniformly from -max_shift to max_shift - 1; 0 without a draw when ``max_shift`` is 0."""
    return int(rng.integers(-max_shift, max_shift)) if max_shift else 0


def draw_zoom(rng: np.random.Generator, ladder: Ladder) -> np.ndarray:
    """Draw a series of nested windows, one for each level of a cascade.

    Parameters
    ----------
    rng : numpy Generator
    ladder : Ladder
        Levels; each covers half of the one above.

    Returns
    -------
    int64 array, (levels,)
        Starts (bp) relative to the top window. Each window starts 0 to bins / 2 - 1 bins of the level above after it;
        as in the original, bins / 2, the last place where it would fit, is never drawn.
    """
    return ladder.offsets([int(first) for first in rng.integers(0, ladder.bins // 2, size=len(ladder.levels) - 1)])


def centre_zoom(ladder: Ladder, first_bins: Sequence[int] | None = None) -> np.ndarray:
    """Nested windows around the centre; starts as in :func:`draw_zoom`.

    Parameters
    ----------
    ladder : Ladder
    first_bins : sequence of int, optional
        First bin of each window in the level above. By default a quarter of the bins, rounded down: with an odd half
        (125 of 250 bins) there is no window in the very middle, and the original takes 62 at some levels and 63 at
        others.
    """
    return ladder.offsets([ladder.bins // 4] * (len(ladder.levels) - 1) if first_bins is None else first_bins)


def check_lengths(lengths: Mapping[str, int], length: int) -> None:
    """Raise InputError when none of the chromosomes is as long as a window."""
    if not any(bases >= length for bases in lengths.values()):
        shown = ", ".join(f"{name} ({bases:,} bp)" for name, bases in lengths.items()) or "none"
        raise InputError(
            Problem("recipe", f"no chromosome is as long as a window of {length:,} bp: {shown}", column="window")
        )


def tile(lengths: Mapping[str, int], length: int, step: int) -> list[Window]:
    """Windows at regular steps along each chromosome, forward strand, all inside their chromosome.

    Parameters
    ----------
    lengths : mapping of str to int
    length, step : int
        Length of a window and distance between two starts (bp).

    Raises
    ------
    InputError
        When no chromosome is as long as a window.
    """
    check_lengths(lengths, length)
    return [Window(name, start) for name, bases in lengths.items() for start in range(0, bases - length + 1, step)]

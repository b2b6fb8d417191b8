"""Windows of the genome for training and evaluation of contact models.

Purpose: random windows as in the first stage of Orca's training, on any genome, and regular tiles for evaluation.
Inputs: chromosome lengths, window length, resolution of the map. Outputs: :class:`Window` objects.
Coordinates are 0-based; ends are exclusive.
Source of the sampling: Zhou 2022, Nature Genetics 54:725-734.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cisflow.problems import InputError, Problem


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

    def __init__(self, lengths: Mapping[str, int], length: int, resolution: int, max_shift: int = 0):
        check_lengths(lengths, length)
        self.names = [name for name, bases in lengths.items() if bases >= length]
        self.lengths = np.array([lengths[name] for name in self.names], dtype=np.int64)
        self.length, self.resolution, self.max_shift = length, resolution, max_shift

    def draw(self, rng: np.random.Generator) -> Window:
        """Draw one window, on either strand with the same probability."""
        k = rng.choice(len(self.names), p=self.lengths / self.lengths.sum())
        start = int(rng.integers(0, max(1, self.lengths[k] - self.length)))
        shift = int(rng.integers(-self.max_shift, self.max_shift)) if self.max_shift else 0
        return Window(self.names[k], start - start % self.resolution, shift, bool(rng.random() < 0.5))


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

"""Sequence, contact map and profile labels of a window.

Inputs: a contact map with its expected contacts, a genome, peak files. Outputs: :class:`WindowData`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cisflow.contacts.genome import reverse_complement
from cisflow.contacts.peaks import PeakTracks
from cisflow.contacts.windows import Window, WindowSampler
from cisflow.problems import InputError, Problem

MAX_TRIES = 1000


class Targets(Protocol):
    """A contact map that gives training targets, see :class:`cisflow.contacts.targets.ContactMap`."""

    resolution: int

    def window_target(self, chromosome: str, start: int, n_fine_bins: int, factor: int) -> np.ndarray:
        """Natural log of observed over expected, float32 (n, n) with NaN where nothing was measured."""


class Sequence(Protocol):
    """A genome, see :class:`cisflow.contacts.genome.Genome`."""

    def codes(self, chromosome: str, start: int, end: int) -> np.ndarray:
        """Bases as uint8: A, C, G, T = 0 to 3; anything else and positions outside the chromosome = 4."""


@dataclass(frozen=True)
class WindowData:
    """What is known of a window, on the strand that the window says.

    Attributes
    ----------
    codes : uint8 array, (length,)
    target : float32 array, (bins, bins)
        Natural log of observed over expected; NaN where nothing was measured.
    labels : float32 array, (tracks, bins)
    """

    codes: np.ndarray
    target: np.ndarray
    labels: np.ndarray

    @property
    def missing(self) -> float:
        """Share of missing entries of the target."""
        return float(np.isnan(self.target).mean())


class WindowReader:
    """Reader of windows of one shape.

    Parameters
    ----------
    contact_map : ContactMap
    genome : Genome
    bins, bin_size : int
        Shape of the target; ``bin_size`` is a multiple of the map's resolution.
    peaks : PeakTracks
        Profile tracks; none by default.

    Raises
    ------
    InputError
        When ``bin_size`` is no multiple of the resolution.
    """

    def __init__(
        self, contact_map: Targets, genome: Sequence, bins: int, bin_size: int, peaks: PeakTracks | None = None
    ):
        if bin_size % contact_map.resolution:
            raise InputError(
                Problem(
                    "recipe",
                    f"{bin_size} bp is no multiple of the map's resolution, {contact_map.resolution} bp",
                    column="window.bin_size",
                )
            )
        self.contact_map, self.genome = contact_map, genome
        self.bins, self.bin_size = bins, bin_size
        self.factor = bin_size // contact_map.resolution
        self.peaks = PeakTracks([]) if peaks is None else peaks

    def target(self, window: Window) -> np.ndarray:
        """Target of a window on the forward strand, see :class:`WindowData`."""
        n_fine_bins = self.bins * self.factor
        return self.contact_map.window_target(window.chromosome, window.start, n_fine_bins, self.factor)

    def missing_share(self, window: Window) -> np.ndarray:
        """Share of missing fine pixels behind each entry of a window's target; float64 (bins, bins)."""
        n_fine_bins = self.bins * self.factor
        return self.contact_map.missing_share(window.chromosome, window.start, n_fine_bins, self.factor)

    def read(self, window: Window) -> WindowData:
        """Read a window; the reverse strand has everything in reverse order and complementary bases."""
        first = window.start + window.shift
        codes = self.genome.codes(window.chromosome, first, first + self.bins * self.bin_size)
        target = self.target(window)
        labels = self.peaks.labels(window.chromosome, window.start, self.bins, self.bin_size)
        if window.reverse:
            codes, target, labels = reverse_complement(codes), target[::-1, ::-1], labels[:, ::-1]
        return WindowData(*(np.ascontiguousarray(values) for values in (codes, target, labels)))

    def draw(self, sampler: WindowSampler, rng: np.random.Generator, max_missing: float = 1.0) -> WindowData:
        """Draw windows until one has at most ``max_missing`` missing entries, and return what it holds.

        Raises
        ------
        InputError
            When 1,000 windows in a row have more.
        """
        for _ in range(MAX_TRIES):
            data = self.read(sampler.draw(rng))
            if data.missing <= max_missing:
                return data
        raise InputError(
            Problem(
                "recipe",
                f"{MAX_TRIES} random windows in a row have more than {max_missing:.0%} missing entries; allow more, or "
                "use a map with more contacts or larger bins",
                column="window.max_missing",
            )
        )

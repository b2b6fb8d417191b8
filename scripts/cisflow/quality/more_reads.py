"""The plain answer to the question whether more reads of a library would help.

Inputs: a sorted library. Outputs: expected new elements and standard errors with more reads, and a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cisflow.quality.library import SortedLibrary, error_parts
from cisflow.quality.saturation import expected_error, extrapolate, frequencies, new_per_million

#: Gains from twice the reads from which on they help, and below which they hardly do: share of new elements, or share
#: by which the standard error falls (the most possible is 29 %).
HELPS_NEW, HELPS_ERROR = 0.05, 0.15
HARDLY_NEW, HARDLY_ERROR = 0.01, 0.05


@dataclass(frozen=True)
class MoreReads:
    """What twice the reads would give.

    Attributes
    ----------
    reads, seen : int
        Reads in the sorted bins, and elements with reads there.
    doubled, doubled_low, doubled_high : float
        Elements with reads after twice the reads, and the 95 % interval.
    per_million : tuple of float
        New elements in the next million reads: value, low, high.
    error, error_doubled : float
        Median standard error in bins now and with twice the reads; NaN where no error is known.
    copies : float
        1 + reads per cell.
    cells_known : bool
        Whether the copies come from the bins sheet rather than from the scatter of the reads.
    amplification_seen : bool
        Whether the reads are many enough to see uneven amplification; without it the fall of the error is the most that
        is possible.
    """

    reads: int
    seen: int
    doubled: float
    doubled_low: float
    doubled_high: float
    per_million: tuple[float, float, float]
    error: float
    error_doubled: float
    copies: float
    cells_known: bool
    amplification_seen: bool

    def sentence(self) -> str:
        """The answer in words."""
        new = self.doubled - self.seen
        gain = new / self.seen
        fall = 1 - self.error_doubled / self.error if self.error > 0 else 0.0
        if gain >= HELPS_NEW or fall >= HELPS_ERROR:
            answer = "Yes"
        elif gain >= HARDLY_NEW or fall >= HARDLY_ERROR:
            answer = "A little"
        else:
            answer = "Hardly"
        low, high = self.doubled_low - self.seen, self.doubled_high - self.seen
        text = (
            f"Would more reads help? {answer}: twice the reads would show about {new:,.0f} new "
            f"element{'s' * (round(new) != 1)} ({low:,.0f} to {high:,.0f}; {gain:.1%} more), "
            f"{_per_million(self.per_million[0])} per further million reads"
        )
        if np.isfinite(fall) and self.error > 0:
            best = "" if self.amplification_seen else " at best"
            text += (
                f", and lower the median standard error from {self.error:.2g} to {self.error_doubled:.2g} bins{best} "
                f"({fall:.0%})"
            )
        if fall < HELPS_ERROR and self.copies > 2:
            text += (
                f"; each cell was read {self.copies - 1:,.0f} times already, so that only more cells would lower it "
                "much"
            )
        return text + "."


def _per_million(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 0 else f"{value:.1g}"


def more_reads(library: SortedLibrary) -> MoreReads:
    """Work out what twice the reads of a library would give."""
    found = frequencies(library.in_sorted_bins().sum(axis=1))
    twice = extrapolate(found, [2.0])
    error, amplified, copies = error_parts(library)
    now, later = expected_error(error, amplified, copies, [1.0, 2.0])
    return MoreReads(
        found.total_reads,
        found.seen,
        float(twice.elements[0]),
        float(twice.low[0]),
        float(twice.high[0]),
        new_per_million(found),
        float(now),
        float(later),
        copies,
        all(row.get("cells") is not None for row in library.sorted_bins),
        bool(np.any(amplified > 0)),
    )

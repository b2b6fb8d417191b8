"""Progress of long work: done, rate and time left, one line every few seconds.

Inputs: counts of finished units. Outputs: lines in the job's log.
"""

from __future__ import annotations

import time

from cisflow.joblog import logger


def format_seconds(seconds: float) -> str:
    """Format a duration as ``41 s``, ``3 min 20 s`` or ``2 h 05 min``."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


class Progress:
    """Report progress of a loop through the log.

    Parameters
    ----------
    what : str
        What is being done, e.g. ``"train dream_cnn"``.
    total : int or None
        Number of units; None when unknown (then no time left is shown).
    unit : str
        Name of the unit for the rate, e.g. ``"steps"``.
    every : float
        Least number of seconds between two lines.
    done : int
        Units that were already finished before (a resumed job); they do not count in the rate.
    """

    def __init__(self, what: str, total: int | None, unit: str, every: float = 5.0, done: int = 0):
        self.what, self.total, self.unit, self.every = what, total, unit, every
        self.done = self.done_before = done
        self.start = self.last = time.monotonic()

    def advance(self, units: int = 1, note: str = "") -> None:
        """Count ``units`` as finished; write a line when enough time has passed."""
        self.done += units
        if time.monotonic() - self.last >= self.every:
            self.write(note)

    def write(self, note: str = "") -> None:
        """Write a line now."""
        now = self.last = time.monotonic()
        rate = (self.done - self.done_before) / max(now - self.start, 1e-9)
        line = f"{self.what} | {self.done:,}"
        if self.total:
            line += f"/{self.total:,}"
        line += f" {self.unit} | {rate:,.1f} {self.unit}/s"
        if note:
            line += f" | {note}"
        if self.total and rate > 0:
            line += f" | {format_seconds((self.total - self.done) / rate)} left"
        logger.info(line)

"""What a training step sees: a pure function of the step and the seed.

Inputs: rows of peaks and of regions without peak. Outputs: rows, displacements and strands of a batch. Rules of
ChromBPNet: every epoch draws its negatives, moves every window and reads half of them on the reverse strand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cisflow.problems import InputError, Problem
from cisflow.randomness import generator


@dataclass(frozen=True)
class Drawn:
    """Regions of an epoch or a batch: rows (int64), displacement to the right (bp, int64), reverse strand (bool)."""

    rows: np.ndarray
    moves: np.ndarray
    reverse: np.ndarray


class Epochs:
    """Order, displacement and strand of the training regions.

    Parameters
    ----------
    peaks, nonpeaks : int array
        Rows of the table of regions.
    negatives : float or None
        Regions without peak per peak and epoch; None: all of them in every epoch.
    jitter : int
        Windows are moved by -jitter to +jitter bp, each number as likely.
    reverse_share : float
        Share of the regions of an epoch (rounded down) that is read on the reverse strand.
    batch_size : int
        The last batch of an epoch may be smaller.
    seed : int
    """

    def __init__(
        self,
        peaks: np.ndarray,
        nonpeaks: np.ndarray,
        negatives: float | None,
        jitter: int,
        reverse_share: float,
        batch_size: int,
        seed: int,
    ):
        self.peaks, self.nonpeaks = np.asarray(peaks, np.int64), np.asarray(nonpeaks, np.int64)
        self.n_negatives = len(nonpeaks) if negatives is None else int(negatives * len(peaks))
        if self.n_negatives > len(nonpeaks):
            what = f"{len(nonpeaks)} training regions without peak, expected {self.n_negatives} or more"
            raise InputError(Problem("recipe", what, column="data.negatives"))
        self.jitter, self.reverse_share, self.batch_size, self.seed = jitter, reverse_share, batch_size, seed
        self.size = len(self.peaks) + self.n_negatives
        self.steps = -(-self.size // batch_size)
        self._epoch, self._drawn = -1, Drawn(*(np.empty(0, np.int64),) * 3)

    def epoch(self, number: int) -> Drawn:
        """All regions of a 0-based epoch in the order of their batches."""
        rng = generator(self.seed, "epoch", number)
        chosen = self.nonpeaks
        if self.n_negatives < len(chosen):
            chosen = rng.choice(chosen, size=self.n_negatives, replace=False)
        rows = np.concatenate([self.peaks, chosen])
        moves = rng.integers(-self.jitter, self.jitter + 1, size=self.size)
        reverse = np.zeros(self.size, dtype=bool)
        reverse[rng.choice(self.size, size=int(self.reverse_share * self.size), replace=False)] = True
        order = rng.permutation(self.size)
        return Drawn(rows[order], moves[order], reverse[order])

    def batch(self, step: int) -> Drawn:
        """Regions of a 0-based step."""
        number, position = divmod(step, self.steps)
        if number != self._epoch:
            self._epoch, self._drawn = number, self.epoch(number)
        part = slice(position * self.batch_size, (position + 1) * self.batch_size)
        return Drawn(self._drawn.rows[part], self._drawn.moves[part], self._drawn.reverse[part])

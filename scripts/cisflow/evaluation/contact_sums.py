"""Sums behind the scores of contact models: one set per model, window and level, and draws of windows.

Inputs: predictions of the models of a map, one at a time. Outputs: :class:`ContactSums`, from which every correlation,
over any windows and in any draw, follows without the maps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from cisflow.contacts.agreement import window_sums
from cisflow.evaluation.akita_comparison import akita_factor, akita_sums
from cisflow.evaluation.contact_predictions import KINDS, TRANS, PredictedMaps
from cisflow.progress import Progress
from cisflow.randomness import generator

#: Of the averaged predictions, among the replicates.
MEAN = "mean"


@dataclass
class ContactSums:
    """Sums of all models of a map on the same windows.

    Attributes
    ----------
    chromosome, kind : str array, (windows,)
    levels, bin_size : int64 array, (levels,)
    start : int64 array, (windows, levels)
    sums : dict of str to dict of str to float64 array, (2, windows, levels, 6)
        By model and replicate (``mean``: averaged predictions); first axis plain and distance-subtracted, last axis as
        in :func:`cisflow.contacts.agreement.sums`. Windows of all kinds; each with its own entries.
    akita : dict of str to float64 array, (windows, 6)
        By model, of the averaged predictions on the scale of Akita (:mod:`cisflow.evaluation.akita_comparison`) at the
        finest level; empty where the windows do not allow it.
    """

    chromosome: np.ndarray
    kind: np.ndarray
    levels: np.ndarray
    bin_size: np.ndarray
    start: np.ndarray
    sums: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    akita: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """Names of the models, in their order."""
        return list(self.sums)

    @property
    def kinds(self) -> list[str]:
        """Sets of windows that are there, ``cis`` first."""
        return [kind for kind in KINDS if (self.kind == kind).any()]

    def only(self, rows: np.ndarray) -> ContactSums:
        """Sums of some of the windows; ``rows`` bool (windows,)."""
        return ContactSums(
            self.chromosome[rows],
            self.kind[rows],
            self.levels,
            self.bin_size,
            self.start[rows],
            {m: {name: one[:, rows] for name, one in found.items()} for m, found in self.sums.items()},
            {m: found[rows] for m, found in self.akita.items()},
        )

    def averaged(self, kind: str) -> np.ndarray:
        """Sums of the averaged predictions; float64 (models, 2, windows of the kind, levels, 6)."""
        return np.stack([found[MEAN][:, self.kind == kind] for found in self.sums.values()])

    def blocks(self, kind: str, level: int) -> np.ndarray:
        """Block of each window of a kind: windows that overlap at a level, see :func:`window_blocks`."""
        rows = self.kind == kind
        if kind == TRANS:  # assemblies of random segments: where they lie says little about what they share
            return np.arange(rows.sum())
        return window_blocks(self.chromosome[rows], self.start[rows, level], int(self.levels[level]))

    def n_blocks(self, kind: str, level: int) -> int:
        """Number of blocks of a kind at a level."""
        return int(self.blocks(kind, level).max()) + 1

    def draw(self, kind: str, level: int, draws: int, seed: int, *names: object) -> np.ndarray:
        """How often each window of a kind is drawn; float64 (draws, windows).

        Blocks are drawn with replacement, as many as there are, the same for all models.
        """
        block = self.blocks(kind, level)
        n = block.max() + 1
        rng = generator(seed, *names, kind, int(self.levels[level]))
        return rng.multinomial(n, np.full(n, 1 / n), size=draws)[:, block].astype(float)


def window_blocks(chromosome: np.ndarray, start: np.ndarray, length: int) -> np.ndarray:
    """Number the blocks of windows that overlap.

    Parameters
    ----------
    chromosome : str array, (windows,)
    start : int array, (windows,)
    length : int
        Length of every window (bp).

    Returns
    -------
    int64 array, (windows,)
        Along a chromosome, a block begins with the first window that does not overlap the first one of the block
        before: windows that do not overlap any other are blocks of their own.
    """
    block = np.empty(len(start), dtype=np.int64)
    number, last, first = -1, None, 0
    for row in np.lexsort((start, chromosome)):
        if chromosome[row] != last or start[row] >= first + length:
            number, last, first = number + 1, chromosome[row], start[row]
        block[row] = number
    return block


def replicates(found: PredictedMaps) -> Iterator[tuple[str, np.ndarray]]:
    """Predictions of every replicate, then their average under the name ``mean``; (windows, levels, bins, bins)."""
    yield from zip(map(str, found.seeds), found.predicted, strict=True)
    yield MEAN, found.mean()


def sum_models(models: Iterable[tuple[str, PredictedMaps]]) -> ContactSums:
    """Sums of the models of a map.

    Parameters
    ----------
    models : iterable of (str, PredictedMaps)
        See :func:`cisflow.evaluation.contact_predictions.each_model`; looked at one after the other.
    """
    result = None
    for model, found in models:
        if result is None:
            result = ContactSums(found.chromosome, found.kind, found.levels, found.bin_size, found.start)
            observed = [found.scored(level) for level in range(len(found.levels))]
            finest = int(np.argmin(found.levels))
            factor = akita_factor(int(found.bin_size[finest]), found.bins)
        progress = Progress(f"score {model}", (len(found.seeds) + 1) * len(found.levels), "levels")
        result.sums[model] = {}
        for name, predicted in replicates(found):
            both = np.empty((2, *predicted.shape[:2], 6))
            for level, of_level in enumerate(observed):
                both[:, :, level] = window_sums(predicted[:, level], of_level)
                progress.advance()
            result.sums[model][name] = both
        if factor is not None:  # predicted is now the average
            result.akita[model] = akita_sums(predicted[:, finest], observed[finest], factor)
        progress.write()
    if result is None:
        raise ValueError("no models")
    return result

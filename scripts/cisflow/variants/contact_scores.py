"""How much a variant changes predicted contacts: structural-impact scores.

Purpose: a map of the variant is compared with the map of the same bases in the reference. Inputs: predicted maps of
views. Outputs: the reference in the frame of the variant, and scores per level.
Source of the score: structural impact of Orca's screens (Zhou 2022, Nature Genetics 54:725-734): mean absolute
difference of the log ratios on the row of the bin that holds the change. For rearrangements the published program shows
maps alone; how bins are paired there is ours, see docs/methods/variants.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cisflow.models.cascade_zoom import Ladder
from cisflow.variants.contact_views import Input, places_in, sources_of


@dataclass(frozen=True)
class Pairing:
    """Which entry of which reference map shows the bases of an entry of a variant's map.

    Attributes
    ----------
    reference : int16 array, (bins, bins)
        Number of the reference view; -1: none shows both bins.
    place : int64 array, (references, bins)
        Bin of each reference view that shows a bin of the variant; -1: none.
    """

    reference: np.ndarray
    place: np.ndarray

    def counterpart(self, maps: Sequence[np.ndarray]) -> np.ndarray:
        """Reference in the frame of the variant.

        Parameters
        ----------
        maps : sequence of float array, (bins, bins)
            One of each reference view.

        Returns
        -------
        float64 array, (bins, bins)
            NaN where there is no counterpart.
        """
        found = np.full(self.reference.shape, np.nan)
        for k, (values, place) in enumerate(zip(maps, self.place, strict=True)):
            here = self.reference == k
            found[here] = values[np.ix_(place, place)][here]
        return found


def pair_bins(variant: Input, references: Sequence[Input], ladder: Ladder, level: int) -> Pairing:
    """Find the bins of the reference views that show the bases of a variant's bins.

    Parameters
    ----------
    variant : Input
    references : sequence of Input
    ladder : Ladder
    level : int
        Number of the level, coarse to fine; windows of the same level are compared.

    Notes
    -----
    The base in the middle of a bin decides. Of several reference views that show both bins of an entry the one is taken
    whose bins lie nearest to the variant's bins in phase, then the first.
    """
    size, bins = ladder.bin_sizes[level], ladder.bins
    source, position = sources_of(variant, ladder, level)
    places, costs = [], []
    for given in references:
        along = places_in(given, source, position) - int(given.offsets[level])
        place = along // size
        shown = (along >= 0) & (place < bins)
        places.append(np.where(shown, place, -1))
        costs.append(np.where(shown, np.abs(along - place * size - size // 2), np.inf))
    cost = np.stack([np.maximum(one[:, None], one) for one in costs])
    best = cost.argmin(axis=0).astype(np.int16)
    best[~np.isfinite(cost.min(axis=0))] = -1
    return Pairing(best, np.stack(places))


@dataclass(frozen=True)
class Impact:
    """Scores of one level.

    Attributes
    ----------
    impact : float
        Mean absolute difference on the row of the change; NaN when no column has a counterpart.
    change : float
        Mean difference (variant - reference) on that row.
    map_impact : float
        Mean absolute difference over the upper triangle of the map, diagonal included.
    root_sum_squares : float
        Root of the summed squared differences there, the score of Akita (Fudenberg 2020).
    compared : float
        Share of the row's columns that have a counterpart.
    """

    impact: float
    change: float
    map_impact: float
    root_sum_squares: float
    compared: float


def impact_of(variant: np.ndarray, counterpart: np.ndarray, row: int) -> Impact:
    """Score a map of a variant.

    Parameters
    ----------
    variant, counterpart : float array, (bins, bins)
        Natural log of observed over expected contacts; ``counterpart`` NaN where there is none.
    row : int
        Bin that holds the change.
    """
    difference = variant.astype(np.float64) - counterpart
    on_row, upper = difference[row], difference[np.triu_indices(len(difference))]
    on_row, upper, columns = on_row[np.isfinite(on_row)], upper[np.isfinite(upper)], len(difference)
    none = float("nan")
    return Impact(
        float(np.abs(on_row).mean()) if len(on_row) else none,
        float(on_row.mean()) if len(on_row) else none,
        float(np.abs(upper).mean()) if len(upper) else none,
        float(np.sqrt((upper**2).sum())) if len(upper) else none,
        len(on_row) / columns,
    )


def row_of(given: Input, ladder: Ladder, level: int) -> int:
    """Bin of a level that holds the position that an input is centred on."""
    along = given.view.position - given.start - int(given.offsets[level])
    return int(np.clip(along // ladder.bin_sizes[level], 0, ladder.bins - 1))

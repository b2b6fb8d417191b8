"""The baseline that knows nothing but distance: mean training target of every two bins as far apart.

Inputs: training targets. Outputs: a module with one number per distance.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


class DistanceOnly(torch.nn.Module):
    """Contact map that depends on the distance of the bins alone.

    Parameters
    ----------
    bins : int
        Bins of a window; ``mean_by_distance`` has one value for each distance from 0 to bins - 1.
    """

    def __init__(self, bins: int):
        super().__init__()
        distance = torch.arange(bins)
        self.register_buffer("mean_by_distance", torch.zeros(bins))
        self.register_buffer("distance", (distance[:, None] - distance).abs(), persistent=False)

    def forward(self, sequence: Tensor) -> Tensor:
        """Return the same map [batch, 1, bins, bins] for every sequence [batch, 4, length]."""
        return self.mean_by_distance[self.distance].expand(len(sequence), 1, -1, -1)

    def fit(self, targets: Iterable[np.ndarray]) -> None:
        """Take the means of training targets, see :func:`mean_by_distance`."""
        means = mean_by_distance(targets, len(self.mean_by_distance))
        self.mean_by_distance.copy_(torch.from_numpy(means.astype(np.float32)))


class LadderDistanceOnly(torch.nn.Module):
    """Contact maps of several levels that depend on the distance of the bins alone, and on whether they share a
    chromosome.

    Parameters
    ----------
    bins, levels : int
        ``mean_by_distance`` (levels, bins) and ``mean_trans`` (levels,), coarse to fine.
    """

    def __init__(self, bins: int, levels: int):
        super().__init__()
        distance = torch.arange(bins)
        self.register_buffer("mean_by_distance", torch.zeros(levels, bins))
        self.register_buffer("mean_trans", torch.zeros(levels))
        self.register_buffer("distance", (distance[:, None] - distance).abs(), persistent=False)

    def maps(self, trans: np.ndarray) -> np.ndarray:
        """Predictions; ``trans`` is bool (..., levels, bins, bins), true between chromosomes; float32, as large."""
        cis = self.mean_by_distance[:, self.distance].cpu().numpy()
        return np.where(trans, self.mean_trans.cpu().numpy()[:, None, None], cis)

    def fit(self, inputs: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
        """Take the means of training inputs.

        Parameters
        ----------
        inputs : iterable of (float array, bool array), (levels, bins, bins)
            Targets, NaN where nothing was measured, and which entries lie between chromosomes.
        """
        bins = self.mean_by_distance.shape[1]
        sums = [DistanceSums(bins) for _ in self.mean_trans]
        total, count = np.zeros(len(sums)), np.zeros(len(sums))
        for target, trans in inputs:
            for level, one in enumerate(sums):
                one.add(np.where(trans[level], np.nan, target[level]))
                measured = target[level][trans[level] & np.isfinite(target[level])]
                total[level] += measured.sum(dtype=np.float64)
                count[level] += len(measured)
        cis = np.stack([one.means() for one in sums])
        between = np.divide(total, count, out=np.zeros(len(sums)), where=count > 0)
        self.mean_by_distance.copy_(torch.from_numpy(cis.astype(np.float32)))
        self.mean_trans.copy_(torch.from_numpy(between.astype(np.float32)))


class DistanceSums:
    """Sums of measured entries by distance.

    Parameters
    ----------
    bins : int
    """

    def __init__(self, bins: int):
        index = np.arange(bins)
        self.distance = np.abs(index[:, None] - index)
        self.total, self.count = np.zeros(bins), np.zeros(bins)

    def add(self, target: np.ndarray) -> None:
        """Count a map, (bins, bins), NaN where nothing was measured."""
        measured = np.isfinite(target)
        self.total += np.bincount(self.distance[measured], weights=target[measured], minlength=len(self.total))
        self.count += np.bincount(self.distance[measured], minlength=len(self.total))

    def means(self) -> np.ndarray:
        """Means, float64 (bins,); 0 at distances without measurements."""
        return np.divide(self.total, self.count, out=np.zeros(len(self.total)), where=self.count > 0)


def mean_by_distance(targets: Iterable[np.ndarray], bins: int) -> np.ndarray:
    """Mean of all measured entries per distance.

    Parameters
    ----------
    targets : iterable of float array, (bins, bins)
        NaN where nothing was measured.
    bins : int

    Returns
    -------
    float64 array, (bins,)
        Index = distance in bins. 0, the value of a contact frequency as expected, at distances without measurements.
    """
    sums = DistanceSums(bins)
    for target in targets:
        sums.add(target)
    return sums.means()

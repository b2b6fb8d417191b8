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
    index = np.arange(bins)
    distance = np.abs(index[:, None] - index)
    total, count = np.zeros(bins), np.zeros(bins)
    for target in targets:
        measured = np.isfinite(target)
        total += np.bincount(distance[measured], weights=target[measured], minlength=bins)
        count += np.bincount(distance[measured], minlength=bins)
    return np.divide(total, count, out=np.zeros(bins), where=count > 0)

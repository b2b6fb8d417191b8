"""The baseline that knows where in its window an entry lies, and nothing else: mean training target of every pixel.

Inputs: training targets. Outputs: a module with one number per entry of the map.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


class PixelSums:
    """Sums of measured entries by their place in the window.

    Parameters
    ----------
    *shape : int
        Of a map, or of the maps of all levels.
    """

    def __init__(self, *shape: int):
        self.total, self.count = np.zeros(shape), np.zeros(shape)

    def add(self, target: np.ndarray, counts: np.ndarray) -> None:
        """Count a map and its mirror image; entries whose ``counts`` is false, or that are NaN, do not count."""
        for values, kept in ((target, counts), (target[..., ::-1, ::-1], counts[..., ::-1, ::-1])):
            measured = kept & np.isfinite(values)
            self.total[measured] += values[measured]
            self.count += measured

    def means(self) -> np.ndarray:
        """Means, float64; 0, the value of a contact frequency as expected, where nothing was measured."""
        return np.divide(self.total, self.count, out=np.zeros(self.total.shape), where=self.count > 0)


class MeanMap(torch.nn.Module):
    """The same contact map for every sequence: mean of the training targets, pixel by pixel.

    Parameters
    ----------
    bins : int
        Bins of a window; ``mean_map`` is (bins, bins).
    """

    def __init__(self, bins: int):
        super().__init__()
        self.register_buffer("mean_map", torch.zeros(bins, bins))

    def forward(self, sequence: Tensor) -> Tensor:
        """Return the same map [batch, 1, bins, bins] for every sequence [batch, 4, length]."""
        return self.mean_map.expand(len(sequence), 1, -1, -1)

    def fit(self, targets: Iterable[np.ndarray]) -> None:
        """Take the mean of training targets, float arrays (bins, bins), NaN where nothing was measured.

        Each counts on both strands: as it is, and mirrored.
        """
        sums = PixelSums(*self.mean_map.shape)
        for target in targets:
            sums.add(target, np.ones(target.shape, dtype=bool))
        self.mean_map.copy_(torch.from_numpy(sums.means().astype(np.float32)))


class LadderMeanMap(torch.nn.Module):
    """Mean training targets of several levels, pixel by pixel, apart within and between chromosomes.

    Parameters
    ----------
    bins, levels : int
        ``mean_map`` and ``mean_trans`` are (levels, bins, bins), coarse to fine.
    """

    def __init__(self, bins: int, levels: int):
        super().__init__()
        self.register_buffer("mean_map", torch.zeros(levels, bins, bins))
        self.register_buffer("mean_trans", torch.zeros(levels, bins, bins))

    def maps(self, trans: np.ndarray) -> np.ndarray:
        """Predictions; ``trans`` is bool (..., levels, bins, bins), true between chromosomes; float32, as large."""
        return np.where(trans, self.mean_trans.cpu().numpy(), self.mean_map.cpu().numpy())

    def fit(self, inputs: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
        """Take the means of training inputs, see :meth:`cisflow.models.distance_only.LadderDistanceOnly.fit`."""
        within, between = PixelSums(*self.mean_map.shape), PixelSums(*self.mean_map.shape)
        for target, trans in inputs:
            within.add(target, ~trans)
            between.add(target, trans)
        for buffer, sums in ((self.mean_map, within), (self.mean_trans, between)):
            buffer.copy_(torch.from_numpy(sums.means().astype(np.float32)))

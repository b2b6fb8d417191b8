"""A small network on the k-mers of the bins and of what lies between them, for maps with few training windows.

Purpose: what the linear model of composition (:mod:`cisflow.models.composition`) sees, with learnt components and a
learnt, nonlinear rule for pairs; some thousand parameters. Inputs: one-hot sequences. Outputs: contact maps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cisflow.models.composition import CLOSE, kmer_shares, mean_between, strand_free
from cisflow.problems import InputError, Problem


class KmerPairs(nn.Module):
    """Contact map from the k-mers of bins.

    Parameters
    ----------
    bins, bin_size : int
        Shape of the map; bases per bin.
    k : int
        Length of the k-mers; a k-mer and its reverse complement are one.
    channels : int
        Learnt components per bin, u.
    context : int
        Odd width (bins) of the convolution that adds what the neighbours of a bin are like.
    hidden : int
        Width of the rule for pairs.
    input_dropout, dropout : float
        Of single shares; of whole features of pairs.

    Notes
    -----
    Features of two bins are the sum, the product and the absolute difference of u, and the mean of u over all bins from
    one to the other, which the sums of Orca's decoders do not hold. They enter linearly, and through one hidden layer
    whose units are scaled by functions of the distance; the map is symmetric.
    """

    def __init__(
        self,
        bins: int,
        bin_size: int,
        k: int = 4,
        channels: int = 12,
        context: int = 5,
        hidden: int = 32,
        input_dropout: float = 0.3,
        dropout: float = 0.2,
    ):
        super().__init__()
        if context % 2 == 0:
            found = f"{context} is even; expected an odd number"
            raise InputError(Problem("recipe", found, column="network.context"))
        self.bins, self.bin_size, self.k = bins, bin_size, k
        column, index = strand_free(k), torch.arange(bins)
        low, high = torch.minimum(index[:, None], index), torch.maximum(index[:, None], index)
        distance = (high - low).float()
        growth = torch.log1p(distance)
        growth = growth / growth.max().clamp(min=1)
        by_distance = [
            growth,
            growth**2,
            torch.exp(-distance / CLOSE),
            (distance == 0).float(),
            (distance == 1).float(),
        ]
        constants = {"column": column, "low": low, "after": high + 1, "by_distance": torch.stack(by_distance)}
        for name, tensor in constants.items():
            self.register_buffer(name, tensor, persistent=False)
        columns, features = int(column.max()) + 1, 4 * channels
        self.shares_norm = nn.BatchNorm1d(columns, affine=False)
        self.input_dropout = nn.Dropout(input_dropout)
        self.components = nn.Conv1d(columns, channels, 1)
        self.context = nn.Conv1d(channels, channels, context, padding=context // 2)
        self.components_norm = nn.BatchNorm1d(channels)
        self.features_norm = nn.BatchNorm2d(features)
        self.dropout = nn.Dropout2d(dropout)
        self.hidden = nn.Conv2d(features + len(by_distance), hidden, 1)
        self.scale = nn.Conv2d(len(by_distance), hidden, 1)
        self.final = nn.Conv2d(hidden, 1, 1)
        self.linear = nn.Conv2d(features + len(by_distance), 1, 1)

    def encode(self, sequence: Tensor) -> Tensor:
        """Components of each bin, [batch, channels, bins], of one-hot sequences [batch, 4, length]."""
        shares = kmer_shares(sequence, self.column, self.k, self.bins, self.bin_size)
        found = self.components(self.input_dropout(self.shares_norm(shares.transpose(1, 2))))
        return self.components_norm(found + functional.relu(self.context(found)))

    def pairs(self, components: Tensor) -> Tensor:
        """Features of every pair of bins, [batch, 4 x channels, bins, bins]."""
        first, second = components[..., :, None], components[..., None, :]
        between = mean_between(components, self.low, self.after)
        return torch.cat([first + second, first * second, between, (first - second).abs()], dim=1)

    def forward(self, sequence: Tensor) -> Tensor:
        """Map [batch, 1, bins, bins] of one-hot sequences [batch, 4, length]."""
        features = self.dropout(self.features_norm(self.pairs(self.encode(sequence))))
        by_distance = self.by_distance.expand(len(features), -1, -1, -1)
        features = torch.cat([features, by_distance], dim=1)
        hidden = functional.relu(self.hidden(features) * (1 + self.scale(by_distance)))
        return self.final(hidden) + self.linear(features)

"""A linear model of base composition: what k-mer counts of the bins say about their contacts.

Purpose: a bound from below on what the sequence says, fitted in one go, to compare networks with. It knows how often
each k-mer occurs in the bins, and nothing of where. Inputs: one-hot sequences. Outputs: contact maps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

K = 4  # length of the k-mers
COMPONENTS = 20  # principal components of their shares
BLUR = 2.0  # bins; standard deviation of the second, smoother set of features
CLOSE = 5.0  # bins; scale of the near distances


def strand_free(k: int) -> Tensor:
    """Column of every k-mer, the same for its reverse complement; int64 (4^k,), columns numbered from 0."""
    kmers = torch.arange(4**k, device="cpu")  # values are needed, also where a network is laid out without any
    reverse, left = torch.zeros_like(kmers), kmers
    for _ in range(k):
        reverse, left = reverse * 4 + 3 - left % 4, left // 4
    return torch.unique(torch.minimum(kmers, reverse), return_inverse=True)[1]


def kmer_shares(sequence: Tensor, column: Tensor, k: int, bins: int, bin_size: int) -> Tensor:
    """Share of each k-mer among the known k-mers that start in a bin.

    Parameters
    ----------
    sequence : Tensor, [batch, 4, length]
        One-hot; k-mers with an unknown base (0.25 in each channel) are left out.
    column : Tensor
        See :func:`strand_free`.
    k, bins, bin_size : int

    Returns
    -------
    Tensor, [batch, bins, columns]
        Zero for bins without a known k-mer.
    """
    codes, known = sequence.argmax(dim=1), sequence.amax(dim=1) > 0.5
    last = codes.shape[1] - k + 1
    value, whole = torch.zeros_like(codes[:, :last]), torch.ones_like(known[:, :last])
    for offset in range(k):
        value = value * 4 + codes[:, offset : offset + last]
        whole = whole & known[:, offset : offset + last]
    columns = int(column.max()) + 1
    place = torch.arange(last, device=codes.device) // bin_size * columns + column[value]
    counts = torch.zeros(len(codes), bins * columns, device=codes.device)
    counts.scatter_add_(1, place, whole.float())
    counts = counts.view(len(codes), bins, columns)
    return counts / counts.sum(dim=2, keepdim=True).clamp(min=1)


def mean_between(values: Tensor, low: Tensor, after: Tensor) -> Tensor:
    """Mean over the bins from ``low`` to ``after`` (exclusive) of every pair: [..., bins] to [..., bins, bins]."""
    before = functional.pad(values.cumsum(dim=-1), (1, 0))
    return (before[..., after] - before[..., low]) / (after - low)


def _blur(bins: int) -> Tensor:
    """Matrix (bins, bins) that blurs along the bins; rows sum to 1."""
    index = torch.arange(bins, dtype=torch.float64)
    weights = torch.exp(-0.5 * ((index[:, None] - index) / BLUR) ** 2)
    return (weights / weights.sum(dim=1, keepdim=True)).float()


class Composition(nn.Module):
    """Contact map from the composition of the bins.

    Parameters
    ----------
    bins, bin_size : int
        Shape of the map; bases per bin.
    k : int
        Length of the k-mers.
    components : int
        Principal components of their shares.

    Notes
    -----
    Shares of k-mers (strands together) become ``components`` whitened values per bin, u. Features of a pair of bins:
    sum and product of u, as it is and blurred along the bins; mean of u from one bin to the other; all of that plain
    and times the log of the distance; and functions of the distance alone. The map is their weighted sum.
    """

    def __init__(self, bins: int, bin_size: int, k: int = K, components: int = COMPONENTS):
        super().__init__()
        self.bins, self.bin_size, self.k = bins, bin_size, k
        column = strand_free(k)
        columns = int(column.max()) + 1
        index = torch.arange(bins)
        low, high = torch.minimum(index[:, None], index), torch.maximum(index[:, None], index)
        distance = (high - low).float()
        growth = torch.log1p(distance)
        alone = [torch.ones_like(growth), growth, growth**2, torch.exp(-distance / CLOSE), distance == 0, distance == 1]
        constants = {"column": column, "low": low, "after": high + 1, "blur": _blur(bins)}
        constants |= {"growth": growth / growth.max().clamp(min=1), "alone": torch.stack([a.float() for a in alone])}
        for name, tensor in constants.items():
            self.register_buffer(name, tensor, persistent=False)
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("whitening", torch.zeros(columns, components))
        self.register_buffer("coefficients", torch.zeros(2 * 5 * components + len(alone)))

    def shares(self, sequence: Tensor) -> Tensor:
        """Shares of the k-mers of each bin, [batch, bins, columns], see :func:`kmer_shares`."""
        return kmer_shares(sequence, self.column, self.k, self.bins, self.bin_size)

    def features(self, shares: Tensor) -> Tensor:
        """Features of every pair of bins, [batch, features, bins, bins], from :meth:`shares`."""
        plain = (shares - self.mean) @ self.whitening  # batch, bins, components
        parts = []
        for u in (plain, self.blur @ plain):
            u = u.transpose(1, 2)
            parts += [u[..., :, None] + u[..., None, :], u[..., :, None] * u[..., None, :]]
        parts.append(mean_between(plain.transpose(1, 2), self.low, self.after))
        found = torch.cat(parts, dim=1)
        alone = self.alone.expand(len(found), -1, -1, -1)
        return torch.cat([found, found * self.growth, alone], dim=1)

    def forward(self, sequence: Tensor) -> Tensor:
        """Map [batch, 1, bins, bins] of one-hot sequences [batch, 4, length]."""
        return torch.einsum("f,bfij->bij", self.coefficients, self.features(self.shares(sequence)))[:, None]


def whiten(shares: Tensor, components: int) -> tuple[Tensor, Tensor]:
    """Mean of the shares of bins, and the matrix that turns what differs from it into whitened components.

    Parameters
    ----------
    shares : Tensor, [bins, columns]
        Of training bins; bins without a known k-mer (all zero) are left out.
    components : int
        Fewer are filled when the shares span less; the other columns are zero.

    Returns
    -------
    mean : Tensor, [columns]
    whitening : Tensor, [columns, components]
        In float64; ``(shares - mean) @ whitening`` has variance 1 in each column that is filled.
    """
    used = shares[shares.sum(dim=1) > 0].double()
    mean, spread = used.mean(dim=0), used.std(dim=0, correction=0)
    scale = torch.where(spread > 0, spread, 1.0)
    _, values, vectors = torch.linalg.svd((used - mean) / scale, full_matrices=False)
    found = min(components, int((values > 1e-6 * values[0]).sum()))
    whitening = torch.zeros(len(mean), components, dtype=torch.float64)
    whitening[:, :found] = vectors[:found].T / values[:found] * len(used) ** 0.5 / scale[:, None]
    return mean, whitening


class Ridge:
    """Ridge regression from sums over training entries; the penalty is relative to each feature's second moment."""

    def __init__(self, features: int):
        self.moments = torch.zeros(features, features, dtype=torch.float64)
        self.with_target = torch.zeros(features, dtype=torch.float64)

    def add(self, features: Tensor, target: Tensor) -> None:
        """Add the measured entries of the upper triangle of a window; [features, bins, bins] and [bins, bins]."""
        measured = torch.isfinite(target) & torch.ones_like(target, dtype=torch.bool).triu()
        x, y = features[:, measured].double(), target[measured].double()
        self.moments += x @ x.T
        self.with_target += x @ y

    def solve(self, penalty: float) -> Tensor:
        """Coefficients, float64 [features]."""
        diagonal = self.moments.diagonal()
        scale = torch.where(diagonal > 0, diagonal, 1.0).sqrt()
        scaled = self.moments / torch.outer(scale, scale)
        ridge = scaled + penalty * torch.eye(len(scaled), dtype=torch.float64)
        return torch.linalg.solve(ridge, self.with_target / scale) / scale

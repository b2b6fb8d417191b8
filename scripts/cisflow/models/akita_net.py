"""Akita-style network: sequence to contact map at one resolution, through averages of pairs of bins.

Purpose: a second architecture on the targets of Orca-1Mb. Inputs: one-hot sequences [batch, 4, length]. Outputs:
contact maps [batch, 1, n, n] (natural log of observed over expected).
Source: Fudenberg, Kelley and Pollard 2020, Nature Methods 17:1111-1117; layers and sizes as in its published settings
and list of layers. What differs here: all bins of the window are predicted (the original cuts 32 of 512 off on either
side and leaves out the first two diagonals), and one data set (the original: five).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cisflow.models.checkpointing import checkpoint_once
from cisflow.models.orca_blocks import pair_sums
from cisflow.problems import InputError, Problem

POOLS = 11 * (2,)
#: Of the batch norms: the original's share of the running value, 0.9265, is kept of the old one at each step.
NORM = {"momentum": 1 - 0.9265, "eps": 1e-3}


def rates(number: int, factor: float) -> list[int]:
    """Dilations that grow by a factor from block to block, rounded to whole bins."""
    return [round(factor**k) for k in range(number)]


def _block_1d(in_channels: int, channels: int, kernel_size: int, dilation: int = 1) -> list[nn.Module]:
    """Rectifier, convolution without bias, batch norm."""
    padding = dilation * (kernel_size // 2)
    conv = nn.Conv1d(in_channels, channels, kernel_size, padding=padding, dilation=dilation, bias=False)
    return [nn.ReLU(), conv, nn.BatchNorm1d(channels, **NORM)]


def _block_2d(in_channels: int, channels: int, kernel_size: int, dilation: int = 1) -> list[nn.Module]:
    """Rectifier, convolution without bias, batch norm."""
    padding = dilation * (kernel_size // 2)
    conv = nn.Conv2d(in_channels, channels, kernel_size, padding=padding, dilation=dilation, bias=False)
    return [nn.ReLU(), conv, nn.BatchNorm2d(channels, **NORM)]


def symmetric(pairs: Tensor) -> Tensor:
    """Mean of [batch, channels, n, n] and its transpose."""
    return 0.5 * (pairs + pairs.transpose(2, 3))


class AkitaNet(nn.Module):
    """Pooled convolutions, dilated blocks along the sequence, averages of pairs with their distance, dilated blocks.

    Parameters
    ----------
    pools : sequence of int
        Max-pooling behind each convolution along the sequence; their product is the bin size.
    channels : int
        Of the convolutions along the sequence.
    first_kernel, kernel_size : int
        Width of the first convolution and of the others before the dilated blocks; odd.
    middle, blocks, rate : int, int, float
        Width inside the dilated blocks along the sequence, their number, and the growth of their dilation.
    encoding : int
        Channels of a bin before pairs are formed.
    pair_channels, pair_middle, pair_blocks : int
        The same of the blocks over pairs.
    dropout, pair_dropout : float
        At the end of each dilated block along the sequence, and over pairs.
    checkpoint : int
        1 = drop the activations of the trunk and of every block over pairs, and compute them again in the backward
        pass.

    Raises
    ------
    InputError
        When a kernel is even.
    """

    def __init__(
        self,
        pools: Sequence[int] = POOLS,
        channels: int = 96,
        first_kernel: int = 11,
        kernel_size: int = 5,
        middle: int = 48,
        blocks: int = 8,
        rate: float = 1.75,
        encoding: int = 64,
        pair_channels: int = 48,
        pair_middle: int = 24,
        pair_blocks: int = 6,
        dropout: float = 0.4,
        pair_dropout: float = 0.1,
        checkpoint: int = 0,
    ):
        super().__init__()
        if first_kernel % 2 == 0 or kernel_size % 2 == 0:
            found = f"widths {first_kernel} and {kernel_size}; expected odd numbers"
            raise InputError(Problem("recipe", found, column="network.kernel_size"))
        self.bin_size, self.checkpoint = math.prod(pools), checkpoint
        tower: list[nn.Module] = []
        for k, pool in enumerate(pools):
            tower += _block_1d(channels if k else 4, channels, kernel_size if k else first_kernel)
            tower += [nn.MaxPool1d(pool)] if pool > 1 else []
        self.tower = nn.Sequential(*tower)
        self.dilated = nn.ModuleList(
            nn.Sequential(
                *_block_1d(channels, middle, 3, dilation), *_block_1d(middle, channels, 1), nn.Dropout(dropout)
            )
            for dilation in rates(blocks, rate)
        )
        self.encoding = nn.Sequential(*_block_1d(channels, encoding, kernel_size), nn.ReLU())
        self.first_pairs = nn.Sequential(*_block_2d(encoding + 1, pair_channels, 3))
        self.dilated_pairs = nn.ModuleList(
            nn.Sequential(
                *_block_2d(pair_channels, pair_middle, 3, dilation),
                *_block_2d(pair_middle, pair_channels, 1),
                nn.Dropout(pair_dropout),
            )
            for dilation in rates(pair_blocks, rate)
        )
        self.final = nn.Conv2d(pair_channels, 1, 1)
        self._start()

    def _start(self) -> None:
        """Start values of the original: He's normal ones, and blocks that add nothing at first."""
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
        for block in (*self.dilated, *self.dilated_pairs):
            nn.init.zeros_(block[5].weight)
        nn.init.zeros_(self.final.bias)

    def encode(self, sequence: Tensor) -> Tensor:
        """Encode [batch, 4, length] as [batch, encoding, n]."""
        signal = self.tower(sequence)
        for block in self.dilated:
            signal = signal + block(signal)
        return self.encoding(signal)

    def pairs(self, encoding: Tensor) -> Tensor:
        """Averages of the encodings of every two bins with their distance in bins: [batch, encoding + 1, n, n]."""
        bins = torch.arange(encoding.shape[-1], device=encoding.device, dtype=encoding.dtype)
        distance = (bins[:, None] - bins).abs().expand(len(encoding), 1, -1, -1)
        return torch.cat([0.5 * pair_sums(encoding), distance], dim=1)

    def forward(self, sequence: Tensor) -> Tensor:
        """Map one-hot sequences [batch, 4, length] to [batch, 1, n, n]; n = length / bin size."""
        run = (lambda part, x: checkpoint_once(part, self, x)) if self.checkpoint else (lambda part, x: part(x))
        pairs = symmetric(run(lambda x: self.first_pairs(self.pairs(x)), run(self.encode, sequence)))
        for block in self.dilated_pairs:
            pairs = run(lambda x, block=block: symmetric(x + block(x)), pairs)
        return self.final(pairs)

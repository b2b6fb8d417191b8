"""Orca's sequence encoder: base pairs to bins.

Purpose: the first-stage encoder (1 bp to one bin per product of the pooling factors), and its evaluation in blocks
along the sequence. Inputs: one-hot sequences [batch, 4, length], unknown bases 0.25, or base codes [batch, length].
Outputs: encodings [batch, channels, length / bin size].
Source: Zhou 2022, Nature Genetics 54:725-734.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cisflow.models.checkpointing import checkpoint_once
from cisflow.models.orca_blocks import KERNEL_SIZE, linear_1d, nonlinear_1d
from cisflow.problems import InputError, Problem

WIDTHS = (64, 96, 128, 128, 128, 128, 128)
POOLS = (1, 4, 4, 5, 5, 5, 2)

#: Row per base code (A, C, G, T, unknown): an unknown base is a quarter of each.
BASES = torch.cat([torch.eye(4), torch.full((1, 4), 0.25)])


def one_hot(codes: Tensor) -> Tensor:
    """Encode base codes, uint8 (batch, length), as float32 (batch, 4, length) on the same device."""
    return BASES.to(codes.device)[codes.long()].transpose(1, 2).contiguous()


class Encoder(nn.Module):
    """Stages of pooling, a linear and a nonlinear pair of convolutions; the result is the last nonlinear part alone.

    Parameters
    ----------
    widths : sequence of int
        Channels of each stage.
    pools : sequence of int
        Max-pooling in front of each stage; 1 = none. Their product is the bin size.
    kernel_size : int
        Odd width of all convolutions.
    """

    def __init__(self, widths: Sequence[int] = WIDTHS, pools: Sequence[int] = POOLS, kernel_size: int = KERNEL_SIZE):
        super().__init__()
        if len(widths) != len(pools) or not widths:
            raise InputError(
                Problem("recipe", f"{len(widths)} widths and {len(pools)} pools; expected one of each per stage")
            )
        if kernel_size % 2 == 0:
            raise InputError(Problem("recipe", f"kernel_size {kernel_size} is even; expected an odd number"))
        self.pools = tuple(int(pool) for pool in pools)
        self.bin_size = math.prod(self.pools)
        self.channels = int(widths[-1])
        self.kernel_size = kernel_size
        channels = 4
        for stage, (width, pool) in enumerate(zip(widths, self.pools, strict=True), 1):
            pooling = [] if pool == 1 else [nn.MaxPool1d(pool)]
            self.add_module(f"lconv{stage}", linear_1d(channels, width, *pooling, kernel_size=kernel_size))
            self.add_module(f"conv{stage}", nonlinear_1d(width, kernel_size=kernel_size))
            channels = width

    @property
    def reach(self) -> int:
        """Bases beyond either edge of a bin that can change its encoding: four convolutions at every stage."""
        spacings = [math.prod(self.pools[: k + 1]) for k in range(len(self.pools))]
        return 4 * (self.kernel_size // 2) * sum(spacings)

    @property
    def receptive_field(self) -> int:
        """Bases that one bin of the encoding depends on."""
        return self.bin_size + 2 * self.reach

    def encode(self, sequence: Tensor) -> Tensor:
        """Encode [batch, 4, length], or codes [batch, length], as [batch, channels, length / bin size].

        The length is a multiple of the bin size.
        """
        if sequence.shape[-1] % self.bin_size:
            raise ValueError(
                f"sequence of {sequence.shape[-1]} bp; expected a multiple of the bin size {self.bin_size}"
            )
        signal = nonlinear = one_hot(sequence) if sequence.dim() == 2 else sequence
        for stage in range(1, len(self.pools) + 1):
            linear = self.get_submodule(f"lconv{stage}")(signal)
            nonlinear = self.get_submodule(f"conv{stage}")(linear)
            signal = linear + nonlinear
        return nonlinear

    def encode_in_blocks(self, sequence: Tensor, block_bins: int) -> Tensor:
        """Encode block by block along the sequence: equal to :meth:`encode` in eval mode, with the memory of one block.

        Every block is read with as many bases on either side as its bins can see, and these bins are cut off again
        (horizontal checkpointing). With gradients, activations are dropped and computed again in the backward pass.

        Parameters
        ----------
        sequence : Tensor, [batch, 4, length], or base codes uint8 [batch, length]
            Codes take a byte per base instead of 16.
        block_bins : int
            Bins kept per block. Twice the receptive field or more keeps the repeated work small.

        Returns
        -------
        Tensor, [batch, channels, length / bin size]

        Notes
        -----
        In train mode each block is normalised by its own batch statistics, so results differ from the whole window.
        """
        n_bins = sequence.shape[-1] // self.bin_size
        overlap = math.ceil(self.reach / self.bin_size)
        parts = []
        for start in range(0, n_bins, block_bins):
            end = min(start + block_bins, n_bins)
            left, right = max(0, start - overlap), min(n_bins, end + overlap)
            block = sequence[..., left * self.bin_size : right * self.bin_size]
            parts.append(checkpoint_once(self.encode, self, block)[..., start - left : end - left])
        return torch.cat(parts, dim=-1)

    def forward(self, sequence: Tensor) -> Tensor:
        """See :meth:`encode`."""
        return self.encode(sequence)

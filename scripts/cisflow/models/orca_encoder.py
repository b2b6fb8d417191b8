"""Orca's sequence encoder: base pairs to bins.

Purpose: the first-stage encoder (1 bp to one bin per product of the pooling factors), and its evaluation in blocks
along the sequence. Inputs: one-hot sequences [batch, 4, length], unknown bases 0.25, or base codes [batch, length].
Outputs: encodings [batch, channels, length / bin size].
Source: Zhou 2022, Nature Genetics 54:725-734.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from cisflow.models.channels_last import Pool, add
from cisflow.models.checkpointing import Blocks, blocks_along, checkpoint_once, running_statistics
from cisflow.models.orca_blocks import KERNEL_SIZE, linear_1d, nonlinear_1d
from cisflow.problems import InputError, Problem

WIDTHS = (64, 96, 128, 128, 128, 128, 128)
POOLS = (1, 4, 4, 5, 5, 5, 2)

#: Row per base code (A, C, G, T, unknown): an unknown base is a quarter of each.
BASES = torch.cat([torch.eye(4), torch.full((1, 4), 0.25)])

#: Positions of a tile at the first of its stages: few enough for a processor's cache, and enough to keep a GPU busy.
TILE, GPU_TILE = 2**15, 2**20


def one_hot(codes: Tensor) -> Tensor:
    """Encode base codes, uint8 (batch, length), as float32 (batch, 4, length) on the same device."""
    return BASES.to(codes.device)[codes.long()].transpose(1, 2).contiguous()


def _floats(sequence: Tensor) -> Tensor:
    """One-hot sequences as they are, base codes as one-hot."""
    return one_hot(sequence) if sequence.dim() == 2 else sequence


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
            pooling = [] if pool == 1 else [Pool(pool)]
            self.add_module(f"lconv{stage}", linear_1d(channels, width, *pooling, kernel_size=kernel_size))
            self.add_module(f"conv{stage}", nonlinear_1d(width, kernel_size=kernel_size))
            channels = width
        self.tiers, self.gpu_tiers = self._tiers(TILE), self._tiers(GPU_TILE)

    def _spacing(self, stage: int) -> int:
        """Bases per position after a stage."""
        return math.prod(self.pools[:stage])

    def _reach(self, stage: int) -> int:
        """Bases beyond either edge of a position that can change it after a stage: four convolutions each."""
        return 4 * (self.kernel_size // 2) * sum(map(self._spacing, range(1, stage + 1)))

    @property
    def reach(self) -> int:
        """Bases beyond either edge of a bin that can change its encoding."""
        return self._reach(len(self.pools))

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
        if not (self.training or torch.is_grad_enabled()):
            return self._in_tiles(sequence, self.gpu_tiers if sequence.device.type == "cuda" else self.tiers)
        return self._stages(_floats(sequence), 0, len(self.pools))

    def stage(self, signal: Tensor, number: int) -> Tensor:
        """Pass one stage, counted from 0: [batch, channels, n] to [batch, channels, n / pool]."""
        return self._stages(signal, number, number + 1)

    def _stages(self, signal: Tensor, first: int, last: int) -> Tensor:
        """Pass stages ``first`` + 1 to ``last``; the result of the last of all is its nonlinear part alone."""
        for stage in range(first + 1, last + 1):
            linear = self.get_submodule(f"lconv{stage}")(signal)
            nonlinear = self.get_submodule(f"conv{stage}")(linear)
            signal = add(linear, nonlinear) if stage < len(self.pools) else nonlinear
        return signal

    def _tiers(self, positions: int) -> list[tuple[int, int, int]]:
        """Stages that are computed together, and the length of their tiles (bp).

        A tile has ``positions`` at the first of its stages; its stages see at most a 32nd of it beyond its edges.
        """
        tiers, n_stages, first = [], len(self.pools), 0
        while first < n_stages:
            tile = positions * self._spacing(first)
            last = first
            while last < n_stages and 32 * self._reach(last + 1) <= tile:
                last += 1
            if last == first:  # kernels too wide for tiles: the rest at once
                last, tile = n_stages, sys.maxsize
            tiers.append((first, last, tile - tile % self._spacing(last)))
            first = last
        return tiers

    def _in_tiles(self, sequence: Tensor, tiers: Sequence[tuple[int, int, int]]) -> Tensor:
        """What the stages of all tiers make of a sequence, tile by tile, each from tiles of the tier before.

        Equal to the whole at once in eval mode: tiles overlap by what their stages see. On a CPU a tile stays in the
        processor's cache; memory does not grow with the length, but for the result.
        """
        *before, (first, last, tile) = tiers
        spacing, length = self._spacing(last), sequence.shape[-1]
        overlap = math.ceil(self._reach(last) / spacing) * spacing
        result = None
        for start in range(0, length, tile):
            end = min(start + tile, length)
            left, right = max(0, start - overlap), min(length, end + overlap)
            piece = sequence[..., left:right]
            signal = self._stages(self._in_tiles(piece, before) if before else _floats(piece), first, last)
            signal = signal[..., (start - left) // spacing : (end - left) // spacing]
            if end - start == length:
                return signal
            if result is None:
                shape = len(sequence), length // spacing, signal.shape[1]
                result = signal.new_empty(shape).transpose(1, 2)  # channels side by side
            result[..., start // spacing : end // spacing] = signal
        return result

    def encode_by(self, sequence: Tensor, blocks: Blocks) -> Tensor:
        """Encode as :meth:`encode`, or in blocks where ``blocks`` says so."""
        if not blocks.cut(self):
            return self.encode(sequence)
        return self.encode_in_blocks(sequence, blocks.bins, blocks.statistics == "running")

    def encode_in_blocks(self, sequence: Tensor, block_bins: int | str = "auto", running: bool = False) -> Tensor:
        """Encode block by block along the sequence: equal to :meth:`encode` in eval mode, with the memory of one block.

        Every block is read with as many bases on either side as its bins can see, and these bins are cut off again
        (horizontal checkpointing). With gradients, activations are dropped and computed again in the backward pass.

        Parameters
        ----------
        sequence : Tensor, [batch, 4, length], or base codes uint8 [batch, length]
            Codes take a byte per base instead of 16.
        block_bins : int or "auto"
            Bins kept per block; see :class:`Blocks`.
        running : bool
            Normalise by the running statistics in train mode too.

        Returns
        -------
        Tensor, [batch, channels, length / bin size]

        Notes
        -----
        In train mode, unless ``running``, each block is normalised by its own batch statistics, so results differ from
        the whole window.
        """
        if block_bins == "auto":
            block_bins = 4 * math.ceil(self.receptive_field / self.bin_size)

        def encode(block: Tensor) -> Tensor:
            with running_statistics(self) if running else nullcontext():
                return self.encode(block)

        size, parts = self.bin_size, []
        overlap = math.ceil(self.reach / size)
        for read, kept in blocks_along(sequence.shape[-1] // size, int(block_bins), overlap):
            block = sequence[..., read.start * size : read.stop * size]
            parts.append(checkpoint_once(encode, self, block)[..., kept])
        return torch.cat(parts, dim=-1)

    def forward(self, sequence: Tensor) -> Tensor:
        """See :meth:`encode`."""
        return self.encode(sequence)

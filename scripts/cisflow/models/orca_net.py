"""Orca-1Mb: sequence to contact map (and profiles) at one resolution.

Purpose: decoder of the first stage and the whole first-stage network. Inputs: one-hot sequences [batch, 4, length] or
encodings [batch, channels, n]. Outputs: contact maps [batch, 1, n, n] (natural log of observed over expected), profiles
[batch, n_profiles, n] (probability of a peak).
Source: Zhou 2022, Nature Genetics 54:725-734. State-dict keys and their order are those of the published weight files.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from cisflow.models.channels_last import Chain, Norm
from cisflow.models.checkpointing import Blocks, checkpoint_once
from cisflow.models.orca_blocks import DROPOUT, KERNEL_SIZE, DilatedStack, pair_sums
from cisflow.models.orca_encoder import POOLS, WIDTHS, Encoder

DILATIONS_1M = (1, 2, 4, 8, 16, 32, 64) + 2 * (2, 4, 8, 16, 32, 64)


class Decoder1M(DilatedStack):
    """Decoder of the 1-Mb level: sums of bin encodings through dilated blocks, without a distance map.

    Parameters
    ----------
    encoding : int
        Channels of the encoding.
    channels, middle, dilations, head, dropout
        See :class:`~cisflow.models.orca_blocks.DilatedStack`.
    """

    def __init__(
        self,
        encoding: int = 128,
        channels: int = 64,
        middle: int = 32,
        dilations: Sequence[int] = DILATIONS_1M,
        head: int = 5,
        dropout: float = DROPOUT,
    ):
        super().__init__(encoding, channels, middle, dilations, head, dropout)

    def forward(self, encoding: Tensor) -> Tensor:
        """Map [batch, encoding, n] to [batch, 1, n, n]."""
        return self.run_head(self.run_blocks(pair_sums(encoding)))


class OrcaNet(Encoder):
    """Encoder, 1-Mb decoder and an optional head for profiles in one module.

    Parameters
    ----------
    widths, pools, kernel_size
        See :class:`~cisflow.models.orca_encoder.Encoder`.
    channels, middle, dilations, head, dropout
        See :class:`Decoder1M`.
    profiles : int
        Number of profile tracks; 0 = contacts alone.
    checkpoint : int
        0 = keep all activations; k > 0 = drop them and compute them again in the backward pass, for the encoder and for
        every k decoder blocks (the published training: 7, 6, 6 of 19 blocks).
    block_bins, block_statistics
        Encode in blocks along the sequence, with the memory of one block, see
        :class:`~cisflow.models.checkpointing.Blocks`.
    """

    def __init__(
        self,
        widths: Sequence[int] = WIDTHS,
        pools: Sequence[int] = POOLS,
        kernel_size: int = KERNEL_SIZE,
        channels: int = 64,
        middle: int = 32,
        dilations: Sequence[int] = DILATIONS_1M,
        head: int = 5,
        dropout: float = DROPOUT,
        profiles: int = 0,
        checkpoint: int = 0,
        block_bins: int | str = 0,
        block_statistics: str = "whole",
    ):
        super().__init__(widths, pools, kernel_size)
        decoder = Decoder1M(self.channels, channels, middle, dilations, head, dropout)
        # The published weight files keep encoder and decoder on one level.
        self.lconvtwos, self.convtwos, self.final = decoder.lconvtwos, decoder.convtwos, decoder.final
        self.profiles = profiles
        self.checkpoint = checkpoint
        self.blocks = Blocks(block_bins, block_statistics)
        if profiles:
            self.final_1d = Chain(
                nn.Conv1d(self.channels, self.channels, 1),
                Norm(self.channels),
                nn.ReLU(),
                nn.Conv1d(self.channels, profiles, 1),
                nn.Sigmoid(),
            )

    run_blocks = DilatedStack.run_blocks
    run_head = DilatedStack.run_head

    def decode(self, encoding: Tensor) -> Tensor:
        """Map an encoding [batch, channels, n] to [batch, 1, n, n], as :class:`Decoder1M` does."""
        return self.run_head(self.run_blocks(pair_sums(encoding)))

    def forward(self, sequence: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Predict from one-hot sequences.

        Parameters
        ----------
        sequence : Tensor, [batch, 4, length]
            Length is a multiple of the bin size; n = length / bin size.

        Returns
        -------
        Tensor, [batch, 1, n, n], or that and profiles [batch, profiles, n] when the network has profiles
        """
        if self.checkpoint and not self.blocks.cut(self):
            encoding = checkpoint_once(self.encode, self, sequence)
        else:
            encoding = self.encode_by(sequence, self.blocks)
        pairs = pair_sums(encoding)
        n_blocks = len(self.lconvtwos)
        part = self.checkpoint or n_blocks
        for first in range(0, n_blocks, part):
            blocks = partial(self.run_blocks, first=first, last=min(first + part, n_blocks))
            pairs = checkpoint_once(blocks, self, pairs) if self.checkpoint else blocks(pairs)
        contacts = self.run_head(pairs)
        return (contacts, self.final_1d(encoding)) if self.profiles else contacts

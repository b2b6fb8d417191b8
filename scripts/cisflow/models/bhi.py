"""BHI blocks: parallel convolutions, a bidirectional LSTM, a dense head.

Source of the design: the second entry of the 2022 challenge (DeepGXP, BHI team) as split into blocks by Rafi et al.
2024. Inputs: tensors (batch, channels, length). Outputs: the same form, or an :class:`~cisflow.models.blocks.Output`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from cisflow.models.blocks import CORE_BLOCKS, FINAL_BLOCKS, FIRST_BLOCKS, Output, ParallelConvolutions


@FIRST_BLOCKS.register("bhi_first")
class BHIFirst(nn.Module):
    """Parallel convolutions of two widths, ReLU, dropout."""

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        channels: int = 512,
        kernels: Sequence[int] = (9, 15),
        dropout: float = 0.2,
    ):
        super().__init__()
        self.out_channels, self.out_length = channels, in_length
        self.conv_list = ParallelConvolutions(in_channels, channels, kernels, dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, channels, length)."""
        return self.conv_list(x)


@CORE_BLOCKS.register("bhi_core")
class BHICore(nn.Module):
    """Bidirectional LSTM over positions, then parallel convolutions.

    Parameters
    ----------
    in_channels, in_length : int
    hidden : int
        LSTM units per direction.
    channels : int
        Output channels of the convolutions together.
    kernels : sequence of int
    branch_dropout, dropout : float
        After each convolution, and after their concatenation.
    """

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        hidden: int = 320,
        channels: int = 320,
        kernels: Sequence[int] = (9, 15),
        branch_dropout: float = 0.2,
        dropout: float = 0.5,
    ):
        super().__init__()
        self.out_channels, self.out_length = channels, in_length
        self.lstm = nn.LSTM(in_channels, hidden, batch_first=True, bidirectional=True)
        self.conv_list = ParallelConvolutions(2 * hidden, channels, kernels, branch_dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, channels, length)."""
        states, _ = self.lstm(x.transpose(1, 2))
        return self.dropout(self.conv_list(states.transpose(1, 2)))


@FINAL_BLOCKS.register("bhi_final")
class BHIFinal(nn.Module):
    """Three dense layers on the flattened input (channel by channel)."""

    def __init__(self, in_channels: int, in_length: int, hidden: int = 64):
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(in_channels * in_length, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression."""
        return Output(self.main(x.flatten(1)).squeeze(1))

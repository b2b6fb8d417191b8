"""What every network block looks like, and the registers that recipes draw from.

A network is first block -> core block -> final block (the Prix Fixe layout of Rafi et al. 2024). First and core blocks
map ``(batch, channels, length)`` to ``(batch, out_channels, out_length)``; a final block maps it to an :class:`Output`.
Every block takes ``in_channels`` and ``in_length`` as its first arguments and its own settings as keywords.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from cisflow.registry import Registry

FIRST_BLOCKS = Registry("first block")
CORE_BLOCKS = Registry("core block")
FINAL_BLOCKS = Registry("final block")


class Output(NamedTuple):
    """What a network says about a batch.

    Attributes
    ----------
    expression : Tensor, (batch,)
        Predicted expression, on the scale of the targets.
    bin_logits : Tensor (batch, bins) or None
        Averages over positions, before the softmax over bins.
    nucleotide_logits : Tensor (batch, classes, length) or None
        Scores of the nucleotide at each position, for masked training.
    mutation_logits : Tensor (batch, length) or None
        Scores that the base at each position was exchanged, for training with mutated sequences.
    heads : Tensor (batch, heads) or None
        Predictions of a network that has several; ``expression`` is the first.
    """

    expression: torch.Tensor
    bin_logits: torch.Tensor | None = None
    nucleotide_logits: torch.Tensor | None = None
    mutation_logits: torch.Tensor | None = None
    heads: torch.Tensor | None = None


class Convolution(torch.nn.Conv1d):
    """Convolution that keeps the length and, on a CPU, works with the channels of a position side by side.

    The same sums as ``torch.nn.Conv1d`` with ``padding="same"``. The layout makes grouped and pointwise convolutions
    of narrow networks two to three times faster on CPUs, and it is handed on to the next block.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, groups: int = 1, bias: bool = True):
        if kernel % 2 == 0:
            raise ValueError(f"kernel {kernel} is even; only odd kernels look equally far to both sides")
        super().__init__(in_channels, out_channels, kernel, padding="same", groups=groups, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, out_channels, length)."""
        if x.device.type != "cpu":
            return super().forward(x)
        x = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        y = torch.nn.functional.conv2d(
            x, self.weight.unsqueeze(2), self.bias, padding=(0, self.kernel_size[0] // 2), groups=self.groups
        )
        return y.squeeze(2)


class BatchNorm(torch.nn.BatchNorm1d):
    """Batch norm that keeps the layout of :class:`Convolution`."""

    def _check_input_dim(self, x: torch.Tensor) -> None:
        """Positions arrive with a second axis of length 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, length) to the same shape."""
        return super().forward(x.unsqueeze(2)).squeeze(2)


class ParallelConvolutions(torch.nn.ModuleList):
    """Convolutions of different widths side by side, each followed by ReLU and dropout; channels are concatenated.

    Parameters
    ----------
    in_channels, out_channels : int
        ``out_channels`` is shared equally by the kernels.
    kernels : sequence of int
        Odd widths.
    dropout : float
    """

    def __init__(self, in_channels: int, out_channels: int, kernels: list[int], dropout: float):
        if out_channels % len(kernels):
            raise ValueError(f"{out_channels} channels cannot be shared equally by {len(kernels)} kernels")
        width = out_channels // len(kernels)
        super().__init__(_Branch(in_channels, width, kernel, dropout) for kernel in kernels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, out_channels, length)."""
        return torch.cat([branch(x) for branch in self], dim=1)


class _Branch(torch.nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, dropout: float):
        super().__init__()
        self.conv = Convolution(in_channels, out_channels, kernel)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(torch.relu(self.conv(x)))

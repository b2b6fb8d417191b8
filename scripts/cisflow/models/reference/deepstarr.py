"""DeepSTARR: four convolutions, two dense layers, one output per promoter class.

Source of the design: de Almeida et al. 2022 (Keras). Inputs: tensors (batch, 4, length). Outputs: tensors (batch,
channels, length), or an :class:`~cisflow.models.blocks.Output` with one value per head.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from cisflow.models.blocks import CORE_BLOCKS, FINAL_BLOCKS, FIRST_BLOCKS, Output
from cisflow.models.reference.keras_parts import SameConvolution, flatten_positions, glorot, keras_norm

POOL = 2


def _stage(in_channels: int, out_channels: int, kernel: int) -> list[nn.Module]:
    return [
        SameConvolution(in_channels, out_channels, kernel),
        keras_norm(out_channels),
        nn.ReLU(),
        nn.MaxPool1d(POOL),
    ]


@FIRST_BLOCKS.register("deepstarr_first")
class DeepSTARRFirst(nn.Module):
    """Convolution, batch norm, ReLU, maximum of every two positions."""

    def __init__(self, in_channels: int, in_length: int, channels: int = 256, kernel: int = 7):
        super().__init__()
        self.out_channels, self.out_length = channels, in_length // POOL
        self.main = nn.Sequential(*_stage(in_channels, channels, kernel))
        self.apply(glorot)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, channels, length // 2)."""
        return self.main(x)


@CORE_BLOCKS.register("deepstarr_core")
class DeepSTARRCore(nn.Module):
    """Further stages of the kind of :class:`DeepSTARRFirst`.

    Parameters
    ----------
    in_channels, in_length : int
    widths, kernels : sequence of int
        One number per stage in each.
    """

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        widths: Sequence[int] = (60, 60, 120),
        kernels: Sequence[int] = (3, 5, 3),
    ):
        super().__init__()
        if len(widths) != len(kernels):
            raise ValueError(f"{len(widths)} widths, but {len(kernels)} kernels")
        before, length, stages = in_channels, in_length, []
        for after, kernel in zip(widths, kernels, strict=True):
            stages += _stage(before, after, kernel)
            before, length = after, length // POOL
        if length < 1:
            raise ValueError(f"{len(widths)} stages leave nothing of {in_length} positions")
        self.out_channels, self.out_length = before, length
        self.main = nn.Sequential(*stages)
        self.apply(glorot)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, last width, length halved by each stage)."""
        return self.main(x)


@FINAL_BLOCKS.register("deepstarr_final")
class DeepSTARRFinal(nn.Module):
    """Dense layers on the input, flattened position by position, and one output per head.

    Parameters
    ----------
    in_channels, in_length : int
    hidden : sequence of int
        Widths of the dense layers.
    heads : int
        Values predicted per sequence.
    dropout : float
    """

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        hidden: Sequence[int] = (256, 256),
        heads: int = 2,
        dropout: float = 0.4,
    ):
        super().__init__()
        before, layers = in_channels * in_length, []
        for width in hidden:
            layers += [nn.Linear(before, width), keras_norm(width), nn.ReLU(), nn.Dropout(dropout)]
            before = width
        self.main = nn.Sequential(*layers)
        self.heads = nn.ModuleList(nn.Linear(before, 1) for _ in range(heads))
        self.apply(glorot)

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to the values of all heads; expression is the first."""
        hidden = self.main(flatten_positions(x))
        values = torch.cat([head(hidden) for head in self.heads], dim=1)
        return Output(values[:, 0], heads=values)

"""MPRAnn: convolutions with softmax over channels, three dense layers.

Source of the design: Agarwal et al. 2025 (lentiviral reporter assays; Keras). Inputs: tensors (batch, 4, length).
Outputs: tensors (batch, channels, length), or an :class:`~cisflow.models.blocks.Output`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from cisflow.models.blocks import CORE_BLOCKS, FINAL_BLOCKS, FIRST_BLOCKS, Output
from cisflow.models.reference.keras_parts import flatten_positions, glorot, keras_norm


def _stage(in_channels: int, out_channels: int, kernel: int, activation: nn.Module) -> list[nn.Module]:
    return [nn.Conv1d(in_channels, out_channels, kernel), activation, keras_norm(out_channels)]


def _checked(length: int, kernels: Sequence[int]) -> int:
    if length < 1:
        raise ValueError(f"kernels {list(kernels)} leave nothing of the sequence; expected a longer encoding")
    return length


@FIRST_BLOCKS.register("mprann_first")
class MPRAnnFirst(nn.Module):
    """Two convolutions without padding (ReLU, then softmax over channels), maximum of every two positions, dropout."""

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        channels: int = 250,
        kernels: Sequence[int] = (7, 8),
        dropout: float = 0.1,
    ):
        super().__init__()
        first, second = kernels
        self.out_channels = channels
        self.out_length = _checked((in_length - first - second + 2) // 2, kernels)
        self.main = nn.Sequential(
            *_stage(in_channels, channels, first, nn.ReLU()),
            *_stage(channels, channels, second, nn.Softmax(dim=1)),
            nn.MaxPool1d(2),
            nn.Dropout(dropout),
        )
        self.apply(glorot)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, channels, about half the length)."""
        return self.main(x)


@CORE_BLOCKS.register("mprann_core")
class MPRAnnCore(nn.Module):
    """Two more convolutions without padding, each with softmax over channels; dropout."""

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        widths: Sequence[int] = (250, 100),
        kernels: Sequence[int] = (3, 2),
        dropout: float = 0.1,
    ):
        super().__init__()
        before, length, stages = in_channels, in_length, []
        for after, kernel in zip(widths, kernels, strict=True):
            stages += _stage(before, after, kernel, nn.Softmax(dim=1))
            before, length = after, length - kernel + 1
        self.out_channels, self.out_length = before, _checked(length, kernels)
        self.main = nn.Sequential(*stages, nn.Dropout(dropout))
        self.apply(glorot)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, last width, length without the kernels' margins)."""
        return self.main(x)


@FINAL_BLOCKS.register("mprann_final")
class MPRAnnFinal(nn.Module):
    """Two dense layers with sigmoid on the input, flattened position by position, and one output.

    Parameters
    ----------
    in_channels, in_length : int
    hidden : sequence of two int
    dropout : float
        After the first dense layer.
    """

    def __init__(self, in_channels: int, in_length: int, hidden: Sequence[int] = (300, 200), dropout: float = 0.3):
        super().__init__()
        first, second = hidden
        self.main = nn.Sequential(
            *(nn.Linear(in_channels * in_length, first), nn.Sigmoid(), nn.Dropout(dropout)),
            *(nn.Linear(first, second), nn.Sigmoid(), nn.Linear(second, 1)),
        )
        self.apply(glorot)

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression."""
        return Output(self.main(flatten_positions(x)).squeeze(1))

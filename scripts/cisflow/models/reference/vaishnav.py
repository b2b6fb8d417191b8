"""Reference transformer of Vaishnav et al. 2022, which the challenge took as its baseline.

Both strands are read by one set of kernels. Source of the design: Vaishnav et al. 2022 (Keras). Inputs: tensors (batch,
4, length) in the channel order A, G, C, T. Outputs: tensors (batch, channels, length), or an
:class:`~cisflow.models.blocks.Output`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cisflow.models.blocks import CORE_BLOCKS, FINAL_BLOCKS, FIRST_BLOCKS, Output
from cisflow.models.reference.keras_parts import (
    KerasLSTM,
    SameConvolution,
    keras_norm,
    pad_same,
)

NORM_EPS = 1e-14


def _he_normal(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _glorot_normal(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_normal_(module.weight)
        nn.init.zeros_(module.bias)


@FIRST_BLOCKS.register("vaishnav_first")
class VaishnavFirst(nn.Module):
    """Kernels and their reverse complements on the same sequence, and a convolution over both answers.

    N is one in all four channels, as in the published program.

    Parameters
    ----------
    in_channels, in_length : int
        Four bases, no flags.
    motifs : int
        Kernels of the first convolution.
    channels : int
    kernel : int
    """

    def __init__(self, in_channels: int, in_length: int, motifs: int = 256, channels: int = 128, kernel: int = 30):
        super().__init__()
        if in_channels != 4:
            raise ValueError(f"{in_channels} channels; expected the four bases (encoding with `flags: []`)")
        self.out_channels, self.out_length = channels, in_length
        self.motifs = SameConvolution(4, motifs, kernel, bias=False)
        self.norms = nn.ModuleList(keras_norm(motifs) for _ in range(2))
        self.strands = nn.Conv2d(motifs, channels, (2, kernel), bias=False)
        self.norm = keras_norm(channels)
        self.apply(_he_normal)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, 4, length) to (batch, channels, length)."""
        x = x + (x.sum(dim=1, keepdim=True) == 0)
        padded = pad_same(x, self.motifs.kernel_size[0])
        # In the order A, G, C, T (as in A, C, G, T) turning both axes around gives the reverse complement.
        kernels = (self.motifs.weight, self.motifs.weight.flip(1, 2))
        rows = [torch.relu(norm(functional.conv1d(padded, w))) for norm, w in zip(self.norms, kernels, strict=True)]
        both = pad_same(torch.stack(rows, dim=2), self.strands.kernel_size[1])
        return torch.relu(self.norm(self.strands(both).squeeze(2)))


class _Attention(nn.Module):
    """Self-attention with ReLU after each of its four projections."""

    def __init__(self, channels: int, heads: int):
        super().__init__()
        if channels % heads:
            raise ValueError(f"{channels} channels cannot be shared equally by {heads} heads")
        self.heads = heads
        self.projections = nn.ModuleList(nn.Linear(channels, channels) for _ in range(3))
        self.out = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        split = (torch.relu(p(x)).unflatten(2, (self.heads, -1)).transpose(1, 2) for p in self.projections)
        return torch.relu(self.out(functional.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)))


class _Layer(nn.Module):
    def __init__(self, channels: int, heads: int, hidden: int, dropout: float):
        super().__init__()
        self.attention = _Attention(channels, heads)
        self.feed_forward = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.norms = nn.ModuleList(nn.LayerNorm(channels, eps=NORM_EPS) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norms[0](x + self.dropout(self.attention(x)))
        return self.norms[1](x + self.dropout(self.feed_forward(x)))


@CORE_BLOCKS.register("vaishnav_core")
class VaishnavCore(nn.Module):
    """Convolutions, then transformer layers; the width stays.

    Parameters
    ----------
    in_channels, in_length : int
    convolutions : int
    kernel : int
    layers, heads : int
        Transformer layers and attention heads of each.
    hidden : int
        Inner width of the feed-forward layers.
    dropout : float
    """

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        convolutions: int = 2,
        kernel: int = 30,
        layers: int = 2,
        heads: int = 8,
        hidden: int = 8,
        dropout: float = 0.2,
    ):
        super().__init__()
        self.out_channels, self.out_length = in_channels, in_length
        self.convolutions = nn.ModuleList(
            nn.Sequential(SameConvolution(in_channels, in_channels, kernel, bias=False), keras_norm(in_channels))
            for _ in range(convolutions)
        )
        self.layers = nn.ModuleList(_Layer(in_channels, heads, hidden, dropout) for _ in range(layers))
        self.convolutions.apply(_he_normal)
        self.layers.apply(_glorot_normal)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to the same shape."""
        for convolution in self.convolutions:
            x = torch.relu(convolution(x))
        x = x.transpose(1, 2)
        for layer in self.layers:
            x = layer(x)
        return x.transpose(1, 2)


@FINAL_BLOCKS.register("vaishnav_final")
class VaishnavFinal(nn.Module):
    """Narrow bidirectional LSTM, flattened position by position, and three dense layers.

    Parameters
    ----------
    in_channels, in_length : int
    units : int
        LSTM units per direction.
    hidden : int
        Width of the dense layers.
    dropout : float
        After the LSTM and after each hidden dense layer.
    """

    def __init__(self, in_channels: int, in_length: int, units: int = 8, hidden: int = 128, dropout: float = 0.2):
        super().__init__()
        self.lstm = KerasLSTM(in_channels, units)
        self.dropout = nn.Dropout(dropout)
        self.main = nn.Sequential(
            *(nn.Linear(2 * units * in_length, hidden), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(hidden, 1),
        )
        self.main.apply(_he_normal)

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression."""
        states, _ = self.lstm(x.transpose(1, 2))
        return Output(self.main(self.dropout(states).flatten(1)).squeeze(1))

"""Proformer as submitted to the 2022 challenge: expression read from positions put before the sequence.

Source of the design: Kwak et al. 2024, third entry of the challenge (UnlockDNA, TensorFlow). Against the PyTorch form
in :mod:`cisflow.models.unlockdna`: extra positions for expression, positions embedded with the sequence, eight heads as
wide as the network each, a residual path that skips the layer norm before the convolution. Inputs: tensors (batch,
channels, length), one channel per kind of token. Outputs: the same form, or an :class:`~cisflow.models.blocks.Output`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cisflow.models.blocks import CORE_BLOCKS, FINAL_BLOCKS, FIRST_BLOCKS, Convolution, Output
from cisflow.models.reference.keras_parts import SameConvolution, glorot
from cisflow.models.unlockdna import NORM_EPS, GatedFeedForward

EMBEDDING_RANGE = 0.05  # Keras


def _embedding(rows: int, channels: int) -> nn.Embedding:
    embedding = nn.Embedding(rows, channels)
    nn.init.uniform_(embedding.weight, -EMBEDDING_RANGE, EMBEDDING_RANGE)
    return embedding


@FIRST_BLOCKS.register("proformer_first")
class ProformerFirst(nn.Module):
    """Window, position and strand embeddings; positions that carry expression in front of them.

    Parameters
    ----------
    in_channels, in_length : int
        The first half of the positions is one strand, the second half the other.
    channels : int
    kmer : int
        Width of the embedded windows.
    expression_positions : int
        Extra positions, each a dense layer's answer to 0, hence all equal.
    """

    def __init__(
        self, in_channels: int, in_length: int, channels: int = 512, kmer: int = 10, expression_positions: int = 32
    ):
        super().__init__()
        self.out_channels, self.out_length = channels, in_length + expression_positions
        self.expression_positions = expression_positions
        self.kmer_dense = SameConvolution(in_channels, channels, kmer)
        self.pos_embedding = _embedding(in_length, channels)
        self.strand_embedding = _embedding(2, channels)
        self.expression_dense = nn.Linear(1, channels)
        self.apply(glorot)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, channels, expression positions + length)."""
        length = x.shape[2]
        second_half = (torch.arange(length, device=x.device) >= length // 2).long()
        sequence = self.kmer_dense(x) + (self.pos_embedding.weight + self.strand_embedding(second_half)).T
        expression = self.expression_dense(x.new_zeros(len(x), self.expression_positions, 1)).transpose(1, 2)
        return torch.cat([expression, sequence], dim=2)


class WideAttention(nn.Module):
    """Self-attention whose heads have a width of their own (Vaswani et al. 2017)."""

    def __init__(self, channels: int, heads: int, head_width: int):
        super().__init__()
        self.heads = heads
        self.queries, self.keys, self.values = (nn.Linear(channels, heads * head_width) for _ in range(3))
        self.out = nn.Linear(heads * head_width, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, length, channels) to the same shape."""
        split = (layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in self._inputs())
        return self.out(functional.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2))

    def _inputs(self) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
        return self.queries, self.keys, self.values


class SubmittedBlock(nn.Module):
    """Half feed-forward, separable convolution, self-attention, half feed-forward."""

    def __init__(self, channels: int, kernel: int, heads: int, head_width: int, expansion: int, dropout: float):
        super().__init__()
        self.ff1 = GatedFeedForward(channels, expansion, dropout)
        self.layernorm1 = nn.LayerNorm(channels, eps=NORM_EPS)
        self.conv = nn.Sequential(
            Convolution(channels, channels, kernel, groups=channels, bias=False),
            Convolution(channels, channels, 1),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.layernorm2 = nn.LayerNorm(channels, eps=NORM_EPS)
        self.attention = WideAttention(channels, heads, head_width)
        self.ff2 = GatedFeedForward(channels, expansion, dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, length, channels) to the same shape."""
        x = x + 0.5 * self.ff1(x)
        x = x + self.conv(self.layernorm1(x).transpose(1, 2)).transpose(1, 2)
        x = self.layernorm2(x)
        x = x + self.attention(x)
        return x + 0.5 * self.ff2(x)


@CORE_BLOCKS.register("proformer_core")
class ProformerCore(nn.Module):
    """Stack of Proformer blocks; width and length stay.

    Parameters
    ----------
    in_channels, in_length : int
    blocks : int
    kernel : int
        Width of the depthwise convolution.
    heads, head_width : int
        Attention heads and the width of each; the submission has eight heads of 512.
    expansion : int
        Inner width of the feed-forward layers before gating, as a multiple of the channels.
    dropout : float
        0.1 in the code of the submission, 0.01 in its report.
    """

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        blocks: int = 4,
        kernel: int = 15,
        heads: int = 8,
        head_width: int = 512,
        expansion: int = 4,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.out_channels, self.out_length = in_channels, in_length
        self.blocks = nn.ModuleList(
            SubmittedBlock(in_channels, kernel, heads, head_width, expansion, dropout) for _ in range(blocks)
        )
        self.apply(glorot)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to the same shape."""
        x = x.transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return x.transpose(1, 2)


@FINAL_BLOCKS.register("proformer_final")
class ProformerFinal(nn.Module):
    """Expression from the leading positions, nucleotides from the positions behind them.

    Parameters
    ----------
    in_channels, in_length : int
    expression_positions : int
        As many as the first block put in front.
    classes : int
        Kinds of tokens (A, C, G, T, N, mask).
    """

    def __init__(self, in_channels: int, in_length: int, expression_positions: int = 32, classes: int = 6):
        super().__init__()
        if not 0 < expression_positions < in_length:
            raise ValueError(f"expression_positions {expression_positions}: expected 1 to {in_length - 1}")
        self.expression_positions = expression_positions
        self.expression_dense = nn.Linear(in_channels, 1)
        self.nucleotide_dense = nn.Linear(in_channels, classes)
        self.apply(glorot)

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression and nucleotide logits."""
        x = x.transpose(1, 2)
        expression = self.expression_dense(x[:, : self.expression_positions]).mean(dim=(1, 2))
        nucleotides = self.nucleotide_dense(x[:, self.expression_positions :]).transpose(1, 2)
        return Output(expression, nucleotide_logits=nucleotides)

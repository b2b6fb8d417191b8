"""UnlockDNA blocks: k-mer embedding, Proformer layers (convolution and attention), a head with a nucleotide decoder.

Source of the design: the third entry of the 2022 challenge (Kwak et al. 2024, Proformer) in the PyTorch form of Rafi
et al. 2024, which differs from the original. Two of its traits look odd but belong to the published weights: the
residual paths around convolution and attention start from the normalised activations, and there are four heads whatever
was asked for. Inputs: tensors (batch, channels, length). Outputs: the same form, or an
:class:`~cisflow.models.blocks.Output`.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from cisflow.models.blocks import CORE_BLOCKS, FINAL_BLOCKS, FIRST_BLOCKS, Convolution, Output

NORM_EPS = 1e-6


@FIRST_BLOCKS.register("unlockdna_first")
class UnlockDNAFirst(nn.Module):
    """Linear embedding of every window of ``kmer`` positions plus a learned vector per strand half.

    Position and expression embeddings exist so that published weights load; the forward pass does not use them.
    """

    def __init__(self, in_channels: int, in_length: int, channels: int = 512, kmer: int = 10):
        super().__init__()
        if kmer % 2:
            raise ValueError(f"kmer {kmer} is odd; only an even width keeps the length")
        self.kmer = kmer
        self.out_channels, self.out_length = channels, in_length
        self.pos_embedding = nn.Embedding(in_length, channels)
        self.strand_embedding = nn.Embedding(2, channels)
        self.expression_embedding = nn.Linear(1, channels)
        self.kmer_dense = nn.Linear(kmer * in_channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, channels, length)."""
        in_channels, length = x.shape[1:]
        # A dense layer on every window is a convolution; its inputs are ordered position by position.
        kernel = self.kmer_dense.weight.unflatten(1, (self.kmer, in_channels)).transpose(1, 2)
        padded = functional.pad(x, (self.kmer // 2 - 1, self.kmer // 2))
        embedded = functional.conv1d(padded, kernel, self.kmer_dense.bias)
        second_half = (torch.arange(length, device=x.device) >= length // 2).long()
        return embedded + self.strand_embedding(second_half).T


class GatedFeedForward(nn.Module):
    """Layer norm, then a dense layer with a SiLU gate (Shazeer 2020)."""

    def __init__(self, channels: int, expansion: int, dropout: float):
        super().__init__()
        self.layernorm = nn.LayerNorm(channels, eps=NORM_EPS)
        self.linear1 = nn.Linear(channels, expansion * channels, bias=False)
        self.linear2 = nn.Linear(expansion * channels // 2, channels, bias=False)
        self.dropout1, self.dropout2 = nn.Dropout(dropout), nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, length, channels) to the same shape."""
        value, gate = self.linear1(self.layernorm(x)).chunk(2, dim=-1)
        return self.dropout2(self.linear2(self.dropout1(value * functional.silu(gate))))


class ProformerBlock(nn.Module):
    """Half feed-forward, separable convolution, self-attention, half feed-forward."""

    def __init__(self, channels: int, kernel: int, heads: int, expansion: int, dropout: float):
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
        self.attn = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.ff2 = GatedFeedForward(channels, expansion, dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, length, channels) to the same shape."""
        x = x + 0.5 * self.ff1(x)
        normalised = self.layernorm1(x)
        x = x + normalised + self.conv(normalised.transpose(1, 2)).transpose(1, 2)
        x = self.layernorm2(x)
        x = x + self.attn(x, x, x, need_weights=False)[0]
        return x + 0.5 * self.ff2(x)


@CORE_BLOCKS.register("unlockdna_core")
class UnlockDNACore(nn.Module):
    """Learned positions and a stack of Proformer blocks; the width stays that of the first block.

    Parameters
    ----------
    in_channels, in_length : int
    blocks : int
    kernel : int
        Width of the depthwise convolution.
    heads : int
        Attention heads (4 in all published networks).
    expansion : int
        Inner width of the feed-forward layers before gating, as a multiple of the channels.
    dropout : float
    """

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        blocks: int = 4,
        kernel: int = 15,
        heads: int = 4,
        expansion: int = 4,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.out_channels, self.out_length = in_channels, in_length
        self.blocks = nn.ModuleList(
            ProformerBlock(in_channels, kernel, heads, expansion, dropout) for _ in range(blocks)
        )
        self.pos_embedding = nn.Embedding(in_length, in_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to the same shape."""
        x = x.transpose(1, 2) + self.pos_embedding.weight
        for block in self.blocks:
            x = block(x)
        return x.transpose(1, 2)


@FINAL_BLOCKS.register("unlockdna_final")
class UnlockDNAFinal(nn.Module):
    """Expression from the first positions, nucleotides from every position.

    Parameters
    ----------
    in_channels, in_length : int
    positions : int
        Leading positions whose linear outputs are averaged to the expression.
    classes : int
        Nucleotide classes (A, C, G, T, N, mask).
    dropout : float
        Before the expression output.
    """

    def __init__(self, in_channels: int, in_length: int, positions: int = 32, classes: int = 6, dropout: float = 0.1):
        super().__init__()
        self.positions = positions
        self.dropout = nn.Dropout(dropout)
        self.expression_dense = nn.Linear(in_channels, 1)
        self.nucleotide_dense = nn.Linear(in_channels, classes)

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression and nucleotide logits."""
        x = x.transpose(1, 2)
        expression = self.expression_dense(self.dropout(x[:, : self.positions])).mean(dim=(1, 2))
        return Output(expression, nucleotide_logits=self.nucleotide_dense(x).transpose(1, 2))


def masked_nucleotide_loss(logits: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the masked positions, summed and divided by their number plus one.

    Parameters
    ----------
    logits : Tensor, (batch, classes, length)
    labels : int64 Tensor, (batch, length)
        Nucleotides before masking.
    mask : Tensor, (batch, length)
        1 where the nucleotide was hidden.
    """
    losses = functional.cross_entropy(logits, labels, reduction="none")
    return (losses * mask).sum() / (mask.sum() + 1)

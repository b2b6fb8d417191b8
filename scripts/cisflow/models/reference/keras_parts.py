"""Layers with the constants that Keras gives them, for networks that were published in Keras.

Inputs, outputs: tensors (batch, channels, length) unless said otherwise. Padding is the caller's; start values are
those of Keras (Glorot-uniform weights, zero biases) unless a network's paper has others.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

EPS, MOMENTUM = 1e-3, 0.01  # Keras' momentum of 0.99 is the share of the OLD statistic


def keras_norm(channels: int) -> nn.BatchNorm1d:
    """Batch norm with the constants of Keras."""
    return nn.BatchNorm1d(channels, eps=EPS, momentum=MOMENTUM)


def pad_same(x: torch.Tensor, kernel: int) -> torch.Tensor:
    """Zeros so that a kernel keeps the length; the odd one of an even kernel stands on the right."""
    return functional.pad(x, ((kernel - 1) // 2, kernel // 2))


class SameConvolution(nn.Conv1d):
    """Convolution of odd or even width that keeps the length, padded as in Keras."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, out_channels, length)."""
        return super().forward(pad_same(x, self.kernel_size[0]))


class KerasLSTM(nn.LSTM):
    """Bidirectional LSTM over (batch, length, channels) with one bias vector per direction.

    PyTorch has two, of which the second stays zero here and is not trained. The forget gate's bias starts at one.
    """

    def __init__(self, channels: int, hidden: int):
        super().__init__(channels, hidden, batch_first=True, bidirectional=True)
        for name, parameter in self.named_parameters():
            if name.startswith("weight_ih"):
                nn.init.xavier_uniform_(parameter)
            elif name.startswith("weight_hh"):
                nn.init.orthogonal_(parameter)
            else:
                nn.init.zeros_(parameter)
                if name.startswith("bias_ih"):
                    nn.init.ones_(parameter.data[hidden : 2 * hidden])
                else:
                    parameter.requires_grad_(False)


def glorot(module: nn.Module) -> None:
    """Start values of Keras for dense and convolution layers."""
    if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def flatten_positions(x: torch.Tensor) -> torch.Tensor:
    """Flatten (batch, channels, length) position by position, as channels-last programs do."""
    return x.transpose(1, 2).flatten(1)

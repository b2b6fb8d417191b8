"""Parts of one's own for an expression model: encoding, block, loss and trainer.

Worked example of docs/extending.md; docs/examples/my_model.yaml names them by their dotted paths. Put the folder on
PYTHONPATH to use it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from cisflow.models.blocks import Convolution, Output
from cisflow.models.encoding import N_CODE, PadEncoding
from cisflow.models.trainers import Trainer
from cisflow.randomness import generator


class PadWithGC(PadEncoding):
    """N before each sequence up to ``length``, and a channel that is 1 where the base is G or C."""

    def __init__(self, length: int):
        super().__init__(length, flags=["is_reverse"])
        self.n_channels += 1

    def tensor(self, codes: torch.Tensor, is_reverse: torch.Tensor, is_singleton: torch.Tensor) -> torch.Tensor:
        """Map codes (batch, length) to (batch, channels, length)."""
        x = super().tensor(codes, is_reverse, is_singleton)
        return torch.cat([x, x[:, 1:3].sum(dim=1, keepdim=True)], dim=1)  # channels are A, G, C, T


class DilatedCore(nn.Module):
    """Residual convolutions that look twice as far from layer to layer."""

    def __init__(self, in_channels: int, in_length: int, layers: int = 4, kernel: int = 3):
        super().__init__()
        self.out_channels, self.out_length = in_channels, in_length
        self.layers = nn.ModuleList(
            nn.Conv1d(in_channels, in_channels, kernel, padding="same", dilation=2**i) for i in range(layers)
        )
        self.mix = Convolution(in_channels, in_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to the same shape."""
        for layer in self.layers:
            x = x + torch.relu(layer(x))
        return self.mix(x)


class LogCoshLoss:
    """Logarithm of the hyperbolic cosine of the difference: quadratic near zero, linear far away."""

    def check(self, expression: np.ndarray, where: str) -> None:
        """Any finite number will do; raise ``cisflow.problems.InputError`` otherwise."""

    def targets(self, expression: np.ndarray) -> torch.Tensor:
        """What the network should give, float32 (n,)."""
        return torch.from_numpy(np.asarray(expression, dtype=np.float32))

    def __call__(self, output: Output, targets: torch.Tensor) -> torch.Tensor:
        """Return the scalar to minimise."""
        difference = (output.expression - targets).abs()
        return (difference + nn.functional.softplus(-2 * difference) - np.log(2)).mean()


class HiddenBasesTrainer(Trainer):
    """Hide a share of the bases in every step, so that no single base decides."""

    def __init__(self, encoding: PadEncoding, loss: LogCoshLoss, seed: int, share: float = 0.05):
        super().__init__(encoding, loss, seed)
        self.share = share

    def batch(self, rows: dict[str, np.ndarray], targets: torch.Tensor, step: int) -> dict[str, torch.Tensor]:
        """Tensors of a step; the draws depend on seed and step alone, so that a killed job continues exactly."""
        hidden = generator(self.seed, "hidden bases", step).random(rows["codes"].shape) < self.share
        codes = np.where(hidden, np.uint8(N_CODE), rows["codes"])
        return super().batch({**rows, "codes": codes}, targets, step)

"""Several values measured for every sequence: a final block with one head for each, and the loss over all heads.

Inputs: tensors (batch, channels, length); a network's :class:`~cisflow.models.blocks.Output` with ``heads`` and targets
(batch, heads). Outputs: such an output; a scalar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from cisflow.models.autosome import RegressionFinal
from cisflow.models.blocks import FINAL_BLOCKS, Output
from cisflow.models.losses import LOSSES
from cisflow.problems import InputError, Problem


@LOSSES.register("sum_of_heads")
class SumOfHeads:
    """Weighted sum of one loss over the heads.

    Parameters
    ----------
    each : mapping
        Loss of a single head: ``mse`` or ``huber``.
    weights : sequence of float
        One per head, in the order of the recipe's ``heads``.
    """

    label = "sum of the heads' losses"

    def __init__(self, each: Mapping[str, Any], weights: Sequence[float]):
        self.each, self.weights = LOSSES.make(each), tuple(float(weight) for weight in weights)

    def check(self, expression: np.ndarray, where: str) -> None:
        """Raise InputError when the recipe names no heads, or not as many as there are weights."""
        n = expression.shape[1] if expression.ndim == 2 else 0
        if n != len(self.weights):
            raise InputError(
                Problem("recipe", f"{len(self.weights)} weights for {n} heads of the recipe", column="loss.weights")
            )
        for head in range(n):
            self.each.check(expression[:, head], where)

    def targets(self, expression: np.ndarray) -> torch.Tensor:
        """Measurements as float32 (n, heads)."""
        return torch.from_numpy(np.asarray(expression, dtype=np.float32))

    def __call__(self, output: Output, targets: torch.Tensor) -> torch.Tensor:
        """Return the scalar loss."""
        values = output.heads
        return sum(
            weight * self.each(Output(values[:, head]), targets[:, head]) for head, weight in enumerate(self.weights)
        )


@FINAL_BLOCKS.register("regression_heads_final")
class RegressionHeadsFinal(nn.Module):
    """One :class:`~cisflow.models.autosome.RegressionFinal` per head, each with its own convolution and dense layer.

    The form that Rafi et al. 2024 gave the DREAM models on STARR-seq with two promoter classes.

    Parameters
    ----------
    in_channels, in_length : int
    heads : int
        Values predicted per sequence.
    hidden : int
        Channels of each head's convolution.
    """

    def __init__(self, in_channels: int, in_length: int, heads: int = 2, hidden: int = 256):
        super().__init__()
        self.heads = nn.ModuleList(RegressionFinal(in_channels, in_length, hidden) for _ in range(heads))

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to the values of all heads; expression is the first."""
        values = torch.stack([head(x).expression for head in self.heads], dim=1)
        return Output(values[:, 0], heads=values)

"""Several values measured for every sequence: the loss over all heads of a network.

Inputs: a network's :class:`~cisflow.models.blocks.Output` with ``heads``, targets (batch, heads). Outputs: a scalar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from cisflow.models.blocks import Output
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

"""What training minimises: soft labels over sorting bins, or a distance between numbers.

Inputs: measured expression, a network's :class:`~cisflow.models.blocks.Output`. Outputs: targets and scalar losses.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import ndtr
from torch.nn import functional

from cisflow.models.blocks import Output
from cisflow.problems import InputError, Problem
from cisflow.registry import Registry

LOSSES = Registry("loss")


def soft_labels(expression: np.ndarray, bins: int = 18, shift: float = 0.5, scale: float = 0.5) -> np.ndarray:
    """Share of a normal distribution around each expression value that falls into each sorting bin.

    Parameters
    ----------
    expression : float array, (n,)
        Mean bin index, 0 to ``bins - 1``.
    bins : int
    shift, scale : float
        Centre relative to the value, and standard deviation. Bin i covers [i, i + 1); the outer bins are open.

    Returns
    -------
    float64 array, (n, bins)
        Rows sum to 1.

    Notes
    -----
    Labels of the first entry of the 2022 challenge (Penzar et al. 2023).
    """
    edges = np.arange(1, bins)
    below = ndtr((edges - (np.asarray(expression, dtype=np.float64)[:, None] + shift)) / scale)
    cumulative = np.concatenate([np.zeros((len(below), 1)), below, np.ones((len(below), 1))], axis=1)
    return np.diff(cumulative, axis=1)


@LOSSES.register("soft_labels")
class SoftLabelLoss:
    """Kullback-Leibler divergence from soft labels to the predicted bin probabilities, mean over the batch.

    Parameters
    ----------
    bins : int
        As many as the final block has.
    shift, scale : float
        See :func:`soft_labels`.
    """

    label = "KL divergence (nats)"

    def __init__(self, bins: int = 18, shift: float = 0.5, scale: float = 0.5):
        self.bins, self.shift, self.scale = bins, shift, scale

    def check(self, expression: np.ndarray, where: str) -> None:
        """Raise InputError when values are outside the scale of the bins."""
        outside = (expression < 0) | (expression > self.bins - 1)
        if outside.any():
            raise InputError(
                Problem(
                    where,
                    f"{int(outside.sum())} of {len(expression)} values are outside 0 to {self.bins - 1}, e.g. "
                    f"{expression[outside][0]:g}; expected mean bin indices of {self.bins} bins. For another scale use "
                    "the loss `mse` and the final block `regression_final`",
                    column="expression",
                )
            )

    def targets(self, expression: np.ndarray) -> torch.Tensor:
        """Soft labels, float32 (n, bins)."""
        return torch.from_numpy(soft_labels(expression, self.bins, self.shift, self.scale).astype(np.float32))

    def __call__(self, output: Output, targets: torch.Tensor) -> torch.Tensor:
        """Return the scalar loss."""
        if output.bin_logits is None:
            raise InputError(Problem("recipe", "the loss `soft_labels` needs a final block with bins", column="loss"))
        return functional.kl_div(torch.log_softmax(output.bin_logits, dim=1), targets, reduction="batchmean")


class _NumberLoss:
    def check(self, expression: np.ndarray, where: str) -> None:
        """Any finite number will do."""

    def targets(self, expression: np.ndarray) -> torch.Tensor:
        """Expression as float32 (n,)."""
        return torch.from_numpy(np.asarray(expression, dtype=np.float32))


@LOSSES.register("mse")
class MeanSquaredError(_NumberLoss):
    """Mean squared difference between predicted and measured expression."""

    label = "mean squared error"

    def __call__(self, output: Output, targets: torch.Tensor) -> torch.Tensor:
        """Return the scalar loss."""
        return functional.mse_loss(output.expression, targets)


@LOSSES.register("huber")
class HuberLoss(_NumberLoss):
    """Squared difference up to ``delta``, linear beyond it."""

    label = "Huber loss"

    def __init__(self, delta: float = 1.0):
        self.delta = delta

    def __call__(self, output: Output, targets: torch.Tensor) -> torch.Tensor:
        """Return the scalar loss."""
        return functional.huber_loss(output.expression, targets, delta=self.delta)

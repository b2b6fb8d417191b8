"""Detection of mutated bases as a second task, and the focal loss over sorting bins.

Source of the method: the ninth entry of the 2022 challenge (BUGF; Rafi et al. 2024). In a second pass of every step
some bases are exchanged, and the network says at each position whether its base was. Inputs: rows of the dataset,
tensors (batch, channels, length). Outputs: batches, scalars, and an :class:`~cisflow.models.blocks.Output` with
``mutation_logits``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from cisflow.models.autosome import AutosomeFinal, initialise
from cisflow.models.blocks import FINAL_BLOCKS, Convolution, Output
from cisflow.models.encoding import N_CODE
from cisflow.models.losses import LOSSES, SoftLabelLoss
from cisflow.models.trainers import TRAINERS, Trainer
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator


@LOSSES.register("focal")
class FocalLoss(SoftLabelLoss):
    """Cross-entropy of the sorting bin, less for bins that are already predicted well (Lin et al. 2017).

    A value between two bins stands for the upper one with a probability of its fractional part, else for the lower one.
    The loss is the mean over that choice, so that no draw is needed; on average random rounding has the same gradient.

    Parameters
    ----------
    bins : int
        As many as the final block has.
    gamma : float
        A bin that is predicted with probability q weighs ``(1 - q) ** gamma``.
    """

    label = "focal loss (nats)"

    def __init__(self, bins: int = 18, gamma: float = 2.0):
        super().__init__(bins)
        self.gamma = gamma

    def targets(self, expression: np.ndarray) -> torch.Tensor:
        """Probabilities of the two bins around each value, float32 (n, bins)."""
        expression = np.asarray(expression, dtype=np.float64)
        return torch.from_numpy(
            np.maximum(1 - np.abs(expression[:, None] - np.arange(self.bins)), 0).astype(np.float32)
        )

    def __call__(self, output: Output, targets: torch.Tensor) -> torch.Tensor:
        """Return the scalar loss, mean over the batch."""
        if output.bin_logits is None:
            raise InputError(Problem("recipe", "the loss `focal` needs a final block with bins", column="loss"))
        log_q = torch.log_softmax(output.bin_logits, dim=1)
        # 1 - q through expm1: exact where q is close to one.
        return -(targets * (-torch.expm1(log_q)).pow(self.gamma) * log_q).sum(dim=1).mean()


@FINAL_BLOCKS.register("mutation_final")
class MutationFinal(AutosomeFinal):
    """Expected sorting bin, and for every position a score that its base was exchanged.

    Parameters
    ----------
    in_channels, in_length : int
    bins : int
        Number of bins; their values are 0, 1, ..., ``bins - 1``.
    """

    def __init__(self, in_channels: int, in_length: int, bins: int = 18):
        super().__init__(in_channels, in_length, bins)
        self.detector = Convolution(in_channels, 1, 1)
        self.detector.apply(initialise)

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression, bin logits and mutation logits."""
        return super().forward(x)._replace(mutation_logits=self.detector(x).squeeze(1))


def mutated_codes(codes: np.ndarray, ratio: float, draws: np.random.Generator) -> np.ndarray:
    """Exchange every base but N for one of the three others with probability ``ratio``; uint8, same shape."""
    chosen = (draws.random(codes.shape, dtype=np.float32) < ratio) & (codes != N_CODE)
    shift = draws.integers(1, 4, codes.shape, dtype=np.uint8)
    return np.where(chosen, (codes + shift) % np.uint8(4), codes)


@TRAINERS.register("mutation_detection")
class MutationDetectionTrainer(Trainer):
    """Expression from the sequences as they are, then their exchanged bases from a second pass.

    Parameters
    ----------
    encoding, loss, seed
        See :class:`~cisflow.models.trainers.Trainer`; the encoding must show every base at one position.
    ratio : float
        Share of the bases that is exchanged.
    weight : float
        Of the loss of the second pass: binary cross-entropy per base, N aside.
    """

    def __init__(self, encoding: Any, loss: Any, seed: int, ratio: float = 0.15, weight: float = 1.0):
        super().__init__(encoding, loss, seed)
        if not 0 < ratio < 1:
            raise ValueError(f"ratio {ratio}: expected a number between 0 and 1")
        self.ratio, self.weight = ratio, weight

    def batch(self, rows: Mapping[str, np.ndarray], targets: torch.Tensor, step: int) -> dict[str, torch.Tensor]:
        """Tensors of a step; ``mutated`` (uint8, batch x length) are the codes of the second pass."""
        mutated = mutated_codes(rows["codes"], self.ratio, generator(self.seed, "mutations", step))
        return {**super().batch(rows, targets, step), "mutated": torch.from_numpy(mutated)}

    def loss(self, network: nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Loss of expression plus that of the exchanged bases."""
        codes, mutated = batch["codes"], batch["mutated"]
        scores = network(self.encoding.tensor(mutated, batch["is_reverse"], batch["is_singleton"])).mutation_logits
        if scores is None or scores.shape != codes.shape:
            raise InputError(
                Problem(
                    "recipe",
                    "the trainer `mutation_detection` needs a final block that scores every base, such as "
                    "`mutation_final`, and blocks and an encoding that keep the length",
                    column="network.final",
                )
            )
        exchanged = (mutated != codes).to(scores.dtype)
        each = functional.binary_cross_entropy_with_logits(scores, exchanged, reduction="none")
        bases = (codes != N_CODE).to(scores.dtype)
        detected = (each * bases).sum() / bases.sum().clamp(min=1)
        return super().loss(network, batch) + self.weight * detected

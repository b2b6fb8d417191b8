"""Trainers: what a training step shows the network, and what it minimises.

Inputs: rows of the dataset, an encoding, a loss. Outputs: batches on the CPU that depend on seed and step alone, and
the scalar of a batch on the network's device. The optimiser and its schedule are separate lines of a recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from cisflow.models.team_encodings import MASK_TOKEN, N_TOKEN
from cisflow.models.unlockdna import masked_nucleotide_loss
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator
from cisflow.registry import Registry

TRAINERS = Registry("trainer")


@TRAINERS.register("plain")
class Trainer:
    """One forward pass per step; where both strands are read they are separate rows (Autosome.org).

    A trainer of one's own derives from this class and replaces :meth:`batch`, :meth:`loss` or both.

    Parameters
    ----------
    encoding : object
        See :mod:`cisflow.models.encoding`.
    loss : callable
        ``loss(output, targets)`` gives the scalar.
    seed : int
        Seed of the model, for draws of the trainer.

    Attributes
    ----------
    strands_as_rows : bool
        Whether the reverse complements are rows of their own when the recipe reads both strands.
    """

    strands_as_rows = True

    def __init__(self, encoding: Any, loss: Any, seed: int):
        self.encoding, self.loss_function, self.seed = encoding, loss, seed

    def check(self, recipe: Mapping[str, Any]) -> None:
        """Raise InputError when the recipe does not fit the trainer."""

    def batch(self, rows: Mapping[str, np.ndarray], targets: torch.Tensor, step: int) -> dict[str, torch.Tensor]:
        """Tensors of a step.

        Parameters
        ----------
        rows : mapping of str to array
            ``codes`` (uint8, batch x length), ``is_reverse`` and ``is_singleton`` (float32, batch).
        targets : Tensor, (batch,) or (batch, bins)
        step : int
            0-based; all draws must derive from it and the seed.
        """
        given = {name: torch.from_numpy(rows[name]) for name in ("codes", "is_reverse", "is_singleton")}
        return {**given, "targets": targets}

    def loss(self, network: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scalar to minimise."""
        x = self.encoding.tensor(batch["codes"], batch["is_reverse"], batch["is_singleton"])
        return self.loss_function(network(x), batch["targets"])


@TRAINERS.register("both_strands")
class BothStrandsTrainer(Trainer):
    """Each step reads its sequences on both strands and minimises the mean of the two losses (BHI)."""

    strands_as_rows = False

    def check(self, recipe: Mapping[str, Any]) -> None:
        """Refuse recipes that read one strand."""
        if not recipe.get("reverse_complement", True):
            raise InputError(
                Problem(
                    "recipe",
                    "false; expected true, because the trainer `both_strands` reads the reverse complement too",
                    column="reverse_complement",
                )
            )

    def loss(self, network: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Mean of the losses of the two strands."""
        codes = batch["codes"]
        other = torch.where(codes < 4, 3 - codes, codes).flip(1)
        return 0.5 * (
            super().loss(network, batch)
            + super().loss(network, {**batch, "codes": other, "is_reverse": 1 - batch["is_reverse"]})
        )


@TRAINERS.register("masked_nucleotides")
class MaskedNucleotidesTrainer(Trainer):
    """Hide nucleotides and restore them beside predicting expression (UnlockDNA).

    Every token but N becomes the mask token with probability ``ratio``, on the two strands independently. The loss of
    the hidden nucleotides is added to that of expression.

    Parameters
    ----------
    encoding, loss, seed
        See :class:`Trainer`; the encoding must give tokens (``two_strands``).
    ratio : float
        Share of the nucleotides that is hidden; 0.2 in Rafi et al. 2024, 0.05 in the submission.
    weight : float
        Of the loss of the hidden nucleotides.
    """

    def __init__(self, encoding: Any, loss: Any, seed: int, ratio: float = 0.2, weight: float = 1.0):
        super().__init__(encoding, loss, seed)
        if not 0 <= ratio <= 1:
            raise ValueError(f"ratio {ratio}: expected 0 to 1")
        if not (hasattr(encoding, "tokens") and hasattr(encoding, "channels")):
            raise ValueError("needs an encoding that gives tokens, such as `two_strands`")
        self.ratio, self.weight = ratio, weight

    def batch(self, rows: Mapping[str, np.ndarray], targets: torch.Tensor, step: int) -> dict[str, torch.Tensor]:
        """Tensors of a step; ``hidden`` (bool, batch x length) says which tokens are hidden, N aside."""
        draws = generator(self.seed, "mask", step).random((len(rows["codes"]), self.encoding.length), dtype=np.float32)
        return {**super().batch(rows, targets, step), "hidden": torch.from_numpy(draws < self.ratio)}

    def loss(self, network: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Loss of expression plus that of the hidden nucleotides."""
        tokens = self.encoding.tokens(batch["codes"])
        hidden = batch["hidden"] & (tokens != N_TOKEN)
        output = network(self.encoding.channels(tokens.masked_fill(hidden, MASK_TOKEN)))
        if output.nucleotide_logits is None:
            raise InputError(
                Problem(
                    "recipe",
                    "the trainer `masked_nucleotides` needs a final block that predicts nucleotides, such as "
                    "`unlockdna_final`",
                    column="network.final",
                )
            )
        restored = masked_nucleotide_loss(output.nucleotide_logits, tokens, hidden.to(output.nucleotide_logits.dtype))
        return self.loss_function(output, batch["targets"]) + self.weight * restored

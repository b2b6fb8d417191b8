"""Training of a network on an expression dataset: the task that :mod:`cisflow.training.loop` runs.

Inputs: a recipe, training and validation rows. Outputs: batches, losses and validation metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from cisflow.joblog import logger
from cisflow.models.encoding import ENCODINGS
from cisflow.models.expression_data import EncodedRows, measured, reverse_rows, rows_of, usable_rows
from cisflow.models.losses import LOSSES
from cisflow.models.metrics import agreement, heads_agreement
from cisflow.models.network import SequenceNetwork
from cisflow.models.target_scale import TargetScale
from cisflow.models.trainers import TRAINERS
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator


class ExpressionTask:
    """Network, batches, loss and validation of an expression model.

    Parameters
    ----------
    recipe : mapping
        Keys ``encoding``, ``network``, ``loss``, ``training`` (``batch_size``, ``epochs``, ``steps_per_epoch``,
        ``selection``, ``trainer``), ``reverse_complement``, ``standardise`` and ``heads``.
    table : DataFrame
        A dataset, see :func:`cisflow.models.expression_data.read_dataset`.
    seed : int
        Seeds the order of the rows.
    where : str
        File of the dataset for messages.

    Attributes
    ----------
    recipe : dict
        The recipe with the mean and standard deviation of the targets where ``standardise`` left them open.

    Notes
    -----
    An epoch has floor(n / batch) steps for n training sequences, so that the rows of both strands are seen once in two
    epochs by a trainer that takes them as separate rows; ``steps_per_epoch`` of the recipe replaces that number. Rows
    are drawn without replacement in passes over all rows; the last, partial batch of a pass is left out.
    """

    def __init__(self, recipe: Mapping[str, Any], table: pd.DataFrame, seed: int, where: str = "dataset"):
        training = recipe["training"]
        self.recipe, self.seed, self.heads = recipe, seed, tuple(recipe.get("heads", ()))
        self.encoding = ENCODINGS.make(recipe["encoding"])
        self.loss_function = LOSSES.make(recipe["loss"])
        self.trainer = TRAINERS.make(
            training.get("trainer", {"name": "plain"}), self.encoding, self.loss_function, seed
        )
        self.trainer.check(recipe)
        self.train_rows = self._rows(table, "train", where)
        self.validation_rows = self._rows(table, "validation", where)
        self.scale = TargetScale.of(recipe, self.train_rows.expression, where)
        self.recipe = self.scale.record(recipe)
        self.batch_size = min(int(training["batch_size"]), len(self.train_rows))
        self.validation_batch_size = int(training.get("validation_batch_size", 4096))
        self.steps_per_epoch = int(
            training.get("steps_per_epoch", max(1, len(self.train_rows.codes) // self.batch_size))
        )
        self.selection = training.get("selection", "pearson")
        self.selection_label = {"pearson": "val r", "mse": "val -mse"}[self.selection]
        self.n_steps = int(training["epochs"]) * self.steps_per_epoch
        self._pass, self._order = -1, np.empty(0, dtype=np.int64)

    def _rows(self, table: pd.DataFrame, split: str, where: str) -> EncodedRows:
        rows, places = rows_of(table, split, where), np.flatnonzero(table["split"] == split)
        taken = usable_rows(self.encoding, rows["sequence"])
        if not taken.all():
            logger.info("%s: %d of %d rows are not for this encoding: left out", split, (~taken).sum(), len(rows))
            rows = rows_of(rows[taken], split, where)
        expression = measured(rows, self.recipe.get("heads"), where)
        self.loss_function.check(expression, where)
        return EncodedRows(
            self.encoding.codes(rows["sequence"], where),
            expression,
            rows["is_singleton"].to_numpy(bool),
            reverse_rows(rows),
            self.trainer.strands_as_rows and bool(self.recipe.get("reverse_complement", True)),
            places[taken],
        )

    def build_network(self) -> SequenceNetwork:
        """Return a fresh network whose output fits the loss.

        Raises
        ------
        InputError
            When blocks and loss of the recipe do not fit together.
        """
        network = SequenceNetwork(self.recipe["network"], self.encoding.n_channels, self.encoding.length)
        targets = self._targets(self.train_rows.expression[:1])
        bins = None if targets.ndim == 1 or self.heads else targets.shape[1]
        if hasattr(network.first, "fit"):
            network.first.fit(self.train_rows.codes, self.seed)
        network.eval()
        with torch.no_grad():
            output = network(torch.zeros(1, self.encoding.n_channels, self.encoding.length))
        given = None if output.bin_logits is None else output.bin_logits.shape[1]
        if bins is not None and bins != given:
            said = "no bins" if given is None else f"{given} bins"
            raise InputError(
                Problem("recipe", f"the loss has {bins} bins, the final block has {said}", column="network.final")
            )
        found = 1 if output.heads is None else output.heads.shape[1]
        if found != max(1, len(self.heads)):
            raise InputError(
                Problem("recipe", f"{len(self.heads)} columns, the final block has {found} heads", column="heads")
            )
        return network

    def _targets(self, expression: np.ndarray) -> torch.Tensor:
        return self.loss_function.targets(self.scale.targets(expression))

    def _drawn(self, step: int) -> np.ndarray:
        """Rows of :attr:`train_rows` that make up the batch of a step."""
        per_pass = len(self.train_rows) // self.batch_size
        number, position = divmod(step, per_pass)
        if number != self._pass:
            self._order = generator(self.seed, "pass", number).permutation(len(self.train_rows))
            self._pass = number
        return self._order[position * self.batch_size : (position + 1) * self.batch_size]

    def rows(self, step: int) -> np.ndarray:
        """Rows of the dataset (0-based, int64) that the batch of a step was made from, on either strand."""
        return self.train_rows.places[self._drawn(step) % len(self.train_rows.codes)]

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        """Return codes, flags and targets of a step."""
        rows = self.train_rows.take(self._drawn(step))
        return self.trainer.batch(rows, self._targets(rows["expression"]), step)

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean loss of a batch."""
        return self.trainer.loss(network, batch)

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Agreement over all validation rows: strands are separate rows, singleton flags are the true ones.

        With several heads each metric is their mean, and each head's own stands beside it.
        """
        device = next(network.parameters()).device
        predictions, expression = [], []
        for first in range(0, len(self.validation_rows), self.validation_batch_size):
            last = min(first + self.validation_batch_size, len(self.validation_rows))
            rows = self.validation_rows.take(np.arange(first, last))
            given = (torch.from_numpy(rows[name]).to(device) for name in ("codes", "is_reverse", "is_singleton"))
            output = network(self.encoding.tensor(*given))
            predictions.append((output.heads if self.heads else output.expression).double().cpu().numpy())
            expression.append(rows["expression"])
        found, wanted = self.scale.expression(np.concatenate(predictions)), np.concatenate(expression)
        if self.heads:
            metrics = heads_agreement(found, wanted, self.heads)
        else:
            metrics = agreement(found, wanted)
        return metrics if self.selection == "pearson" else {**metrics, "selection": -metrics["mse"]}

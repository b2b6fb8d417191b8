"""Training of a network on a contact map: the task that :mod:`cisflow.training.loop` runs.

Inputs: checked settings of a recipe, a reader of windows, training and validation chromosomes.
Outputs: batches, losses and validation metrics.
Source: first stage of Orca's training (Zhou 2022, Nature Genetics 54:725-734).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import torch
from torch.nn import functional

from cisflow.contacts.agreement import score_windows
from cisflow.contacts.intervals import Intervals
from cisflow.contacts.reader import WindowData, WindowReader
from cisflow.contacts.windows import WindowSampler
from cisflow.models.contact_batches import Row, masked_squared_error, measured_per_row
from cisflow.models.contact_networks import one_hot
from cisflow.models.contact_settings import ContactSettings
from cisflow.models.map_task import MapTask, Start
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator
from cisflow.training.processes import Processes


def split_output(output: torch.Tensor | tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Contacts (batch, bins, bins) and, if the network has them, profiles (batch, tracks, bins) of an output."""
    contacts, profiles = output if isinstance(output, tuple) else (output, None)
    return contacts.squeeze(1), profiles


class ContactsTask(MapTask):
    """Network, batches, loss and validation of a contact model.

    Parameters
    ----------
    settings : ContactSettings
    reader : WindowReader
        Windows of the recipe's shape, with the profile tracks to learn.
    train_lengths, validation_lengths : mapping of str to int
        Lengths (bp) of the chromosomes for training and for validation.
    seed : int
        Seeds the training windows.
    validation_seed : int
        Seeds the validation windows; the same for all models and replicates of a map.
    excluded : Intervals, optional
        Windows do not touch them.
    start : callable, optional
        Gives a fresh network its start values.

    Raises
    ------
    InputError
        When chromosomes are too short, or no validation window has enough data.
    """

    def __init__(
        self,
        settings: ContactSettings,
        reader: WindowReader,
        train_lengths: Mapping[str, int],
        validation_lengths: Mapping[str, int],
        seed: int,
        validation_seed: int,
        excluded: Intervals | None = None,
        start: Start | None = None,
    ):
        super().__init__(settings, reader, train_lengths, seed, validation_seed, start)
        window, resolution = settings.window, reader.contact_map.resolution
        self.sampler = WindowSampler(train_lengths, window.length, resolution, window.shift, excluded)
        self.validation_sampler = WindowSampler(validation_lengths, window.length, resolution, window.shift, excluded)
        self.profiles, self.levels = tuple(reader.peaks.names), (window.length,)

    def read_row(self, step: int, row: int) -> Row:
        """Draw and read a window of a batch: ``codes``, ``targets`` and ``labels``, see :class:`WindowData`."""
        rng = generator(self.seed, "windows", step, row)
        data = self.reader.draw(self.sampler, rng, self.settings.window.max_missing)
        return {"codes": data.codes, "targets": data.target, "labels": data.labels}

    def complete(self, batch: dict[str, torch.Tensor], processes: Processes) -> dict[str, torch.Tensor]:
        """Add the number of measured entries of the whole batch."""
        return batch | {"measured_per_row": measured_per_row(batch["targets"], self.batch_size, processes)}

    def compared(
        self, network: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """See :meth:`cisflow.models.map_task.MapTask.compared`."""
        return [(split_output(network(one_hot(batch["codes"])))[0], batch["targets"])]

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the masked squared error of the contacts plus the weighted cross-entropy of the profiles."""
        contacts, profiles = split_output(network(one_hot(batch["codes"])))
        per_row = batch["measured_per_row"][0] if "measured_per_row" in batch else None
        loss = masked_squared_error(contacts, batch["targets"], per_row)
        if profiles is not None:
            entropy = functional.binary_cross_entropy(profiles, batch["labels"])
            loss = loss + self.settings.training.profile_weight * entropy
        return loss

    @cached_property
    def validation_data(self) -> list[WindowData]:
        """Validation windows with enough data, read once."""
        rng = generator(self.validation_seed, "validation windows")
        drawn = (self.reader.draw(self.validation_sampler, rng) for _ in range(self.settings.validation.windows))
        kept = [data for data in drawn if data.missing < self.settings.validation.max_missing]
        if not kept:
            raise InputError(
                Problem(
                    "recipe",
                    f"none of {self.settings.validation.windows} windows on the validation chromosomes has less than "
                    f"{self.settings.validation.max_missing:.0%} missing entries",
                    column="validation.max_missing",
                )
            )
        return kept

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Means over the validation windows; ``selection`` is the mean Pearson correlation per window."""
        device = next(iter(network.state_dict().values())).device
        data, predicted = self.validation_data, []
        for first in range(0, len(data), self.batch_size):
            codes = torch.from_numpy(np.stack([d.codes for d in data[first : first + self.batch_size]]))
            predicted.append(split_output(network(one_hot(codes.to(device))))[0].float().cpu().numpy())
        scores = score_windows(np.concatenate(predicted), np.stack([d.target for d in data]))
        means = scores.drop(columns="n").mean()
        return {"selection": means["pearson"], **means}

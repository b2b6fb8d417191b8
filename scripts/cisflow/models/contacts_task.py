"""Training of a network on a contact map: the task that :mod:`cisflow.training.loop` runs.

Inputs: checked settings of a recipe, a reader of windows, training and validation chromosomes.
Outputs: batches, losses and validation metrics.
Source: first stage of Orca's training (Zhou 2022, Nature Genetics 54:725-734).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import numpy as np
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from cisflow.contacts.agreement import score_windows
from cisflow.contacts.reader import WindowData, WindowReader
from cisflow.contacts.windows import WindowSampler
from cisflow.models.contact_networks import build_network, one_hot
from cisflow.models.contact_settings import ContactSettings
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator


def masked_squared_error(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error over the entries whose target is not missing, pooled over the batch; 0 when all are missing.

    Parameters
    ----------
    predicted, target : Tensor, the same shape
        NaN in ``target`` where nothing was measured; such entries have no gradient.
    """
    measured = torch.isfinite(target)
    # The missing targets are replaced before the subtraction: a NaN times a zero gradient would still be NaN.
    difference = torch.where(measured, predicted - torch.where(measured, target, 0.0), 0.0)
    return difference.square().sum() / measured.sum().clamp(min=1)


def split_output(output: torch.Tensor | tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Contacts (batch, bins, bins) and, if the network has them, profiles (batch, tracks, bins) of an output."""
    contacts, profiles = output if isinstance(output, tuple) else (output, None)
    return contacts.squeeze(1), profiles


class _Steps(Dataset):
    """Batches by the number of their step."""

    def __init__(self, read_batch: Callable[[int], dict[str, torch.Tensor]]):
        self.read_batch = read_batch

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        return self.read_batch(step)


class ContactsTask:
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

    Raises
    ------
    InputError
        When chromosomes are too short, or no validation window has enough data.
    """

    selection_label = "val r"

    def __init__(
        self,
        settings: ContactSettings,
        reader: WindowReader,
        train_lengths: Mapping[str, int],
        validation_lengths: Mapping[str, int],
        seed: int,
        validation_seed: int,
    ):
        window, training = settings.window, settings.training
        self.settings, self.reader, self.seed, self.validation_seed = settings, reader, seed, validation_seed
        resolution = reader.contact_map.resolution
        self.sampler = WindowSampler(train_lengths, window.length, resolution, window.shift)
        self.validation_sampler = WindowSampler(validation_lengths, window.length, resolution, window.shift)
        self.batch_size = training.batch_size if training else 1
        self.n_steps = training.steps if training else 0
        self.steps_per_epoch = training.steps_per_validation if training else 1
        self._loader: Iterator[dict[str, torch.Tensor]] | None = None
        self._next_step = -1

    def build_network(self) -> torch.nn.Module:
        """Return a fresh network with as many profiles as there are tracks to learn."""
        return build_network(self.settings, len(self.reader.peaks))

    def read_batch(self, step: int) -> dict[str, torch.Tensor]:
        """Draw and read the windows of a step: ``codes``, ``targets`` and ``labels``, see :class:`WindowData`."""
        rng = generator(self.seed, "windows", step)
        max_missing = self.settings.window.max_missing
        return _stack([self.reader.draw(self.sampler, rng, max_missing) for _ in range(self.batch_size)])

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        """Return the batch of a step, read ahead by other processes when the recipe asks for it."""
        loaders = self.settings.training.loaders
        if not loaders:
            return self.read_batch(step)
        if self._loader is None or step != self._next_step:
            # Started once per training (again after a jump): the workers copy the reader, which holds no open files.
            self._loader = iter(
                DataLoader(
                    _Steps(self.read_batch),
                    batch_size=None,
                    sampler=range(step, self.n_steps),
                    num_workers=loaders,
                    multiprocessing_context="fork",
                )
            )
        self._next_step = step + 1
        return next(self._loader)

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the masked squared error of the contacts plus the weighted cross-entropy of the profiles."""
        contacts, profiles = split_output(network(one_hot(batch["codes"])))
        loss = masked_squared_error(contacts, batch["targets"])
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


def _stack(data: list[WindowData]) -> dict[str, torch.Tensor]:
    return {
        "codes": torch.from_numpy(np.stack([d.codes for d in data])),
        "targets": torch.from_numpy(np.stack([d.target for d in data])),
        "labels": torch.from_numpy(np.stack([d.labels for d in data])),
    }

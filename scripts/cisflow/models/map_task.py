"""What the tasks of contact models share: length of the training, batches, a fresh network.

Inputs: checked settings of a recipe, a reader of windows. Outputs: the part of a task
(:class:`cisflow.training.loop.Task`) that does not depend on the number of levels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import torch

from cisflow.contacts.ladder import LadderReader
from cisflow.contacts.reader import WindowReader
from cisflow.models.contact_batches import Batches, Row
from cisflow.models.contact_networks import build_network
from cisflow.models.contact_settings import ContactSettings

Start = Callable[[torch.nn.Module], None]


class MapTask(ABC):
    """Training of a network on a contact map.

    Parameters
    ----------
    settings : ContactSettings
    reader : WindowReader or LadderReader
    train_lengths : mapping of str to int
        Lengths (bp) of the chromosomes for training.
    seed, validation_seed : int
        Seeds of the training inputs, and of the validation inputs (the same for all replicates of a map).
    start : callable, optional
        Gives a fresh network its start values.
    ahead : int
        Batches that each loader has waiting.
    """

    selection_label = "val r"
    profiles: tuple[str, ...] = ()  # names of the tracks that are learnt
    levels: tuple[int, ...] = ()  # bp that each predicted map covers, coarse to fine

    def __init__(
        self,
        settings: ContactSettings,
        reader: WindowReader | LadderReader,
        train_lengths: Mapping[str, int],
        seed: int,
        validation_seed: int,
        start: Start | None = None,
        ahead: int = 2,
    ):
        training = settings.training
        self.settings, self.reader, self.seed, self.validation_seed = settings, reader, seed, validation_seed
        self.start, self.train_lengths = start, dict(train_lengths)
        self.batch_size = training.batch_size if training else 1
        self.n_steps = training.steps if training else 0
        self.steps_per_epoch = training.steps_per_validation if training else 1
        self.loaders = training.loaders if training else 0
        self.batches = Batches(self.read_row, self.batch_size, self.n_steps, self.loaders, ahead)
        self.take_rows, self.batch, self.read_batch = self.batches.take_rows, self.batches.batch, self.batches.read

    @abstractmethod
    def read_row(self, step: int, row: int) -> Row:
        """Draw and read a row of a batch: a function of seed, step and place alone."""

    @abstractmethod
    def compared(
        self, network: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Predicted maps and targets of a batch, [rows, bins, bins] each, by level; NaN where nothing was measured."""

    def build_network(self) -> torch.nn.Module:
        """Return a network with its start values, and as many profiles as there are tracks to learn."""
        network = build_network(self.settings, len(self.profiles))
        if self.start is not None:
            self.start(network)
        return network

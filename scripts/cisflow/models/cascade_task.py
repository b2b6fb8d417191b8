"""Training of a cascade on a contact map: the task that :mod:`cisflow.training.loop` runs.

Inputs: checked settings of a recipe with several levels, a reader of their contacts, training and validation
chromosomes. Outputs: batches, losses and validation metrics.
Source: second and third stage of Orca's training (Zhou 2022, Nature Genetics 54:725-734).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from cisflow.contacts.agreement import METRICS, score_windows
from cisflow.contacts.assembly import AssemblySampler
from cisflow.contacts.intervals import Intervals
from cisflow.contacts.ladder import LadderData, LadderReader
from cisflow.contacts.windows import Segment, WindowSampler, centre_zoom, draw_zoom
from cisflow.models.contact_batches import Row, masked_squared_error, measured_per_row, read_ahead
from cisflow.models.contact_settings import ContactSettings
from cisflow.models.map_task import MapTask, Start
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.randomness import generator
from cisflow.training.processes import Processes

# Maps of a level with this share of missing entries or more do not count in validation.
MAX_MISSING_IN_LEVEL = 0.7

DrawSegments = Callable[[np.random.Generator], Sequence[Segment]]


@dataclass(frozen=True)
class ValidationInput:
    """An input of the validation chromosomes; its bases are read when they are needed.

    Attributes
    ----------
    segments : tuple of Segment
    offsets : int64 array, (levels,)
    target : float32 array, (levels, bins, bins)
    log_background : float32 array, (levels, bins, bins), or None
        None when it is the same for all inputs.
    trans : bool array, (levels, bins, bins)
        Entries between chromosomes.
    """

    segments: tuple[Segment, ...]
    offsets: np.ndarray
    target: np.ndarray
    log_background: np.ndarray | None
    trans: np.ndarray


def segment_drawer(
    settings: ContactSettings, lengths: Mapping[str, int], resolution: int, shift: int, excluded: Intervals | None
) -> DrawSegments:
    """Function that draws the segments of an input: one window, or an assembly of several chromosomes.

    Intervals to leave out are for windows; an assembly takes whole chromosomes, which could not do without them.
    """
    window = settings.window
    if settings.assembly is not None:
        return AssemblySampler(lengths, window.length, resolution, shift, settings.assembly.rule).draw
    sampler = WindowSampler(lengths, window.length, resolution, shift, excluded)
    return lambda rng: [sampler.draw(rng).segment(window.length)]


class CascadeTask(MapTask):
    """Network, batches, loss and validation of a model of several levels.

    Parameters
    ----------
    settings : ContactSettings
    reader : LadderReader
    train_lengths, validation_lengths : mapping of str to int
        Lengths (bp) of the chromosomes for training and for validation.
    seed, validation_seed : int
        Seeds of the training inputs, and of the validation inputs (the same for all replicates).
    excluded : Intervals, optional
        Windows do not touch them.
    start : callable, optional
        Gives a fresh network its start values.

    Raises
    ------
    InputError
        When chromosomes are too short.
    """

    def __init__(
        self,
        settings: ContactSettings,
        reader: LadderReader,
        train_lengths: Mapping[str, int],
        validation_lengths: Mapping[str, int],
        seed: int,
        validation_seed: int,
        excluded: Intervals | None = None,
        start: Start | None = None,
    ):
        super().__init__(settings, reader, train_lengths, seed, validation_seed, start, ahead=1)
        self.ladder, self.levels = reader.ladder, reader.ladder.levels
        resolution = reader.contact_map.resolution
        self._draw = segment_drawer(settings, train_lengths, resolution, settings.window.shift, excluded)
        self._draw_validation = segment_drawer(settings, validation_lengths, resolution, 0, excluded)
        self.output = settings.network.get("output", 0)

    def read_input(self, step: int, row: int) -> LadderData:
        """Draw the input of a row of a batch, and a random zoom, and read its contacts."""
        rng = generator(self.seed, "inputs", step, row)
        segments = self.reader.draw(self._draw, rng, self.settings.window.max_missing)
        return self.reader.read(segments, draw_zoom(rng, self.ladder))

    def read_row(self, step: int, row: int) -> Row:
        """Draw and read an input of a batch.

        Returns
        -------
        dict
            ``codes`` uint8 (length,), ``offsets`` int64 (levels,), ``observed`` float32 (levels, bins, bins) and, for
            assemblies, ``expected`` of the same shape; levels from coarse to fine.
        """
        data = self.read_input(step, row)
        found = {"codes": self.reader.codes(data.segments), "offsets": data.offsets, "observed": data.observed}
        return found | ({"expected": data.expected.astype(np.float32)} if self.reader.assembled else {})

    def complete(self, batch: dict[str, torch.Tensor], processes: Processes) -> dict[str, torch.Tensor]:
        """Add what depends on the whole batch: the epsilon of assemblies, and the number of measured entries."""
        rows = len(batch["codes"])
        if self.reader.assembled:
            least = processes.least(batch["expected"].amin(dim=(0, 2, 3)))
            batch = batch | {"epsilon": least.expand(rows, -1).contiguous()}
        return batch | {"measured_per_row": measured_per_row(batch["observed"], self.batch_size, processes)}

    def expected_of(self, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Expected contacts [rows or 1, levels, bins, bins] and epsilon [rows or 1, levels] of a batch."""
        if self.reader.assembled:
            expected = batch["expected"]
            epsilon = batch["epsilon"] if "epsilon" in batch else expected.amin(dim=(0, 2, 3))[None]
            return expected, epsilon
        expected = torch.from_numpy(self.reader.expected.astype(np.float32))[None].to(batch["codes"].device)
        return expected, expected.amin(dim=(2, 3))

    def compared(
        self, network: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """See :meth:`cisflow.models.map_task.MapTask.compared`."""
        target, inputs = self._target_and_inputs(batch)
        return [(contacts[:, self.output], target[:, k]) for k, contacts in enumerate(network(*inputs))]

    def _target_and_inputs(self, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, tuple]:
        """Targets [rows, levels, bins, bins] of a batch, and what the network is called with."""
        expected, epsilon = self.expected_of(batch)
        epsilon = epsilon[:, :, None, None]
        target = torch.log((batch["observed"] + epsilon) / (expected + epsilon))
        return target, (batch["codes"], batch["offsets"].cpu().numpy(), _by_level(torch.log(expected)))

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the sum over levels of the squared errors, see ``training.loss_over``."""
        loss = batch["observed"].new_zeros(())
        for k, (predicted, target) in enumerate(self.compared(network, batch)):
            loss = loss + masked_squared_error(predicted, target, self._entries(batch, k))
        return loss

    def backward(
        self,
        network: torch.nn.Module,
        batch: dict[str, torch.Tensor],
        scaled: Callable[[torch.Tensor], torch.Tensor],
    ) -> torch.Tensor:
        """Gradients of :meth:`loss`, level by level: the activations of one decoder at a time are held.

        Parameters
        ----------
        network, batch
            As for :meth:`loss`.
        scaled : callable
            Turns a loss into what the backward pass starts from.

        Returns
        -------
        Tensor
            The loss, without a gradient.
        """
        target, inputs = self._target_and_inputs(batch)
        losses = []

        def learn(level: int, contacts: torch.Tensor) -> None:
            with torch.autocast(contacts.device.type, enabled=False):
                predicted = contacts.float()[:, self.output]
                loss = masked_squared_error(predicted, target[:, level], self._entries(batch, level))
                scaled(loss).backward()
            losses.append(loss.detach())

        network(*inputs, learn)
        return torch.stack(losses).sum()

    def _entries(self, batch: Mapping[str, torch.Tensor], level: int) -> torch.Tensor | None:
        """Entries per row that the squared error of a level is divided by."""
        if self.settings.training.loss_over == "all":
            return torch.tensor(float(self.ladder.bins**2), device=batch["codes"].device)
        return batch["measured_per_row"][0, level] if "measured_per_row" in batch else None

    def _read_validation(self, number: int) -> ValidationInput:
        validation = self.settings.validation
        rng = generator(self.validation_seed, "validation inputs", number)
        segments = self.reader.draw(self._draw_validation, rng, validation.max_missing)
        data = self.reader.read(segments, centre_zoom(self.ladder, validation.zoom or None))
        log_background = np.log(data.expected).astype(np.float32) if self.reader.assembled else None
        return ValidationInput(segments, data.offsets, data.target, log_background, data.trans)

    @cached_property
    def validation_data(self) -> list[ValidationInput]:
        """Validation inputs, drawn and read once; zoomed to the centre.

        Raises
        ------
        InputError
            When no input has enough data.
        """
        items = range(self.settings.validation.windows)
        progress = Progress("read validation inputs", len(items), "inputs")
        found = []
        for one in read_ahead(self._read_validation, items, self.loaders, ahead=1):
            found.append(one)
            progress.advance()
        if not any(np.isfinite(one.target).any() for one in found):
            raise InputError(
                Problem("recipe", "no validation input has a measured entry", column="validation.max_missing")
            )
        return found

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Means over the validation inputs, then over levels; ``selection`` is that of the Pearson correlations.

        Returns
        -------
        dict
            ``selection``, the metrics of :func:`~cisflow.contacts.agreement.score_windows` as means over the levels,
            and ``pearson_<bp>`` of every level.
        """
        device = next(iter(network.state_dict().values())).device
        data, predicted = self.validation_data, []
        for first in range(0, len(data), self.batch_size):
            part = data[first : first + self.batch_size]
            codes = torch.from_numpy(np.stack([self.reader.codes(one.segments) for one in part])).to(device)
            offsets = np.stack([one.offsets for one in part])
            if self.reader.assembled:
                background = torch.from_numpy(np.stack([one.log_background for one in part]))
            else:
                background = torch.from_numpy(np.log(self.reader.expected).astype(np.float32))[None]
            maps = network(codes, offsets, _by_level(background.to(device)))
            predicted.append(torch.stack([contacts[:, self.output] for contacts in maps], dim=1).float().cpu().numpy())
        target = np.stack([one.target for one in data])
        return level_scores(np.concatenate(predicted), target, self.ladder.levels)


def _by_level(values: torch.Tensor) -> list[torch.Tensor]:
    """[rows, levels, bins, bins] as a list of [rows, 1, bins, bins]."""
    return [values[:, k : k + 1] for k in range(values.shape[1])]


def level_scores(predicted: np.ndarray, target: np.ndarray, levels: Sequence[int]) -> dict[str, float]:
    """Scores of validation inputs, see :meth:`CascadeTask.validate`.

    Parameters
    ----------
    predicted, target : float array, (inputs, levels, bins, bins)
        NaN in ``target`` where nothing was measured.
    levels : sequence of int
        bp.
    """
    means = {}
    for k, level in enumerate(levels):
        enough = np.isnan(target[:, k]).mean(axis=(1, 2)) < MAX_MISSING_IN_LEVEL
        if enough.any():
            means[level] = score_windows(predicted[enough, k], target[enough, k])[list(METRICS)].mean()
    table = pd.DataFrame(means, index=list(METRICS), columns=list(levels))
    found = {metric: float(value) for metric, value in table.mean(axis=1).items()}
    by_level = {f"pearson_{level}": float(value) for level, value in table.loc["pearson"].items()}
    return {"selection": found["pearson"], **found, **by_level}

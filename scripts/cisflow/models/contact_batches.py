"""Batches of windows, row by row, read ahead by other processes.

Purpose: what the tasks of contact models share: every row of a batch is a function of the seed, the step and its place
in the batch, whoever reads it. Inputs: a function that reads one row. Outputs: batches of tensors.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from cisflow.training.processes import Processes

Row = dict[str, np.ndarray]


def masked_squared_error(
    predicted: torch.Tensor, target: torch.Tensor, entries_per_row: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean squared error over the entries whose target is not missing, pooled over the batch; 0 when all are missing.

    Parameters
    ----------
    predicted, target : Tensor, the same shape; rows first
        NaN in ``target`` where nothing was measured; such entries have no gradient.
    entries_per_row : Tensor, optional
        What the sum is divided by, per row: the mean over the rows of the whole batch, of which these may be a part.
        By default the measured entries of these rows.
    """
    measured = torch.isfinite(target)
    # The missing targets are replaced before the subtraction: a NaN times a zero gradient would still be NaN.
    difference = torch.where(measured, predicted - torch.where(measured, target, 0.0), 0.0)
    entries = measured.sum() if entries_per_row is None else len(target) * entries_per_row
    return difference.square().sum() / entries.clamp(min=1)


def measured_per_row(targets: torch.Tensor, batch_size: int, processes: Processes) -> torch.Tensor:
    """Measured entries per row of the whole batch, from the rows of this process.

    Parameters
    ----------
    targets : Tensor, [rows, ..., bins, bins]
        Of this process.
    batch_size : int
        Rows of the batch.
    processes : Processes

    Returns
    -------
    Tensor, [rows, ...]
        The same in every row, so that it can be split with them.
    """
    total = torch.isfinite(targets).sum(dim=(-2, -1)).sum(dim=0).float().to(processes.device)
    processes.add_up([total])
    return (total.cpu() / batch_size).expand(len(targets), *total.shape).contiguous()


class _Items(Dataset):
    """Results of a function by the number of their item."""

    def __init__(self, read: Callable[[int], Any]):
        self.read = read

    def __getitem__(self, item: int) -> Any:
        return self.read(item)


def _leave_stopping_to_the_training(loader: int) -> None:
    # Batch systems send SIGTERM to all processes of a job; the training still takes its last step and ends its loaders.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def read_ahead(read: Callable[[int], Any], items: Sequence[int], loaders: int, ahead: int = 2) -> Iterator[Any]:
    """Results of a function, in the order of ``items``.

    Parameters
    ----------
    read : callable
        Of one item.
    items : sequence of int
    loaders : int
        Processes that work ahead; 0 = this one, when asked.
    ahead : int
        Results that each process has waiting.
    """
    if not loaders:
        return (read(item) for item in items)
    # Forked processes see this one's memory; no object that is read from may hold an open file.
    return iter(
        DataLoader(
            _Items(read),
            batch_size=None,
            sampler=items,
            num_workers=loaders,
            prefetch_factor=ahead,
            multiprocessing_context="fork",
            worker_init_fn=_leave_stopping_to_the_training,
        )
    )


class Batches:
    """Batches by step.

    Parameters
    ----------
    read_row : callable
        Arrays of a row, by step and place in the batch.
    batch_size, n_steps : int
    loaders, ahead : int
        See :func:`read_ahead`; an item is a whole batch.
    """

    def __init__(
        self, read_row: Callable[[int, int], Row], batch_size: int, n_steps: int, loaders: int = 0, ahead: int = 2
    ):
        self.read_row, self.n_steps, self.loaders, self.ahead = read_row, n_steps, loaders, ahead
        self.rows = range(batch_size)
        self._coming: Iterator[dict[str, torch.Tensor]] | None = None
        self._next_step = -1

    def take_rows(self, first: int, last: int) -> None:
        """Read these rows of every batch alone."""
        self.rows = range(first, last)

    def read(self, step: int) -> dict[str, torch.Tensor]:
        """Read the batch of a step."""
        rows = [self.read_row(step, row) for row in self.rows]
        return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        """Return the batch of a step, read ahead where there are processes for it."""
        if not self.loaders:
            return self.read(step)
        if self._coming is None or step != self._next_step:  # once per training, and again after a jump
            self._coming = None  # ends the processes and threads of the old one: a fork beside live threads can hang
            self._coming = read_ahead(self.read, range(step, self.n_steps), self.loaders, self.ahead)
        self._next_step = step + 1
        return next(self._coming)

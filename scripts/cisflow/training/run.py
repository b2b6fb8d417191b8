"""One training in progress: what a step does and changes, and how that is saved and restored.

Inputs: a task, the recipe's ``training``, the processes that share the work. Outputs: a trained network step by step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cisflow.problems import InputError, Problem
from cisflow.randomness import seed_for
from cisflow.training.averaging import weight_average
from cisflow.training.optimisers import OPTIMISERS
from cisflow.training.options import LoopOptions
from cisflow.training.precision import training_network
from cisflow.training.processes import Processes
from cisflow.training.schedules import SCHEDULES
from cisflow.training.shared_batch_norm import share_batch_norms
from cisflow.training.state import StateFolder, random_state, restore_random_state

if TYPE_CHECKING:
    from cisflow.training.loop import Task

SHOWN_ROWS = 8


class DivergedError(RuntimeError):
    """Training left the finite numbers."""


def part_edges(rows: int, n_parts: int) -> np.ndarray:
    """First rows of parts that differ by one row at most, and the number of all rows."""
    return np.linspace(0, rows, n_parts + 1).round().astype(int)


def parts_of(
    batch: Mapping[str, torch.Tensor], accumulate: int, rank: int = 0, count: int = 1, all_rows: int | None = None
) -> Iterator[tuple[dict[str, torch.Tensor], float]]:
    """Split the rows of a batch over processes and, within each, into parts that differ by one row at most.

    Parameters
    ----------
    batch : mapping of str to Tensor
        Of all rows; or, with ``all_rows``, of those of this process alone.
    accumulate, rank, count : int
        Parts per process, number of this process, processes.
    all_rows : int, optional
        Rows of the whole batch, of which this process holds its own only.

    Yields
    ------
    dict of Tensor
        A part, with consecutive rows.
    float
        Its share of all rows; the weighted sum of the parts' mean losses is the mean loss of the batch.

    Raises
    ------
    InputError
        When the batch has fewer rows than parts, or its tensors differ in their number of rows.
    """
    n_parts = accumulate * count
    if n_parts == 1:
        yield dict(batch), 1.0
        return
    sizes = {name: len(tensor) if tensor.ndim else 0 for name, tensor in batch.items()}
    held = max(sizes.values())
    rows = held if all_rows is None else all_rows
    if min(sizes.values()) != held:
        found = f"the rows of a batch cannot be split, because its tensors have different numbers of them: {sizes}"
        raise InputError(Problem("recipe", found, column="training.accumulate"))
    if rows < n_parts:
        found = f"a batch of {rows} rows cannot be split into {n_parts} parts (accumulate x processes)"
        raise InputError(Problem("recipe", found, column="training.accumulate"))
    edges = part_edges(rows, n_parts)
    start = 0 if all_rows is None else edges[rank * accumulate]
    for first, last in zip(edges[rank * accumulate :][:accumulate], edges[rank * accumulate + 1 :], strict=False):
        part = slice(first - start, last - start)
        yield {name: tensor[part] for name, tensor in batch.items()}, float(last - first) / rows


class Run:
    """State of a training and the step that moves it on.

    Parameters
    ----------
    task : Task
        See :class:`cisflow.training.loop.Task`; torch's generator has been seeded.
    training : mapping
        The recipe's ``training``, checked.
    processes : Processes
    seed : int
        With several processes every step seeds dropout from it, the step and the process.
    """

    def __init__(self, task: Task, training: Mapping[str, Any], processes: Processes, seed: int):
        self.task, self.training, self.processes, self.seed = task, training, processes, seed
        self.options, self.device = LoopOptions.of(training), processes.device
        self.network = task.build_network().to(self.device)
        if processes.count > 1:
            self.network = share_batch_norms(self.network)
        self.called = training_network(self.network, self.options, self.device)
        self.average = weight_average(self.options.averaging, self.network, task.n_steps, task.steps_per_epoch)
        self._make_optimiser(task.n_steps)
        # A task whose rows are dear to read reads those of this process alone.
        self.all_rows: int | None = None
        if processes.count > 1 and hasattr(task, "take_rows"):
            self.all_rows, parts = task.batch_size, self.options.accumulate
            edges = part_edges(self.all_rows, parts * processes.count)
            task.take_rows(int(edges[processes.rank * parts]), int(edges[(processes.rank + 1) * parts]))
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.options.precision == "fp16")
        # A GPU computes while the next batch is drawn; on a CPU both would want the same cores.
        self.reads_ahead = self.device.type == "cuda"
        self.next_batch: dict[str, torch.Tensor] | None = None
        self.step, self.learning_rate = 0, 0.0
        self.loss_sum, self.loss_steps = 0.0, 0
        self.history: list[dict[str, float]] = []
        self.best_value, self.best_step = -math.inf, 0
        self.best_weights: dict[str, torch.Tensor] = {}

    def _make_optimiser(self, n_steps: int) -> None:
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        self.optimiser = OPTIMISERS.make(self.training["optimiser"], parameters)
        self.schedule = SCHEDULES.make(self.training["schedule"], self.optimiser, n_steps)

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, as tensors and plain values."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict() if self.average else {},
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": random_state(self.device),
            "loss_sum": self.loss_sum,
            "loss_steps": self.loss_steps,
            "history": self.history,
            "best_value": self.best_value,
            "best_step": self.best_step,
            "best_weights": self.best_weights,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same training."""
        self.network.load_state_dict(state["network"])
        if self.average:
            self.average.load_state_dict(state["average"])
            if self.average.restart_step is not None and state["step"] > self.average.restart_step:
                self._make_optimiser(self.task.n_steps - self.average.restart_step)
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        restore_random_state(state["random"])
        for name in ("step", "loss_sum", "loss_steps", "history", "best_value", "best_step", "best_weights"):
            setattr(self, name, state[name])

    def optimise(self, states: StateFolder) -> None:
        """Take one step: backward, clip, optimiser, schedule, average."""
        batch = self.next_batch or self.task.batch(self.step)
        if self.average and self.step == self.average.restart_step:
            self._make_optimiser(self.task.n_steps - self.step)
            self.best_value, self.best_step, self.best_weights = -math.inf, self.step, {}
        if hasattr(self.task, "complete"):
            batch = self.task.complete(batch, self.processes)
        self.network.train()
        self.learning_rate = self.optimiser.param_groups[0]["lr"]
        loss = self._backward(batch)
        ahead = self.reads_ahead and self.step + 1 < self.task.n_steps
        self.next_batch = self.task.batch(self.step + 1) if ahead else None
        value = float(loss)
        if not math.isfinite(value):
            raise DivergedError(self._failure(batch, value, states))
        self.scaler.unscale_(self.optimiser)
        if self.training.get("clip_gradient_norm"):
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.training["clip_gradient_norm"])
        if self.training.get("clip_gradient_value"):
            torch.nn.utils.clip_grad_value_(self.network.parameters(), self.training["clip_gradient_value"])
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()
        self.schedule.after_step()
        self.step += 1
        if self.average:
            self.average.after_step(self.network, self.step)
            if self.average.sees_batches:
                self._show(batch)
        self.loss_sum += value
        self.loss_steps += 1

    def _backward(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Gradients of the mean loss of the whole batch, all parts and processes; returns that loss."""
        if self.processes.count > 1:
            torch.manual_seed(seed_for(self.seed, "process", self.processes.rank, "step", self.step))
        total = 0.0
        for part, share in self._parts(batch):
            on_device = {name: tensor.to(self.device) for name, tensor in part.items()}
            total = total + share * self._part_backward(on_device, share)
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        self.processes.add_up([*gradients, total])
        return total

    def _part_backward(self, part: dict[str, torch.Tensor], share: float) -> torch.Tensor:
        """Add a part's share of the gradients; returns its loss."""
        # A compiled network is one graph from input to output.
        if hasattr(self.task, "backward") and not self.options.compile:
            return self.task.backward(self.called, part, lambda loss: self.scaler.scale(loss * share))
        loss = self.task.loss(self.called, part)
        self.scaler.scale(loss * share).backward()
        return loss.detach()

    def _parts(self, batch: Mapping[str, torch.Tensor]) -> Iterator[tuple[dict[str, torch.Tensor], float]]:
        return parts_of(batch, self.options.accumulate, self.processes.rank, self.processes.count, self.all_rows)

    @torch.no_grad()
    def _show(self, batch: Mapping[str, torch.Tensor]) -> None:
        """Pass the averaged network over a batch, so that its batch norms learn the statistics of its own weights."""
        network = self.average.network.train()
        called = training_network(network, replace(self.options, compile=False), self.device)
        for part, _ in self._parts(batch):
            self.task.loss(called, {name: tensor.to(self.device) for name, tensor in part.items()})

    def _failure(self, batch: Mapping[str, torch.Tensor], value: float, states: StateFolder) -> str:
        """Keep the batch of a step whose loss is not finite; what happened, where, on which rows."""
        kept = states.save_batch(batch, self.step) if self.processes.first else "the file of the first process"
        rows, text = getattr(self.task, "rows", None), ""
        if rows is not None:
            numbers = rows(self.step)
            shown = ", ".join(map(str, numbers[:SHOWN_ROWS])) + (", ..." if len(numbers) > SHOWN_ROWS else "")
            text = f" ({len(numbers)} rows of the data, 0-based: {shown})"
        return (
            f"the training loss of step {self.step} is {value}, expected a finite number; learning rate "
            f"{self.learning_rate:.3g}; the batch{text} is kept in {kept}"
        )

    def validate(self) -> None:
        """Add a row to the history and keep the network when it is the best so far."""
        network = self.average.network if self.average else self.network
        network.eval()
        metrics: dict[str, float] = {}
        if self.processes.first:
            with torch.no_grad():
                metrics = {name: float(value) for name, value in self.task.validate(network).items()}
        metrics = self.processes.from_first(metrics)
        self.history.append(
            {
                "step": self.step,
                "epoch": math.ceil(self.step / self.task.steps_per_epoch),
                "learning_rate": float(self.learning_rate),
                "training_loss": self.loss_sum / self.loss_steps,
                **metrics,
            }
        )
        self.loss_sum, self.loss_steps = 0.0, 0
        if metrics["selection"] > self.best_value:
            self.best_value, self.best_step = metrics["selection"], self.step
            if self.processes.first:
                self.best_weights = {name: t.detach().cpu().clone() for name, t in network.state_dict().items()}
        self.schedule.after_validation(metrics["selection"])

    def stalled(self) -> bool:
        """Whether ``patience`` epochs went by without a better network; a resumed run comes to the same answer."""
        patience = self.training.get("patience")
        return bool(patience and self.history) and self.step - self.best_step >= patience * self.task.steps_per_epoch

    def note(self) -> str:
        """What a progress line says beyond the number of steps."""
        if not self.history:
            return f"loss {self.loss_sum / max(self.loss_steps, 1):.3f}"
        label = getattr(self.task, "selection_label", "selection")
        last = self.history[-1]
        return f"epoch {last['epoch']} {label} {last['selection']:.3f} (best {self.best_value:.3f})"

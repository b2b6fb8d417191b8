"""The training loop of both arms.

Inputs: a task (what to train on what), a recipe (optimiser, schedule), a seed. Outputs: a bundle with the best network
and the course of the training. A job that was killed continues from its last saved state bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import torch

from cisflow import provenance
from cisflow.joblog import logger
from cisflow.progress import Progress
from cisflow.training.bundle import write_bundle
from cisflow.training.numerics import reproducible_numerics
from cisflow.training.optimisers import OPTIMISERS
from cisflow.training.schedules import SCHEDULES
from cisflow.training.state import StateFolder, random_state, restore_random_state, state_key

PACKAGES = ("torch", "numpy", "pandas", "safetensors")


class Task(Protocol):
    """What the loop needs to know of a model and its data.

    Attributes
    ----------
    n_steps : int
        Optimiser steps of the whole training.
    steps_per_epoch : int
        Steps between two validations (one more follows the last step).
    selection_label : str
        Name of the selection metric in progress lines, e.g. ``"val r"``.
    """

    n_steps: int
    steps_per_epoch: int
    selection_label: str

    def build_network(self) -> torch.nn.Module:
        """Return a fresh network; torch's generator has been seeded."""

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        """Return the batch of a 0-based step, on the CPU: a pure function of the step and the seed."""

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the scalar to minimise; the batch is on the network's device and the network in training mode."""

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Return metrics of a network in evaluation mode; the network with the highest ``selection`` is kept."""


class DivergedError(RuntimeError):
    """Training left the finite numbers."""


class _Run:
    """One training in progress: what a step changes, and how that is saved and restored."""

    def __init__(self, task: Task, training: Mapping[str, Any], device: torch.device):
        self.task, self.training, self.device = task, training, device
        self.network = task.build_network().to(device)
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        self.optimiser = OPTIMISERS.make(training["optimiser"], parameters)
        self.schedule = SCHEDULES.make(training["schedule"], self.optimiser, task.n_steps)
        self.step, self.learning_rate = 0, 0.0
        self.loss_sum, self.loss_steps = 0.0, 0
        self.history: list[dict[str, float]] = []
        self.best_value, self.best_step = -math.inf, 0
        self.best_weights: dict[str, torch.Tensor] = {}

    def state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": random_state(self.device),
            "loss_sum": self.loss_sum,
            "loss_steps": self.loss_steps,
            "history": self.history,
            "best_value": self.best_value,
            "best_step": self.best_step,
            "best_weights": self.best_weights,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        restore_random_state(state["random"])
        for name in ("step", "loss_sum", "loss_steps", "history", "best_value", "best_step", "best_weights"):
            setattr(self, name, state[name])

    def optimise(self, states: StateFolder) -> None:
        """Take one step: backward, clip, optimiser, schedule."""
        batch = {name: tensor.to(self.device) for name, tensor in self.task.batch(self.step).items()}
        self.network.train()
        self.learning_rate = self.optimiser.param_groups[0]["lr"]
        loss = self.task.loss(self.network, batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            kept = states.save_batch(batch, self.step)
            raise DivergedError(
                f"the training loss of step {self.step} is {value}, expected a finite number; learning rate "
                f"{self.learning_rate:.3g}; the batch is kept in {kept}"
            )
        loss.backward()
        if self.training.get("clip_gradient_norm"):
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.training["clip_gradient_norm"])
        if self.training.get("clip_gradient_value"):
            torch.nn.utils.clip_grad_value_(self.network.parameters(), self.training["clip_gradient_value"])
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.schedule.after_step()
        self.step += 1
        self.loss_sum += value
        self.loss_steps += 1

    def validate(self) -> None:
        """Add a row to the history and keep the network when it is the best so far."""
        self.network.eval()
        with torch.no_grad():
            metrics = {name: float(value) for name, value in self.task.validate(self.network).items()}
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
            self.best_weights = {name: t.detach().cpu().clone() for name, t in self.network.state_dict().items()}
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


def train(
    task: Task,
    recipe: Mapping[str, Any],
    seed: int,
    *,
    label: str,
    bundle: str | Path,
    state_dir: str | Path,
    inputs: Mapping[str, str | Path],
    settings: Mapping[str, Any],
    code: str,
    device: torch.device,
    threads: int,
    save_every_seconds: float,
) -> pd.DataFrame:
    """Train a network and write its bundle.

    Parameters
    ----------
    task : Task
        Network, batches, loss and validation.
    recipe : mapping
        Key ``training`` holds ``optimiser`` and ``schedule`` (each with ``name`` and options) and, where wanted,
        ``clip_gradient_norm``, ``clip_gradient_value``, ``patience`` (epochs without a better network that end the
        training) and ``tf32`` (GPUs only). The whole recipe goes into the bundle.
    seed : int
        Seeds torch before the network is built: initial weights, dropout.
    label : str
        Name in progress lines, e.g. ``"dream_cnn seed 1"``.
    bundle : path
        Folder that gets the four files of the bundle.
    state_dir : path
        Folder for the state of the unfinished training; emptied when the bundle is complete.
    inputs : mapping of str to path
        Data files; their SHA-256 goes into the manifest and decides whether a saved state still holds.
    settings : mapping
        Settings of the job for the manifest.
    code : str
        Digest of the code, see :func:`cisflow.provenance.code_hash`; a state of other code is not continued.
    device : torch.device
    threads : int
        Torch threads; they are part of the result.
    save_every_seconds : float
        Least time between two saved states; a validation is always followed by one.

    Returns
    -------
    DataFrame
        History: ``step``, ``epoch``, ``learning_rate`` (of that step), ``training_loss`` (mean since the last row) and
        the metrics of :meth:`Task.validate`.

    Raises
    ------
    DivergedError
        When the training loss is not finite (the batch is kept), or no validation gave a finite selection metric.
    InputError
        When the recipe names an unknown optimiser or schedule.
    """
    manifest = provenance.manifest(dict(inputs), dict(settings), PACKAGES)
    manifest |= {"code": code, "device": device.type, "threads": threads}
    made_of = {name: manifest[name] for name in ("inputs", "code", "device", "threads", "versions")}
    states = StateFolder(state_dir, state_key({**made_of, "recipe": dict(recipe), "seed": seed}))
    with reproducible_numerics(threads, recipe["training"].get("tf32", False)):
        torch.manual_seed(seed)
        run = _Run(task, recipe["training"], device)
        saved = states.load()
        if saved is not None:
            run.restore(saved)
            logger.info("train %s: continue at step %d of %d", label, run.step, task.n_steps)
        progress = Progress(f"train {label}", task.n_steps, "steps", done=run.step)
        last_saved = time.monotonic()
        while run.step < task.n_steps and not run.stalled():
            run.optimise(states)
            validated = run.step % task.steps_per_epoch == 0 or run.step == task.n_steps
            if validated:
                run.validate()
            if validated or time.monotonic() - last_saved >= save_every_seconds:
                states.save(run.state())
                last_saved = time.monotonic()
            progress.advance(1, run.note())
        progress.write(run.note())
    if not run.best_weights:
        raise DivergedError(f"train {label}: no validation gave a finite selection metric")
    history = pd.DataFrame(run.history)
    manifest["training"] = {
        "seed": seed,
        "steps": run.step,
        "best_step": run.best_step,
        "best_selection": run.best_value,
        "parameters": sum(p.numel() for p in run.network.parameters()),
    }
    write_bundle(bundle, run.best_weights, recipe, history, manifest)
    states.remove()
    return history

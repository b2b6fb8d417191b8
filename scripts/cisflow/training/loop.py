"""The training loop of both arms.

Inputs: a task (what to train on what), a recipe (optimiser, schedule), a seed. Outputs: a bundle with the best network
and the course of the training. A job that was killed continues from its last saved state bit for bit; one that was
asked to stop (SIGTERM) saves its state before it ends.
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
from cisflow.problems import InputError
from cisflow.progress import Progress
from cisflow.training.bundle import write_bundle
from cisflow.training.numerics import reproducible_numerics
from cisflow.training.options import LoopOptions, option_problems
from cisflow.training.processes import joined
from cisflow.training.run import DivergedError, Run
from cisflow.training.state import StateFolder, state_key
from cisflow.training.stop import StoppedError, asked_to_stop

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
        """Return the batch of a 0-based step, on the CPU: a pure function of the step and the seed.

        Rows come first in every tensor. A task may also have

        - ``rows(step)``: where the rows of that batch stand in its data (0-based, int64 array), for the message about a
          step that failed;
        - ``take_rows(first, last)`` and ``batch_size``: told before the first batch of a training in several processes;
          from then on ``batch`` holds those rows alone;
        - ``complete(batch, processes)``: adds to a batch what depends on all of its rows, see
          :class:`cisflow.training.processes.Processes`;
        - ``backward(network, batch, scaled)``: gradients of ``loss`` in less memory than its backward pass takes.
        """

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the scalar to minimise; the batch is on the network's device and the network in training mode."""

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Return metrics of a network in evaluation mode; the network with the highest ``selection`` is kept."""


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
        training), ``tf32`` (GPUs only) and the options of :class:`cisflow.training.options.LoopOptions`. The whole
        recipe goes into the bundle.
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
        Digest of the code, see :func:`cisflow.code_digest.code_hash`; a state of other code is not continued.
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
        When the recipe names an unknown optimiser or schedule, or its options do not fit.
    StoppedError
        When the process got SIGTERM; the state after the last step is saved.
    """
    if problems := option_problems(recipe["training"]):
        raise InputError(problems)
    options = LoopOptions.of(recipe["training"])
    manifest = provenance.manifest(dict(inputs), dict(settings), PACKAGES)
    manifest |= {"code": code, "device": device.type, "threads": threads}
    made_of = {name: manifest[name] for name in ("inputs", "code", "device", "threads", "versions")}
    learned = {key: value for key, value in recipe.items() if key != "evaluation"}  # of what comes after the training
    states = StateFolder(state_dir, state_key({**made_of, "recipe": learned, "seed": seed}))
    with (
        reproducible_numerics(threads, recipe["training"].get("tf32", False)),
        joined(options.processes, device) as us,
        asked_to_stop() as stop,
    ):
        torch.manual_seed(seed)
        run = Run(task, recipe["training"], us, seed)
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
            stopped = us.any(stop())
            if us.first and (validated or stopped or time.monotonic() - last_saved >= save_every_seconds):
                states.save(run.state())
                last_saved = time.monotonic()
            progress.advance(1, run.note())
            if stopped and run.step < task.n_steps:
                raise StoppedError(
                    f"train {label}: asked to stop; the state after step {run.step} of {task.n_steps} is saved, and "
                    "the same command continues from there"
                )
        progress.write(run.note())
    if run.best_value == -math.inf:
        raise DivergedError(f"train {label}: no validation gave a finite selection metric")
    history = pd.DataFrame(run.history)
    manifest["training"] = {
        "seed": seed,
        "steps": run.step,
        "best_step": run.best_step,
        "best_selection": run.best_value,
        "parameters": sum(p.numel() for p in run.network.parameters() if p.requires_grad),
    }
    if us.first:
        write_bundle(bundle, run.best_weights, recipe, history, manifest)
        states.remove()
    return history

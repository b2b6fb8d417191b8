"""Whether a recipe can learn one window by heart: network, optimiser and the way from map to loss at work.

Inputs: files of a contact model, its recipe. Outputs: correlation at every level and loss on one training window along
the training, ``diagnosis/{map}/{model}.one_window.tsv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch

from cisflow.contacts.agreement import score_windows
from cisflow.devices import choose_device
from cisflow.files import write_table
from cisflow.joblog import logger
from cisflow.models.contact_settings import contact_settings
from cisflow.models.contact_train import ContactFiles, make_task
from cisflow.models.map_task import MapTask
from cisflow.randomness import generator, seed_for
from cisflow.training.loop import train

CANDIDATES = 8  # windows drawn, of which the one with fewest missing entries is learnt
POINTS = 20  # rows of the table when all steps are taken
ENOUGH = 0.95  # correlation at every level at which the training ends early
METRICS = ("pearson", "mse", "predicted_sd")
LEFT_OUT = ("averaging", "accumulate", "processes", "schedule", "patience", "loaders")


def without_extras(training: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """Settings of a training that learns one window: optimiser and clipping as in the recipe, a constant rate."""
    kept = {key: value for key, value in training.items() if key not in LEFT_OUT}
    points = max(1, steps // POINTS)
    return kept | {"steps": steps, "steps_per_validation": points, "batch_size": 1, "schedule": {"name": "constant"}}


class OneWindowTask:
    """The task of a recipe with the same window at every step, see :class:`cisflow.training.loop.Task`.

    With several levels, one input and one series of windows in it. It ends early once the window is learnt at every
    level (:data:`ENOUGH`).

    Parameters
    ----------
    task : MapTask
        With the settings of :func:`without_extras`.
    seed : int
        Seeds the choice of the window among the training windows.
    """

    selection_label = "r"

    def __init__(self, task: MapTask, seed: int):
        self.task, self.n_steps, self.steps_per_epoch = task, task.n_steps, task.steps_per_epoch
        self._looks = 0
        if hasattr(task, "backward"):
            self.backward = task.backward
        self.window, missing = None, np.inf
        rng = generator(seed, "one window")
        name = "observed" if len(task.levels) > 1 else "targets"
        for step in rng.integers(0, 2**31, CANDIDATES):
            batch = task.read_batch(int(step))
            share = float(torch.isnan(batch[name]).float().mean())
            if share < missing:
                self.window, missing = batch, share
        absent = torch.isnan(self.window[name]).float().mean(dim=(-2, -1)).reshape(-1)
        self.missing = dict(zip(task.levels, absent.tolist(), strict=True))

    def build_network(self) -> torch.nn.Module:
        """Return a fresh network of the recipe."""
        return self.task.build_network()

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        """Return the one window, whatever the step."""
        return self.window

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the loss of the recipe."""
        return self.task.loss(network, batch)

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Agreement with the window that is learnt, in evaluation mode (no dropout, running batch statistics).

        Returns
        -------
        dict
            ``<metric>_<bp>`` of every level that has measured entries (:data:`METRICS`), and ``selection``, the
            smallest correlation of a level.
        """
        device = next(iter(network.state_dict().values())).device
        batch, found = {name: values.to(device) for name, values in self.window.items()}, {}
        for level, pair in zip(self.task.levels, self.task.compared(network, batch), strict=True):
            predicted, target = (values.float().cpu().numpy() for values in pair)
            if np.isfinite(target).any():
                row = score_windows(predicted, target).iloc[0]
                values = (row["pearson"], row["mse"], float(predicted.std()))
                found |= {f"{name}_{level}": value for name, value in zip(METRICS, values, strict=True)}
        least = float(np.min([value for name, value in found.items() if name.startswith("pearson")]))  # NaN if one is
        self._looks += 1
        if least >= ENOUGH:
            self.n_steps = min(self.n_steps, self._looks * self.steps_per_epoch)  # learnt: no further step
        return {"selection": least, **found}


def by_level(history: pd.DataFrame, missing: Mapping[int, float]) -> pd.DataFrame:
    """History of :class:`OneWindowTask` with one row per step and level, coarse to fine."""
    parts = []
    for level, share in missing.items():
        names = {f"{name}_{level}": name for name in METRICS}
        if set(names) <= set(history.columns):
            part = history[["step", "training_loss", *names]].rename(columns=names)
            part.insert(1, "level", level)
            parts.append(part.assign(missing=share))
    return pd.concat(parts).sort_values("step", kind="stable", ignore_index=True)


def overfit_window(files: ContactFiles, output: str | Path, settings: Mapping[str, Any], code: str) -> pd.DataFrame:
    """Train a recipe's network on one window and write how well it learnt it.

    Parameters
    ----------
    files : ContactFiles
    output : path
        Table to write: ``step, level`` (bp), ``training_loss`` (mean since the last row, all levels together),
        ``pearson``, ``mse``, ``predicted_sd``, ``missing`` (share of missing entries of the window at that level).
    settings : mapping
        ``recipe``, ``steps``, ``map``, ``model``, ``seed``, ``validation_chromosomes``, ``test_chromosomes``,
        ``device``, ``threads``.
    code : str
        Digest of the code.

    Returns
    -------
    DataFrame
        The table written.
    """
    recipe = dict(settings["recipe"])
    recipe["training"] = without_extras(recipe["training"], settings["steps"])
    checked = contact_settings(recipe)
    held_out = (settings["validation_chromosomes"], settings["test_chromosomes"])
    seed = seed_for(settings["seed"], "overfit", settings["map"], settings["model"])
    task = OneWindowTask(make_task(files, checked, *held_out, seed, seed), seed)
    with TemporaryDirectory(prefix=".overfit.", dir=Path(output).parent) as folder:
        history = train(
            task,
            recipe,
            seed,
            label=f"{settings['model']} on one window",
            bundle=Path(folder) / "bundle",
            state_dir=Path(folder) / "state",
            inputs={},
            settings={},
            code=code,
            device=choose_device(settings["device"]),
            threads=settings["threads"],
            save_every_seconds=float("inf"),
        )
    table = by_level(history, task.missing)
    write_table(table, output)
    learnt = history["selection"].iloc[-1]  # at the level that is learnt worst
    logger.info("%s: r %.3f on the one window after %d steps", settings["model"], learnt, task.n_steps)
    return table

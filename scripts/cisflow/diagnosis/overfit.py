"""Whether a recipe can learn one window by heart: network, optimiser and the way from map to loss at work.

Inputs: files of a contact model, its recipe. Outputs: correlation and loss on one training window along the training,
``diagnosis/{map}/{model}.overfit.tsv``.
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
from cisflow.models.contact_networks import one_hot
from cisflow.models.contact_settings import contact_settings
from cisflow.models.contact_train import ContactFiles
from cisflow.models.contacts_task import ContactsTask, split_output
from cisflow.randomness import generator, seed_for
from cisflow.training.loop import train

CANDIDATES = 8  # windows drawn, of which the one with fewest missing entries is learnt
POINTS = 20  # rows of the table when all steps are taken
ENOUGH = 0.95  # correlation at which the training ends early
LEFT_OUT = ("averaging", "accumulate", "processes", "schedule", "patience", "loaders")


def without_extras(training: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """Settings of a training that learns one window: optimiser and clipping as in the recipe, a constant rate."""
    kept = {key: value for key, value in training.items() if key not in LEFT_OUT}
    points = max(1, steps // POINTS)
    return kept | {"steps": steps, "steps_per_validation": points, "batch_size": 1, "schedule": {"name": "constant"}}


class OneWindowTask:
    """The task of a recipe with the same window at every step, see :class:`cisflow.training.loop.Task`.

    It ends early once the window is learnt (:data:`ENOUGH`).

    Parameters
    ----------
    task : ContactsTask
        With the settings of :func:`without_extras`.
    seed : int
        Seeds the choice of the window among the training windows.
    """

    selection_label = "r"

    def __init__(self, task: ContactsTask, seed: int):
        self.task, self.n_steps, self.steps_per_epoch = task, task.n_steps, task.steps_per_epoch
        self._looks = 0
        self.window, missing = None, np.inf
        rng = generator(seed, "one window")
        for step in rng.integers(0, 2**31, CANDIDATES):
            batch = task.read_batch(int(step))
            share = float(torch.isnan(batch["targets"]).float().mean())
            if share < missing:
                self.window, missing = batch, share
        self.missing = missing

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
        """Agreement with the window that is learnt, in evaluation mode (no dropout, running batch statistics)."""
        device = next(iter(network.state_dict().values())).device
        predicted = split_output(network(one_hot(self.window["codes"].to(device))))[0].float().cpu().numpy()
        row = score_windows(predicted, self.window["targets"].numpy()).iloc[0]
        self._looks += 1
        if row["pearson"] >= ENOUGH:
            self.n_steps = min(self.n_steps, self._looks * self.steps_per_epoch)  # learnt: no further step
        return {"selection": row["pearson"], "mse": row["mse"], "predicted_sd": float(predicted.std())}


def overfit_window(files: ContactFiles, output: str | Path, settings: Mapping[str, Any], code: str) -> pd.DataFrame:
    """Train a recipe's network on one window and write how well it learnt it.

    Parameters
    ----------
    files : ContactFiles
    output : path
        Table to write: ``step, training_loss`` (mean since the last row), ``pearson``, ``mse``, ``predicted_sd``,
        ``missing`` (share of missing entries of the window).
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
    reader = files.reader(checked)
    held_out = {*settings["validation_chromosomes"], *settings["test_chromosomes"]}
    training = {name: bases for name, bases in reader.contact_map.chromosomes.items() if name not in held_out}
    seed = seed_for(settings["seed"], "overfit", settings["map"], settings["model"])
    task = OneWindowTask(ContactsTask(checked, reader, training, training, seed, seed), seed)
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
    table = history.rename(columns={"selection": "pearson"})[
        ["step", "training_loss", "pearson", "mse", "predicted_sd"]
    ]
    table["missing"] = task.missing
    write_table(table, output)
    logger.info(
        "%s: r %.3f on the one window after %d steps", *(settings["model"], table["pearson"].iloc[-1], task.n_steps)
    )
    return table

"""Fit of the models that need no optimiser steps: distance alone, and composition.

Inputs: the task of a recipe of one or of several levels. Outputs: a bundle, see :mod:`cisflow.models.distance_only` and
:mod:`cisflow.models.composition`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cisflow import provenance
from cisflow.contacts.windows import tile
from cisflow.joblog import logger
from cisflow.models.cascade_task import CascadeTask, level_scores
from cisflow.models.composition import Composition
from cisflow.models.composition_fit import fit_composition
from cisflow.models.contacts_task import ContactsTask
from cisflow.models.distance_only import mean_by_distance
from cisflow.progress import Progress
from cisflow.training.bundle import write_bundle
from cisflow.training.loop import PACKAGES


def fit_at_once(
    task: ContactsTask | CascadeTask,
    inputs: Mapping[str, str | Path],
    bundle: str | Path,
    recipe: Mapping[str, Any],
    recorded: Mapping[str, Any],
    code: str,
) -> None:
    """Fit a model to the targets of the training chromosomes, and write the bundle.

    Parameters
    ----------
    task : ContactsTask or CascadeTask
        Of one level: all windows that tile the chromosomes count. Of several: as many random inputs with random zoom as
        there are validation inputs.
    inputs : mapping
        Files for the manifest.
    bundle : path
    recipe, recorded : mapping
        What goes into the bundle.
    code : str
        Digest of the code.
    """
    network = task.build_network()
    if isinstance(network, Composition):
        fit = fit_composition
    else:
        fit = _fit_levels if isinstance(task, CascadeTask) else _fit_one_level
    number, metrics = fit(task, network)
    logger.info("fit %s | %d windows | val r %.3f", task.settings.model, number, metrics["selection"])
    manifest = provenance.manifest(dict(inputs), dict(recorded), PACKAGES) | {"code": code, "device": "cpu"}
    parameters = sum(tensor.numel() for tensor in network.state_dict().values())
    manifest["training"] = {"steps": 0, "best_selection": metrics["selection"], "parameters": parameters}
    history = pd.DataFrame([metrics])  # without steps: fitted in one go
    write_bundle(bundle, network.state_dict(), recipe, history, manifest)


def _fit_one_level(task: ContactsTask, network: torch.nn.Module) -> tuple[int, dict[str, float]]:
    window, step = task.settings.window, task.settings.evaluation.step_bins * task.settings.window.bin_size
    windows = tile(task.train_lengths, window.length, step)
    progress = Progress("fit distance_only", len(windows), "windows")

    def targets() -> Iterator[np.ndarray]:
        for one in windows:
            progress.advance()
            yield task.reader.target(one)

    means = mean_by_distance(targets(), window.bins)
    network.mean_by_distance.copy_(torch.from_numpy(means.astype(np.float32)))
    return len(windows), task.validate(network)


def _fit_levels(task: CascadeTask, network: torch.nn.Module) -> tuple[int, dict[str, float]]:
    number = task.settings.validation.windows
    progress = Progress("fit distance_only", number, "inputs")
    targets, trans = [], []
    for k in range(number):
        data = task.read_input(k, 0)
        targets.append(data.target)
        trans.append(data.trans)
        progress.advance()
    targets, trans = np.stack(targets), np.stack(trans)
    for level in range(targets.shape[1]):
        here, between = targets[:, level], trans[:, level]
        means = mean_by_distance(np.where(between, np.nan, here), here.shape[-1])
        network.mean_by_distance[level].copy_(torch.from_numpy(means.astype(np.float32)))
        measured = here[between & np.isfinite(here)]
        network.mean_trans[level] = float(measured.mean()) if len(measured) else 0.0
    data = task.validation_data
    predicted = network.maps(np.stack([one.trans for one in data]))
    return number, level_scores(predicted, np.stack([one.target for one in data]), task.ladder.levels)

"""Contact models without training: baselines that are fitted in one go, and weights that are kept as they are.

Inputs: the task of a recipe of one or of several levels. Outputs: a bundle, see :mod:`cisflow.models.distance_only`,
:mod:`cisflow.models.mean_map`, :mod:`cisflow.models.composition` and :mod:`cisflow.models.start_from`.
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
from cisflow.models.contact_settings import FITTED
from cisflow.models.contacts_task import ContactsTask
from cisflow.progress import Progress
from cisflow.training.bundle import write_bundle
from cisflow.training.loop import PACKAGES


def write_untrained(
    task: ContactsTask | CascadeTask,
    inputs: Mapping[str, str | Path],
    bundle: str | Path,
    recipe: Mapping[str, Any],
    recorded: Mapping[str, Any],
    code: str,
    device: torch.device,
) -> None:
    """Fit a model on the training chromosomes, or take weights as they are; validate, and write the bundle.

    Parameters
    ----------
    task : ContactsTask or CascadeTask
        Baselines of one level: all windows that tile the chromosomes count. Of several: as many random inputs with
        random zoom as there are validation inputs. A network has its weights from the bundle that it starts from.
    inputs : mapping
        Files for the manifest.
    bundle : path
    recipe, recorded : mapping
        What goes into the bundle.
    code : str
        Digest of the code.
    device : torch.device
        Where a network is validated.
    """
    model = task.settings.model
    network = task.build_network()
    if model in FITTED:
        device = torch.device("cpu")
        if isinstance(network, Composition):
            number, metrics = fit_composition(task, network)
        else:
            number, metrics = (_fit_levels if isinstance(task, CascadeTask) else _fit_one_level)(task, network, model)
        logger.info("fit %s | %d windows | val r %.3f", model, number, metrics["selection"])
        parameters = sum(tensor.numel() for tensor in network.state_dict().values())
    else:
        with torch.no_grad():
            metrics = task.validate(network.to(device).eval())
        logger.info("weights of %s as they are | val r %.3f", task.settings.start_from, metrics["selection"])
        parameters = sum(parameter.numel() for parameter in network.parameters())
    manifest = provenance.manifest(dict(inputs), dict(recorded), PACKAGES) | {"code": code, "device": device.type}
    manifest["training"] = {"steps": 0, "best_selection": metrics["selection"], "parameters": parameters}
    history = pd.DataFrame([metrics])  # without steps: fitted in one go
    write_bundle(bundle, network.state_dict(), recipe, history, manifest)


def _fit_one_level(task: ContactsTask, network: torch.nn.Module, model: str) -> tuple[int, dict[str, float]]:
    window, step = task.settings.window, task.settings.evaluation.step_bins * task.settings.window.bin_size
    windows = tile(task.train_lengths, window.length, step)
    progress = Progress(f"fit {model}", len(windows), "windows")

    def targets() -> Iterator[np.ndarray]:
        for one in windows:
            progress.advance()
            yield task.reader.target(one)

    network.fit(targets())
    return len(windows), task.validate(network)


def _fit_levels(task: CascadeTask, network: torch.nn.Module, model: str) -> tuple[int, dict[str, float]]:
    number = task.settings.validation.windows
    progress = Progress(f"fit {model}", number, "inputs")

    def inputs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for k in range(number):
            data = task.read_input(k, 0)
            progress.advance()
            yield data.target, data.trans

    network.fit(inputs())
    data = task.validation_data
    predicted = network.maps(np.stack([one.trans for one in data]))
    return number, level_scores(predicted, np.stack([one.target for one in data]), task.ladder.levels)

"""Fit of the composition model on the windows of the training chromosomes.

Inputs: the task of a recipe of one level. Outputs: the fitted network, see :mod:`cisflow.models.composition`.
"""

from __future__ import annotations

import numpy as np
import torch

from cisflow.contacts.windows import Window, tile
from cisflow.joblog import logger
from cisflow.models.composition import Composition, Ridge, whiten
from cisflow.models.contact_networks import one_hot
from cisflow.models.contacts_task import ContactsTask
from cisflow.progress import Progress

MOST_WINDOWS = 1000  # more are thinned out evenly: the model has some 200 coefficients
PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


def training_windows(task: ContactsTask) -> list[Window]:
    """Windows that tile the training chromosomes, ``evaluation.step_bins`` apart."""
    window = task.settings.window
    windows = tile(task.train_lengths, window.length, task.settings.evaluation.step_bins * window.bin_size)
    if len(windows) <= MOST_WINDOWS:
        return windows
    return [windows[i] for i in np.linspace(0, len(windows) - 1, MOST_WINDOWS).round().astype(int)]


def fit_composition(task: ContactsTask, network: Composition) -> tuple[int, dict[str, float]]:
    """Fit a composition model: components, then coefficients with the penalty that does best in validation.

    Parameters
    ----------
    task : ContactsTask
    network : Composition
        Its values are set.

    Returns
    -------
    windows : int
        Training windows.
    metrics : dict
        Of the validation windows.
    """
    windows = training_windows(task)
    progress = Progress("fit composition", 2 * len(windows), "windows")
    shares, targets = [], []
    for one in windows:
        data = task.reader.read(one)
        shares.append(network.shares(one_hot(torch.from_numpy(data.codes)[None]))[0])
        targets.append(torch.from_numpy(data.target))
        progress.advance()
    mean, whitening = whiten(torch.cat(shares), network.whitening.shape[1])
    network.mean.copy_(mean)
    network.whitening.copy_(whitening)
    ridge = Ridge(len(network.coefficients))
    for share, target in zip(shares, targets, strict=True):
        ridge.add(network.features(share[None])[0], target)
        progress.advance()
    found = {}
    for penalty in PENALTIES:
        network.coefficients.copy_(ridge.solve(penalty))
        found[penalty] = task.validate(network)
    best = max(PENALTIES, key=lambda penalty: np.nan_to_num(found[penalty]["selection"], nan=-np.inf))
    network.coefficients.copy_(ridge.solve(best))
    logger.info("fit composition | penalty %g", best)
    return len(windows), found[best]

"""Training of bias models and of networks beside them: from windows of an assay and a recipe to a bundle.

Inputs: ``profiles/{assay}/regions.parquet``, ``sequences.npy``, ``counts.npy``; for a network the bundle of the fold's
bias model. Outputs: ``profiles/{assay}/fold{fold}/{model}/seed{seed}/`` (a bundle). A network's bundle holds the bias
model that it was trained beside, with its count shifted to this assay's depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cisflow.devices import choose_device
from cisflow.files import read_table
from cisflow.joblog import logger
from cisflow.models.profiles.networks import shift_count
from cisflow.models.profiles.settings import ProfileSettings, profile_settings
from cisflow.models.profiles.task import ProfilesTask, load_network, mean_count_gap
from cisflow.problems import InputError, Problem
from cisflow.profiles.folds import Fold
from cisflow.profiles.selection import Selection, select
from cisflow.profiles.windows import WindowStore
from cisflow.randomness import generator, seed_for
from cisflow.training.bundle import RECIPE, read_bundle
from cisflow.training.loop import train
from cisflow.training.numerics import reproducible_numerics


@dataclass(frozen=True)
class ProfileFiles:
    """Windows of an assay: ``regions.parquet``, ``sequences.npy``, ``counts.npy``."""

    regions: str | Path
    sequences: str | Path
    counts: str | Path

    def named(self) -> dict[str, str | Path]:
        """Files by their name in the manifest."""
        return {"regions": self.regions, "sequences": self.sequences, "counts": self.counts}

    def store(self, settings: ProfileSettings) -> WindowStore:
        """Windows of a recipe's lengths."""
        window = settings.window
        store = WindowStore(self.sequences, self.counts, window.input_length, window.output_length)
        if window.jitter > store.room:
            what = f"{window.jitter}; the windows of this assay leave room for {store.room} bp"
            raise InputError(Problem("recipe", what, column="window.jitter"))
        return store


def train_profile_model(
    files: ProfileFiles,
    bias: str | Path | None,
    bundle: str | Path,
    state_dir: str | Path,
    settings: Mapping[str, Any],
    code: str,
) -> None:
    """Train a model of one fold and write its bundle.

    Parameters
    ----------
    files : ProfileFiles
    bias : path or None
        Bundle of the fold's bias model; None when this is the bias model.
    bundle, state_dir : path
        Folder of the result; folder of the state while training goes on.
    settings : mapping
        ``recipe``; ``assay``, ``fold`` (see :meth:`Fold.of`), ``model`` and ``replicate``, which with ``seed`` (of the
        run) give the model's own seed; ``device``; ``training`` (``threads``, ``save_every_seconds``).
    code : str
        Digest of the code.

    Raises
    ------
    InputError
        When recipe, bias model or regions are not usable.
    """
    recipe = dict(settings["recipe"])
    checked, fold = profile_settings(recipe), Fold.of(settings["fold"])
    if (checked.model == "bias") != (bias is None):
        what = f"{checked.model!r}; expected a {'bias model' if bias is None else 'network'}"
        raise InputError(Problem("recipe", what, column="model"))
    store = files.store(checked)
    regions = read_table(files.regions)
    names = (settings["assay"], fold.name)
    selection = select(regions, fold, checked, generator(settings["seed"], "regions", *names), str(files.regions))
    _tell(selection)
    device, threads = choose_device(settings["device"]), settings["training"]["threads"]
    inputs, network = files.named(), None
    if bias is not None:
        with reproducible_numerics(threads, recipe["training"].get("tf32", False)):
            network, shift = shifted_bias_model(bias, checked, store, selection, device)
        recipe["bias"] = {"network": read_bundle(bias).recipe["network"], "count_shift": shift}
        inputs["bias model"] = Path(bias) / "weights.safetensors"
    seed = seed_for(settings["seed"], "train", *names, settings["model"], settings["replicate"])
    recorded = {name: settings[name] for name in ("assay", "model", "replicate", "seed")}
    recorded |= {"fold": dict(settings["fold"]), "count_weight": selection.count_weight}
    train(
        ProfilesTask(checked, store, selection, seed, network),
        recipe,
        seed,
        label=f"{settings['model']} fold {fold.name} seed {settings['replicate']}",
        bundle=bundle,
        state_dir=state_dir,
        inputs=inputs,
        settings=recorded,
        code=code,
        device=device,
        threads=threads,
        save_every_seconds=settings["training"]["save_every_seconds"],
    )


def _tell(selection: Selection) -> None:
    counts = {
        "training peaks": selection.train_peaks,
        "training regions without peak": selection.train_nonpeaks,
        "validation peaks": selection.validation_peaks,
        "validation regions without peak": selection.validation_nonpeaks,
    }
    logger.info(
        "%s; counts between %g and %g; weight of the count loss %g",
        ", ".join(f"{len(rows):,} {name}" for name, rows in counts.items()),
        selection.low,
        selection.high,
        selection.count_weight,
    )


def shifted_bias_model(
    folder: str | Path, settings: ProfileSettings, store: WindowStore, selection: Selection, device: torch.device
) -> tuple[torch.nn.Module, float]:
    """Bias model of a bundle with its log count shifted by the mean gap over the regions without peak.

    Returns
    -------
    network : Module
        On the CPU.
    shift : float
        Natural log units.

    Raises
    ------
    InputError
        When the bundle is no bias model, or is for windows of other lengths.
    """
    found = read_bundle(folder)
    given = found.recipe.get("window", {})
    wanted = {"input_length": settings.window.input_length, "output_length": settings.window.output_length}
    problems = [
        Problem(str(Path(folder) / RECIPE), f"{given.get(name)}; the network has {value}", column=f"window.{name}")
        for name, value in wanted.items()
        if given.get(name) != value
    ]
    if found.recipe.get("model") != "bias":
        problems.append(Problem(str(Path(folder) / RECIPE), f"{found.recipe.get('model')!r}; expected 'bias'"))
    if problems:
        raise InputError(problems)
    network = load_network(found.recipe["network"], found.weights, **wanted)
    shift = 0.0
    if len(selection.shift_nonpeaks):
        size = settings.training.validation_batch_size
        shift = mean_count_gap(network, store, selection.shift_nonpeaks, device, size)
        shift_count(network, shift)
    logger.info("count of the bias model shifted by %.4f", shift)
    return network.cpu(), shift

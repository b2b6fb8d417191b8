"""Training of expression models: from a dataset and a recipe to a bundle.

Inputs: ``datasets/{dataset}.parquet``. Outputs: ``models/{dataset}/{model}/seed{seed}/`` (a bundle).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cisflow import provenance
from cisflow.devices import choose_device
from cisflow.joblog import logger
from cisflow.models.expression_data import read_dataset
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.kmer_ridge import fit_kmer_ridge
from cisflow.models.prix_fixe import complete_recipe
from cisflow.models.recipes import check_expression_recipe
from cisflow.randomness import seed_for
from cisflow.training.bundle import write_bundle
from cisflow.training.launch import run_in_processes, under_torchrun
from cisflow.training.loop import PACKAGES, train
from cisflow.training.numerics import reproducible_numerics


def train_expression_model(
    dataset: str | Path, bundle: str | Path, state_dir: str | Path, settings: Mapping[str, Any], code: str
) -> None:
    """Train a model on a dataset and write its bundle.

    Parameters
    ----------
    dataset : path
    bundle, state_dir : path
        Folder of the result; folder of the state while training goes on.
    settings : mapping
        ``recipe``; ``dataset``, ``model`` and ``replicate``, which with ``seed`` (of the run) give the model's own
        seed; ``device``; ``training`` (``threads``, ``save_every_seconds``).
    code : str
        Digest of the code.

    Raises
    ------
    InputError
        When recipe or dataset are not usable.
    """
    recipe = complete_recipe(settings["recipe"])
    check_expression_recipe(recipe)
    processes = recipe.get("training", {}).get("processes", 1)
    if processes > 1 and not under_torchrun():
        arguments = {"dataset": str(dataset), "bundle": str(bundle), "state_dir": str(state_dir)}
        arguments |= {"settings": dict(settings), "code": code}
        run_in_processes(
            "cisflow.models.train:train_expression_model", arguments, processes, state_dir, settings["device"]
        )
        return
    table = read_dataset(dataset)
    threads = settings["training"]["threads"]
    recorded = {name: settings[name] for name in ("dataset", "model", "replicate", "seed")}
    label = f"{settings['model']} seed {settings['replicate']}"
    if recipe["model"] == "kmer_ridge":
        with reproducible_numerics(threads):
            weights, history = fit_kmer_ridge(recipe, table, str(dataset))
        best = history.loc[history["selection"].idxmax()]
        logger.info("fit %s | alpha %g | val r %.3f", label, best["alpha"], best["selection"])
        manifest = provenance.manifest({"dataset": dataset}, recorded, PACKAGES)
        manifest |= {"code": code, "device": "cpu", "threads": threads}
        manifest["training"] = {
            "best_alpha": best["alpha"],
            "best_selection": best["selection"],
            "parameters": sum(tensor.numel() for tensor in weights.values()),
        }
        write_bundle(bundle, weights, recipe, history, manifest)
        return
    seed = seed_for(settings["seed"], "train", settings["dataset"], settings["model"], settings["replicate"])
    task = ExpressionTask(recipe, table, seed, str(dataset))
    train(
        task,
        task.recipe,
        seed,
        label=label,
        bundle=bundle,
        state_dir=state_dir,
        inputs={"dataset": dataset},
        settings=recorded,
        code=code,
        device=choose_device(settings["device"]),
        threads=threads,
        save_every_seconds=settings["training"]["save_every_seconds"],
    )

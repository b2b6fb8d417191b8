"""Models of one fold of a nested cross-validation: training, and the mean prediction of the test fold.

Inputs: a dataset in folds (:mod:`cisflow.datasets.folds`). Outputs: bundles, and predictions of a test fold.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cisflow import provenance
from cisflow.datasets.fold_rows import rows_of_fold
from cisflow.files import read_table, sha256, write_table
from cisflow.joblog import logger
from cisflow.models.expression_data import reverse_rows
from cisflow.models.predict import load_bundle
from cisflow.models.train import train_expression_model
from cisflow.progress import Progress
from cisflow.training.loop import PACKAGES
from cisflow.training.numerics import reproducible_numerics


def training_name(validation: str, replicate: int) -> str:
    """Name of one training of a test fold: its folder, and its column in the predictions."""
    return f"validation{validation}.seed{replicate}"


def _finished_folder(state_dir: Path, folds: str | Path, settings: Mapping[str, Any], code: str) -> Path:
    """Where finished bundles wait for the others of their job; another place when what they depend on has changed."""
    without_saving = {**settings, "training": {"threads": settings["training"]["threads"]}}
    parts = [without_saving, code, sha256(folds), provenance.versions(*PACKAGES)]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
    return state_dir / f"finished.{digest[:16]}"


def train_folds(
    folds: str | Path, target: str | Path, state_dir: str | Path, settings: Mapping[str, Any], code: str
) -> None:
    """Train models of one test fold, one after the other, each with its own validation fold.

    A killed job continues: bundles that were finished are kept, the unfinished training goes on from its saved state.

    Parameters
    ----------
    folds : path
        ``cross_validation/{dataset}/folds.parquet``.
    target : path
        Folder that gets a bundle per training, ``validation{fold}.seed{replicate}``; it appears when all are complete.
    state_dir : path
        Folder for what is not complete; may be shared by the jobs of a test fold.
    settings : mapping
        See :func:`cisflow.models.train.train_expression_model`, without ``replicate``; also ``test``, name of the test
        fold, and ``trainings``, pairs of validation fold and replicate. All are part of a model's seed.
    code : str
        Digest of the code.
    """
    settings, target, state_dir = dict(settings), Path(target), Path(state_dir)
    test, trainings = settings.pop("test"), settings.pop("trainings")
    finished = _finished_folder(state_dir, folds, {**settings, "test": test}, code)
    table = None
    progress = Progress(f"train {settings['model']} for test fold {test}", len(trainings), "trainings", every=0)
    for validation, replicate in trainings:
        name = training_name(validation, replicate)
        if (finished / name).is_dir():
            logger.info("%s was finished before", name)
            progress.advance()
            continue
        table = read_table(folds) if table is None else table
        own = {
            **settings,
            "replicate": replicate,
            "dataset": f"{settings['dataset']} test {test} validation {validation}",
        }
        rows, partial = state_dir / name / "rows.parquet", finished / f"{name}.partial"
        rows.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        write_table(rows_of_fold(table, test, validation), rows)
        train_expression_model(rows, partial, rows.parent, own, code)
        rows.unlink()
        os.replace(partial, finished / name)
        progress.advance()
    whole = target.with_name(f".{target.name}.partial")
    shutil.rmtree(whole, ignore_errors=True)
    whole.mkdir(parents=True)
    for validation, replicate in trainings:
        name = training_name(validation, replicate)
        shutil.copytree(finished / name, whole / name)
    os.replace(whole, target)
    for validation, replicate in trainings:
        name = training_name(validation, replicate)
        shutil.rmtree(finished / name)
        shutil.rmtree(state_dir / name, ignore_errors=True)


def predict_fold(
    bundles: Mapping[str, str | Path],
    folds: str | Path,
    test: str,
    label: str,
    device: torch.device | str,
    threads: int,
) -> pd.DataFrame:
    """Predict the rows of a test fold with every model that did not see them.

    Parameters
    ----------
    bundles : mapping of str to path
        Bundle of each training, by a name for its column.
    folds : path
        ``cross_validation/{dataset}/folds.parquet``.
    test : str
        Name of the test fold.
    label : str
        Name in progress lines.
    device : torch.device or str
    threads : int
        Torch threads.

    Returns
    -------
    DataFrame
        ``element, pos, fold, expression, prediction`` (mean over the models), ``models`` (their number), and one column
        per bundle. For networks with several heads also the further measurements, ``prediction.<head>`` and
        ``<bundle>.<head>``.
    """
    table = read_table(folds)
    table = table[table["fold"] == test].reset_index(drop=True)
    sequences, is_reverse = table["sequence"].tolist(), reverse_rows(table)
    found, heads = [], ("expression",)
    with reproducible_numerics(threads):
        progress = Progress(f"predict {label}", len(bundles) * len(sequences), "sequences")
        for folder in bundles.values():
            model = load_bundle(folder, device)
            heads = model.heads
            found.append(model.predict_heads(sequences, progress, is_reverse))
        progress.write()
    values = np.array(found)  # bundles, rows, heads
    columns: dict[str, np.ndarray] = {}
    for i, head in enumerate(heads):
        end = "" if i == 0 else f".{head}"
        columns |= {f"{name}{end}": values[k, :, i] for k, name in enumerate(bundles)}
    means = {f"prediction.{head}": values[:, :, i].mean(axis=0) for i, head in enumerate(heads) if i}
    rows = table[["element", "pos", "fold", *heads]]
    return rows.assign(prediction=values[:, :, 0].mean(axis=0), **means, models=len(bundles), **columns)

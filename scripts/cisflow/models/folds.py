"""Models of one fold of a nested cross-validation: training, and the mean prediction of the test fold.

Inputs: a dataset in folds (:mod:`cisflow.datasets.folds`). Outputs: bundles, and predictions of a test fold.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cisflow.datasets.folds import rows_of_fold
from cisflow.files import read_table, write_table
from cisflow.models.predict import load_bundle
from cisflow.models.train import train_expression_model
from cisflow.progress import Progress
from cisflow.training.numerics import reproducible_numerics


def train_fold(
    folds: str | Path, bundle: str | Path, state_dir: str | Path, settings: Mapping[str, Any], code: str
) -> None:
    """Train the model of one test fold and one validation fold.

    Parameters
    ----------
    folds : path
        ``cross_validation/{dataset}/folds.parquet``.
    bundle, state_dir : path
        Folder of the result; folder of the state while training goes on, where the rows of the training lie too.
    settings : mapping
        See :func:`cisflow.models.train.train_expression_model`; also ``test`` and ``validation``, names of the folds,
        which are part of the model's seed.
    code : str
        Digest of the code.
    """
    settings = dict(settings)
    test, validation = settings.pop("test"), settings.pop("validation")
    settings["dataset"] = f"{settings['dataset']} test {test} validation {validation}"
    rows = Path(state_dir) / "rows.parquet"
    rows.parent.mkdir(parents=True, exist_ok=True)
    write_table(rows_of_fold(read_table(folds), test, validation), rows)
    train_expression_model(rows, bundle, state_dir, settings, code)
    rows.unlink()


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
        per bundle.
    """
    table = read_table(folds)
    table = table[table["fold"] == test].reset_index(drop=True)
    sequences = table["sequence"].tolist()
    columns: dict[str, np.ndarray] = {}
    with reproducible_numerics(threads):
        progress = Progress(f"predict {label}", len(bundles) * len(sequences), "sequences")
        for name, folder in bundles.items():
            columns[name] = load_bundle(folder, device).predict(sequences, progress)
        progress.write()
    prediction = np.mean(list(columns.values()), axis=0)
    rows = table[["element", "pos", "fold", "expression"]]
    return rows.assign(prediction=prediction, models=len(columns), **columns)

"""Measurements and predictions of a dataset's test rows, joined by ``pos``.

Inputs: a dataset, predictions of trained models, and tables of predictions made elsewhere. Outputs: arrays with one
column per test row; or one error with every problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from cisflow.datasets.tables import MOST_SHOWN, position_problems, read_text_table
from cisflow.files import read_table
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

#: Columns of a table of predictions that are not models: identity and measurement of a row.
NO_MODELS = ("pos", "element", "sequence", "split", "expression", "measured")


@dataclass(frozen=True)
class TestRows:
    """Test rows of a dataset.

    Attributes
    ----------
    pos : int64 array, (n,)
        Increasing.
    measured : float64 array, (n,)
    """

    pos: np.ndarray
    measured: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """Predictions for the test rows.

    Attributes
    ----------
    models : list of str
    predicted : float64 array, (models, n)
    """

    models: list[str]
    predicted: np.ndarray


def read_test_rows(dataset: str | Path) -> TestRows:
    """Test rows of ``datasets/{dataset}.parquet``, by increasing ``pos``."""
    table = pd.read_parquet(dataset, columns=["split", "pos", "expression"])
    test = table[table["split"] == "test"].sort_values("pos")
    if test.empty:
        raise InputError(Problem(str(dataset), "no rows of split 'test'; nothing to score on", column="split"))
    return TestRows(test["pos"].to_numpy(np.int64), test["expression"].to_numpy(float))


def _is_model(column: str) -> bool:
    name = column.lower()
    return not (name in NO_MODELS or name.startswith("measured_") or name.endswith("_expression"))


def import_predictions(path: str | Path, dataset: str | Path) -> pd.DataFrame:
    """Read predictions made elsewhere and bring them into the order of the test rows.

    Parameters
    ----------
    path : path
        Table with ``pos`` and one column per model; or, as submitted to the challenge, without header: sequence and
        prediction, with the 0-based row as ``pos`` and the name of the file as model. Columns named as a measurement
        (``expression``, ``measured...``, ``..._expression``) or identity (``element``, ``sequence``, ``split``) are left
        out, which the log says.
    dataset : path
        ``datasets/{dataset}.parquet``.

    Returns
    -------
    DataFrame
        ``pos`` (increasing) and one float column per model, one row per test row.

    Raises
    ------
    InputError
        No model column, ``pos`` missing, not whole or there twice, predictions that are empty or not finite, and test
        rows without a prediction.
    """
    where = str(path)
    model = Path(path).name.split(".")[0]
    table = read_text_table(path, headless=("sequence", model))
    if table["row"][0] == 1:
        table = table.with_columns(pos=pl.int_range(pl.len()).cast(pl.String)).select("row", "pos", model)
    if "pos" not in table.columns:
        there = ", ".join(table.columns[1:])
        raise InputError(Problem(where, f"missing column; the columns are: {there}", column="pos"))
    left_out = [name for name in table.columns[1:] if not _is_model(name)]
    models = [name for name in table.columns[1:] if _is_model(name)]
    if not models:
        raise InputError(Problem(where, f"no column of predictions beside {', '.join(left_out)}"))
    if left_out != ["pos"]:
        named = ", ".join(name for name in left_out if name != "pos")
        logger.info("%s: columns that are not predictions are left out: %s", where, named)
    table = table.with_columns(position=pl.col("pos").str.strip_chars().cast(pl.Int64, strict=False))
    problems = position_problems(table, where)
    numbers = table.select(pl.col(models).str.strip_chars().cast(pl.Float64, strict=False))
    for name in models:
        wrong = np.flatnonzero(~np.isfinite(numbers[name].fill_null(np.nan).to_numpy()))
        for place in wrong[:MOST_SHOWN].tolist():
            text = table[name][place]
            what = "empty" if text in (None, "") else repr(text)
            row = int(table["row"][place])
            problems.append(Problem(where, f"{what}; expected a finite number", row, name))
        if len(wrong) > MOST_SHOWN:
            problems.append(Problem(where, f"and {len(wrong) - MOST_SHOWN:,} more like these", column=name))
    if problems:
        raise InputError(problems)
    rows = read_test_rows(dataset)
    given = pd.DataFrame({name: numbers[name].to_numpy() for name in models}, index=table["position"].to_numpy())
    missing = rows.pos[~np.isin(rows.pos, given.index)]
    if len(missing):
        some = ", ".join(map(str, missing[:MOST_SHOWN])) + (", ..." if len(missing) > MOST_SHOWN else "")
        message = f"no prediction for {len(missing):,} of the {len(rows.pos):,} test rows: {some}"
        raise InputError(Problem(where, message, column="pos"))
    logger.info("%s: %d models, %s rows", where, len(models), f"{len(given):,}")
    if len(given) > len(rows.pos):
        logger.info("%s: %s rows are no test rows; left out", where, f"{len(given) - len(rows.pos):,}")
    for name in models:
        if np.array_equal(given.loc[rows.pos, name].to_numpy(), rows.measured):
            logger.info("%s: column %s equals the measurement in every row; is it a prediction?", where, name)
    return given.loc[rows.pos].rename_axis("pos").reset_index()


def read_predictions(
    rows: TestRows, trained: Mapping[str, str | Path], submitted: str | Path | None = None
) -> Predictions:
    """Join predictions of trained models and those made elsewhere.

    Parameters
    ----------
    rows : TestRows
    trained : mapping of str to path
        ``predictions/{dataset}/{model}.parquet`` by model.
    submitted : path, optional
        ``predictions/{dataset}/submitted.parquet``.

    Returns
    -------
    Predictions
        Trained models first.

    Raises
    ------
    InputError
        Test rows without a prediction, predictions that are not finite, a name that both kinds of models have, no
        predictions at all.
    """
    columns: dict[str, np.ndarray] = {}
    problems = []
    for model, path in trained.items():
        table = read_table(path)
        test = table[table["split"] == "test"].sort_values("pos")
        if not np.array_equal(test["pos"].to_numpy(np.int64), rows.pos):
            message = f"predicts {len(test):,} test rows that are not the {len(rows.pos):,} of the dataset"
            problems.append(Problem(str(path), message, column="pos"))
            continue
        columns[model] = test["prediction"].to_numpy(float)
    if submitted is not None:
        table = read_table(submitted)
        for model in table.columns.drop("pos"):
            if model in trained:
                message = f"{model!r} is also a trained model of this dataset; rename one of them"
                problems.append(Problem(str(submitted), message, column=model))
            columns[model] = table[model].to_numpy(float)
    for model, values in columns.items():
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            message = f"{len(wrong):,} predictions of {model!r} are not finite, the first at pos {rows.pos[wrong[0]]}"
            problems.append(Problem(str(trained.get(model, submitted)), message))
    if not columns and not problems:
        problems.append(Problem("dataset", "neither trained models nor predictions to score"))
    if problems:
        raise InputError(problems)
    return Predictions(list(columns), np.stack(list(columns.values())))

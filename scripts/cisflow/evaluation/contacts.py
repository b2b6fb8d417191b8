"""Scores of contact models on the windows of the test chromosomes.

Purpose: scores per window and over all windows, with bootstrap intervals over windows.
Inputs: predicted and observed maps (windows, bins, bins), NaN where nothing was observed. Outputs: tables of scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.contacts.agreement import (
    METRICS,
    pearson_from_sums,
    score_windows,
    squared_error_from_sums,
    window_sums,
)
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator

LOW, HIGH = 0.025, 0.975


def _mean_of_drawn(values: np.ndarray, times_drawn: np.ndarray) -> np.ndarray:
    """Mean over drawn windows, leaving out those without a value."""
    valid = np.isfinite(values)
    total, number = times_drawn @ np.where(valid, values, 0.0), times_drawn @ valid.astype(float)
    return np.divide(total, number, out=np.full(len(times_drawn), np.nan), where=number > 0)


def summarise(predicted: np.ndarray, observed: np.ndarray, draws: int, seed: int, *names: object) -> pd.DataFrame:
    """Summary over windows with 95% bootstrap intervals.

    Parameters
    ----------
    predicted, observed : float array, (windows, bins, bins)
    draws : int
        Bootstrap draws; windows are drawn with replacement, the same ones for models with the same ``names``.
    seed, *names
        See :func:`cisflow.randomness.generator`.

    Returns
    -------
    DataFrame
        ``metric`` (a window's metric: mean over windows; ``pooled_`` and a correlation: one correlation over the
        entries of all windows), ``value``, ``low``, ``high`` (2.5 and 97.5 percent), ``n_windows`` (with a value).
    """
    plain, adjusted = window_sums(predicted, observed)
    n = len(plain)
    times_drawn = generator(seed, *names).multinomial(n, np.full(n, 1 / n), size=draws).astype(float)
    once = np.ones((1, n))
    per_window = {
        "pearson": pearson_from_sums(plain),
        "pearson_distance_subtracted": pearson_from_sums(adjusted),
        "mse": squared_error_from_sums(plain),
    }
    rows = []

    def add(metric: str, value: float, drawn: np.ndarray, n_windows: int) -> None:
        finite = drawn[np.isfinite(drawn)]
        low, high = np.quantile(finite, [LOW, HIGH]) if len(finite) else (np.nan, np.nan)
        rows.append({"metric": metric, "value": value, "low": low, "high": high, "n_windows": n_windows})

    for metric, values in per_window.items():
        count = int(np.isfinite(values).sum())
        add(metric, _mean_of_drawn(values, once)[0], _mean_of_drawn(values, times_drawn), count)
    for metric, totals in {"pooled_pearson": plain, "pooled_pearson_distance_subtracted": adjusted}.items():
        value = pearson_from_sums(totals.sum(axis=0))
        add(metric, float(value), pearson_from_sums(times_drawn @ totals), int((totals[:, 0] > 0).sum()))
    return pd.DataFrame(rows)


def read_predictions(paths: Mapping[str, str | Path]) -> dict[str, dict[str, np.ndarray]]:
    """Read the predictions of several models on one map.

    Parameters
    ----------
    paths : mapping of str to path
        ``predictions/{map}/{model}.contacts.npz`` by model.

    Raises
    ------
    InputError
        When the models were not asked about the same windows: their scores could not be compared.
    """
    predictions = {}
    for model, path in paths.items():
        with np.load(path) as found:
            predictions[model] = {name: found[name] for name in found.files}
    first, *others = predictions
    problems = [
        Problem(
            str(paths[model]),
            f"{_windows_in_words(predictions[model])}, but {first} has {_windows_in_words(predictions[first])}; "
            "give all models of a map the same `window` and `evaluation` in their recipes",
        )
        for model in others
        if not all(
            np.array_equal(predictions[model][name], predictions[first][name], equal_nan=name == "observed")
            for name in ("chromosome", "start", "bin_size", "observed")
        )
    ]
    if problems:
        raise InputError(problems)
    return predictions


def _windows_in_words(found: Mapping[str, np.ndarray]) -> str:
    n, bins, _ = found["observed"].shape
    return f"{n} windows of {bins} bins of {int(found['bin_size'])} bp"


def score_models(
    predictions: Mapping[str, Mapping[str, np.ndarray]], draws: int, seed: int, map_name: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score the predictions of several models on the same windows.

    Parameters
    ----------
    predictions : mapping of str to mapping
        Per model what :func:`cisflow.models.contact_predict.predict_windows` returns.
    draws, seed : int
        Bootstrap draws and the run's seed.
    map_name : str

    Returns
    -------
    scores : DataFrame
        ``model, seed, chromosome, start, metric, value, n``; ``seed`` is a replicate or ``mean`` (predictions averaged
        over the replicates).
    summary : DataFrame
        ``model, metric, value, low, high, n_windows`` of the averaged predictions.
    """
    scores, summaries = [], []
    for model, found in predictions.items():
        variants = dict(zip(map(str, found["seeds"]), found["predicted"], strict=True))
        variants["mean"] = found["predicted"].mean(axis=0)
        for name, predicted in variants.items():
            wide = score_windows(predicted, found["observed"])
            wide.insert(0, "start", found["start"])
            wide.insert(0, "chromosome", found["chromosome"])
            tidy = wide.melt(["chromosome", "start", "n"], list(METRICS), "metric", "value", ignore_index=False)
            tidy.insert(0, "seed", name)
            tidy.insert(0, "model", model)
            scores.append(tidy.sort_index(kind="stable"))
        summary = summarise(variants["mean"], found["observed"], draws, seed, "contact windows", map_name)
        summary.insert(0, "model", model)
        summaries.append(summary)
    columns = ["model", "seed", "chromosome", "start", "metric", "value", "n"]
    return pd.concat(scores, ignore_index=True)[columns], pd.concat(summaries, ignore_index=True)

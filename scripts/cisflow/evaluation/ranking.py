"""Ranking of models from the bootstrap: ranks per draw, their means and intervals.

Inputs: scores per draw. Outputs: the tables ``scores.tsv``, ``bootstrap.parquet`` and ``ranking.tsv``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cisflow.datasets.columns import FIRST_HEAD
from cisflow.evaluation.bootstrap import bootstrap_scores
from cisflow.evaluation.scoring import ScoredSubset, read_predictions, score, select
from cisflow.evaluation.subsets import read_subsets
from cisflow.files import read_table
from cisflow.problems import InputError, Problem
from cisflow.randomness import seed_for
from cisflow.statistics import normal_quantile, rank_values

#: Draws (with replacement, whole subsets) behind the 95 % intervals of single scores.
INTERVAL_DRAWS = 1000
LOW, HIGH = 2.5, 97.5


@dataclass(frozen=True)
class Evaluation:
    """Models and the numbers they are scored on."""

    models: list[str]
    scored: list[ScoredSubset]


def read_evaluation(
    dataset: str | Path, predictions: Sequence[str | Path], subsets: str | Path | None, head: str = FIRST_HEAD
) -> Evaluation:
    """Read what the scores are computed from.

    Parameters
    ----------
    dataset : path
        Dataset with its test rows (``split``, ``pos``, ``expression``).
    predictions : sequence of path
        See :func:`cisflow.evaluation.scoring.read_predictions`.
    subsets : path or None
        See :func:`cisflow.evaluation.subsets.read_subsets`.
    head : str
        Measurement that is scored: a column of the dataset. Rows without a further measurement and models that do not
        predict it are left out.

    Raises
    ------
    InputError
        When there is no test row, or files are not usable.
    """
    test = read_test_rows(dataset)
    if head != FIRST_HEAD:
        test = test[np.isfinite(test[head].to_numpy(np.float64))]
    measured = pd.Series(test[head].to_numpy(np.float64), index=test["pos"].to_numpy())
    found = read_predictions(predictions, measured.index.to_numpy(), head)
    scored = select(read_subsets(subsets, measured.index.to_numpy()), measured, found)
    return Evaluation([str(name) for name in found.columns], scored)


def read_test_rows(dataset: str | Path) -> pd.DataFrame:
    """Read the test rows of a dataset, each with its own ``pos``."""
    table = read_table(dataset)
    test = table[table["split"] == "test"]
    if test.empty:
        raise InputError(Problem(str(dataset), "no test rows; nothing can be scored", column="split"))
    if not test["pos"].is_unique:
        raise InputError(Problem(str(dataset), "test rows must have different values", column="pos"))
    return test


def interval_draws(
    evaluation: Evaluation, seed: int, threads: int = 1, draws: int = INTERVAL_DRAWS
) -> dict[tuple[str, str], np.ndarray]:
    """Scores in draws of whole subsets with replacement, the same items for all models.

    Returns
    -------
    dict of (subset, metric) to float64 array, (draws, models)
        Correlations that are not defined count 0.
    """
    totals, r = bootstrap_scores(
        evaluation.scored,
        draws=draws,
        share=1.0,
        replace=True,
        seeds=[seed_for(seed, "score interval", s.subset.name) for s in evaluation.scored],
        threads=threads,
        label="intervals",
    )
    found = {("total", "pearson_score"): totals[..., 0], ("total", "spearman_score"): totals[..., 1]}
    r = np.nan_to_num(r)
    for i, s in enumerate(evaluation.scored):
        found[s.subset.name, "pearson"] = r[i, ..., 0]
        found[s.subset.name, "pearson_squared"] = r[i, ..., 0] ** 2
        found[s.subset.name, "spearman"] = r[i, ..., 1]
    return found


def score_table(
    evaluation: Evaluation,
    seed: int,
    threads: int = 1,
    draws: int = INTERVAL_DRAWS,
    found: Mapping[tuple[str, str], np.ndarray] | None = None,
) -> pd.DataFrame:
    """Scores of all models with 95 % bootstrap intervals over the items (drawn with replacement).

    Parameters
    ----------
    evaluation : Evaluation
    seed, threads, draws : int
        See :func:`interval_draws`; 0 draws: no intervals.
    found : mapping, optional
        Result of :func:`interval_draws` where it is there already.

    Returns
    -------
    DataFrame
        ``model, subset, kind, n, weight, metric, value, low, high``; see :func:`cisflow.evaluation.scoring.score`.
    """
    table = score(evaluation.scored, evaluation.models)
    if found is None and draws == 0:
        return table.assign(low=np.nan, high=np.nan)
    found = found or interval_draws(evaluation, seed, threads, draws)
    limits = {key: np.percentile(values, [LOW, HIGH], axis=0) for key, values in found.items()}
    number = {name: m for m, name in enumerate(evaluation.models)}
    keys = zip(table["subset"], table["metric"], table["model"], strict=True)
    bounds = np.array([limits[subset, metric][:, number[model]] for subset, metric, model in keys])
    return table.assign(low=bounds[:, 0], high=bounds[:, 1])


def leaderboard(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per model with the numbers that a challenge shows, best Pearson Score first.

    Returns
    -------
    DataFrame
        ``place, model, pearson_score, spearman_score, pearson_squared, spearman`` (the latter two over all rows);
        equal scores share the better place.
    """
    shown = {
        "pearson_score": ("total", "pearson_score"),
        "spearman_score": ("total", "spearman_score"),
        "pearson_squared": ("all", "pearson_squared"),
        "spearman": ("all", "spearman"),
    }
    by_model = {key: part.set_index("model")["value"] for key, part in scores.groupby(["subset", "metric"])}
    board = pd.DataFrame({name: by_model[key] for name, key in shown.items()}).rename_axis("model").reset_index()
    board = board.sort_values("pearson_score", ascending=False, kind="stable")
    board.insert(0, "place", rank_values(-board["pearson_score"], "min").astype(int))
    return board.reset_index(drop=True)


def bootstrap_table(
    evaluation: Evaluation, settings: Mapping[str, Any], seed: int, threads: int = 1, shard: tuple[int, int] = (0, 1)
) -> pd.DataFrame:
    """Scores and ranks of all models in every bootstrap draw.

    Parameters
    ----------
    evaluation : Evaluation
    settings : mapping
        ``draws``, ``share`` of each subset in a draw, ``replacement``.
    seed : int
        Seed of the run.
    threads : int
        Does not change the result.
    shard : (int, int)
        Number of this part of the draws (from 0), and number of parts: consecutive draws, whose tables one after the
        other are that of all draws.

    Returns
    -------
    DataFrame
        ``draw, model, pearson_score, spearman_score, pearson_rank, spearman_rank``; rank 1 is best, ties share the
        average.
    """
    first, end = (part * settings["draws"] // shard[1] for part in (shard[0], shard[0] + 1))
    seeds = [seed_for(seed, "bootstrap", s.subset.name) for s in evaluation.scored]
    totals, _ = bootstrap_scores(
        evaluation.scored,
        draws=end - first,
        share=settings["share"],
        replace=settings["replacement"],
        seeds=seeds,
        threads=threads,
        first_draw=first,
    )
    return ranked_draws(evaluation.models, ("pearson", "spearman"), totals, first)


def ranked_draws(models: Sequence[str], names: Sequence[str], totals: np.ndarray, first_draw: int = 0) -> pd.DataFrame:
    """Scores and ranks of models in draws, as a table.

    Parameters
    ----------
    models, names : sequence of str
        Models, and names of the scores.
    totals : float array, (draws, models, scores)
        Higher is better.
    first_draw : int
        Number of the first draw.

    Returns
    -------
    DataFrame
        ``draw, model``, then ``{name}_score`` and then ``{name}_rank`` of every score; rank 1 is best, ties share the
        average.
    """
    ranks = rank_values(-totals, axis=1)
    n_draws, n_models = totals.shape[:2]
    columns = {
        "draw": np.repeat(np.arange(first_draw, first_draw + n_draws), n_models),
        "model": np.tile(models, n_draws),
    }
    for suffix, values in (("score", totals), ("rank", ranks)):
        columns |= {f"{name}_{suffix}": values[..., k].ravel() for k, name in enumerate(names)}
    return pd.DataFrame(columns)


def score_names(bootstrap: pd.DataFrame) -> list[str]:
    """Names of the scores that a table of :func:`ranked_draws` has ranks by."""
    return [column.removesuffix("_rank") for column in bootstrap.columns if column.endswith("_rank")]


def ranking_table(bootstrap: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Final order of the models: by the mean over draws of the mean of the ranks by every score.

    Parameters
    ----------
    bootstrap : DataFrame
        See :func:`ranked_draws`.
    scores : DataFrame
        Rows ``model, metric, value, low, high`` with ``metric`` ``{name}_score``; see :func:`score_table`.

    Returns
    -------
    DataFrame
        ``rank, model, mean_rank, mean_{name}_rank`` of every score, ``rank_low, rank_high`` (95 % of the draws), the
        scores with their intervals, ``probability_best`` (share of draws with the best rank; ties shared).
    """
    models, names = bootstrap["model"].drop_duplicates().tolist(), score_names(bootstrap)
    ranks = {name: bootstrap[f"{name}_rank"].to_numpy().reshape(-1, len(models)) for name in names}
    together = np.mean(list(ranks.values()), axis=0)
    best = together == together.min(axis=1, keepdims=True)
    low, high = np.percentile(together, [LOW, HIGH], axis=0)
    table = pd.DataFrame(
        {
            "model": models,
            "mean_rank": together.mean(axis=0),
            **{f"mean_{name}_rank": values.mean(axis=0) for name, values in ranks.items()},
            "rank_low": low,
            "rank_high": high,
            "probability_best": (best / best.sum(axis=1, keepdims=True)).mean(axis=0),
        }
    )
    for metric in (f"{name}_score" for name in names):
        total = scores[scores["metric"] == metric].set_index("model").loc[models]
        table[metric] = total["value"].to_numpy()
        table[f"{metric}_low"], table[f"{metric}_high"] = total["low"].to_numpy(), total["high"].to_numpy()
    table = table.sort_values(["mean_rank", "model"], kind="stable", ignore_index=True)
    table.insert(0, "rank", rank_values(table["mean_rank"], "min"))
    order = [c for c in table.columns if c != "probability_best"]
    return table[[*order, "probability_best"]]


def rank_distribution(bootstrap: pd.DataFrame) -> pd.DataFrame:
    """How often each model came at each rank.

    Parameters
    ----------
    bootstrap : DataFrame
        See :func:`ranked_draws`.

    Returns
    -------
    DataFrame
        ``model, by`` (name of a score, or ``both``: the mean of the ranks by all of them), ``rank, draws, share, low,
        high``; ``low`` and ``high`` are the 95 % interval of the share from the finite number of draws (Wilson 1927).
    """
    columns = {name: bootstrap[f"{name}_rank"] for name in score_names(bootstrap)}
    ranks = pd.DataFrame(
        {
            "model": pd.Categorical(bootstrap["model"], bootstrap["model"].unique()),
            **columns,
            "both": np.mean(list(columns.values()), axis=0),
        }
    )
    long = ranks.melt("model", var_name="by", value_name="rank")
    counts = long.groupby(["by", "model", "rank"], observed=True).size().rename("draws").reset_index()
    n = bootstrap["draw"].nunique()
    share, z2 = counts["draws"] / n, normal_quantile(HIGH / 100) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    counts = counts.assign(share=share, low=centre - half, high=centre + half, model=counts["model"].astype(str))
    return counts[["model", "by", "rank", "draws", "share", "low", "high"]]

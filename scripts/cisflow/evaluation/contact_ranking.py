"""Ranking of the contact models of a map: bootstrap over windows, and paired tests between models.

Inputs: :class:`~cisflow.evaluation.contact_sums.ContactSums`. Outputs: the tables ``contact_bootstrap.parquet``,
``contact_ranking.tsv``, ``contact_rank_distribution.tsv`` and ``contact_comparisons.tsv``. Ranks, intervals and tests
are those of the expression arm (:mod:`cisflow.evaluation.ranking`, :mod:`cisflow.evaluation.comparisons`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cisflow.contacts.agreement import pearson_from_sums
from cisflow.evaluation.comparisons import UNCERTAINTY, comparison_table
from cisflow.evaluation.contact_sums import ContactSums
from cisflow.evaluation.intervals import interval
from cisflow.evaluation.ranking import rank_distribution, ranked_draws, ranking_table

#: Scores that models are ranked by: pooled Pearson correlation, mean over the levels.
NAMES = ("pearson", "distance_subtracted")
#: Level of the mean over all levels, in tables.
ALL_LEVELS = "all"
DRAWS_AT_ONCE = 1000
#: Blocks that a level must have for the scores over all levels to be drawn by its blocks.
FEWEST_BLOCKS = 10


@dataclass(frozen=True)
class ContactRanking:
    """Tables of a ranking; each has ``kind`` as its first column."""

    bootstrap: pd.DataFrame
    ranking: pd.DataFrame
    distribution: pd.DataFrame
    comparisons: pd.DataFrame


def pooled_correlations(averaged: np.ndarray, times_drawn: np.ndarray) -> np.ndarray:
    """Pooled correlations of all models in draws of windows.

    Parameters
    ----------
    averaged : float64 array, (models, 2, windows, levels, 6)
        See :meth:`cisflow.evaluation.contact_sums.ContactSums.averaged`.
    times_drawn : float64 array, (draws, windows)

    Returns
    -------
    float64 array, (draws, models, levels, 2)
        Over all entries, and after subtracting the mean per distance; 0 where a correlation is not defined.
    """
    models, ways, windows, levels, _ = averaged.shape
    flat = np.moveaxis(averaged, 2, 0).reshape(windows, -1)
    found = np.empty((len(times_drawn), models, ways, levels))
    for first in range(0, len(times_drawn), DRAWS_AT_ONCE):
        block = slice(first, first + DRAWS_AT_ONCE)
        totals = (times_drawn[block] @ flat).reshape(-1, models, ways, levels, 6)
        found[block] = np.nan_to_num(pearson_from_sums(totals))
    return np.moveaxis(found, 2, 3)


def _scores(value: np.ndarray, drawn: np.ndarray, models: list[str], level: str, n_blocks: int) -> pd.DataFrame:
    """Rows ``subset, model, metric, value, low, high``; ``value`` (models, 2), ``drawn`` (draws, models, 2)."""
    rows = []
    for m, model in enumerate(models):
        for k, name in enumerate(NAMES):
            low, high = interval(drawn[:, m, k], n_blocks)
            row = {"subset": level, "model": model, "metric": f"{name}_score", "value": value[m, k]}
            rows.append(row | {"low": low, "high": high})
    return pd.DataFrame(rows)


def drawing_level(sums: ContactSums, kind: str) -> int:
    """Level by whose blocks the mean over levels is drawn: the coarsest with ten blocks or more, else the finest."""
    order = np.argsort(-sums.levels, kind="stable")
    enough = [level for level in order if sums.blocks(kind, level).max() + 1 >= FEWEST_BLOCKS]
    return int(enough[0] if enough else order[-1])


def rank_contact_models(sums: ContactSums, draws: int, seed: int, map_name: str) -> ContactRanking:
    """Rank the models of a map by both scores and test all pairs.

    Parameters
    ----------
    sums : ContactSums
    draws, seed : int
        Bootstrap draws and the run's seed. In each draw, blocks of overlapping windows (at the level that
        :func:`drawing_level` says) are drawn with replacement, the same ones for all models and levels.
    map_name : str

    Returns
    -------
    ContactRanking
        ``bootstrap``: ``kind`` and :func:`cisflow.evaluation.ranking.ranked_draws`; ``ranking`` and ``distribution``:
        ``kind`` and the tables of the expression arm; ``comparisons``: ``kind, level`` (bp, or ``all``: mean over the
        levels) and the columns of :func:`cisflow.evaluation.comparisons.comparison_table`. At single levels blocks are
        those of the level. Intervals and p-values are NaN where all windows are one block.
    """
    models = sums.models
    tables: dict[str, list[pd.DataFrame]] = {"bootstrap": [], "ranking": [], "distribution": [], "comparisons": []}
    for kind in sums.kinds:
        averaged = sums.averaged(kind)
        once = np.ones((1, averaged.shape[2]))
        by_level = pooled_correlations(averaged, once)[0]
        drawing = drawing_level(sums, kind)
        n_blocks = {ALL_LEVELS: sums.n_blocks(kind, drawing)}
        times_drawn = sums.draw(kind, drawing, draws, seed, "contact ranking", map_name)
        totals = pooled_correlations(averaged, times_drawn).mean(axis=2)
        scores = [_scores(by_level.mean(axis=1), totals, models, ALL_LEVELS, n_blocks[ALL_LEVELS])]
        drawn = {(ALL_LEVELS, f"{name}_score"): totals[..., k] for k, name in enumerate(NAMES)}
        if len(sums.levels) > 1:
            for level, length in enumerate(sums.levels):
                times_drawn = sums.draw(kind, level, draws, seed, "contact windows", map_name)
                found = pooled_correlations(averaged[:, :, :, level : level + 1], times_drawn)[:, :, 0]
                n_blocks[str(length)] = sums.n_blocks(kind, level)
                scores.append(_scores(by_level[:, level], found, models, str(length), n_blocks[str(length)]))
                drawn |= {(str(length), f"{name}_score"): found[..., k] for k, name in enumerate(NAMES)}
        bootstrap = ranked_draws(models, NAMES, totals)
        tables["bootstrap"].append(bootstrap.assign(kind=kind))
        tables["ranking"].append(ranking_table(bootstrap, scores[0]).assign(kind=kind))
        tables["distribution"].append(rank_distribution(bootstrap).assign(kind=kind))
        compared = comparison_table(pd.concat(scores), drawn, models, [f"{name}_score" for name in NAMES])
        # The same block in every draw: no spread, and nothing to test with.
        compared.loc[compared["subset"].map(n_blocks) == 1, UNCERTAINTY] = np.nan
        tables["comparisons"].append(compared.rename(columns={"subset": "level"}).assign(kind=kind))
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    return ContactRanking(**{n: t[["kind", *(c for c in t.columns if c != "kind")]] for n, t in joined.items()})

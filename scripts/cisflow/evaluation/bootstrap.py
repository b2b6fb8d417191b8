"""Bootstrap of the scores: how much the ranking depends on which test sequences were measured.

Purpose: redraw the items of every subset many times and score all models on the same draws. Inputs: usable subsets with
measurements and predictions. Outputs: both totals of every model and its ranks in every draw. Source: the final ranking
of the Random Promoter DREAM Challenge 2022 (10,000 draws of 10 % of the test data; Rafi et al. 2024). Not stated there
and chosen here: every subset is drawn on its own, without replacement, and tied models share the average rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from cisflow.evaluation.correlation import correlations_in_draws
from cisflow.evaluation.scoring import ScoredSubset, total_scores, weights_of
from cisflow.joblog import logger
from cisflow.progress import Progress
from cisflow.randomness import generator

#: A draw has at least so many items of a subset (or all of them): correlations of fewer are noise.
FEWEST_DRAWN = 10


@dataclass(frozen=True)
class BootstrapSettings:
    """How to draw.

    Attributes
    ----------
    dataset : str
        Name; part of the seed.
    seed : int
        Seed of the run.
    draws : int
    share : float
        Items of a draw as a share of the subset.
    replacement : bool
        Whether an item can be there twice in a draw.
    """

    dataset: str
    seed: int
    draws: int
    share: float
    replacement: bool = False


def draw_size(n: int, share: float) -> int:
    """Items in a draw from ``n``: the share, at least ten, at most all."""
    return min(n, max(FEWEST_DRAWN, round(share * n)))


def bootstrap_correlations(
    scored: Sequence[ScoredSubset], settings: BootstrapSettings, purpose: str, threads: int = 1
) -> list[np.ndarray]:
    """Correlations of every subset in every draw.

    Parameters
    ----------
    scored : sequence of ScoredSubset
    settings : BootstrapSettings
    purpose : str
        Part of the seed, so that different uses draw differently.
    threads : int
        Without effect on the result.

    Returns
    -------
    list of float64 array, (draws, models, 2)
        r and rho per subset.
    """
    progress = Progress(f"bootstrap {settings.dataset}", settings.draws * len(scored), "draws")
    found = []
    for one in scored:
        rng = generator(settings.seed, purpose, settings.dataset, one.subset.name)
        seeds = rng.integers(0, 2**64, size=settings.draws, dtype=np.uint64)
        n = len(one.measured)
        size = draw_size(n, settings.share)
        if size > round(settings.share * n):
            logger.info("subset %s: %d of its %d items in a draw, more than its share", one.subset.name, size, n)
        found.append(
            correlations_in_draws(
                one.measured, one.predicted, size, seeds, settings.replacement, threads, progress.advance
            )
        )
    return found


def score_ranks(scores: np.ndarray) -> np.ndarray:
    """Ranks of models per draw and score, 1 for the highest; ties share the average rank.

    Parameters
    ----------
    scores : float array, (draws, models, 2)

    Returns
    -------
    float64 array, (draws, models, 2)
    """
    return rankdata(-scores, axis=1)


def bootstrap_models(
    models: Sequence[str], scored: Sequence[ScoredSubset], settings: BootstrapSettings, threads: int = 1
) -> pd.DataFrame:
    """Score and rank models in every draw.

    Parameters
    ----------
    models : sequence of str
        Names in the order of the predictions.
    scored : sequence of ScoredSubset
    settings : BootstrapSettings
    threads : int
        Without effect on the result.

    Returns
    -------
    DataFrame
        ``draw, model, pearson_score, spearman_score, pearson_rank, spearman_rank``, one row per draw and model.
    """
    correlation = np.stack(bootstrap_correlations(scored, settings, "bootstrap", threads))
    totals = total_scores(correlation, weights_of(scored))
    ranks = score_ranks(totals)
    n_draws, n_models = totals.shape[:2]
    return pd.DataFrame(
        {
            "draw": np.repeat(np.arange(n_draws, dtype=np.int32), n_models),
            "model": pd.Categorical.from_codes(np.tile(np.arange(n_models), n_draws), list(models)),
            "pearson_score": totals[..., 0].ravel(),
            "spearman_score": totals[..., 1].ravel(),
            "pearson_rank": ranks[..., 0].ravel(),
            "spearman_rank": ranks[..., 1].ravel(),
        }
    )

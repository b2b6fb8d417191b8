"""The ranking of models from bootstrap draws.

Inputs: ranks of every model in every draw, and the scores on all items. Outputs: one row per model. As in the Random
Promoter DREAM Challenge 2022 the two ranks of a draw, by Pearson Score and by Spearman Score, count alike.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cisflow.evaluation.scoring import TOTAL

LOW, HIGH = 0.025, 0.975
SCORES = ("pearson_score", "spearman_score")


def combined_ranks(bootstrap: pd.DataFrame) -> pd.DataFrame:
    """Mean of both ranks of every model in every draw.

    Parameters
    ----------
    bootstrap : DataFrame
        See :func:`cisflow.evaluation.bootstrap.bootstrap_models`.

    Returns
    -------
    DataFrame
        One row per draw, one column per model, in the order in which the models come.
    """
    models = list(dict.fromkeys(bootstrap["model"].astype(str)))
    ranks = (bootstrap["pearson_rank"] + bootstrap["spearman_rank"]).to_numpy() / 2
    return pd.DataFrame(ranks.reshape(-1, len(models)), columns=models)


def rank_models(bootstrap: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Rank models by their mean combined rank over the draws.

    Parameters
    ----------
    bootstrap : DataFrame
        ``draw, model, pearson_score, spearman_score, pearson_rank, spearman_rank``.
    scores : DataFrame
        See :func:`cisflow.evaluation.scoring.score_table`.

    Returns
    -------
    DataFrame
        ``rank`` (1 = best; models with equal mean ranks share it), ``model``, ``mean_rank``, ``mean_pearson_rank``,
        ``mean_spearman_rank``, ``rank_low``, ``rank_high`` (2.5 and 97.5 % of the combined ranks of the draws),
        ``pearson_score``, ``spearman_score`` (on all items) with ``_low`` and ``_high`` (95 % interval of that score),
        ``probability_best`` (share of draws with the best combined rank; ties share the draw), ``draws``. Sorted by
        rank, then by Spearman Score and name.
    """
    combined = combined_ranks(bootstrap)
    models, ranks = list(combined.columns), combined.to_numpy()
    best = ranks == ranks.min(axis=1, keepdims=True)
    by_model = {name: bootstrap[name].to_numpy().reshape(-1, len(models)).mean(axis=0) for name in
                ("pearson_rank", "spearman_rank")}  # fmt: skip
    low, high = np.quantile(ranks, [LOW, HIGH], axis=0)
    table = pd.DataFrame(
        {
            "model": models,
            "mean_rank": ranks.mean(axis=0),
            "mean_pearson_rank": by_model["pearson_rank"],
            "mean_spearman_rank": by_model["spearman_rank"],
            "rank_low": low,
            "rank_high": high,
        }
    )
    totals = scores[scores["subset"] == TOTAL].set_index(["model", "metric"])
    for metric in SCORES:
        for column, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
            table[metric + suffix] = totals.loc[[(model, metric) for model in models], column].to_numpy()
    table["probability_best"] = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    table["draws"] = len(ranks)
    table.insert(0, "rank", table["mean_rank"].rank(method="min").astype(int))
    order = table.sort_values(["rank", "spearman_score", "model"], ascending=[True, False, True])
    return order.reset_index(drop=True)

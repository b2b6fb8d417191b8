"""All figures of a ranking of submissions in one folder.

Inputs: the tables of the evaluation. Outputs: SVG, PNG, numbers and caption of each figure.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cisflow.evaluation.ranking import Evaluation
from cisflow.figures.challenge import changes_figure, gaps_figure, rank_distribution_figure
from cisflow.figures.evaluation import predictions_figure, ranking_figure, subset_scores_figure
from cisflow.figures.style import save_figure


def save_figures(
    folder: str | Path,
    evaluation: Evaluation,
    scores: pd.DataFrame,
    bootstrap: pd.DataFrame,
    ranking: pd.DataFrame,
) -> None:
    """Draw and save the figures of a ranking; models stand in the order of the ranking.

    Parameters
    ----------
    folder : path
    evaluation : Evaluation
    scores, bootstrap, ranking : DataFrame
        See :mod:`cisflow.evaluation.ranking`.
    """
    order = ranking["model"].tolist()
    scores = scores.sort_values("model", key=lambda names: names.map(order.index), kind="stable")
    drawn = {
        "ranking": ("Ranking", ranking_figure(bootstrap, ranking)),
        "rank_distribution": ("Ranks by both scores", rank_distribution_figure(bootstrap, ranking)),
        "subset_scores": ("Scores per subset", subset_scores_figure(scores)),
        "gaps": ("Gaps between the models", gaps_figure(scores)),
        "predictions": ("Predictions and measurements", predictions_figure(evaluation)),
    }
    if any(s.subset.kind == "pairs" for s in evaluation.scored):
        drawn["changes"] = ("Changes of expression within pairs", changes_figure(evaluation, order))
    for name, (title, (figure, table, caption)) in drawn.items():
        save_figure(figure, table, Path(folder) / f"{name}.svg", title, caption)

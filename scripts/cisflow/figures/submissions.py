"""All figures of a ranking of submissions in one folder.

Inputs: the tables of the evaluation. Outputs: SVG, PNG, numbers and caption of each figure.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cisflow.evaluation.ranking import Evaluation
from cisflow.figures.evaluation import predictions_figure, ranking_figure, subset_scores_figure
from cisflow.figures.style import save_figure


def save_figures(
    folder: str | Path,
    evaluation: Evaluation,
    scores: pd.DataFrame,
    bootstrap: pd.DataFrame,
    ranking: pd.DataFrame,
    comparisons: pd.DataFrame,
) -> None:
    """Draw and save the figures of a ranking; models stand in the order of the ranking.

    Parameters
    ----------
    folder : path
    evaluation : Evaluation
    scores, bootstrap, ranking, comparisons : DataFrame
        See :mod:`cisflow.evaluation.ranking` and :mod:`cisflow.evaluation.comparisons`.
    """
    drawn = {
        "ranking": ("Ranking", ranking_figure(bootstrap, ranking)),
        "subset_scores": ("Scores per subset", subset_scores_figure(scores)),
        "predictions": ("Predictions and measurements", predictions_figure(evaluation)),
    }
    for name, (title, (figure, table, caption)) in drawn.items():
        save_figure(figure, table, Path(folder) / f"{name}.svg", title, caption)

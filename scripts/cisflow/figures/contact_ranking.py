"""Figures of the ranking of contact models: ranks over draws of windows, total scores, and ranks by each score.

Inputs: ``contact_bootstrap.parquet``, ``contact_ranking.tsv``, ``contact_comparisons.tsv``. Outputs: figures.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from cisflow.evaluation.contact_ranking import ALL_LEVELS
from cisflow.figures.challenge import rank_distribution_figure
from cisflow.figures.evaluation import ranking_figure

#: Names of the scores in words, as in :data:`cisflow.evaluation.contact_ranking.NAMES`.
LABELS = {"pearson": "Pearson r, all entries", "distance_subtracted": "r, distance subtracted"}
WHERE = {"cis": "within chromosomes", "trans": "between chromosomes"}


def contact_ranking_figures(
    bootstrap: pd.DataFrame, ranking: pd.DataFrame, comparisons: pd.DataFrame
) -> list[tuple[Figure, pd.DataFrame, str]]:
    """Draw the ranking of the contact models of a map.

    Parameters
    ----------
    bootstrap, ranking, comparisons : DataFrame
        See :func:`cisflow.evaluation.contact_ranking.rank_contact_models`. Drawn is the first set of windows that is
        there: contacts within chromosomes where there are any.

    Returns
    -------
    list of (figure, table, caption)
        The ranking with both scores, and the ranks by each score.
    """
    kind = ranking["kind"].iloc[0]
    bootstrap, ranking = (table[table["kind"] == kind] for table in (bootstrap, ranking))
    ranking = ranking.reset_index(drop=True)
    tests = comparisons[(comparisons["kind"] == kind) & (comparisons["level"].astype(str) == ALL_LEVELS)]
    tests = tests[tests["metric"] == "pearson_score"]
    best, n_models = ranking.iloc[0], len(ranking)
    others = tests[tests["better"] == best["model"]]
    apart = int((others["p_holm"] < 0.05).sum())
    tested = ""
    if n_models > 1 and tests["p_holm"].isna().all():
        tested = " All windows overlap and are one block: there are no intervals and no tests."
    elif n_models > 1:
        tested = (
            f" By Pearson r over all entries it is better than {apart} of the {n_models - 1} others beyond the choice "
            "of windows (paired test, Holm, 5 %)."
        )
    draws = bootstrap["draw"].nunique()
    figure, table, _ = ranking_figure(bootstrap, ranking, labels=LABELS)
    figure.axes[1].set_xlabel("score with 95 % interval (mean over levels)")
    caption = (
        f"{draws:,} bootstrap draws of the test windows, contacts {WHERE[kind]}; windows that overlap are drawn "
        f"together. First: {best['model']}, best in {best['probability_best']:.0%} of the draws (mean rank "
        f"{best['mean_rank']:.2f}).{tested} Left: how often each model came at each rank (mean of its ranks by both "
        "scores; bars relative to its most frequent rank). Right: both scores on all windows, each the mean over the "
        "levels of one correlation over the entries of all windows: as they are, and after subtracting the mean of "
        "every diagonal, where a model of distance alone has 0. With few blocks of windows the intervals are rough."
    )
    distribution, shares, _ = rank_distribution_figure(bootstrap, ranking, LABELS)
    second = (
        f"How often each model came at each rank in {draws:,} draws of the test windows, contacts {WHERE[kind]}, by "
        f"each of the two scores; models in the final order ({best['model']} first). Orange: mean rank and the range "
        "of 95 % of the draws. A dark diagonal means that the order hardly depends on which windows are chosen."
    )
    return [(figure, table, caption), (distribution, shares, second)]

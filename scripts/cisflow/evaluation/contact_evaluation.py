"""All tables of the evaluation of a map's contact models, from one reading of each model's predictions.

Inputs: ``predictions/{map}/{model}.contacts.npz`` of every model. Outputs: tables by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from cisflow.evaluation.contact_predictions import MAX_MISSING, PredictedMaps, each_model
from cisflow.evaluation.contact_profiles import OBSERVED, density, distance_means
from cisflow.evaluation.contact_ranking import rank_contact_models
from cisflow.evaluation.contact_sums import sum_models
from cisflow.evaluation.contacts import akita_table, chromosome_table, score_table, summary_table


def evaluate_contacts(
    paths: Mapping[str, str | Path],
    draws: int,
    seed: int,
    map_name: str,
    max_missing: float = MAX_MISSING,
) -> dict[str, pd.DataFrame]:
    """Score, rank and describe the models of a map.

    Parameters
    ----------
    paths : mapping of str to path
        Predictions by model; one model is in memory at a time.
    draws, seed : int
        Bootstrap draws and the run's seed.
    map_name : str
    max_missing : float
        See :class:`~cisflow.evaluation.contact_predictions.PredictedMaps`.

    Returns
    -------
    dict of str to DataFrame
        ``scores, summary, chromosomes, akita`` (:mod:`cisflow.evaluation.contacts`), ``bootstrap, ranking,
        distribution, comparisons`` (:mod:`cisflow.evaluation.contact_ranking`), ``density, distance``
        (:mod:`cisflow.evaluation.contact_profiles`).
    """
    densities: list[pd.DataFrame] = []
    distances: list[pd.DataFrame] = []

    def described() -> Iterator[tuple[str, PredictedMaps]]:
        for model, found in each_model(paths, max_missing):
            densities.append(density(model, found))
            means = distance_means(model, found)
            distances.append(means[means["series"] != OBSERVED] if distances else means)
            yield model, found

    sums = sum_models(described())
    drawn = (draws, seed, map_name)
    ranks = rank_contact_models(sums, *drawn)
    return {
        "scores": score_table(sums),
        "summary": summary_table(sums, *drawn),
        "chromosomes": chromosome_table(sums, *drawn),
        "akita": akita_table(sums, *drawn),
        **{name: getattr(ranks, name) for name in ("bootstrap", "ranking", "distribution", "comparisons")},
        "density": pd.concat(densities, ignore_index=True),
        "distance": pd.concat(distances, ignore_index=True),
    }

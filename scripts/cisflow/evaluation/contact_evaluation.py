"""All tables of the evaluation of a map's contact models, from one reading of each model's predictions.

Inputs: ``predictions/{map}/{model}.contacts.npz`` of every model. Outputs: tables by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.diagnosis.ceiling import chosen_ceilings
from cisflow.evaluation.contact_predictions import MAX_MISSING, PredictedMaps, each_model
from cisflow.evaluation.contact_profiles import OBSERVED, density, distance_means
from cisflow.evaluation.contact_ranking import rank_contact_models
from cisflow.evaluation.contact_sums import sum_models
from cisflow.evaluation.contacts import akita_table, chromosome_table, score_table, summary_table


def with_ceiling(summary: pd.DataFrame, ceiling: pd.DataFrame | None) -> pd.DataFrame:
    """Add to a summary what a perfect model would reach: ``ceiling``, ``ceiling_low``, ``ceiling_high``.

    Parameters
    ----------
    summary : DataFrame
        See :func:`cisflow.evaluation.contacts.summary_table`.
    ceiling : DataFrame or None
        See :func:`cisflow.diagnosis.ceiling.ceiling_table`. Empty columns without it, and for metrics that have no
        ceiling.
    """
    names = {"ceiling": "ceiling", "low": "ceiling_low", "high": "ceiling_high"}
    found = (
        None if ceiling is None else chosen_ceilings(ceiling)[["kind", "level", "metric", *names]].rename(columns=names)
    )
    if found is None or found.empty:
        return summary.assign(**dict.fromkeys(names.values(), np.nan))
    return summary.merge(found, on=["kind", "level", "metric"], how="left", validate="many_to_one")


def evaluate_contacts(
    paths: Mapping[str, str | Path],
    draws: int,
    seed: int,
    map_name: str,
    max_missing: float = MAX_MISSING,
    ceiling: pd.DataFrame | None = None,
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
    ceiling : DataFrame, optional
        Of the windows of the models, see :func:`cisflow.diagnosis.ceiling.ceiling_table`.

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
        "summary": with_ceiling(summary_table(sums, *drawn), ceiling),
        "chromosomes": chromosome_table(sums, *drawn),
        "akita": akita_table(sums, *drawn),
        **{name: getattr(ranks, name) for name in ("bootstrap", "ranking", "distribution", "comparisons")},
        "density": pd.concat(densities, ignore_index=True),
        "distance": pd.concat(distances, ignore_index=True),
    }

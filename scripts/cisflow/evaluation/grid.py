"""Scores of Prix Fixe combinations: one row per combination, and what exchanging one part does to the others.

Inputs: scores and manifests of a dataset, and which models are which combinations. Outputs: tables for the figures.
Source of the comparison: Rafi et al. 2024, figure 2 (trainers compared on the same first, core and final blocks).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.evaluation.comparisons import holm
from cisflow.models.prix_fixe import PARTS, TEAMS, Cell
from cisflow.statistics import student_quantile, student_tail

METRICS = ("pearson_score", "spearman_score")
CONFIDENCE = 0.95
#: Fewer pairs say nothing about a part.
FEWEST_PAIRS = 2


def scores_of_models(scores: pd.DataFrame, parameters: Mapping[str, int]) -> pd.DataFrame:
    """Total scores and sizes of models.

    Parameters
    ----------
    scores : DataFrame
        See :func:`cisflow.evaluation.ranking.score_table`.
    parameters : mapping of str to int
        Trained numbers of each model; only these models are taken.

    Returns
    -------
    DataFrame
        ``model, parameters`` and, for both total scores, ``{metric}``, ``{metric}_low``, ``{metric}_high``.
    """
    table = pd.DataFrame({"model": list(parameters), "parameters": list(parameters.values())})
    for metric in METRICS:
        total = scores[scores["metric"] == metric].set_index("model").reindex(table["model"])
        for column, name in (("value", metric), ("low", f"{metric}_low"), ("high", f"{metric}_high")):
            table[name] = total[column].to_numpy(np.float64)
    return table


def grid_table(cells: Mapping[str, Cell], scores: pd.DataFrame, parameters: Mapping[str, int]) -> pd.DataFrame:
    """Scores of the models that are Prix Fixe combinations.

    Parameters
    ----------
    cells : mapping of str to Cell
        Combination of each model.
    scores : DataFrame
        See :func:`cisflow.evaluation.ranking.score_table`.
    parameters : mapping of str to int
        Of each model in ``cells``.

    Returns
    -------
    DataFrame
        As :func:`scores_of_models`, and before it ``cell, data, first, core, final``. Where several models are the
        same combination the one with the best Pearson Score is taken.
    """
    table = scores_of_models(scores, {model: parameters[model] for model in cells})
    for place, part in enumerate(PARTS):
        table.insert(place + 1, part, [getattr(cells[model], part) for model in table["model"]])
    table.insert(1, "cell", [cells[model].code for model in table["model"]])
    best_first = table.sort_values("pearson_score", ascending=False, kind="stable")
    return best_first.drop_duplicates("cell").sort_values("cell", ignore_index=True)


def pairs_of_part(table: pd.DataFrame, part: str) -> pd.DataFrame:
    """Combinations that differ in one part alone, side by side.

    UnlockDNA's data and its final block exist with each other only. With them, "the same other parts" means the same
    first and core block: each such combination stands beside the mean over the final blocks of the other teams.

    Parameters
    ----------
    table : DataFrame
        See :func:`grid_table`.
    part : {"data", "first", "core", "final"}

    Returns
    -------
    DataFrame
        ``part, metric, first_team, second_team, others`` (the parts that both share, e.g. ``autosome-bhi-bhi``),
        ``first_value, second_value, same_final`` (False where the final blocks differ with the data).
    """
    rows = []
    for metric in METRICS:
        for one, two in combinations(TEAMS, 2):
            crossed = part == "data" and "unlockdna" in (one, two)
            if part == "final" and "unlockdna" in (one, two):
                continue  # the same combinations as UnlockDNA's data
            same = [p for p in PARTS if p != part and not (crossed and p == "final")]
            values = table.groupby([part, *same])[metric].mean()
            sides = [values.xs(team) if team in values.index.get_level_values(0) else None for team in (one, two)]
            if any(side is None for side in sides):
                continue
            paired = pd.concat(sides, axis=1, keys=["first_value", "second_value"]).dropna().reset_index()
            paired["others"] = paired[same].agg("-".join, axis=1)
            head = {"part": part, "metric": metric, "first_team": one, "second_team": two, "same_final": not crossed}
            rows.append(paired[["others", "first_value", "second_value"]].assign(**head))
    columns = ["part", "metric", "first_team", "second_team", "others", "first_value", "second_value", "same_final"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def part_tests(pairs: pd.DataFrame) -> pd.DataFrame:
    """Paired tests between the teams of a part, over the combinations that are otherwise the same.

    Parameters
    ----------
    pairs : DataFrame
        See :func:`pairs_of_part`; of one part or several.

    Returns
    -------
    DataFrame
        ``part, metric, first_team, second_team, same_final, pairs, difference`` (mean of first minus second), ``low,
        high`` (95 %, Student's t), ``t, df, p_value`` (two-sided paired t-test), ``p_wilcoxon`` (two-sided signed-rank
        test), ``p_holm`` (``p_value`` adjusted over the pairs of teams of the part and metric). No rows for fewer than
        two pairs.

    Notes
    -----
    Combinations share blocks and all are scored on the same test rows, so that the pairs are not independent draws: the
    p-values tell how consistent a difference is within this grid.
    """
    from scipy.stats import wilcoxon

    rows = []
    keys = ["part", "metric", "first_team", "second_team", "same_final"]
    for key, group in pairs.groupby(keys, sort=False):
        apart = (group["first_value"] - group["second_value"]).to_numpy(np.float64)
        n = len(apart)
        if n < FEWEST_PAIRS:
            continue
        mean, error = apart.mean(), apart.std(ddof=1) / np.sqrt(n)
        equal = error == 0
        t = (0.0 if mean == 0 else np.copysign(np.inf, mean)) if equal else mean / error
        half = student_quantile((1 + CONFIDENCE) / 2, n - 1) * error
        found = {"pairs": n, "difference": mean, "low": mean - half, "high": mean + half, "t": t, "df": n - 1}
        found["p_value"] = 2 * student_tail(abs(t), n - 1)
        found["p_wilcoxon"] = 1.0 if not apart.any() else float(wilcoxon(apart).pvalue)
        rows.append({**dict(zip(keys, key, strict=True)), **found})
    columns = [*keys, "pairs", "difference", "low", "high", "t", "df", "p_value", "p_wilcoxon", "p_holm"]
    if not rows:
        return pd.DataFrame(columns=columns)
    table = pd.DataFrame(rows)
    table["p_holm"] = table.groupby(["part", "metric"])["p_value"].transform(lambda p: holm(p.to_numpy()))
    return table[columns]


def pareto_front(parameters: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Models that no other model beats with as few parameters or fewer.

    Parameters
    ----------
    parameters : int array, (models,)
    score : float array, (models,)
        NaN is never on the front.

    Returns
    -------
    int64 array
        Places of the models on the front, smallest first.
    """
    order = np.lexsort((-np.nan_to_num(score, nan=-np.inf), parameters))
    front, best = [], -np.inf
    for place in order:
        if score[place] > best:
            front.append(place)
            best = score[place]
    return np.asarray(front, dtype=np.int64)


def read_parameters(manifests: Iterable[str | Path]) -> dict[str, int]:
    """Parameters of trained models; replicates and folds of a model have the same.

    Parameters
    ----------
    manifests : iterable of path
        ``.../{model}/{replicate}/manifest.json``

    Returns
    -------
    dict of str to int
        By name of the model, in the order of the files.
    """
    found = {}
    for path in map(Path, manifests):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(path.parts[-3], int(manifest["training"]["parameters"]))
    return found

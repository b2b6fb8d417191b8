"""Score tables of profile models over the chromosome folds of an assay.

Inputs: predictions of the test peaks of every fold, observed counts. Outputs: scores per region, scores per fold with
bootstrap intervals, means over the folds, paired tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cisflow.evaluation.cross_validation import paired_tests, summary_table
from cisflow.evaluation.intervals import interval
from cisflow.evaluation.profile_scores import RegionBootstrap, jensen_shannon, mean_profile, shuffled_distance
from cisflow.evaluation.scoring import pearson, spearman
from cisflow.files import read_table
from cisflow.problems import InputError, Problem
from cisflow.profiles.folds import Fold
from cisflow.profiles.regions import PEAK
from cisflow.randomness import generator

#: Metrics, and whether higher is better; models are ordered by the first.
METRICS = {
    "count_pearson": True,
    "count_spearman": True,
    "count_mse": False,
    "jensen_shannon": False,
    "profile_similarity": True,
}
#: What a row of a table is about: a trained network, the bias model alone, or no model at all.
MODEL, BIAS, BASELINE = "model", "bias", "baseline"
SHUFFLED, MEAN_PROFILE = "shuffled", "mean_profile"
REGION_COLUMNS = ["model", "kind", "fold", "region", "chromosome", "position", "observed", "predicted"]


def observed_counts(path: str | Path, rows: np.ndarray, output_length: int) -> np.ndarray:
    """Counts of regions at the positions that are predicted.

    Parameters
    ----------
    path : path
        ``counts.npy`` of the assay.
    rows : int array, (n,)
    output_length : int

    Returns
    -------
    array, (n, output_length)
    """
    counts = np.load(path, mmap_mode="r")
    room = (counts.shape[1] - output_length) // 2
    return np.asarray(counts[rows, room : room + output_length])


def read_fold(path: str | Path) -> dict[str, np.ndarray]:
    """Read what :func:`cisflow.models.profiles.predict.predict_test_peaks` found."""
    with np.load(path) as found:
        return {name: found[name] for name in found.files}


def paths_by_fold(pairs: Sequence[tuple[str, str]], paths: Sequence[str | Path]) -> dict[str, dict[str, str | Path]]:
    """Predictions by fold and model, from pairs of (fold, model) and their files."""
    found: dict[str, dict[str, str | Path]] = {}
    for (fold, model), path in zip(pairs, paths, strict=True):
        found.setdefault(fold, {})[model] = path
    return found


class FoldScores:
    """Scores of all models on the test peaks of one fold.

    Parameters
    ----------
    fold : Fold
    regions : DataFrame
        Regions of the assay.
    counts : path
        ``counts.npy``.
    paths : mapping of str to path
        Predictions by model; all of the same peaks.
    draws : int
        Bootstrap draws of regions.
    rng : numpy Generator

    Raises
    ------
    InputError
        When models were asked about different peaks, or predictions are not finite.
    """

    def __init__(
        self,
        fold: Fold,
        regions: pd.DataFrame,
        counts: str | Path,
        paths: Mapping[str, str | Path],
        draws: int,
        rng: np.random.Generator,
    ):
        self.fold, self.regions, self.paths = fold, regions, paths
        first = read_fold(next(iter(paths.values())))
        self.rows, length = first["rows"], first["probabilities"].shape[1]
        self.counts = observed_counts(counts, self.rows, length)
        if not self.counts.any():
            raise InputError(Problem(str(counts), f"no counts on the test peaks of fold {fold.name}"))
        self.observed = np.log1p(self.counts.sum(axis=1, dtype=np.float64))
        self.shuffled = shuffled_distance(self.counts, rng)
        roles = regions["chromosome"].map(fold.role)
        training = np.flatnonzero((roles == "training") & (regions["kind"] == PEAK))
        self.mean_profile = jensen_shannon(self.counts, mean_profile(observed_counts(counts, training, length)))
        self.bootstrap = RegionBootstrap(len(self.rows), draws, rng, f"fold {fold.name}")

    def tables(self, kinds: Mapping[str, str]) -> tuple[list[pd.DataFrame], list[dict[str, Any]]]:
        """Scores per region, and rows of the table of scores."""
        parts, rows = [], []
        none = np.full(len(self.rows), np.nan)
        for name, distance in ((SHUFFLED, self.shuffled), (MEAN_PROFILE, self.mean_profile)):
            parts.append(self._regions(name, BASELINE, none, distance))
            rows += self._profile_rows(name, BASELINE, 0, distance)
        for name, path in self.paths.items():
            found = read_fold(path)
            self._check(found, name, path)
            predicted = found["log_counts"].mean(axis=0, dtype=np.float64)
            distance = jensen_shannon(self.counts, found["probabilities"])
            parts.append(self._regions(name, kinds[name], predicted, distance))
            rows += self._count_rows(name, kinds[name], len(found["seeds"]), predicted)
            rows += self._profile_rows(name, kinds[name], len(found["seeds"]), distance)
        return parts, rows

    def _check(self, found: Mapping[str, np.ndarray], name: str, path: str | Path) -> None:
        problems = []
        if not np.array_equal(found["rows"], self.rows):
            problems.append(Problem(str(path), f"{name}: other test peaks than those of {next(iter(self.paths))}"))
        elif not all(np.isfinite(found[part]).all() for part in ("probabilities", "log_counts")):
            problems.append(Problem(str(path), f"{name}: predictions are not finite numbers"))
        if problems:
            raise InputError(problems)

    def _regions(self, name: str, kind: str, predicted: np.ndarray, distance: np.ndarray) -> pd.DataFrame:
        table = self.regions.iloc[self.rows][["region", "chromosome", "position"]].reset_index(drop=True)
        table = table.assign(model=name, kind=kind, fold=self.fold.name, observed=self.observed, predicted=predicted)
        return table[REGION_COLUMNS].assign(jensen_shannon=distance)

    def _row(self, name: str, kind: str, models: int, metric: str, n: int, value: float, drawn: np.ndarray) -> dict:
        low, high = interval(drawn)
        head = {"model": name, "kind": kind, "fold": self.fold.name, "n": n, "models": models, "metric": metric}
        return head | {"value": value, "low": low, "high": high}

    def _count_rows(self, name: str, kind: str, models: int, predicted: np.ndarray) -> list[dict[str, Any]]:
        n, square = len(predicted), (predicted - self.observed) ** 2
        r = float(pearson(self.observed, predicted[:, None])[0])
        rho = float(spearman(self.observed, predicted[:, None])[0])
        nothing = np.empty(0)
        return [
            self._row(name, kind, models, "count_pearson", n, r, self.bootstrap.pearsons(self.observed, predicted)),
            self._row(name, kind, models, "count_spearman", n, rho, nothing),
            self._row(name, kind, models, "count_mse", n, float(square.mean()), self.bootstrap.means(square)),
        ]

    def _profile_rows(self, name: str, kind: str, models: int, distance: np.ndarray) -> list[dict[str, Any]]:
        kept = distance[np.isfinite(distance)]
        median = float(np.median(kept)) if len(kept) else np.nan
        drawn = self.bootstrap.medians(distance)
        return [
            self._row(name, kind, models, "jensen_shannon", len(kept), median, drawn),
            self._row(name, kind, models, "profile_similarity", len(kept), 1 - median, 1 - drawn),
        ]


def fold_tables(
    assay: str,
    folds: Sequence[Fold],
    regions: str | Path,
    counts: str | Path,
    paths: Mapping[str, Mapping[str, str | Path]],
    bias: str,
    draws: int,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Score the models of an assay on the test peaks of some of its folds; each fold has a random stream of its own.

    Parameters
    ----------
    assay : str
    folds : sequence of Fold
    regions, counts : path
        ``regions.parquet`` and ``counts.npy`` of the assay.
    paths : mapping of str to mapping of str to path
        Predictions by fold and model; the bias model among them.
    bias : str
        Name of the bias model.
    draws, seed : int
        Bootstrap draws and the run's seed.

    Returns
    -------
    dict of DataFrame
        ``regions`` and ``scores`` of :func:`assay_tables`, of these folds.
    """
    table, parts, rows = read_table(regions), [], []
    for fold in folds:
        rng = generator(seed, "profile scores", assay, fold.name)
        own = paths[fold.name]
        kinds = {name: BIAS if name == bias else MODEL for name in own}
        found = FoldScores(fold, table, counts, own, draws, rng).tables(kinds)
        parts += found[0]
        rows += found[1]
    return {"regions": pd.concat(parts, ignore_index=True), "scores": pd.DataFrame(rows)}


def joined_folds(tables: Sequence[pd.DataFrame], folds: Sequence[str]) -> pd.DataFrame:
    """One table of several jobs' tables of folds, in the order of the folds."""
    together = pd.concat(tables)
    return pd.concat([together[together["fold"] == fold] for fold in folds], ignore_index=True)


def assay_tables(regions: pd.DataFrame, scores: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """All tables of an assay from those of :func:`fold_tables` of all folds.

    Returns
    -------
    dict of DataFrame
        ``regions``: ``model, kind, fold, region, chromosome, position, observed, predicted`` (ln(1 + count)),
        ``jensen_shannon``. ``scores``: ``model, kind, fold, n, models, metric, value, low, high``. ``summary``:
        ``model, kind, metric, folds, mean, standard_deviation, low, high`` (with one fold the interval is that of its
        bootstrap). ``comparisons``: see :func:`cisflow.evaluation.cross_validation.paired_tests`, networks only; empty
        with one fold.
    """
    n_folds = scores["fold"].nunique()
    of_models = scores[scores["kind"] == MODEL]
    # What is tested over folds is the same as in cross-validations of expression, which may have several heads.
    tests = paired_tests((of_models if n_folds > 1 else of_models[:0]).assign(head=""), METRICS).drop(columns="head")
    return {"regions": regions, "scores": scores, "summary": _summary(scores, n_folds), "comparisons": tests}


def _summary(scores: pd.DataFrame, n_folds: int) -> pd.DataFrame:
    """Means over the folds: networks by the first metric, then the bias model and the baselines."""
    parts = []
    for kind, metrics in ((MODEL, METRICS), (BIAS, METRICS), (BASELINE, list(METRICS)[3:])):
        own = scores[(scores["kind"] == kind) & scores["metric"].isin(list(metrics))]
        if n_folds > 1:
            part = summary_table(own.assign(head=""), {metric: METRICS[metric] for metric in metrics})
        else:
            part = own.rename(columns={"value": "mean"})[["model", "metric", "mean", "low", "high"]]
            part = part.assign(folds=1, standard_deviation=np.nan)
            best = part[part["metric"] == next(iter(metrics))].sort_values("mean", ascending=False, kind="stable")
            order = {name: i for i, name in enumerate(best["model"])}
            places = {metric: i for i, metric in enumerate(METRICS)}
            part = part.sort_values(
                ["metric", "model"], key=lambda c, o=order, p=places: c.map({**o, **p}), kind="stable"
            )
        parts.append(part.assign(kind=kind))
    columns = ["model", "kind", "metric", "folds", "mean", "standard_deviation", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns]

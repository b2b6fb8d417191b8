"""Which regions a model of a fold is trained on and chosen by, and the weight of its count loss.

Inputs: the table of regions, a fold, settings of the recipe. Outputs: rows of the table. The rules are those of
ChromBPNet: thresholds come from the training and validation chromosomes together, test regions are never filtered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cisflow.models.profiles.settings import BiasData, NetworkData, ProfileSettings
from cisflow.problems import InputError, Problem
from cisflow.profiles.folds import Fold
from cisflow.profiles.regions import NONPEAK, PEAK

PER_WEIGHT = 10  # the weight is the median count divided by this


@dataclass(frozen=True)
class Selection:
    """Rows of the table of regions, int64 arrays, and what was computed from their counts.

    Attributes
    ----------
    train_peaks, train_nonpeaks, validation_peaks, validation_nonpeaks : int64 array
    shift_nonpeaks : int64 array
        Regions without peak, training and validation, that the count of the bias model is shifted on (empty for a bias
        model).
    count_weight : float
        Weight of the count term of the loss.
    low, high : float
        Counts of the regions lie strictly between them.
    """

    train_peaks: np.ndarray
    train_nonpeaks: np.ndarray
    validation_peaks: np.ndarray
    validation_nonpeaks: np.ndarray
    shift_nonpeaks: np.ndarray
    count_weight: float
    low: float
    high: float


def count_weight(counts: np.ndarray, low: float, high: float, above_one: bool, where: str) -> float:
    """A tenth of the median of the counts from ``low`` to ``high``, rounded to two decimals.

    Raises
    ------
    InputError
        When it is 0, or with ``above_one`` not above 1: the counts are too few for a weight of their own.
    """
    weight = float(np.median(counts[(counts >= low) & (counts <= high)])) / PER_WEIGHT
    if weight <= (1 if above_one else 0):
        what = f"the weight of the count loss, a tenth of the median count, is {weight:g}; expected more than "
        advice = "check the peaks and the depth of the track, or set `loss.count_weight` in the recipe"
        raise InputError(Problem(where, f"{what}{1 if above_one else 0}: {advice}"))
    return round(weight, 2)


def held_out_peaks(regions: pd.DataFrame, fold: Fold) -> np.ndarray:
    """Rows of the peaks on test chromosomes; int64."""
    return np.flatnonzero((regions["kind"] == PEAK) & (regions["chromosome"].map(fold.role) == "test"))


def select(
    regions: pd.DataFrame, fold: Fold, settings: ProfileSettings, rng: np.random.Generator, where: str
) -> Selection:
    """Choose the regions of a fold.

    Parameters
    ----------
    regions : DataFrame
        See :mod:`cisflow.profiles.prepare`.
    fold : Fold
    settings : ProfileSettings
        ``window.jitter``, ``data`` and ``loss`` decide.
    rng : numpy Generator
        Draws the fixed negatives; the same for all models of a fold.
    where : str
        File of the regions for messages.

    Raises
    ------
    InputError
        When no regions are left.
    """
    table = regions.assign(role=regions["chromosome"].map(fold.role))
    table = table[table["role"].isin(["training", "validation"])]
    rule = _bias_rule if isinstance(settings.data, BiasData) else _network_rule
    return rule(table, settings, rng, f"{where}, fold {fold.name}")


def _rows(table: pd.DataFrame, role: str) -> np.ndarray:
    return table.index[table["role"] == role].to_numpy(np.int64)


def _between(table: pd.DataFrame, low: float, high: float) -> pd.DataFrame:
    return table[(table["count"] > low) & (table["count"] < high)]


def _quantiles(counts: np.ndarray, share: float) -> tuple[float, float]:
    low, high = np.quantile(counts, [1 - share, share])
    return float(low), float(high)


def _checked(found: dict[str, np.ndarray], where: str) -> None:
    problems = [
        Problem(where, f"no {name} are left to train on or choose by") for name, rows in found.items() if not len(rows)
    ]
    if problems:
        raise InputError(problems)


def _bias_rule(table: pd.DataFrame, settings: ProfileSettings, rng: np.random.Generator, where: str) -> Selection:
    data, jitter = settings.data, settings.window.jitter
    peaks = table.loc[table["kind"] == PEAK, "count"]
    nonpeaks = table[(table["kind"] == NONPEAK) & (table["room_for_jitter"] | (jitter == 0))]
    limit = data.count_limit * float(np.quantile(peaks, data.count_quantile))
    few = nonpeaks[nonpeaks["count"] < limit]
    if not len(few):
        what = (
            f"none of {len(nonpeaks)} regions without peak has fewer than {limit:g} counts ({data.count_limit:g} times "
        )
        what += f"the {data.count_quantile:g} quantile of the peaks)"
        raise InputError(Problem(where, f"{what}; raise `data.count_limit` of the bias recipe, or check the peaks"))
    low, high = _quantiles(few["count"].to_numpy(), data.outlier_quantile)
    kept = _between(few, low, high)
    _checked({f"{role} regions without peak": _rows(kept, role) for role in ("training", "validation")}, where)
    weight = settings.loss.count_weight or count_weight(kept["count"].to_numpy(), low, high, False, where)
    none = np.empty(0, dtype=np.int64)
    return Selection(none, _rows(kept, "training"), none, _rows(kept, "validation"), none, weight, low, high)


def _network_rule(table: pd.DataFrame, settings: ProfileSettings, rng: np.random.Generator, where: str) -> Selection:
    data: NetworkData = settings.data
    table = table[table["room_for_jitter"] | (settings.window.jitter == 0)]
    peaks, nonpeaks = table[table["kind"] == PEAK], table[table["kind"] == NONPEAK]
    n_sampled = int(data.negatives * len(peaks))
    if len(nonpeaks) < n_sampled:
        what = f"{len(nonpeaks)} regions without peak, expected {n_sampled} or more ({data.negatives:g} per peak)"
        raise InputError(Problem(where, what))
    sampled = rng.choice(nonpeaks["count"].to_numpy(), size=n_sampled, replace=False)
    together = np.concatenate([peaks["count"].to_numpy(), sampled])
    low, high = _quantiles(together, data.outlier_quantile)
    weight = settings.loss.count_weight or count_weight(together, low, high, True, where)
    peaks, nonpeaks = _between(peaks, low, high), _between(nonpeaks, low, high)
    shift = nonpeaks.index.to_numpy(np.int64)
    if len(nonpeaks) > len(peaks):
        nonpeaks = nonpeaks.loc[np.sort(rng.choice(shift, size=len(peaks), replace=False))]
    found = {f"{role} peaks": _rows(peaks, role) for role in ("training", "validation")}
    _checked(found | ({"regions without peak": shift} if data.negatives else {}), where)
    train, validation = found.values()
    wanted = int(data.negatives * len(validation))
    fixed = _rows(nonpeaks, "validation")
    fixed = np.sort(rng.choice(fixed, size=min(wanted, len(fixed)), replace=False))
    return Selection(train, _rows(nonpeaks, "training"), validation, fixed, shift, weight, low, high)

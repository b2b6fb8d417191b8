"""The ceiling of a contact map: how well a perfect model could score on its windows.

Inputs: agreement of parts of the map, or of the map with a replicate, window by window. Outputs: tables of ceilings
over windows with bootstrap intervals, by window and by distance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cisflow.contacts.agreement import pearson_from_sums, subtract_distance_mean, sums
from cisflow.contacts.evaluation_inputs import CIS
from cisflow.diagnosis.parts import QUARTER_PAIRS
from cisflow.diagnosis.reliability import at_full_depth, ceiling, depth_exponent
from cisflow.evaluation.intervals import interval

KINDS = ("pearson", "pearson_distance_subtracted")
COLUMNS = (
    "source",
    "split",
    "kind",
    "level",
    "bin_size",
    "metric",
    "between",
    "quarters",
    "exponent",
    "full_depth",
    "ceiling",
)
COLUMNS += ("low", "high", "spearman_brown", "n_windows")
DISTANCE_CLASSES = 16


def distance_sums(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sums as of :func:`cisflow.contacts.agreement.sums` for every distance, upper triangle; float64 (bins, 6)."""
    row, column = np.triu_indices(len(x))
    a, b = x[row, column].astype(np.float64), y[row, column].astype(np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    a, b, distance = a[both], b[both], (column - row)[both]
    columns = [np.ones_like(a), a, b, a * a, b * b, a * b]
    return np.stack([np.bincount(distance, weights=w, minlength=len(x)) for w in columns], axis=1)


@dataclass(frozen=True)
class WindowAgreement:
    """Agreement within one window and level.

    Attributes
    ----------
    source : str
        ``halves``, or the name of the replicate.
    split : str
        ``validation`` or ``test``.
    chromosome : str
    start, level, bin_size : int
        First base, bases covered, bases per bin.
    between : float64 array, (2, 6)
        Sums between the two halves, or map and replicate; plain and after subtracting the mean per distance.
    quarters : float64 array, (pairs, 2, 6)
        The same between the quarters; no pairs for replicates.
    by_distance, quarters_by_distance : float64 array, (bins, 6)
        Sums by distance, those of the quarters summed over pairs.
    whole : float64 array, (bins, 6)
        Sums by distance of the whole map with itself.
    kind : {"cis", "trans"}
        Contacts within a chromosome or between chromosomes.
    """

    source: str
    split: str
    chromosome: str
    start: int
    level: int
    bin_size: int
    between: np.ndarray
    quarters: np.ndarray
    by_distance: np.ndarray
    quarters_by_distance: np.ndarray
    whole: np.ndarray
    kind: str = CIS


def _both_sums(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([sums(x, y), sums(subtract_distance_mean(x), subtract_distance_mean(y))])


def agreement_of_parts(whole: np.ndarray, halves: np.ndarray, quarters: np.ndarray, **place: object) -> WindowAgreement:
    """Agreement between the parts of a window, see :func:`cisflow.diagnosis.parts.part_targets`.

    Parameters
    ----------
    whole : float array, (bins, bins)
        Entries that are missing here do not count.
    halves, quarters : float array, (2 or 4, bins, bins)
    **place
        ``split``, ``kind``, ``chromosome``, ``start``, ``level``, ``bin_size``.
    """
    kept = np.isfinite(whole)
    halves, quarters = np.where(kept, halves, np.nan), np.where(kept, quarters, np.nan)
    return WindowAgreement(
        source="halves",
        between=_both_sums(*halves),
        quarters=np.stack([_both_sums(quarters[i], quarters[j]) for i, j in QUARTER_PAIRS]),
        by_distance=distance_sums(*halves),
        quarters_by_distance=sum(distance_sums(quarters[i], quarters[j]) for i, j in QUARTER_PAIRS),
        whole=distance_sums(whole, whole),
        **place,
    )


def agreement_with_replicate(whole: np.ndarray, replicate: np.ndarray, name: str, **place: object) -> WindowAgreement:
    """Agreement of a window with that of a replicate, parameters as in :func:`agreement_of_parts`."""
    return WindowAgreement(
        source=name,
        between=_both_sums(whole, replicate),
        quarters=np.empty((0, 2, 6)),
        by_distance=distance_sums(whole, replicate),
        quarters_by_distance=np.zeros((len(whole), 6)),
        whole=distance_sums(whole, whole),
        **place,
    )


def _mean(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean over windows drawn ``times`` (draws, windows), leaving out windows without a value.

    ``values`` are (windows,), or (draws, windows) where each draw has its own.
    """
    valid = np.isfinite(values)
    number = (times * valid).sum(axis=1)
    total = (times * np.where(valid, values, 0.0)).sum(axis=1)
    return np.divide(total, number, out=np.full(len(times), np.nan), where=number > 0)


def _mean_over_pairs(correlation: np.ndarray) -> np.ndarray:
    """Mean over the pairs of quarters (windows, pairs), leaving out pairs without a value; NaN without any."""
    valid = np.isfinite(correlation)
    number = valid.sum(axis=1)
    total = np.where(valid, correlation, 0.0).sum(axis=1)
    return np.divide(total, number, out=np.full(len(correlation), np.nan), where=number > 0)


def _found(half: np.ndarray, quarter: np.ndarray, full: Callable, of_parts: bool) -> dict[str, np.ndarray]:
    """Values by column; ``full`` gives full-depth correlation and ceiling (draws,) for an exponent (draws,)."""
    exponent = depth_exponent(half, quarter) if of_parts else np.full(np.shape(half), np.nan)
    full_depth, top = full(exponent)
    brown = full(np.ones_like(half))[1] if of_parts else exponent
    values = {"between": half, "quarters": quarter, "exponent": exponent, "full_depth": full_depth, "ceiling": top}
    return values | {"spearman_brown": brown}


def _window_means(half: np.ndarray, quarter: np.ndarray, of_parts: bool) -> Callable[[np.ndarray], dict]:
    """Function of how often windows are drawn (draws, windows): means of the correlations (windows,) per window."""

    def estimate(times: np.ndarray) -> dict[str, np.ndarray]:
        def full(exponent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            by_window = at_full_depth(half, exponent[:, None]) if of_parts else np.tile(half, (len(times), 1))
            return _mean(by_window, times), _mean(ceiling(by_window), times)

        return _found(_mean(half, times), _mean(quarter, times), full, of_parts)

    return estimate


def _pooled(half: np.ndarray, quarter: np.ndarray, of_parts: bool) -> Callable[[np.ndarray], dict]:
    """Function of how often windows are drawn: one correlation over all windows, from sums (windows, 6)."""

    def estimate(times: np.ndarray) -> dict[str, np.ndarray]:
        r_half = pearson_from_sums(times @ half)

        def full(exponent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            value = at_full_depth(r_half, exponent) if of_parts else r_half
            return value, ceiling(value)

        return _found(r_half, pearson_from_sums(times @ quarter), full, of_parts)

    return estimate


def _estimators(found: Sequence[WindowAgreement]) -> dict[str, Callable[[np.ndarray], dict]]:
    """By metric: function of how often each window was drawn (draws, windows) to values (draws,) by column."""
    of_parts = found[0].source == "halves"
    between = np.stack([one.between for one in found])  # windows, 2, 6
    quarters = np.stack([one.quarters for one in found])  # windows, pairs, 2, 6
    estimators = {}
    for k, kind in enumerate(KINDS):
        quarter = _mean_over_pairs(pearson_from_sums(quarters[:, :, k]))
        estimators[kind] = _window_means(pearson_from_sums(between[:, k]), quarter, of_parts)
        estimators[f"pooled_{kind}"] = _pooled(between[:, k], quarters[:, :, k].sum(axis=1), of_parts)
    return estimators


def ceiling_table(found: Sequence[WindowAgreement], draws: int, rng: np.random.Generator) -> pd.DataFrame:
    """Ceilings by source, split, kind, level and metric.

    Parameters
    ----------
    found : sequence of WindowAgreement
    draws : int
        Bootstrap draws of windows.
    rng : numpy Generator

    Returns
    -------
    DataFrame
        :data:`COLUMNS`; metrics as in ``contact_summary.tsv``. ``low`` and ``high``: 2.5 and 97.5 percent of the
        ceiling over the draws; NaN with one window.
    """
    rows = []
    groups: dict[tuple, list[WindowAgreement]] = {}
    for one in found:
        groups.setdefault((one.source, one.split, one.kind, one.level, one.bin_size), []).append(one)
    for (source, split, kind, level, bin_size), windows in groups.items():
        n = len(windows)
        times = rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(float)
        for metric, estimate in _estimators(windows).items():
            once = {name: float(values[0]) for name, values in estimate(np.ones((1, n))).items()}
            low, high = interval(estimate(times)["ceiling"], n)
            keys = (source, split, kind, level, bin_size, metric)
            row = dict(zip(COLUMNS, keys, strict=False))
            rows.append(row | once | {"low": low, "high": high, "n_windows": n})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def chosen_ceilings(table: pd.DataFrame, split: str = "test") -> pd.DataFrame:
    """Ceilings to go by, one row per kind, level and metric: of the replicate where there is one, else of the halves.

    Parameters
    ----------
    table : DataFrame
        See :func:`ceiling_table`.
    split : str
        ``test`` or ``validation``.
    """
    rows = table[(table["split"] == split) & table["ceiling"].notna()]
    rows = rows.sort_values("source", key=lambda source: source == "halves", kind="stable")
    rows = rows.drop_duplicates(["kind", "level", "metric"])
    return rows.sort_values(["kind", "level"], kind="stable", ignore_index=True)


def window_table(found: Sequence[WindowAgreement]) -> pd.DataFrame:
    """Correlations by window: ``source, split, kind, chromosome, start, level, metric, between, quarters``."""
    rows = []
    for one in found:
        place = {name: getattr(one, name) for name in ("source", "split", "kind", "chromosome", "start", "level")}
        for k, kind in enumerate(KINDS):
            quarter = _mean_over_pairs(pearson_from_sums(one.quarters[None, :, k]))[0]
            between = float(pearson_from_sums(one.between[k]))
            rows.append({**place, "metric": kind, "between": between, "quarters": quarter})
    return pd.DataFrame(rows)


def distance_table(found: Sequence[WindowAgreement]) -> pd.DataFrame:
    """Variance of the targets by distance, and how much of it is noise: all windows of the halves within chromosomes.

    Returns
    -------
    DataFrame
        ``level, distance_low, distance_high`` (bp, low included, high excluded), ``n`` (entries of the upper
        triangle), ``mean, variance`` (of the whole map), ``between, quarters`` (correlation between halves and between
        quarters among entries of these distances, the mean of each distance subtracted), ``full_depth``,
        ``noise_variance`` = ``variance`` x (1 - ``full_depth``).
    """
    groups: dict[tuple[int, int], list[WindowAgreement]] = {}
    for one in found:
        if one.source == "halves" and one.kind == CIS:
            groups.setdefault((one.level, one.bin_size), []).append(one)
    rows = []
    for (level, bin_size), windows in groups.items():
        bins = len(windows[0].whole)
        edges = np.unique(np.rint(np.geomspace(1, bins, DISTANCE_CLASSES)).astype(int))
        totals = [
            _centred(sum(getattr(w, name) for w in windows))
            for name in ("by_distance", "quarters_by_distance", "whole")
        ]
        raw = sum(w.whole for w in windows)
        for low, high in zip([0, *edges[:-1]], edges, strict=True):
            half, quarter, whole = (part[low:high].sum(axis=0) for part in totals)
            n = whole[0]
            if n < 2:
                continue
            between, quarters = float(pearson_from_sums(half)), float(pearson_from_sums(quarter))
            full = float(at_full_depth(between, depth_exponent(between, quarters)))
            variance = float(whole[3] / n)
            rows.append(
                {
                    "level": level,
                    "distance_low": low * bin_size,
                    "distance_high": high * bin_size,
                    "n": int(n),
                    "mean": float(raw[low:high, 1].sum() / n),
                    "variance": variance,
                    "between": between,
                    "quarters": quarters,
                    "full_depth": full,
                    "noise_variance": variance * (1 - full),
                }
            )
    return pd.DataFrame(rows)


def _centred(totals: np.ndarray) -> np.ndarray:
    """Sums by distance (bins, 6) after the mean of each distance was subtracted from both sides."""
    n, x, y, xx, yy, xy = totals.T
    safe = np.maximum(n, 1)
    zero = np.zeros_like(n)
    return np.stack([n, zero, zero, xx - x * x / safe, yy - y * y / safe, xy - x * y / safe], axis=1)

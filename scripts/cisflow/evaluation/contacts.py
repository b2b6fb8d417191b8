"""Scores of contact models on the windows of the test chromosomes, per level.

Purpose: scores per window, over all windows and by chromosome, with bootstrap intervals over windows; correlations on
the scale of Akita. Inputs: :class:`~cisflow.evaluation.contact_sums.ContactSums`. Outputs: tables of scores.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cisflow.contacts.agreement import METRICS, pearson_from_sums, squared_error_from_sums
from cisflow.evaluation.akita_comparison import CLIP, akita_factor, crop_of
from cisflow.evaluation.contact_predictions import CIS
from cisflow.evaluation.contact_sums import MEAN, ContactSums
from cisflow.evaluation.intervals import interval

AKITA = "pearson_akita"
POOLED = ("pooled_pearson", "pooled_pearson_distance_subtracted")
SCORE_COLUMNS = ["model", "seed", "kind", "window", "chromosome", "start", "level", "metric", "value", "n"]
SUMMARY_COLUMNS = ["model", "kind", "level", "metric", "value", "low", "high", "n_windows", "n_blocks", "n"]
AKITA_COLUMNS = ["model", "level", "bin_size", "bins", "clip", "value", "low", "high", "n_windows", "n_blocks"]


def _per_window(both: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics of every window from its sums (2, ..., 6)."""
    values = (pearson_from_sums(both[0]), pearson_from_sums(both[1]), squared_error_from_sums(both[0]))
    return dict(zip(METRICS, values, strict=True))


def score_table(sums: ContactSums) -> pd.DataFrame:
    """Scores of every model, replicate, window, level and metric.

    Returns
    -------
    DataFrame
        ``model, seed`` (replicate, or ``mean``: predictions averaged over the replicates), ``kind, window`` (0-based
        row of the predictions), ``chromosome, start`` (first base of the level's map), ``level`` (bp), ``metric,
        value`` and ``n`` (entries). ``pearson_akita`` has rows for averaged predictions at the finest level alone.
    """
    windows, levels = sums.start.shape
    window = np.repeat(np.arange(windows), levels)
    places = {
        "kind": sums.kind[window],
        "window": window,
        "chromosome": sums.chromosome[window],
        "start": sums.start.ravel(),
        "level": np.tile(sums.levels, windows),
    }
    parts = []
    for model, found in sums.sums.items():
        for seed, both in found.items():
            n = both[0, ..., 0].ravel().astype(np.int64)
            metrics = {name: values.ravel() for name, values in _per_window(both).items()}
            wide = pd.DataFrame({"model": model, "seed": seed, **places, "n": n, **metrics})
            keys = [c for c in SCORE_COLUMNS if c in wide]
            parts.append(
                wide.melt(keys, list(METRICS), "metric", "value", ignore_index=False).sort_index(kind="stable")
            )
        if model in sums.akita:
            finest = int(np.argmin(sums.levels))
            totals = sums.akita[model]
            part = {name: np.asarray(values).reshape(windows, levels)[:, finest] for name, values in places.items()}
            part |= {"metric": AKITA, "value": pearson_from_sums(totals), "n": totals[:, 0].astype(np.int64)}
            parts.append(pd.DataFrame({"model": model, "seed": MEAN, **part}))
    return pd.concat(parts, ignore_index=True)[SCORE_COLUMNS]


def mean_of_drawn(values: np.ndarray, times_drawn: np.ndarray) -> np.ndarray:
    """Mean over drawn windows, leaving out those without a value."""
    valid = np.isfinite(values)
    total, number = times_drawn @ np.where(valid, values, 0.0), times_drawn @ valid.astype(float)
    return np.divide(total, number, out=np.full(len(times_drawn), np.nan), where=number > 0)


def _row(value: float, drawn: np.ndarray, used: np.ndarray, block: np.ndarray) -> dict[str, object]:
    n_blocks = len(np.unique(block[used]))
    low, high = interval(drawn, n_blocks)
    return {"value": float(value), "low": low, "high": high, "n_windows": int(used.sum()), "n_blocks": n_blocks}


def summary_table(sums: ContactSums, draws: int, seed: int, map_name: str) -> pd.DataFrame:
    """Scores over all windows with 95 % bootstrap intervals.

    Parameters
    ----------
    sums : ContactSums
    draws, seed : int
        Bootstrap draws and the run's seed. Blocks of overlapping windows are drawn with replacement.
    map_name : str

    Returns
    -------
    DataFrame
        ``model, kind, level, metric`` (a window's metric: mean over windows; ``pooled_`` and a correlation: one
        correlation over the entries of all windows), ``value, low, high`` (95 % of the draws; NaN with one block),
        ``n_windows`` (with a value), ``n_blocks`` (in which they lie), ``n`` (entries), of the averaged predictions.
    """
    rows = []
    for kind in sums.kinds:
        averaged = sums.averaged(kind)
        for level, length in enumerate(sums.levels):
            block = sums.blocks(kind, level)
            times_drawn = sums.draw(kind, level, draws, seed, "contact windows", map_name)
            for model, both in zip(sums.models, averaged[:, :, :, level], strict=True):
                measured = both[0, :, 0] > 0
                key = {"model": model, "kind": kind, "level": int(length), "n": int(both[0, :, 0].sum())}
                for metric, values in _per_window(both).items():
                    drawn, used = mean_of_drawn(values, times_drawn), np.isfinite(values)
                    value = values[used].mean() if used.any() else np.nan
                    rows.append({**key, "metric": metric, **_row(value, drawn, used, block)})
                for metric, totals in zip(POOLED, both, strict=True):
                    drawn = pearson_from_sums(times_drawn @ totals)
                    value = pearson_from_sums(totals.sum(axis=0))
                    rows.append({**key, "metric": metric, **_row(value, drawn, measured, block)})
    order = {model: k for k, model in enumerate(sums.models)}
    table = pd.DataFrame(rows)[SUMMARY_COLUMNS]
    return table.sort_values("model", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def chromosome_table(sums: ContactSums, draws: int, seed: int, map_name: str) -> pd.DataFrame:
    """As :func:`summary_table`, for each chromosome by itself; ``chromosome`` after ``model``.

    Windows between chromosomes belong to none and are left out.
    """
    parts = []
    for name in dict.fromkeys(sums.chromosome[sums.kind == CIS]):
        part = sums.only((sums.chromosome == name) & (sums.kind == CIS))
        table = summary_table(part, draws, seed, f"{map_name}\x1f{name}")
        table.insert(1, "chromosome", name)
        parts.append(table)
    columns = [SUMMARY_COLUMNS[0], "chromosome", *SUMMARY_COLUMNS[1:]]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def akita_table(sums: ContactSums, draws: int, seed: int, map_name: str) -> pd.DataFrame:
    """Mean correlation of the windows ``cis`` on the scale of Akita, at the finest level.

    Parameters
    ----------
    sums : ContactSums
    draws, seed, map_name
        See :func:`summary_table`.

    Returns
    -------
    DataFrame
        ``model, level`` (bp), ``bin_size, bins`` (after upsampling and cropping), ``clip, value`` (mean over windows),
        ``low, high, n_windows, n_blocks``. No rows where the windows do not allow the comparison.
    """
    if not sums.akita or CIS not in sums.kinds:
        return pd.DataFrame(columns=AKITA_COLUMNS)
    finest = int(np.argmin(sums.levels))
    size, bins = int(sums.bin_size[finest]), int(sums.levels[finest] // sums.bin_size[finest])
    factor = akita_factor(size, bins)
    shape = {"bin_size": size // factor, "bins": factor * bins - 2 * crop_of(factor * bins), "clip": CLIP}
    times_drawn = sums.draw(CIS, finest, draws, seed, "contact windows", map_name)
    rows = []
    for model, totals in sums.akita.items():
        values = pearson_from_sums(totals[sums.kind == CIS])
        used = np.isfinite(values)
        value = values[used].mean() if used.any() else np.nan
        row = _row(value, mean_of_drawn(values, times_drawn), used, sums.blocks(CIS, finest))
        rows.append({"model": model, "level": int(sums.levels[finest]), **shape, **row})
    return pd.DataFrame(rows)[AKITA_COLUMNS]

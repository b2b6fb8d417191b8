"""What predictions look like over all test windows: density of predicted against observed, and means by distance.

Inputs: predictions of the models of a map, one at a time. Outputs: tables ``contact_density.tsv`` and
``contact_distance.tsv``, from which the figures are drawn without the maps.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numba import njit

from cisflow.evaluation.contact_predictions import CIS, PredictedMaps

#: Cells on a side of a density, and quantiles of the observed values that it spans (widened by a tenth).
CELLS = 60
SPAN = (0.001, 0.999)
OBSERVED = "observed"


def density_edges(found: PredictedMaps, level: int) -> np.ndarray:
    """Edges of the cells of a level's density, the same for all models and both axes; float64 (CELLS + 1,)."""
    observed = found.scored(level)
    values = observed[np.isfinite(observed)]
    low, high = np.quantile(values, SPAN) if len(values) else (-1.0, 1.0)
    margin = 0.1 * max(high - low, 1e-6)
    return np.linspace(low - margin, high + margin, CELLS + 1)


def _cell(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Cell of each value on an even grid; values beyond it go into the outermost ones."""
    place = (values - edges[0]) * (CELLS / (edges[-1] - edges[0]))
    return np.clip(place, 0, CELLS - 1).astype(np.int64)


def density(model: str, found: PredictedMaps) -> pd.DataFrame:
    """How often a predicted value meets an observed one.

    Returns
    -------
    DataFrame
        ``model, kind, level`` (bp), ``predicted, observed`` (centres of the cell), ``n`` (entries); cells without
        entries are left out. Values beyond the outermost cells count there.
    """
    parts = []
    for level, length in enumerate(found.levels):
        edges = density_edges(found, level)
        centres = 0.5 * (edges[1:] + edges[:-1])
        observed = found.scored(level)
        for kind in found.kinds:
            rows = found.kind == kind
            predicted = found.predicted[:, rows, level].mean(axis=0)
            both = np.isfinite(observed[rows]) & np.isfinite(predicted)
            x, y = (_cell(v[both], edges) for v in (predicted, observed[rows]))
            counts = np.bincount(CELLS * x + y, minlength=CELLS**2)
            x, y = np.divmod(np.nonzero(counts)[0], CELLS)
            key = {"model": model, "kind": kind, "level": int(length), "predicted": centres[x], "observed": centres[y]}
            parts.append(pd.DataFrame({**key, "n": counts[counts > 0]}))
    return pd.concat(parts, ignore_index=True)


@njit(cache=True)
def _sums_by_distance(values: np.ndarray, used: np.ndarray, sums: np.ndarray) -> None:
    """Add number, sum, sum of squares and sum of exponentials of the used entries by distance; ``sums`` (bins, 4)."""
    windows, n, _ = values.shape
    for w in range(windows):
        for i in range(n):
            for j in range(i, n):
                if used[w, i, j]:
                    value = np.float64(values[w, i, j])
                    sums[j - i, 0] += 1
                    sums[j - i, 1] += value
                    sums[j - i, 2] += value * value
                    sums[j - i, 3] += np.exp(value)


def _expected_by_distance(found: PredictedMaps, rows: np.ndarray, used: np.ndarray, level: int) -> np.ndarray:
    """Mean expected contacts of the used entries at each distance; float64 (bins,), NaN without entries.

    Within a chromosome they depend on distance alone; means are needed where a bin lies across a border.
    """
    sums = np.zeros((found.bins, 4))
    if found.log_background.ndim == 3:
        _sums_by_distance(found.log_background[level : level + 1], used.any(axis=0)[None], sums)
    else:
        _sums_by_distance(np.ascontiguousarray(found.log_background[rows, level]), used, sums)
    return np.divide(sums[:, 3], sums[:, 0], out=np.full(found.bins, np.nan), where=sums[:, 0] > 0)


def distance_means(model: str, found: PredictedMaps) -> pd.DataFrame:
    """Mean of the entries at each distance, of the predictions and of the observed maps at the same entries.

    Parameters
    ----------
    model : str
    found : PredictedMaps
        Of the windows within chromosomes; without any, the table is empty.

    Returns
    -------
    DataFrame
        ``series`` (``observed``, or the model), ``level, distance`` (bp), ``n`` (entries of the upper triangles),
        ``mean, sd`` (natural log of observed over expected), ``ratio`` (mean of observed over expected itself) and
        ``expected`` (contacts; ``ratio`` times ``expected`` is the distance law).
    """
    rows, parts = found.kind == CIS, []
    for level, length in enumerate(found.levels):
        observed = found.scored(level)[rows]
        predicted = found.predicted[:, rows, level].mean(axis=0)
        used = np.isfinite(observed) & np.isfinite(predicted)
        expected = _expected_by_distance(found, np.nonzero(rows)[0], used, level)
        for series, values in ((OBSERVED, observed), (model, predicted)):
            sums = np.zeros((found.bins, 4))
            _sums_by_distance(np.ascontiguousarray(values), used, sums)
            kept = sums[:, 0] > 0
            n, total, squares, exponentials = sums[kept].T
            mean = total / n
            parts.append(
                pd.DataFrame(
                    {
                        "series": series,
                        "level": int(length),
                        "distance": np.nonzero(kept)[0] * int(found.bin_size[level]),
                        "n": n.astype(np.int64),
                        "mean": mean,
                        "sd": np.sqrt(np.maximum(squares / n - mean**2, 0.0)),
                        "ratio": exponentials / n,
                        "expected": expected[kept],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)

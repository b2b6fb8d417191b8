"""What the targets of a contact map look like: distribution, spread, missing entries, by chromosome and role.

Inputs: targets of windows. Outputs: tables ``targets.tsv`` and ``target_histogram.tsv``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

QUANTILES = {"q01": 0.01, "q25": 0.25, "median": 0.5, "q75": 0.75, "q99": 0.99}
HISTOGRAM_BINS = 60


def _row(role: str, chromosome: str, targets: list[np.ndarray]) -> dict[str, object]:
    values = np.concatenate([target[np.triu_indices(len(target))] for target in targets])
    measured = values[np.isfinite(values)].astype(np.float64)
    row: dict[str, object] = {"role": role, "chromosome": chromosome, "windows": len(targets), "entries": len(values)}
    row["missing"] = 1 - len(measured) / len(values)
    row["mean"], row["sd"] = (measured.mean(), measured.std()) if len(measured) else (np.nan, np.nan)
    found = np.quantile(measured, list(QUANTILES.values())) if len(measured) else [np.nan] * len(QUANTILES)
    return row | dict(zip(QUANTILES, found, strict=True))


def target_tables(targets: Iterable[tuple[str, str, np.ndarray]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of the targets by role and chromosome.

    Parameters
    ----------
    targets : iterable of (str, str, float array)
        Role (``training``, ``validation``, ``test``), chromosome, and target (bins, bins) of a window; NaN where
        nothing was measured.

    Returns
    -------
    statistics : DataFrame
        ``role, chromosome`` (``all``: those of the role together), ``windows, entries`` (of the upper triangles),
        ``missing`` (share), ``mean, sd, q01, q25, median, q75, q99`` (natural log of observed over expected).
    histogram : DataFrame
        ``role, low, high, share`` of the measured entries; the outermost classes end at the 0.1 and 99.9 percent
        quantiles of all roles together.
    """
    groups: dict[tuple[str, str], list[np.ndarray]] = {}
    for role, chromosome, target in targets:
        groups.setdefault((role, chromosome), []).append(target)
    roles = list(dict.fromkeys(role for role, _ in groups))
    together = {role: [t for (r, _), found in groups.items() if r == role for t in found] for role in roles}
    rows = [_row(role, chromosome, found) for (role, chromosome), found in groups.items()]
    rows += [_row(role, "all", found) for role, found in together.items()]
    measured = {role: np.concatenate([t[np.isfinite(t)] for t in found]) for role, found in together.items()}
    everything = np.concatenate(list(measured.values()))
    low, high = np.quantile(everything, [0.001, 0.999]) if len(everything) else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1e-6), HISTOGRAM_BINS + 1)
    parts = []
    for role, values in measured.items():
        counts, _ = np.histogram(values, edges)
        share = counts / max(len(values), 1)
        parts.append(pd.DataFrame({"role": role, "low": edges[:-1], "high": edges[1:], "share": share}))
    return pd.DataFrame(rows), pd.concat(parts, ignore_index=True)

"""What the targets of a contact map look like: distribution, spread, missing entries, by level, role and chromosome.

Inputs: maps of windows. Outputs: tables ``targets.tsv`` and ``histogram.tsv``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from cisflow.contacts.evaluation_inputs import CIS
from cisflow.diagnosis.looks import LevelMap

QUANTILES = {"q01": 0.01, "q25": 0.25, "median": 0.5, "q75": 0.75, "q99": 0.99}
HISTOGRAM_BINS = 60
ALL = "all"


def _row(keys: dict[str, object], found: Sequence[LevelMap]) -> dict[str, object]:
    values = np.concatenate([one.target[np.triu(one.own)] for one in found])
    measured = values[np.isfinite(values)].astype(np.float64)
    row = {**keys, "windows": len(found), "entries": len(values)}
    row["missing"] = 1 - len(measured) / len(values)
    row["mean"], row["sd"] = (measured.mean(), measured.std()) if len(measured) else (np.nan, np.nan)
    quantiles = np.quantile(measured, list(QUANTILES.values())) if len(measured) else [np.nan] * len(QUANTILES)
    return row | dict(zip(QUANTILES, quantiles, strict=True))


def target_tables(targets: Iterable[tuple[str, LevelMap]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of the targets by kind of contacts, level, role and chromosome.

    Parameters
    ----------
    targets : iterable of (str, LevelMap)
        Role (``training``, ``validation``, ``test``), and a map.

    Returns
    -------
    statistics : DataFrame
        ``kind, level`` (bp), ``role, chromosome`` (``all``: those of the role together, the only row of contacts
        between chromosomes), ``windows, entries`` (of the upper triangles), ``missing`` (share), ``mean, sd, q01,
        q25, median, q75, q99`` (natural log of observed over expected).
    histogram : DataFrame
        ``kind, level, role, low, high, share`` of the measured entries; the outermost classes end at the 0.1 and 99.9
        percent quantiles of all roles together.
    """
    places: dict[tuple[str, int], dict[str, list[LevelMap]]] = {}
    for role, one in targets:
        if one.own.any():
            places.setdefault((one.kind, one.level), {}).setdefault(role, []).append(one)
    rows, parts = [], []
    for (kind, level), roles in sorted(places.items()):
        keys = {"kind": kind, "level": level}
        for role, found in roles.items():
            for name in dict.fromkeys(one.chromosome for one in found) if kind == CIS else ():
                here = [one for one in found if one.chromosome == name]
                rows.append(_row({**keys, "role": role, "chromosome": name}, here))
        rows += [_row({**keys, "role": role, "chromosome": ALL}, found) for role, found in roles.items()]
        parts += _histogram(keys, roles)
    return pd.DataFrame(rows), pd.concat(parts, ignore_index=True)


def _histogram(keys: dict[str, object], roles: dict[str, list[LevelMap]]) -> list[pd.DataFrame]:
    measured = {
        role: np.concatenate([one.target[one.own & np.isfinite(one.target)] for one in found])
        for role, found in roles.items()
    }
    everything = np.concatenate(list(measured.values()))
    low, high = np.quantile(everything, [0.001, 0.999]) if len(everything) else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1e-6), HISTOGRAM_BINS + 1)
    parts = []
    for role, values in measured.items():
        counts, _ = np.histogram(values, edges)
        share = counts / max(len(values), 1)
        parts.append(pd.DataFrame({**keys, "role": role, "low": edges[:-1], "high": edges[1:], "share": share}))
    return parts

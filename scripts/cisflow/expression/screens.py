"""The bin-weighted mean on a table of counts with one or more experiments.

Purpose: the counterpart of :mod:`cisflow.expression.maude_table` for the weighted mean of the bins.
Inputs: a table with one column per sorted bin, and a table of bins.
Outputs: the input table with the estimates as further columns, in the order of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cisflow.expression.bin_mean import estimate_bin_mean
from cisflow.expression.bin_model import R_COLUMNS
from cisflow.problems import InputError, Problem, did_you_mean, not_one_of


def _bins_in_order(bins: pd.DataFrame, sorted_bins: Sequence[str], where: str) -> pd.DataFrame:
    """One row per sorted bin, in the order asked for."""
    if "bin" not in bins:
        raise InputError(Problem(where, "missing column", column="bin"))
    names = bins["bin"].astype(str)
    problems = [Problem(where, f"no row for sorted bin {not_one_of(n, names)}") for n in sorted_bins
                if n not in set(names)]  # fmt: skip
    problems += [
        Problem(where, f"bin {name!r} is there {(names == name).sum()} times; each bin needs one row")
        for name in sorted_bins
        if (names == name).sum() > 1
    ]
    if problems:
        raise InputError(problems)
    return bins.set_index(names).loc[list(sorted_bins)]


def bin_positions(bins: pd.DataFrame) -> np.ndarray:
    """Value of each bin on the expression scale.

    Parameters
    ----------
    bins : DataFrame
        One row per sorted bin.

    Returns
    -------
    float64 ndarray, shape (n_bins,)
        Column ``position`` where there is one; else the rank by ``lower_quantile``, from 0; else the place of the row.
    """
    if "position" in bins:
        return bins["position"].to_numpy(dtype=float)
    if "lower_quantile" in bins and bins["lower_quantile"].notna().all():
        return np.argsort(np.argsort(bins["lower_quantile"].to_numpy(), kind="stable")).astype(float)
    return np.arange(len(bins), dtype=float)


def estimate_bin_means(
    table: pd.DataFrame,
    bins: pd.DataFrame,
    sorted_bins: Sequence[str],
    screen_columns: Sequence[str] = (),
    element_column: str | None = None,
    where: str = "counts",
    where_bins: str = "bins",
    **settings: Any,
) -> pd.DataFrame:
    """Estimate the bin-weighted mean of every row of a table, experiment by experiment.

    Parameters
    ----------
    table : DataFrame
        One row per element and experiment.
    bins : DataFrame
        Column ``bin`` (or the R package's ``Bin``); positions as in :func:`bin_positions`, and optionally ``cells``.
        With the experiment columns when experiments have bins of their own, else the same bins serve all.
    sorted_bins : sequence of str
        Columns with the reads of the sorted bins.
    screen_columns : sequence of str
        Columns that tell experiments apart; the totals that weights depend on belong to an experiment.
    element_column : str, optional
        Names of the elements for messages.
    **settings
        ``weights`` and ``interval`` of :func:`cisflow.expression.bin_mean.estimate_bin_mean`.

    Returns
    -------
    DataFrame
        ``table`` with ``mean``, ``mean_low``, ``mean_high``, ``standard_error``, ``n_reads`` and ``is_singleton``.

    Raises
    ------
    InputError
        Missing columns or bins, bad values.
    """
    bins = bins.rename(columns=R_COLUMNS)
    asked = [*sorted_bins, *screen_columns, *([element_column] if element_column else [])]
    if missing := [c for c in asked if c not in table]:
        raise InputError([Problem(where, f"missing column{did_you_mean(c, table)}", column=c) for c in missing])
    screens = list(screen_columns)
    keys = pd.MultiIndex.from_frame(table[screens]) if screens else None
    parts = []
    for key in keys.unique() if keys is not None else [()]:
        rows = np.flatnonzero(keys == key) if keys is not None else np.arange(len(table))
        own = bins
        if screens and all(c in bins for c in screens):
            own = bins[np.logical_and.reduce([bins[c] == v for c, v in zip(screens, key, strict=True)])]
        own = _bins_in_order(own, sorted_bins, where_bins)
        part = table.iloc[rows]
        result = estimate_bin_mean(
            part[list(sorted_bins)].to_numpy(),
            bin_positions(own),
            cells=own["cells"].to_numpy(dtype=float) if "cells" in own else None,
            names=list(sorted_bins),
            elements=part[element_column].to_numpy() if element_column else None,
            where=where,
            shares=(own["upper_quantile"] - own["lower_quantile"]).to_numpy()
            if {"lower_quantile", "upper_quantile"} <= set(own)
            else None,
            **settings,
        )
        parts.append(
            pd.DataFrame(
                {
                    "mean": result.expression,
                    "mean_low": result.low,
                    "mean_high": result.high,
                    "standard_error": result.standard_error,
                    "n_reads": result.n_reads,
                    "is_singleton": result.is_singleton,
                },
                index=rows,
            )
        )
    return pd.concat([table.reset_index(drop=True), pd.concat(parts).sort_index()], axis=1)

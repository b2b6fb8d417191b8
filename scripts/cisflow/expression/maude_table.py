"""MAUDE on a table of counts with one or more screens.

Purpose: check a user's table against its bins and estimate each screen on its own.
Inputs: a table with one column per sorted bin, one for the unsorted library and one for the controls; a table of bins.
Outputs: the input table with the estimates as further columns, in the order of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cisflow.expression.abundance import abundance_from_bins
from cisflow.expression.bin_model import bin_model_from_table
from cisflow.expression.count_checks import SHOWN, checked_abundance, checked_counts
from cisflow.expression.maude import estimate_maude
from cisflow.problems import InputError, Problem, did_you_mean

TRUE_TEXTS, FALSE_TEXTS = {"true", "t", "yes", "1"}, {"false", "f", "no", "0"}


def parse_controls(values: pd.Series, where: str = "counts") -> np.ndarray:
    """Read a column of controls as booleans.

    Parameters
    ----------
    values : Series
        Booleans, 0 and 1, or texts such as TRUE and FALSE.

    Returns
    -------
    bool ndarray

    Raises
    ------
    InputError
        Missing values and values that are neither true nor false, each with its row.
    """
    if values.dtype == bool:
        return values.to_numpy()
    text = values.map(lambda v: "" if pd.isna(v) else str(v).strip().lower().removesuffix(".0")).astype(object)
    is_true, is_false = text.isin(TRUE_TEXTS).to_numpy(), text.isin(FALSE_TEXTS).to_numpy()
    (bad,) = np.nonzero(~(is_true | is_false))
    if bad.size:
        raise InputError(
            [
                Problem(
                    where,
                    ("a missing value" if pd.isna(values.iloc[i]) else repr(values.iloc[i]))
                    + "; expected TRUE or FALSE",
                    int(i) + 2,
                    str(values.name),
                )
                for i in bad[:SHOWN]
            ]
        )
    return is_true


def estimate_screens(
    table: pd.DataFrame,
    bins: pd.DataFrame,
    sorted_bins: Sequence[str],
    unsorted_column: str | None = None,
    control_column: str | None = None,
    screen_columns: Sequence[str] = (),
    element_column: str | None = None,
    abundance: str = "mean",
    where: str = "counts",
    where_bins: str = "bins",
    **settings: Any,
) -> pd.DataFrame:
    """Estimate the mean expression of every row of a table, screen by screen.

    Parameters
    ----------
    table : DataFrame
        One row per element and screen.
    bins : DataFrame
        Percentiles of the bins, see :func:`cisflow.expression.bin_model.bin_model_from_table`; with the screen
        columns when screens have bins of their own, else the same bins serve all screens.
    sorted_bins : sequence of str
        Columns with the reads of the sorted bins.
    unsorted_column : str, optional
        Abundance in the unsorted library; derived from the bins when None.
    control_column : str, optional
        Negative controls; none when None.
    screen_columns : sequence of str
        Columns that tell screens apart. Totals, library fractions and control centres belong to a screen.
    element_column : str, optional
        Names of the elements for messages.
    abundance : str
        Without an unsorted column: ``mean`` of the relative abundances or ``weighted`` by the share of cells.
    **settings
        ``pseudocount``, ``limits``, ``optimum``, ``centre``, ``interval`` of
        :func:`cisflow.expression.maude.estimate_maude`.

    Returns
    -------
    DataFrame
        ``table`` with the columns of :meth:`cisflow.expression.maude.MaudeEstimate.to_frame`.

    Raises
    ------
    InputError
        Missing columns, bins without edges, bad values.
    """
    asked = [*sorted_bins, unsorted_column, control_column, *screen_columns, element_column]
    missing = [c for c in asked if c is not None and c not in table]
    if missing:
        raise InputError([Problem(where, f"missing column{did_you_mean(c, table)}", column=c) for c in missing])
    is_control = parse_controls(table[control_column], where) if control_column else None
    names = table[element_column].to_numpy() if element_column else None
    counts = checked_counts(table[list(sorted_bins)].to_numpy(), sorted_bins, names, where)
    if unsorted_column:
        unsorted = checked_abundance(table[unsorted_column], len(table), names, where, unsorted_column)
    screens = list(screen_columns)
    bins_differ = bool(screens) and all(c in bins for c in screens)
    keys = pd.MultiIndex.from_frame(table[screens]) if screens else None
    parts = []
    for key in keys.unique() if keys is not None else [()]:
        rows = np.flatnonzero(keys == key) if keys is not None else np.arange(len(table))
        own = bins
        if bins_differ:
            own = bins[np.logical_and.reduce([bins[c] == v for c, v in zip(screens, key, strict=True)])]
        model = bin_model_from_table(own, where_bins).select(list(sorted_bins), where_bins)
        if unsorted_column:
            given = unsorted[rows]
        else:
            given = abundance_from_bins(counts[rows], model.share if abundance == "weighted" else None)
        estimate = estimate_maude(
            counts[rows],
            given,
            None if is_control is None else is_control[rows],
            model,
            elements=None if names is None else names[rows],
            where=where,
            abundance_rule="measured" if unsorted_column else abundance,
            **settings,
        )
        parts.append(estimate.to_frame().set_index(rows))
    estimates = pd.concat(parts).sort_index()
    return pd.concat([table.reset_index(drop=True), estimates], axis=1)

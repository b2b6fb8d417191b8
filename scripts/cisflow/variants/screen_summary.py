"""The strongest effects of a screen, as the report shows them.

Inputs: tables of :mod:`cisflow.variants.disruption_screen` and :mod:`cisflow.variants.insertion_screen`. Outputs: short
tables.
"""

from __future__ import annotations

import pandas as pd

#: Sites of a model and level, and sequences of a model, that are told.
MOST_SITES, MOST_SEQUENCES = 5, 20


def strongest_sites(table: pd.DataFrame) -> pd.DataFrame:
    """Sites of the largest impact of each model and level.

    Parameters
    ----------
    table : DataFrame
        Columns of :data:`cisflow.variants.disruption_screen.COLUMNS`.

    Returns
    -------
    DataFrame
        ``model, level, rank, chromosome, start, end, impact, low, high`` and ``times_median``: impact over the median
        of all sites of that model and level.
    """
    keys = ["model", "level"]
    median = table.groupby(keys, sort=False)["impact"].transform("median")
    ranked = table.assign(times_median=table["impact"] / median.where(median > 0))
    ranked = ranked.sort_values("impact", ascending=False, kind="stable")
    ranked["rank"] = ranked.groupby(keys, sort=False).cumcount() + 1
    order = {model: k for k, model in enumerate(dict.fromkeys(table["model"]))}
    shown = ranked[ranked["rank"] <= MOST_SITES].assign(order=lambda rows: rows["model"].map(order))
    shown = shown.sort_values(["order", "level", "rank"], kind="stable")
    return shown[[*keys, "rank", "chromosome", "start", "end", "impact", "low", "high", "times_median"]]


def active_sequences(table: pd.DataFrame) -> pd.DataFrame:
    """Mean effect of each sequence over the places, the most active first, by model.

    Parameters
    ----------
    table : DataFrame
        Columns of :data:`cisflow.variants.insertion_screen.COLUMNS`.

    Returns
    -------
    DataFrame
        ``model, level, sequence, length, places`` (predicted), ``refused``, ``activity`` and ``change`` (means over the
        places).
    """
    keys = ["model", "level", "sequence", "length"]
    grouped = table.groupby(keys, sort=False, as_index=False).agg(
        places=("activity", "count"), asked=("status", "size"), activity=("activity", "mean"), change=("change", "mean")
    )
    order = {model: k for k, model in enumerate(dict.fromkeys(table["model"]))}
    grouped = grouped.assign(refused=grouped["asked"] - grouped["places"], order=grouped["model"].map(order))
    grouped = grouped.sort_values(["order", "activity"], ascending=[True, False], kind="stable")
    return grouped.groupby("model", sort=False).head(MOST_SEQUENCES)[[*keys, "places", "refused", "activity", "change"]]

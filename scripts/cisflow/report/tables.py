"""Tables of the report: the funnel from reads to training rows, rankings, scores, versions.

Inputs: the tables that the stages wrote. Outputs: small pandas tables with the columns that a reader needs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cisflow.files import read_table


def funnel_table(paths: Sequence[str]) -> pd.DataFrame:
    """Join the funnels of all stages, summed over bins.

    Parameters
    ----------
    paths : sequence of path
        Funnel tables with columns ``step`` and ``count`` and one or more of ``library``, ``bin``, ``method``,
        ``dataset``; the order of the paths is the order of the stages.

    Returns
    -------
    DataFrame
        Columns ``stage``, ``of``, ``step``, ``count`` in the order of the stages.
    """
    parts = []
    for path in paths:
        table = read_table(path)
        name = table.get("library", table.get("dataset"))
        if "method" in table:
            name = name + " (" + table["method"] + ")"
        parts.append(table.assign(stage=Path(path).parts[2], of=name)[["stage", "of", "step", "count"]])
    if not parts:
        return pd.DataFrame(columns=["stage", "of", "step", "count"])
    joined = pd.concat(parts, ignore_index=True)
    return joined.groupby(["stage", "of", "step"], sort=False, as_index=False)["count"].sum()


def score_table(path: str) -> pd.DataFrame:
    """Scores as one row per head and model, one column per subset and metric (Pearson r and Spearman rho)."""
    scores = read_table(path)
    wide = scores[scores["metric"].isin(["pearson", "spearman", "pearson_score", "spearman_score"])].copy()
    wide["column"] = wide["subset"] + " " + wide["metric"]
    wide = wide.pivot_table(index=["head", "model"], columns="column", values="value", sort=False).reset_index()
    return wide if wide["head"].nunique() > 1 else wide.drop(columns="head")


def versions_table(manifests: Sequence[str], versions: dict[str, str]) -> pd.DataFrame:
    """Versions of this run's packages; a column more where a model was made with others."""
    rows = {name: {"package": name, "version": version} for name, version in versions.items()}
    for path in manifests:
        for name, version in json.loads(Path(path).read_text(encoding="utf-8"))["versions"].items():
            row = rows.setdefault(name, {"package": name, "version": version})
            if row["version"] != version:
                row["in some models"] = version
    return pd.DataFrame(rows.values()).fillna("")


def format_cell(value: object) -> str:
    """Text of a table cell: thousands separators for counts, four significant digits for other numbers."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "item") and not isinstance(value, str):
        return format_cell(value.item())
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)

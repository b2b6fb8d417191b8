"""Contact models in the report: sentences with the main numbers, and the summary as one row per model and level.

Inputs: ``evaluation/{map}/contact_summary.tsv``. Outputs: sentences and small tables.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cisflow.contacts.regions import length_name
from cisflow.evaluation.intervals import with_interval
from cisflow.files import read_table

HEADLINE, ADJUSTED = "pooled_pearson", "pooled_pearson_distance_subtracted"
#: Metrics of the table, with the names of its columns.
SHOWN = {
    HEADLINE: "Pearson r, all entries",
    ADJUSTED: "distance subtracted",
    "pearson": "mean over windows",
    "pearson_distance_subtracted": "mean, distance subtracted",
    "mse": "squared error",
}
WHERE = {"cis": "within chromosomes", "trans": "between chromosomes"}


def _cell(row: pd.Series) -> str:
    return with_interval(row["value"], row["low"], row["high"])


def contact_sentences(path: str | Path) -> list[str]:
    """One sentence per model and set of windows: pooled correlation at every level, plain and distance-subtracted."""
    summary, name = read_table(path), Path(path).parent.name
    sentences = []
    for (model, kind), part in summary.groupby(["model", "kind"], sort=False):
        rows = part.set_index(["metric", "level"])
        numbers = []
        for level in sorted(part["level"].unique()):
            plain, adjusted = (_cell(rows.loc[(metric, level)]) for metric in (HEADLINE, ADJUSTED))
            numbers.append(f"{length_name(level)} {plain}, after subtracting the mean per distance {adjusted}")
        windows = int(part["n_windows"].max())
        sentences.append(
            f"Map {name}, {model}, contacts {WHERE[kind]}: Pearson r over all entries of {windows} held-out windows, "
            f"by level: {'; '.join(numbers)}."
        )
    return sentences


def contact_table(path: str | Path) -> pd.DataFrame:
    """Summary as one row per model, set of windows and level, with intervals in the cells."""
    summary = read_table(path)
    cells = summary.assign(cell=[_cell(row) for _, row in summary.iterrows()])
    wide = cells.pivot(index=["model", "kind", "level"], columns="metric", values="cell")
    order = summary[["model", "kind", "level"]].drop_duplicates()
    wide = wide.loc[pd.MultiIndex.from_frame(order), list(SHOWN)].rename(columns=SHOWN).reset_index()
    counts = summary[summary["metric"] == HEADLINE].set_index(["model", "kind", "level"])
    counts = counts.loc[pd.MultiIndex.from_frame(order), ["n_windows", "n_blocks"]].reset_index(drop=True)
    wide["level"] = wide["level"].map(length_name)
    return pd.concat([wide, counts.rename(columns={"n_windows": "windows", "n_blocks": "blocks"})], axis=1)

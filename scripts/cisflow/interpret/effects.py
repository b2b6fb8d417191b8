"""Table of effects of substitutions: its columns, scores of positions, parts of it.

Inputs: tables of effects, in memory or on disk. Outputs: tables.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl

#: Columns of the table of effects.
EFFECTS = {
    "model": pl.String,
    "id": pl.String,
    "position": pl.Int32,
    "base": pl.String,
    "substitution": pl.String,
    "prediction": pl.Float64,
    "effect": pl.Float64,
}


def position_scores(effects: pl.DataFrame) -> pl.DataFrame:
    """Score of every position: the mean of its three substitutions.

    Parameters
    ----------
    effects : polars.DataFrame
        Columns of :data:`EFFECTS`.

    Returns
    -------
    polars.DataFrame
        ``model``, ``id``, ``position``, ``base``, ``score``, in the order of the effects.
    """
    keys = ["model", "id", "position", "base"]
    return effects.group_by(keys, maintain_order=True).agg(score=pl.col("effect").mean())


def _scan(path: str | Path) -> pl.LazyFrame:
    path = Path(path)
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    return pl.scan_csv(path, separator="," if ".csv" in path.suffixes else "\t", schema=EFFECTS)


def first_sequence(path: str | Path) -> str:
    """Id of the first sequence in a table of effects."""
    return _scan(path).select("id").head(1).collect().item()


def effects_of(path: str | Path, name: str) -> pd.DataFrame:
    """Rows of one sequence of a table of effects."""
    return _scan(path).filter(pl.col("id") == name).collect().to_pandas()

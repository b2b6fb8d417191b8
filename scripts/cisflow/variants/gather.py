"""One table of a set of variants from those of its models and shards.

Inputs: tables of :mod:`cisflow.variants.contact_effects` or :mod:`cisflow.variants.expression`. Outputs: one table in
the order of the file, and how many variants were predicted or not, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from cisflow.files import write_table
from cisflow.variants.expression import status_table


def gather_variants(tables: Sequence[str | Path], output: str | Path, statuses: str | Path) -> None:
    """Join tables.

    Parameters
    ----------
    tables : sequence of path
        Parquet, model after model, each in the order of the file.
    output, statuses : path
    """
    parts = [pl.read_parquet(path) for path in tables]
    of_contacts = "item" in parts[0].columns
    order = "item" if of_contacts else "line"
    # Stable: within a variant rows stay in the order of the models.
    joined = pl.concat(parts).sort(order, maintain_order=True)
    write_table(joined, output)
    first = joined.filter(pl.col("model") == parts[0]["model"][0]) if len(parts[0]) else joined
    counted = first.unique("item", maintain_order=True) if of_contacts else first
    rows = status_table(Counter(counted["status"].to_list()))
    write_table(pl.DataFrame(rows, schema={"status": pl.String, "alleles": pl.Int64}), statuses)

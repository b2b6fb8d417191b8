"""Clusters to named elements.

Inputs: unique sequences with their reads and the cluster of each. Outputs: elements with their representatives; nothing
of it depends on the order in which clusters were found.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cisflow.clusters.elements import Elements
from cisflow.joblog import logger


def named_clusters(pooled: pl.DataFrame, labels: np.ndarray, library: str) -> Elements:
    """Choose representatives and name the clusters.

    Parameters
    ----------
    pooled : polars.DataFrame
        ``sequence`` (unique), ``reads`` over all bins; n rows.
    labels : ndarray of int64, shape (n,)
        Cluster of each row.
    library : str
        Elements are called ``<library>_<rank>``: most reads first, then by the sequence of the representative.

    Returns
    -------
    Elements
        ``match`` of a member is ``representative`` (most reads; of equals the first in the alphabet) or ``member``.
    """
    members = pooled.with_columns(cluster=pl.Series(labels)).sort(
        "cluster", "reads", "sequence", descending=[False, True, False]
    )
    clusters = members.group_by("cluster", maintain_order=True).agg(
        total=pl.col("reads").sum(), representative=pl.col("sequence").first()
    )
    ranked = clusters.sort("total", "representative", descending=[True, False])
    width = len(str(len(ranked)))
    rank = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(width)
    named = ranked.with_columns(element=pl.format(f"{library}_{{}}", rank))
    logger.info("%s: %s unique sequences, %s elements", library, f"{len(pooled):,}", f"{len(named):,}")
    joined = members.join(named, on="cluster", how="left").with_columns(
        match=pl.when(pl.col("sequence") == pl.col("representative"))
        .then(pl.lit("representative"))
        .otherwise(pl.lit("member"))
    )
    return Elements(
        members=joined.sort("element", "reads", "sequence", descending=[False, True, False]).select(
            "sequence", "element", "reads", "match"
        ),
        elements=named.select("element", pl.col("representative").alias("sequence")),
    )

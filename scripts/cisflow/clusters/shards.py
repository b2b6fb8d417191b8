"""The self-alignment in shards: the queries divided over jobs that may run on different machines.

Inputs: the pooled sequences of a library. Outputs: an index; for each shard the pairs of sequences that joined two of
its components; and the clusters of all of them. A union of spanning forests has the components of the whole graph, so
that the clusters do not depend on the number of shards.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from cisflow.clusters.bowtie import Index, build_index, find_bowtie2
from cisflow.clusters.elements import Elements, check_not_empty
from cisflow.clusters.naming import named_clusters
from cisflow.clusters.random_check import check_before_clustering, check_is_random
from cisflow.clusters.self_alignment import (
    AlignmentSettings,
    check_query_ends,
    self_alignment_options,
    spanning_edges,
)
from cisflow.clusters.union import Components

#: Name of the index inside its folder.
NAME = "sequences"


def index_sequences(
    pooled: pl.DataFrame, folder: str | Path, library: str, flank_lengths: tuple[int, int], threads: int = 1
) -> None:
    """Check the pooled sequences (``sequence``, sorted; ``reads``) and write their Bowtie2 index to a new folder.

    Raises
    ------
    InputError
        As :func:`cisflow.clusters.methods.cluster_library`.
    """
    check_not_empty(pooled, library)
    check_query_ends(pooled["sequence"], *flank_lengths)
    check_before_clustering(pooled, library, flank_lengths)
    find_bowtie2()
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as made:
        whole = Path(made) / "index"
        whole.mkdir()
        build_index(pooled["sequence"], whole / NAME, threads=threads)
        os.replace(whole, folder)  # whole or absent


def shard_forest(
    sequences: pl.Series,
    folder: str | Path,
    shard: int,
    shards: int,
    settings: AlignmentSettings,
    flank_lengths: tuple[int, int],
    library: str,
    threads: int = 1,
) -> pl.DataFrame:
    """Align every ``shards``-th sequence to the library, from the one in row ``shard`` on.

    Parameters
    ----------
    sequences : polars.Series of str, shape (n,)
        All sequences, in the order of the index.
    folder : path
        See :func:`index_sequences`.
    shard, shards : int
        Number of the shard from 0, and how many there are.
    settings, flank_lengths, library, threads
        As in :func:`cisflow.clusters.self_alignment.self_alignment_clusters`.

    Returns
    -------
    polars.DataFrame
        ``first``, ``second`` (int64): rows of pairs that joined two components; fewer than n rows.
    """
    rows = np.arange(shard, len(sequences), shards)
    options = self_alignment_options(settings, *flank_lengths)
    edges = spanning_edges(
        Index(Path(folder) / NAME, threads), sequences.gather(rows), rows, Components(len(sequences)), options, library
    )
    return pl.DataFrame({"first": edges[0], "second": edges[1]})


def join_forests(pooled: pl.DataFrame, forests: Sequence[str | Path], library: str) -> Elements:
    """Clusters from the forests of all shards.

    Parameters
    ----------
    pooled : polars.DataFrame
        ``sequence`` (unique, sorted), ``reads``.
    forests : sequence of path
        Parquet files of :func:`shard_forest`; read one after the other.
    library : str

    Returns
    -------
    Elements

    Raises
    ------
    InputError
        When the clusters are those of a designed library.
    """
    components = Components(len(pooled))
    for path in forests:
        forest = pl.read_parquet(path)
        components.join(forest["first"].to_numpy(), forest["second"].to_numpy())
    labels = components.labels()
    check_is_random(pooled, labels, library)
    return named_clusters(pooled, labels, library)

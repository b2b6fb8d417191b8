"""Is a library that is to be clustered a random one?

Inputs: unique sequences with their reads, and the cluster of each. Outputs: nothing, or an error with the evidence that
clusters hold several true sequences, so that the library was designed.

A sequencing error at one place of a read to one other base happens with a probability of at most 1 % (a per-base error
rate of 1 % that always gives the same wrong base), so of the reads of a promoter with R faultless ones hardly more than
R / 100 hold the same error. Two signs that errors do not explain a cluster:

- a second sequence with at least 10 reads and a fifth of the representative's reads, twenty times as many;
- a representative with fewer than a quarter of the reads that 1 % errors per base leave faultless, (1 - 0.01) ** length
  of the cluster's reads, where these would be 40 or more (Poisson(40) <= 10: 1e-8): many variants with few reads each.

A library is refused when more than a tenth of what could show a sign shows it (and, for the second sign, holds a tenth
of the reads): a few mutated clones or early errors of the PCR do not stop a run. Lengths are those of the counted
sequences, because errors in the flanks make sequences of their own too.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cisflow.clusters.near_identical import near_identical_components
from cisflow.problems import InputError, Problem
from cisflow.reads.ragged import Sequences

WELL_SUPPORTED = 10  # reads
COMPARABLE = 0.2  # of the representative's reads
ERROR_RATE = 0.01  # per base, the largest that is expected
EXPECTED_FAULTLESS = 40.0  # reads
FEWER = 0.25
TOO_MANY = 0.1
FEWEST_SECOND = 10  # sequences; a handful can be mutated clones
#: Sequences with most reads that are looked at before the library is clustered; the work grows with their square.
MOST_CHECKED = 20_000
EARLY_DISTANCE = 2  # two variants of one parent, each of one substitution


def _second_sequences(members: pl.DataFrame, clusters: pl.DataFrame, pooled: pl.DataFrame) -> str:
    """Evidence that clusters hold a second true sequence, or nothing."""
    supported = clusters.filter(pl.col("top") >= WELL_SUPPORTED)
    second = members.filter(pl.col("reads") >= WELL_SUPPORTED).join(supported, on="cluster")
    second = second.filter((pl.col("reads") >= COMPARABLE * pl.col("top")) & (pl.col("row") != pl.col("first")))
    n, n_all = len(second), len(second) + len(supported)
    if n < FEWEST_SECOND or n <= TOO_MANY * n_all:
        return ""
    example = second.sort("reads", "row", descending=[True, False]).row(0, named=True)
    return (
        f"{n:,} of {n_all:,} sequences with {WELL_SUPPORTED} reads or more lie near another one that has at most five "
        "times their reads, which sequencing errors cannot bring about; for example "
        f"{pooled['sequence'][example['first']]} ({example['top']:,} reads) and "
        f"{pooled['sequence'][example['row']]} ({example['reads']:,} reads)"
    )


def _scattered_clusters(clusters: pl.DataFrame, pooled: pl.DataFrame) -> str:
    """Evidence that clusters hold many true sequences with few reads each, or nothing."""
    faultless = pl.col("total") * (1 - ERROR_RATE) ** pl.col("length").cast(pl.Int64)
    judged = clusters.filter(faultless >= EXPECTED_FAULTLESS)
    scattered = judged.filter(pl.col("top") < FEWER * faultless)
    most_reads = scattered["total"].sum() > TOO_MANY * clusters["total"].sum()
    if len(scattered) <= TOO_MANY * len(judged) or not most_reads:
        return ""
    example = scattered.sort("total", "cluster", descending=[True, False]).row(0, named=True)
    return (
        f"in {len(scattered):,} of {len(judged):,} clusters with many reads no sequence has the share that sequencing "
        f"errors would leave it; for example {pooled['sequence'][example['first']]} has {example['top']:,} of "
        f"{example['total']:,} reads, and no other has more"
    )


def check_is_random(pooled: pl.DataFrame, labels: np.ndarray, library: str) -> None:
    """Refuse a library whose clusters hold several true sequences.

    Parameters
    ----------
    pooled : polars.DataFrame
        ``sequence``, ``reads``; n rows.
    labels : ndarray of int64, shape (n,)
        Cluster of each row.
    library : str

    Raises
    ------
    InputError
        With the numbers, an example and the remedy.
    """
    members = pooled.select("reads", length=pl.col("sequence").str.len_bytes(), cluster=pl.Series(labels))
    members = members.with_row_index("row")
    clusters = members.group_by("cluster").agg(
        total=pl.col("reads").sum(),
        top=pl.col("reads").max(),
        first=pl.col("row").sort_by("reads", "row").last(),
        length=pl.col("length").max(),
    )
    evidence = _second_sequences(members, clusters, pooled) or _scattered_clusters(clusters, pooled)
    if evidence:
        raise InputError(
            Problem(
                f"library {library}",
                f"its sequences are variants of each other: {evidence}. Clustered, they would become one element. Give "
                "the library kind `designed` and ordered_sequences in the libraries sheet; without a list of what was "
                "ordered, bring counts per sequence (source `counts`)",
                column="kind",
            )
        )


def check_before_clustering(pooled: pl.DataFrame, library: str, flank_lengths: tuple[int, int]) -> None:
    """As :func:`check_is_random`, of the 20,000 sequences with most reads, joined within two edits.

    Takes about a second, where Bowtie2 takes hours: each sequence of a designed library aligns to all its neighbours.
    """
    most = pooled.sort("reads", "sequence", descending=[True, False]).head(MOST_CHECKED)
    letters = Sequences.from_series(most["sequence"])
    variable = letters.part(np.full(len(most), flank_lengths[0]), letters.length - flank_lengths[1])
    check_is_random(most, near_identical_components(variable, EARLY_DISTANCE), library)

"""Clusters of a random library: its unique sequences aligned against themselves.

Inputs: unique sequences with their reads. Outputs: the cluster of every sequence, the representative of every cluster.
The sequences that Bowtie2 aligns to each other, directly or through others, are one element (Rafi et al. 2024): reads
of one promoter that differ by sequencing errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from cisflow.clusters.bowtie import Index
from cisflow.clusters.elements import Elements, check_not_empty
from cisflow.clusters.union import Components
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.reads.structure import parse_structure

#: Flanks left on the query are shared by nearly all sequences; with seeds in them every query hits every sequence.
SHARED_BASES = 12  # shorter than a seed: part of a seed that spans a flank's end is enough to slow Bowtie2 down
LARGEST_SHARE = 0.5
FEWEST_SEQUENCES = 200


@dataclass(frozen=True)
class Seeds:
    """Bowtie2's seeds: mismatches in a seed (``-N``) and its length (``-L``)."""

    seed_mismatches: int
    seed_length: int


def self_alignment_options(seeds: Seeds, trim_start: int, trim_end: int) -> list[str]:
    """Options of the published self-alignment; the trims are the lengths of the flanks on the query."""
    return (
        f"-N {seeds.seed_mismatches} -L {seeds.seed_length} -a -f --no-sq --no-head -5 {trim_start} -3 {trim_end}"
    ).split()


def check_query_ends(sequences: pl.Series, trim_start: int, trim_end: int) -> None:
    """Refuse queries that begin or end alike: each of their seeds would hit the whole library.

    Parameters
    ----------
    sequences : polars.Series of str
        Unique sequences as counted.
    trim_start, trim_end : int
        Bases that are cut off the query.

    Raises
    ------
    InputError
        When more than half of 200 or more queries share their first or last 12 bases.
    """
    if len(sequences) < FEWEST_SEQUENCES:
        return
    problems = []
    table = sequences.rename("sequence").to_frame()
    last = pl.col("sequence").str.len_bytes().cast(pl.Int64) - trim_end - SHARED_BASES
    ends = {
        "begin": pl.col("sequence").str.slice(trim_start, SHARED_BASES),
        "end": pl.col("sequence").str.slice(pl.max_horizontal(last, pl.lit(0)), SHARED_BASES),
    }
    for name, word in ends.items():
        most = table.group_by(word.alias("word")).len().sort("len", "word", descending=[True, False]).row(0)
        if most[1] > LARGEST_SHARE * len(sequences):
            problems.append(
                Problem(
                    "config",
                    f"{most[1]:,} of {len(sequences):,} query sequences {name} with the same bases {most[0]}: their "
                    "flanks were not trimmed (name them in reads.structure), or the "
                    "library is made of variants of one parent (give it kind `designed`). Aligned against itself "
                    "each of them would hit all others, which takes a thousand times as long",
                    column="reads.structure",
                )
            )
    if problems:
        raise InputError(problems)


def _named(clusters: pl.DataFrame, library: str) -> pl.DataFrame:
    """Name the clusters by their rank: most reads first, then the sequence of the representative."""
    ranked = clusters.sort("total", "representative", descending=[True, False])
    width = len(str(len(ranked)))
    rank = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(width)
    return ranked.with_columns(element=pl.format(f"{library}_{{}}", rank))


def cluster_sequences(
    pooled: pl.DataFrame,
    library: str,
    seeds: Seeds,
    flank_lengths: tuple[int, int] = (0, 0),
    threads: int = 1,
) -> Elements:
    """Cluster the unique sequences of a random library.

    Parameters
    ----------
    pooled : polars.DataFrame
        ``sequence`` (unique), ``reads`` over all bins.
    library : str
        Name of the library; elements are called ``<library>_<rank>``.
    seeds : Seeds
    flank_lengths : (int, int)
        Bases of the distal and the proximal flank on the counted sequences; trimmed off the queries, not off the
        database.
    threads : int
        Of Bowtie2; the result does not depend on it.

    Returns
    -------
    Elements
        ``match`` of a member is ``representative`` (most reads; of equals the first in the alphabet) or ``member``.

    Raises
    ------
    InputError
        No sequences, untrimmed flanks, Bowtie2 missing.

    Notes
    -----
    Clusters are connected components of the graph of alignments. The published script follows chains only in part, so
    that its clusters can depend on the order of the alignments.
    """
    check_not_empty(pooled, library)
    pooled = pooled.sort("sequence")
    check_query_ends(pooled["sequence"], *flank_lengths)
    components = Components(len(pooled))
    n_alignments = n_joined = 0
    progress = Progress(f"cluster {library}", None, "alignments")
    with Index(pooled["sequence"], threads=threads) as index:
        for query, reference in index.align(pooled["sequence"], self_alignment_options(seeds, *flank_lengths)):
            n_joined += components.join(query, reference)
            n_alignments += len(query)
            progress.advance(len(query))
    members = pooled.with_columns(cluster=pl.Series(components.labels())).sort(
        "cluster", "reads", "sequence", descending=[False, True, False]
    )
    clusters = members.group_by("cluster", maintain_order=True).agg(
        total=pl.col("reads").sum(), representative=pl.col("sequence").first()
    )
    named = _named(clusters, library)
    logger.info(
        "%s: %s unique sequences, %s alignments, %s elements",
        library,
        *(f"{n:,}" for n in (len(pooled), n_alignments, len(named))),
    )
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


def flank_lengths(reads: dict[str, Any]) -> tuple[int, int]:
    """Bases of the flanks on counted sequences, from the config section ``reads``."""
    return parse_structure(reads["structure"]).flank_lengths(reads["keep_flanks"])

"""Clusters of a random library by Bowtie2: its unique sequences aligned against themselves.

Inputs: unique sequences. Outputs: the cluster of every sequence. The sequences that Bowtie2 aligns to each other,
directly or through others, are one cluster (Rafi et al. 2024): reads of one promoter that differ by sequencing errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cisflow.clusters.bowtie import Index, temporary_index
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
class AlignmentSettings:
    """Bowtie2's seeds, and options beside the published ones.

    Attributes
    ----------
    seed_mismatches, seed_length : int
        Mismatches in a seed (``-N``) and its length (``-L``).
    bowtie2_options : str
        See :mod:`cisflow.clusters.bowtie_options`.
    """

    seed_mismatches: int = 1
    seed_length: int = 18
    bowtie2_options: str = ""


def self_alignment_options(settings: AlignmentSettings, trim_start: int, trim_end: int) -> list[str]:
    """Options of the published self-alignment, then the user's; the trims are the lengths of the query's flanks."""
    more = settings.bowtie2_options.split()
    every = [] if "-k" in more else ["-a"]
    seeds = f"-N {settings.seed_mismatches} -L {settings.seed_length}".split()
    return [*seeds, *every, *f"-f --no-sq --no-head -5 {trim_start} -3 {trim_end}".split(), *more]


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
                    "flanks were not trimmed (name them in reads.structure), or the library is made of variants of one "
                    "parent (give it kind `designed` and ordered_sequences). Aligned against itself each of them would "
                    "hit all others, which takes a thousand times as long",
                    column="reads.structure",
                )
            )
    if problems:
        raise InputError(problems)


def spanning_edges(
    index: Index,
    queries: pl.Series,
    rows: np.ndarray,
    components: Components,
    options: list[str],
    library: str,
) -> np.ndarray:
    """Align some sequences to the whole library and keep the pairs that join two components.

    Parameters
    ----------
    index : Index
        Of all sequences.
    queries : polars.Series of str
        Sequences to align.
    rows : ndarray of int64
        Their rows in the index.
    components : Components
        Over the rows of the index; joined as the alignments come.
    options : list of str
        See :func:`self_alignment_options`.
    library : str
        For messages.

    Returns
    -------
    ndarray of int64, shape (2, m)
        Rows of the pairs; fewer than the sequences of the index, however many alignments there are.
    """
    found = [np.empty((2, 0), np.int64)]
    n_alignments = 0
    progress = Progress(f"cluster {library}", None, "alignments")
    for query, reference in index.pairs(queries, options, pl.Series(rows)):
        edges = components.spanning(query, reference)
        found.append(np.stack([query[edges], reference[edges]]))
        n_alignments += len(query)
        progress.advance(len(query))
    logger.info("%s: %s sequences aligned, %s alignments", library, f"{len(queries):,}", f"{n_alignments:,}")
    return np.concatenate(found, axis=1)


def self_alignment_clusters(
    sequences: pl.Series, settings: AlignmentSettings, flank_lengths: tuple[int, int], library: str, threads: int = 1
) -> np.ndarray:
    """Clusters of the unique sequences of a random library.

    Parameters
    ----------
    sequences : polars.Series of str, shape (n,)
        Unique, as counted.
    settings : AlignmentSettings
    flank_lengths : (int, int)
        Bases of the distal and the proximal flank on the counted sequences; trimmed off the queries, not off the
        database.
    library : str
        For messages.
    threads : int
        Of Bowtie2; the result does not depend on it.

    Returns
    -------
    ndarray of int64, shape (n,)
        Smallest row of each sequence's cluster.

    Raises
    ------
    InputError
        Untrimmed flanks, Bowtie2 missing.

    Notes
    -----
    Clusters are connected components of the graph of alignments. The published script follows chains only in part, so
    that its clusters can depend on the order of the alignments.
    """
    check_query_ends(sequences, *flank_lengths)
    components = Components(len(sequences))
    options = self_alignment_options(settings, *flank_lengths)
    with temporary_index(sequences, threads=threads) as index:
        spanning_edges(index, sequences, np.arange(len(sequences)), components, options, library)
    return components.labels()


def flank_lengths(reads: dict[str, Any]) -> tuple[int, int]:
    """Bases of the flanks on counted sequences, from the config section ``reads``."""
    return parse_structure(reads["structure"]).flank_lengths(reads["keep_flanks"])

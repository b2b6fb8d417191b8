"""Reads of a designed library assigned to its ordered sequences.

Inputs: unique sequences of the reads and the ordered sequences. Outputs: the ordered sequence of each read sequence, or
why it was dropped.

Designed libraries hold variants that differ by one base, so they are never clustered. Equal sequences are assigned
first, so that an exact read can never go to a neighbour, then those at distance 1; both by joins, whose time does not
grow with the number of variants that look alike. The others are aligned with Bowtie2, forward strand, end to end, for
distance 2, then 3, up to the largest allowed. The edit distance of every candidate is computed over the whole length of
both sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import polars as pl

from cisflow.clusters.bowtie import temporary_index
from cisflow.clusters.designed_alignment import aligned_to_ordered
from cisflow.clusters.edits import edits_up_to
from cisflow.clusters.elements import Elements, check_not_empty
from cisflow.clusters.neighbours import neighbours
from cisflow.clusters.ordered import OrderedLibrary
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.reads.ragged import Sequences

LONGEST_SEED, SHORTEST_SEED = 31, 4  # what bowtie2 -L takes
PENALTY = 6  # of a substitution, an inserted and a deleted base alike: the score is then -6 times the edit distance
UNALIGNED, AMBIGUOUS = -1, -2


def alignment_options(shortest_query: int, distance: int) -> list[str]:
    """Bowtie2 options that report every reference within an edit distance.

    ``distance`` edits leave at least one of ``distance + 1`` blocks of the query untouched, so seeds without mismatches
    at the beginning of every block find every reference within that distance.

    Parameters
    ----------
    shortest_query : int
        Bases of the shortest query.
    distance : int
        Edit distance.

    Raises
    ------
    InputError
        When the blocks would be too short for a seed.
    """
    block = shortest_query // (distance + 1)
    if block < SHORTEST_SEED:
        raise InputError(
            Problem(
                "config",
                f"{distance} edits in sequences of {shortest_query} bases leave no seed for Bowtie2; expected at most "
                f"{shortest_query // SHORTEST_SEED - 1}",
                column="cluster.max_designed_mismatches",
            )
        )
    return (
        f"-f -a --end-to-end --norc --no-unal -N 0 -L {min(block, LONGEST_SEED)} -i C,{block},0 "
        f"--mp {PENALTY},{PENALTY} --rdg 0,{PENALTY} --rfg 0,{PENALTY} --gbar 1 --score-min C,-{PENALTY * distance},0"
    ).split()


def _nearest(query: np.ndarray, reference: np.ndarray, distance: np.ndarray) -> tuple[np.ndarray, ...]:
    """Queries (unique), the nearest reference of each (-2 where two are equally near) and its distance."""
    order = np.lexsort((reference, distance, query))
    query, reference, distance = query[order], reference[order], distance[order]
    best = np.flatnonzero(np.diff(query, prepend=-1))
    size = np.diff(np.append(best, len(query)))
    second = np.minimum(best + 1, len(query) - 1)
    tied = (size > 1) & (distance[second] == distance[best])
    return query[best], np.where(tied, AMBIGUOUS, reference[best]), distance[best]


def nearest_references(
    queries: pl.Series, references: pl.Series, max_distance: int, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest reference of every query by edit distance.

    Parameters
    ----------
    queries, references : polars.Series of str, shapes (n,) and (m,)
        Unique sequences of A, C, G and T; no query equals a reference.
    max_distance : int
        Largest edit distance (substitutions, inserted and deleted bases).
    threads : int
        Of Bowtie2; the result does not depend on it.

    Returns
    -------
    reference : ndarray of int64, shape (n,)
        Row of the nearest reference; -1 where none is near enough, -2 where two are equally near.
    distance : ndarray of int64, shape (n,)
        0 where none is near enough.
    """
    nearest = np.full(len(queries), UNALIGNED, np.int64)
    edits_to_nearest = np.zeros(len(queries), np.int64)
    if len(queries) == 0 or max_distance == 0:
        return nearest, edits_to_nearest
    query_letters, reference_letters = Sequences.from_series(queries), Sequences.from_series(references)
    with ExitStack() as stack:
        index = None
        for distance in range(1, max_distance + 1):
            waiting = np.flatnonzero(nearest == UNALIGNED)
            if not len(waiting):
                break
            if distance == 1:
                candidates = neighbours(query_letters, reference_letters)
            else:
                index = index or stack.enter_context(temporary_index(references, max_distance, threads))
                options = alignment_options(int(query_letters.length[waiting].min()), distance)
                candidates = aligned_to_ordered(index, queries.gather(waiting), options)
            progress = Progress(f"compare at distance {distance}", None, "pairs")
            found = [np.empty((3, 0), np.int64)]
            for row, reference in candidates:
                pairs = np.unique(np.stack([waiting[row], reference]), axis=1)
                edits = edits_up_to(query_letters, reference_letters, pairs[0], pairs[1], distance)
                found.append(np.vstack([pairs, edits])[:, edits <= distance])
                progress.advance(len(row))
            pairs = np.unique(np.concatenate(found, axis=1), axis=1)  # a pair can come in two blocks
            query, reference, edits = _nearest(*pairs)
            nearest[query], edits_to_nearest[query] = reference, edits
            logger.info("distance %d: %s of %s sequences assigned", distance, f"{len(query):,}", f"{len(waiting):,}")
    return nearest, edits_to_nearest


def _compared(
    pooled: pl.DataFrame, ordered: OrderedLibrary, flank_lengths: tuple[int, int], library: str
) -> tuple[pl.DataFrame, pl.Series]:
    """Sequences with their variable part and the element that it equals; sorted variable parts that equal none."""
    check_not_empty(pooled, library)
    before, after = flank_lengths
    length = pl.col("sequence").str.len_bytes().cast(pl.Int64) - before - after
    pooled = pooled.sort("sequence").with_columns(variable=pl.col("sequence").str.slice(before, length))
    exact = ordered.table.select("variable", pl.col("element").alias("equal"))
    joined = pooled.join(exact, on="variable", how="left", maintain_order="left")
    return joined, joined.filter(pl.col("equal").is_null()).select(pl.col("variable").unique().sort())["variable"]


def nearest_of_shard(
    pooled: pl.DataFrame,
    ordered: OrderedLibrary,
    flank_lengths: tuple[int, int],
    max_distance: int,
    library: str,
    shard: tuple[int, int],
    threads: int = 1,
) -> pl.DataFrame:
    """Nearest ordered sequence of every so manieth sequence that equals none.

    Parameters
    ----------
    pooled, ordered, flank_lengths, max_distance, library, threads
        See :func:`assign_to_ordered`.
    shard : (int, int)
        Number of the shard from 0, and how many there are.

    Returns
    -------
    polars.DataFrame
        ``reference``, ``edits`` (int64), see :func:`nearest_references`.
    """
    _, others = _compared(pooled, ordered, flank_lengths, library)
    mine = others.gather_every(shard[1], shard[0])
    reference, edits = nearest_references(mine, ordered.table["variable"], max_distance, threads)
    return pl.DataFrame({"reference": reference, "edits": edits})


def assign_to_ordered(
    pooled: pl.DataFrame,
    ordered: OrderedLibrary,
    flank_lengths: tuple[int, int],
    max_distance: int,
    library: str,
    threads: int = 1,
    found: Sequence[pl.DataFrame] | None = None,
) -> Elements:
    """Assign the unique sequences of a designed library to its ordered sequences.

    Only the part between the flanks is compared; the flanks were checked when the reads were counted.

    Parameters
    ----------
    pooled : polars.DataFrame
        ``sequence`` (unique), ``reads`` over all bins.
    ordered : OrderedLibrary
    flank_lengths : (int, int)
        Bases of the distal and the proximal flank on the counted sequences.
    max_distance : int
        Largest edit distance to the ordered sequence.
    library : str
    threads : int
        Of Bowtie2; the result does not depend on it.
    found : sequence of polars.DataFrame, optional
        Tables of :func:`nearest_of_shard` of all shards, in their order, where they have been made.

    Returns
    -------
    Elements
        Every ordered sequence in the order of the file, also without reads. ``match`` of a member is ``exact``,
        ``mismatches``, ``ambiguous`` (two ordered sequences equally near) or ``unaligned`` (none near enough);
        ``distance`` is its edit distance.

    Raises
    ------
    InputError
        No sequences, Bowtie2 missing, ``max_distance`` too large for the length.
    """
    joined, others = _compared(pooled, ordered, flank_lengths, library)
    if found is None:
        reference, distance = nearest_references(others, ordered.table["variable"], max_distance, threads)
    else:
        reference, distance = np.empty((2, len(others)), np.int64)
        for shard, part in enumerate(found):
            reference[shard :: len(found)] = part["reference"].to_numpy()
            distance[shard :: len(found)] = part["edits"].to_numpy()
    names = ordered.table["element"].gather(np.maximum(reference, 0))
    aligned = pl.DataFrame(
        {"variable": others, "near": names, "status": pl.Series(reference), "edits": pl.Series(distance)}
    ).with_columns(near=pl.when(pl.col("status") >= 0).then(pl.col("near")))
    members = joined.join(aligned, on="variable", how="left", maintain_order="left").select(
        "sequence",
        pl.coalesce("equal", "near").alias("element"),
        "reads",
        pl.when(pl.col("equal").is_not_null())
        .then(pl.lit("exact"))
        .when(pl.col("status") == AMBIGUOUS)
        .then(pl.lit("ambiguous"))
        .when(pl.col("status") == UNALIGNED)
        .then(pl.lit("unaligned"))
        .otherwise(pl.lit("mismatches"))
        .alias("match"),
        pl.when(pl.col("equal").is_not_null())
        .then(0)
        .when(pl.col("status") != UNALIGNED)
        .then(pl.col("edits"))
        .cast(pl.Int64)
        .alias("distance"),
    )
    order = ordered.table.select("element").with_row_index("order")
    members = members.join(order, on="element", how="left").sort(
        "order", "reads", "sequence", descending=[False, True, False], nulls_last=True
    )
    return Elements(members.drop("order"), ordered.table.select("element", "sequence"))

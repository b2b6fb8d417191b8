"""The two ways to cluster a random library.

Inputs: unique sequences with their reads. Outputs: elements and the sequences that count for them. ``bowtie2`` is the
published self-alignment; ``pieces`` joins sequences within a number of edits, found through the pieces they share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from cisflow.clusters.bowtie_options import bowtie2_option_problems
from cisflow.clusters.elements import Elements, check_not_empty
from cisflow.clusters.naming import named_clusters
from cisflow.clusters.near_identical import near_identical_components
from cisflow.clusters.random_check import check_before_clustering, check_is_random
from cisflow.clusters.self_alignment import AlignmentSettings, self_alignment_clusters
from cisflow.problems import InputError, not_one_of
from cisflow.reads.ragged import Sequences

METHODS = ("bowtie2", "pieces")


def piece_clusters(sequences: pl.Series, max_distance: int, flank_lengths: tuple[int, int]) -> np.ndarray:
    """Clusters of sequences whose variable parts lie within a number of edits, directly or through others.

    Parameters
    ----------
    sequences : polars.Series of str, shape (n,)
        As counted, all on the strand that the structure of the reads gives; reverse complements are not joined.
    max_distance : int
        Substitutions, inserted and deleted bases.
    flank_lengths : (int, int)
        Bases of the flanks on the sequences; not compared.

    Returns
    -------
    ndarray of int64, shape (n,)
        A row of each sequence's cluster, the same for all its members.
    """
    letters = Sequences.from_series(sequences)
    start = np.full(len(sequences), flank_lengths[0], np.int64)
    return near_identical_components(letters.part(start, letters.length - flank_lengths[1]), max_distance)


def alignment_settings(cluster: Mapping[str, Any]) -> AlignmentSettings:
    """Settings of the self-alignment from the config section ``cluster``.

    Raises
    ------
    InputError
        When ``bowtie2_options`` holds options that cannot be given.
    """
    problems = bowtie2_option_problems(cluster["bowtie2_options"])
    if problems:
        raise InputError(problems)
    return AlignmentSettings(**{key: cluster[key] for key in AlignmentSettings.__dataclass_fields__})


def cluster_library(
    pooled: pl.DataFrame,
    library: str,
    settings: Mapping[str, Any],
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
    settings : mapping
        Config section ``cluster``: ``method``, ``max_distance`` (for ``pieces``), ``seed_mismatches``, ``seed_length``
        and ``bowtie2_options`` (for ``bowtie2``).
    flank_lengths : (int, int)
        Bases of the distal and the proximal flank on the counted sequences; they are not compared.
    threads : int
        Of Bowtie2; the result does not depend on it.

    Returns
    -------
    Elements

    Raises
    ------
    InputError
        No sequences, sequences that are variants of each other (see :mod:`cisflow.clusters.random_check`), untrimmed
        flanks, options of Bowtie2 that cannot be given, Bowtie2 missing, unknown method.
    """
    check_not_empty(pooled, library)
    pooled = pooled.sort("sequence")
    if settings["method"] == "bowtie2":
        alignment = alignment_settings(settings)
        check_before_clustering(pooled, library, flank_lengths)
        labels = self_alignment_clusters(pooled["sequence"], alignment, flank_lengths, library, threads)
    elif settings["method"] == "pieces":
        check_before_clustering(pooled, library, flank_lengths)
        labels = piece_clusters(pooled["sequence"], settings["max_distance"], flank_lengths)
    else:
        raise InputError(not_one_of(settings["method"], METHODS))
    check_is_random(pooled, labels, library)
    return named_clusters(pooled, labels, library)

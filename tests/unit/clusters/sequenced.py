"""Libraries as sequenced: unique sequences with their reads, drawn with sequencing errors."""

import numpy as np
import polars as pl

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
FLANKS = (len(DISTAL), len(PROXIMAL))
BASES = np.frombuffer(b"ACGT", np.uint8)


def random_bases(rng, n, length=80):
    """Random sequences as letters, uint8, shape (n, length)."""
    return BASES[rng.integers(0, 4, (n, length))]


def single_base_variants(rng, parent, n):
    """The parent and ``n - 1`` of its single-base variants, uint8, shape (n, length)."""
    variants = np.repeat(parent[None], n, axis=0)
    place = 1 + np.arange(n - 1)
    where, which = np.divmod(rng.choice(3 * len(parent), n - 1, replace=False), 3)
    variants[place, where] = BASES[(np.searchsorted(BASES, parent[where]) + 1 + which) % 4]
    return variants


def sequence_library(rng, variable, reads, error, biased=False):
    """Sequence a library.

    ``variable`` holds the variable parts (uint8, shape (n, length)) and ``reads`` the reads of each. Every base of the
    amplicon is wrong with probability ``error``; the wrong base is one of three, or always the same when ``biased``.
    Returns the table ``sequence``, ``reads``, and the row of ``variable`` that each unique sequence comes from (of the
    first where it comes from several).
    """
    flanks = [np.frombuffer(flank.encode(), np.uint8) for flank in (DISTAL, PROXIMAL)]
    source = np.repeat(np.arange(len(variable)), reads)
    n = len(source)
    whole = np.hstack(
        [np.broadcast_to(flanks[0], (n, FLANKS[0])), variable[source], np.broadcast_to(flanks[1], (n, FLANKS[1]))]
    )
    wrong = rng.random(whole.shape) < error
    step = 1 if biased else rng.integers(1, 4, int(wrong.sum()))
    whole[wrong] = BASES[(np.searchsorted(BASES, whole[wrong]) + step) % 4]
    sequences = pl.Series("sequence", [row.tobytes().decode() for row in whole])
    table = pl.DataFrame([sequences, pl.Series("source", source)])
    pooled = (
        table.group_by("sequence").agg(reads=pl.len().cast(pl.UInt64), source=pl.col("source").min()).sort("sequence")
    )
    return pooled.select("sequence", "reads"), pooled["source"].to_numpy()

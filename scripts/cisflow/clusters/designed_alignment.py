"""Alignments of reads to the ordered sequences of a designed library.

Inputs: an index of the ordered sequences and the queries. Outputs: blocks of (query, reference) pairs, read with pysam
from Bowtie2's output as it comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import polars as pl
import pysam

from cisflow.clusters.bowtie import Index

BLOCK = 1 << 16


def aligned_to_ordered(
    index: Index, queries: pl.Series, options: Sequence[str], block: int = BLOCK
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Align queries to ordered sequences.

    Parameters
    ----------
    index : Index
        Its references are called by their 0-based rows.
    queries : polars.Series of str
        Rows are their 0-based numbers.
    options : sequence of str
        Options of bowtie2; they must keep the header, which names the references.

    Yields
    ------
    query, reference : ndarray of int64
        One entry per alignment.
    """
    with index.stream(queries, options) as output, pysam.AlignmentFile(output, "r") as records:
        # The index leaves out references without bases, so that a reference's place in the header is not its row.
        rows = np.array([int(name) for name in records.references], np.int64)
        pairs = ((int(r.query_name), r.reference_id) for r in records if not r.is_unmapped)
        while chunk := list(islice(pairs, block)):
            query, place = np.array(chunk, np.int64).T
            yield query, rows[place]

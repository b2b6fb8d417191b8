"""Elements of a library: pooling unique sequences over bins, counting elements per bin, and the funnel.

Inputs: tables of unique sequences per bin, and the element of each sequence. Outputs: the table of counts, one row per
element and one column per bin, checked to hold every read that was not dropped for a stated reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cisflow.problems import InputError, Problem

#: Value of the funnel's column ``bin`` in rows that concern the whole library.
ALL_BINS = "all"
#: How a unique sequence came to its element, by kind of library, and the funnel's words for its reads.
MATCHES = {
    "random": {"representative": "reads of representatives", "member": "reads of other members"},
    "designed": {
        "exact": "reads equal to an ordered sequence",
        "mismatches": "reads with mismatches",
        "ambiguous": "ambiguous reads (dropped)",
        "unaligned": "unaligned reads (dropped)",
    },
}
READS_IN, READS_COUNTED = "reads to assign", "reads counted"
FUNNEL_SCHEMA = {"library": pl.String, "bin": pl.String, "step": pl.String, "count": pl.Int64}


@dataclass(frozen=True)
class Elements:
    """Elements of a library and the unique sequences that count for them.

    Attributes
    ----------
    members : polars.DataFrame
        ``sequence`` (every unique sequence of the reads), ``element`` (null: dropped), ``reads`` (uint64, over all
        bins), ``match`` (how it was assigned, see ``MATCHES``).
    elements : polars.DataFrame
        ``element`` (unique), ``sequence``, in the order of the counts table.
    """

    members: pl.DataFrame
    elements: pl.DataFrame


def pool(tables: Sequence[str | Path]) -> pl.DataFrame:
    """Sum the reads of each unique sequence over bins.

    Parameters
    ----------
    tables : sequence of path
        Parquet files with ``sequence`` and ``reads``.

    Returns
    -------
    polars.DataFrame
        ``sequence`` (sorted), ``reads`` (uint64).
    """
    bins = [pl.scan_parquet(table).select("sequence", pl.col("reads").cast(pl.UInt64)) for table in tables]
    return pl.concat(bins).group_by("sequence").agg(pl.col("reads").sum()).sort("sequence").collect()


def check_not_empty(pooled: pl.DataFrame, library: str) -> None:
    """Refuse a library of which no read is left."""
    if pooled.is_empty():
        raise InputError(
            Problem(
                f"reads of library {library}",
                "no sequence is left in any bin; expected some: the funnel of the reads says which step drops them",
            )
        )


def funnel_table(library: str, rows: Sequence[tuple[str, str, int]]) -> pl.DataFrame:
    """Funnel of a library from rows of (bin, step, count)."""
    return pl.DataFrame([(library, *row) for row in rows], schema=FUNNEL_SCHEMA, orient="row")


def count_elements(
    elements: Elements, bins: Mapping[str, str | Path], library: str, kind: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Count the reads of each element in each bin.

    Parameters
    ----------
    elements : Elements
    bins : mapping of path by bin
        Tables of unique sequences (``sequence``, ``reads``), in the order of the bins.
    library : str
    kind : {"random", "designed"}
        Kind of the library; decides which matches the funnel lists.

    Returns
    -------
    counts : polars.DataFrame
        ``element``, ``sequence``, and one int64 column per bin.
    funnel : polars.DataFrame
        ``library``, ``bin``, ``step``, ``count``.

    Raises
    ------
    RuntimeError
        When the reads of a bin before and after differ by more than the dropped ones.
    """
    counts, rows = elements.elements, []
    lookup = elements.members.select("sequence", "element", "match")
    for name, path in bins.items():
        part = pl.read_parquet(path)
        before = int(part["reads"].cast(pl.UInt64).sum())
        part = part.join(lookup, on="sequence", how="left")
        by_match = part.group_by("match").agg(pl.col("reads").cast(pl.Int64).sum())
        reads = dict(by_match.iter_rows())
        column = (
            part.filter(pl.col("element").is_not_null())
            .group_by("element")
            .agg(pl.col("reads").cast(pl.Int64).sum().alias(name))
        )
        counts = counts.join(column, on="element", how="left", maintain_order="left").with_columns(
            pl.col(name).fill_null(0)
        )
        counted = int(counts[name].sum())
        dropped = sum(reads.get(match, 0) for match in ("ambiguous", "unaligned"))
        if before != counted + dropped:
            raise RuntimeError(
                f"library {library}, bin {name}: {before} reads before, but {counted} counted and {dropped} dropped"
            )
        rows.append((name, READS_IN, before))
        rows += [(name, step, reads.get(match, 0)) for match, step in MATCHES[kind].items()]
        rows.append((name, READS_COUNTED, counted))
    totals = counts.select(pl.sum_horizontal(*bins)).to_series()
    rows += [
        (ALL_BINS, "unique sequences", len(elements.members)),
        (ALL_BINS, "elements", len(counts)),
        (ALL_BINS, "elements with reads", int((totals > 0).sum())),
    ]
    return counts, funnel_table(library, rows)

"""Everything that is known of one sorted library, gathered for its quality report.

Inputs: the table of counts, rows of the bins sheet, estimates that the workflow made, funnel and sequences of the
reads. Outputs: :class:`SortedLibrary`, with the estimate by the other method where the workflow made only one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cisflow.expression.dispersion import estimate_dispersion
from cisflow.expression.estimate import estimate_expression
from cisflow.files import read_table


@dataclass(frozen=True)
class SortedLibrary:
    """A sorted library.

    Attributes
    ----------
    name : str
    bins : list of dict
        Rows of the bins sheet by position, unsorted samples last.
    counts : DataFrame
        ``element`` and one integer column per bin.
    bin_mean : DataFrame
        Estimates by bin-weighted mean, see :func:`cisflow.expression.estimate.estimate_expression`.
    maude : DataFrame or None
        Estimates by MAUDE; None where the gates are not known.
    without_maude : str
        Why there is no estimate by MAUDE.
    funnel : DataFrame or None
        Funnel of the reads; None for libraries that come as counts.
    sequence_reads : int64 ndarray or None
        Reads of each unique sequence over all bins, before clustering.
    """

    name: str
    bins: list[dict[str, Any]]
    counts: pd.DataFrame
    bin_mean: pd.DataFrame
    maude: pd.DataFrame | None
    without_maude: str
    funnel: pd.DataFrame | None
    sequence_reads: np.ndarray | None

    @property
    def sorted_bins(self) -> list[dict[str, Any]]:
        """Rows of the sorted bins."""
        return [row for row in self.bins if row["role"] == "sorted"]

    def in_sorted_bins(self) -> np.ndarray:
        """Reads per element and sorted bin, int64, shape (n, n_bins)."""
        return self.counts[[row["bin"] for row in self.sorted_bins]].to_numpy(dtype=np.int64)


def gather(
    name: str,
    counts: pd.DataFrame,
    settings: Mapping[str, Any],
    estimates: Mapping[str, pd.DataFrame],
    funnel: pd.DataFrame | None = None,
    sequence_reads: np.ndarray | None = None,
) -> SortedLibrary:
    """Gather a library, and estimate by the methods that the workflow did not use.

    Parameters
    ----------
    name : str
    counts : DataFrame
        ``element``, ``sequence`` and one integer column per bin.
    settings : mapping
        Settings of :func:`cisflow.expression.estimate.estimate_expression`, with the rows of the bins sheet.
    estimates : mapping of DataFrame by method
        What the workflow estimated.
    funnel, sequence_reads
        See :class:`SortedLibrary`.
    """
    bins = list(settings["bins"])
    gates = [row for row in bins if row["role"] == "sorted"]
    missing = [row["bin"] for row in gates if None in (row.get("lower_quantile"), row.get("upper_quantile"))]
    found = dict(estimates)
    for method in ("bin-mean", "maude"):
        if method not in found and not (method == "maude" and missing):
            found[method] = estimate_expression(counts, dict(settings), name, method)[0]
    reason = ""
    if "maude" not in found:
        reason = (
            "There is no comparison with MAUDE: it needs the share of cells below and above each gate (lower_quantile "
            f"and upper_quantile of the bins sheet), which {'is' if len(missing) == 1 else 'are'} not given for "
            f"{len(missing)} of {len(gates)} bins."
        )
    return SortedLibrary(name, bins, counts, found["bin-mean"], found.get("maude"), reason, funnel, sequence_reads)


def read_library(
    name: str,
    counts: str | Path,
    settings: Mapping[str, Any],
    estimates: Mapping[str, str | Path],
    funnels: Sequence[str | Path] = (),
    members: str | Path | None = None,
) -> SortedLibrary:
    """Read the files of a library; see :func:`gather`.

    Parameters
    ----------
    name : str
    counts : path
        ``clusters/{library}.counts.parquet``.
    settings : mapping
    estimates : mapping of path by method
        ``expression/{library}.{method}.parquet``.
    funnels : sequence of path
        ``reads/{library}/{bin}.funnel.tsv`` in the order of the bins; none for libraries that come as counts.
    members : path, optional
        ``clusters/{library}.members.parquet``.
    """
    return gather(
        name,
        read_table(counts),
        settings,
        {method: read_table(path) for method, path in estimates.items()},
        pd.concat([read_table(path) for path in funnels], ignore_index=True) if funnels else None,
        read_table(members, columns=["reads"])["reads"].to_numpy(dtype=np.int64) if members else None,
    )


def error_parts(library: SortedLibrary) -> tuple[np.ndarray, np.ndarray, float]:
    """Standard errors of the bin means, and what of them more reads cannot mend.

    Returns
    -------
    error : float64 ndarray, shape (n,)
        Standard error of every estimate, in bins.
    amplified : float64 ndarray, shape (n,)
        Part of its square that is uneven amplification.
    copies : float
        Variance of the reads of an element in a bin over their expectation, mean over all reads: 1 + reads per cell.
    """
    rows = pd.Index(library.counts["element"]).get_indexer(library.bin_mean["element"])
    counts = library.in_sorted_bins()[rows]
    places = np.array([float(row["position"]) for row in library.sorted_bins])
    cells = np.array([np.nan if row.get("cells") is None else float(row["cells"]) for row in library.sorted_bins])
    expression = library.bin_mean["expression"].to_numpy()
    dispersion = estimate_dispersion(counts, places, expression, cells)
    totals = counts.sum(axis=0)
    weighted = counts / np.maximum(totals, 1)
    weighted /= np.maximum(weighted.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    amplified = dispersion.amplification * np.square(weighted * (places - expression[:, None])).sum(axis=1)
    copies = float(np.average(dispersion.inflation, weights=totals))
    return library.bin_mean["standard_error"].to_numpy(), amplified, copies

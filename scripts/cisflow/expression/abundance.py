"""Share of the library of every element, and pseudocounts.

Purpose: what MAUDE takes as given about an element before it looks at the bins. Inputs: reads per element and bin,
unsorted abundance or the bins' shares of cells. Outputs: abundances, reads with pseudocounts.
"""

from __future__ import annotations

import numpy as np

from cisflow.problems import InputError, Problem

#: Reads that pseudocounts and derived abundances are scaled to.
PER_MILLION = 1_000_000


def add_pseudocount(counts: np.ndarray, abundance: np.ndarray, pseudocount: float) -> tuple[np.ndarray, np.ndarray]:
    """Add pseudocounts to the reads of the bins and to the abundance.

    Every element gets ``pseudocount`` reads per million of the bin's reads, rounded half to even and at least one;
    the abundance gets ``pseudocount`` as it is. 0 adds nothing.

    Parameters
    ----------
    counts : int ndarray, shape (n, n_bins)
    abundance : float ndarray, shape (n,)
    pseudocount : float
        Reads per million reads.

    Returns
    -------
    counts, abundance : ndarray
        New arrays.
    """
    if pseudocount == 0:
        return counts.copy(), abundance.copy()
    per_bin = np.maximum(1, np.rint(pseudocount * (counts.sum(axis=0) / PER_MILLION))).astype(np.int64)
    return counts + per_bin, abundance + pseudocount


def abundance_from_bins(counts: np.ndarray, share: np.ndarray | None = None, scale: float = PER_MILLION) -> np.ndarray:
    """Abundance of each element when no unsorted sample was sequenced (Rafi et al. 2024).

    Parameters
    ----------
    counts : int ndarray, shape (n, n_bins)
        Reads without pseudocount.
    share : float ndarray, shape (n_bins,), optional
        Share of all cells in each bin. Without it the relative abundances of the bins are averaged with equal
        weights; with it each bin counts by its share, which estimates the share of the element's cells.
    scale : float
        Sum of the result.

    Returns
    -------
    float64 ndarray, shape (n,)
        Bins without reads are left out.
    """
    counts = np.ascontiguousarray(counts)
    per_read = abundance_per_read(counts.sum(axis=0), share)
    return scale * np.einsum("ib,b->i", counts, per_read)


def abundance_per_read(totals: np.ndarray, share: np.ndarray | None) -> np.ndarray:
    """Share of the library that one read of each bin stands for in :func:`abundance_from_bins`."""
    weights = np.where(totals > 0, 1.0 if share is None else np.asarray(share, dtype=float), 0.0)
    if not weights.sum() > 0:
        raise InputError(Problem("counts", "no reads in any sorted bin"))
    return np.where(totals > 0, weights / weights.sum() / np.maximum(totals, 1), 0.0)

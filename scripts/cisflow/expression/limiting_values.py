"""What an estimate tends to with unlimited cells and reads.

Purpose: an estimate can differ from the true mean because of chance, which its interval covers, and because of its own
assumptions, which no interval covers. The value without chance tells them apart. Inputs: probabilities of the bins for
a cell of each element (known in simulations), cells and reads per bin. Outputs: values on the scale of the estimates.
"""

from __future__ import annotations

import numpy as np

from cisflow.expression.abundance import abundance_per_read
from cisflow.expression.bin_mean import read_weights, weighted_means
from cisflow.expression.bin_model import BinModel
from cisflow.expression.maude_profile import best_means_of_reads

#: Reads of an element on the scale of expectations; only their ratios count.
SCALE = 1e4


def _expected(probability: np.ndarray, totals: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Reads in proportion to those expected: an element's share of a bin's cells, times the reads of the bin."""
    per_cell = np.where(cells > 0, totals / np.maximum(cells, 1), 0.0)
    expected = probability * per_cell
    return np.ascontiguousarray(SCALE * expected / expected.sum(axis=1, keepdims=True))


def limiting_bin_means(
    probability: np.ndarray,
    totals: np.ndarray,
    cells: np.ndarray,
    positions: np.ndarray,
    weights: str = "depth",
    shares: np.ndarray | None = None,
) -> np.ndarray:
    """Bin-weighted mean with unlimited cells and reads.

    Parameters
    ----------
    probability : float ndarray, shape (n, n_bins)
        Probability that a cell of the element is sorted into the bin.
    totals, cells : ndarray, shape (n_bins,)
        Reads and cells of the bins.
    positions : float ndarray, shape (n_bins,)
    weights, shares
        As in :func:`cisflow.expression.bin_mean.estimate_bin_mean`.

    Returns
    -------
    float64 ndarray, shape (n,)
    """
    per_read = read_weights(totals, weights, cells if shares is None else shares)
    return weighted_means(_expected(probability, totals, cells), np.asarray(positions, dtype=float), per_read)


def limiting_maude_means(
    probability: np.ndarray,
    totals: np.ndarray,
    cells: np.ndarray,
    bins: BinModel,
    abundance: str,
    limits: tuple[float, float] = (-4, 4),
) -> np.ndarray:
    """MAUDE's mean with unlimited cells and reads.

    Parameters
    ----------
    probability, totals, cells
        As in :func:`limiting_bin_means`; with a measured abundance, totals and cells have the unsorted sample last.
    bins : BinModel
    abundance : str
        ``measured``, ``mean`` or ``weighted``.
    limits : pair of float

    Returns
    -------
    float64 ndarray, shape (n,)
        Pseudocounts, which no longer count with unlimited reads, are left out.
    """
    if abundance == "measured":
        everywhere = np.column_stack([probability, np.ones(len(probability))])
        return best_means_of_reads(_expected(everywhere, totals, cells), totals, None, bins, limits)
    derived = abundance_per_read(totals, bins.share if abundance == "weighted" else None)
    return best_means_of_reads(_expected(probability, totals, cells), totals, derived, bins, limits)

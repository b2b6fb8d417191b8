"""How many independent measurements the reads of an element are.

Purpose: reads of one cell are copies of one measurement, so standard errors from read counts alone are too small when
a bin has many reads per cell. Inputs: reads, cells sorted per bin. Outputs: inflation of variance.
"""

from __future__ import annotations

import numpy as np


def read_inflation(totals: np.ndarray, cells: np.ndarray | None) -> np.ndarray:
    """Variance of the reads of an element in a bin over their expectation.

    When cells come by chance and each gives a Poisson number of reads with mean r, it is 1 + r.

    Parameters
    ----------
    totals : int ndarray, shape (n_bins,)
        Reads per bin over all elements.
    cells : float ndarray, shape (n_bins,), optional
        Cells sorted into each bin; NaN or 0 where unknown.

    Returns
    -------
    float64 ndarray, shape (n_bins,)
        1 + reads per cell; 1 where the cells are unknown, which takes every read as a cell of its own.
    """
    inflation = np.ones(totals.size)
    if cells is not None:
        cells = np.asarray(cells, dtype=float)
        known = np.isfinite(cells) & (cells > 0)
        inflation[known] += totals[known] / cells[known]
    return inflation

"""Sorted libraries with known truth: cells, copies of cells, reads; without any of the code under test."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri


@dataclass
class SortedScreen:
    """Reads of elements whose cells are normal around the truth."""

    truth: np.ndarray
    counts: np.ndarray
    cells: np.ndarray
    unsorted: np.ndarray
    unsorted_cells: int
    probability: np.ndarray
    is_tested: np.ndarray


def sort_screen(
    random, lower, upper, *, elements=2500, depth=30.0, reads_per_cell=1.0, amplification=0.0, effect=0.5, tested=0.05
):
    """Sort elements with standard deviation 1 between the cells of an element.

    Parameters
    ----------
    lower, upper : arrays
        Quantiles of the bins.
    depth : float
        Mean reads of a tested element in the sorted bins; gamma-distributed abundance.
    amplification : float
        Standard deviation of log amplification of an element in a bin.
    tested : float
        Share of all cells that carry tested elements; the others are 300 elements of mean 0, so that the whole
        population is standard normal, as the bin model has it.
    """
    truth = np.concatenate([random.normal(0, effect, elements), np.zeros(300)])
    share = np.concatenate([random.gamma(1, 1, elements) + 0.02, np.ones(300)])
    share[:elements] *= tested / share[:elements].sum()
    share[elements:] *= (1 - tested) / 300
    probability = ndtr(ndtri(upper) - truth[:, None]) - ndtr(ndtri(lower) - truth[:, None])
    captured = (probability * share[:, None]).sum()
    n_cells = depth * elements / tested / reads_per_cell / captured
    cells = random.poisson(n_cells * share[:, None] * probability)
    copies = np.exp(amplification * random.standard_normal(cells.shape))
    grown = random.poisson(depth * elements / tested / reads_per_cell * share)
    return SortedScreen(
        truth,
        random.poisson(reads_per_cell * cells * copies),
        cells.sum(axis=0),
        random.poisson(reads_per_cell * grown * np.exp(amplification * random.standard_normal(grown.size))),
        int(grown.sum()),
        probability,
        np.arange(truth.size) < elements,
    )

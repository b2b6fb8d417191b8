"""Parts of a contact map: every contact is given to one of four quarters by chance.

Inputs: windows of raw counts. Outputs: targets of quarters and halves, made as those of the whole map.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from cisflow.contacts.targets import ContactMap

QUARTERS = 4
QUARTER_PAIRS = tuple(combinations(range(QUARTERS), 2))


def split_counts(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give every contact to one of four parts with equal probability.

    Parameters
    ----------
    counts : float or int array, (n, n)
        Raw counts, symmetric.
    rng : numpy Generator

    Returns
    -------
    float64 array, (4, n, n)
        Symmetric parts that sum to ``counts``.

    Notes
    -----
    Where counts are Poisson, the parts are independent of each other: two maps of the same cells, each with a quarter
    of the contacts.
    """
    row, column = np.nonzero(np.triu(counts))
    left = counts[row, column].astype(np.int64)
    parts = np.zeros((QUARTERS, *counts.shape))
    for k in range(QUARTERS):
        drawn = rng.binomial(left, 1 / (QUARTERS - k)) if k < QUARTERS - 1 else left
        left = left - drawn
        parts[k, row, column] = parts[k, column, row] = drawn
    return parts


def part_targets(
    contact_map: ContactMap, chromosome: str, start: int, n_fine_bins: int, factor: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets of a window from all contacts, from two halves and from four quarters of them.

    Parameters
    ----------
    contact_map, chromosome, start, n_fine_bins, factor
        See :meth:`cisflow.contacts.targets.ContactMap.window_target`.
    rng : numpy Generator

    Returns
    -------
    whole : float32 array, (bins, bins)
    halves : float32 array, (2, bins, bins)
    quarters : float32 array, (4, bins, bins)

    Notes
    -----
    Each part is coarse-grained and divided by the expected contacts anew. The balancing weights and the curve of
    expected contacts are those of the whole map: they are sums over thousands of contacts, and cost a pass over the
    genome each.
    """
    counts = contact_map.counts(chromosome, start, n_fine_bins)
    parts = split_counts(counts, rng)
    whole = contact_map.target_of_counts(counts, chromosome, start, factor)
    halves = [
        contact_map.target_of_counts(pair.sum(axis=0), chromosome, start, factor, 0.5)
        for pair in (parts[:2], parts[2:])
    ]
    quarters = [contact_map.target_of_counts(part, chromosome, start, factor, 0.25) for part in parts]
    return whole, np.stack(halves), np.stack(quarters)

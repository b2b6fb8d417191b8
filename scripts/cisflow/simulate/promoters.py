"""Variable parts of promoters: random DNA, and DNA that looks like yeast's own.

Inputs: a generator. Outputs: uint8 codes (:mod:`cisflow.simulate.bases`) with the 3' ends in the last column.
"""

from __future__ import annotations

import numpy as np

from cisflow.simulate.bases import PADDING, random_bases
from cisflow.simulate.motifs import MOTIFS

VARIABLE_LENGTH = 80
#: Shares of the lengths of random parts: synthesis and cloning lose a base more often than they gain one.
LENGTH_SHARES = {76: 0.004, 77: 0.006, 78: 0.02, 79: 0.09, 80: 0.86, 81: 0.02}
#: Base frequencies (A, C, G, T) after each base in yeast-like DNA: rich in A and T, with runs of A and of T.
NEXT_BASE = (
    (0.41, 0.16, 0.17, 0.26),
    (0.35, 0.20, 0.11, 0.34),
    (0.33, 0.19, 0.20, 0.28),
    (0.24, 0.18, 0.17, 0.41),
)
#: Shares of yeast-like promoters with a run of A or T, and with a site of a factor.
TRACT_SHARE, SITE_SHARE = 0.5, 0.6
TRACT_LENGTHS = (7, 18)


def random_variable_parts(rng: np.random.Generator, n: int) -> np.ndarray:
    """Random DNA of the lengths that libraries of random 80-mers have.

    Parameters
    ----------
    rng : Generator
    n : int

    Returns
    -------
    uint8 array, (n, 81)
    """
    lengths = rng.choice(list(LENGTH_SHARES), size=n, p=list(LENGTH_SHARES.values()))
    longest = max(LENGTH_SHARES)
    codes = random_bases(rng, n, longest)
    codes[np.arange(longest) < (longest - lengths)[:, None]] = PADDING
    return codes


def plant(variable: np.ndarray, rows: np.ndarray, starts: np.ndarray, sites: np.ndarray) -> None:
    """Write sites into promoters, in place.

    Parameters
    ----------
    variable : uint8 array, (n, length)
    rows, starts : int arrays, (m,)
        Promoter and 0-based first column of each site.
    sites : uint8 array, (m, site length) or (site length,)
        Codes of the sites.
    """
    columns = starts[:, None] + np.arange(sites.shape[-1])
    variable[rows[:, None], columns] = sites


def site_codes(motif: int, other_strand: bool) -> np.ndarray:
    """Best site of a factor of :data:`~cisflow.simulate.motifs.MOTIFS`, as codes of one strand."""
    codes = MOTIFS[motif].weights.argmax(axis=1).astype(np.uint8)
    return 3 - codes[::-1] if other_strand else codes


def plant_sites(rng: np.random.Generator, variable: np.ndarray, rows: np.ndarray, first: int, last: int) -> None:
    """Write the best site of a factor and strand drawn at random into each of ``rows``, in place.

    Sites begin at or after column ``first`` and end before column ``last`` (0-based).
    """
    motifs = rng.integers(0, len(MOTIFS), size=len(rows))
    other = rng.integers(0, 2, size=len(rows)).astype(bool)
    place = rng.random(len(rows))
    for motif in range(len(MOTIFS)):
        for strand in (False, True):
            chosen = (motifs == motif) & (other == strand)
            site = site_codes(motif, strand)
            starts = first + (place[chosen] * (last - first - len(site) + 1)).astype(np.int64)
            plant(variable, rows[chosen], starts, site)


def yeast_like(rng: np.random.Generator, n: int, length: int = VARIABLE_LENGTH) -> np.ndarray:
    """DNA with the composition of yeast promoters: a chain of bases, runs of A or T, and sites of factors.

    Parameters
    ----------
    rng : Generator
    n, length : int

    Returns
    -------
    uint8 array, (n, length)
    """
    steps = np.cumsum(NEXT_BASE, axis=1)[:, :3]
    codes = np.empty((n, length), dtype=np.uint8)
    codes[:, 0] = rng.choice(4, size=n, p=[0.32, 0.18, 0.18, 0.32])
    draws = rng.random((n, length))
    for column in range(1, length):
        codes[:, column] = (draws[:, column, None] > steps[codes[:, column - 1]]).sum(axis=1)
    shortest, longest = TRACT_LENGTHS
    lengths = rng.integers(shortest, longest + 1, size=n)
    starts = (rng.random(n) * (length - lengths + 1)).astype(np.int64)
    columns = np.arange(length)
    inside = (columns >= starts[:, None]) & (columns < (starts + lengths)[:, None])
    inside &= (rng.random(n) < TRACT_SHARE)[:, None]
    run = np.where(rng.random(n) < 0.5, 0, 3).astype(np.uint8)
    codes = np.where(inside, run[:, None], codes)
    plant_sites(rng, codes, np.flatnonzero(rng.random(n) < SITE_SHARE), 0, length)
    return codes

"""Regions without peak that have the peaks' base composition.

Purpose: negatives for assays that come without. Inputs: the genome, the peaks, groups of chromosomes. Outputs: a table
of regions. The rule follows the one of ChromBPNet's preparation: windows at a stride over the genome, matched to the
peaks by their share of G and C rounded to percent; where such windows run out, the nearest percent is taken (in the
original a neighbour by the toss of a coin).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cisflow.contacts.genome import UNKNOWN, Genome
from cisflow.joblog import logger
from cisflow.profiles.regions import NONPEAK

STRIDE = 1000  # bp from one candidate to the next


def window_sums(mask: np.ndarray, start: np.ndarray, width: int) -> np.ndarray:
    """How many entries of a mask are true in each window; int64.

    Parameters
    ----------
    mask : bool array, (length,)
    start : int array, (n,)
        First positions; the windows lie inside.
    width : int
    """
    total = np.zeros(len(mask) + 1, dtype=np.int32)
    np.cumsum(mask, out=total[1:])
    return (total[start + width] - total[start]).astype(np.int64)


def gc_share(codes: np.ndarray, start: np.ndarray, width: int) -> np.ndarray:
    """Share of G and C in windows of base codes; unknown bases count as neither; float64 (n,)."""
    return window_sums((codes == 1) | (codes == 2), start, width) / width


def gc_percent(codes: np.ndarray, start: np.ndarray, width: int) -> np.ndarray:
    """:func:`gc_share` in whole percent, int64 (n,)."""
    return np.rint(100 * gc_share(codes, start, width)).astype(np.int64)


def candidates(
    genome: Genome, chromosome: str, peaks: pd.DataFrame, width: int, margin: int, stride: int = STRIDE
) -> pd.DataFrame:
    """Windows of a chromosome that can be negatives.

    Parameters
    ----------
    genome : Genome
    chromosome : str
    peaks : DataFrame
        Peaks of this chromosome: ``start, end, position``.
    width : int
        Width of a window (bp).
    margin : int
        Bases that must lie on either side of a window inside the chromosome.
    stride : int

    Returns
    -------
    DataFrame
        ``position`` (middle) and ``percent`` (share of G and C, whole percent) of windows without unknown bases that
        share no base with a peak or with the window of ``width`` around its summit.
    """
    codes = genome.codes(chromosome, 0, genome.lengths[chromosome])
    start = np.arange(margin, len(codes) - width - margin + 1, stride)
    position = peaks["position"].to_numpy()
    low = np.minimum(peaks["start"].to_numpy(), position - width // 2)
    high = np.maximum(peaks["end"].to_numpy(), position - width // 2 + width)
    begun = np.searchsorted(np.sort(low), start + width, side="left")
    over = np.searchsorted(np.sort(high), start, side="right")
    start = start[(begun == over) & (window_sums(codes == UNKNOWN, start, width) == 0)]
    return pd.DataFrame({"position": start + width // 2, "percent": gc_percent(codes, start, width)})


def match(wanted: np.ndarray, percent: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw candidates so that as many as possible have the wanted composition.

    Parameters
    ----------
    wanted : int array, (101,)
        Number of negatives wanted at each percent.
    percent : int array, (n,)
        Percent of each candidate.
    rng : numpy Generator

    Returns
    -------
    int64 array
        Candidates, each at most once, rising. Fewer than wanted when there are not enough.

    Notes
    -----
    First every percent takes its own candidates. What is missing then comes from the nearest percent that has some
    left (the lower of two as near), beginning with the percent that lacks most.
    """
    order = rng.permutation(len(percent))
    pools = [order[percent[order] == value] for value in range(101)]
    taken = [pool[: wanted[value]] for value, pool in enumerate(pools)]
    left = [pool[wanted[value] :] for value, pool in enumerate(pools)]
    missing = np.array([wanted[value] - len(taken[value]) for value in range(101)])
    for value in np.argsort(-missing, kind="stable"):
        for other in sorted(range(101), key=lambda p, value=value: (abs(p - value), p)):
            if missing[value] <= 0:
                break
            taken.append(left[other][: missing[value]])
            missing[value] -= len(taken[-1])
            left[other] = left[other][len(taken[-1]) :]
    return np.sort(np.concatenate(taken)).astype(np.int64)


def draw_negatives(
    genome: Genome,
    peaks: pd.DataFrame,
    groups: Sequence[Sequence[str]],
    width: int,
    margin: int,
    per_peak: float,
    rng: np.random.Generator,
    stride: int = STRIDE,
) -> pd.DataFrame:
    """Draw negatives for the peaks of every group of chromosomes from the group itself.

    Parameters
    ----------
    genome : Genome
        With the bases of all chromosomes.
    peaks : DataFrame
        ``chromosome, start, end, position``; the windows of ``width`` around the positions lie inside.
    groups : sequence of sequence of str
        Chromosomes that are always on one side of a split.
    width, margin : int
        See :func:`candidates`.
    per_peak : float
        Negatives wanted per peak.
    rng : numpy Generator
    stride : int

    Returns
    -------
    DataFrame
        ``chromosome, start, end, position, kind``.
    """
    parts = []
    by_chromosome: Mapping[str, pd.DataFrame] = dict(iter(peaks.groupby("chromosome", sort=False)))
    for group in groups:
        found, percents = [], []
        for name in group:
            own = by_chromosome.get(name, peaks[:0])
            found.append(candidates(genome, name, own, width, margin, stride).assign(chromosome=name))
            codes = genome.codes(name, 0, genome.lengths[name])
            percents.append(gc_percent(codes, own["position"].to_numpy() - width // 2, width))
        pool = pd.concat(found, ignore_index=True)
        # Rounded sums, not sums of rounded numbers: the total is right whatever the number per peak.
        total = np.cumsum(np.bincount(np.concatenate(percents), minlength=101)) * per_peak
        wanted = np.diff(np.rint(total), prepend=0).astype(np.int64)
        chosen = match(wanted, pool["percent"].to_numpy(), rng)
        if len(chosen) < wanted.sum():
            logger.info("%d of %d negatives found on %s", len(chosen), wanted.sum(), ", ".join(group))
        parts.append(pool.loc[chosen, ["chromosome", "position"]])
    table = pd.concat(parts, ignore_index=True)
    start = table["position"] - width // 2
    table = table.assign(start=start, end=start + width, kind=NONPEAK)
    return table[["chromosome", "start", "end", "position", "kind"]]

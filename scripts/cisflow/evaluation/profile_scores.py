"""Scores of predicted profiles and counts per region, and their bootstrap over regions.

Purpose: Jensen-Shannon distances, baselines, intervals. Inputs: observed counts (regions, positions), predicted shares
of the counts. Outputs: arrays.
"""

from __future__ import annotations

import numpy as np

from cisflow.progress import Progress

CHUNK = 1 << 22  # entries of a temporary matrix


def _distance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon distance of rows that sum to 1 (or are NaN)."""
    middle = (p + q) / 2

    def divergence(x: np.ndarray) -> np.ndarray:
        ratio = np.divide(x, middle, out=np.ones_like(x), where=x > 0)
        return np.where(x > 0, x * np.log(ratio), 0.0).sum(axis=1)

    total = divergence(p) + divergence(q)
    undefined = np.isnan(p).any(axis=1) | np.isnan(q).any(axis=1)
    return np.where(undefined, np.nan, np.sqrt(np.maximum(total, 0.0) / 2))


def jensen_shannon(counts: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """Jensen-Shannon distance between observed and predicted profile of each region.

    Parameters
    ----------
    counts : array, (regions, positions)
        Observed counts.
    profile : array, (regions, positions) or (positions,)
        Predicted shares or counts; a single profile is compared with every region.

    Returns
    -------
    float64 array, (regions,)
        Square root of the divergence with the natural logarithm, 0 to sqrt(ln 2) = 0.8326. NaN for a region without
        counts.

    Notes
    -----
    The published program divides the counts by 0.001 + their sum and hands them to scipy, which divides them by their
    sum once more: the 0.001 has no effect, and a region without counts has no distance.
    """
    found = np.empty(len(counts))
    step = max(1, CHUNK // counts.shape[1])
    for first in range(0, len(counts), step):
        part = slice(first, first + step)
        p = np.asarray(counts[part], dtype=np.float64)
        q = np.asarray(profile if profile.ndim == 1 else profile[part], dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            p = p / p.sum(axis=1, keepdims=True)
            q = np.broadcast_to(q / q.sum(axis=-1, keepdims=True), p.shape)
        found[part] = _distance(p, q)
    return found


def shuffled_distance(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Jensen-Shannon distance of each region to its own counts in random order; see :func:`jensen_shannon`."""
    return jensen_shannon(counts, rng.permuted(counts, axis=1))


def mean_profile(counts: np.ndarray) -> np.ndarray:
    """Mean of the profiles of regions, each scaled to sum 1; regions without counts do not count; float64."""
    total = counts.sum(axis=1, dtype=np.float64)
    shares = counts[total > 0] / total[total > 0, None]
    return shares.mean(axis=0)


class RegionBootstrap:
    """Bootstrap of medians and correlations over the regions of a test set.

    Parameters
    ----------
    n : int
        Regions; each draw takes n of them with replacement, the same ones for every score.
    draws : int
    rng : numpy Generator
    label : str
        Name in progress lines.

    Notes
    -----
    Draws are kept as numbers of times that each region was drawn, uint16 (draws, n).
    """

    def __init__(self, n: int, draws: int, rng: np.random.Generator, label: str):
        self.n, self.draws = n, draws
        self.times = np.empty((draws, n), dtype=np.uint16)
        progress = Progress(f"draw {label}", draws, "draws")
        step = max(1, CHUNK // max(n, 1))
        for first in range(0, draws, step):
            size = min(step, draws - first)
            picked = rng.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
            self.times[first : first + size] = np.bincount(picked.ravel(), minlength=size * n).reshape(size, n)
            progress.advance(size)

    def medians(self, values: np.ndarray) -> np.ndarray:
        """Median in every draw of the values that are not NaN; float64 (draws,)."""
        kept = np.flatnonzero(np.isfinite(values))
        order = kept[np.argsort(values[kept], kind="stable")]
        ordered, found = values[order], np.full(self.draws, np.nan)
        if not len(order):
            return found
        step = max(1, CHUNK // len(order))
        for first in range(0, self.draws, step):
            upto = np.cumsum(self.times[first : first + step, order], axis=1, dtype=np.int64)
            total = upto[:, -1:]
            # The two middle ones of an even number, twice the middle one of an odd number.
            middle = [(upto < (total + shift + 1) // 2).sum(axis=1) for shift in (0, 1)]
            pair = [ordered[np.minimum(place, len(ordered) - 1)] for place in middle]
            found[first : first + step] = np.where(total[:, 0] > 0, (pair[0] + pair[1]) / 2, np.nan)
        return found

    def means(self, values: np.ndarray) -> np.ndarray:
        """Mean in every draw; float64 (draws,)."""
        found, step = np.empty(self.draws), max(1, CHUNK // self.n)
        for first in range(0, self.draws, step):
            found[first : first + step] = self.times[first : first + step].astype(np.float64) @ values
        return found / self.n

    def pearsons(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Pearson correlation in every draw; NaN where a draw has no spread; float64 (draws,)."""
        x, y = x - x.mean(), y - y.mean()
        columns = np.stack([np.ones(self.n), x, y, x * x, y * y, x * y], axis=1)
        sums = np.empty((self.draws, columns.shape[1]))
        step = max(1, CHUNK // self.n)
        for first in range(0, self.draws, step):
            sums[first : first + step] = self.times[first : first + step].astype(np.float64) @ columns
        n, sx, sy, sxx, syy, sxy = sums.T
        spread = (sxx - sx * sx / n) * (syy - sy * sy / n)
        # Rounding leaves a little spread where there is none.
        some = spread > 1e-18 * sxx * syy
        found = np.full(self.draws, np.nan)
        found[some] = (sxy - sx * sy / n)[some] / np.sqrt(spread[some])
        return found

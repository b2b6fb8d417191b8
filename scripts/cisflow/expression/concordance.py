"""How well the replicates of a sample agree.

Purpose: correlation and common scale of pairs of replicates. Inputs: values of the replicates, see
:mod:`cisflow.expression.replicates`. Outputs: one row per pair.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from cisflow.expression.replicates import Replicates
from cisflow.joblog import logger
from cisflow.randomness import generator
from cisflow.statistics import rank_values

DRAWS = 500
#: Elements in a bootstrap draw; with more elements the intervals are scaled by the root of the share.
MOST_DRAWN = 20_000
#: Fewer common elements than this are not compared.
FEWEST = 4
STATISTICS = ("pearson", "spearman", "slope", "offset")


def deming(x: np.ndarray, y: np.ndarray, ratio: float = 1.0) -> tuple[float, float]:
    """Line through points with errors in both coordinates.

    Parameters
    ----------
    x, y : float ndarray, shape (n,)
    ratio : float
        Error variance of y over that of x; 1 gives the orthogonal line.

    Returns
    -------
    slope, offset : float
        NaN when x and y do not vary together.
    """
    xx, yy = x.var(), y.var()
    xy = ((x - x.mean()) * (y - y.mean())).mean()
    if xy == 0:
        return np.nan, np.nan
    difference = yy - ratio * xx
    slope = (difference + np.sqrt(difference**2 + 4 * ratio * xy**2)) / (2 * xy)
    return float(slope), float(y.mean() - slope * x.mean())


def _statistics(x: np.ndarray, y: np.ndarray, ratio: float) -> np.ndarray:
    if x.std() == 0 or y.std() == 0:
        return np.full(4, np.nan)
    return np.array(
        [np.corrcoef(x, y)[0, 1], np.corrcoef(rank_values(x), rank_values(y))[0, 1], *deming(x, y, ratio)], dtype=float
    )


def concordance_table(replicates: Replicates, sample: str, method: str, seed: int) -> pd.DataFrame:
    """Compare every pair of replicates on the elements that both have.

    Parameters
    ----------
    replicates : Replicates
    sample, method : str
        Names; part of the seed of the bootstrap.
    seed : int
        Seed of the run.

    Returns
    -------
    DataFrame
        ``sample, method, first, second, n, error_ratio``, and for ``pearson``, ``spearman``, ``slope``, ``offset``
        (Deming regression of second on first, with the ratio of the mean squared errors) the value and its 95 %
        bootstrap interval over elements, ``_low`` and ``_high``; missing for fewer than four common elements.
    """
    values, errors = replicates.columns["expression"], replicates.columns["error"]
    rows = []
    for a, b in combinations(range(len(replicates.names)), 2):
        first, second = replicates.names[a], replicates.names[b]
        both = np.isfinite(values[:, a]) & np.isfinite(values[:, b])
        x, y, n = values[both, a], values[both, b], int(both.sum())
        row = {"sample": sample, "method": method, "first": first, "second": second, "n": n}
        squares = [np.nanmean(errors[both, r] ** 2) if np.isfinite(errors[both, r]).any() else np.nan for r in (a, b)]
        ratio = squares[1] / squares[0] if squares[0] > 0 and np.isfinite(squares[1]) else 1.0
        found, low, high = np.full((3, 4), np.nan)
        if n >= FEWEST:
            found = _statistics(x, y, ratio)
            random = generator(seed, "concordance", sample, method, first, second)
            size = min(n, MOST_DRAWN)
            drawn = np.empty((DRAWS, 4))
            for d in range(DRAWS):
                chosen = random.integers(0, n, size)
                drawn[d] = _statistics(x[chosen], y[chosen], ratio)
            ends = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
            low, high = found + (ends - found) * np.sqrt(size / n)
        row |= {"error_ratio": ratio}
        for k, name in enumerate(STATISTICS):
            row |= {name: found[k], f"{name}_low": low[k], f"{name}_high": high[k]}
        rows.append(row)
        if low[2] > 1.1 or high[2] < 0.9:
            logger.warning(
                "%s and %s of sample %s are on different scales (slope %.2f): their mean mixes the scales",
                first, second, sample, found[2],
            )  # fmt: skip
    return pd.DataFrame(rows)

"""How well a perfect model could do on noisy values.

Purpose: a model that knew every true value would still not correlate perfectly with values that carry noise. Inputs:
values with their errors, or replicates. Outputs: reliability and the ceilings of Pearson's r and Spearman's rho.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from cisflow.joblog import logger
from cisflow.statistics import rank_values

#: Bootstrap draws of the items for the interval of the reliability.
DRAWS = 400
#: Simulated measurements for the ceiling of Spearman's rho.
SIMULATIONS = 20
#: Items used in draws and simulations at most; intervals are scaled to the real number.
MOST_ITEMS = 20_000
FEWEST = 10
#: Beyond this share of pseudocounts a value does not tell what it would be without.
MOST_PSEUDOCOUNTS = 0.9
COLUMNS = (
    "subset", "kind", "n", "source", "reliability", "reliability_low", "reliability_high",
    "pearson", "pearson_low", "pearson_high", "spearman", "spearman_low", "spearman_high",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Values of a test with what is known of their noise; arrays of shape (n,) unless stated.

    Attributes
    ----------
    values : float64 ndarray
        Values that models are scored on.
    errors : float64 ndarray
        Standard deviation of the noise of each value; NaN where unknown.
    replicates : float64 ndarray, shape (n, n_replicates), optional
        Values of the replicates behind ``values``.
    """

    values: np.ndarray
    errors: np.ndarray
    replicates: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Measured:
        """Part of the values; rows of shape (m, 2) give differences, first minus second."""
        if rows.ndim == 1:
            found = None if self.replicates is None else self.replicates[rows]
            return Measured(self.values[rows], self.errors[rows], found)
        a, b = rows.T
        found = None if self.replicates is None else self.replicates[a] - self.replicates[b]
        return Measured(self.values[a] - self.values[b], np.hypot(self.errors[a], self.errors[b]), found)


def measured_values(table: pd.DataFrame) -> Measured | None:
    """Read values and noise off a table of expression.

    Parameters
    ----------
    table : DataFrame
        ``expression`` with ``standard_error``, and ``expression_{library}`` where it combines replicates.

    Returns
    -------
    Measured or None
        None for a table without errors. Pseudocounts draw MAUDE's values towards 0, and their noise with them: it is
        the standard error times 1 minus the share of pseudocounts. How far they draw depends on an element's reads,
        which no model of its sequence can know: the spread of that share times the value without pseudocounts is noise
        too.
    """
    if "standard_error" not in table:
        return None
    errors = table["standard_error"].to_numpy(dtype=float)
    if "pseudocount_share" in table:
        share = np.minimum(table["pseudocount_share"].to_numpy(dtype=float), MOST_PSEUDOCOUNTS)
        unknowable = np.std(share) * table["expression"].to_numpy(dtype=float) / (1 - share)
        errors = np.hypot((1 - share) * errors, unknowable)
    ends = ("expression_low", "expression_high")
    names = [c for c in table if c.startswith("expression_") and c not in ends] if "n_replicates" in table else []
    replicates = table[names].to_numpy(dtype=float) if len(names) > 1 else None
    return Measured(table["expression"].to_numpy(dtype=float), errors, replicates)


def _reliability_of_errors(values: np.ndarray, errors: np.ndarray) -> float:
    known = np.isfinite(errors)
    variance = values.var(ddof=1) if values.size > 1 else 0.0
    if not variance > 0 or not known.any():
        return np.nan
    return float(np.clip(1 - np.mean(errors[known] ** 2) / variance, 0, 1))


def _reliability_of_replicates(replicates: np.ndarray) -> float:
    """Mean correlation of the pairs of replicates, stepped up to the mean of as many as an item has on average."""
    found, weights = [], []
    for a, b in combinations(range(replicates.shape[1]), 2):
        both = np.isfinite(replicates[:, a]) & np.isfinite(replicates[:, b])
        x, y = replicates[both, a], replicates[both, b]
        if both.sum() >= 3 and x.std() > 0 and y.std() > 0:
            found.append(np.corrcoef(x, y)[0, 1])
            weights.append(both.sum())
    if not found:
        return np.nan
    r = float(np.average(found, weights=weights))
    k = float(np.isfinite(replicates).sum(axis=1).mean())
    return float(np.clip(k * r / (1 + (k - 1) * r), 0, 1)) if r > 0 else 0.0


def reliability(measured: Measured) -> tuple[float, str]:
    """Share of the variance of the values that is not noise.

    Returns
    -------
    value : float
        From the correlation of replicates (Spearman and Brown, for the mean of the replicates) where there are two or
        more, else ``1 - mean(error^2) / variance``; NaN when neither is known.
    source : str
        ``replicates`` or ``standard errors``.
    """
    if measured.replicates is not None:
        value = _reliability_of_replicates(measured.replicates)
        if np.isfinite(value):
            return value, "replicates"
    return _reliability_of_errors(measured.values, measured.errors), "standard errors"


def spearman_ceiling(values: np.ndarray, errors: np.ndarray, share: float, random: np.random.Generator) -> float:
    """Spearman's rho of true values with measured ones, by simulation.

    True values are the measured ones drawn together to the variance that is not noise; noise with the given errors,
    scaled to the rest of the variance, is added.

    Parameters
    ----------
    values, errors : float ndarray, shape (n,)
        Missing errors are taken as their root mean square.
    share : float
        Reliability.
    random : Generator

    Returns
    -------
    float
    """
    variance = values.var()
    if not variance > 0 or not np.isfinite(share):
        return np.nan
    mean_square = np.nanmean(errors**2) if np.isfinite(errors).any() else 0.0
    noise = np.sqrt(np.where(np.isfinite(errors), errors**2, mean_square))
    noise = (
        noise * np.sqrt((1 - share) * variance / mean_square)
        if mean_square > 0
        else np.full(values.size, np.sqrt((1 - share) * variance))
    )
    true = np.sqrt(share) * (values - values.mean())
    if share == 0:
        return 0.0
    ranks = rank_values(true)
    measured = true + noise * random.standard_normal((SIMULATIONS, values.size))
    return float(np.mean([np.corrcoef(ranks, rank_values(row))[0, 1] for row in measured]))


def ceiling_row(measured: Measured, subset: str, kind: str, random: np.random.Generator) -> dict[str, object]:
    """Ceilings of one set of values.

    Parameters
    ----------
    measured : Measured
        Items without a value are left out.
    subset, kind : str
        Names for the row.
    random : Generator

    Returns
    -------
    dict
        :data:`COLUMNS`; intervals are 95 %, from drawing items with replacement.
    """
    measured = measured.take(np.flatnonzero(np.isfinite(measured.values)))
    n = measured.values.size
    value, source = reliability(measured) if n >= FEWEST else (np.nan, "standard errors")
    row: dict[str, object] = dict.fromkeys(COLUMNS, np.nan)
    row |= {"subset": subset, "kind": kind, "n": n, "source": source, "reliability": value}
    if not np.isfinite(value):
        return row
    size = min(n, MOST_ITEMS)
    drawn = [reliability(measured.take(random.integers(0, n, size)))[0] for _ in range(DRAWS)]
    ends = np.nanpercentile(drawn, [2.5, 97.5]) if np.isfinite(drawn).any() else np.full(2, np.nan)
    low, high = np.clip(value + (ends - value) * np.sqrt(size / n), 0, 1)
    some = measured.take(random.permutation(n)[:size])
    rho = [spearman_ceiling(some.values, some.errors, share, random) for share in (value, low, high)]
    row |= {"reliability_low": low, "reliability_high": high}
    for suffix, share, spearman in zip(("", "_low", "_high"), (value, low, high), rho, strict=True):
        row |= {f"pearson{suffix}": np.sqrt(share), f"spearman{suffix}": spearman}
    return row


def ceiling_table(
    measured: Measured | None, subsets: Sequence[tuple[str, str, np.ndarray]], random: np.random.Generator
) -> pd.DataFrame:
    """Ceilings of several subsets of the values.

    Parameters
    ----------
    measured : Measured or None
        None: nothing is known of the noise, and the table has no rows.
    subsets : sequence of (name, kind, rows)
        Rows of ``measured`` of shape (m,), or (m, 2) for differences within pairs.
    random : Generator

    Returns
    -------
    DataFrame
        :data:`COLUMNS`.
    """
    if measured is None:
        logger.warning("The values have no standard errors: no ceiling can be given")
        return pd.DataFrame(columns=list(COLUMNS))
    rows = [ceiling_row(measured.take(rows), name, kind, random) for name, kind, rows in subsets]
    return pd.DataFrame(rows, columns=list(COLUMNS))

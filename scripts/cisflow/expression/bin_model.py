"""Sorting bins as intervals of the cell population.

Purpose: turn the share of cells below each gate into the standard-normal edges that MAUDE works with.
Inputs: quantiles per bin (from the sorter or the bins sheet), edges in standard deviations or in units of fluorescence
with the quantiles of the population, or the fractions of six bins at the two ends.
Outputs: :class:`BinModel`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from cisflow.joblog import logger
from cisflow.problems import InputError, Problem, not_one_of

#: Names of the six bins of the original design, from the lowest expression to the highest.
LOW_BINS, HIGH_BINS = ("A", "B", "C"), ("D", "E", "F")
#: Width that the original design gives to a bin that was not sorted.
ABSENT_BIN_SHARE = 1e-11
#: Column names of the R package and ours.
R_COLUMNS = {
    "Bin": "bin",
    "binStartQ": "lower_quantile",
    "binEndQ": "upper_quantile",
    "binStartZ": "lower_z",
    "binEndZ": "upper_z",
}


@dataclass(frozen=True)
class BinModel:
    """Edges of the sorted bins in a standard-normal cell population.

    Attributes
    ----------
    names : tuple of str
        Bins, in the order of the columns of the counts.
    lower_quantile, upper_quantile : float64 ndarray, shape (n_bins,)
        Share of all cells below the lower and the upper edge.
    lower_z, upper_z : float64 ndarray, shape (n_bins,)
        The same edges in standard deviations of the population; infinite ends are allowed.
    """

    names: tuple[str, ...]
    lower_quantile: np.ndarray
    upper_quantile: np.ndarray
    lower_z: np.ndarray
    upper_z: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Share of all cells that each bin captures, shape (n_bins,)."""
        return self.upper_quantile - self.lower_quantile

    @property
    def kernel_edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Contiguous arrays of ``lower_z``, ``upper_z`` and ``share`` for compiled code."""
        return (
            np.ascontiguousarray(self.lower_z),
            np.ascontiguousarray(self.upper_z),
            np.ascontiguousarray(self.share),
        )

    def select(self, names: Sequence[str], where: str = "bins") -> BinModel:
        """Return the model of the named bins in the given order.

        Raises
        ------
        InputError
            When a name is not in the model.
        """
        problems = [Problem(where, f"no edges for sorted bin {not_one_of(n, self.names)}") for n in names
                    if n not in self.names]  # fmt: skip
        if problems:
            raise InputError(problems)
        left_out = [name for name in self.names if name not in names]
        if left_out:
            logger.info("Bins that are not sorted bins of the counts are left out: %s", ", ".join(left_out))
        order = [self.names.index(name) for name in names]
        return BinModel(
            tuple(names),
            self.lower_quantile[order],
            self.upper_quantile[order],
            self.lower_z[order],
            self.upper_z[order],
        )


def _overlaps(names: Sequence[str], lower: np.ndarray, upper: np.ndarray) -> list[str]:
    order = np.argsort(lower, kind="stable")
    return [
        f"{names[a]} and {names[b]} by {upper[a] - lower[b]:.3g}"
        for a, b in pairwise(order)
        if upper[a] - lower[b] > 1e-9
    ]


def _shown(value: float) -> str:
    return "a missing value" if np.isnan(value) else f"{value:g}"


def bin_model_from_quantiles(
    names: Sequence[str], lower_quantile: ArrayLike, upper_quantile: ArrayLike, where: str = "bins"
) -> BinModel:
    """Make a bin model from the share of cells below each edge.

    Parameters
    ----------
    names : sequence of str
        Bins; any names, each once.
    lower_quantile, upper_quantile : sequence of float
        Share of all cells below the edges, in [0, 1]; 0 and 1 give infinite ends.
    where : str
        What to call the source in messages.

    Returns
    -------
    BinModel
        Overlapping bins are allowed (measured percentiles overlap now and then) but logged.

    Raises
    ------
    InputError
        Repeated names, quantiles that are missing or outside [0, 1], bins without width.
    """
    names = [str(name) for name in names]
    lower, upper = np.asarray(lower_quantile, dtype=float), np.asarray(upper_quantile, dtype=float)
    problems = []
    for name in sorted({n for n in names if names.count(n) > 1}):
        problems.append(Problem(where, f"bin {name!r} is there {names.count(name)} times; each bin needs one row"))
    for name, low, high in zip(names, lower, upper, strict=True):
        for value, column in ((low, "lower_quantile"), (high, "upper_quantile")):
            if not 0 <= value <= 1:
                problems.append(
                    Problem(where, f"bin {name!r} has {_shown(value)}; expected a share between 0 and 1", column=column)
                )
        if 0 <= high <= low <= 1:
            problems.append(
                Problem(where, f"bin {name!r} covers no cells: upper_quantile {high:g} must exceed {low:g}")
            )
    if problems:
        raise InputError(problems)
    if overlaps := _overlaps(names, lower, upper):
        logger.warning("Sorted bins overlap (%s); their reads are modelled as if they did not", "; ".join(overlaps))
    return BinModel(tuple(names), lower, upper, ndtri(lower), ndtri(upper))


def bin_model_from_z(names: Sequence[str], lower_z: ArrayLike, upper_z: ArrayLike, where: str = "bins") -> BinModel:
    """Make a bin model from edges in standard deviations of a normal cell population, from its mean.

    Parameters
    ----------
    names : sequence of str
        Bins; any names, each once.
    lower_z, upper_z : sequence of float
        Edges; infinite ends are allowed.
    where : str
        What to call the source in messages.

    Returns
    -------
    BinModel

    Raises
    ------
    InputError
        Missing edges, and what :func:`bin_model_from_quantiles` objects to.
    """
    names = [str(name) for name in names]
    lower, upper = np.asarray(lower_z, dtype=float), np.asarray(upper_z, dtype=float)
    problems = [
        Problem(where, f"bin {name!r} has a missing edge; expected a number", column=column)
        for column, edges in (("lower_z", lower), ("upper_z", upper))
        for name, edge in zip(names, edges, strict=True)
        if np.isnan(edge)
    ]
    if problems:
        raise InputError(problems)
    model = bin_model_from_quantiles(names, ndtr(lower), ndtr(upper), where)
    return BinModel(model.names, model.lower_quantile, model.upper_quantile, lower, upper)


def bin_model_from_bounds(
    names: Sequence[str],
    lower_bound: ArrayLike,
    upper_bound: ArrayLike,
    fluorescence: ArrayLike,
    quantiles: ArrayLike,
    where: str = "bins",
) -> BinModel:
    """Make a bin model from gates in units of the sorter and the distribution of the whole population.

    The share of cells below a gate is read off the population's quantiles, linearly between them; below the first it is
    0 and above the last 1. Any monotone scale will do (raw or log fluorescence), as long as gates and quantiles share
    it.

    Parameters
    ----------
    names : sequence of str
        Bins; any names, each once.
    lower_bound, upper_bound : sequence of float
        Gates; infinite ends are allowed.
    fluorescence, quantiles : sequence of float, shape (n,)
        Rising values and the share of all cells below each. All cells measured one by one: their sorted values, with
        ``(arange(n) + 0.5) / n``.
    where : str
        What to call the source in messages.

    Returns
    -------
    BinModel

    Raises
    ------
    InputError
        Values or shares that are missing, do not rise or lie outside [0, 1], missing gates, and what
        :func:`bin_model_from_quantiles` objects to.
    """
    values, shares = np.asarray(fluorescence, dtype=float), np.asarray(quantiles, dtype=float)
    lower, upper = np.asarray(lower_bound, dtype=float), np.asarray(upper_bound, dtype=float)
    problems = []
    if values.shape != shares.shape or values.size < 2:
        message = f"{values.size} values and {shares.size} shares; expected two or more of each, and as many"
        problems.append(Problem("population", message))
    for column, given in (("fluorescence", values), ("quantiles", shares)):
        if not (np.isfinite(given).all() and (np.diff(given) >= 0).all()):
            problems.append(Problem("population", "missing values, or values that do not rise", column=column))
    if shares.size and not (np.nanmin(shares) >= 0 and np.nanmax(shares) <= 1):
        problems.append(Problem("population", "expected shares between 0 and 1", column="quantiles"))
    for column, given in (("lower_bound", lower), ("upper_bound", upper)):
        problems += [
            Problem(where, f"bin {name!r} has a missing gate; expected a number", column=column)
            for name, gate in zip(names, given, strict=True)
            if np.isnan(gate)
        ]
    if problems:
        raise InputError(problems)
    below, above = (np.interp(edges, values, shares, left=0.0, right=1.0) for edges in (lower, upper))
    return bin_model_from_quantiles(names, below, above, where)


def bin_model_from_table(table: pd.DataFrame, where: str = "bins") -> BinModel:
    """Make a bin model from a table of percentiles.

    Parameters
    ----------
    table : DataFrame
        Columns ``bin``, ``lower_quantile``, ``upper_quantile``, or the R package's ``Bin``, ``binStartQ``,
        ``binEndQ``; edges in z (``lower_z``/``binStartZ``, ...) must agree with the quantiles where both are there, and
        are enough on their own.

    Raises
    ------
    InputError
        Missing columns, edges that contradict the quantiles, or what :func:`bin_model_from_quantiles` objects to.
    """
    table = table.rename(columns=R_COLUMNS)
    quantiles, edges = {"lower_quantile", "upper_quantile"}, {"bin", "lower_z", "upper_z"}
    if edges <= set(table) and not quantiles & set(table):
        return bin_model_from_z(table["bin"], table["lower_z"], table["upper_z"], where)
    missing = [c for c in ("bin", "lower_quantile", "upper_quantile") if c not in table]
    if missing:
        raise InputError([Problem(where, "missing column", column=c) for c in missing])
    model = bin_model_from_quantiles(table["bin"], table["lower_quantile"], table["upper_quantile"], where)
    problems = []
    for column, expected in (("lower_z", model.lower_z), ("upper_z", model.upper_z)):
        if column in table:
            for name, given, derived in zip(model.names, table[column].to_numpy(dtype=float), expected, strict=True):
                if not (given == derived or abs(given - derived) <= 1e-6 * max(1.0, abs(derived))):
                    problems.append(
                        Problem(
                            where,
                            f"bin {name!r}: edge {given:g} contradicts its quantile (z = {derived:g})",
                            None,
                            column,
                        )
                    )
    if problems:
        raise InputError(problems)
    return model


def bin_model_from_fractions(
    fractions: Mapping[str, float], tail: float = 0.001, with_absent_bins: bool = False
) -> BinModel:
    """Make the model of six bins at the two ends of the distribution (``makeBinModel`` of the R package).

    A starts at ``tail`` and B and C follow upwards; F ends at ``1 - tail`` and E and D follow downwards; what lies
    between C and D is not sorted.

    Parameters
    ----------
    fractions : mapping
        Share of cells captured per bin, for two or more of the bins A to F.
    tail : float
        Share at either end that no bin catches.
    with_absent_bins : bool
        Append the bins that are not given, with a width of 1e-11, as the R package does.

    Raises
    ------
    InputError
        Bins outside A to F, fewer than two bins, and what :func:`bin_model_from_quantiles` objects to.
    """
    every = (*LOW_BINS, *HIGH_BINS)
    problems = [Problem("bins", not_one_of(name, every)) for name in fractions if name not in every]
    if len(fractions) < 2:
        problems.append(Problem("bins", f"{len(fractions)} bins given; two or more are needed"))
    if problems:
        raise InputError(problems)
    share = dict(fractions) | {name: ABSENT_BIN_SHARE for name in every if name not in fractions}
    lower, upper, edge = {}, {}, tail
    for name in LOW_BINS:
        lower[name], upper[name] = edge, edge + share[name]
        edge = upper[name]
    edge = 1 - tail
    for name in reversed(HIGH_BINS):
        lower[name], upper[name] = edge - share[name], edge
        edge = lower[name]
    names = list(share) if with_absent_bins else list(fractions)
    return bin_model_from_quantiles(names, [lower[n] for n in names], [upper[n] for n in names])

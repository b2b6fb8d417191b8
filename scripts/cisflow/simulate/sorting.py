"""Cells, sorting gates and the reads that each bin yields.

Inputs: true mean expression of every element and the rows of the bins sheet.
Outputs: cells and reads per element and bin, the gates, and the truth on the scale of the bins.
Every cell carries one element. Gates lie at quantiles of all cells, as a sorter's gates do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from cisflow.problems import InputError, Problem

#: Standard deviations of log abundance: amplification before sequencing, and how much of each bin is sequenced.
AMPLIFICATION_SPREAD, DEPTH_SPREAD = 0.3, 0.1


@dataclass(frozen=True)
class Gates:
    """Gates of the sorted bins in the unit of expression, in the order of their positions.

    Attributes
    ----------
    positions, lower, upper : float64 arrays, (bins,)
        Value of the bin, and its half-open range; open ends are infinite.
    mean, spread : float
        Mean and standard deviation of all cells.
    """

    positions: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    mean: float
    spread: float

    def bins_of(self, values: np.ndarray) -> np.ndarray:
        """Number of the bin that takes a cell; -1 for cells that no bin takes."""
        found = np.searchsorted(self.lower, values, side="right") - 1
        return np.where((found >= 0) & (values < self.upper[found]), found, -1)

    def position_of(self, values: np.ndarray) -> np.ndarray:
        """Place of values among the gates, on the scale of the bins' positions.

        The border of two bins lies half-way between their positions (in the middle of a gap where there is one);
        between two borders the scale is linear. In the two end bins, which are open, it flattens towards half a bin
        beyond the position: continuous, strictly rising, and never off the scale.

        Parameters
        ----------
        values : float64 array
            Expression.

        Returns
        -------
        float64 array
        """
        borders = (self.upper[:-1] + self.lower[1:]) / 2
        middles = (self.positions[:-1] + self.positions[1:]) / 2
        inner = np.interp(values, borders, middles)
        width_low, width_high = self.spread, self.spread
        if len(borders) > 1:
            width_low, width_high = borders[1] - borders[0], borders[-1] - borders[-2]
        below = np.maximum(borders[0] - values, 0) / width_low
        above = np.maximum(values - borders[-1], 0) / width_high
        step_low = self.positions[1] - self.positions[0]
        step_high = self.positions[-1] - self.positions[-2]
        return inner + step_high * -np.expm1(-above) + step_low * np.expm1(-below)


@dataclass(frozen=True)
class SortedLibrary:
    """A sorted library.

    Attributes
    ----------
    gates : Gates
    cells, reads : int64 arrays, (elements, bins)
        Columns as in the bins given (unsorted samples included).
    """

    gates: Gates
    cells: np.ndarray
    reads: np.ndarray


def check_bins(bins: Sequence[Mapping[str, Any]], library: str) -> None:
    """Check that cells can be sorted into the bins.

    Parameters
    ----------
    bins : sequence of dict
        Rows of the bins sheet by position: ``bin, role, position, lower_quantile, upper_quantile``.
    library : str

    Raises
    ------
    InputError
        Quantiles missing, gates that overlap, equal positions.
    """
    where = f"bins sheet, library {library}"
    problems = []
    rows = [row for row in bins if row["role"] == "sorted"]
    for row in rows:
        for column in ("lower_quantile", "upper_quantile"):
            if row[column] is None:
                problems.append(
                    Problem(where, f"bin {row['bin']!r}: empty; required to simulate a library", column=column)
                )
    if not problems:
        for before, after in pairwise(rows):
            if after["lower_quantile"] < before["upper_quantile"]:
                problems.append(
                    Problem(
                        where,
                        f"bin {after['bin']!r} begins at {after['lower_quantile']:g}, below the end of bin "
                        f"{before['bin']!r} at {before['upper_quantile']:g}; a cell can be sorted only once",
                        column="lower_quantile",
                    )
                )
            if after["position"] == before["position"]:
                problems.append(
                    Problem(
                        where,
                        f"bins {before['bin']!r} and {after['bin']!r} both have {after['position']:g}; "
                        "expected different positions",
                        column="position",
                    )
                )
    if problems:
        raise InputError(problems)


def _gates(values: np.ndarray, bins: Sequence[Mapping[str, Any]]) -> Gates:
    rows = [row for row in bins if row["role"] == "sorted"]
    lower, upper = (np.array([row[f"{side}_quantile"] for row in rows]) for side in ("lower", "upper"))
    return Gates(
        positions=np.array([row["position"] for row in rows], dtype=np.float64),
        lower=np.where(lower == 0, -np.inf, np.quantile(values, lower)),
        upper=np.where(upper == 1, np.inf, np.quantile(values, upper)),
        mean=float(values.mean()),
        spread=float(values.std()),
    )


def sort_library(
    rng: np.random.Generator,
    expression: np.ndarray,
    bins: Sequence[Mapping[str, Any]],
    *,
    cells_per_element: float,
    abundance_spread: float,
    cell_noise: float,
    total_reads: int,
    library: str,
) -> SortedLibrary:
    """Grow, sort and sequence a library.

    Parameters
    ----------
    rng : Generator
    expression : float64 array, (elements,)
        True mean log expression.
    bins : sequence of dict
        See :func:`check_bins`.
    cells_per_element : float
        Mean number of cells of an element.
    abundance_spread : float
        Standard deviation of log abundance between elements.
    cell_noise : float
        Standard deviation of log expression between cells of one element.
    total_reads : int
        Read pairs over all sorted bins; an unsorted sample gets the mean of the sorted bins in addition.
    library : str
        Name for messages.

    Returns
    -------
    SortedLibrary

    Raises
    ------
    InputError
        See :func:`check_bins`; or a bin is left without reads.
    """
    check_bins(bins, library)
    n = len(expression)
    abundance = np.exp(abundance_spread * rng.standard_normal(n))
    grown = rng.poisson(cells_per_element * abundance / abundance.mean())
    element = np.repeat(np.arange(n), grown)
    values = expression[element] + cell_noise * rng.standard_normal(len(element))
    if len(values) == 0:
        raise InputError(Problem("config", f"library {library!r} has no cells", column="simulation"))
    gates = _gates(values, bins)

    is_sorted = np.array([row["role"] == "sorted" for row in bins])
    n_sorted = int(is_sorted.sum())
    taken = gates.bins_of(values)
    places = element[taken >= 0] * n_sorted + taken[taken >= 0]
    cells = np.empty((n, len(bins)), dtype=np.int64)
    cells[:, is_sorted] = np.bincount(places, minlength=n * n_sorted).reshape(n, n_sorted)
    cells[:, ~is_sorted] = grown[:, None]

    depth = cells.sum(axis=0) * np.exp(DEPTH_SPREAD * rng.standard_normal(len(bins)))
    reads_per_bin = np.full(len(bins), round(total_reads / n_sorted))
    if depth[is_sorted].sum() > 0:
        reads_per_bin[is_sorted] = rng.multinomial(total_reads, depth[is_sorted] / depth[is_sorted].sum())
    amplified = cells * np.exp(AMPLIFICATION_SPREAD * rng.standard_normal(cells.shape))
    empty = [row["bin"] for row, k, c in zip(bins, reads_per_bin, cells.sum(axis=0), strict=True) if not (k and c)]
    if empty:
        raise InputError(
            Problem(
                "config",
                f"{total_reads:,} reads and {len(values):,} cells leave bins without reads in library {library!r}: "
                f"{', '.join(empty)}; raise the number of elements, cells or reads",
                column="simulation",
            )
        )
    shares = (amplified / amplified.sum(axis=0)).T
    return SortedLibrary(gates, cells, rng.multinomial(reads_per_bin, shares).T)

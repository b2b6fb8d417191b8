"""Checks of a table of reads per element and bin.

Inputs: arrays as read from a file. Outputs: the counts as integers, or one error that names every bad row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cisflow.problems import InputError, Problem

#: Problems shown in full; the rest is counted.
SHOWN = 20


def _name(elements: Sequence[object] | np.ndarray | None, i: int) -> str:
    return f"element {elements[i]}" if elements is not None else f"element {i + 1}"


def _shorten(problems: list[Problem], where: str, n: int) -> list[Problem]:
    return problems if n <= SHOWN else [*problems, Problem(where, f"and {n - SHOWN:,} more values of this kind")]


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _no_numbers(
    counts: np.ndarray, names: Sequence[str], elements: Sequence[object] | np.ndarray | None, where: str
) -> list[Problem]:
    """Problems of cells that are no numbers."""
    wrong = [(i, b) for i, b in np.ndindex(counts.shape) if not _is_number(counts[i, b])]
    found = [
        Problem(
            where,
            f"{_name(elements, i)} has {str(counts[i, b])!r}; expected a non-negative whole number",
            i + 2,
            names[b],
        )
        for i, b in wrong[:SHOWN]
    ]
    return _shorten(found, where, len(wrong))


def checked_counts(
    counts: np.ndarray,
    names: Sequence[str],
    elements: Sequence[object] | np.ndarray | None = None,
    where: str = "counts",
) -> np.ndarray:
    """Return the counts as int64.

    Parameters
    ----------
    counts : ndarray, shape (n, n_bins)
        Reads; integers, or floats that are whole.
    names : sequence of str
        Bins.
    elements : sequence, optional
        Names of the rows for messages.
    where : str
        What to call the table in messages; rows are counted as in a file with a header (first row 2).

    Raises
    ------
    InputError
        A wrong number of columns, or values that are missing, negative or not whole, each with its row and column.
    """
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[1] != len(names):
        raise InputError(
            Problem(where, f"counts have shape {counts.shape}; expected one column for each of {len(names)} bins")
        )
    if counts.dtype.kind not in "iuf":
        try:
            counts = counts.astype(float)
        except (TypeError, ValueError):
            raise InputError(_no_numbers(counts, names, elements, where)) from None
    if counts.dtype.kind in "iu":
        bad = counts < 0
    else:
        with np.errstate(invalid="ignore"):
            bad = ~np.isfinite(counts) | (counts < 0) | (counts != np.floor(counts))
    rows, columns = np.nonzero(bad)
    if rows.size:
        found = []
        for i, b in zip(rows[:SHOWN].tolist(), columns[:SHOWN].tolist(), strict=True):
            value = "a missing value" if counts[i, b] != counts[i, b] else f"{counts[i, b]:g}"
            found.append(
                Problem(
                    where, f"{_name(elements, i)} has {value}; expected a non-negative whole number", i + 2, names[b]
                )
            )
        raise InputError(_shorten(found, where, rows.size))
    return np.ascontiguousarray(counts, dtype=np.int64)  # one layout, so that sums do not depend on the caller's


def checked_abundance(
    abundance: np.ndarray,
    n: int,
    elements: Sequence[object] | np.ndarray | None = None,
    where: str = "counts",
    column: str = "unsorted",
) -> np.ndarray:
    """Return the abundance in the unsorted library as float64, shape (n,).

    Raises
    ------
    InputError
        A wrong length, or values that are missing, infinite or negative, each with its row.
    """
    abundance = np.asarray(abundance, dtype=float)
    if abundance.shape != (n,):
        raise InputError(
            Problem(where, f"{abundance.shape} values; expected one for each of {n} elements", None, column)
        )
    (rows,) = np.nonzero(~(np.isfinite(abundance) & (abundance >= 0)))
    if rows.size:
        found = []
        for i in rows[:SHOWN].tolist():
            value = "a missing value" if np.isnan(abundance[i]) else f"{abundance[i]:g}"
            found.append(
                Problem(where, f"{_name(elements, i)} has {value}; expected a non-negative number", i + 2, column)
            )
        raise InputError(_shorten(found, where, rows.size))
    return abundance

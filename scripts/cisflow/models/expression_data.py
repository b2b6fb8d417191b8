"""Rows of an expression dataset, checked and encoded.

Inputs: ``datasets/{dataset}.parquet``. Outputs: tables of one split and encoded rows on both strands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cisflow.datasets.columns import ORIENTATION
from cisflow.files import read_table
from cisflow.models.encoding import reverse_complement
from cisflow.problems import InputError, Problem

COLUMNS = ("element", "sequence", "expression", "is_singleton", "split", "pos")


def read_dataset(path: str | Path) -> pd.DataFrame:
    """Read a dataset and check its columns.

    Raises
    ------
    InputError
        When columns are missing, or expression of a training or validation row is not finite.
    """
    table = read_table(path)
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise InputError([Problem(str(path), "missing column", column=column) for column in missing])
    bad = np.flatnonzero((table["split"] != "test").to_numpy() & ~np.isfinite(table["expression"].to_numpy(float)))
    if len(bad):
        value = table["expression"].iloc[bad[0]]
        raise InputError(
            Problem(
                str(path),
                f"{value} is not a finite number ({len(bad)} such training or validation rows)",
                row=int(bad[0]) + 2,
                column="expression",
            )
        )
    return table


def rows_of(table: pd.DataFrame, split: str, where: str) -> pd.DataFrame:
    """Rows of one split; InputError when there are fewer than two."""
    rows = table[table["split"] == split].reset_index(drop=True)
    if len(rows) < 2:
        raise InputError(Problem(where, f"{len(rows)} rows of split {split!r}, expected two or more", column="split"))
    return rows


def measured(rows: pd.DataFrame, heads: Sequence[str] | None, where: str) -> np.ndarray:
    """Measurements of rows.

    Parameters
    ----------
    rows : DataFrame
    heads : sequence of str or None
        Columns, one per head of the network; without them the column ``expression``.
    where : str
        File for messages.

    Returns
    -------
    float64 array, (n,) or (n, heads)

    Raises
    ------
    InputError
        When columns are missing or hold numbers that are not finite.
    """
    if not heads:
        return rows["expression"].to_numpy(np.float64)
    problems = [Problem(where, "missing column", column=head) for head in heads if head not in rows.columns]
    if not problems:
        problems = [
            Problem(where, f"{n} values of split {rows['split'].iloc[0]!r} are not finite numbers", column=head)
            for head in heads
            if (n := int((~np.isfinite(rows[head].to_numpy(np.float64))).sum()))
        ]
    if problems:
        raise InputError(problems)
    return rows[list(heads)].to_numpy(np.float64)


def reverse_rows(rows: pd.DataFrame) -> np.ndarray:
    """Which rows are elements in reverse orientation, bool (n,): none, unless the dataset says otherwise."""
    return rows[ORIENTATION].to_numpy(bool) if ORIENTATION in rows else np.zeros(len(rows), dtype=bool)


def usable_rows(encoding: Any, sequences: Sequence[str]) -> np.ndarray:
    """Rows that an encoding is for, bool (n,): all, unless the encoding says otherwise (``usable``)."""
    if hasattr(encoding, "usable"):
        return encoding.usable(sequences)
    return np.ones(len(sequences), dtype=bool)


@dataclass(frozen=True)
class EncodedRows:
    """Encoded sequences that are read on one strand or on both.

    With both strands, rows 0 to n - 1 are the given strand and rows n to 2 n - 1 the reverse complements, whose flag
    ``is_reverse`` is the opposite of the element's own.

    Attributes
    ----------
    codes : uint8 array, (n, length)
    expression : float64 array, (n,) or (n, heads)
    is_singleton, is_reverse : bool array, (n,)
    both_strands : bool
    places : int64 array, (n,)
        0-based row of each sequence in the dataset.
    """

    codes: np.ndarray
    expression: np.ndarray
    is_singleton: np.ndarray
    is_reverse: np.ndarray
    both_strands: bool
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.codes) * (2 if self.both_strands else 1)

    def take(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays of the chosen rows: codes, expression and flags (float32)."""
        source, turned = rows % len(self.codes), rows >= len(self.codes)
        codes = self.codes[source]
        codes[turned] = reverse_complement(codes[turned])
        return {
            "codes": codes,
            "expression": self.expression[source],
            "is_reverse": (turned ^ self.is_reverse[source]).astype(np.float32),
            "is_singleton": self.is_singleton[source].astype(np.float32),
        }

"""Submissions and ground truth in the challenge's own file formats.

Inputs: JSON objects ``{"pos": value}`` and tables without header (sequence, value; row number = pos), plain or gzip.
Outputs: predictions by ``pos``, or one :class:`~cisflow.problems.InputError` with every problem of every file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from cisflow.problems import InputError, Problem
from cisflow.user_files import read_json, read_text

#: Problems of one kind and file that are listed one by one; the others are counted.
SHOWN = 10
SHAPE_OF_JSON = 'a JSON object {"pos": number, ...}'
SHAPE_OF_TABLE = "a sequence, a tab and a number, without header"
#: A key of the JSON form.
ROW_NUMBER = re.compile("0|[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Numbers:
    """Numbers of a file by their place.

    Attributes
    ----------
    pos : int64 array, (n,)
        0-based rows of the test table.
    values : float64 array, (n,)
    sequences : polars Series of str, (n,), or None
        Of a table; JSON has none.
    """

    pos: np.ndarray
    values: np.ndarray
    sequences: pl.Series | None


def is_json(path: str | Path) -> bool:
    """Whether a file is JSON by its suffix."""
    return [s for s in Path(path).suffixes if s != ".gz"][-1:] == [".json"]


def model_name(path: str | Path) -> str:
    """Name of the model of a submission: the file's name without suffixes that say its format."""
    name = Path(path).name
    for suffix in (".gz", ".json", ".tsv", ".txt"):
        name = name.removesuffix(suffix)
    return name


def _shortened(path: str, problems: list[Problem]) -> list[Problem]:
    """The first problems of a kind, and how many more there are."""
    others = len(problems) - SHOWN
    return problems if others <= 0 else [*problems[:SHOWN], Problem(path, f"{others} more of this kind")]


def _read_json(path: str) -> tuple[Numbers, list[Problem]]:
    repeated: list[str] = []

    def pairs_to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            repeated.extend(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return found

    content = read_json(path, SHAPE_OF_JSON, object_pairs_hook=pairs_to_dict)
    if not isinstance(content, dict):
        raise InputError(Problem(path, f"holds a {type(content).__name__}; expected {SHAPE_OF_JSON}"))
    keys = list(content)
    bad_keys = [key for key in keys if not ROW_NUMBER.fullmatch(key)]
    bad_values = [key for key, value in content.items() if not _is_finite(value)]
    problems = [
        *_shortened(path, [Problem(path, "this key is given more than once", column=key) for key in repeated]),
        *_shortened(
            path, [Problem(path, "expected a key that is a row number (0, 1, ...)", column=key) for key in bad_keys]
        ),
        *_shortened(
            path,
            [Problem(path, f"{_short(content[key])}; expected a finite number", column=key) for key in bad_values],
        ),
    ]
    refused = set(bad_keys)
    good = [key for key in keys if key not in refused]
    refused = set(bad_values)
    values = [np.nan if key in refused else content[key] for key in good]
    return Numbers(np.array([int(key) for key in good], np.int64), np.array(values, np.float64), None), problems


def _is_finite(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _lines(text: str) -> list[str]:
    text = text.rstrip("\r\n")
    return [line.removesuffix("\r") for line in text.split("\n")] if text else []


def _read_rows(path: str) -> tuple[Numbers, list[Problem]]:
    lines = pl.Series("line", _lines(read_text(path, SHAPE_OF_TABLE)), dtype=pl.String)
    if lines.is_empty():
        raise InputError(Problem(path, f"the file has no rows; expected {SHAPE_OF_TABLE}"))
    fields = lines.str.split_exact("\t", 1).struct.unnest()
    sequence, text = fields.to_series(0), fields.to_series(1).str.strip_chars()
    tabs = lines.str.count_matches("\t").to_numpy()
    value = text.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
    wrong_shape = np.flatnonzero(tabs != 1)
    not_finite = np.flatnonzero((tabs == 1) & ~np.isfinite(value))
    problems = _shortened(
        path,
        [
            Problem(path, f"{tabs[i] + 1} tab-separated fields; expected {SHAPE_OF_TABLE}", row=int(i) + 1)
            for i in wrong_shape
        ],
    ) + _shortened(
        path,
        [
            Problem(path, f"{text[int(i)]!r}; expected a finite number{_no_header(i)}", row=int(i) + 1, column="2")
            for i in not_finite
        ],
    )
    shaped = pl.Series(tabs == 1)
    sequence = pl.select(pl.when(shaped).then(sequence.str.strip_chars().str.to_uppercase())).to_series()
    return Numbers(np.arange(len(lines)), value, sequence), problems


def _no_header(row: int) -> str:
    return " (these tables have no header)" if row == 0 else ""


def read_truth(path: str | Path) -> tuple[pd.Series, pl.Series | None]:
    """Read the measured values.

    Parameters
    ----------
    path : path
        JSON ``{"pos": value}`` (``ground.json``) or a table without header: sequence, value.

    Returns
    -------
    measured : Series of float64
        Index ``pos``, increasing.
    sequences : polars Series of str, or None
        Upper case, by ``pos``; a JSON file has none.

    Raises
    ------
    InputError
    """
    numbers, problems = _read_json(str(path)) if is_json(path) else _read_rows(str(path))
    if not problems and len(numbers.pos) == 0:
        problems = [Problem(str(path), "no measured value")]
    if problems:
        raise InputError(problems)
    return pd.Series(numbers.values, index=numbers.pos).sort_index(), numbers.sequences


def read_submissions(
    paths: Mapping[str, str | Path], measured: pd.Series, sequences: pl.Series | None, needed: np.ndarray
) -> pd.DataFrame:
    """Read and check many submissions.

    Parameters
    ----------
    paths : mapping of str to path
        File by name of the model.
    measured, sequences
        See :func:`read_truth`.
    needed : int array, (n,)
        Rows that are scored. A JSON submission must have all of them and none that was not measured; a table must have
        the rows of the ground truth in its order.

    Returns
    -------
    DataFrame, (n, models)
        Index ``needed``.

    Raises
    ------
    InputError
        With every problem of every file: file, row or key, value, and what was expected.
    """
    columns: dict[str, np.ndarray] = {}
    problems: list[Problem] = []
    for name, path in paths.items():
        try:
            numbers, found = _read_json(str(path)) if is_json(path) else _read_rows(str(path))
        except InputError as error:
            problems += error.problems
            continue
        if numbers.sequences is None:
            found += _wrong_ids(str(path), numbers.pos, measured.index.to_numpy(), needed)
        elif sequences is None:
            found.append(
                Problem(
                    str(path),
                    "a table of sequences can only be checked against a ground truth with sequences; "
                    "expected JSON, or give the ground truth as a table",
                )
            )
        else:
            found += _wrong_sequences(str(path), numbers.sequences, sequences)
        problems += found
        if not found:
            columns[name] = pd.Series(numbers.values, index=numbers.pos).reindex(needed).to_numpy()
    if problems:
        raise InputError(problems)
    return pd.DataFrame(columns, index=pd.Index(needed, name="pos"))


def _wrong_ids(path: str, pos: np.ndarray, measured: np.ndarray, needed: np.ndarray) -> list[Problem]:
    problems = []
    missing, extra = np.setdiff1d(needed, pos), np.setdiff1d(pos, measured)
    if len(missing):
        problems.append(Problem(path, f"{len(missing)} of {len(needed)} rows have no prediction, e.g. {_ids(missing)}"))
    if len(extra):
        problems.append(Problem(path, f"{len(extra)} keys are no row of the ground truth, e.g. {_ids(extra)}"))
    return problems


def _ids(pos: np.ndarray) -> str:
    return ", ".join(f'"{i}"' for i in pos[:5].tolist())


def _wrong_sequences(path: str, given: pl.Series, expected: pl.Series) -> list[Problem]:
    common = min(len(given), len(expected))
    # A row without two fields has been told about and has no sequence here.
    other = np.flatnonzero((given[:common] != expected[:common]).fill_null(False).to_numpy())
    problems = []
    if len(given) != len(expected):
        first = int(other[0]) + 1 if len(other) else common + 1
        problems.append(
            Problem(
                path,
                f"{len(given):,} rows; expected {len(expected):,}, one for each row of the ground truth in its order; "
                "from here on they differ",
                row=first,
            )
        )
    elif len(other) and given.sort().equals(expected.sort()):
        row = int(other[0])
        problems.append(
            Problem(
                path,
                f"the sequences are those of the ground truth in another order; here is {given[row]!r}, "
                f"expected {expected[row]!r} ({len(other):,} rows differ)",
                row=row + 1,
                column="1",
            )
        )
    else:
        wrong = [int(i) for i in other]
        repeated = given.is_duplicated().to_numpy()
        problems += _shortened(
            path,
            [
                Problem(
                    path,
                    f"sequence {given[row]!r}{' (given more than once)' if repeated[row] else ''}; "
                    f"expected {expected[row]!r}",
                    row=row + 1,
                    column="1",
                )
                for row in wrong
            ],
        )
    return problems

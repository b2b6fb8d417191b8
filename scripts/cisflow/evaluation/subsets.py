"""Test subsets in the layout of the Random Promoter DREAM Challenge 2022.

Purpose: which test rows, or pairs of test rows, a score is made of. Inputs: a folder ``test_subset_ids`` (CSV, one row
per item) or ``public_leaderboard_ids`` (JSON, one key per item), plain or gzip. Outputs: subsets with their items as
``pos``, each item once, and their weights in the total (Rafi et al. 2024).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

VALUES, PAIRS = "values", "pairs"
ALL = "all"
#: Weight and kind of the challenge's subsets, in the order of its tables.
CHALLENGE = {
    ALL: (1.0, VALUES),
    "high": (0.3, VALUES),
    "low": (0.3, VALUES),
    "yeast": (0.3, VALUES),
    "random": (0.3, VALUES),
    "challenging": (0.5, VALUES),
    "SNVs": (1.25, PAIRS),
    "motif_perturbation": (0.3, PAIRS),
    "motif_tiling": (0.4, PAIRS),
}
#: Names of subsets in the challenge's files, where they differ from the name of the subset.
FILE_NAMES = {
    "high_exp_seqs": "high",
    "low_exp_seqs": "low",
    "all_random_seqs": "random",
    "all_SNVs_seqs": "SNVs",
}
LISTS, PUBLIC_LISTS = "test_subset_ids", "public_leaderboard_ids"
NO_SUBSETS = ("ground", "sample_submission")


@dataclass(frozen=True)
class Subset:
    """Items of a subset.

    Attributes
    ----------
    name : str
    kind : {"values", "pairs"}
        Whether an item is a test row or the difference of two.
    weight : float
        Weight in the total; 0 for a subset that the challenge does not have.
    pos : ndarray of int64, shape (n,) or (n, 2)
        0-based rows of the test table, increasing; pairs as (alternative, reference).
    """

    name: str
    kind: str
    weight: float
    pos: np.ndarray


def _subset(name: str, items: np.ndarray, where: str) -> Subset:
    kind = VALUES if items.ndim == 1 else PAIRS
    weight, expected = CHALLENGE.get(name, (0.0, kind))
    if kind != expected:
        raise InputError(Problem(where, f"subset {name} holds {kind}; expected {expected}"))
    if name not in CHALLENGE:
        logger.info("%s: not a subset of the challenge; scored, with weight 0 in the total", where)
    return Subset(name, kind, weight, np.unique(items, axis=0))


def _whole_numbers(table: pd.DataFrame, columns: Sequence[str], where: str) -> np.ndarray:
    values = table[list(columns)].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = ~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))
    problems = [
        Problem(where, f"{table[columns[c]].iloc[r]!r}; expected a whole number from 0 on", int(r) + 2, columns[c])
        for r, c in np.argwhere(wrong)[:10].tolist()
    ]
    if problems:
        raise InputError(problems)
    return values.astype(np.int64)


def _read_list(path: Path) -> Subset:
    """Read a CSV with column ``pos``, or ``alt_pos`` and ``ref_pos``."""
    stem, where = path.name.split(".")[0], str(path)
    name = FILE_NAMES.get(stem, stem.removesuffix("_seqs"))
    try:
        table = pd.read_csv(path, dtype=str)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(Problem(where, f"not a table separated by commas: {error}")) from None
    if {"alt_pos", "ref_pos"} <= set(table.columns):
        return _subset(name, _whole_numbers(table, ["alt_pos", "ref_pos"], where), where)
    if "pos" in table.columns:
        return _subset(name, _whole_numbers(table, ["pos"], where)[:, 0], where)
    there = ", ".join(map(str, table.columns))
    raise InputError(Problem(where, f"expected a column pos, or alt_pos and ref_pos; the columns are: {there}"))


def _read_public_list(path: Path) -> Subset:
    """Read a JSON object whose keys are ``pos`` or ``alt_pos,ref_pos``."""
    where = str(path)
    name = path.name.split(".")[0].removesuffix("_exp_indices")
    try:
        data = path.read_bytes()
        keys = list(json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data))
        items = np.array([[int(part) for part in key.split(",")] for key in keys], np.int64)
        if items.ndim != 2 or items.shape[1] not in (1, 2) or items.min() < 0:
            raise ValueError("keys that are neither 'pos' nor 'alt_pos,ref_pos'")
    except (ValueError, TypeError, AttributeError, OSError, EOFError) as error:
        message = f"expected a JSON object with keys 'pos' or 'alt_pos,ref_pos': {error}"
        raise InputError(Problem(where, message)) from None
    return _subset(name, items[:, 0] if items.shape[1] == 1 else items, where)


def _files(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.endswith(suffixes) and not path.name.startswith("."))


def subset_files(folder: str | Path) -> list[Path]:
    """Files of a folder of subsets: of itself, or of its one folder ``test_subset_ids`` or ``public_leaderboard_ids``.

    Raises
    ------
    InputError
        When the folder holds no lists, or both kinds.
    """
    folder = Path(folder)
    inner = [folder / name for name in (LISTS, PUBLIC_LISTS) if (folder / name).is_dir()]
    if len(inner) == 2:
        raise InputError(Problem(str(folder), f"holds {LISTS} and {PUBLIC_LISTS}; name one of them"))
    folder = inner[0] if inner else folder
    if not folder.is_dir():
        raise InputError(Problem(str(folder), "folder not found; expected lists of test subsets"))
    lists, public = _files(folder, ".csv", ".csv.gz"), _files(folder, ".json", ".json.gz")
    public = [path for path in public if path.name.split(".")[0] not in NO_SUBSETS]
    if bool(lists) == bool(public):
        what = "both CSV and JSON files" if lists else "neither CSV nor JSON files"
        raise InputError(Problem(str(folder), f"{what}; expected {LISTS} (CSV) or {PUBLIC_LISTS} (JSON)"))
    return lists or public


def _read_files(files: Sequence[str | Path]) -> list[Subset]:
    found, problems = [], []
    for path in map(Path, files):
        try:
            found.append(_read_list(path) if ".csv" in path.suffixes else _read_public_list(path))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    order = list(CHALLENGE)
    return sorted(found, key=lambda s: (order.index(s.name) if s.name in order else len(order), s.name))


def _without_public(subset: Subset, public: Sequence[Subset]) -> Subset:
    """Drop what was public: of pairs the public pairs, of values every row that is in any public item."""
    if subset.kind == PAIRS:
        shown = {tuple(pair) for other in public if other.kind == PAIRS for pair in other.pos.tolist()}
        kept = np.array([tuple(pair) not in shown for pair in subset.pos.tolist()], bool)
    else:
        kept = ~np.isin(subset.pos, np.concatenate([other.pos.ravel() for other in public]))
    return Subset(subset.name, subset.kind, subset.weight, subset.pos[kept])


def read_subsets(
    test_pos: np.ndarray, folder: str | Path | None = None, public_folder: str | Path | None = None
) -> list[Subset]:
    """Read the subsets of a test set.

    Parameters
    ----------
    test_pos : ndarray of int64, shape (n,)
        ``pos`` of all test rows.
    folder : path, optional
        Lists of subsets. The subset ``all`` is every test row; of public lists it is every row that they name. Without
        a folder ``all`` is the only subset.
    public_folder : path, optional
        Public lists whose items are left out (the challenge's final, private evaluation): single rows that occur in any
        public item, and exactly the public pairs. A private pair may share a row with a public item.

    Returns
    -------
    list of Subset
        In the order of the challenge's tables, others behind.

    Raises
    ------
    InputError
        With every problem of every file.
    """
    everything = np.unique(np.asarray(test_pos, np.int64))
    files = subset_files(folder) if folder is not None else []
    subsets = _read_files(files)
    if files and ".json" in files[0].suffixes:
        everything = np.unique(np.concatenate([subset.pos.ravel() for subset in subsets]))
    subsets = [_subset(ALL, everything, ALL), *(subset for subset in subsets if subset.name != ALL)]
    if public_folder is None:
        return subsets
    public = _read_files(subset_files(public_folder))
    return [_without_public(subset, public) for subset in subsets]

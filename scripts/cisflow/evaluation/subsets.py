"""Test subsets of the challenge: which rows of the test table, or pairs of rows, belong to which subset.

Inputs: a folder in the challenge's layout. Outputs: :class:`Subset` objects with 0-based rows
("pos") of the test table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cisflow.problems import InputError, Problem
from cisflow.user_files import open_json, open_table

#: Name, stem of the file in test_subset_ids, stem in public_leaderboard_ids, kind, weight (Rafi et al. 2024).
CHALLENGE = (
    ("high", "high_exp_seqs", "high_exp_indices", "values", 0.3),
    ("low", "low_exp_seqs", "low_exp_indices", "values", 0.3),
    ("yeast", "yeast_seqs", "yeast_exp_indices", "values", 0.3),
    ("random", "all_random_seqs", "random_exp_indices", "values", 0.3),
    ("challenging", "challenging_seqs", "challenging_exp_indices", "values", 0.5),
    ("SNVs", "all_SNVs_seqs", "SNVs_exp_indices", "pairs", 1.25),
    ("motif perturbation", "motif_perturbation_seqs", "motif_perturbation_exp_indices", "pairs", 0.3),
    ("motif tiling", "motif_tiling_seqs", "motif_tiling_exp_indices", "pairs", 0.4),
)
WEIGHT_OF_ALL = 1.0
#: Stems of the files of pairs, in both layouts.
PAIR_FILES = frozenset(stem for _, *stems, kind, _ in CHALLENGE if kind == "pairs" for stem in stems)


@dataclass(frozen=True)
class Subset:
    """Rows of the test table that are scored together.

    Attributes
    ----------
    name : str
    kind : {"values", "pairs"}
        Whether values are compared, or differences within pairs.
    weight : float
        Weight in the total score.
    pos : int64 array, (n,) or (n, 2)
        0-based rows; pairs are (alternative, reference).
    """

    name: str
    kind: str
    weight: float
    pos: np.ndarray


def _unique(pos: np.ndarray) -> np.ndarray:
    return np.unique(np.asarray(pos, dtype=np.int64), axis=0)


def _find(folder: Path, stem: str, suffix: str) -> Path | None:
    for name in (f"{stem}.{suffix}", f"{stem}.{suffix}.gz"):
        if (folder / name).is_file():
            return folder / name
    return None


def _from_csv(path: Path, kind: str) -> np.ndarray:
    columns = ["pos"] if kind == "values" else ["alt_pos", "ref_pos"]
    table = open_table(str(path), f"the columns {' and '.join(columns)}")
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise InputError([Problem(str(path), "missing column", row=1, column=c) for c in missing])
    bad = ~table[columns].map(lambda v: isinstance(v, int | np.integer) and v >= 0).all(axis=1)
    if bad.any():
        rows = (np.flatnonzero(bad)[:5] + 2).tolist()
        raise InputError(Problem(str(path), f"expected row numbers of the test table from 0 on; see rows {rows}"))
    pos = _unique(table[columns].to_numpy())
    return pos[:, 0] if kind == "values" else pos


def _is_row(text: str) -> bool:
    return re.fullmatch(r"\s*[0-9]{1,18}\s*", text) is not None


def _from_json(path: Path, kind: str) -> np.ndarray:
    keys = list(open_json(str(path), "rows of the test table as keys"))
    size = 1 if kind == "values" else 2
    expected = 'keys "pos"' if kind == "values" else 'keys "alternative pos,reference pos"'
    split = [str(key).split(",") for key in keys]
    bad = [key for key, parts in zip(keys, split, strict=True) if len(parts) != size or not all(map(_is_row, parts))]
    if bad:
        raise InputError([Problem(str(path), f"expected {expected}", column=str(key)) for key in bad[:10]])
    pos = _unique(np.array([[int(n) for n in parts] for parts in split], dtype=np.int64).reshape(-1, size))
    return pos[:, 0] if kind == "values" else pos


def read_layout(folder: str | Path) -> list[Subset]:
    """Subsets of one folder, CSV tables or public JSON files; empty when there are none."""
    folder = Path(folder)
    found = []
    for name, csv_stem, json_stem, kind, weight in CHALLENGE:
        if path := _find(folder, csv_stem, "csv"):
            found.append(Subset(name, kind, weight, _from_csv(path, kind)))
        elif path := _find(folder, json_stem, "json"):
            found.append(Subset(name, kind, weight, _from_json(path, kind)))
    return found


def some_layout(folder: str | Path) -> list[Subset]:
    """Subsets of one folder, at least one.

    Raises
    ------
    InputError
        When the folder holds none.
    """
    found = read_layout(folder)
    if not found:
        names = ", ".join(f"{csv}.csv" for _, csv, _, _, _ in CHALLENGE)
        raise InputError(Problem(str(folder), f"no subset found; expected one or more of {names}, or the public JSON"))
    return found


def public_part(public: Sequence[Subset], everything: np.ndarray | None = None) -> list[Subset]:
    """Public part of a challenge: its lists, and ``all`` as every row that occurs in one of them.

    Parameters
    ----------
    public : sequence of Subset
    everything : int array, optional
        Rows of ``all`` where a list of them exists (``ground.json``).
    """
    pos = np.concatenate([s.pos.ravel() for s in public]) if everything is None else everything
    return [Subset("all", "values", WEIGHT_OF_ALL, _unique(pos)), *public]


def read_parts(
    parts: Sequence[str], measured_pos: np.ndarray, subsets: str | Path | None, public: str | Path | None
) -> dict[str, list[Subset]]:
    """Subsets of the parts of a challenge.

    Parameters
    ----------
    parts : sequence of {"all", "public", "private"}
    measured_pos : int array, (n,)
        Rows of the test table that were measured.
    subsets, public : path or None
        Folders in the layouts ``test_subset_ids`` and ``public_leaderboard_ids``.

    Returns
    -------
    dict of str to list of Subset
        ``all``: nothing removed; ``public``: the public lists; ``private``: see :func:`without_public`.

    Raises
    ------
    InputError
        When a folder that a part needs is not given, or holds no subset.
    """
    problems = [
        Problem(f"part {part}", "needs the folder of the public lists")
        for part in parts
        if part != "all" and public is None
    ]
    if problems:
        raise InputError(problems)
    whole = [Subset("all", "values", WEIGHT_OF_ALL, _unique(measured_pos))]
    whole += some_layout(subsets) if subsets is not None else []
    lists = some_layout(public) if public is not None else []
    found = {}
    for part in parts:
        if part == "all":
            found[part] = whole
        elif part == "private":
            found[part] = without_public(whole, lists)
        else:
            ground = _find(Path(public), "ground", "json")
            found[part] = public_part(lists, _from_json(ground, "values") if ground else None)
    return found


def without_public(subsets: Sequence[Subset], public: Sequence[Subset]) -> list[Subset]:
    """Private part of subsets: without every row of any public list, and without exactly the public pairs.

    Parameters
    ----------
    subsets, public : sequence of Subset

    Returns
    -------
    list of Subset
        A private pair may share one member with a public item, as in the challenge.
    """
    rows = np.unique(np.concatenate([s.pos.ravel() for s in public]))
    pairs = {s.name: {tuple(p) for p in s.pos.tolist()} for s in public if s.kind == "pairs"}
    private = []
    for subset in subsets:
        if subset.kind == "values":
            keep = ~np.isin(subset.pos, rows)
        else:
            known = pairs.get(subset.name, set())
            keep = np.array([tuple(p) not in known for p in subset.pos.tolist()], dtype=bool)
        private.append(Subset(subset.name, subset.kind, subset.weight, subset.pos[keep]))
    return private


def common_folder(paths: Sequence[str | Path] | str | Path | None) -> Path | None:
    """Folder that holds the given subset files, themselves or in its sub-folders; None when there are no files."""
    if not paths:
        return None
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    return Path(os.path.commonpath([os.path.dirname(file) for file in files]))


def read_subsets(folder: str | Path | None, test_pos: np.ndarray) -> list[Subset]:
    """Read the subsets of a test table; the first is always ``all``.

    Parameters
    ----------
    folder : path or None
        A folder of ``test_subset_ids`` tables, of ``public_leaderboard_ids`` JSON files, or one that holds both as
        sub-folders: then the public items are removed and the private part is scored. None: only ``all``.
    test_pos : int array, (n,)
        Rows of the test table that were measured.

    Returns
    -------
    list of Subset

    Raises
    ------
    InputError
        When the folder holds no subset, or a file is not in the challenge's layout.
    """
    everything = Subset("all", "values", WEIGHT_OF_ALL, _unique(np.asarray(test_pos)))
    if folder is None:
        return [everything]
    folder = Path(folder)
    inner, public_folder = folder / "test_subset_ids", folder / "public_leaderboard_ids"
    subsets = [everything, *some_layout(inner if inner.is_dir() else folder)]
    if inner.is_dir() and public_folder.is_dir():
        subsets = without_public(subsets, read_layout(public_folder))
    return subsets

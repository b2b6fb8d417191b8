"""Options that ``cisflow score`` and ``cisflow rank`` share, and what they read.

Inputs: submissions, ground truth and subset folders named on the command line. Outputs: the numbers to score, per part.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cisflow.problems import InputError, Problem

if TYPE_CHECKING:
    from cisflow.evaluation.ranking import Evaluation

PARTS = ("all", "public", "private")


def add_submission_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name submissions, ground truth and subsets."""
    parser.add_argument(
        "submissions",
        nargs="+",
        metavar="[NAME=]FILE",
        help='submission: JSON {"pos": prediction, ...}, or sequence, tab, prediction without header in the order of '
        "the ground truth; plain or gzip. Without NAME the model has the name of its file",
    )
    parser.add_argument(
        "--truth",
        required=True,
        metavar="FILE",
        help='measured values: sequence, tab, value without header (row number = pos), or JSON {"pos": value, ...}',
    )
    parser.add_argument(
        "--subsets",
        metavar="FOLDER",
        help="test subsets (test_subset_ids/*.csv); a folder that also has public_leaderboard_ids beside them serves "
        "for --public. Default: only all rows together",
    )
    parser.add_argument("--public", metavar="FOLDER", help="public lists (public_leaderboard_ids/*.json)")
    parser.add_argument("--seed", type=int, default=1, help="of the draws (default: 1)")
    parser.add_argument("--threads", type=int, default=1, help="the result does not depend on it (default: 1)")


def _folders(given: argparse.Namespace) -> tuple[Path | None, Path | None]:
    """Folders of the test subsets and of the public lists."""
    subsets = Path(given.subsets) if given.subsets else None
    public = Path(given.public) if given.public else None
    problems = [
        Problem(option, f"{folder} is not a folder")
        for option, folder in (("--subsets", subsets), ("--public", public))
        if folder is not None and not folder.is_dir()
    ]
    if problems:
        raise InputError(problems)
    if subsets is not None and (subsets / "test_subset_ids").is_dir():
        beside = subsets / "public_leaderboard_ids"
        public = public or (beside if beside.is_dir() else None)
        subsets = subsets / "test_subset_ids"
    return subsets, public


def _named(texts: list[str]) -> dict[str, str]:
    """Files by name of the model."""
    from cisflow.evaluation.submissions import model_name

    files: dict[str, str] = {}
    problems = []
    for text in texts:
        name, separator, path = text.partition("=")
        if not separator or "/" in name:
            name, path = model_name(text), text
        if not name or not path:
            problems.append(Problem(text, "expected FILE or NAME=FILE"))
        elif name in files:
            problems.append(
                Problem(path, f"a model {name!r} is given twice (also {files[name]}); name one with NAME=FILE")
            )
        else:
            files[name] = path
    if problems:
        raise InputError(problems)
    return files


def read_given(given: argparse.Namespace, parts: list[str] | None) -> dict[str, Evaluation]:
    """Read everything and check it.

    Parameters
    ----------
    given : Namespace
    parts : list of str or None
        Parts to score; None: private where there are public lists, else all.

    Raises
    ------
    InputError
        With every problem of every submission.
    """
    import numpy as np

    from cisflow.evaluation.ranking import Evaluation
    from cisflow.evaluation.scoring import select
    from cisflow.evaluation.submissions import read_submissions, read_truth
    from cisflow.evaluation.subsets import read_parts

    files = _named(given.submissions)
    folder, public = _folders(given)
    measured, sequences = read_truth(given.truth)
    chosen = parts or (["private"] if public is not None else ["all"])
    subsets = read_parts(chosen, measured.index.to_numpy(), folder, public)
    rows = np.unique(np.concatenate([s.pos.ravel() for part in subsets.values() for s in part]))
    beyond = rows[rows >= len(measured)] if sequences is not None else rows[:0]
    if len(beyond):
        raise InputError(
            Problem(
                str(folder or public),
                f"{len(beyond)} rows of the subsets are not in the ground truth, e.g. {beyond[:5].tolist()}; "
                f"expected rows 0 to {len(measured) - 1} of {given.truth}",
            )
        )
    needed = np.intersect1d(rows, measured.index.to_numpy())
    predictions = read_submissions(files, measured, sequences, needed)
    scored = {part: select(some, measured.loc[needed], predictions) for part, some in subsets.items()}
    empty = [
        Problem(given.truth, f"the {part} part has no subset with three or more items")
        for part, some in scored.items()
        if not some
    ]
    if empty:
        raise InputError(empty)
    return {part: Evaluation(list(files), some) for part, some in scored.items()}

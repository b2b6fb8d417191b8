"""Arguments that name trained models, and where they run.

Inputs: command-line arguments. Outputs: folders by name of the model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cisflow.problems import InputError, Problem, not_one_of


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument ``models``."""
    parser.add_argument(
        "models",
        nargs="+",
        metavar="[NAME=]FOLDER",
        help="bundle of a trained model; bundles of one name are replicates, whose predictions are averaged",
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add ``--device`` and ``--threads``."""
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default: 1)")


def expected_by_model(given: list[str], models: list[str]) -> dict[str, str]:
    """Expected contacts of each model, from ``FILE`` (for all that are not named) and ``NAME=FILE``.

    Raises
    ------
    InputError
        When a name is that of no model.
    """
    found: dict[str, str] = {}
    problems = []
    for text in sorted(given, key=lambda one: "=" not in one):
        name, separator, path = text.partition("=")
        if not separator:
            found |= dict.fromkeys(models, text)
        elif name in models:
            found[name] = path
        else:
            problems.append(Problem("--expected", not_one_of(name, models)))
    if problems:
        raise InputError(problems)
    return found


def model_name(folder: str) -> str:
    """Name of the model that a bundle is of: its folder's, or that of the one above where that is ``seed<k>``."""
    path = Path(folder).resolve()
    return (path.parent if path.name.removeprefix("seed").isdecimal() else path).name


def named_bundles(given: list[str]) -> dict[str, list[str]]:
    """Folders by name of the model; without a name that of the folder, or the one above where that is ``seed<k>``.

    Parameters
    ----------
    given : list of str
        ``FOLDER`` or ``NAME=FOLDER``.

    Raises
    ------
    InputError
        With every argument that is neither.
    """
    found: dict[str, list[str]] = {}
    for text in given:
        name, separator, folder = text.partition("=")
        if not separator:
            name, folder = model_name(text), text
        found.setdefault(name, []).append(folder)
    empty = [text for text in given if text.startswith("=") or text.endswith("=")]
    if empty:
        raise InputError([Problem("models", f"{text!r}; expected FOLDER or NAME=FOLDER") for text in empty])
    return found


def task_of(folders: list[str]) -> str:
    """Task that all bundles have.

    Raises
    ------
    InputError
        When they are of several tasks, or a folder is no bundle.
    """
    from cisflow.training.bundle import RECIPE, read_recipe

    tasks = {folder: read_recipe(folder).get("task") for folder in folders}
    if len(set(tasks.values())) > 1:
        found = [Problem(str(Path(folder) / RECIPE), f"{task!r}", column="task") for folder, task in tasks.items()]
        raise InputError([Problem("models", "expected models of one task"), *found])
    return str(next(iter(tasks.values())))

"""Published weights into a bundle.

Inputs: a state dict (PyTorch or safetensors file) and the recipe of its network. Outputs: a bundle that
:func:`cisflow.models.predict.load_bundle` reads. Files are read without running any code from them.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load_file

from cisflow import provenance
from cisflow.joblog import logger
from cisflow.models.encoding import ENCODINGS
from cisflow.models.network import SequenceNetwork
from cisflow.models.prix_fixe import complete_recipe
from cisflow.models.recipes import check_expression_recipe
from cisflow.problems import InputError, Problem
from cisflow.training.bundle import write_bundle
from cisflow.training.loop import PACKAGES
from cisflow.user_files import read_yaml

#: Keys under which training programs keep the network's tensors, and prefixes that wrappers put before their names.
WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")
AVERAGED = "n_averaged"
#: Tasks whose weights can be imported, with their articles.
TASKS = ("expression", "contacts")
ARTICLES = {"expression": "an expression", "contacts": "a contact"}
HISTORY = ("step", "epoch", "learning_rate", "training_loss", "selection")


def read_state(path: str | Path) -> dict[str, torch.Tensor]:
    """Read a state dict.

    Parameters
    ----------
    path : path
        ``.safetensors``, or a file that ``torch.save`` wrote: tensors by name, alone or as the entry ``state_dict``,
        ``model_state_dict`` or ``model`` of a checkpoint. The prefixes of ``DataParallel``, ``AveragedModel`` and
        ``torch.compile`` go, also where there are several.

    Returns
    -------
    dict of Tensor
        On the CPU.

    Raises
    ------
    InputError
        When the file cannot be read, needs code to be run, or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(Problem(str(path), "file not found"))
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about pickles of other programs, which are refused below
                content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"Unsupported [a-z]+:? \S+ [\w.]+", str(error))
        reason = f" ({found.group()})" if found else ""
        raise InputError(
            Problem(
                str(path),
                "holds more than tensors, or is no PyTorch file; reading it would run code from it, which is refused. "
                f"Expected what torch.save(network.state_dict(), ...) writes, or safetensors{reason}",
            )
        ) from error
    except Exception as error:  # a damaged file makes the readers end with errors of any kind
        raise InputError(
            Problem(str(path), f"cannot be read as {path.suffix or 'PyTorch'} weights: {error}")
        ) from error
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            logger.info("%s: tensors taken from the entry %r", path, wrapper)
            break
    if not isinstance(content, Mapping) or not content:
        raise InputError(Problem(str(path), f"holds {type(content).__name__}, expected tensors by name"))
    others = [name for name, value in content.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise InputError(
            [Problem(str(path), f"{type(content[n]).__name__}, expected a tensor", column=str(n)) for n in others]
        )
    return without_wrappers(dict(content), str(path))


def without_wrappers(state: dict[str, torch.Tensor], where: str) -> dict[str, torch.Tensor]:
    """Take off the prefixes that wrappers put before all names, as many as there are, and their counter.

    ``AveragedModel`` keeps the number of averaged networks beside the tensors of the network.
    """
    inner = {name: tensor for name, tensor in state.items() if name != AVERAGED}
    taken = ""
    while prefix := next((p for p in PREFIXES if inner and all(name.startswith(p) for name in inner)), ""):
        inner = {name.removeprefix(prefix): tensor for name, tensor in inner.items()}
        taken += prefix
    if not taken:
        return state
    logger.info("%s: prefix %r taken off the names", where, taken)
    return inner


def _described(tensor: torch.Tensor) -> str:
    shape = " x ".join(map(str, tensor.shape)) or "scalar"
    return f"{shape} ({str(tensor.dtype).removeprefix('torch.')})"


def fit_state(
    state: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], where: str
) -> dict[str, torch.Tensor]:
    """Compare a state dict with that of a network.

    Parameters
    ----------
    state, expected : mapping of str to Tensor
        Found, and of the network (values are not used).
    where : str
        File for messages.

    Returns
    -------
    dict of Tensor
        In the network's order and number types.

    Raises
    ------
    InputError
        With every missing, unexpected and wrongly shaped tensor, and those with numbers that are not finite.
    """
    problems = [
        Problem(where, f"missing; expected {_described(tensor)}", column=name)
        for name, tensor in expected.items()
        if name not in state
    ]
    problems += [
        Problem(where, f"unexpected: the recipe's network has no such tensor; found {_described(tensor)}", column=name)
        for name, tensor in state.items()
        if name not in expected
    ]
    shared = [name for name in expected if name in state]
    for name in shared:
        found, wanted = state[name], expected[name]
        if found.shape != wanted.shape or found.is_floating_point() != wanted.is_floating_point():
            problems.append(Problem(where, f"found {_described(found)}, expected {_described(wanted)}", column=name))
        elif not torch.isfinite(found).all():
            bad = int((~torch.isfinite(found)).sum())
            problems.append(Problem(where, f"{bad} of {found.numel()} numbers are not finite", column=name))
    if problems:
        summary = (
            f"tensors that do not fit the recipe: {len(problems)} ({len(shared)} of its {len(expected)} names are in "
            "the file); is it the recipe of these weights?"
        )
        raise InputError([Problem(where, summary), *problems])
    return {name: state[name].to(expected[name].dtype) for name in expected}


def load_recipe(path: str | Path, tasks: Sequence[str] = TASKS) -> dict[str, Any]:
    """Read a recipe without checking more than its task.

    Raises
    ------
    InputError
        When the file is missing, is not YAML, or is for another task.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(Problem(str(path), "file not found; expected a recipe, see config/recipes"))
    recipe = read_yaml(path, "a recipe, see config/recipes")
    if not isinstance(recipe, Mapping) or recipe.get("task") not in tasks:
        expected = " or ".join(ARTICLES[task] for task in tasks)
        raise InputError(Problem(str(path), f"expected the recipe of {expected} model", column="task"))
    return dict(recipe)


def read_recipe(path: str | Path) -> dict[str, Any]:
    """Read, complete and check the recipe of a network.

    Raises
    ------
    InputError
        When the file is missing or is not the recipe of an expression network.
    """
    recipe = complete_recipe(load_recipe(path, ("expression",)), str(path))
    check_expression_recipe(recipe, str(path))
    if recipe["model"] != "network":
        raise InputError(Problem(str(path), f"{recipe['model']!r}: expected network", column="model"))
    return recipe


def check_output(folder: str | Path) -> None:
    """Raise InputError when there is something where a bundle is to be written."""
    folder = Path(folder)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(Problem(str(folder), "already there; expected a new or empty folder", column="output"))


def write_imported(
    output: str | Path,
    state: Mapping[str, torch.Tensor],
    recipe: Mapping[str, Any],
    files: Mapping[str, str | Path],
    settings: Mapping[str, Any],
    parameters: int,
) -> None:
    """Write the bundle of imported weights: an empty history, and a manifest that says where they came from.

    Parameters
    ----------
    output : path
    state : mapping of str to Tensor
    recipe : mapping
    files : mapping of str to path
        What was read, by its name in the manifest.
    settings : mapping
        Further settings for the manifest.
    parameters : int
        Numbers that training would change.
    """
    manifest = provenance.manifest(dict(files), {"imported": True, **settings}, PACKAGES)
    manifest["training"] = {"parameters": parameters, "steps": 0, "best_selection": None}
    write_bundle(output, state, recipe, pd.DataFrame(columns=list(HISTORY)), manifest)
    logger.info("%s: %d tensors, %s parameters", output, len(state), f"{parameters:,}")


def import_weights(weights: str | Path, recipe_path: str | Path, output: str | Path) -> None:
    """Make a bundle of published weights.

    Parameters
    ----------
    weights : path
        See :func:`read_state`.
    recipe_path : path
        Recipe that the weights belong to.
    output : path
        Folder of the bundle; new or empty.

    Raises
    ------
    InputError
        When weights, recipe or folder are not usable; all tensors that do not fit are told at once.
    """
    check_output(output)
    recipe = read_recipe(recipe_path)
    encoding = ENCODINGS.make(recipe["encoding"], where=str(recipe_path))
    network = SequenceNetwork(recipe["network"], encoding.n_channels, encoding.length)
    state = fit_state(read_state(weights), network.state_dict(), str(weights))
    network.load_state_dict(state)
    if "standardise" in recipe and set(recipe["standardise"]) != {"mean", "sd"}:
        logger.warning(
            "%s: `standardise` names no mean and sd; predictions stay in standard deviations of the training rows",
            recipe_path,
        )
        recipe = {key: value for key, value in recipe.items() if key != "standardise"}
    parameters = sum(p.numel() for p in network.parameters())
    write_imported(output, state, recipe, {"weights": weights, "recipe": recipe_path}, {}, parameters)

"""A trained model as a folder of four plain files.

``weights.safetensors`` (tensors by name), ``recipe.yaml`` (how it was built and trained), ``history.tsv`` (course of
the training) and ``manifest.json`` (versions, SHA-256 of the inputs, settings, outcome). Nothing in it is executable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cisflow.files import atomic_path, read_table, write_json, write_table, write_text
from cisflow.problems import InputError, Problem
from cisflow.user_files import read_json, read_yaml

WEIGHTS, RECIPE, HISTORY, MANIFEST = "weights.safetensors", "recipe.yaml", "history.tsv", "manifest.json"


@dataclass(frozen=True)
class Bundle:
    """Content of a bundle.

    Attributes
    ----------
    folder : Path
    weights : dict of Tensor
        On the CPU.
    recipe, manifest : dict
    history : DataFrame
    """

    folder: Path
    weights: dict[str, torch.Tensor]
    recipe: dict[str, Any]
    history: pd.DataFrame
    manifest: dict[str, Any]


def write_bundle(
    folder: str | Path,
    weights: Mapping[str, torch.Tensor],
    recipe: Mapping[str, Any],
    history: pd.DataFrame,
    manifest: Mapping[str, Any],
) -> None:
    """Write the four files of a bundle, the manifest last; equal content gives equal bytes."""
    folder = Path(folder)
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()}, temporary)
    write_text(yaml.safe_dump(dict(recipe), sort_keys=False), folder / RECIPE)
    write_table(history, folder / HISTORY)
    write_json(dict(manifest), folder / MANIFEST)


def read_recipe(folder: str | Path) -> dict[str, Any]:
    """Read the recipe of a bundle alone.

    Raises
    ------
    InputError
        When the file is missing or holds none.
    """
    path = Path(folder) / RECIPE
    if not path.is_file():
        raise InputError(Problem(str(path), "file not found; a model is a folder with four files"))
    recipe = read_yaml(path, "a recipe")
    if not isinstance(recipe, dict):
        raise InputError(Problem(str(path), "holds no recipe"))
    return recipe


def _read_history(path: Path) -> pd.DataFrame:
    try:
        return read_table(path)
    except ValueError as error:  # pandas' errors of form, and bytes that are no text
        reason = str(error).strip().split("\n")[0]
        raise InputError(Problem(str(path), f"cannot be read as a table ({reason}); expected a history")) from None


def read_bundle(folder: str | Path) -> Bundle:
    """Read a bundle.

    Raises
    ------
    InputError
        When files are missing or cannot be read.
    """
    folder = Path(folder)
    missing = [name for name in (WEIGHTS, RECIPE, HISTORY, MANIFEST) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            [Problem(str(folder / name), "file not found; a model is a folder with four files") for name in missing]
        )
    try:
        weights = load_file(folder / WEIGHTS)
    except (SafetensorError, OSError, ValueError, RuntimeError, KeyError) as error:
        raise InputError(Problem(str(folder / WEIGHTS), f"not a safetensors file: {error}")) from error
    manifest = read_json(folder / MANIFEST, "the manifest of a bundle")
    if not isinstance(manifest, dict):
        raise InputError(Problem(str(folder / MANIFEST), f"holds a {type(manifest).__name__}; expected an object"))
    return Bundle(folder, weights, read_recipe(folder), _read_history(folder / HISTORY), manifest)


def read_bundle_of(folder: str | Path, task: str) -> Bundle:
    """Read a bundle of one arm.

    Parameters
    ----------
    folder : path
    task : str
        ``task`` of its recipe.

    Raises
    ------
    InputError
        When files are missing, cannot be read, or are those of another arm.
    """
    bundle = read_bundle(folder)
    found = bundle.recipe.get("task")
    if found != task:
        raise InputError(Problem(str(Path(folder) / RECIPE), f"{found!r}; expected {task!r}", column="task"))
    return bundle


def fill_network(network: torch.nn.Module, bundle: Bundle, device: torch.device | str) -> None:
    """Give a network the weights of its bundle, on a device, in eval mode.

    Raises
    ------
    InputError
        When the weights are not those of the recipe.
    """
    try:
        network.load_state_dict(bundle.weights)
    except RuntimeError as error:
        raise InputError(Problem(str(bundle.folder), f"weights do not fit the recipe: {error}")) from error
    network.to(device).eval()

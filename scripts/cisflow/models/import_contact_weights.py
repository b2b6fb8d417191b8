"""Published weights of contact models into a bundle.

Purpose: the released files of Orca, one state dict per part of the network, loaded by name. Inputs: files, the recipe
of their network. Outputs: a bundle that predictions, evaluation and ``start_from`` read. No code from a file is run.
Source of the names: Zhou 2022, Nature Genetics 54:725-734, released models. Their licence allows academic use only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cisflow.models.cascade import Cascade
from cisflow.models.cascade_network import without_first_stage_parts
from cisflow.models.contact_networks import build_network
from cisflow.models.contact_settings import contact_settings
from cisflow.models.import_weights import check_output, fit_state, load_recipe, read_state, write_imported
from cisflow.problems import InputError, Problem, not_one_of

#: The only part of a network of one level, and a file that holds a whole cascade under the names of cisflow.
FIRST, WHOLE = "net0", "whole"
PUBLISHED = re.compile(r"\.(?P<part>net0|net1|net|d[0-9]+)\.statedict$")
#: In names of the 256-Mb models; their ``net`` is the third encoder, and the first two are those of the 32-Mb models.
THIRD_STAGE = "_256m"
#: Weight of the last layer of the profile head: one row per track.
TRACKS = "final_1d.3.weight"


def part_names(network: torch.nn.Module) -> dict[str, str]:
    """Parts of a network that have a file each.

    Returns
    -------
    dict of str to str
        Submodule by the published name of the part: ``net0``, ``net``, ``net1``, and ``d<Mb>`` of each level (``d<bp>``
        where a level is no whole number of Mb). A network of one level is ``net0`` as a whole.
    """
    if not isinstance(network, Cascade):
        return {FIRST: ""}
    levels = {
        f"d{level // 10**6 if level % 10**6 == 0 else level}": f"decoders.{level}" for level in network.ladder.levels
    }
    return {name: name for name in network.parts} | levels


def published_files(given: Sequence[str], parts: Sequence[str]) -> dict[str, Path]:
    """Find out which part each file holds.

    Parameters
    ----------
    given : sequence of str
        ``PART=FILE``; files with published names (``orca_h1esc.net0.statedict``, ``orca_h1esc.d32.statedict``,
        ``orca_h1esc_256m.net.statedict``); the common beginning of such names (``orca_h1esc``); one file of any name
        for a network of one part, or with a whole cascade.
    parts : sequence of str
        See :func:`part_names`.

    Returns
    -------
    dict of str to Path
        File of each part, or :data:`WHOLE`.

    Raises
    ------
    InputError
        With every argument that names no file or no part, every part with two files, and every part without one.
    """
    found: dict[str, Path] = {}
    problems: list[Problem] = []

    def add(part: str, file: str | Path) -> None:
        if part not in parts:
            problems.append(Problem(str(file), f"for part {not_one_of(part, parts)}"))
        elif part in found:
            problems.append(Problem(str(file), f"{part} is given by {found[part]} as well"))
        else:
            found[part] = Path(file)

    for text in given:
        part, separator, file = text.partition("=")
        if separator and not Path(text).is_file():
            add(part, file)
        elif not Path(text).is_file() and (stem := _files_of_stem(text, parts)):
            for name, path in stem.items():
                add(name, path)
        elif match := PUBLISHED.search(Path(text).name):
            third = match["part"] == "net" and THIRD_STAGE in Path(text).name
            add("net1" if third else match["part"], text)
        elif len(given) == 1:
            return {FIRST if len(parts) == 1 else WHOLE: Path(text)}
        else:
            expected = "a name as orca_h1esc.net0.statedict, or PART=FILE"
            problems.append(Problem(text, f"which part of the network is it? Expected {expected}"))
    problems += [
        Problem("weights", f"no file; expected one named *.{part}.statedict, or {part}=FILE", column=part)
        for part in parts
        if part not in found
    ]
    if problems:
        raise InputError(problems)
    return found


def _files_of_stem(text: str, parts: Sequence[str]) -> dict[str, Path]:
    """Files of a released model by the beginning of their names; nothing when there is none."""
    stem = text.removesuffix(".").removesuffix(THIRD_STAGE)
    if "net1" in parts:
        names = {part: f"{stem}{THIRD_STAGE}.{part}.statedict" for part in parts}
        names |= {"net0": f"{stem}.net0.statedict", "net": f"{stem}.net.statedict"}
        names |= {"net1": f"{stem}{THIRD_STAGE}.net.statedict"}
    else:
        names = {part: f"{stem}.{part}.statedict" for part in parts}
    return {part: Path(name) for part, name in names.items() if Path(name).is_file()}


def fit_parts(
    network: torch.nn.Module, states: Mapping[str, Mapping[str, Tensor]], files: Mapping[str, Path]
) -> dict[str, Tensor]:
    """Compare the state dicts of all parts with a network, and join them.

    Parameters
    ----------
    network : Module
    states : mapping of str to mapping
        By part. Of ``net0``, the profile head goes, and the decoder where the cascade has no use for it.
    files : mapping of str to Path
        For messages.

    Returns
    -------
    dict of Tensor
        The whole state dict of the network.

    Raises
    ------
    InputError
        With every tensor of every part that is missing, unexpected, of another shape or not finite.
    """
    modules = {WHOLE: ""} if WHOLE in states else part_names(network)
    joined: dict[str, Tensor] = {}
    problems: list[Problem] = []
    for part, place in modules.items():
        expected, state = network.get_submodule(place).state_dict(), states[part]
        if part == FIRST and place:
            state = without_first_stage_parts(state, expected)
        try:
            fitted = fit_state(state, expected, str(files[part]))
        except InputError as error:
            problems += error.problems
            continue
        joined |= {f"{place}.{name}" if place else name: tensor for name, tensor in fitted.items()}
    if problems:
        raise InputError(problems)
    return {name: joined[name] for name in network.state_dict()}


def import_contact_weights(given: Sequence[str], recipe_path: str | Path, output: str | Path) -> None:
    """Make a bundle of published weights.

    Parameters
    ----------
    given : sequence of str
        See :func:`published_files`.
    recipe_path : path
        Recipe that the weights belong to: network of one level, or cascade.
    output : path
        Folder of the bundle; new or empty.

    Raises
    ------
    InputError
        When weights, recipe or folder are not usable; all parts without a file, then all tensors that do not fit, are
        told at once.

    Notes
    -----
    The number of profile tracks is that of the file. The files do not name them: they become ``track1``, ``track2``
    and so on.
    """
    check_output(output)
    recipe = load_recipe(recipe_path, ("contacts",))
    settings = contact_settings(recipe, str(recipe_path))
    if settings.model != "network":
        raise InputError(Problem(str(recipe_path), f"{settings.model!r}: expected network", column="model"))
    with torch.device("meta"):  # names and shapes alone
        parts = part_names(build_network(settings, 0))
    files = published_files(given, list(parts))
    states, problems = {}, []
    for part, path in files.items():
        try:
            states[part] = read_state(path)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    head = states[FIRST].get(TRACKS) if set(parts) == {FIRST} else None
    tracks = [f"track{k + 1}" for k in range(0 if head is None else len(head))]
    with torch.device("meta"):
        network = build_network(settings, len(tracks))
    weights = fit_parts(network, states, files)
    kept: dict[str, Any] = {key: value for key, value in recipe.items() if key != "start_from"}
    named = {f"weights {part}": path for part, path in files.items()} | {"recipe": Path(recipe_path)}
    parameters = sum(parameter.numel() for parameter in network.parameters())
    write_imported(output, weights, kept, named, {"profiles": tracks}, parameters)

"""Interpretation of models on sequences, as tables.

Inputs: bundles and sequences. Outputs: effects (written block by block), profiles, checks and agreement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import torch

from cisflow.files import TableWriter
from cisflow.interpret.agreement import agreement
from cisflow.interpret.attribution import attribute
from cisflow.interpret.effects import EFFECTS, position_scores
from cisflow.interpret.mutagenesis import saturation_mutagenesis
from cisflow.joblog import logger
from cisflow.models.predict import load_bundle
from cisflow.problems import InputError, Problem


@dataclass(frozen=True)
class Interpretation:
    """What is kept in memory of the interpretation of models.

    Attributes
    ----------
    profiles : polars.DataFrame
        ``model``, ``id``, ``position`` (0-based), ``base``, ``score`` (mean effect of the three substitutions) and,
        with attributions, ``gradient_x_input``, ``integrated_gradients`` (null for models that are no networks).
    checks : polars.DataFrame
        See :func:`cisflow.interpret.attribution.attribute`.
    agreement : polars.DataFrame
        See :func:`cisflow.interpret.agreement.agreement`.
    """

    profiles: pl.DataFrame
    checks: pl.DataFrame
    agreement: pl.DataFrame


def load_models(
    bundles: Mapping[str, Sequence[str | Path]], device: torch.device | str = "cpu"
) -> dict[str, list[Any]]:
    """Replicates of each model by its name.

    Raises
    ------
    InputError
        With every folder that is no expression model.
    """
    models: dict[str, list[Any]] = {}
    problems = []
    for name, folders in bundles.items():
        for folder in folders:
            try:
                models.setdefault(name, []).append(load_bundle(folder, device))
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(problems)
    return models


def interpret(
    models: Mapping[str, Sequence[Any]],
    sequences: Mapping[str, str],
    effects: str | Path,
    start: int = 0,
    end: int | None = None,
    steps: int = 50,
) -> Interpretation:
    """Mutagenesis and attributions of models, one table on disk, the small ones in memory.

    Parameters
    ----------
    models : mapping of list by name
        See :func:`load_models`.
    sequences : mapping of str by id
        Upper case.
    effects : path
        Table of :data:`cisflow.interpret.effects.EFFECTS`, written block by block.
    start, end : int
        Positions to change, 0-based half-open.
    steps : int
        Points of the integrated gradients; 0: no attributions.

    Raises
    ------
    InputError
        When no base is left to change, or a model cannot predict a sequence.
    """
    profiles = []
    with TableWriter(effects, EFFECTS) as writer:
        for block in saturation_mutagenesis(models, sequences, start, end):
            writer.write(block)
            profiles.append(position_scores(block))
        if not profiles or not sum(map(len, profiles)):
            raise InputError(Problem("sequences", f"no A, C, G or T between position {start} and {end}"))
    table = pl.concat(profiles)
    attributions, checks = attribute(models, sequences, steps) if steps else attribute({}, sequences, 1)
    if steps:
        table = table.join(attributions, on=["model", "id", "position"], how="left", maintain_order="left")
        for name, rows in checks.group_by("model", maintain_order=True):
            change = (rows["prediction"] - rows["baseline"]).abs().mean()
            delta = rows["delta"].abs()
            logger.info(
                "%s: completeness of the integrated gradients: mean |delta| %.2g, largest %.2g, at a mean change of "
                "%.3g over the path",
                *(name[0], delta.mean(), delta.max(), change),
            )
    return Interpretation(table, checks, agreement(table))

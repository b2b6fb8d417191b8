"""Settings of a profile recipe, checked. Needs no torch.

Inputs: a recipe (``task: profiles``). Outputs: :class:`ProfileSettings`, or one
:class:`~cisflow.problems.InputError` with every problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cisflow.models.recipe_sections import LOOP_KEYS, Sections
from cisflow.problems import InputError, Problem, not_one_of

#: ``network`` learns peaks beside a bias model, ``bias`` is that model.
KINDS = ("network", "bias")
SECTIONS = ("window", "data", "loss", "training")


@dataclass(frozen=True)
class WindowSettings:
    """``window``: what a network sees and predicts.

    Attributes
    ----------
    input_length, output_length : int
        Bases read and positions predicted (bp), both centred on the summit.
    jitter : int
        Training windows are moved by at most so many bp to either side.
    """

    input_length: int
    output_length: int
    jitter: int = 0


@dataclass(frozen=True)
class NetworkData:
    """``data`` of a network: which regions are trained on.

    Attributes
    ----------
    negatives : float
        Regions without peak per peak and epoch, drawn anew for each epoch.
    outlier_quantile : float
        Regions with counts above this quantile, or below one minus it, are left out.
    reverse_share : float
        Share of the regions of an epoch that is read on the reverse strand.
    """

    negatives: float = 0.1
    outlier_quantile: float = 0.9999
    reverse_share: float = 0.5


@dataclass(frozen=True)
class BiasData:
    """``data`` of a bias model: all regions without peak that have few counts.

    Attributes
    ----------
    count_limit, count_quantile : float
        Regions with counts of ``count_limit`` times the ``count_quantile`` quantile of the peaks' counts, or more, are
        left out.
    outlier_quantile, reverse_share : float
        See :class:`NetworkData`.
    """

    count_limit: float = 0.5
    count_quantile: float = 0.01
    outlier_quantile: float = 0.9999
    reverse_share: float = 0.5


@dataclass(frozen=True)
class LossSettings:
    """``loss``.

    Attributes
    ----------
    count_weight : float
        Weight of the squared error of ln(1 + count); 0 = a tenth of the median count of the training regions, as
        published.
    """

    count_weight: float = 0.0


@dataclass(frozen=True)
class TrainingSettings:
    """``training``: what the task needs; ``optimiser``, ``schedule``, ``patience`` and so on belong to the loop.

    Attributes
    ----------
    batch_size, epochs : int
    validation_batch_size : int
        Does not change results beyond rounding.
    """

    batch_size: int = 64
    epochs: int = 50
    validation_batch_size: int = 256


PROFILE_LOOP_KEYS = ("patience", *(key for key in LOOP_KEYS if key != "processes"))
RANGES: Mapping[str, tuple[float, float | None]] = {  # lowest and highest value
    "input_length": (1, None),
    "output_length": (1, None),
    "jitter": (0, None),
    "negatives": (0, None),
    "outlier_quantile": (0.5, 1),
    "reverse_share": (0, 1),
    "count_limit": (0, None),
    "count_quantile": (0, 1),
    "count_weight": (0, None),
    "batch_size": (1, None),
    "epochs": (1, None),
    "validation_batch_size": (1, None),
}


@dataclass(frozen=True)
class ProfileSettings:
    """All checked settings of a profile recipe; ``data`` is :class:`BiasData` for a bias model."""

    model: str
    window: WindowSettings
    network: Mapping[str, Any]
    data: NetworkData | BiasData
    loss: LossSettings
    training: TrainingSettings


def _patience(training: Mapping[str, Any], where: str) -> list[Problem]:
    value = training.get("patience", 1)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return []
    return [Problem(where, f"{value!r}; expected a positive whole number of epochs", column="training.patience")]


def profile_settings(recipe: Mapping[str, Any], where: str = "recipe") -> ProfileSettings:
    """Check a profile recipe.

    Parameters
    ----------
    recipe : mapping
    where : str
        File of the recipe for messages.

    Raises
    ------
    InputError
        With every unknown key, missing key and value out of range.
    """
    sections = Sections(recipe, where, RANGES)
    problems, model = sections.problems, recipe.get("model")
    if model not in KINDS:
        problems.append(Problem(where, not_one_of(model, KINDS), column="model"))
    sections.check_keys(("task", "model", "note", "network", "bias", *SECTIONS))
    window = sections.read("window", WindowSettings)
    data = sections.read("data", BiasData if model == "bias" else NetworkData)
    loss = sections.read("loss", LossSettings)
    training = sections.read_training(TrainingSettings, PROFILE_LOOP_KEYS)
    if window and (window.input_length < window.output_length or (window.input_length - window.output_length) % 2):
        what = f"{window.output_length} of {window.input_length} bp; expected as many bases less on either side"
        problems.append(Problem(where, what, column="window.output_length"))
    network = recipe.get("network")
    if not isinstance(network, Mapping) or "name" not in network:
        problems.append(Problem(where, f"{network!r}; expected keys and values with `name`", column="network"))
    given = recipe.get("training") if isinstance(recipe.get("training"), Mapping) else {}
    problems += _patience(given, where)
    if problems:
        raise InputError(problems)
    return ProfileSettings(model, window, dict(network), data, loss, training)

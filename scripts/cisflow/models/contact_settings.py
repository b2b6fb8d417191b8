"""Settings of a contact recipe, checked.

Inputs: a recipe (``task: contacts``). Outputs: :class:`WindowSettings`, :class:`TrainingSettings` and so on, or one
:class:`~cisflow.problems.InputError` with every problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from cisflow.problems import InputError, Problem, did_you_mean, not_one_of
from cisflow.training.options import OPTION_KEYS, option_problems

KINDS = ("network", "distance_only")
SHARED = ("window", "validation", "evaluation")


@dataclass(frozen=True)
class WindowSettings:
    """``window``: what a network sees and predicts.

    Attributes
    ----------
    bins, bin_size : int
        The predicted map has bins x bins entries of bin_size bp; the sequence has bins * bin_size bp.
    shift : int
        Largest random displacement of the sequence against the map (bp).
    max_missing : float
        Training windows with a larger share of missing entries are drawn again; 1 = none is.
    resolution : int
        Bins of the map that the targets are made from (bp), a multiple of the map's resolution in the sheet;
        0 (not given) = that one.
    """

    bins: int
    bin_size: int
    shift: int = 0
    max_missing: float = 1.0
    resolution: int = 0

    @property
    def length(self) -> int:
        """Length in base pairs."""
        return self.bins * self.bin_size


@dataclass(frozen=True)
class ValidationSettings:
    """``validation``: windows that choose the best network.

    Attributes
    ----------
    windows : int
        Number of windows, drawn once.
    max_missing : float
        Windows with this share of missing entries or more do not count.
    """

    windows: int = 2048
    max_missing: float = 0.7


@dataclass(frozen=True)
class EvaluationSettings:
    """``evaluation``: windows of the test chromosomes.

    Attributes
    ----------
    step_bins : int
        Bins from the start of one window to the next.
    max_missing_in_bin : float
        Entries of the observed map with a larger share of missing fine bins do not count.
    """

    step_bins: int
    max_missing_in_bin: float = 0.25


@dataclass(frozen=True)
class TrainingSettings:
    """``training``: what the task needs; ``optimiser``, ``schedule`` and clipping belong to the training loop.

    Attributes
    ----------
    batch_size, steps, steps_per_validation : int
    profile_weight : float
        Weight of the cross-entropy of the profiles; 0 = do not predict them.
    loaders : int
        Processes that read windows ahead of the training; 0 = read in the training process. Not part of the result.
    """

    batch_size: int
    steps: int
    steps_per_validation: int
    profile_weight: float = 1.0
    loaders: int = 0


LOOP_OPTIONS = tuple(key for key in OPTION_KEYS if key != "processes")  # windows are read by one process
LOOP_KEYS = ("optimiser", "schedule", "clip_gradient_norm", "clip_gradient_value", "tf32", *LOOP_OPTIONS)
RANGES = {  # lowest and highest value
    "bins": (2, None),
    "bin_size": (1, None),
    "shift": (0, None),
    "resolution": (1, None),
    "max_missing": (0, 1),
    "windows": (1, None),
    "step_bins": (1, None),
    "max_missing_in_bin": (0, 1),
    "batch_size": (1, None),
    "steps": (1, None),
    "steps_per_validation": (1, None),
    "profile_weight": (0, None),
    "loaders": (0, None),
}


@dataclass(frozen=True)
class ContactSettings:
    """All checked settings of a contact recipe; ``training`` is None for the distance-only baseline."""

    model: str
    window: WindowSettings
    validation: ValidationSettings
    evaluation: EvaluationSettings
    training: TrainingSettings | None
    network: Mapping[str, Any]


def _section(
    recipe: Mapping[str, Any], name: str, kind: type, problems: list[Problem], extra: tuple[str, ...] = ()
) -> Any:
    given = recipe.get(name) or {}
    if not isinstance(given, Mapping):
        problems.append(Problem("recipe", f"{given!r}; expected keys and values", column=name))
        return None
    known = {field.name: field for field in fields(kind)}
    values, before = {}, len(problems)
    for key, value in given.items():
        if key in extra:
            continue
        place = f"{name}.{key}"
        if key not in known:
            names = (*known, *extra)
            problems.append(
                Problem("recipe", f"unknown key{did_you_mean(key, names)}; known: {', '.join(names)}", column=place)
            )
            continue
        whole = known[key].type == "int"
        low, high = RANGES[key]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or (whole and value != int(value)) or value < low or (high is not None and value > high):
            bound = f"{low} to {high}" if high is not None else f"{low} or more"
            problems.append(
                Problem(
                    "recipe", f"{value!r}; expected {'a whole number' if whole else 'a number'}, {bound}", column=place
                )
            )
            continue
        values[key] = int(value) if whole else float(value)
    for key, field in known.items():
        if key not in given and field.default is MISSING:
            problems.append(Problem("recipe", "missing; it is required", column=f"{name}.{key}"))
    return kind(**values) if len(problems) == before else None


def fill_from_others(recipe: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Complete a recipe without ``window``, ``validation`` or ``evaluation`` by those of the other models of its map.

    Parameters
    ----------
    recipe : mapping
        The baseline's recipe leaves them out, so that it is always measured on the windows of the model beside it.
    others : iterable of mapping
        Recipes of the models on the same map; the first that has a section gives it.
    """
    filled, others = dict(recipe), list(others)
    for name in SHARED:
        given = next((other[name] for other in others if name in other), None)
        if name not in filled and given is not None:
            filled[name] = given
    return filled


def contact_settings(recipe: Mapping[str, Any]) -> ContactSettings:
    """Check a contact recipe.

    Raises
    ------
    InputError
        With every unknown key, missing key and value out of range.
    """
    problems: list[Problem] = []
    model = recipe.get("model")
    if model not in KINDS:
        problems.append(Problem("recipe", f"{not_one_of(model, KINDS)}", column="model"))
    known = ("task", "model", "note", *SHARED)
    known += ("network", "training") if model != "distance_only" else ()
    problems += [
        Problem("recipe", f"unknown key{did_you_mean(key, known)}; known: {', '.join(known)}", column=str(key))
        for key in recipe
        if key not in known
    ]
    window = _section(recipe, "window", WindowSettings, problems)
    validation = _section(recipe, "validation", ValidationSettings, problems)
    evaluation = _section(recipe, "evaluation", EvaluationSettings, problems)
    training = None
    if model != "distance_only":
        training = _section(recipe, "training", TrainingSettings, problems, LOOP_KEYS)
        given = recipe.get("training") if isinstance(recipe.get("training"), Mapping) else {}
        problems += [
            Problem("recipe", "missing; it is required", column=f"training.{key}")
            for key in ("optimiser", "schedule")
            if key not in given
        ]
        problems += option_problems(given)
    if problems:
        raise InputError(problems)
    return ContactSettings(model, window, validation, evaluation, training, recipe.get("network") or {})

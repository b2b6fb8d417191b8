"""Sections of a recipe as checked settings, for the arms whose recipes are dataclasses. Needs no torch.

Inputs: a recipe, the ranges of its values. Outputs: one dataclass per section; every problem of the recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from cisflow.problems import Problem, did_you_mean, not_one_of
from cisflow.training.options import OPTION_KEYS, option_problems

REQUIRED_LOOP_KEYS = ("optimiser", "schedule")
#: Keys of ``training`` that belong to the training loop.
LOOP_KEYS = (*REQUIRED_LOOP_KEYS, "clip_gradient_norm", "clip_gradient_value", "tf32", *OPTION_KEYS)

Range = tuple[float, float | None]


@dataclass(frozen=True)
class Sections:
    """A recipe that is being read.

    Attributes
    ----------
    recipe : mapping
    where : str
        File of the recipe for messages.
    ranges : mapping of str to tuple
        Lowest and highest value by key.
    choices : mapping of str to sequence of str
        What keys with a word can be.
    problems : list of Problem
        Found so far.
    """

    recipe: Mapping[str, Any]
    where: str
    ranges: Mapping[str, Range]
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def tell(self, column: str, text: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(self.where, text, column=column))

    def check_keys(self, known: Sequence[str]) -> None:
        """Tell keys of the recipe that are not known."""
        for key in self.recipe:
            if key not in known:
                self.tell(str(key), f"unknown key{did_you_mean(key, known)}; known: {', '.join(known)}")

    def read(self, name: str, kind: type, extra: Sequence[str] = ()) -> Any:
        """Settings of one section as a dataclass; None when the section has problems.

        Parameters
        ----------
        name : str
            Key of the section.
        kind : type
            Dataclass of the settings; fields without default are required. Fields are whole numbers, numbers, words or
            lists of whole numbers, by their type.
        extra : sequence of str
            Keys that belong to the section and are checked elsewhere.
        """
        given = self.recipe.get(name) or {}
        if not isinstance(given, Mapping):
            self.tell(name, f"{given!r}; expected keys and values")
            return None
        known = {one.name: one for one in fields(kind)}
        values, before = {}, len(self.problems)
        for key, value in given.items():
            if key in known:
                values[key] = self._value(f"{name}.{key}", known[key], value)
            elif key not in extra:
                names = (*known, *extra)
                self.tell(f"{name}.{key}", f"unknown key{did_you_mean(key, names)}; known: {', '.join(names)}")
        for key, one in known.items():
            if key not in given and one.default is MISSING:
                self.tell(f"{name}.{key}", "missing; it is required")
        return kind(**values) if len(self.problems) == before else None

    def read_training(self, kind: type, extra: Sequence[str] = LOOP_KEYS) -> Any:
        """Section ``training``: settings of the task as a dataclass; those of the training loop are checked beside."""
        found, given = self.read("training", kind, extra), self.recipe.get("training")
        given = given if isinstance(given, Mapping) else {}
        for key in REQUIRED_LOOP_KEYS:
            if key not in given:
                self.tell(f"training.{key}", "missing; it is required")
        self.problems.extend(option_problems(given, self.where))
        return found

    def _value(self, place: str, one: Field, value: Any) -> Any:
        """A value as its field has it; what does not fit is told."""
        if one.type.startswith("tuple"):
            if not isinstance(value, list) or not all(type(first) is int and first >= 0 for first in value):
                self.tell(place, f"{value!r}; expected a list of whole numbers")
                return ()
            return tuple(value)
        if one.type == "str":
            if value not in self.choices[one.name]:
                self.tell(place, not_one_of(value, self.choices[one.name]))
            return value
        whole, (low, high) = one.type == "int", self.ranges[one.name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or (whole and value != int(value)) or value < low or (high is not None and value > high):
            bound = f"{low} to {high}" if high is not None else f"{low} or more"
            self.tell(place, f"{value!r}; expected {'a whole number' if whole else 'a number'}, {bound}")
            return None
        return int(value) if whole else float(value)

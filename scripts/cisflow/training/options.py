"""Options of the training loop that a recipe may switch on, checked before any job starts. Needs no torch.

Inputs: the recipe's ``training``. Outputs: :class:`LoopOptions`, or a list of problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cisflow.problems import Problem, not_one_of

#: Name of a precision in recipes, and of torch's type that matrix products and convolutions are computed in.
PRECISIONS = {"float32": "float32", "bf16": "bfloat16", "fp16": "float16"}
#: Settings of each kind of averaging with their defaults; None: required.
AVERAGING: dict[str, dict[str, Any]] = {
    "ema": {"decay": None, "warm_up": True},
    "swa": {"start": 0.75},
    "swa_each_step": {"start": 2 / 3, "fresh_optimiser": True},
}


@dataclass(frozen=True)
class LoopOptions:
    """What a step does beyond one pass forward and backward in float32 in one process.

    Attributes
    ----------
    accumulate : int
        Parts that each process splits its rows of a batch into; their gradients are added up.
    precision : {"float32", "bf16", "fp16"}
        Of matrix products and convolutions in the forward pass; weights and losses stay float32.
    averaging : mapping or None
        ``{name: ema, decay: 0.999}``, ``{name: swa, start: 0.75}`` or ``{name: swa_each_step, start: 0.6667}``, see
        :mod:`cisflow.training.averaging`.
    compile : bool
        Let torch.compile translate the network for the training steps.
    processes : int
        Processes that share each batch.
    """

    accumulate: int = 1
    precision: str = "float32"
    averaging: Mapping[str, Any] | None = None
    compile: bool = False
    processes: int = 1

    @classmethod
    def of(cls, training: Mapping[str, Any]) -> LoopOptions:
        """Options that a checked recipe's ``training`` gives; the others keep their defaults."""
        return cls(**{key: training[key] for key in OPTION_KEYS if key in training})


OPTION_KEYS = tuple(field.name for field in fields(LoopOptions))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _averaging_problems(given: Any, where: str) -> list[Problem]:
    path = "training.averaging"
    if not isinstance(given, Mapping) or "name" not in given:
        return [Problem(where, f"{given!r}: expected a mapping with the key `name`", column=path)]
    if given["name"] not in AVERAGING:
        return [Problem(where, not_one_of(given["name"], AVERAGING), column=f"{path}.name")]
    known = AVERAGING[given["name"]]
    problems = [
        Problem(where, f"unknown key: {not_one_of(key, known)}", column=f"{path}.{key}")
        for key in given
        if key != "name" and key not in known
    ]
    values = {**known, **given}
    decay, start = values.get("decay", 0.5), values.get("start", 0.5)
    if not _is_number(decay) or not 0 < decay < 1:
        problems.append(Problem(where, f"{decay!r}: expected a number between 0 and 1", column=f"{path}.decay"))
    if not _is_number(start) or not 0 <= start < 1:
        expected = "expected a share of the steps, 0 or more and below 1"
        problems.append(Problem(where, f"{start!r}: {expected}", column=f"{path}.start"))
    for key in ("warm_up", "fresh_optimiser"):
        if not isinstance(values.get(key, True), bool):
            problems.append(Problem(where, f"{values[key]!r}: expected true or false", column=f"{path}.{key}"))
    return problems


def option_problems(training: Any, where: str = "recipe") -> list[Problem]:
    """Problems of the options in a recipe's ``training``; anything but a mapping has none here.

    Parameters
    ----------
    training : mapping
        May hold other keys; ``batch_size`` is the number of rows that accumulation and processes share out.
    where : str
        File of the recipe for messages.
    """
    if not isinstance(training, Mapping):
        return []
    problems, parts = [], 1
    for key in ("accumulate", "processes"):
        value = training.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            problems.append(Problem(where, f"{value!r}: expected a positive integer", column=f"training.{key}"))
        else:
            parts *= value
    rows = training.get("batch_size")
    if isinstance(rows, int) and 0 < rows < parts:
        expected = f"batches of {rows} rows cannot be split into {parts} parts (accumulate x processes)"
        problems.append(Problem(where, expected, column="training.batch_size"))
    if "precision" in training and training["precision"] not in PRECISIONS:
        problems.append(Problem(where, not_one_of(training["precision"], PRECISIONS), column="training.precision"))
    if not isinstance(training.get("compile", False), bool):
        expected = f"{training['compile']!r}: expected true or false"
        problems.append(Problem(where, expected, column="training.compile"))
    if training.get("averaging") is not None:
        problems += _averaging_problems(training["averaging"], where)
    return problems

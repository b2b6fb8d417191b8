"""What a design holds: how many sequences of each kind and how they are made. Needs no torch.

Inputs: a YAML file. Outputs: :class:`DesignSettings`, or one error with every problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cisflow.problems import InputError, Problem
from cisflow.settings.schema import read_schema, schema_problems
from cisflow.user_files import read_yaml

SCHEMA = Path(__file__).resolve().parents[3] / "workflow" / "schemas" / "design.schema.yaml"


@dataclass(frozen=True)
class DesignSettings:
    """Settings of a design; every key is described in ``workflow/schemas/design.schema.yaml``.

    The defaults of the genetic algorithm, of the motifs and of the counts are those of the Random Promoter DREAM
    Challenge where they are known.
    """

    length: int = 80
    left: str = "TGCATTTTTTTCACATC"
    right: str = "GGTTACGGCTGTT"
    population: int = 100_000
    generations: int = 10
    crossover: float = 0.1
    mutation: float = 0.1
    base_mutation: float = 0.025
    replacements: str = "published"
    tournament: int = 3
    high: int = 500
    low: int = 500
    challenging: int = 1000
    least_differences: int = 1
    random: int = 1000
    native_tiles: int = 11
    native_step: int = 40
    trajectory_starts: int = 100
    trajectory_steps: int = 10
    substituted_starts: int = 100
    random_substitutions: int = 10
    perturbed_backgrounds: int = 10
    perturbed_several: int = 50
    tiled_backgrounds: int = 3
    tiling_step: int = 1
    forbidden: list[str] = field(default_factory=list)
    longest_run: int = 0


def design_problems(given: Mapping[str, Any], shown: str) -> list[Problem]:
    """Problems of the settings of a design, as the user gave them."""
    found = schema_problems(dict(given), read_schema(SCHEMA))
    problems = [Problem(shown, message, column=key) for key, message in found]
    if problems:
        return problems
    settings = DesignSettings(**given)
    if settings.perturbed_backgrounds and settings.length < 80:
        what = f"{settings.perturbed_backgrounds}; the published sites need sequences of 80 bases, length is "
        problems.append(Problem(shown, what + str(settings.length), column="perturbed_backgrounds"))
    if settings.tiled_backgrounds and settings.length < 9:
        problems.append(Problem(shown, f"{settings.length} bases do not take the motifs to tile", column="length"))
    most = max(settings.perturbed_backgrounds, settings.tiled_backgrounds)
    if settings.random < most:
        what = f"{settings.random}; expected {most} or more: backgrounds of motifs are random sequences of the design"
        problems.append(Problem(shown, what, column="random"))
    for key in ("high", "low"):
        if getattr(settings, key) > settings.population:
            what = f"{getattr(settings, key)}; the population has {settings.population}"
            problems.append(Problem(shown, what, column=key))
    return problems


def read_design(path: str | Path | None) -> dict[str, Any]:
    """Settings of a design file, checked and complete.

    Parameters
    ----------
    path : path or None
        None: the defaults.

    Raises
    ------
    InputError
        With every problem.
    """
    if path is None:
        return asdict(DesignSettings())
    given = read_yaml(path, "the settings of a design") or {}
    if not isinstance(given, dict):
        raise InputError(Problem(str(path), f"holds a {type(given).__name__}; expected keys and values"))
    if problems := design_problems(given, str(path)):
        raise InputError(problems)
    return asdict(DesignSettings(**given))

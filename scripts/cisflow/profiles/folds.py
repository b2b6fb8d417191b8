"""Chromosome folds: which chromosomes a model is trained, chosen and tested on.

Inputs: chromosomes of an assay, names from the sheets. Outputs: :class:`Fold`, and groups of chromosomes that no fold
parts. Needs no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cisflow.problems import Problem, did_you_mean

ROLES = ("training", "validation", "test")


@dataclass(frozen=True)
class Fold:
    """One split of the chromosomes.

    Attributes
    ----------
    name : str
    validation, test : tuple of str
    training : tuple of str
        Empty: all chromosomes that are in neither of the others.
    """

    name: str
    validation: tuple[str, ...]
    test: tuple[str, ...]
    training: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Fold:
        """Fold from a plain mapping, as rules pass it."""
        lists = {role: tuple(settings.get(role) or ()) for role in ROLES}
        return cls(str(settings["name"]), **lists)

    def role(self, chromosome: str) -> str | None:
        """``training``, ``validation`` or ``test``; None for a chromosome that the fold does not use."""
        for name, members in (("test", self.test), ("validation", self.validation)):
            if chromosome in members:
                return name
        return "training" if not self.training or chromosome in self.training else None

    def chromosomes(self, names: Iterable[str], *roles: str) -> list[str]:
        """Those of ``names`` that have one of the roles."""
        return [name for name in names if self.role(name) in roles]


def groups(folds: Sequence[Fold], chromosomes: Sequence[str]) -> list[list[str]]:
    """Chromosomes that have the same role in every fold, by their first member; unused ones are left out."""
    found: dict[tuple[str | None, ...], list[str]] = {}
    for name in chromosomes:
        roles = tuple(fold.role(name) for fold in folds)
        if any(roles):
            found.setdefault(roles, []).append(name)
    return list(found.values())


def fold_problems(folds: Sequence[Fold], where: str, rows: Sequence[int | None]) -> list[Problem]:
    """Problems of the lists of chromosomes that need no data.

    Parameters
    ----------
    folds : sequence of Fold
    where : str
        Sheet for messages.
    rows : sequence of int or None
        Row of each fold in the sheet.
    """
    problems = []
    for fold, row in zip(folds, rows, strict=True):
        for role in ("validation", "test"):
            if not getattr(fold, role):
                problems.append(Problem(where, "empty; expected one chromosome or more", row, f"{role}_chromosomes"))
        for first, second in (("validation", "test"), ("training", "validation"), ("training", "test")):
            for name in sorted(set(getattr(fold, first)) & set(getattr(fold, second))):
                what = f"{name} is a {first} chromosome as well"
                problems.append(Problem(where, what, row, f"{second}_chromosomes"))
    return problems


def chromosome_problems(folds: Sequence[Fold], shared: Sequence[str], where: str) -> list[Problem]:
    """Problems of folds on the chromosomes that genome and track share."""
    problems = []
    for fold in folds:
        for role in ROLES:
            for name in getattr(fold, role):
                if name not in shared:
                    what = f"fold {fold.name}: {name!r} is not a chromosome of both genome and track"
                    problems.append(Problem(where, what + did_you_mean(name, shared), column=f"{role}_chromosomes"))
        if not fold.chromosomes(shared, "training"):
            problems.append(Problem(where, f"fold {fold.name}: no chromosome is left for training"))
    return problems

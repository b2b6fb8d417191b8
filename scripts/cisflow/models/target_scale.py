"""Standardised expression as the target of training, and back.

Inputs: expression of the training rows, the recipe's ``standardise``. Outputs: the mean and standard deviation that
were used; they stand in the recipe of the bundle, so that predictions come back on the scale of the measurements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cisflow.problems import InputError, Problem


@dataclass(frozen=True)
class TargetScale:
    """Targets are (expression - mean) / sd.

    Attributes
    ----------
    mean, sd : float
    """

    mean: float = 0.0
    sd: float = 1.0

    @classmethod
    def of(cls, recipe: Mapping[str, Any], expression: np.ndarray, where: str) -> TargetScale:
        """Scale of a recipe; what ``standardise`` leaves open is taken from the training rows (population SD).

        Parameters
        ----------
        recipe : mapping
        expression : float array, (n,)
            Of the training rows.
        where : str
            File for messages.

        Raises
        ------
        InputError
            When the training rows do not vary.
        """
        if "standardise" not in recipe:
            return cls()
        given = recipe["standardise"]
        sd = float(given.get("sd", np.std(expression)))
        if sd <= 0:
            raise InputError(Problem(where, "all training rows have the same value", column="expression"))
        return cls(float(given.get("mean", np.mean(expression))), sd)

    @classmethod
    def recorded(cls, recipe: Mapping[str, Any]) -> TargetScale:
        """Scale that a bundle's recipe states."""
        return cls(**recipe.get("standardise", {}))

    def targets(self, expression: np.ndarray) -> np.ndarray:
        """Expression to targets."""
        return (expression - self.mean) / self.sd

    def expression(self, prediction: np.ndarray) -> np.ndarray:
        """Predicted targets to expression."""
        return prediction * self.sd + self.mean

    def record(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """Return the recipe with the numbers that were used."""
        if "standardise" not in recipe:
            return dict(recipe)
        return {**recipe, "standardise": {"mean": self.mean, "sd": self.sd}}

"""Which models can be measured for speed. Needs no torch.

Inputs: a recipe. Outputs: yes or no.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Tasks whose networks are measured.
TASKS = ("expression", "profiles")
#: Models of these tasks that take no training steps.
FITTED = ("kmer_ridge",)


def is_measurable(recipe: Mapping[str, Any]) -> bool:
    """Whether a recipe is of a network whose training steps and forward passes can be measured."""
    return recipe.get("task") in TASKS and recipe.get("model") not in FITTED

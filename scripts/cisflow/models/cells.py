"""Which Prix Fixe combination a recipe is. Needs no torch.

Inputs: a complete recipe. Outputs: its :class:`cisflow.models.prix_fixe.Cell`, or None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cisflow.models.prix_fixe import BLOCKS, ENCODINGS, TEAMS, TRAINING, Cell


def cell_of(recipe: Mapping[str, Any]) -> Cell | None:
    """Combination that a recipe is made of, whatever its widths and schedule.

    Parameters
    ----------
    recipe : mapping
        Complete, see :func:`cisflow.models.prix_fixe.complete_recipe`; the DREAM models, which are written out, are
        found as well.

    Returns
    -------
    Cell or None
        None for recipes with an encoding, trainer or block of another origin, and for contacts.
    """
    if recipe.get("task") != "expression" or recipe.get("model") != "network":
        return None
    encoding = recipe["encoding"].get("name")
    trainer = recipe["training"].get("trainer", TRAINING["autosome"]["trainer"]).get("name")
    found = {
        "data": [t for t in TEAMS if (encoding, trainer) == (ENCODINGS[t]["name"], TRAINING[t]["trainer"]["name"])]
    }
    for part, teams in BLOCKS.items():
        found[part] = [team for team in TEAMS if teams[team]["name"] == recipe["network"][part].get("name")]
    if not all(found.values()):
        return None
    cell = Cell(**{part: teams[0] for part, teams in found.items()})
    return cell if cell.refusal is None else None

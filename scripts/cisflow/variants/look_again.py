"""The variant of a set that changes most, looked at once more for its maps.

Inputs: table of effects, models, the set. Outputs: number of the variant, its maps. Maps of thousands of variants are
not kept; those of one are predicted again in seconds.
"""

from __future__ import annotations

from itertools import islice

import pandas as pd
import torch

from cisflow.variants.contact_effects import look_at
from cisflow.variants.contact_run import Changes, ContactInput
from cisflow.variants.expression import PREDICTED
from cisflow.variants.ladders import Ladders


def strongest(effects: pd.DataFrame, model: str) -> int | None:
    """Number (``item``) of the variant with the largest impact at the finest level; None when none was predicted."""
    rows = effects[(effects["model"] == model) & (effects["status"] == PREDICTED) & effects["impact"].notna()]
    if rows.empty:
        return None
    finest = rows[rows["level"] == rows["level"].min()]
    return int(finest.loc[finest["impact"].idxmax(), "item"])


def look_again(given: ContactInput, changes: Changes, item: int, device: torch.device | str = "cpu") -> Ladders:
    """Maps of one variant of a set.

    Parameters
    ----------
    given : ContactInput
        With one model.
    changes : Changes
    item : int
        Number of the variant, 1-based.
    device : torch.device or str
    """
    genome, (model,) = given.load(device)
    (asked,) = islice(changes.asked(genome), item - 1, item)
    return Ladders.of(model, asked, *look_at(model, asked))

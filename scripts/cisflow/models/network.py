"""A sequence network put together from a recipe: first block, core block, final block.

Inputs: the recipe's ``network`` and the shape of the encoded sequences. Outputs: a torch module whose state dict has
the published names (``first.``, ``core.``, ``final.``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

# Importing the modules enters their blocks and encodings into the registers.
from cisflow.models import autosome, bhi, reference, team_encodings, unlockdna
from cisflow.models.blocks import CORE_BLOCKS, FINAL_BLOCKS, FIRST_BLOCKS, Output

PART_MODULES = (autosome, bhi, unlockdna, team_encodings, reference)


class SequenceNetwork(torch.nn.Module):
    """First, core and final block in a row.

    Parameters
    ----------
    settings : mapping
        Keys ``first``, ``core`` and ``final``, each with ``name`` (or a dotted path ``package.module:Class``) and
        the block's own settings.
    in_channels, in_length : int
        Shape of an encoded sequence.

    Raises
    ------
    InputError
        When a block is unknown or does not take the given settings.
    """

    def __init__(self, settings: Mapping[str, Any], in_channels: int, in_length: int):
        super().__init__()
        self.first = FIRST_BLOCKS.make(settings["first"], in_channels, in_length)
        self.core = CORE_BLOCKS.make(settings["core"], self.first.out_channels, self.first.out_length)
        self.final = FINAL_BLOCKS.make(settings["final"], self.core.out_channels, self.core.out_length)

    def forward(self, x: torch.Tensor) -> Output:
        """Predict from encoded sequences (batch, channels, length)."""
        return self.final(self.core(self.first(x)))

"""DeepGXP's head as submitted: it flattens position by position where the Prix Fixe block goes channel by channel.

Source of the design: second entry of the 2022 challenge (BHI team; Rafi et al. 2024). The other two blocks are
``bhi_first`` and ``bhi_core``. Inputs: tensors (batch, channels, length). Outputs: an
:class:`~cisflow.models.blocks.Output`.
"""

from __future__ import annotations

import torch

from cisflow.models.bhi import BHIFinal
from cisflow.models.blocks import FINAL_BLOCKS, Output


@FINAL_BLOCKS.register("deepgxp_final")
class DeepGXPFinal(BHIFinal):
    """Three dense layers on the input, flattened position by position."""

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression."""
        return super().forward(x.transpose(1, 2))

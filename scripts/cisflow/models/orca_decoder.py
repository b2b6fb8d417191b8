"""Orca's decoder of one level of the zoom cascade.

Purpose: contact map of a level from the encoding of its bins, the distance background and, below the top level, the
prediction of the level above. Inputs: encoding [batch, channels, n], log background [batch, outputs, n, n], coarse map
[batch, outputs, n / 2, n / 2]. Outputs: [batch, outputs, n, n].
Source: Zhou 2022, Nature Genetics 54:725-734. State-dict keys and their order are those of the published weight files.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cisflow.models.channels_last import add
from cisflow.models.orca_blocks import DROPOUT, DilatedStack, linear_2d, nonlinear_2d, pair_sums
from cisflow.problems import InputError, Problem, not_one_of

UPSAMPLING = ("nearest", "bilinear")
DILATIONS = 4 * (1, 2, 4, 8, 16, 32, 64)


class Decoder(DilatedStack):
    """Decoder of one level.

    Parameters
    ----------
    encoding : int
        Channels of the encoding.
    channels, middle, dilations, head, dropout
        See :class:`~cisflow.models.orca_blocks.DilatedStack`.
    upsampling : {"nearest", "bilinear"}
        How the coarse map is brought to n x n: nearest in the published training, bilinear in the released H1 and HFF
        models.
    outputs : int
        Maps (data sets) predicted side by side, each with its background; more than one in the published multi-output
        models.
    """

    def __init__(
        self,
        encoding: int = 128,
        channels: int = 64,
        middle: int = 32,
        dilations: Sequence[int] = DILATIONS,
        head: int = 5,
        dropout: float = DROPOUT,
        upsampling: str = "nearest",
        outputs: int = 1,
    ):
        super().__init__(channels, channels, middle, dilations, head, dropout, outputs)
        if upsampling not in UPSAMPLING:
            raise InputError(Problem("recipe", not_one_of(upsampling, UPSAMPLING), column="network.upsampling"))
        self.outputs = outputs
        self.lcombiner = linear_2d(channels + outputs, channels, channels, dropout=dropout)
        self.combiner = nonlinear_2d(channels, channels, channels)
        self.lcombinerD = linear_2d(encoding + outputs, channels, channels)
        self.combinerD = nonlinear_2d(channels, channels, channels)
        self.upsample = nn.Upsample(scale_factor=2, mode=upsampling)

    def forward(self, encoding: Tensor, log_background: Tensor, coarse: Tensor | None = None) -> Tensor:
        """Map to [batch, outputs, n, n]; the coarse map, if given, takes the place of the first block."""
        linear = self.lcombinerD(torch.cat([pair_sums(encoding), log_background], dim=1))
        pairs = add(self.combinerD(linear), linear)
        if coarse is None:
            return self.run_head(self.run_blocks(pairs))
        linear = self.lcombiner(torch.cat([pairs, self.upsample(coarse)], dim=1))
        pairs = add(self.combiner(linear), linear)
        return self.run_head(self.run_blocks(pairs, first=1))

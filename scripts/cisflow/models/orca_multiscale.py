"""Encoders of Orca's coarser levels: bins to bins of twice, four times, ... the size.

Purpose: Encoder2 (five steps), Encoder2b (the same without the way back) and Encoder3 (three steps).
Inputs: encodings [batch, channels, n], n a multiple of 2 to the number of steps.
Outputs: list of encodings, finest first: lengths n, n / 2, n / 4, ...
Source: Zhou 2022, Nature Genetics 54:725-734. State-dict keys and their order are those of the published weight files.
"""

from __future__ import annotations

from torch import Tensor, nn

from cisflow.models.channels_last import Doubling, Pool, add
from cisflow.models.orca_blocks import KERNEL_SIZE, linear_1d, nonlinear_1d


class CoarseningEncoder(nn.Module):
    """Halve the resolution step by step; optionally carry what the coarse levels see back to the fine ones.

    Parameters
    ----------
    steps : int
        Number of halvings: 5 from 4 to 128 kb, 3 from 128 to 1,024 kb.
    channels : int
    way_back : bool
        True: Encoder2 and Encoder3. False: Encoder2b.
    kernel_size : int
        Odd width of all convolutions.
    """

    def __init__(self, steps: int, channels: int = 128, way_back: bool = True, kernel_size: int = KERNEL_SIZE):
        super().__init__()
        size = {"kernel_size": kernel_size}
        self.lblocks = nn.ModuleList(linear_1d(channels, channels, Pool(2), **size) for _ in range(steps))
        self.blocks = nn.ModuleList(nonlinear_1d(channels, **size) for _ in range(steps))
        self.way_back = way_back
        if way_back:
            self.downlblocks = nn.ModuleList(linear_1d(channels, channels, Doubling(), **size) for _ in range(steps))
            self.downblocks = nn.ModuleList(nonlinear_1d(channels, last_norm=False, **size) for _ in range(steps))

    def forward(self, encoding: Tensor) -> list[Tensor]:
        """Return the encodings of all levels, finest first; the coarsest is the same on both ways."""
        levels = [encoding]
        for linear_block, block in zip(self.lblocks, self.blocks, strict=True):
            linear = linear_block(levels[-1])
            levels.append(add(block(linear), linear))
        if not self.way_back:
            return levels
        refined = [levels[-1]]
        for linear_block, block, skip in zip(self.downlblocks, self.downblocks, reversed(levels[:-1]), strict=True):
            linear = linear_block(refined[-1])
            refined.append(add(add(block(linear), linear), skip))
        return refined[::-1]

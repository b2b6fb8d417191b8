"""Autosome.org blocks: convolutions with squeeze-and-excitation, and the head that predicts the sorting bin.

Source of the design: the winning entry of the 2022 challenge (Penzar et al. 2023, LegNet) as split into blocks by
Rafi et al. 2024. Inputs: tensors (batch, channels, length). Outputs: the same form, or an
:class:`~cisflow.models.blocks.Output`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from cisflow.models.blocks import CORE_BLOCKS, FINAL_BLOCKS, FIRST_BLOCKS, BatchNorm, Convolution, Output


def initialise(module: nn.Module) -> None:
    """Start values of these blocks: normal convolutions (SD by fan-out, groups ignored), near-zero dense layers."""
    if isinstance(module, nn.Conv1d):
        nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / (module.kernel_size[0] * module.out_channels)))
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.001)
    elif isinstance(module, nn.BatchNorm1d):
        nn.init.ones_(module.weight)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _convolution(in_channels: int, out_channels: int, kernel: int, groups: int = 1) -> list[nn.Module]:
    return [
        Convolution(in_channels, out_channels, kernel, groups=groups, bias=False),
        BatchNorm(out_channels),
        nn.SiLU(),
    ]


class SqueezeExcitation(nn.Module):
    """Scale channels by a gate computed from their means over positions (Hu et al. 2018)."""

    def __init__(self, channels: int, bottleneck: int):
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, bottleneck), nn.SiLU(), nn.Linear(bottleneck, channels), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, length) to the same shape."""
        return x * self.fc(x.mean(dim=2)).unsqueeze(2)


@FIRST_BLOCKS.register("autosome_first")
class AutosomeFirst(nn.Module):
    """One convolution, batch norm, SiLU."""

    def __init__(self, in_channels: int, in_length: int, channels: int = 256, kernel: int = 7):
        super().__init__()
        self.out_channels, self.out_length = channels, in_length
        self.block = nn.Sequential(*_convolution(in_channels, channels, kernel))
        self.apply(initialise)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, channels, length)."""
        return self.block(x)


@CORE_BLOCKS.register("autosome_core")
class AutosomeCore(nn.Module):
    """Stages of an inverted residual convolution whose output is concatenated to its input and then narrowed.

    Parameters
    ----------
    in_channels, in_length : int
    widths : sequence of int
        Channels after each stage.
    kernel : int
    expansion : int
        Inner channels of a stage as a multiple of the width after it.
    filters_per_group : int
        Group size of the inner convolution.
    squeeze : int
        The gate's bottleneck is the channels BEFORE the stage divided by this.
    """

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        widths: Sequence[int] = (128, 128, 64, 64, 64, 64),
        kernel: int = 7,
        expansion: int = 4,
        filters_per_group: int = 2,
        squeeze: int = 4,
    ):
        super().__init__()
        stages: dict[str, nn.Module] = {}
        before = in_channels
        for i, after in enumerate(widths):
            inner = after * expansion
            stages[f"inv_res_blc{i}"] = nn.Sequential(
                *_convolution(before, inner, 1),
                *_convolution(inner, inner, kernel, groups=inner // filters_per_group),
                SqueezeExcitation(inner, before // squeeze),
                *_convolution(inner, before, 1),
            )
            stages[f"resize_blc{i}"] = nn.Sequential(*_convolution(2 * before, after, kernel))
            before = after
        self.out_channels, self.out_length = before, in_length
        self.seqextractor = nn.ModuleDict(stages)
        self.apply(initialise)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, last width, length)."""
        for i in range(len(self.seqextractor) // 2):
            x = torch.cat([x, self.seqextractor[f"inv_res_blc{i}"](x)], dim=1)
            x = self.seqextractor[f"resize_blc{i}"](x)
        return x


@FINAL_BLOCKS.register("autosome_final")
class AutosomeFinal(nn.Module):
    """Probabilities of the sorting bins from the mean over positions; expression is the expected bin.

    Parameters
    ----------
    in_channels, in_length : int
    bins : int
        Number of bins; their values are 0, 1, ..., ``bins - 1``.
    """

    def __init__(self, in_channels: int, in_length: int, bins: int = 18):
        super().__init__()
        self.register_buffer("bins", torch.arange(bins))
        self.mapper = nn.Sequential(Convolution(in_channels, bins, 1))
        self.apply(initialise)

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression and bin logits."""
        logits = self.mapper(x).mean(dim=2)
        return Output((torch.softmax(logits, dim=1) * self.bins).sum(dim=1), bin_logits=logits)


@FINAL_BLOCKS.register("regression_final")
class RegressionFinal(nn.Module):
    """Pointwise convolution, mean over positions, one linear output: the head for targets that are not sorting bins.

    The form that Rafi et al. 2024 gave the DREAM models on lentiviral reporter assays.
    """

    def __init__(self, in_channels: int, in_length: int, hidden: int = 256):
        super().__init__()
        self.mapper = nn.Sequential(Convolution(in_channels, hidden, 1))
        self.linear = nn.Linear(hidden, 1)
        self.apply(initialise)

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression."""
        return Output(self.linear(self.mapper(x).mean(dim=2)).squeeze(1))

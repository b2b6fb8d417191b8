"""LegNet as submitted to the 2022 challenge, and its later optimised form.

Source of the design: Penzar et al. 2023 (first entry of the challenge, NoGiNet, later LegNet). It differs from the
Prix Fixe blocks of :mod:`cisflow.models.autosome` in the gate, the group size, the inner width, the order of the
concatenation and an activation in the head. Inputs: tensors (batch, channels, length). Outputs: the same form, or an
:class:`~cisflow.models.blocks.Output`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from cisflow.models.autosome import SqueezeExcitation, initialise
from cisflow.models.blocks import CORE_BLOCKS, FINAL_BLOCKS, BatchNorm, Convolution, Output

FACTOR_SD = 0.00075


class Bilinear(nn.Module):
    """Weighted sums of all pairwise products of a vector, their weights a tensor of low rank.

    The weight tensor (n x n x outputs) is a sum of ``rank`` outer products (canonical polyadic form), so that the
    products never need to be formed.

    Parameters
    ----------
    n : int
        Entries of the vector.
    outputs : int

    Notes
    -----
    The rank keeps half of the numbers of the whole tensor: round(n n outputs / 2 / (2 n + outputs)).
    """

    def __init__(self, n: int, outputs: int):
        super().__init__()
        rank = max(1, round(0.5 * n * n * outputs / (2 * n + outputs)))
        self.weights = nn.Parameter(torch.ones(rank))
        self.left, self.right = (nn.Parameter(torch.empty(n, rank)) for _ in range(2))
        self.out = nn.Parameter(torch.empty(outputs, rank))
        self.bias = nn.Parameter(torch.zeros(outputs))
        for factor in (self.left, self.right, self.out):
            nn.init.normal_(factor, 0.0, FACTOR_SD)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, n) to (batch, outputs)."""
        return ((x @ self.left) * (x @ self.right) * self.weights) @ self.out.T + self.bias


class BilinearExcitation(nn.Module):
    """Squeeze-and-excitation whose gate also sees products of the squeezed channels ("complex" in the submission)."""

    def __init__(self, channels: int, bottleneck: int):
        super().__init__()
        self.squeeze = nn.Sequential(nn.Linear(channels, bottleneck), nn.SiLU())
        self.linear = nn.Linear(bottleneck, bottleneck)
        self.products = Bilinear(bottleneck, bottleneck // 2)
        self.gate = nn.Sequential(nn.SiLU(), nn.Linear(bottleneck + bottleneck // 2, channels), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, length) to the same shape."""
        squeezed = self.squeeze(x.mean(dim=2))
        both = torch.cat([self.linear(squeezed), self.products(squeezed)], dim=1)
        return x * self.gate(both).unsqueeze(2)


EXCITATIONS = {"bilinear": BilinearExcitation, "simple": SqueezeExcitation}
INNER_WIDTHS = ("input", "output")


def _convolution(in_channels: int, out_channels: int, kernel: int, groups: int = 1) -> list[nn.Module]:
    convolution = Convolution(in_channels, out_channels, kernel, groups=groups, bias=False)
    return [convolution, BatchNorm(out_channels), nn.SiLU()]


@CORE_BLOCKS.register("legnet_core")
class LegNetCore(nn.Module):
    """Stages of an inverted residual convolution whose output is concatenated to its input and then narrowed.

    Parameters
    ----------
    in_channels, in_length : int
    widths : sequence of int
        Channels after each stage.
    kernel : int
    expansion : int
        Inner channels of a stage as a multiple of its input or output width.
    expand : str
        ``output`` (submission) or ``input`` (optimised): the width that ``expansion`` multiplies.
    filters_per_group : int
        Group size of the inner convolution; 1 is a depthwise convolution.
    squeeze : int
        The gate's bottleneck is the channels before the stage divided by this.
    excitation : str
        ``bilinear`` (submission) or ``simple`` (optimised).
    output_first : bool
        Order of the concatenation: the stage's output before its input (optimised) or behind it (submission).
    """

    def __init__(
        self,
        in_channels: int,
        in_length: int,
        widths: Sequence[int] = (128, 128, 64, 64, 64, 64),
        kernel: int = 7,
        expansion: int = 4,
        expand: str = "output",
        filters_per_group: int = 2,
        squeeze: int = 4,
        excitation: str = "bilinear",
        output_first: bool = False,
    ):
        super().__init__()
        if excitation not in EXCITATIONS:
            raise ValueError(f"excitation {excitation!r}: expected one of {', '.join(EXCITATIONS)}")
        if expand not in INNER_WIDTHS:
            raise ValueError(f"expand {expand!r}: expected one of {', '.join(INNER_WIDTHS)}")
        self.output_first = output_first
        self.stages, self.resize = nn.ModuleList(), nn.ModuleList()
        before = in_channels
        for after in widths:
            inner = expansion * (after if expand == "output" else before)
            self.stages.append(
                nn.Sequential(
                    *_convolution(before, inner, 1),
                    *_convolution(inner, inner, kernel, groups=inner // filters_per_group),
                    EXCITATIONS[excitation](inner, before // squeeze),
                    *_convolution(inner, before, 1),
                )
            )
            self.resize.append(nn.Sequential(*_convolution(2 * before, after, kernel)))
            before = after
        self.out_channels, self.out_length = before, in_length
        self.apply(initialise)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, last width, length)."""
        for stage, resize in zip(self.stages, self.resize, strict=True):
            y = stage(x)
            x = resize(torch.cat([y, x] if self.output_first else [x, y], dim=1))
        return x


@FINAL_BLOCKS.register("legnet_final")
class LegNetFinal(nn.Module):
    """Head of the submission: pointwise convolution, SiLU, mean over positions, expected bin.

    Parameters
    ----------
    in_channels, in_length : int
    bins : int
        Number of bins; their values are 0, 1, ..., ``bins - 1``.
    """

    def __init__(self, in_channels: int, in_length: int, bins: int = 18):
        super().__init__()
        self.register_buffer("bins", torch.arange(bins))
        self.mapper = nn.Sequential(Convolution(in_channels, bins, 1), nn.SiLU())
        self.apply(initialise)

    def forward(self, x: torch.Tensor) -> Output:
        """Map (batch, in_channels, length) to expression and bin logits."""
        logits = self.mapper(x).mean(dim=2)
        return Output((torch.softmax(logits, dim=1) * self.bins).sum(dim=1), bin_logits=logits)

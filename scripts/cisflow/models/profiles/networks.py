"""Networks that predict a coverage profile and its total count from sequence.

Purpose: ChromBPNet's dilated network (also its bias network), and the DREAM bodies with the same two heads. Inputs: the
recipe's ``network`` and the shape of the window. Outputs: torch modules: one-hot sequences (batch, 4, length) to a
:class:`ProfileOutput`. Source: the K562 ATAC-seq benchmark of Rafi et al. 2024 (Keras), where start values and batch
norm are those of Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

# Importing the modules enters their blocks into the registers.
from cisflow.models import autosome, bhi, reference
from cisflow.models.bhi import BHICore
from cisflow.models.blocks import CORE_BLOCKS, FIRST_BLOCKS
from cisflow.models.reference.keras_parts import KerasLSTM, glorot
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.registry import Registry

PROFILE_NETWORKS = Registry("profile network")
PART_MODULES = (autosome, bhi, reference)
START_VALUES = ("keras", "torch")

#: Row per base code (A, C, G, T, unknown): an unknown base is zero in every channel, as in the published program.
BASES = torch.cat([torch.eye(4), torch.zeros(1, 4)])


class ProfileOutput(NamedTuple):
    """What a network says about a batch of sequences.

    Attributes
    ----------
    logits : Tensor, (batch, output length)
        Scores of the positions; their softmax is the share of the counts at each.
    log_count : Tensor, (batch,)
        Natural log of one plus the total count.
    """

    logits: torch.Tensor
    log_count: torch.Tensor


def one_hot(codes: torch.Tensor) -> torch.Tensor:
    """Encode base codes, uint8 (batch, length), as float32 (batch, 4, length) in the order A, C, G, T."""
    return BASES.to(codes.device)[codes.long()].transpose(1, 2).contiguous()


def crop(x: torch.Tensor, length: int) -> torch.Tensor:
    """The central ``length`` positions of (batch, channels, positions); as many go on either side."""
    side = (x.shape[-1] - length) // 2
    return x[..., side : side + length]


class OpenConvolution(nn.Conv1d):
    """Convolution without padding that, on a CPU, works with the channels of a position side by side.

    The same sums as ``torch.nn.Conv1d``, which is slower on a CPU for narrow networks.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, in_channels, length) to (batch, out_channels, length - dilation x (kernel - 1))."""
        if x.device.type != "cpu":
            return super().forward(x)
        x = x.unsqueeze(2).contiguous(memory_format=torch.channels_last)
        return functional.conv2d(x, self.weight.unsqueeze(2), self.bias, dilation=(1, self.dilation[0])).squeeze(2)


class ProfileHeads(nn.Module):
    """Profile by one wide convolution without padding, total count from the mean over positions.

    Parameters
    ----------
    channels, in_length : int
        Shape of what the heads see.
    output_length : int
        Positions of the profile: the middle of what the convolution gives.
    kernel : int

    Raises
    ------
    InputError
        When the convolution leaves fewer positions than ``output_length``, or the rest cannot be shared equally by
        both sides.
    """

    def __init__(self, channels: int, in_length: int, output_length: int, kernel: int):
        super().__init__()
        left = in_length - kernel + 1 - output_length
        if left < 0 or left % 2:
            what = f"{left + output_length} positions are left for a profile of {output_length}"
            expected = "expected as many or an even number more; change the window, the layers or their kernels"
            raise InputError(Problem("recipe", f"{what}; {expected}", column="window.output_length"))
        self.output_length = output_length
        self.profile = OpenConvolution(channels, 1, kernel)
        self.count = nn.Linear(channels, 1)

    def forward(self, x: torch.Tensor) -> ProfileOutput:
        """Map (batch, channels, in_length) to profile and count, in the precision of the weights."""
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(self.count.weight.dtype)
            logits = crop(self.profile(x), self.output_length).squeeze(1)
            return ProfileOutput(logits, self.count(x.mean(dim=2)).squeeze(1))


@PROFILE_NETWORKS.register("chrombpnet")
class DilatedProfileNetwork(nn.Module):
    """ChromBPNet's network: dilated convolutions without padding, each added to the middle of its input.

    With 512 filters and 8 layers it is the main network (6,377,986 parameters), with 128 and 4 the bias network
    (217,730).

    Parameters
    ----------
    input_length, output_length : int
        Bases read, and positions of the profile.
    filters : int
    layers : int
        Dilated convolutions, with dilations 2, 4, ..., 2^layers.
    kernel : int
        Of the first convolution.
    dilated_kernel : int
    profile_kernel : int
    start_values : {"keras", "torch"}
        ``keras``: Glorot-uniform weights and zero biases, as published.
    """

    def __init__(
        self,
        input_length: int,
        output_length: int,
        filters: int = 512,
        layers: int = 8,
        kernel: int = 21,
        dilated_kernel: int = 3,
        profile_kernel: int = 75,
        start_values: str = "keras",
    ):
        super().__init__()
        length = input_length - kernel + 1
        self.first = OpenConvolution(4, filters, kernel)
        self.dilated = nn.ModuleList(
            OpenConvolution(filters, filters, dilated_kernel, dilation=2 ** (i + 1)) for i in range(layers)
        )
        length -= sum(2 ** (i + 1) * (dilated_kernel - 1) for i in range(layers))
        self.heads = ProfileHeads(filters, length, output_length, profile_kernel)
        if _checked_start_values(start_values) == "keras":
            self.apply(glorot)

    def forward(self, x: torch.Tensor) -> ProfileOutput:
        """Map one-hot sequences (batch, 4, input_length) to profile and count."""
        x = torch.relu(self.first(x))
        for layer in self.dilated:
            y = torch.relu(layer(x))
            x = y + crop(x, y.shape[-1])
        return self.heads(x)


@PROFILE_NETWORKS.register("dream_body")
class DreamProfileNetwork(nn.Module):
    """First and core block of the Prix Fixe grid at full length, with a profile and a count head.

    Parameters
    ----------
    input_length, output_length : int
    first, core : mapping
        Blocks that keep the length, see :class:`cisflow.models.network.SequenceNetwork`.
    profile_kernel : int
    start_values : {"keras", "torch"}
        ``keras``, as published: Glorot-uniform weights, zero biases, orthogonal recurrent weights, and LSTMs with one
        bias vector per direction whose forget gate starts at one. ``torch``: those of the blocks.
    norm_eps : float
        Added to the variance in batch norms.
    norm_momentum : float
        Share of the NEW batch in the running statistics. The published program gives Keras a momentum of 0.1, which is
        the share of the old ones there: 0.9.
    """

    def __init__(
        self,
        input_length: int,
        output_length: int,
        first: Mapping[str, Any],
        core: Mapping[str, Any],
        profile_kernel: int = 75,
        start_values: str = "keras",
        norm_eps: float = 1e-3,
        norm_momentum: float = 0.9,
    ):
        super().__init__()
        self.first = FIRST_BLOCKS.make(first, 4, input_length)
        self.core = CORE_BLOCKS.make(core, self.first.out_channels, self.first.out_length)
        self.heads = ProfileHeads(self.core.out_channels, self.core.out_length, output_length, profile_kernel)
        if _checked_start_values(start_values) == "keras":
            if isinstance(self.core, BHICore):
                self.core.lstm = KerasLSTM(self.core.lstm.input_size, self.core.lstm.hidden_size)
            self.apply(glorot)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.eps, module.momentum = norm_eps, norm_momentum

    def forward(self, x: torch.Tensor) -> ProfileOutput:
        """Map one-hot sequences (batch, 4, input_length) to profile and count."""
        return self.heads(self.core(self.first(x)))


def _checked_start_values(name: str) -> str:
    if name not in START_VALUES:
        raise InputError(Problem("recipe", not_one_of(name, START_VALUES), column="network.start_values"))
    return name


class BiasedProfileNetwork(nn.Module):
    """A network beside a frozen model of the enzyme's bias: logits are added, counts are added on their own scale.

    Parameters
    ----------
    main : Module
        Learns what the bias does not explain.
    bias : Module
        Trained on regions without peaks; its parameters are frozen.
    """

    def __init__(self, main: nn.Module, bias: nn.Module):
        super().__init__()
        self.main, self.bias = main, bias
        self.bias.requires_grad_(False)

    def train(self, mode: bool = True) -> BiasedProfileNetwork:
        """Set the training mode of the main network; the bias model stays as it is in prediction."""
        super().train(mode)
        self.bias.eval()
        return self

    def forward(self, x: torch.Tensor) -> ProfileOutput:
        """Map one-hot sequences (batch, 4, input_length) to profile and count."""
        main, bias = self.main(x), self.bias(x)
        return ProfileOutput(main.logits + bias.logits, torch.logaddexp(main.log_count, bias.log_count))


def shift_count(bias: nn.Module, shift: float) -> None:
    """Add ``shift`` to the log counts that a bias model predicts.

    Raises
    ------
    InputError
        When the network is not one of ours and does not say where its count comes from.
    """
    heads = getattr(bias, "heads", None)
    if not isinstance(getattr(heads, "count", None), nn.Linear):
        what = "the bias network has no `heads.count`, a linear layer whose bias takes the shift of the count"
        raise InputError(Problem("recipe", what, column="network.name"))
    with torch.no_grad():
        heads.count.bias += shift


def build_profile_network(network: Mapping[str, Any], input_length: int, output_length: int) -> nn.Module:
    """Make the network of a recipe, without a bias model.

    Raises
    ------
    InputError
        When the recipe names an unknown network or settings that it does not take, or lengths do not fit.
    """
    return PROFILE_NETWORKS.make(network, input_length, output_length)

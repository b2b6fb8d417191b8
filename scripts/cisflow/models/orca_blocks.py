"""Building blocks of the Orca networks (Zhou 2022).

Purpose: pairs of convolutions in one and two dimensions, without and with activations, and the stack of dilated blocks
that turns pairs of bins into a contact map. Inputs: channel counts, pooling, dilation.
Outputs: ``torch.nn`` modules. The order of the layers inside a block is part of the published weight files.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from cisflow.models.channels_last import Chain, Norm, add

KERNEL_SIZE = 9
DROPOUT = 0.1


def linear_1d(in_channels: int, out_channels: int, *resample: nn.Module, kernel_size: int = KERNEL_SIZE) -> Chain:
    """Two normalised convolutions without activation, after an optional pooling or upsampling layer."""
    return Chain(
        *resample,
        nn.Conv1d(in_channels, out_channels, kernel_size, padding=kernel_size // 2),
        Norm(out_channels),
        nn.Conv1d(out_channels, out_channels, kernel_size, padding=kernel_size // 2),
        Norm(out_channels),
    )


def nonlinear_1d(channels: int, last_norm: bool = True, kernel_size: int = KERNEL_SIZE) -> Chain:
    """Two convolutions with rectifiers; ``last_norm=False`` leaves out the second batch norm."""
    return Chain(
        nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2),
        Norm(channels),
        nn.ReLU(),
        nn.Conv1d(channels, channels, kernel_size, padding=kernel_size // 2),
        *([Norm(channels)] if last_norm else []),
        nn.ReLU(),
    )


def _conv_3x3(in_channels: int, out_channels: int, dilation: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation)


def linear_2d(
    in_channels: int, middle: int, out_channels: int, dilation: int = 1, dropout: float | None = None
) -> Chain:
    """Two normalised 3 x 3 convolutions without activation, after an optional dropout of single elements."""
    return Chain(
        *([] if dropout is None else [nn.Dropout(dropout)]),
        _conv_3x3(in_channels, middle, dilation),
        Norm(middle),
        _conv_3x3(middle, out_channels, dilation),
        Norm(out_channels),
    )


def nonlinear_2d(in_channels: int, middle: int, out_channels: int, dilation: int = 1) -> Chain:
    """Two normalised 3 x 3 convolutions with rectifiers."""
    return Chain(
        _conv_3x3(in_channels, middle, dilation),
        Norm(middle),
        nn.ReLU(),
        _conv_3x3(middle, out_channels, dilation),
        Norm(out_channels),
        nn.ReLU(),
    )


def pair_sums(encoding: Tensor) -> Tensor:
    """Sum of the encodings of every two bins: [batch, channels, n] to [batch, channels, n, n].

    The channels of a pair lie side by side in memory, which makes the dilated convolutions about twice as fast.
    """
    by_bin = encoding.transpose(1, 2)
    return (by_bin[:, :, None, :] + by_bin[:, None, :, :]).permute(0, 3, 1, 2)


class DilatedStack(nn.Module):
    """Dilated blocks over a square map, and the head that ends in symmetric maps.

    Every block is a linear part followed by a nonlinear part; both add to their input, except that the linear part of
    the first block replaces it (its input may have another width).

    Parameters
    ----------
    in_channels : int
        Channels of the first block's input.
    channels, middle : int
        Width between and inside blocks.
    dilations : sequence of int
        One block each.
    head : int
        Channels of the hidden layer of the head; at least ``outputs``.
    dropout : float
        In front of the first block.
    outputs : int
        Maps predicted side by side.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 64,
        middle: int = 32,
        dilations: Sequence[int] = (1,),
        head: int = 5,
        dropout: float = DROPOUT,
        outputs: int = 1,
    ):
        super().__init__()
        self.lconvtwos = nn.ModuleList(
            linear_2d(channels if k else in_channels, middle, channels, dilation, None if k else dropout)
            for k, dilation in enumerate(dilations)
        )
        self.convtwos = nn.ModuleList(nonlinear_2d(channels, middle, channels, dilation) for dilation in dilations)
        hidden = max(head, outputs)
        self.final = Chain(nn.Conv2d(channels, hidden, 1), Norm(hidden), nn.ReLU(), nn.Conv2d(hidden, outputs, 1))

    def run_blocks(self, pairs: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Pass [batch, channels, n, n] through blocks ``first`` to ``last`` (exclusive; None = all)."""
        for k in range(first, len(self.lconvtwos) if last is None else last):
            linear = self.lconvtwos[k](pairs)
            pairs = add(linear, pairs) if k else linear
            pairs = add(self.convtwos[k](pairs), pairs)
        return pairs

    def run_head(self, pairs: Tensor) -> Tensor:
        """Turn the last block's output into symmetric maps [batch, outputs, n, n]."""
        contacts = self.final(pairs)
        return 0.5 * (contacts + contacts.transpose(2, 3))

"""Convolutions that keep the shape, with the channels of a position side by side in memory.

Purpose: the layers of the contact networks, as torch defines them, but fast on CPUs in both directions, and with batch
norm folded into the convolution where the network is not training. Inputs: tensors [batch, channels, length] or
[batch, channels, height, width]. Outputs: the same sums as ``torch.nn`` gives, in another order.

On a CPU torch's own backward pass of a convolution in this layout is several times slower than its forward pass, as is
that of dilated ones in any layout. Here the gradient of the input is a forward convolution with the turned kernel, and
that of the kernel is a matrix product per stretch of positions.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

#: Layers with fewer channels, both in and out, are trained by torch in the layout they are given: it is faster there.
NARROW = 24

#: Positions up to which torch's batch norm of this layout, which adds them up one by one in 32 bits, is exact enough.
FEW = 2**14

#: Numbers handled at a time, so that they stay in a processor's cache: by sums over positions, and in the copied
#: neighbourhoods of the matrix products for a kernel's gradient.
SUMMED, COPIED = 2**17, 2**20


def _beside(x: Tensor) -> Tensor:
    """[batch, channels, height, width] with channels side by side; no copy where they are."""
    return x.contiguous(memory_format=torch.channels_last)


def kernel_gradient(x: Tensor, output_gradient: Tensor, kernel: tuple[int, int], dilation: int) -> Tensor:
    """Gradient of the kernel of a convolution that keeps the shape.

    Parameters
    ----------
    x : Tensor, [batch, channels, height, width]
        Input of the convolution.
    output_gradient : Tensor, [batch, out channels, height, width]
    kernel : pair of int
        Odd height and width.
    dilation : int

    Returns
    -------
    Tensor, [out channels, channels, kernel height, kernel width]
    """
    batch, channels, height, width = x.shape
    up, left = dilation * (kernel[0] // 2), dilation * (kernel[1] // 2)
    padded = _beside(functional.pad(x, (left, left, up, up)))
    gradient = _beside(output_gradient).permute(0, 2, 3, 1).reshape(batch, height * width, -1)
    row = (width + 2 * left) * channels
    taps = (*kernel, channels)
    strides = (row, channels, dilation * row, dilation * channels, 1)
    size = kernel[0] * kernel[1] * channels
    stretch = max(1, COPIED // size)
    rows, columns = (1, stretch) if width >= stretch else (min(height, stretch // width), width)
    around = x.new_empty(rows * columns, size)
    total = x.new_zeros(size, gradient.shape[2])
    for k in range(batch):
        for top in range(0, height, rows):
            for first in range(0, width, columns):
                n_rows, n_columns = min(rows, height - top), min(columns, width - first)
                start = (k * (height + 2 * up) + top) * row + first * channels
                here = around[: n_rows * n_columns]
                here.view(n_rows, n_columns, *taps).copy_(
                    padded.as_strided((n_rows, n_columns, *taps), strides, padded.storage_offset() + start)
                )
                begin = top * width + first
                total.addmm_(here.t(), gradient[k, begin : begin + len(here)])
    return total.view(*taps, -1).permute(3, 2, 0, 1)


class _SameConvolution(torch.autograd.Function):
    """Convolution with zero padding that keeps the shape, in 32-bit floats on a CPU."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.dilation, ctx.has_bias = dilation, bias is not None
        padding = tuple(dilation * (size // 2) for size in weight.shape[2:])
        return functional.conv2d(x, weight, bias, padding=padding, dilation=dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient, dilation = _beside(gradient), ctx.dilation
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            padding = tuple(dilation * (size // 2) for size in weight.shape[2:])
            turned = weight.flip(2, 3).transpose(0, 1)
            of_x = functional.conv2d(gradient, turned, padding=padding, dilation=dilation)
        if ctx.needs_input_grad[1]:
            of_weight = kernel_gradient(x, gradient, tuple(weight.shape[2:]), dilation)
        if ctx.has_bias and ctx.needs_input_grad[2]:
            of_bias = gradient.sum((0, 2, 3))
        return of_x, of_weight, of_bias, None


def _is_own(x: Tensor, weight: Tensor) -> bool:
    """Whether the functions of this module do the work, or torch's."""
    floats = x.dtype == weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return x.device.type == "cpu" and floats and not torch.compiler.is_compiling()


def _laid_out(x: Tensor) -> Tensor:
    """Channels side by side; apart for predictions in exact 32-bit floats on a GPU, whose kernels are faster so."""
    exact = x.dtype == torch.float32 and not (torch.backends.cudnn.allow_tf32 or torch.is_autocast_enabled("cuda"))
    if x.device.type == "cuda" and exact and not torch.is_grad_enabled():
        return x.contiguous()
    return _beside(x)


def same_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int = 1) -> Tensor:
    """Convolve with zero padding, so that the shape stays.

    Parameters
    ----------
    x : Tensor, [batch, channels, height, width]
    weight : Tensor, [out channels, channels, kernel height, kernel width]
        Odd kernel sides.
    bias : Tensor, [out channels], or None
    dilation : int

    Returns
    -------
    Tensor, [batch, out channels, height, width]
        Channels side by side, unless a gradient is wanted of a narrow layer, or a GPU predicts in exact floats.
    """
    wide = max(weight.shape[:2]) >= NARROW
    if torch.is_grad_enabled() and wide and _is_own(x, weight):
        return _SameConvolution.apply(_beside(x), weight, bias, dilation)
    padding = tuple(dilation * (size // 2) for size in weight.shape[2:])
    x = _laid_out(x) if wide or not torch.is_grad_enabled() else x
    return functional.conv2d(x, weight, bias, padding=padding, dilation=dilation)


class _Normalisation(torch.autograd.Function):
    """Batch norm of a training batch, in 32-bit floats on a CPU; statistics are summed in 64 bits.

    torch's own kernel for this layout sums a million positions one after the other in 32 bits, which loses four digits.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        n, channels = len(_rows(x)), x.shape[1]
        parts = _parts(_rows(x))
        mean = _sums(channels, (part.sum(0) for part in parts)) / n
        centre = mean.float()
        variance = _sums(channels, ((part - centre).square_().sum(0) for part in parts)) / n
        spread = (variance + eps).rsqrt().float()
        ctx.save_for_backward(x, weight, centre, spread)
        mean, variance = centre, variance.float()
        ctx.mark_non_differentiable(mean, variance)
        return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, centre, spread = ctx.saved_tensors
        rows, gradients = _rows(x), _rows(_beside(gradient))
        parts = list(zip(_parts(rows), _parts(gradients), strict=True))
        of_bias = _sums(len(centre), (part.sum(0) for _, part in parts)).float()
        of_weight = _sums(len(centre), (((row - centre) * part).sum(0) for row, part in parts)).float() * spread
        of_x = None
        if ctx.needs_input_grad[0]:
            # gradient * slope + x * tilt + level, channel by channel
            slope = weight * spread
            tilt = -slope * spread * of_weight / len(rows)
            level = -slope * of_bias / len(rows) - centre * tilt
            of_x = torch.empty_like(gradients)
            for (row, part), out in zip(parts, _parts(of_x), strict=True):
                torch.addcmul(level, row, tilt, out=out)
                out.addcmul_(part, slope)
            batch, _, height, width = x.shape
            of_x = of_x.view(batch, height, width, -1).permute(0, 3, 1, 2)
        return of_x, of_weight, of_bias, None


def _rows(x: Tensor) -> Tensor:
    """[batch, channels, height, width] with channels side by side as [positions, channels], without a copy."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _parts(rows: Tensor) -> tuple[Tensor, ...]:
    return rows.split(max(1, SUMMED // rows.shape[1]))


def _sums(channels: int, parts: Iterable[Tensor]) -> Tensor:
    total = torch.zeros(channels, dtype=torch.float64)
    for part in parts:
        total += part
    return total


class Norm(_BatchNorm):
    """Batch norm over all positions, [batch, channels, height, width]."""

    def _check_input_dim(self, x: Tensor) -> None:
        """Any number of axes after the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """Map to the same shape."""
        n = x.numel() // x.shape[1]
        few = n <= FEW or x.is_contiguous()
        if few or not self.training or not _is_own(x, self.weight):
            return super().forward(x)
        result, mean, variance = _Normalisation.apply(_beside(x), self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * (n / max(n - 1, 1)), share)
        return result


class Pool(nn.MaxPool1d):
    """Maximum over neighbouring positions, [batch, channels, 1, length] to [batch, channels, 1, length / size]."""

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return functional.max_pool2d(x, (1, self.kernel_size))


class Doubling(nn.Module):
    """Every position twice, [batch, channels, 1, length] to [batch, channels, 1, 2 x length]."""

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return functional.interpolate(x, scale_factor=(1.0, 2.0), mode="nearest")


class Chain(nn.Sequential):
    """Layers in a row; in eval mode a batch norm becomes part of the convolution before it.

    Convolutions keep the shape (padding = half of the kernel). Indices in the state dict are those of
    ``torch.nn.Sequential``. Rectifiers work in place on what a layer before them made. [batch, channels, length] is
    handled as a map of height 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Pass the layers in turn."""
        flat = x.dim() == 3
        given = x = x.unsqueeze(2) if flat else x
        layers, k = list(self), 0
        while k < len(layers):
            layer, following = layers[k], layers[k + 1] if k + 1 < len(layers) else None
            k += 1
            if isinstance(layer, nn.Conv1d | nn.Conv2d):
                weight, bias = layer.weight, layer.bias
                if isinstance(following, _BatchNorm) and not following.training:
                    weight, bias = _folded(weight, bias, following)
                    k += 1
                x = same_convolution(x, weight.unsqueeze(2) if weight.dim() == 3 else weight, bias, layer.dilation[0])
            elif isinstance(layer, nn.ReLU) and x is not given:
                x = x.relu_()
            else:
                x = layer(x)
        return x.squeeze(2) if flat else x


def _folded(weight: Tensor, bias: Tensor, norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Kernel and bias of a convolution followed by a batch norm with fixed statistics."""
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return weight * scale.view(-1, *[1] * (weight.dim() - 1)), (bias - norm.running_mean) * scale + norm.bias


def add(values: Tensor, others: Tensor) -> Tensor:
    """Sum of two tensors; without gradients it is written over the first one."""
    return values + others if torch.is_grad_enabled() else values.add_(others)

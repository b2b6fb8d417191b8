"""Batch norm over the rows of all processes, so that several processes train as one does.

Inputs: a network with batch norms. Outputs: the same network, its batch norms with sums over processes. Works on CPUs
too, where torch's own synchronised batch norm does not.
"""

from __future__ import annotations

import torch
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm


class SharedBatchNorm(_BatchNorm):
    """Batch norm whose mean and variance are those of the rows of all processes.

    Parameters
    ----------
    norm : torch batch norm
        Gives parameters, running statistics and settings; names in the state dict stay.
    """

    def __init__(self, norm: _BatchNorm):
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked
        self.train(norm.training)

    def _check_input_dim(self, x: torch.Tensor) -> None:
        """Any number of axes after the channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, channels, ...) to the same shape."""
        if not self.training:
            return super().forward(x)
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        values = x.float()
        own = values.new_tensor([x.numel() // x.shape[1]])
        sums = all_reduce(torch.cat([values.sum(axes), own]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = values - mean.view(shape)
        # The second pass over the data keeps the digits that a difference of squares would lose.
        variance = all_reduce(centred.square().sum(axes)) / count
        self._track(mean.detach(), variance.detach() * count / (count - 1))
        result = centred * (variance.view(shape) + self.eps).rsqrt()
        if self.affine:
            result = result * self.weight.view(shape) + self.bias.view(shape)
        return result.to(x.dtype)

    @torch.no_grad()
    def _track(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if not self.track_running_stats:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def share_batch_norms(network: torch.nn.Module) -> torch.nn.Module:
    """Replace every batch norm of a network in place, and return the network."""
    if isinstance(network, _BatchNorm):
        return SharedBatchNorm(network)
    for name, child in network.named_children():
        setattr(network, name, share_batch_norms(child))
    return network

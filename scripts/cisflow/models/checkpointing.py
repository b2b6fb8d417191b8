"""Activation checkpointing that leaves batch-norm statistics alone.

Purpose: drop activations in the forward pass and compute them again in the backward pass, without counting the batch
twice in the running statistics (plain recomputation does). Inputs: a function, its module and its input.
Outputs: the function's result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Keep running mean, variance and batch count of all batch norms in ``module`` as they are, also in train mode."""
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    saved = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, saved, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(batches)


def checkpoint_once(function: Callable[[Tensor], Tensor], module: nn.Module, value: Tensor) -> Tensor:
    """Return ``function(value)`` without keeping its activations; without gradients, just ``function(value)``.

    Parameters
    ----------
    function : callable
        Uses the parameters of ``module`` only.
    module : torch module
        Its batch norms count the batch once.
    value : Tensor
    """
    if not torch.is_grad_enabled():
        return function(value)
    return checkpoint(
        function, value, use_reentrant=False, context_fn=lambda: (nullcontext(), frozen_statistics(module))
    )

"""Activation checkpointing that leaves batch-norm statistics alone.

Purpose: drop activations in the forward pass and compute them again in the backward pass, without counting the batch
twice in the running statistics (plain recomputation does); cut a long axis in overlapping blocks. Inputs: a function,
its module and its input; lengths. Outputs: the function's result; coordinates of blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cisflow.problems import InputError, Problem, not_one_of

#: What normalises the blocks of a window in training, see :class:`Blocks`.
BLOCK_STATISTICS = ("whole", "own", "running")


@dataclass(frozen=True)
class Blocks:
    """How a window is cut along the sequence (horizontal checkpointing).

    Parameters
    ----------
    bins : int or "auto"
        Bins kept per block; "auto" = four receptive fields, so that a quarter is read twice. 0 = the whole at once.
    statistics : {"whole", "own", "running"}
        In train mode: encode the whole window at once, as its batch statistics need; or in blocks, each normalised by
        its own batch statistics (the running ones then move once per block); or in blocks normalised by the running
        statistics, which stay as they are (for encoders that are trained already).

    Raises
    ------
    InputError
        For other values.
    """

    bins: int | str = 0
    statistics: str = "whole"

    def __post_init__(self):
        if self.bins != "auto" and not (isinstance(self.bins, int) and self.bins >= 0):
            raise InputError(
                Problem("recipe", f"{self.bins!r}; expected a number of bins or 'auto'", column="network.block_bins")
            )
        if self.statistics not in BLOCK_STATISTICS:
            where = {"column": "network.block_statistics"}
            raise InputError(Problem("recipe", not_one_of(self.statistics, BLOCK_STATISTICS), **where))

    def cut(self, module: nn.Module) -> bool:
        """Whether a module, in the mode that it is in, takes a window in blocks."""
        return bool(self.bins) and not (module.training and self.statistics == "whole")


#: A window at once.
WHOLE = Blocks()


def _norms(module: nn.Module) -> list[nn.Module]:
    return [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]


def blocks_along(length: int, block: int, overlap: int) -> Iterator[tuple[slice, slice]]:
    """Cut [0, length) in blocks.

    Parameters
    ----------
    length, block, overlap : int
        Positions in all, kept per block, and read beyond either edge of a block.

    Yields
    ------
    pair of slice
        What is read, cut at both ends of the whole, and which positions of it are kept. Together the kept positions are
        the whole, in order and without repeats.
    """
    for start in range(0, length, block):
        end, left = min(start + block, length), max(0, start - overlap)
        yield slice(left, min(length, end + overlap)), slice(start - left, end - left)


@contextmanager
def running_statistics(module: nn.Module) -> Iterator[None]:
    """Normalise by the running statistics in all batch norms of ``module``, and leave these as they are."""
    norms = _norms(module)
    saved = [norm.training for norm in norms]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm, training in zip(norms, saved, strict=True):
            norm.train(training)


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Keep running mean, variance and batch count of all batch norms in ``module`` as they are, also in train mode."""
    norms = _norms(module)
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

"""Optimisers that a recipe can name.

Inputs: parameters of a network and the recipe's ``training.optimiser``. Outputs: torch optimisers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from cisflow.registry import Registry

OPTIMISERS = Registry("optimiser")


@OPTIMISERS.register("adamw")
def adamw(
    parameters: Iterable[torch.nn.Parameter],
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    betas: Sequence[float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> torch.optim.Optimizer:
    """AdamW on all parameters, norms and biases included (Loshchilov and Hutter 2019)."""
    return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay, betas=tuple(betas), eps=eps)


@OPTIMISERS.register("adam")
def adam(
    parameters: Iterable[torch.nn.Parameter],
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    betas: Sequence[float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015); weight decay is added to the gradient."""
    return torch.optim.Adam(parameters, lr=learning_rate, weight_decay=weight_decay, betas=tuple(betas), eps=eps)


@OPTIMISERS.register("sgd")
def sgd(
    parameters: Iterable[torch.nn.Parameter],
    learning_rate: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum."""
    return torch.optim.SGD(
        parameters, lr=learning_rate, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
    )

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


@OPTIMISERS.register("radam")
def radam(
    parameters: Iterable[torch.nn.Parameter],
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    betas: Sequence[float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> torch.optim.Optimizer:
    """Adam with a warm-up from the variance of its rate (Liu et al. 2020); weight decay is added to the gradient."""
    return torch.optim.RAdam(parameters, lr=learning_rate, weight_decay=weight_decay, betas=tuple(betas), eps=eps)


@OPTIMISERS.register("rmsprop")
def rmsprop(
    parameters: Iterable[torch.nn.Parameter],
    learning_rate: float = 1e-3,
    decay: float = 0.9,
    eps: float = 1e-7,
    kernel_penalty: float = 0.0,
) -> torch.optim.Optimizer:
    """RMSProp with the constants of Keras.

    ``kernel_penalty`` times the sum of squares of all weight matrices and kernels counts as part of the loss, through
    its gradient; biases and norms are free of it.
    """
    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 2 * kernel_penalty},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.RMSprop([g for g in groups if g["params"]], lr=learning_rate, alpha=decay, eps=eps)


class Lion(torch.optim.Optimizer):
    """Steps of one size along the sign of a moving mean of the gradient (Chen et al. 2023).

    Parameters
    ----------
    params : iterable of Parameter
    lr : float
    betas : tuple of two float
        Share of the mean in the direction of the step, and in the next mean.
    weight_decay : float
        Decoupled: weights shrink by ``lr * weight_decay`` before the step.
    """

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Take one step from the gradients at hand."""
        for group in self.param_groups:
            mix, keep = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["mean"] = torch.zeros_like(parameter)
                mean = state["mean"]
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(mean.lerp(parameter.grad, 1 - mix).sign_(), alpha=-group["lr"])
                mean.lerp_(parameter.grad, 1 - keep)


@OPTIMISERS.register("lion")
def lion(
    parameters: Iterable[torch.nn.Parameter],
    learning_rate: float = 1e-4,
    weight_decay: float = 0.0,
    betas: Sequence[float] = (0.9, 0.99),
) -> torch.optim.Optimizer:
    """Lion (Chen et al. 2023), decoupled weight decay."""
    return Lion(parameters, lr=learning_rate, betas=tuple(betas), weight_decay=weight_decay)

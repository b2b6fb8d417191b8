"""Learning-rate schedules that a recipe can name.

Inputs: an optimiser, the number of optimiser steps and the recipe's ``training.schedule``.
Outputs: schedules whose state can be saved and restored.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.optim import lr_scheduler

from cisflow.registry import Registry

SCHEDULES = Registry("schedule")


class Schedule:
    """Learning rate that changes after optimiser steps, after validations, or never.

    Parameters
    ----------
    after_step : torch scheduler or None
        Advanced after every optimiser step.
    after_validation : torch scheduler or None
        Told the selection metric after every validation.
    """

    def __init__(
        self,
        after_step: lr_scheduler.LRScheduler | None = None,
        after_validation: lr_scheduler.ReduceLROnPlateau | None = None,
    ):
        self._after_step = after_step
        self._after_validation = after_validation

    def after_step(self) -> None:
        """Move on by one optimiser step."""
        if self._after_step is not None:
            self._after_step.step()

    def after_validation(self, selection: float) -> None:
        """Take note of the selection metric of a validation."""
        if self._after_validation is not None:
            self._after_validation.step(selection)

    def state_dict(self) -> dict[str, Any]:
        """Plain values that :meth:`load_state_dict` continues from."""
        return (self._after_step or self._after_validation).state_dict() if self._has_state() else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        if self._has_state():
            (self._after_step or self._after_validation).load_state_dict(state)

    def _has_state(self) -> bool:
        return self._after_step is not None or self._after_validation is not None


@SCHEDULES.register("one_cycle")
def one_cycle(
    optimiser: torch.optim.Optimizer,
    n_steps: int,
    max_learning_rate: float,
    warm_up: float = 0.3,
    start_factor: float = 25.0,
    end_factor: float = 1e4,
    cycle_beta1: bool = True,
    low_beta1: float = 0.85,
    high_beta1: float = 0.95,
) -> Schedule:
    """One cycle over the whole training: cosine up, then cosine down (Smith and Topin 2019).

    Parameters
    ----------
    optimiser : torch optimiser
        Its learning rate is replaced.
    n_steps : int
        Optimiser steps of the whole training.
    max_learning_rate : float
        Peak, reached at step index ``warm_up * n_steps - 1``.
    warm_up : float
        Share of the steps that rise.
    start_factor, end_factor : float
        The first learning rate is ``max / start_factor``, the last ``max / start_factor / end_factor``.
    cycle_beta1 : bool
        Move beta1 (or momentum) against the learning rate, between ``high_beta1`` and ``low_beta1``.
    """
    return Schedule(
        lr_scheduler.OneCycleLR(
            optimiser,
            max_lr=max_learning_rate,
            total_steps=n_steps,
            pct_start=warm_up,
            anneal_strategy="cos",
            cycle_momentum=cycle_beta1,
            base_momentum=low_beta1,
            max_momentum=high_beta1,
            div_factor=start_factor,
            final_div_factor=end_factor,
        )
    )


@SCHEDULES.register("linear_cosine")
def linear_cosine(
    optimiser: torch.optim.Optimizer,
    n_steps: int,
    max_learning_rate: float,
    warm_up: float = 0.3,
    start_factor: float = 25.0,
    end_factor: float = 1e4,
    total_steps: int | None = None,
) -> Schedule:
    """A line up, then half a cosine down; momentum stays.

    Step s of n (0-based) has ``max / start_factor`` plus a share s / (warm_up n) of the way to ``max``, and after the
    warm-up half a cosine to ``max / start_factor / end_factor``, which it would reach at step n and then keeps.

    Parameters
    ----------
    optimiser : torch optimiser
        Its learning rate is replaced.
    n_steps : int
        Optimiser steps of the whole training.
    max_learning_rate : float
    warm_up : float
        Share of the steps that rise.
    start_factor, end_factor : float
        The first learning rate is ``max / start_factor``, the last ``max / start_factor / end_factor``.
    total_steps : int, optional
        Length of the schedule where it is not that of the training.

    Notes
    -----
    Schedule of the DREAM models on ATAC-seq in Rafi et al. 2024.
    """
    length = total_steps or n_steps
    rise = warm_up * length
    first, last = 1 / start_factor, 1 / start_factor / end_factor

    def factor(step: int) -> float:
        if step < rise:
            return first + (1 - first) * step / rise
        share = min(1.0, (step - rise) / max(length - rise, 1e-9))
        return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * share))

    for group in optimiser.param_groups:
        group["lr"] = group["initial_lr"] = max_learning_rate
    return Schedule(lr_scheduler.LambdaLR(optimiser, factor))


@SCHEDULES.register("cosine")
def cosine(
    optimiser: torch.optim.Optimizer, n_steps: int, end_learning_rate: float = 0.0, stretch: float = 1.0
) -> Schedule:
    """Half a cosine from the optimiser's learning rate to ``end_learning_rate`` (Loshchilov and Hutter 2017).

    With ``stretch`` the half cosine is that many times longer than the training, which then sees its beginning only.
    """
    period = round(n_steps * stretch)
    return Schedule(lr_scheduler.CosineAnnealingLR(optimiser, T_max=period, eta_min=end_learning_rate))


@SCHEDULES.register("noam")
class Noam(Schedule):
    """Linear warm-up, then the inverse square root of the step (Vaswani et al. 2017).

    The first step has the optimiser's learning rate; after step n the rate is ``width**-0.5 * min(n**-0.5, n *
    warm_up**-1.5)``.

    Parameters
    ----------
    optimiser : torch optimiser
    n_steps : int
        Optimiser steps of the whole training; the schedule does not depend on them.
    width : int
        Channels that the rate is scaled by.
    warm_up : int
        Steps of the warm-up.
    momentum_step : bool
        After every step, and with the new rate, let the optimiser step once more with gradients of zero, so that its
        momentum alone moves the weights. The published UnlockDNA trainer did so under PyTorch 1.
    """

    def __init__(
        self,
        optimiser: torch.optim.Optimizer,
        n_steps: int,
        width: int = 256,
        warm_up: int = 12_500,
        momentum_step: bool = False,
    ):
        super().__init__()
        self._optimiser, self._n = optimiser, 0
        self._width, self._warm_up, self._momentum_step = width, warm_up, momentum_step

    def after_step(self) -> None:
        """Set the rate of the next step."""
        self._n += 1
        rate = self._width**-0.5 * min(self._n**-0.5, self._n * self._warm_up**-1.5)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        if self._momentum_step:
            for parameter in self._optimiser.state:
                parameter.grad = torch.zeros_like(parameter)
            self._optimiser.step()
            self._optimiser.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Number of the step."""
        return {"n": self._n}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state; the rate is part of the optimiser's."""
        self._n = state["n"]


@SCHEDULES.register("plateau")
def plateau(optimiser: torch.optim.Optimizer, n_steps: int, factor: float = 0.9, patience: int = 10) -> Schedule:
    """Multiply the learning rate by ``factor`` when the selection metric stands still.

    ``patience`` validations without a new maximum are tolerated; the next one lowers the rate and restarts the count.
    """
    return Schedule(
        after_validation=lr_scheduler.ReduceLROnPlateau(
            optimiser, mode="max", factor=factor, patience=patience, threshold=0.0, threshold_mode="abs"
        )
    )


@SCHEDULES.register("constant")
def constant(optimiser: torch.optim.Optimizer, n_steps: int) -> Schedule:
    """Keep the optimiser's learning rate."""
    return Schedule()

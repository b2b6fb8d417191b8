"""Averages of the weights along a training: exponential moving average and stochastic weight averaging.

Inputs: the network in training after every step. Outputs: a second network of the same form, which is the one that is
validated and kept. Numbers in buffers (batch-norm statistics) are averaged like weights, whole numbers are copied;
``swa_each_step`` leaves the buffers to passes of the averaged network over the training batches.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch

from cisflow.training.options import AVERAGING


class WeightAverage(ABC):
    """Average of a network's weights; before the first contribution it equals the network.

    Parameters
    ----------
    network : torch module
        Copied, on the same device.
    n_steps, steps_per_epoch : int
        Length of the training, and steps between two validations.

    Attributes
    ----------
    network : torch module
        Holds the averaged weights.
    restart_step : int or None
        Steps done when optimiser, schedule and choice of the best network start anew.
    sees_batches : bool
        Whether the averaged network is to pass over every training batch, in train mode and without gradient.
    """

    restart_step: int | None = None
    sees_batches = False

    def __init__(self, network: torch.nn.Module, n_steps: int, steps_per_epoch: int):
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.n_steps, self.steps_per_epoch = n_steps, steps_per_epoch
        self.contributions = 0

    @abstractmethod
    def after_step(self, network: torch.nn.Module, step: int) -> None:
        """Take note of the network after ``step`` steps."""

    @torch.no_grad()
    def blend(self, network: torch.nn.Module, share: float) -> None:
        """Move the average towards a network by ``share`` of the way (1: become equal)."""
        theirs = network.state_dict()
        for name, mine in self.network.state_dict().items():
            if share < 1 and mine.is_floating_point():
                mine.lerp_(theirs[name], share)
            else:
                mine.copy_(theirs[name])

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values that :meth:`load_state_dict` continues from."""
        return {"network": self.network.state_dict(), "contributions": self.contributions}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state."""
        self.network.load_state_dict(state["network"])
        self.contributions = state["contributions"]


class MovingAverage(WeightAverage):
    """Exponential moving average: after every step the average keeps ``decay`` of itself (Polyak and Juditsky 1992).

    With ``warm_up`` the n-th step keeps min(decay, n / (n + 9)), so that the random start values are soon forgotten.
    """

    def __init__(
        self, network: torch.nn.Module, n_steps: int, steps_per_epoch: int, decay: float, warm_up: bool = True
    ):
        super().__init__(network, n_steps, steps_per_epoch)
        self.decay, self.warm_up = decay, warm_up

    def after_step(self, network: torch.nn.Module, step: int) -> None:
        """Blend in the network of this step."""
        self.contributions += 1
        keep = min(self.decay, self.contributions / (self.contributions + 9)) if self.warm_up else self.decay
        self.blend(network, 1 - keep)


class StochasticWeightAverage(WeightAverage):
    """Equal mean of the networks at the ends of the epochs after ``start`` of all steps (Izmailov et al. 2018).

    Until then the average is the network itself.
    """

    def __init__(self, network: torch.nn.Module, n_steps: int, steps_per_epoch: int, start: float = 0.75):
        super().__init__(network, n_steps, steps_per_epoch)
        self.first_step = start * n_steps

    def after_step(self, network: torch.nn.Module, step: int) -> None:
        """Blend in the network when an epoch or the training has come to its end."""
        if step % self.steps_per_epoch and step != self.n_steps:
            return
        if step > self.first_step:
            self.contributions += 1
        self.blend(network, 1 / max(self.contributions, 1))


class EachStepAverage(WeightAverage):
    """Equal mean of the weights after every step beyond ``start`` of all steps, as in Orca's first stage (Zhou 2022).

    Until then the average is the network itself. From then on the averaged network passes over every training batch in
    train mode, which gives it batch-norm statistics of its own; with ``fresh_optimiser`` the optimiser forgets its
    momentum and the schedule starts again, because the original does this in a second run.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        n_steps: int,
        steps_per_epoch: int,
        start: float = 2 / 3,
        fresh_optimiser: bool = True,
    ):
        super().__init__(network, n_steps, steps_per_epoch)
        self.first_step = round(start * n_steps)
        self.restart_step = self.first_step if fresh_optimiser and self.first_step else None

    @property
    def sees_batches(self) -> bool:
        """Whether averaging has begun."""
        return self.contributions > 0

    @torch.no_grad()
    def after_step(self, network: torch.nn.Module, step: int) -> None:
        """Blend in the weights, not the buffers, of this step."""
        if step <= self.first_step:
            if step == self.first_step or step % self.steps_per_epoch == 0:
                self.blend(network, 1)
            return
        self.contributions += 1
        for mine, theirs in zip(self.network.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, 1 / self.contributions)


_KINDS = {"ema": MovingAverage, "swa": StochasticWeightAverage, "swa_each_step": EachStepAverage}


def weight_average(
    settings: Mapping[str, Any] | None, network: torch.nn.Module, n_steps: int, steps_per_epoch: int
) -> WeightAverage | None:
    """Average that a recipe's ``training.averaging`` asks for, or None.

    Parameters
    ----------
    settings : mapping or None
        Checked by :func:`cisflow.training.options.option_problems`.
    """
    if settings is None:
        return None
    options = {**AVERAGING[settings["name"]], **{key: value for key, value in settings.items() if key != "name"}}
    return _KINDS[settings["name"]](network, n_steps, steps_per_epoch, **options)

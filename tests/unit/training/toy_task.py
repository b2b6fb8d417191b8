"""A small regression task for the tests of the loop; run as a program it trains in a process that can be killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

from cisflow.training.loop import train

RECIPE = {
    "task": "toy",
    "training": {
        "optimiser": {"name": "adamw", "weight_decay": 0.01},
        "schedule": {"name": "one_cycle", "max_learning_rate": 0.02},
        "clip_gradient_norm": 1.0,
    },
}


class ToyTask:
    """Linear function with noise, learned by a small network with dropout and batch norm."""

    selection_label = "val r"

    def __init__(self, n_steps: int = 60, steps_per_epoch: int = 10, pause: float = 0.0, bad_step: int | None = None):
        self.n_steps, self.steps_per_epoch = n_steps, steps_per_epoch
        self.pause, self.bad_step = pause, bad_step
        rng = np.random.default_rng(0)
        self.x = torch.from_numpy(rng.normal(size=(64, 5)).astype(np.float32))
        self.y = self.x @ torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0])
        self.steps_seen: list[int] = []

    def build_network(self) -> torch.nn.Module:
        return torch.nn.Sequential(
            torch.nn.Linear(5, 16),
            torch.nn.BatchNorm1d(16),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.3),
            torch.nn.Linear(16, 1),
        )

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        time.sleep(self.pause)
        self.steps_seen.append(step)
        rows = torch.from_numpy(np.random.default_rng(step).integers(0, 64, 16))
        y = self.y[rows]
        return {"x": self.x[rows], "y": y * float("nan") if step == self.bad_step else y}

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.nn.functional.mse_loss(network(batch["x"]).squeeze(1), batch["y"])

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        prediction = network(self.x).squeeze(1)
        r = torch.corrcoef(torch.stack([prediction, self.y]))[0, 1]
        return {"selection": float(r), "mse": float(((prediction - self.y) ** 2).mean())}


def run(folder: Path, task: ToyTask, recipe: dict = RECIPE, seed: int = 7, **changes) -> object:
    """Train into ``folder/bundle`` with the state in ``folder/state``."""
    (folder / "data.txt").write_text("data\n")
    arguments = {
        "label": "toy seed 1",
        "bundle": folder / "bundle",
        "state_dir": folder / "state",
        "inputs": {"data": folder / "data.txt"},
        "settings": {"seed": 1},
        "code": "abc",
        "device": torch.device("cpu"),
        "threads": 1,
        "save_every_seconds": 0.05,
    }
    return train(task, recipe, seed, **{**arguments, **changes})


if __name__ == "__main__":
    run(Path(sys.argv[1]), ToyTask(pause=0.05))

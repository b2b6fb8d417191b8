"""A toy task without dropout, and the program that torchrun starts to train it in several processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from toy_task import RECIPE, ToyTask, run


class ExactTask(ToyTask):
    """The toy task on a network whose training does not draw: ``norm`` puts a batch norm into it."""

    def __init__(self, norm: bool = False, **options):
        super().__init__(**options)
        self.norm = norm

    def build_network(self) -> torch.nn.Module:
        """Return a small dense network; before a norm no bias, whose gradient is rounding that Adam would scale up."""
        between = [torch.nn.BatchNorm1d(16)] if self.norm else []
        return torch.nn.Sequential(
            torch.nn.Linear(5, 16, bias=not self.norm), *between, torch.nn.SiLU(), torch.nn.Linear(16, 1)
        )


def with_options(**options) -> dict:
    """The toy recipe with options of the loop."""
    return {**RECIPE, "training": {**RECIPE["training"], **options}}


if __name__ == "__main__":
    settings = json.loads(sys.argv[2])
    task = ExactTask(**settings["task"]) if settings["exact"] else ToyTask(**settings["task"])
    if settings["stop"]:
        batch = task.batch

        def failing(step: int):
            """Stand for a job that is killed."""
            if step == settings["stop"]:
                raise SystemExit(3)
            return batch(step)

        task.batch = failing
    run(Path(sys.argv[1]), task, with_options(**settings["options"]))

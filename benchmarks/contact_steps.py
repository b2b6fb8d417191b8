"""Training steps of the Orca recipes as the training loop takes them, and what the published schedules come to.

    python benchmarks/contact_steps.py --device cuda
    python benchmarks/contact_steps.py orca_32mb --rows 1 --precisions tf32 --device cuda

A step is everything between two batches that lie ready: to the device, frozen encoders, forward and backward pass of
all levels, optimiser, average of the weights. Sequences and contacts are random, because time depends on shapes alone;
reading real ones is measured by contacts.py. Seconds are those of the clock, median of ``--steps`` steps after a first
one; memory is what torch allocates on the GPU, or resident memory. ``hours`` extrapolates the recipe's number of steps.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import yaml

from cisflow.contacts.ladder import LadderData
from cisflow.contacts.reader import WindowData
from cisflow.contacts.windows import Segment
from cisflow.memory import PeakMemory
from cisflow.models.cascade_task import CascadeTask
from cisflow.models.contact_settings import ContactSettings, contact_settings
from cisflow.models.contacts_task import ContactsTask
from cisflow.training.numerics import reproducible_numerics
from cisflow.training.processes import Processes
from cisflow.training.run import Run
from cisflow.training.state import StateFolder

RECIPES = Path(__file__).resolve().parents[1] / "config" / "recipes"
MODELS = ("orca_1mb", "orca_32mb", "orca_256mb")
OPTIONS = {"float32": {}, "tf32": {"tf32": True}, "bf16": {"precision": "bf16"}}
TRACKS = 32  # profiles of the published first stage
MEASURED = 0.9  # share of the bins


class RandomInputs:
    """Stands for a reader of windows or of inputs of several levels; every input is drawn.

    Parameters
    ----------
    settings : ContactSettings
    """

    def __init__(self, settings: ContactSettings):
        window = settings.window
        self.contact_map = SimpleNamespace(resolution=window.resolution or window.bin_size)
        self.peaks = SimpleNamespace(names=[f"track {k}" for k in range(TRACKS)])
        self.length, self.bins, self.ladder = window.length, window.bins, window.ladder
        self.assembled = settings.assembly is not None
        self.random = np.random.default_rng(1)
        distance = np.abs(np.subtract.outer(np.arange(self.bins), np.arange(self.bins)))
        self.expected = np.repeat(1e-3 / (1.0 + distance)[None], window.levels, axis=0)

    def codes(self, segments: object = None) -> np.ndarray:
        """Random bases."""
        return self.random.integers(0, 4, self.length, dtype=np.uint8)

    def _with_gaps(self, maps: np.ndarray) -> np.ndarray:
        gaps = self.random.random(self.bins) > MEASURED
        maps[..., gaps, :] = maps[..., :, gaps] = np.nan
        return maps

    def draw(self, *given: Any) -> WindowData | tuple[Segment, ...]:
        """A window with its targets; of several levels, where an input lies."""
        if len(self.expected) > 1:
            return (Segment("random", 0, self.length),)
        target = self._with_gaps(self.random.normal(size=(self.bins, self.bins)).astype(np.float32))
        labels = (self.random.random((TRACKS, self.bins)) < 0.1).astype(np.float32)
        return WindowData(self.codes(), target, labels)

    def read(self, segments: tuple[Segment, ...], offsets: np.ndarray) -> LadderData:
        """Contacts of all levels."""
        observed = self._with_gaps((self.expected * self.random.gamma(4, 0.25, self.expected.shape)).astype(np.float32))
        missing, trans = np.isnan(observed).astype(np.float32), np.zeros(observed.shape, dtype=bool)
        return LadderData(segments, offsets, observed, self.expected, missing, trans)


def run_of(model: str, rows: int | None, options: dict[str, Any], device: torch.device) -> tuple[Run, dict[str, Any]]:
    """A training that has not begun, and the recipe's ``training``."""
    recipe = yaml.safe_load((RECIPES / f"{model}.yaml").read_text(encoding="utf-8"))
    published = recipe["training"]
    changed = {**published, **options, "batch_size": rows or published["batch_size"], "loaders": 0}
    settings = contact_settings({**recipe, "training": changed})
    task_class = CascadeTask if settings.window.levels > 1 else ContactsTask
    lengths = {"random": 4 * settings.window.length}
    torch.manual_seed(1)
    task = task_class(settings, RandomInputs(settings), lengths, lengths, 1, 1)
    ready = task.batch(0)
    task.batch = lambda step: ready
    return Run(task, changed, Processes(0, 1, device), 1), published


def seconds(work: Callable[[], None], device: torch.device) -> float:
    """Seconds until the device is done."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def row_of(model: str, precision: str, given: argparse.Namespace) -> str:
    """Measured row of the table."""
    device = torch.device(given.device)
    with reproducible_numerics(1, tf32=precision == "tf32"), tempfile.TemporaryDirectory() as folder:
        run, published = run_of(model, given.rows, OPTIONS[precision], device)
        states, memory = StateFolder(folder, "benchmark"), PeakMemory(device)
        run.optimise(states)
        loss = run.loss_sum
        spent = float(np.median([seconds(lambda: run.optimise(states), device) for _ in range(given.steps)]))
    rows, used = run.task.batch_size, memory.read() / 1e9
    hours = published["steps"] * published["batch_size"] / rows * spent / 3600
    return f"{model} | {precision} | {rows} | {spent:.3g} | {used:.1f} | {loss:.4f} | {hours:,.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(MODELS), help=f"recipes; {', '.join(MODELS)} by default")
    parser.add_argument("--rows", type=int, help="of a batch; the recipe's number by default")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--precisions", nargs="+", choices=list(OPTIONS), default=list(OPTIONS))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    given = parser.parse_args()
    columns = ("model", "precision", "rows", "s per step", "memory, GB", "loss", "hours of the schedule")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for model in given.models:
        for precision in given.precisions:
            print(f"| {row_of(model, precision, given)} |", flush=True)
            if given.device == "cuda":
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()

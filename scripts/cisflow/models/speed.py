"""Time of a training step, and throughput of the forward pass at growing batches.

Inputs: recipes of expression and profile networks. Outputs: seconds of every repeat, and medians with quartiles, peak
memory and the reason why batches stopped growing. Source of the protocol: Rafi et al. 2024: 5,000 training batches
of 32 (profiles: 64), and 100 forward batches of 32, 64, 128, ... up to the limit of the GPU, 50 times each.
"""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cisflow.joblog import logger
from cisflow.memory import PeakMemory, release_freed_memory, resident_bytes
from cisflow.models.speed_probes import SEED, probe_of
from cisflow.progress import Progress
from cisflow.settings.speed import is_measurable
from cisflow.training.numerics import reproducible_numerics
from cisflow.training.processes import Processes
from cisflow.training.run import Run
from cisflow.training.state import StateFolder

#: Untimed batches before the first repeat.
WARM_UP = 2
LIMITS = {
    "largest": "the largest batch asked for",
    "time": "a larger batch would take longer than allowed",
    "memory": "a larger batch would take more memory than allowed",
    "error": "a larger batch does not fit into the memory",
}
QUARTILES = (25, 50, 75)


@dataclass(frozen=True)
class SpeedSettings:
    """What is measured, and how far.

    Attributes
    ----------
    batch_size : int
        Of the training steps, and the first of the forward passes.
    batches, forward_batches : int
        Training steps and forward passes of a repeat.
    repeats : int
    max_batch : int
        Forward batches are doubled up to this size.
    max_seconds : float
        Time that all repeats of one forward batch size may take.
    max_memory_gb : float
        Resident memory on a CPU; a GPU is filled until it is out of memory.
    """

    batch_size: int = 32
    batches: int = 20
    forward_batches: int = 5
    repeats: int = 10
    max_batch: int = 65536
    max_seconds: float = 60.0
    max_memory_gb: float = 4.0


def device_name(device: torch.device) -> str:
    """Name of the GPU, or of the processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    named = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return named[0].partition(":")[2].strip() if named else platform.processor() or platform.machine()


def _timed(work: Callable[[], None], batches: int, device: torch.device) -> tuple[float, float]:
    """Wall and CPU seconds per batch."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(batches):
        work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - wall) / batches, (time.process_time() - cpu) / batches


def _rows(found: list[tuple[float, float]], kind: str, batch_size: int, batches: int) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "batch_size": batch_size,
            "repeat": number,
            "batches": batches,
            "seconds_per_batch": wall,
            "cpu_seconds_per_batch": cpu,
            "sequences_per_second": batch_size / wall,
        }
        for number, (wall, cpu) in enumerate(found, 1)
    ]


def measure_training(
    recipe: Mapping[str, Any], settings: SpeedSettings, device: torch.device, tick: Callable[[], None] = lambda: None
) -> tuple[list[dict[str, Any]], int]:
    """Time training steps as the training loop takes them: supply, forward, backward, clipping, optimiser, schedule.

    Parameters
    ----------
    recipe : mapping
        Complete, of a network; its own options (precision, accumulation, compilation) hold, its batch size does not.
    settings : SpeedSettings
    device : torch.device
    tick : callable
        Called after every repeat.

    Returns
    -------
    list of dict
        ``kind`` (training), ``batch_size, repeat, batches, seconds_per_batch, cpu_seconds_per_batch,
        sequences_per_second``.
    int
        Peak memory, bytes.
    """
    steps = WARM_UP + settings.batches * settings.repeats
    training = {**recipe["training"], "batch_size": settings.batch_size}
    torch.manual_seed(SEED)
    release_freed_memory()
    memory = PeakMemory(device)
    task = probe_of(recipe).task(settings.batch_size, steps + 1)
    run = Run(task, training, Processes(0, 1, device), SEED)
    with tempfile.TemporaryDirectory() as folder:
        states = StateFolder(folder, "speed")
        _timed(lambda: run.optimise(states), WARM_UP, device)
        found = []
        for _ in range(settings.repeats):
            found.append(_timed(lambda: run.optimise(states), settings.batches, device))
            tick()
    return _rows(found, "training", settings.batch_size, settings.batches), memory.read()


def _out_of_memory(error: RuntimeError | MemoryError) -> bool:
    known = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or any(k in str(error) for k in known)


def measure_forward(
    recipe: Mapping[str, Any], settings: SpeedSettings, device: torch.device
) -> Iterator[tuple[list[dict[str, Any]], int, str]]:
    """Time forward passes of a network in evaluation mode, on encoded sequences that lie on the device.

    Parameters
    ----------
    recipe, settings, device
        See :func:`measure_training`.

    Yields
    ------
    list of dict
        As of :func:`measure_training`, ``kind`` forward; one list per batch size, each twice the one before.
    int
        Peak memory, bytes.
    str
        Why no larger batch follows (a key of :data:`LIMITS`); empty before the last.
    """
    torch.manual_seed(SEED)
    size = settings.batch_size
    with torch.inference_mode():
        network, x = probe_of(recipe).forward_input(size, device)
        release_freed_memory()
        before = resident_bytes()
        measured = _forward_at(network, x, settings, device)
        while True:
            found, peak = measured
            spent = sum(wall for wall, _ in found) * settings.forward_batches
            limit, measured = "", None
            if 2 * size > settings.max_batch:
                limit = "largest"
            elif 2 * spent > settings.max_seconds:
                limit = "time"
            elif device.type != "cuda" and before + 2 * (peak - before) > settings.max_memory_gb * 1e9:
                limit = "memory"
            else:
                try:
                    x = torch.cat([x, x])
                    measured = _forward_at(network, x, settings, device)
                except (RuntimeError, MemoryError) as error:
                    if not _out_of_memory(error):
                        raise
                    limit = "error"
            yield _rows(found, "forward", size, settings.forward_batches), peak, limit
            if measured is None:
                return
            size *= 2


def _forward_at(
    network: torch.nn.Module, x: torch.Tensor, settings: SpeedSettings, device: torch.device
) -> tuple[list[tuple[float, float]], int]:
    """Seconds per batch of every repeat, and peak memory."""
    memory = PeakMemory(device)
    _timed(lambda: network(x), 1, device)
    found = [_timed(lambda: network(x), settings.forward_batches, device) for _ in range(settings.repeats)]
    return found, memory.read()


def measure_speed(
    recipes: Mapping[str, Mapping[str, Any]],
    settings: SpeedSettings,
    device: torch.device,
    threads: int,
    keep: Callable[[pd.DataFrame, pd.DataFrame], None] = lambda repeats, summary: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure all networks one after the other.

    Parameters
    ----------
    recipes : mapping of str to mapping
        Complete recipes by name of the model; models that are no networks are left out, and the log says so.
    settings : SpeedSettings
    device : torch.device
    threads : int
        Torch threads.
    keep : callable
        Called after every model with both tables so far.

    Returns
    -------
    repeats : DataFrame
        ``model`` and the columns of :func:`measure_training`.
    summary : DataFrame
        One row per model, kind and batch size: ``model, parameters, device, device_name, threads, precision, kind,
        batch_size, batches, repeats``, ``seconds_per_batch, cpu_seconds_per_batch`` and ``sequences_per_second``
        (medians over the repeats) each with ``_low`` and ``_high`` (quartiles), ``peak_memory_mb`` and, of the largest
        forward batch, ``limit`` (why no larger one was taken).
    """
    repeats, summary = [], []
    networks = {name: recipe for name, recipe in recipes.items() if is_measurable(recipe)}
    for name in recipes.keys() - networks.keys():
        logger.info("%s: no network, nothing to measure", name)
    progress = Progress("measure", len(networks) * (settings.repeats + 1), "repeats")
    with reproducible_numerics(threads):
        for name, recipe in networks.items():
            rows, peak = measure_training(recipe, settings, device, partial(progress.advance, 1, name))
            parts = [(rows, peak, "")]
            parts += measure_forward(recipe, settings, device)
            progress.advance(1, name)
            precision = recipe["training"].get("precision", "float32")
            head = {
                "model": name,
                "parameters": probe_of(recipe).parameters(),
                "device": device.type,
                "device_name": device_name(device),
            }
            for rows, peak, limit in parts:
                repeats += [{"model": name, **row} for row in rows]
                about = {"threads": threads, "precision": precision if rows[0]["kind"] == "training" else "float32"}
                summary.append({**head, **about, **_summary(rows), "peak_memory_mb": peak / 1e6, "limit": limit})
            keep(pd.DataFrame(repeats), pd.DataFrame(summary))
            if device.type == "cuda":
                torch.cuda.empty_cache()
    progress.write()
    return pd.DataFrame(repeats), pd.DataFrame(summary)


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians and quartiles of the repeats of one batch size."""
    found = {name: rows[0][name] for name in ("kind", "batch_size", "batches")} | {"repeats": len(rows)}
    for name in ("seconds_per_batch", "cpu_seconds_per_batch", "sequences_per_second"):
        low, middle, high = np.percentile([row[name] for row in rows], QUARTILES)
        found |= {name: middle, f"{name}_low": low, f"{name}_high": high}
    return found

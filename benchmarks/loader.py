"""Supply of batches beside a per-item dataset, and training steps of the DREAM models, with what a full training takes.

    python benchmarks/loader.py [--rows 200000] [--batch-size 1024] [--steps 3] [--step-rows 256] [--full 6700000]
    python benchmarks/loader.py --whole --steps 50 --step-rows 1024 --workers 4     (a GPU)

Supply: encoded rows of both strands, CPU seconds and wall seconds per sequence, of our task and of a torch Dataset that
makes one one-hot tensor per item under a DataLoader. Steps: forward, backward and optimiser as the training loop takes
them, published sizes, on the GPU when there is one. The full schedule is extrapolated from both, and said to be. Whole:
training as our loop does it beside a plain loop over the per-item dataset (eager, float32, AdamW), and the share of our
time that the device works: time of the same steps with their batch on the device already, over that of the steps.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from scipy.special import ndtr
from torch.utils.data import DataLoader, Dataset

from cisflow.memory import PeakMemory
from cisflow.models.encoding import LEFT_ADAPTER_LENGTH, PLASMID_LEFT
from cisflow.models.expression_task import ExpressionTask
from cisflow.training.numerics import reproducible_numerics
from cisflow.training.options import option_problems
from cisflow.training.processes import Processes
from cisflow.training.run import Run
from cisflow.training.state import StateFolder

RECIPES = Path(__file__).resolve().parents[1] / "config" / "recipes"
MODELS = ("dream_cnn", "dream_rnn", "dream_attn")
COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A", "N": "N"}
ONE_HOT = {base: np.eye(4, dtype=np.float32)[i] for i, base in enumerate("AGCT")} | {"N": np.zeros(4, np.float32)}


def promoters(n: int) -> pd.DataFrame:
    """A dataset of random promoters of 110 bases, one in fifty for validation."""
    rng = np.random.default_rng(1)
    left, right = PLASMID_LEFT[-LEFT_ADAPTER_LENGTH:], "GGTTACGGCTGTT"
    bases = np.frombuffer(b"ACGT", dtype=np.uint8)[rng.integers(0, 4, (n, 80))].tobytes().decode()
    split = np.where(np.arange(n) % 50 == 0, "validation", "train")
    columns = {"element": [f"e{i}" for i in range(n)], "expression": rng.uniform(0, 17, n).round()}
    columns["sequence"] = [left + bases[80 * i : 80 * i + 80] + right for i in range(n)]
    return pd.DataFrame({**columns, "is_singleton": rng.random(n) < 0.9, "split": split, "pos": -1})


class PlainItems(Dataset):
    """One item at a time: context, strand, one-hot by base, flags, soft labels."""

    def __init__(self, table: pd.DataFrame):
        self.sequences, self.expression = table["sequence"].tolist(), table["expression"].tolist()
        self.singleton = table["is_singleton"].tolist()

    def __len__(self) -> int:
        return 2 * len(self.sequences)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        i, reverse = i % len(self.sequences), i >= len(self.sequences)
        sequence = (PLASMID_LEFT[:-LEFT_ADAPTER_LENGTH] + self.sequences[i])[-150:]
        if reverse:
            sequence = "".join(COMPLEMENT[base] for base in reversed(sequence))
        x = np.empty((6, 150), dtype=np.float32)
        x[:4] = np.array([ONE_HOT[base] for base in sequence]).T
        x[4], x[5] = reverse, self.singleton[i]
        below = ndtr((np.arange(1, 18) - (self.expression[i] + 0.5)) / 0.5)
        labels = np.diff(np.concatenate([[0.0], below, [1.0]])).astype(np.float32)
        return torch.from_numpy(x), torch.from_numpy(labels)


def seconds(work: Callable[[], None]) -> tuple[float, float]:
    """CPU (all processes of this one) and wall seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def recipe_of(model: str, rows: int, **options: object) -> dict:
    """A published recipe with another batch size and options of the loop."""
    recipe = yaml.safe_load((RECIPES / f"{model}.yaml").read_text(encoding="utf-8"))
    recipe["training"] |= {"batch_size": rows, **options}
    assert not option_problems(recipe["training"])
    return recipe


def supply(table: pd.DataFrame, rows: int, items: int) -> None:
    """Measure and print sequences per second of both ways, on the CPU and without any network."""
    task = ExpressionTask(recipe_of("dream_cnn", rows), table, 1)
    task.batch(0)
    held, n = task.train_rows, len(task.train_rows.codes)
    arrays = sum(a.nbytes for a in (held.codes, held.expression, held.is_singleton, held.places, task._order))
    read = table.memory_usage(deep=True, index=False).sum() / len(table)
    print(f"\n{n:,} training rows: {arrays / n:.0f} bytes each for the task, {read:.0f} for the table it was read from")
    steps = min(200, 2 * n // rows)
    cpu, wall = seconds(lambda: [task.batch(step) for step in range(steps)])
    ours = steps * rows / wall
    print("| supply | sequences/s | CPU us per sequence | times |\n| --- | --- | --- | --- |")
    print(f"| codes in memory, batches of {rows} | {ours:,.0f} | {1e6 * cpu / steps / rows:.2f} | |")

    def expanded(step: int) -> None:
        batch = task.batch(step)
        task.encoding.tensor(batch["codes"], batch["is_reverse"], batch["is_singleton"])

    cpu, wall = seconds(lambda: [expanded(step) for step in range(steps // 4)])
    whole = steps // 4 * rows / wall
    print(f"| the same, expanded on the CPU | {whole:,.0f} | {1e6 * cpu / (steps // 4) / rows:.2f} | |")
    plain = PlainItems(table[table["split"] == "train"])
    check_equal(task, plain)
    for workers in (0, 2):
        loader = DataLoader(plain, batch_size=rows, shuffle=True, num_workers=workers)
        supplied = iter(loader)
        next(supplied)  # starts the workers
        taken = max(1, items // rows)
        cpu, wall = seconds(lambda supplied=supplied, taken=taken: [next(supplied) for _ in range(taken)])
        rate, used = taken * rows / wall, f"{1e6 * cpu / taken / rows:.0f}" if not workers else "-"
        times = f"{ours / rate:.0f} ({whole / rate:.0f} expanded)"
        print(f"| one item at a time, {workers} workers | {rate:,.0f} | {used} | {times} |", flush=True)
        del supplied


def check_equal(task: ExpressionTask, plain: PlainItems) -> None:
    """Both ways give the same numbers."""
    rows = np.array([0, 5, len(task.train_rows.codes) + 3])
    taken = task.train_rows.take(rows)
    given = (torch.from_numpy(taken[name]) for name in ("codes", "is_reverse", "is_singleton"))
    x, labels = task.encoding.tensor(*given), task.loss_function.targets(taken["expression"])
    for i, row in enumerate(rows):
        theirs = plain[int(row)]
        assert torch.equal(x[i], theirs[0])
        assert torch.allclose(labels[i], theirs[1], atol=1e-7)


def steps(table: pd.DataFrame, given: argparse.Namespace, device: torch.device) -> None:
    """Measure and print training steps of each model, and extrapolate the published schedule."""
    print(
        f"\n{device}, {given.threads} thread(s), {given.step_rows} rows per step, {given.steps} steps after a first one"
    )
    columns = ("model", "parameters", "precision", "ms per step", "CPU ms", "sequences/s", "memory, GB", "full, days")
    print(f"| {' | '.join(columns)} |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for model in given.models:
        for precision in given.precisions:
            options = {"precision": precision, **({"compile": True} if given.compile else {})}
            recipe = recipe_of(model, given.step_rows, **options)
            torch.manual_seed(1)
            memory = PeakMemory(device)
            run = Run(ExpressionTask(recipe, table, 1), recipe["training"], Processes(0, 1, device), 1)
            with tempfile.TemporaryDirectory() as folder:
                states = StateFolder(folder, "benchmark")
                run.optimise(states)
                cpu, wall = seconds(lambda run=run, states=states: [run.optimise(states) for _ in range(given.steps)])
            rate, parameters = given.steps * given.step_rows / wall, sum(p.numel() for p in run.network.parameters())
            published = yaml.safe_load((RECIPES / f"{model}.yaml").read_text(encoding="utf-8"))["training"]
            seen = published["epochs"] * (given.full // published["batch_size"]) * published["batch_size"]
            per_step = f"{1000 * wall / given.steps:,.0f} | {1000 * cpu / given.steps:,.0f}"
            print(
                f"| {model} | {parameters:,} | {precision} | {per_step} | {rate:,.0f} | {memory.read() / 1e9:.1f} "
                f"| {seen / rate / 86400:,.1f} |",
                flush=True,
            )
            del run
    print(f"full: published schedule on {given.full:,} sequences, extrapolated from the measured steps; no validation")


def timed(step: Callable[[], None], n: int, device: torch.device) -> float:
    """Wall seconds of ``n`` calls after a first one, the device's work included."""
    step()
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    _, wall = seconds(lambda: ([step() for _ in range(n)], wait()))
    return wall


def plain_step(task: ExpressionTask, items: Dataset, rows: int, workers: int, device: torch.device) -> Callable:
    """A training step as one writes it first: items from a DataLoader to the device, forward, backward, AdamW."""
    network = task.build_network().to(device).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    supplied = iter(DataLoader(items, batch_size=rows, shuffle=True, num_workers=workers, drop_last=True))

    def step() -> None:
        x, labels = next(supplied)
        loss = task.loss_function(network(x.to(device)), labels.to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def whole(given: argparse.Namespace, device: torch.device) -> None:
    """Measure and print training throughput of both ways, and how busy ours keeps the device."""
    rows, n = given.step_rows, given.steps
    table = promoters(max(60 * rows, (n + 2 + 2 * given.workers) * rows))
    items = PlainItems(table[table["split"] == "train"])
    print(f"\n{device}, {given.threads} thread(s), batches of {rows}, {n} steps; sequences/s")
    print(f"| model | precision | ours | per item, {given.workers} workers | times | device busy |")
    print("| --- | --- | --- | --- | --- | --- |")
    for model in given.models:
        torch.manual_seed(1)
        plain_task = ExpressionTask(recipe_of(model, rows), table, 1)
        plain = timed(plain_step(plain_task, items, rows, given.workers, device), n, device)
        for precision in given.precisions:
            recipe = recipe_of(model, rows, precision=precision, **({"compile": True} if given.compile else {}))
            torch.manual_seed(1)
            run = Run(ExpressionTask(recipe, table, 1), recipe["training"], Processes(0, 1, device), 1)
            with tempfile.TemporaryDirectory() as folder:
                states = StateFolder(folder, "benchmark")
                ours = timed(lambda run=run, states=states: run.optimise(states), n, device)
                held = {name: tensor.to(device) for name, tensor in run.task.batch(0).items()}
                run.task.batch, run.next_batch = lambda step, held=held: held, None
                busy = timed(lambda run=run, states=states: run.optimise(states), n, device) / ours
            print(
                f"| {model} | {precision} | {n * rows / ours:,.0f} | {n * rows / plain:,.0f} | {plain / ours:.2f} "
                f"| {min(busy, 1):.0%} |",
                flush=True,
            )
            del run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the dataset")
    parser.add_argument("--items", type=int, default=20_000, help="items of the per-item dataset that are timed")
    parser.add_argument("--batch-size", type=int, default=1024, help="of the supply")
    parser.add_argument("--steps", type=int, default=3, help="0: supply alone")
    parser.add_argument("--step-rows", type=int, default=256, help="rows of a training step")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--full", type=int, default=6_700_000, help="sequences of the full training")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--precisions", nargs="+", default=["float32", "bf16"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--whole", action="store_true", help="training beside the per-item loop instead of the rest")
    parser.add_argument("--workers", type=int, default=2, help="of the per-item loop in --whole")
    given = parser.parse_args()
    with reproducible_numerics(given.threads):
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if given.whole:
            whole(given, device)
            return
        supply(promoters(given.rows), given.batch_size, given.items)
        if given.steps:
            steps(promoters(60 * given.step_rows), given, device)


if __name__ == "__main__":
    main()

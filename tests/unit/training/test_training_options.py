"""Options of the loop: accumulation, precision, averages, compile, several processes; each resumes bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.files import read_table
from cisflow.problems import InputError
from cisflow.training.averaging import weight_average
from cisflow.training.bundle import read_bundle
from cisflow.training.loop import DivergedError
from cisflow.training.options import LoopOptions, option_problems
from cisflow.training.precision import training_network
from cisflow.training.processes import Processes
from cisflow.training.run import Run, parts_of

sys.path.insert(0, str(Path(__file__).parent))
from exact_task import ExactTask, with_options
from torch.optim.swa_utils import AveragedModel
from toy_task import RECIPE, ToyTask, run

FILES = ("weights.safetensors", "recipe.yaml", "history.tsv", "manifest.json")
ALONE = Processes(0, 1, torch.device("cpu"))


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


class KilledError(Exception):
    pass


def stop_at(task: ToyTask, step: int) -> ToyTask:
    batch = task.batch

    def failing(s: int):
        if s == step:
            raise KilledError
        return batch(s)

    task.batch = failing
    return task


EMA = {"name": "ema", "decay": 0.9}
SWA = {"name": "swa", "start": 0.4}
EACH_STEP = {"name": "swa_each_step", "start": 0.4}


@pytest.mark.parametrize(
    "options",
    [
        {"accumulate": 3},
        {"precision": "bf16"},
        {"precision": "fp16"},
        {"averaging": EMA},
        {"averaging": SWA},
        {"averaging": EACH_STEP},
        {"accumulate": 2, "precision": "fp16", "averaging": EMA},
    ],
)
def test_every_option_resumes_bit_for_bit_and_changes_the_result(tmp_path, options):
    for name in ("plain", "whole", "stopped"):
        (tmp_path / name).mkdir()
    recipe = with_options(**options)
    run(tmp_path / "plain", ToyTask(), RECIPE)
    run(tmp_path / "whole", ToyTask(), recipe)
    with pytest.raises(KilledError):
        run(tmp_path / "stopped", stop_at(ToyTask(), 53), recipe)
    task = ToyTask()
    run(tmp_path / "stopped", task, recipe)
    assert task.steps_seen[0] > 0
    assert contents(tmp_path / "whole" / "bundle") == contents(tmp_path / "stopped" / "bundle")
    plain, other = (read_bundle(tmp_path / name / "bundle").weights for name in ("plain", "whole"))
    assert any(not torch.equal(plain[name], other[name]) for name in plain)


def test_compiled_training_resumes_and_agrees(tmp_path):
    for name in ("plain", "whole", "stopped"):
        (tmp_path / name).mkdir()
    recipe = with_options(compile=True)
    plain = run(tmp_path / "plain", ExactTask(n_steps=12))
    whole = run(tmp_path / "whole", ExactTask(n_steps=12), recipe)
    with pytest.raises(KilledError):
        run(tmp_path / "stopped", stop_at(ExactTask(n_steps=12), 11), recipe)
    run(tmp_path / "stopped", ExactTask(n_steps=12), recipe)
    assert contents(tmp_path / "whole" / "bundle") == contents(tmp_path / "stopped" / "bundle")
    np.testing.assert_allclose(whole["training_loss"], plain["training_loss"], rtol=1e-5)
    assert set(read_bundle(tmp_path / "whole" / "bundle").weights) == {"0.weight", "0.bias", "2.weight", "2.bias"}


@pytest.mark.parametrize("accumulate", [2, 3, 16])
def test_accumulated_gradient_is_that_of_the_whole_batch(accumulate):
    gradients, losses = [], []
    for parts in (1, accumulate):
        torch.manual_seed(1)
        training = Run(ExactTask(), with_options(accumulate=parts)["training"], ALONE, 7)
        losses.append(float(training._backward(training.task.batch(0))))
        gradients.append([p.grad.clone() for p in training.network.parameters()])
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    for whole, added in zip(*gradients, strict=True):
        torch.testing.assert_close(added, whole, rtol=2e-5, atol=1e-7)


@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_parts_hold_every_row_once(rows, accumulate, count):
    batch = {"x": torch.arange(rows), "y": torch.arange(2 * rows).reshape(rows, 2)}
    if rows < accumulate * count:
        with pytest.raises(InputError, match="cannot be split"):
            list(parts_of(batch, accumulate, 0, count))
        return
    parts = [part for rank in range(count) for part in parts_of(batch, accumulate, rank, count)]
    assert torch.equal(torch.cat([part["x"] for part, _ in parts]), batch["x"])
    assert torch.equal(torch.cat([part["y"] for part, _ in parts]), batch["y"])
    assert sum(share for _, share in parts) == pytest.approx(1)
    sizes = [len(part["x"]) for part, _ in parts]
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) == accumulate * count


def test_batch_with_unequal_tensors_is_not_split():
    with pytest.raises(InputError, match=r"different numbers.*'y': 3"):
        list(parts_of({"x": torch.zeros(4), "y": torch.zeros(3)}, 2))


def test_short_types_reach_the_network_and_the_loss_is_float32():
    seen = []
    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))
    network[0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    for name, dtype in (("bf16", torch.bfloat16), ("fp16", torch.float16)):
        output = training_network(network, LoopOptions(precision=name), torch.device("cpu"))(torch.ones(5, 4))
        assert (seen.pop(), output.dtype) == (dtype, torch.float32)
    assert network[0].weight.dtype == torch.float32
    assert training_network(network, LoopOptions(), torch.device("cpu")) is network


def test_overflow_in_fp16_skips_the_step_and_halves_the_scale():
    torch.manual_seed(1)
    training = Run(ExactTask(), with_options(precision="fp16")["training"], ALONE, 7)
    before = [p.detach().clone() for p in training.network.parameters()]
    training.task.loss = lambda network, batch: network(batch["x"]).sum() * 1e36
    scale = training.scaler.get_scale()
    training.optimise(None)
    assert training.scaler.get_scale() == scale / 2
    assert all(torch.equal(a, b) for a, b in zip(before, training.network.parameters(), strict=True))


class Numbers(torch.nn.Module):
    """One weight and a buffer of whole numbers."""

    def __init__(self, value: float = 0.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([value], dtype=torch.float64))
        self.register_buffer("bins", torch.arange(18))

    def set(self, value: float) -> Numbers:
        with torch.no_grad():
            self.weight.fill_(value)
        return self


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=15), st.floats(0.01, 0.99), st.booleans())
@settings(max_examples=40, deadline=None)
def test_moving_average_by_its_definition(values, decay, warm_up):
    average = weight_average({"name": "ema", "decay": decay, "warm_up": warm_up}, Numbers(1.0), len(values), 5)
    expected, network = 1.0, Numbers()
    for n, value in enumerate(values, start=1):
        average.after_step(network.set(value), n)
        keep = min(decay, n / (n + 9)) if warm_up else decay
        expected = keep * expected + (1 - keep) * value
    assert average.network.weight.item() == pytest.approx(expected, abs=1e-12)
    assert torch.equal(average.network.bins, torch.arange(18))


def test_stochastic_average_is_the_mean_of_late_epoch_ends():
    average, network = weight_average({"name": "swa", "start": 0.4}, Numbers(), 25, 5), Numbers()
    seen = {}
    for step in range(1, 26):
        average.after_step(network.set(float(step)), step)
        seen[step] = average.network.weight.item()
    assert [seen[step] for step in (5, 10, 15, 20, 25)] == pytest.approx([5, 10, 15, 17.5, 20])
    assert seen[24] == seen[20]


def test_average_of_each_step_is_that_of_a_second_run_of_its_own(tmp_path):
    """As in Orca: fresh optimiser, torch's average of the weights, batch norms fed by passes of the average."""
    task, kept = ToyTask(n_steps=20, steps_per_epoch=4), []
    task.validate = lambda network: (
        kept.append({name: t.clone() for name, t in network.state_dict().items()}),
        {"selection": -float(len(kept))},  # the first validation is the best, of those that count
    )[1]
    training = {
        "optimiser": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9},
        "schedule": {"name": "plateau", "factor": 0.5, "patience": 0},
        "averaging": {"name": "swa_each_step", "start": 0.6},
    }
    history = run(tmp_path, task, {**RECIPE, "training": training})
    best = read_bundle(tmp_path / "bundle")
    assert best.manifest["training"]["best_step"] == 16
    assert history["learning_rate"].tolist() == [0.05, 0.05, 0.025, 0.05, 0.05]

    torch.manual_seed(7)
    network, reference = task.build_network(), None
    for step in range(20):
        if step in (0, 12):
            optimiser = torch.optim.SGD(network.parameters(), 0.05, 0.9)
        if step == 12:
            reference = AveragedModel(network)
        for group in optimiser.param_groups:
            group["lr"] = 0.025 if 8 <= step < 12 else 0.05
        batch = task.batch(step)
        network.train()
        optimiser.zero_grad()
        task.loss(network, batch).backward()
        optimiser.step()
        if reference is not None:
            own = [buffer.clone() for buffer in reference.module.buffers()]
            reference.update_parameters(network)
            for buffer, value in zip(reference.module.buffers(), own, strict=True):
                buffer.copy_(value)  # torch 2 copies the statistics of the network; older versions left them alone
            with torch.no_grad():
                reference.module.train()(batch["x"])
    for name, value in reference.module.state_dict().items():
        torch.testing.assert_close(kept[-1][name], value, rtol=1e-5, atol=1e-6, msg=name)


def test_average_is_what_is_validated_and_kept(tmp_path):
    task, judged = ToyTask(), []
    task.validate = lambda network: (
        judged.append({name: t.clone() for name, t in network.state_dict().items()}),
        {"selection": float(len(judged))},
    )[1]
    run(tmp_path, task, with_options(averaging=EMA))
    kept = read_bundle(tmp_path / "bundle").weights
    assert all(torch.equal(kept[name], tensor) for name, tensor in judged[-1].items())


def test_reading_ahead_changes_nothing(tmp_path, monkeypatch):
    results = []
    for ahead in (False, True):
        folder = tmp_path / str(ahead)
        folder.mkdir()
        with monkeypatch.context() as patch:
            always = property(lambda self, ahead=ahead: ahead, lambda self, value: None)
            patch.setattr(Run, "reads_ahead", always, raising=False)
            task = ToyTask()
            run(folder, task)
        assert task.steps_seen == list(range(60))
        results.append(contents(folder / "bundle"))
    assert results[0] == results[1]


def test_failed_step_names_its_rows(tmp_path):
    task = ToyTask(bad_step=12)
    task.rows = lambda step: np.arange(100, 116)
    rows = r"16 rows of the data, 0-based: 100, 101, 102, 103, 104, 105, 106, 107, \.\.\."
    message = rf"loss of step 12 is nan.*{rows}\) is kept in .*failed_batch_step12\.pt"
    with pytest.raises(DivergedError, match=message):
        run(tmp_path, task, with_options(accumulate=2))
    kept = torch.load(next(tmp_path.glob("state/*/failed_batch_step12.pt")), weights_only=True)
    assert len(kept["x"]) == 16


@pytest.mark.parametrize(
    ("options", "column", "message"),
    [
        ({"accumulate": 0}, "accumulate", "0: expected a positive integer"),
        ({"processes": True}, "processes", "True: expected a positive integer"),
        ({"accumulate": 4, "processes": 3, "batch_size": 8}, "batch_size", "8 rows cannot be split into 12 parts"),
        ({"precision": "bf17"}, "precision", "did you mean 'bf16'"),
        ({"compile": "yes"}, "compile", "'yes': expected true or false"),
        ({"averaging": "ema"}, "averaging", "expected a mapping with the key `name`"),
        ({"averaging": {"name": "emma"}}, "averaging.name", "not one of: ema, swa"),
        ({"averaging": {"name": "ema"}}, "averaging.decay", "None: expected a number between 0 and 1"),
        ({"averaging": {"name": "swa", "start": 1}}, "averaging.start", "1: expected a share of the steps"),
        (
            {"averaging": {"name": "swa_each_step", "fresh_optimiser": 1}},
            "averaging.fresh_optimiser",
            "1: expected true",
        ),
        ({"averaging": {"name": "swa", "decay": 0.5}}, "averaging.decay", "unknown key"),
    ],
)
def test_bad_options_are_refused(tmp_path, options, column, message):
    problem = next(p for p in option_problems(options) if p.column == f"training.{column}")
    assert message in problem.what
    with pytest.raises(InputError):
        run(tmp_path, ToyTask(), with_options(**options))
    assert not (tmp_path / "state").exists()


def test_more_processes_than_were_started(tmp_path):
    with pytest.raises(InputError, match=r"processes.*2, but this training was started in 1 process"):
        run(tmp_path, ToyTask(), with_options(processes=2))


def torchrun(folder: Path, options: dict, exact: bool, stop: int = 0, **task) -> int:
    """Train in two processes; the exit status."""
    folder.mkdir(exist_ok=True)
    program = str(Path(__file__).parent / "exact_task.py")
    given = json.dumps({"task": task, "exact": exact, "options": {"processes": 2, **options}, "stop": stop})
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
    command += ["--rdzv-endpoint", "localhost:0", program, str(folder), given]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # Once in some dozens of runs on a busy machine the two do not come up or down together, for a cause outside the
    # training that was not found. The same command then continues from the saved state, which has to end the same.
    for attempt in (1, 2):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == 0 or stop or attempt == 2:
            break
        warnings.warn(f"torchrun ended with {done.returncode}, repeated: {done.stderr[-3000:]}", stacklevel=2)
    print(done.stdout, done.stderr)  # pytest shows it when the test fails
    return done.returncode


def test_two_processes_train_as_one(tmp_path):
    (tmp_path / "one").mkdir()
    one = run(tmp_path / "one", ExactTask(norm=True))
    assert torchrun(tmp_path / "two", {}, exact=True, norm=True) == 0
    two = read_table(tmp_path / "two" / "bundle" / "history.tsv")
    for column in ("training_loss", "selection", "mse"):
        np.testing.assert_allclose(two[column], one[column], rtol=2e-4)
    first, second = (read_bundle(tmp_path / name / "bundle").weights for name in ("one", "two"))
    assert list(first) == list(second)
    torch.testing.assert_close(second["1.running_var"], first["1.running_var"], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_two_processes_with_dropout_resume_bit_for_bit(tmp_path):
    options = {"accumulate": 2, "averaging": EMA}
    assert torchrun(tmp_path / "whole", options, exact=False) == 0
    assert torchrun(tmp_path / "stopped", options, exact=False, stop=53) != 0
    state = next((tmp_path / "stopped").glob("state/*/state.pt"))
    assert torch.load(state, weights_only=True)["step"] >= 50
    assert torchrun(tmp_path / "stopped", options, exact=False) == 0
    assert contents(tmp_path / "whole" / "bundle") == contents(tmp_path / "stopped" / "bundle")

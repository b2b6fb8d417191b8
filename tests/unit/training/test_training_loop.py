"""The training loop: resume after a kill, selection, schedules' golden values, stops on bad numbers."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import torch

from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle, write_bundle
from cisflow.training.loop import DivergedError
from cisflow.training.numerics import reproducible_numerics
from cisflow.training.optimisers import OPTIMISERS
from cisflow.training.schedules import SCHEDULES
from cisflow.training.stop import StoppedError

sys.path.insert(0, str(Path(__file__).parent))
from toy_task import RECIPE, ToyTask, run

FILES = ("weights.safetensors", "recipe.yaml", "history.tsv", "manifest.json")


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    run(folder, ToyTask())
    assert not (folder / "state").exists()
    return contents(folder / "bundle")


def test_same_seed_gives_same_bytes_and_another_seed_does_not(tmp_path, undisturbed):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run(tmp_path / "a", ToyTask())
    run(tmp_path / "b", ToyTask(), seed=8)
    assert contents(tmp_path / "a" / "bundle") == undisturbed
    assert contents(tmp_path / "b" / "bundle")["weights.safetensors"] != undisturbed["weights.safetensors"]


def test_killed_job_continues_bit_for_bit(tmp_path, undisturbed):
    program = [sys.executable, str(Path(__file__).parent / "toy_task.py"), str(tmp_path)]
    process = subprocess.Popen(program, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        states = list(tmp_path.glob("state/*/state.pt"))
        if states and torch.load(states[0], weights_only=True)["step"] >= 23:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "bundle").exists()
    task = ToyTask()
    run(tmp_path, task)
    assert 23 <= task.steps_seen[0] < 60
    assert task.steps_seen == list(range(task.steps_seen[0], 60))
    assert contents(tmp_path / "bundle") == undisturbed
    assert not (tmp_path / "state").exists()


def test_job_asked_to_stop_saves_its_last_step_and_continues(tmp_path, undisturbed):
    class StoppedTask(ToyTask):
        def batch(self, step):
            if step == 23:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().batch(step)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StoppedError, match="state after step 24 of 60 is saved, and the same command continues"):
        run(tmp_path, StoppedTask(), save_every_seconds=1000)
    assert signal.getsignal(signal.SIGTERM) is before
    task = ToyTask()
    run(tmp_path, task)
    assert task.steps_seen == list(range(24, 60))
    assert contents(tmp_path / "bundle") == undisturbed


class KilledError(Exception):
    pass


def stop_at(task: ToyTask, step: int) -> ToyTask:
    """Task that fails when it is asked for the batch of ``step``."""
    batch = task.batch

    def failing(s: int):
        if s == step:
            raise KilledError
        return batch(s)

    task.batch = failing
    return task


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"code": "abd"},
        {"threads": 2},
        {"recipe": {**RECIPE, "note": "changed"}},
    ],
)
def test_state_of_another_training_is_not_continued(tmp_path, change):
    with pytest.raises(KilledError):
        run(tmp_path, stop_at(ToyTask(), 33))
    task = ToyTask()
    run(tmp_path, task, **change)
    assert task.steps_seen[0] == 0


def test_state_holds_only_for_the_same_data(tmp_path):
    with pytest.raises(KilledError):
        run(tmp_path, stop_at(ToyTask(), 33))
    other = tmp_path / "other.txt"
    other.write_text("other data\n")
    task = ToyTask()
    run(tmp_path, task, inputs={"data": other})
    assert task.steps_seen[0] == 0


def test_damaged_state_starts_again(tmp_path, undisturbed):
    with pytest.raises(KilledError):
        run(tmp_path, stop_at(ToyTask(), 33))
    state = next(tmp_path.glob("state/*/state.pt"))
    state.write_bytes(state.read_bytes()[:1000])
    run(tmp_path, ToyTask())
    assert contents(tmp_path / "bundle") == undisturbed


SCHEDULE_SETTINGS = {
    "plateau": {"patience": 0},
    "noam": {"warm_up": 20, "momentum_step": True},
    "linear_cosine": {"max_learning_rate": 0.01},
}


@pytest.mark.parametrize(
    ("optimiser", "schedule"),
    [
        *product(["adam", "sgd"], ["cosine", "linear_cosine", "noam", "plateau", "constant"]),
        *product(["lion", "radam", "rmsprop"], ["constant"]),
    ],
)
def test_every_schedule_and_optimiser_resumes(tmp_path, optimiser, schedule):
    training = {
        "optimiser": {"name": optimiser, "learning_rate": 0.01},
        "schedule": {"name": schedule, **SCHEDULE_SETTINGS.get(schedule, {})},
        "clip_gradient_value": 0.5,
    }
    if optimiser == "sgd":
        training["optimiser"]["momentum"] = 0.9
    recipe = {"task": "toy", "training": training}
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    run(tmp_path / "whole", ToyTask(), recipe)
    with pytest.raises(KilledError):
        run(tmp_path / "stopped", stop_at(ToyTask(), 33), recipe)
    run(tmp_path / "stopped", ToyTask(), recipe)
    assert contents(tmp_path / "whole" / "bundle") == contents(tmp_path / "stopped" / "bundle")


def test_early_stop_comes_at_the_same_step_after_a_resume(tmp_path):
    optimiser = {"name": "sgd", "learning_rate": 1e-9}
    recipe = {"task": "toy", "training": {"optimiser": optimiser, "schedule": {"name": "constant"}, "patience": 2}}
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole = ToyTask(n_steps=400)
    run(tmp_path / "whole", whole, recipe)
    training = read_bundle(tmp_path / "whole" / "bundle").manifest["training"]
    assert training["steps"] == training["best_step"] + 20 == len(whole.steps_seen) < 400
    with pytest.raises(KilledError):
        run(tmp_path / "stopped", stop_at(ToyTask(n_steps=400), training["steps"] - 1), recipe)
    run(tmp_path / "stopped", ToyTask(n_steps=400), recipe)
    assert contents(tmp_path / "whole" / "bundle") == contents(tmp_path / "stopped" / "bundle")


def test_job_killed_before_its_bundle_was_written(tmp_path, undisturbed, monkeypatch):
    def killed(*arguments):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("cisflow.training.loop.write_bundle", killed)
        with pytest.raises(KilledError):
            run(tmp_path, ToyTask())
    task = ToyTask()
    run(tmp_path, task)
    assert task.steps_seen == []
    assert contents(tmp_path / "bundle") == undisturbed


def test_numerical_settings_are_put_back():
    before = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    with reproducible_numerics(before[0] + 1, tf32=not before[1]):
        assert (torch.get_num_threads(), torch.backends.cudnn.allow_tf32) == (before[0] + 1, not before[1])
        assert torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.backends.cudnn.allow_tf32) == before
    assert not torch.are_deterministic_algorithms_enabled()


def test_best_network_by_strict_rise_is_kept(tmp_path):
    values = iter([0.1, 0.5, 0.5, 0.3, float("nan"), 0.4])
    weights = []
    task = ToyTask()

    def validate(network):
        weights.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return {"selection": next(values)}

    task.validate = validate
    history = run(tmp_path, task)
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.manifest["training"]["best_step"] == 20
    assert all(torch.equal(bundle.weights[name], tensor) for name, tensor in weights[1].items())
    assert not torch.equal(bundle.weights["0.weight"], weights[2]["0.weight"])
    assert list(history["step"]) == [10, 20, 30, 40, 50, 60]


def test_last_partial_epoch_is_validated(tmp_path):
    history = run(tmp_path, ToyTask(n_steps=25))
    assert list(history["step"]) == [10, 20, 25]
    assert list(history["epoch"]) == [1, 2, 3]


def test_non_finite_loss_stops_and_keeps_the_batch(tmp_path):
    with pytest.raises(DivergedError, match=r"training loss of step 12 is nan.*failed_batch_step12\.pt"):
        run(tmp_path, ToyTask(bad_step=12))
    kept = torch.load(next(tmp_path.glob("state/*/failed_batch_step12.pt")), weights_only=True)
    assert kept["y"].isnan().all()
    assert not (tmp_path / "bundle").exists()


def test_selection_that_is_never_finite_is_an_error(tmp_path):
    task = ToyTask(n_steps=20)
    task.validate = lambda network: {"selection": float("nan")}
    with pytest.raises(DivergedError, match="no validation gave a finite selection metric"):
        run(tmp_path, task)


@pytest.mark.parametrize(
    ("key", "settings", "message"),
    [
        (
            "optimiser",
            {"name": "adamv"},
            "optimiser 'adamv' is not one of: adam, adamw, lion, radam, rmsprop, sgd .did you mean 'adam'",
        ),
        ("schedule", {"name": "one_cycle", "max_lr": 1.0}, "schedule 'one_cycle'.*its settings are: max_learning_rate"),
        ("schedule", "cosine", "expected a mapping with the key `name`"),
        ("optimiser", {"name": "no_package_of_this_name:Thing"}, "cannot be imported"),
    ],
)
def test_unknown_parts_are_told(tmp_path, key, settings, message):
    recipe = {"training": {**RECIPE["training"], key: settings}}
    with pytest.raises(InputError, match=message):
        run(tmp_path, ToyTask(), recipe)


def test_part_by_dotted_path():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = OPTIMISERS.make({"name": "torch.optim:RMSprop", "lr": 0.5}, [parameter])
    assert isinstance(optimiser, torch.optim.RMSprop)
    assert optimiser.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("run_name", ["small_100_steps", "full_80000_steps"])
def test_one_cycle_golden(golden, run_name):
    expected = json.loads((golden / "dream" / "onecycle_golden.json").read_text())[run_name]
    optimiser = OPTIMISERS.make({"name": "adamw"}, [torch.nn.Parameter(torch.zeros(1))])
    schedule = SCHEDULES.make(
        {"name": "one_cycle", "max_learning_rate": expected["max_lr"]}, optimiser, expected["total_steps"]
    )
    rows = {row["step_index"]: row for row in expected["rows"]}
    optimiser.step()
    for step in range(expected["total_steps"]):
        if step in rows:
            group = optimiser.param_groups[0]
            assert group["lr"] == pytest.approx(rows[step]["lr_used"], rel=1e-12, abs=1e-18)
            assert group["betas"][0] == pytest.approx(rows[step]["beta1_used"], rel=1e-12)
            assert group["betas"][1] == rows[step]["beta2"]
        if step < expected["total_steps"] - 1:
            schedule.after_step()


def linear_cosine_rates(n_steps, **settings):
    optimiser = OPTIMISERS.make({"name": "adam"}, [torch.nn.Parameter(torch.zeros(1))])
    schedule = SCHEDULES.make({"name": "linear_cosine", "max_learning_rate": 5e-4, **settings}, optimiser, n_steps)
    rates = []
    for _ in range(n_steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.after_step()
    return rates


def test_linear_cosine_is_the_published_schedule_of_the_dream_profile_models():
    rates = linear_cosine_rates(1000)
    assert rates[0] == pytest.approx(5e-4 / 25, rel=1e-12)
    assert rates[150] == pytest.approx(5e-4 / 25 + 0.5 * (5e-4 - 5e-4 / 25), rel=1e-12)  # half-way up the line
    assert rates[300] == pytest.approx(5e-4, rel=1e-12)
    last = 5e-4 / 25 / 1e4
    assert rates[650] == pytest.approx(last + 0.5 * (5e-4 - last), rel=1e-12)  # half-way down the cosine
    assert rates[999] == pytest.approx(last + (5e-4 - last) * 0.5 * (1 + math.cos(math.pi * 699 / 700)), rel=1e-9)


def test_linear_cosine_of_a_given_length_stays_at_its_end():
    assert linear_cosine_rates(20, total_steps=1000) == linear_cosine_rates(1000)[:20]
    assert linear_cosine_rates(20, total_steps=10)[10:] == pytest.approx([5e-4 / 25 / 1e4] * 10, rel=1e-12)


def test_plateau_lowers_the_rate_after_ten_tolerated_validations():
    optimiser = OPTIMISERS.make({"name": "sgd", "learning_rate": 1.0}, [torch.nn.Parameter(torch.zeros(1))])
    schedule = SCHEDULES.make({"name": "plateau"}, optimiser, 100)
    rates = []
    for value in [0.5, *[0.5] * 11, 0.6, 0.6]:
        schedule.after_step()
        schedule.after_validation(value)
        rates.append(optimiser.param_groups[0]["lr"])
    assert rates == [1.0] * 11 + [0.9] * 3


def test_bundle_round_trip_and_missing_files(tmp_path):
    weights = {"w": torch.arange(6, dtype=torch.float32).reshape(2, 3).T, "n": torch.tensor(3)}
    write_bundle(tmp_path, weights, {"task": "toy"}, pd.DataFrame({"step": [1]}), {"seed": 1})
    bundle = read_bundle(tmp_path)
    assert torch.equal(bundle.weights["w"], weights["w"])
    assert bundle.weights["n"].item() == 3
    assert (bundle.recipe, bundle.manifest, list(bundle.history["step"])) == ({"task": "toy"}, {"seed": 1}, [1])
    (tmp_path / "weights.safetensors").write_bytes(b"not tensors")
    with pytest.raises(InputError, match="not a safetensors file"):
        read_bundle(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"manifest\.json: file not found"):
        read_bundle(tmp_path)

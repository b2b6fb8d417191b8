"""An expression model trained in two processes from a job that is one, and the rows that a failed step names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cisflow.files import read_table, write_table
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.recipes import check_expression_recipe
from cisflow.models.train import train_expression_model
from cisflow.problems import InputError
from cisflow.training.launch import run_in_processes
from cisflow.training.stop import StoppedError

RECIPE = {
    "task": "expression",
    "model": "network",
    "encoding": {"name": "pad", "length": 24},
    "network": {
        "first": {"name": "autosome_first", "channels": 8, "kernel": 3},
        "core": {"name": "autosome_core", "widths": [8], "kernel": 3, "expansion": 2},
        "final": {"name": "autosome_final", "bins": 18},
    },
    "loss": {"name": "soft_labels", "bins": 18},
    "training": {
        "batch_size": 16,
        "epochs": 2,
        "optimiser": {"name": "sgd", "learning_rate": 0.01},
        "schedule": {"name": "constant"},
    },
}


def table() -> pd.DataFrame:
    """Sixty random sequences, the rows of the three splits mixed."""
    rng = np.random.default_rng(3)
    n = 60
    return pd.DataFrame(
        {
            "element": [f"e{i}" for i in range(n)],
            "sequence": ["".join(rng.choice(list("ACGT"), 20)) for _ in range(n)],
            "expression": np.arange(n) * 0.25,
            "is_singleton": False,
            "split": rng.permutation(["train"] * 40 + ["validation"] * 12 + ["test"] * 8),
            "pos": -1,
        }
    )


def train(folder: Path, recipe: dict) -> pd.DataFrame:
    """Train into a folder and return the history."""
    write_table(table(), folder / "dataset.parquet")
    settings = {"recipe": recipe, "dataset": "toy", "model": "small", "replicate": 1, "seed": 1, "device": "cpu"}
    settings["training"] = {"threads": 1, "save_every_seconds": 60}
    train_expression_model(folder / "dataset.parquet", folder / "bundle", folder / "state", settings, "abc")
    assert not (folder / "state").exists()
    return read_table(folder / "bundle" / "history.tsv")


def test_two_processes_give_the_course_of_one(tmp_path):
    one = train(tmp_path / "one", RECIPE)
    two = train(tmp_path / "two", {**RECIPE, "training": {**RECIPE["training"], "processes": 2}})
    np.testing.assert_allclose(two["training_loss"], one["training_loss"], rtol=1e-5)
    np.testing.assert_allclose(two["mse"], one["mse"], rtol=1e-4)


@pytest.mark.slow
def test_processes_asked_to_stop_save_and_continue(tmp_path):
    recipe = {**RECIPE, "training": {**RECIPE["training"], "processes": 2, "epochs": 200}}
    whole = train(tmp_path / "whole", recipe)
    state = tmp_path / "stopped" / "state"

    def stop() -> None:
        while not any(state.rglob("state.pt")):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(StoppedError, match="training in 2 processes was asked to stop"):
        train(tmp_path / "stopped", recipe)
    step = torch.load(next(state.rglob("state.pt")), weights_only=True)["step"]
    assert 0 < step < whole["step"].iloc[-1]
    pd.testing.assert_frame_equal(train(tmp_path / "stopped", recipe), whole)


def test_failing_processes_end_the_job(tmp_path):
    with pytest.raises(RuntimeError, match=r"training in 1 processes ended with status 1"):
        run_in_processes("cisflow.training.state:state_key", {"made_of": "x", "no": 1}, 1, tmp_path)


def test_process_ends_with_its_launcher():
    launcher = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    program = "import sys, time\nfrom cisflow.training import launch\nlaunch.WATCH_SECONDS = 0.1\n"
    program += "launch._end_with(int(sys.argv[1]))\nprint('ready', flush=True)\ntime.sleep(60)"
    worker = subprocess.Popen([sys.executable, "-c", program, str(launcher.pid)], stdout=subprocess.PIPE)
    assert worker.stdout.readline() == b"ready\n"
    assert worker.poll() is None
    launcher.kill()
    launcher.wait()
    assert worker.wait(timeout=20) == 1


def test_rows_of_a_step_are_those_of_its_batch():
    given = table()
    task = ExpressionTask(RECIPE, given, 5)
    for step in (0, 7):
        drawn = given.iloc[task.rows(step)]
        assert (drawn["split"] == "train").all()
        targets = task.loss_function.targets(drawn["expression"].to_numpy())
        assert np.array_equal(task.batch(step)["targets"].numpy(), targets.numpy())


def test_options_of_a_recipe_are_checked():
    training = {**RECIPE["training"], "accumulate": 5, "processes": 4, "precision": "int8"}
    with pytest.raises(InputError) as caught:
        check_expression_recipe({**RECIPE, "training": training})
    assert {p.column for p in caught.value.problems} == {"training.batch_size", "training.precision"}
    check_expression_recipe({**RECIPE, "training": {**training, "accumulate": 2, "precision": "bf16"}})

"""The three stages of Orca's training through the DAG: each from the one before, killed in between, levels scored."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
import yaml

from cisflow.files import read_table
from cisflow.models.contact_train import ContactFiles, train_contact_model
from cisflow.training.bundle import read_bundle
from conftest import CHECKOUT
from running import command, environment, planned_rules, snakemake

pytestmark = pytest.mark.dag
STAGES = CHECKOUT / "tests" / "workflow" / "stages.yaml"
OPTIONS = ("--cores", "2", "--configfile", str(STAGES))
MODELS = "results/stages/models/synthetic"
SUMMARY = "results/stages/evaluation/synthetic.third/contact_summary.tsv"
LADDER = "results/stages/figures/contacts/synthetic.third.ladder.trans_best.svg"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a run that was killed (SIGKILL, all jobs) in the second stage, and then asked for again."""
    folder = tmp_path_factory.mktemp("stages")
    process = subprocess.Popen(
        command("--directory", str(folder), f"{MODELS}/second/seed1/weights.safetensors", *OPTIONS),
        cwd=CHECKOUT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 1200
    try:
        while not any((folder / "state/stages/synthetic/second").rglob("state.pt")):
            assert process.poll() is None, "the run ended before a state was saved"
            assert time.monotonic() < deadline, "no state was saved"
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (folder / MODELS / "second/seed1/weights.safetensors").exists()
    shutil.rmtree(folder / ".snakemake" / "locks")
    code, text = snakemake(folder, SUMMARY, LADDER, *OPTIONS)
    assert code == 0, text[-6000:]
    return folder


def test_killed_stage_goes_on_to_the_network_of_one_that_was_not(run, tmp_path):
    assert "continu" in (run / "logs/stages/models/synthetic.second.seed1.log").read_text()
    bundle, maps = run / MODELS / "second" / "seed1", run / "results/stages/contacts/synthetic"
    files = ContactFiles(
        maps / "map.cool",
        maps / "expected.npz",
        next((run / "results/stages/genome").glob("*.2bit")),
        start=run / MODELS / "first" / "seed1",
    )
    settings = read_bundle(bundle).manifest["settings"]
    settings |= {"recipe": yaml.safe_load((bundle / "recipe.yaml").read_text()), "device": "cpu"}
    settings["training"] = {"threads": 1, "save_every_seconds": 60}
    train_contact_model(files, tmp_path / "bundle", tmp_path / "state", settings, "c0de")
    for name in ("weights.safetensors", "history.tsv"):
        assert (tmp_path / "bundle" / name).read_bytes() == (bundle / name).read_bytes(), name


def test_each_stage_keeps_the_encoders_of_the_one_before(run):
    first, second, third = (read_bundle(run / MODELS / name / "seed1").weights for name in ("first", "second", "third"))
    assert all(second[f"net0.{name}"].equal(value) for name, value in first.items() if "1d" not in name)
    kept = [name for name in third if name.startswith(("net0.", "net."))]
    assert {name.split(".")[0] for name in kept} == {"net0", "net"}
    assert all(third[name].equal(second[name]) for name in kept)


def test_every_level_and_kind_of_contacts_is_scored_and_drawn(run):
    summary = read_table(run / SUMMARY)
    expected = {(kind, level) for kind in ("cis", "trans") for level in (64_000, 128_000)}
    assert set(zip(summary["kind"], summary["level"], strict=True)) == expected
    assert np.isfinite(summary.loc[summary["metric"] == "mse", "value"]).all()
    drawn = read_table((run / LADDER).with_suffix(".tsv"))
    assert set(drawn["column"]) == {"64 kb", "128 kb"}
    assert np.isfinite(drawn["observed"]).any()


def test_own_weights_to_start_from_are_an_input(run, tmp_path):
    """A folder with a bundle as ``start_from``: nothing before it is trained again."""
    recipe = yaml.safe_load((CHECKOUT / "tests/workflow/stages/third.yaml").read_text())
    (tmp_path / "third.yaml").write_text(yaml.safe_dump(recipe | {"start_from": str(run / MODELS / "second/seed1")}))
    (tmp_path / "models.tsv").write_text(
        f"model\tdataset\trecipe\tseeds\nthird\tsynthetic\t{tmp_path / 'third.yaml'}\t1\n"
    )
    overlay = tmp_path / "own.yaml"
    overlay.write_text(yaml.safe_dump({"sheets": {"models": str(tmp_path / "models.tsv")}}))
    target = f"{MODELS}/third/seed1/weights.safetensors"
    code, text = snakemake(tmp_path, target, "-n", *OPTIONS, str(overlay))
    assert code == 0, text[-6000:]
    assert re.search(r"^train_contact_model +1$", text, flags=re.MULTILINE)
    assert "predict_contacts" not in planned_rules(text)

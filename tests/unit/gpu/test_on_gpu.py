"""What only a machine with a GPU can show; skipped elsewhere.

The published networks against the golden files, trainings that are stopped and continued, short types, jobs that share
a GPU, and batches that no longer fit.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from cisflow import gpu_leases
from cisflow.gpu_leases import FOLDER, INHERITED, VISIBLE
from cisflow.models.cascade_network import orca_cascade
from cisflow.models.contact_predict import predict_windows
from cisflow.models.contact_train import ContactFiles, train_contact_model
from cisflow.models.predict import load_bundle
from cisflow.models.speed import SpeedSettings, measure_forward, measure_training
from cisflow.models.train import train_expression_model
from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle
from cisflow.training.numerics import reproducible_numerics
from cisflow.training.processes import joined

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
sys.path.insert(0, str(Path(__file__).parents[1] / "contact_models"))
sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
import golden_networks
import orca_fill
import test_orca_golden as orca
import test_stages as stages
import toy_task
from expression_toys import NARROW, toy_table
from small_map import STUDY, write_small_map

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
GPU = torch.device("cuda")
CHECKOUT = Path(__file__).parents[3]
RECIPES = CHECKOUT / "config" / "recipes"


@pytest.fixture(autouse=True)
def exact():
    with reproducible_numerics(1):
        yield


@pytest.fixture(autouse=True)
def own_leases(monkeypatch, tmp_path):
    """Leases of this test alone, given back at its end."""
    for name in (INHERITED, VISIBLE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv(FOLDER, str(tmp_path / "leases"))
    monkeypatch.setattr(gpu_leases, "_leases", None)


@torch.no_grad()
@pytest.mark.parametrize("kind", "AB")
@pytest.mark.parametrize("name", ["Encoder", "Encoder2", "Encoder2b", "Encoder3", "Decoder", "Decoder_1m"])
def test_orca_modules_are_those_of_the_original(name, kind, golden):
    expected = np.load(golden / "orca" / f"{name}_golden.npz")
    module = orca_fill.fill(orca.MODULES[name](), kind).to(GPU)
    if name == "Encoder":
        orca.close(module(orca_fill.dna(40_000).to(GPU)).cpu(), expected[f"{kind}_L40000"], kind)
    elif name.startswith("Encoder"):
        for k, level in enumerate(module(orca_fill.encoding(64).to(GPU))):
            orca.close(level.cpu(), expected[f"{kind}_L64_out{k}"], kind)
    elif name == "Decoder":
        z, d, coarse = (one.to(GPU) for one in (orca_fill.encoding(50), orca_fill.distance(50), orca_fill.coarse(25)))
        orca.close(module(z, d).cpu(), expected[f"{kind}_L50_top"], kind)
        orca.close(module(z, d, coarse).cpu(), expected[f"{kind}_L50_nearest"], kind)
    else:
        orca.close(module(orca_fill.encoding(50).to(GPU)).cpu(), expected[f"{kind}_L50"], kind)


@torch.no_grad()
def test_orca_net_on_one_megabase_is_that_of_the_original(golden):
    expected = np.load(golden / "orca" / "Net_golden.npz")
    net = orca_fill.fill(orca.MODULES["Net"](), "B").to(GPU)
    contacts, profiles = net(orca_fill.dna(1_000_000).to(GPU))
    orca.close(contacts.cpu(), expected["B_contact"])
    orca.close(profiles.cpu(), expected["B_profiles"])


@torch.no_grad()
@pytest.mark.parametrize("name", golden_networks.ALL)
def test_expression_networks_are_those_of_a_cpu(name):
    network = golden_networks.build(name)
    golden_networks.fill(network, "B")
    x = golden_networks.inputs(name, "B")[1]
    expected = network(x)
    found = network.to(GPU)(x.to(GPU))
    outputs = (out if isinstance(out, tuple) else (out,) for out in (found, expected))
    for one, other in zip(*([part for part in out if part is not None] for out in outputs), strict=True):
        np.testing.assert_allclose(one.cpu().numpy(), other.numpy(), rtol=1e-4, atol=1e-4)


def narrow_cascade():
    torch.manual_seed(3)
    options = {"widths": (8, 8), "pools": (10, 20), "kernel_size": 3, "steps": 2, "channels": 8, "middle": 4}
    return orca_cascade(8, 200, **options, dilations=(1, 2), dilations_1m=(1, 2), dropout=0.0)


def test_a_cascade_learns_level_by_level_as_on_a_cpu():
    gradients = {}
    codes = torch.randint(0, 5, (2, 6400), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    for device in ("cpu", "cuda"):
        cascade = narrow_cascade().to(device).train()
        background = [torch.zeros(1, 1, 8, 8, device=device)] * 3
        offsets = cascade.ladder.offsets([2, 3])
        cascade(codes.to(device), offsets, background, lambda level, contacts: contacts.square().sum().backward())
        gradients[device] = {name: p.grad.cpu() for name, p in cascade.named_parameters() if p.grad is not None}
    assert gradients["cpu"].keys() == gradients["cuda"].keys()
    # A bias before a batch norm has a gradient of rounding alone.
    compared = [name for name, value in gradients["cpu"].items() if value.abs().max() > 1e-3]
    assert len(compared) > 40
    for name in compared:
        scale = float(gradients["cpu"][name].abs().max())
        np.testing.assert_allclose(gradients["cuda"][name].numpy(), gradients["cpu"][name].numpy(), atol=2e-3 * scale)


def test_a_stopped_training_continues_as_if_nothing_had_happened(tmp_path):
    whole, task = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, task):
        folder.mkdir()
    toy_task.run(whole, OnGpu(), device=GPU)
    stopping = OnGpu()
    batch = stopping.batch

    def failing(step):
        if step == 37:
            raise SystemExit(3)
        time.sleep(0.02)
        return batch(step)

    stopping.batch = failing
    with pytest.raises(SystemExit):
        toy_task.run(task, stopping, device=GPU)
    continued = OnGpu()
    toy_task.run(task, continued, device=GPU)
    assert 0 < min(continued.steps_seen) <= 37
    assert (whole / "bundle" / "history.tsv").read_bytes() == (task / "bundle" / "history.tsv").read_bytes()
    one, other = (read_bundle(folder / "bundle").weights for folder in (whole, task))
    assert all(torch.equal(one[name], other[name]) for name in one)


class OnGpu(toy_task.ToyTask):
    """The toy task, validated where its network is."""

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        device = next(network.parameters()).device
        self.x, self.y = self.x.to(device), self.y.to(device)
        try:
            return super().validate(network)
        finally:
            self.x, self.y = self.x.cpu(), self.y.cpu()


OPTIONS = {
    "float32": {},
    "tf32": {"tf32": True},
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
    "parts": {"accumulate": 4},
    "average": {"averaging": {"name": "ema", "decay": 0.9}},
    "compiled": {"compile": True},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "toy.parquet"
    toy_table().to_parquet(path)
    return path


def expression_settings(device, **options):
    schedule = {"name": "one_cycle", "max_learning_rate": 0.02}
    recipe = {**NARROW, "training": {**NARROW["training"], "epochs": 30, "schedule": schedule, **options}}
    given = {"dataset": "toy", "model": "narrow", "replicate": 1, "seed": 2022, "recipe": recipe, "device": device}
    return {**given, "training": {"threads": 1, "save_every_seconds": 10}}


@pytest.mark.parametrize("option", OPTIONS)
def test_expression_models_learn(option, dataset, tmp_path):
    bundle = tmp_path / "bundle"
    train_expression_model(dataset, bundle, tmp_path / "state", expression_settings("cuda", **OPTIONS[option]), "code")
    history = read_bundle(bundle).history
    assert history["selection"].max() > 0.85
    assert history["training_loss"].iloc[-1] < history["training_loss"].iloc[0] - 0.8


def test_the_same_seed_gives_the_same_bytes_and_nearly_those_of_a_cpu(dataset, tmp_path):
    devices = {"one": "cuda", "other": "cuda", "cpu": "cpu"}
    for name, device in devices.items():
        train_expression_model(dataset, tmp_path / name, tmp_path / "state", expression_settings(device), "code")
    one, other, cpu = (read_bundle(tmp_path / name) for name in devices)
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    assert one.history["training_loss"].iloc[0] == pytest.approx(cpu.history["training_loss"].iloc[0], rel=0.05)
    predicted = []
    for device in ("cpu", "cuda"):
        bundle = load_bundle(tmp_path / "one", torch.device(device))
        predicted.append(bundle.predict(toy_table()["sequence"].tolist()))
    np.testing.assert_allclose(*predicted, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def contact_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    write_small_map(folder, lengths=STUDY, gaps=True)
    return ContactFiles(folder / "map.cool", folder / "expected.npz", folder / "genome.fa")


@pytest.mark.parametrize("option", ["float32", "tf32", "bf16", "fp16"])
def test_three_stages_of_contact_models(option, contact_files, tmp_path):
    start = None
    for name, recipe in stages.RECIPES.items():
        recipe = {**recipe, "training": {**recipe["training"], **OPTIONS[option]}}
        given = dataclasses.replace(contact_files, start=tmp_path / start) if start else contact_files
        train_contact_model(given, tmp_path / name, tmp_path / "state", stages.job(recipe, name, device="cuda"), "c0de")
        assert np.isfinite(read_bundle(tmp_path / name).history["training_loss"]).all()
        predicted = []
        for device in ("cpu", "cuda"):
            predicted.append(predict_windows({1: tmp_path / name}, given, stages.TEST, name, device, 1))
        maps = [name for name in predicted[0] if name.startswith("predicted")]
        assert maps
        for one in maps:
            np.testing.assert_allclose(predicted[1][one], predicted[0][one], rtol=1e-4, atol=1e-4)
        start = name


def test_forward_batches_grow_until_the_gpu_is_full():
    recipe = yaml.safe_load((RECIPES / "reference" / "narrow" / "deepstarr.yaml").read_text())
    settings = SpeedSettings(batch_size=1024, batches=1, forward_batches=1, repeats=1, max_batch=2**30)
    gc.collect()
    torch.cuda.empty_cache()  # what lies there ready counts as free, whatever the fraction
    held = torch.cuda.memory_allocated()
    total = torch.cuda.get_device_properties(GPU).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (held + 2e9) / total))
    try:
        found = list(measure_forward(recipe, settings, GPU))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    assert len(found) > 1
    assert found[-1][2] == "error"
    assert held < found[-1][1] < held + 3e9
    rows, peak = measure_training(recipe, settings, GPU)
    assert (rows[0]["batch_size"], peak > 0) == (1024, True)


HOLDER = """
import sys, time
from cisflow.devices import choose_device
import torch
device = choose_device("cuda")
assert torch.ones(3, device=device).sum() == 3
print("begin", time.time(), flush=True)
time.sleep(2)
print("end", time.time(), flush=True)
"""


def test_jobs_take_turns_on_one_gpu(tmp_path):
    environment = {**os.environ, VISIBLE: "0", FOLDER: str(tmp_path / "leases")}
    environment["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT / "scripts"), os.environ.get("PYTHONPATH", "")])
    jobs = [
        subprocess.Popen([sys.executable, "-c", HOLDER], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [job.communicate(timeout=120)[0].split() for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0]
    (_, first, _, first_end), (_, second, _, second_end) = sorted(said, key=lambda words: float(words[1]))
    assert float(first) < float(first_end) <= float(second) < float(second_end)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    count = torch.cuda.device_count() + 1
    for name, value in {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "RANK": 0, "LOCAL_RANK": 0}.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(InputError, match=f"need as many GPUs, torch sees {count - 1}"), joined(count, GPU):
        pass

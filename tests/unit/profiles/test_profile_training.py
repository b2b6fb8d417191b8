"""Bias model and network from windows to bundle and predictions: they learn, resume, and refuse what does not fit."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from cisflow.contacts.genome import reverse_complement
from cisflow.evaluation.profile_tables import assay_tables, fold_tables
from cisflow.files import read_table, write_arrays, write_table
from cisflow.models.card import list_bundles, model_card
from cisflow.models.profiles.predict import load_profile_model, predict_test_peaks
from cisflow.models.profiles.settings import profile_settings
from cisflow.models.profiles.task import ProfilesTask, mean_count_gap
from cisflow.models.profiles.train import train_profile_model
from cisflow.problems import InputError
from cisflow.profiles.folds import Fold
from cisflow.profiles.selection import held_out_peaks, select
from cisflow.randomness import generator
from cisflow.training.bundle import read_bundle

sys.path.insert(0, str(Path(__file__).parent))
from profile_toys import BIAS, DREAM, FOLDS, NETWORK, TRAINING, job_settings, prepare_toy, simulate_toy

FILES = ("weights.safetensors", "recipe.yaml", "history.tsv", "manifest.json")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assay")
    return prepare_toy(simulate_toy(folder), folder / "prepared")


@pytest.fixture(scope="module")
def bundles(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    bias = {**BIAS, "training": {**TRAINING, "epochs": 10}}
    train_profile_model(files, None, folder / "bias", folder / "s", job_settings(bias, "bias"), "c0de")
    recipe = {**NETWORK, "training": {**TRAINING, "epochs": 12}}
    settings = job_settings(recipe, "chrombpnet")
    train_profile_model(files, folder / "bias", folder / "chrombpnet", folder / "s", settings, "c0de")
    return folder


def test_bundle_holds_the_shifted_bias_model_and_says_so(files, bundles):
    bias, network = read_bundle(bundles / "bias"), read_bundle(bundles / "chrombpnet")
    shift = network.recipe["bias"]["count_shift"]
    assert network.recipe["bias"]["network"] == BIAS["network"]
    for name, weights in bias.weights.items():
        expected = weights + shift if name == "heads.count.bias" else weights
        assert torch.allclose(network.weights[f"bias.{name}"], expected, atol=1e-6), name
    manifest = network.manifest
    assert set(manifest["inputs"]) == {"regions", "sequences", "counts", "bias model"}
    assert manifest["settings"]["fold"] == FOLDS[0]
    assert manifest["training"]["parameters"] == sum(
        w.numel() for name, w in network.weights.items() if name.startswith("main.")
    )
    assert {"loss", "profile_loss", "count_loss", "count_pearson", "jensen_shannon"} <= set(network.history)


def test_the_shift_is_the_mean_gap_over_regions_without_peak(files, bundles):
    settings, fold = profile_settings(NETWORK), Fold.of(FOLDS[0])
    store, regions = files.store(settings), read_table(files.regions)
    chosen = select(regions, fold, settings, generator(3, "regions", "toy", "a"), "x")
    model = load_profile_model(bundles / "bias")
    gap = mean_count_gap(model.network, store, chosen.shift_nonpeaks, torch.device("cpu"), 7)
    observed = np.log1p(regions["count"].to_numpy()[chosen.shift_nonpeaks])
    predicted = model.predict(store.take(chosen.shift_nonpeaks)[0])[1]
    assert gap == pytest.approx(float((observed - predicted).mean()), abs=1e-5)
    assert gap == pytest.approx(read_bundle(bundles / "chrombpnet").recipe["bias"]["count_shift"], abs=1e-6)


def test_training_is_resumed_bit_for_bit(files, bundles, tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    recipe = {**NETWORK, "network": DREAM, "training": {**TRAINING, "epochs": 3}}
    recipe["training"]["schedule"] = {"name": "linear_cosine", "max_learning_rate": 0.01}
    settings = job_settings(recipe, "dream_rnn", training={"threads": 1, "save_every_seconds": 1e-9})
    train_profile_model(files, bundles / "bias", tmp_path / "whole", tmp_path / "s1", settings, "c0de")
    seen, batch = [], ProfilesTask.batch

    def failing(task, step):
        if step == 7:
            raise KilledError
        return batch(task, step)

    def watched(task, step):
        seen.append(step)
        return batch(task, step)

    with monkeypatch.context() as patch:
        patch.setattr(ProfilesTask, "batch", failing)
        with pytest.raises(KilledError):
            train_profile_model(files, bundles / "bias", tmp_path / "resumed", tmp_path / "s2", settings, "c0de")
        patch.setattr(ProfilesTask, "batch", watched)
        train_profile_model(files, bundles / "bias", tmp_path / "resumed", tmp_path / "s2", settings, "c0de")
    assert seen[0] == 7
    for name in FILES:
        assert (tmp_path / "resumed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_validation_is_fixed_and_has_no_mirror(files):
    settings, fold = profile_settings(NETWORK), Fold.of(FOLDS[0])
    store, regions = files.store(settings), read_table(files.regions)
    chosen = select(regions, fold, settings, generator(3, "regions", "toy", "a"), "x")
    one, two = (ProfilesTask(settings, store, chosen, seed) for seed in (1, 2))
    np.testing.assert_array_equal(one.validation, two.validation)
    torch.manual_seed(0)
    network = one.build_network().eval()
    with torch.no_grad():
        assert one.validate(network) == two.validate(network)
    assert set(regions.loc[one.validation, "chromosome"]) == {"chr2"}
    batch = one.batch(0)
    assert batch["codes"].dtype == torch.uint8
    assert batch["counts"].shape == (16, 64)
    assert len(one.rows(one.steps_per_epoch - 1)) == one.epochs.size - 16 * (one.steps_per_epoch - 1)


def test_predictions_of_the_test_peaks(files, bundles, tmp_path):
    found = predict_test_peaks({1: bundles / "chrombpnet", 2: bundles / "chrombpnet"}, files, FOLDS[0], "x", "cpu", 1)
    regions = read_table(files.regions)
    np.testing.assert_array_equal(found["rows"], held_out_peaks(regions, Fold.of(FOLDS[0])))
    assert set(regions.loc[found["rows"], "chromosome"]) == {"chr1"}
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found["log_counts"][0], found["log_counts"][1])
    model = load_profile_model(bundles / "chrombpnet")
    codes = files.store(model.settings).take(found["rows"][:3])[0]
    np.testing.assert_allclose(model.predict(codes)[0], found["probabilities"][:3], atol=1e-6)
    alone, without = load_profile_model(bundles / "bias"), model.predict(codes, with_bias=False)
    shift = read_bundle(bundles / "chrombpnet").recipe["bias"]["count_shift"]
    shares = without[0] * alone.predict(codes)[0]
    np.testing.assert_allclose(shares / shares.sum(axis=1, keepdims=True), model.predict(codes)[0], atol=1e-6)
    total = np.logaddexp(without[1], alone.predict(codes)[1] + shift)
    np.testing.assert_allclose(total, model.predict(codes)[1], atol=1e-5)
    assert model.predict(reverse_complement(codes))[0].shape == (3, 64)
    with pytest.raises(ValueError, match=r"sequences of shape \(3, 127\); expected \(n, 128\)"):
        model.predict(codes[:, 1:])


def test_the_network_beats_the_bias_model_and_both_beat_chance(files, bundles, tmp_path):
    paths = {"a": {}}
    for name in ("bias", "chrombpnet"):
        found = predict_test_peaks({1: bundles / name}, files, FOLDS[0], name, "cpu", 1)
        write_arrays(found, tmp_path / f"{name}.npz")
        paths["a"][name] = tmp_path / f"{name}.npz"
    folds = [Fold.of(FOLDS[0])]
    tables = assay_tables(**fold_tables("toy", folds, files.regions, files.counts, paths, "bias", 200, 1))
    means = tables["summary"].set_index(["model", "metric"])["mean"]
    assert means["chrombpnet", "jensen_shannon"] < means["bias", "jensen_shannon"] < means["shuffled", "jensen_shannon"]
    assert means["chrombpnet", "jensen_shannon"] < means["mean_profile", "jensen_shannon"]
    assert means["chrombpnet", "count_mse"] < means["bias", "count_mse"]


def test_the_model_card_knows_profile_models_and_their_fold(bundles, tmp_path):
    folder = tmp_path / "results" / "run" / "profiles" / "toy" / "folda" / "chrombpnet" / "seed1"
    shutil.copytree(bundles / "chrombpnet", folder)
    scores = pd.DataFrame({"model": "chrombpnet", "fold": ["a", "b"], "metric": "jensen_shannon", "value": [0.25, 0.5]})
    write_table(scores.assign(low=0.2, high=0.6), folder.parents[2] / "scores.tsv")
    card = model_card(folder)
    assert "- trained on: toy" in card
    assert "load_profile_model" in card
    assert "| a | jensen_shannon | 0.25 |" in card
    assert "| b |" not in card
    assert list_bundles([tmp_path])["data"].tolist() == ["toy"]


def test_what_does_not_fit_together_is_told(files, bundles, tmp_path):
    def train(recipe, bias, model="x"):
        settings = job_settings(recipe, model)
        train_profile_model(files, bias, tmp_path / "b", tmp_path / "s", settings, "c0de")

    with pytest.raises(InputError, match="'network'; expected a bias model"):
        train(NETWORK, None)
    with pytest.raises(InputError, match="'network'; expected 'bias'"):
        train(NETWORK, bundles / "chrombpnet")
    with pytest.raises(InputError, match="20; the windows of this assay leave room for 16 bp"):
        train({**NETWORK, "window": {**NETWORK["window"], "jitter": 20}}, bundles / "bias")
    with pytest.raises(InputError, match="do not hold windows of 160 bp"):
        train({**NETWORK, "window": {"input_length": 160, "output_length": 64}}, bundles / "bias")
    recipe = yaml.safe_load((bundles / "bias" / "recipe.yaml").read_text())
    (tmp_path / "old").mkdir()
    for name in FILES:
        (tmp_path / "old" / name).write_bytes((bundles / "bias" / name).read_bytes())
    (tmp_path / "old" / "recipe.yaml").write_text(
        yaml.safe_dump({**recipe, "window": {"input_length": 120, "output_length": 64}})
    )
    with pytest.raises(InputError, match=r'column "window\.input_length": 120; the network has 128'):
        train(NETWORK, tmp_path / "old")
    (tmp_path / "old" / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "task": "contacts"}))
    with pytest.raises(InputError, match="'contacts'; expected 'profiles'"):
        load_profile_model(tmp_path / "old")


def test_history_and_manifest_are_plain_tables(bundles):
    history = pd.read_csv(bundles / "bias" / "history.tsv", sep="\t")
    assert history["epoch"].tolist() == list(range(1, 11))
    assert (history["selection"] == -history["loss"]).all()
    assert json.loads((bundles / "bias" / "manifest.json").read_text())["settings"]["count_weight"] > 0

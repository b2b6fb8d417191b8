"""From a cooler and a FASTA file to bundles, predictions, scores and figures."""

import json
import shutil

import cooler
import numpy as np
import pandas as pd
import pytest
import yaml
from contact_toys import RECIPE, TRAIN, VALIDATION, ToyGenome

from cisflow.contacts.expected import compute_expected
from cisflow.contacts.genome import BASES
from cisflow.contacts.targets import ContactMap
from cisflow.contacts.windows import tile
from cisflow.evaluation.contact_evaluation import evaluate_contacts
from cisflow.evaluation.contact_predictions import each_model, read_predictions
from cisflow.evaluation.contact_sums import sum_models
from cisflow.evaluation.contacts import score_table, summary_table
from cisflow.figures.contact_ladders import plot_ladder
from cisflow.figures.contact_tracks import Tracks
from cisflow.files import read_table
from cisflow.models.contact_predict import (
    joined_windows,
    load_contact_model,
    predict_windows,
    write_predictions,
)
from cisflow.models.contact_settings import fill_from_others
from cisflow.models.contact_train import ContactFiles, train_contact_model
from cisflow.models.distance_only import mean_by_distance
from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle

RESOLUTION = 50
BASELINE = {"task": "contacts", "model": "distance_only"}
MODELS = ("orca", "akita", "distance_only", "mean_map")
AKITA = {"name": "akita", "pools": [10, 10], "channels": 16, "middle": 8, "blocks": 2, "encoding": 8}
AKITA |= {"pair_channels": 8, "pair_middle": 4, "pair_blocks": 2, "dropout": 0.0, "pair_dropout": 0.0}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A genome whose blocks of like composition attract each other, its contacts, and the blocks as peaks."""
    folder = tmp_path_factory.mktemp("toy")
    genome = ToyGenome()
    rng = np.random.default_rng(0)
    bins, pixels, first = [], [], 0
    for name, codes in genome.bases.items():
        n = len(codes) // RESOLUTION
        sign = 2.0 * genome.types[name].reshape(n, RESOLUTION)[:, 0] - 1
        index = np.arange(n)
        rate = 400 * (np.abs(index[:, None] - index) + 1.0) ** -0.9 * np.exp(0.5 * np.outer(sign, sign))
        i, j = np.nonzero(np.triu(np.abs(index[:, None] - index) < 64))
        count = rng.poisson(rate[i, j])
        pixels.append(pd.DataFrame({"bin1_id": i + first, "bin2_id": j + first, "count": count})[count > 0])
        weight = np.where(index % 13 == 0, np.nan, 0.05)
        start = index * RESOLUTION
        bins.append(pd.DataFrame({"chrom": name, "start": start, "end": start + RESOLUTION, "weight": weight}))
        first += n
    cooler.create_cooler(str(folder / "map.cool"), pd.concat(bins, ignore_index=True), pd.concat(pixels))
    compute_expected(folder / "map.cool", folder / "expected.npz", folder / "law.tsv", folder / "by.tsv")
    fasta = [f">{name}\n{''.join(BASES[c] for c in codes)}\n" for name, codes in genome.bases.items()]
    (folder / "genome.fa").write_text("".join(fasta))
    (folder / "peaks.bed").write_text("chr1\t500\t2000\nchr2\t0\t500\nchr3\t900\t1000\n")
    return ContactFiles(folder / "map.cool", folder / "expected.npz", folder / "genome.fa", (folder / "peaks.bed",))


def job_settings(recipe, **changes):
    return {
        "recipe": recipe,
        "map": "toy",
        "model": "orca",
        "replicate": 1,
        "seed": 3,
        "validation_chromosomes": ["chr2"],
        "test_chromosomes": ["chr3"],
        "device": "cpu",
        "training": {"threads": 1, "save_every_seconds": 60},
    } | changes


@pytest.fixture(scope="module")
def bundles(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    recipe = {**RECIPE, "training": {**RECIPE["training"], "batch_size": 8, "steps": 160, "steps_per_validation": 40}}
    train_contact_model(files, folder / "orca", folder / "state", job_settings(recipe), "c0de")
    baseline = job_settings(fill_from_others(BASELINE, {"orca": recipe}), model="distance_only")
    train_contact_model(files, folder / "distance_only", folder / "state", baseline, "c0de")
    akita = {**recipe, "network": AKITA, "training": {**recipe["training"], "profile_weight": 0}}
    train_contact_model(files, folder / "akita", folder / "state", job_settings(akita, model="akita"), "c0de")
    mean_map = job_settings(fill_from_others({**BASELINE, "model": "mean_map"}, {"orca": recipe}), model="mean_map")
    train_contact_model(files, folder / "mean_map", folder / "state", mean_map, "c0de")
    return folder


@pytest.fixture(scope="module")
def predictions(files, bundles):
    folder = bundles / "predictions"
    for model in MODELS:
        found = predict_windows({1: bundles / model}, files, ["chr3"], model, "cpu", 1)
        write_predictions(found, folder / f"{model}.contacts.npz")
    return {model: folder / f"{model}.contacts.npz" for model in MODELS}


@pytest.mark.parametrize("shards", [2, 50])
def test_any_number_of_shards_gives_the_same_bytes(files, bundles, predictions, tmp_path, shards):
    parts = [
        predict_windows({1: bundles / "orca"}, files, ["chr3"], "orca", "cpu", 1, shard=(shard, shards))
        for shard in range(shards)
    ]
    write_predictions(joined_windows(parts), tmp_path / "joined.npz")
    assert (tmp_path / "joined.npz").read_bytes() == predictions["orca"].read_bytes()


def test_windows_other_than_the_bundles_own(files, bundles, predictions):
    closer = {**RECIPE["evaluation"], "step_bins": 2}
    found = predict_windows({1: bundles / "orca"}, files, ["chr3"], "orca", "cpu", 1, evaluation=closer)
    own = np.load(predictions["orca"])
    assert set(np.diff(found["start"][:, 0])) == {200}
    shared = np.isin(found["start"][:, 0], own["start"][:, 0])
    np.testing.assert_array_equal(found["predicted"][:, shared], own["predicted"])
    with pytest.raises(InputError, match="step_bin"):
        predict_windows({1: bundles / "orca"}, files, ["chr3"], "orca", "cpu", 1, evaluation={"step_bin": 2})


def test_bundle_says_what_it_was_made_of(bundles):
    manifest = json.loads((bundles / "orca" / "manifest.json").read_text())
    assert manifest["settings"]["profiles"] == ["peaks.bed"]
    assert manifest["settings"]["test_chromosomes"] == ["chr3"]
    assert set(manifest["inputs"]) == {"contacts", "expected", "genome", "peaks peaks.bed"}
    history = read_table(bundles / "orca" / "history.tsv")
    assert history["step"].tolist() == [40, 80, 120, 160]
    assert {"selection", "pearson", "pearson_distance_subtracted", "mse", "training_loss"} <= set(history)
    assert not (bundles / "state").exists() or not any((bundles / "state").iterdir())


def test_baseline_is_the_mean_training_target_by_distance(files, bundles):
    contact_map = ContactMap(files.contacts, files.expected)
    windows = tile({"chr1": TRAIN["chr1"]}, 1600, 800)
    expected = mean_by_distance((contact_map.window_target("chr1", w.start, 32, 2) for w in windows), 16)
    bundle = read_bundle(bundles / "distance_only")
    np.testing.assert_allclose(bundle.weights["mean_by_distance"].numpy(), expected, rtol=1e-6)
    assert bundle.manifest["training"]["parameters"] == 16
    recorded = yaml.safe_load((bundles / "distance_only" / "recipe.yaml").read_text())
    assert recorded["window"] == RECIPE["window"]
    assert "step" not in bundle.history


def test_mean_map_is_the_mean_training_target_of_every_entry(files, bundles, predictions):
    contact_map = ContactMap(files.contacts, files.expected)
    windows = tile({"chr1": TRAIN["chr1"]}, 1600, 800)
    targets = np.stack([contact_map.window_target("chr1", w.start, 32, 2) for w in windows]).astype(np.float64)
    targets = np.concatenate([targets, targets[:, ::-1, ::-1]])
    bundle = read_bundle(bundles / "mean_map")
    np.testing.assert_allclose(bundle.weights["mean_map"].numpy(), np.nanmean(targets, axis=0), rtol=1e-5, atol=1e-6)
    assert bundle.manifest["training"]["parameters"] == 16 * 16
    found = np.load(predictions["mean_map"])["predicted"]
    np.testing.assert_allclose(found, np.broadcast_to(bundle.weights["mean_map"].numpy(), found.shape), atol=1e-7)


def test_predictions_have_both_strands_and_the_windows_of_the_test_chromosome(files, bundles, predictions):
    found = np.load(predictions["orca"])
    assert found["start"][:, 0].tolist() == list(range(0, VALIDATION["chr3"] - 1600 + 1, 800))
    assert (found["levels"].tolist(), found["bin_size"].tolist(), set(found["kind"])) == ([1600], [100], {"cis"})
    assert found["predicted"].shape == (1, len(found["start"]), 1, 16, 16)
    assert found["predicted"].dtype == np.float32
    np.testing.assert_allclose(found["predicted"], found["predicted"].swapaxes(-1, -2), atol=1e-6)
    model = load_contact_model(bundles / "orca")
    codes = ToyGenome().codes("chr3", 800, 2400)
    mirrored = np.array([3, 2, 1, 0, 4], dtype=np.uint8)[codes[::-1]]
    np.testing.assert_allclose(model.predict(codes), found["predicted"][0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(model.predict(mirrored), model.predict(codes)[::-1, ::-1], atol=1e-6)
    with pytest.raises(ValueError, match="sequence of 1,599 bp; expected 1,600 bp"):
        model.predict(codes[1:])


def test_observed_entries_that_count_are_measured_well_enough(files, predictions):
    found, contact_map = np.load(predictions["orca"]), ContactMap(files.contacts, files.expected)
    share = contact_map.missing_share("chr3", 800, 32, 2)
    target = contact_map.window_target("chr3", 800, 32, 2)
    np.testing.assert_allclose(found["missing"][1, 0], share, atol=1e-6)
    np.testing.assert_array_equal(found["observed"][1, 0], np.where(share <= 0.25, target, np.nan))
    assert (share > 0.25).any()
    assert np.isfinite(target[share > 0.25]).any()
    np.testing.assert_allclose(found["log_background"][0], np.log(contact_map.background(32, 2)), rtol=1e-5)


def test_equal_predictions_give_equal_bytes(predictions, tmp_path):
    with np.load(predictions["orca"]) as found:
        write_predictions(dict(found), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == predictions["orca"].read_bytes()


def test_network_beats_the_baseline_on_the_test_chromosome(predictions):
    sums = sum_models(each_model(predictions))
    scores, summary = score_table(sums), summary_table(sums, 200, 1, "toy")
    value = summary.set_index(["model", "metric"])["value"]
    assert value["orca", "pearson_distance_subtracted"] > 0.5
    assert value["orca", "pearson"] > value["distance_only", "pearson"] + 0.2
    assert np.isnan(value["distance_only", "pearson_distance_subtracted"])
    assert value["orca", "pearson"] > value["mean_map", "pearson"] + 0.2
    assert value["akita", "pearson"] > max(value["mean_map", "pearson"], value["distance_only", "pearson"]) + 0.2
    assert scores[scores["metric"] != "pearson_akita"].groupby(["model", "seed"]).size().tolist() == [72] * 8


def test_both_architectures_and_baselines_are_ranked_and_drawn(predictions, tmp_path):
    tables = evaluate_contacts(predictions, 50, 1, "toy")
    ranking = tables["ranking"].set_index("model")
    assert set(ranking.index) == set(MODELS)
    assert set(ranking.index[ranking["rank"] <= 2]) == {"orca", "akita"}
    assert ranking.loc["akita", "distance_subtracted_score"] > 0.2
    found = read_predictions(predictions)
    plot_ladder(found, tables["scores"], "best", 3, Tracks(None), "toy", tmp_path / "ladder.svg")
    drawn = read_table(tmp_path / "ladder.tsv")
    assert {*MODELS, "observed"} <= set(drawn.columns)


def test_models_with_other_windows_are_not_compared(predictions, tmp_path):
    with np.load(predictions["orca"]) as found:
        other = dict(found) | {"start": found["start"] + 50}
    write_predictions(other, tmp_path / "other.npz")
    with pytest.raises(InputError, match=r"24 windows of 16 bins of 100 bp.*give all models of a map the same"):
        read_predictions({**predictions, "other": tmp_path / "other.npz"})


def test_held_out_chromosomes_must_be_in_the_map(files, tmp_path):
    absent = job_settings(RECIPE, validation_chromosomes=["chrX"])
    with pytest.raises(InputError, match="'chrX' is not one of: chr1, chr2, chr3"):
        train_contact_model(files, tmp_path / "b", tmp_path / "s", absent, "c0de")
    with pytest.raises(InputError, match="empty; contact models need at least one"):
        train_contact_model(files, tmp_path / "b", tmp_path / "s", job_settings(RECIPE, test_chromosomes=[]), "c0de")


def test_bundles_of_the_other_arm_are_refused(bundles, tmp_path):
    shutil.copytree(bundles / "distance_only", tmp_path / "other")
    (tmp_path / "other" / "recipe.yaml").write_text("task: expression\n")
    with pytest.raises(InputError, match="'expression'; expected 'contacts'"):
        load_contact_model(tmp_path / "other")

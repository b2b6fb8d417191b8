"""The three stages of training, one starting from the other, to predictions of all levels and their scores."""

from __future__ import annotations

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
from small_map import RESOLUTION, STUDY, TEST, VALIDATION, write_small_map

from cisflow.evaluation.contact_predictions import each_model
from cisflow.evaluation.contact_sums import sum_models
from cisflow.evaluation.contacts import score_table
from cisflow.files import read_table
from cisflow.models.contact_predict import joined_windows, load_contact_model, predict_windows, write_predictions
from cisflow.models.contact_settings import contact_settings, fill_from_others
from cisflow.models.contact_train import ContactFiles, make_task, train_contact_model
from cisflow.problems import InputError
from cisflow.randomness import seed_for
from cisflow.training.bundle import read_bundle
from cisflow.training.loop import train
from cisflow.training.processes import Processes
from cisflow.training.run import Run

ENCODER = {"widths": [8, 8], "pools": [10, 20], "kernel_size": 3}
DECODER = {"channels": 8, "middle": 4, "head": 5, "dilations": [1, 2]}
TRAINING = {
    "batch_size": 2,
    "steps": 4,
    "steps_per_validation": 2,
    "optimiser": {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9},
    "schedule": {"name": "constant"},
}
FIRST = {
    "task": "contacts",
    "model": "network",
    "window": {"bins": 8, "bin_size": 200, "shift": 5},
    "network": {"name": "orca_1mb", **ENCODER, **DECODER},
    "training": {**TRAINING, "profile_weight": 0},
    "validation": {"windows": 3},
    "evaluation": {"step_bins": 4},
}
CASCADE = {"name": "orca_cascade", **ENCODER, **DECODER, "dilations_1m": [1, 2], "steps": 1}
SECOND = {
    "task": "contacts",
    "model": "network",
    "start_from": "first",
    "window": {"bins": 8, "bin_size": 200, "levels": 2, "shift": 7, "max_missing": 0.5},
    "network": CASCADE,
    "training": TRAINING,
    "validation": {"windows": 3, "max_missing": 0.4},
    "evaluation": {"step_bins": 1, "zoom": [1]},
}
THIRD = {
    **SECOND,
    "start_from": "second",
    "window": {"bins": 8, "bin_size": 400, "levels": 2, "shift": 9, "max_missing": 0.5},
    "assembly": {},
    "network": {**CASCADE, "coarse_steps": 1, "frozen": ["net0", "net"]},
    "training": {**TRAINING, "loss_over": "all"},
    "evaluation": {"step_bins": 2, "assemblies": 3, "shortest": 1000, "longest": 2000},
}
RECIPES = {"first": FIRST, "second": SECOND, "third": THIRD}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stages")
    write_small_map(folder, lengths=STUDY, gaps=True)
    (folder / "exclude.bed").write_text("chrA\t0\t1\nchrB\t6990\t7000\n")
    return ContactFiles(
        folder / "map.cool", folder / "expected.npz", folder / "genome.fa", exclude=folder / "exclude.bed"
    )


def started(files, folder):
    return dataclasses.replace(files, start=folder)


def job(recipe, model, **changes):
    settings = {"recipe": recipe, "map": "small", "model": model, "replicate": 1, "seed": 3, "device": "cpu"}
    settings |= {"validation_chromosomes": VALIDATION, "test_chromosomes": TEST}
    return settings | {"training": {"threads": 1, "save_every_seconds": 60}} | changes


@pytest.fixture(scope="module")
def bundles(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    start = None
    for name, recipe in RECIPES.items():
        given = started(files, folder / start) if start else files
        train_contact_model(given, folder / name, folder / "state", job(recipe, name), "c0de")
        start = name
    return folder


def task_of(files, recipe, seed=1):
    return make_task(files, contact_settings(recipe), VALIDATION, TEST, seed, 0)


def weights(folder, prefix=""):
    found = read_bundle(folder).weights
    return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}


def test_each_stage_keeps_the_encoders_of_the_one_before(bundles):
    first, second, third = (weights(bundles / name) for name in RECIPES)
    assert all(second[f"net0.{name}"].equal(value) for name, value in first.items())
    earlier = {name: value for name, value in second.items() if name.startswith(("net0.lconv", "net0.conv", "net."))}
    earlier = {name: value for name, value in earlier.items() if name in third}
    assert {name.split(".")[0] for name in earlier} == {"net0", "net"}
    assert all(third[name].equal(value) for name, value in earlier.items())
    manifest = json.loads((bundles / "third" / "manifest.json").read_text())
    assert "start" in manifest["inputs"]
    assert "exclude" in manifest["inputs"]


def test_history_has_every_level(bundles):
    history = read_table(bundles / "third" / "history.tsv")
    assert {"selection", "pearson", "mse", "pearson_3200", "pearson_6400"} <= set(history)
    assert history["step"].tolist() == [2, 4]
    np.testing.assert_allclose(history["selection"], history[["pearson_3200", "pearson_6400"]].mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize("name", ["second", "third"])
def test_batches_depend_on_seed_and_step_alone(files, name):
    recipe = copy.deepcopy(RECIPES[name])
    one, other = task_of(files, recipe), task_of(files, recipe)
    recipe["training"]["loaders"] = 2
    ahead = task_of(files, recipe)
    other.batch(3)
    for step in (0, 1, 3, 0):
        batches = [task.batch(step) for task in (one, other, ahead)]
        for key, value in batches[0].items():
            assert all(torch.equal(torch.nan_to_num(value), torch.nan_to_num(b[key])) for b in batches[1:]), key
    assert not torch.equal(one.batch(0)["codes"], one.batch(1)["codes"])
    assert not torch.equal(one.batch(0)["codes"], task_of(files, recipe, seed=2).batch(0)["codes"])
    assert one.batch(0)["codes"].dtype == torch.uint8


@pytest.mark.parametrize("name", ["second", "third"])
def test_missing_entries_count_neither_in_losses_nor_in_gradients(files, name):
    task = task_of(files, RECIPES[name])
    batch = task.complete(task.batch(0), Processes(0, 1, torch.device("cpu")))
    missing = torch.isnan(batch["observed"])
    assert missing.any()
    assert not missing.all()
    torch.manual_seed(0)
    network = task.build_network().train()
    for part in network.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    losses, gradients = [], []
    for shift in (0.0, 0.3):
        # Where nothing was measured the network may say what it likes.
        hook = network.register_forward_hook(
            lambda module, given, maps, shift=shift: [
                m + shift * missing[:, k : k + 1].float() for k, m in enumerate(maps)
            ]
        )
        network.zero_grad()
        loss = task.loss(network, batch)
        loss.backward()
        hook.remove()
        losses.append(loss.item())
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert all(torch.isfinite(g).all() for g in gradients[0])
    assert any(g.abs().sum() > 0 for g in gradients[0])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    batch["observed"].fill_(torch.nan)
    assert task.loss(network, batch).item() == 0


@pytest.mark.parametrize("name", ["second", "third"])
def test_loss_is_the_sum_over_levels(files, name):
    task = task_of(files, RECIPES[name])
    batch = task.complete(task.batch(0), Processes(0, 1, torch.device("cpu")))
    network = task.build_network().eval()
    with torch.no_grad():
        found = task.loss(network, batch).item()
        expected, epsilon = (tensor.numpy() for tensor in task.expected_of(batch))
        logs = [torch.log(torch.from_numpy(expected[:, k : k + 1])) for k in range(2)]
        predicted = network(batch["codes"], batch["offsets"].numpy(), logs)
    total = 0.0
    for k, maps in enumerate(predicted):
        least = expected[:, k].min()
        assert np.allclose(epsilon[:, k], least)
        target = np.log((batch["observed"][:, k].numpy() + least) / (expected[:, k] + least))
        error = (maps[:, 0].numpy() - target) ** 2
        total += np.nanmean(error) if name == "second" else np.nansum(error) / error.size
    assert found == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("name", ["second", "third"])
def test_killed_training_continues_bit_for_bit(files, bundles, tmp_path, name):
    recipe = copy.deepcopy(RECIPES[name])
    recipe["training"]["averaging"] = {"name": "swa_each_step", "start": 0.5}
    given = started(files, bundles / {"second": "first", "third": "second"}[name])

    def run(folder, stop=None):
        task = task_of(given, recipe)
        if stop is not None:
            read = task.batch

            def batch(step):
                if step == stop:
                    raise KeyboardInterrupt
                return read(step)

            task.batch = batch
        arguments = {"label": name, "bundle": folder / "bundle", "state_dir": folder / "state", "inputs": {}}
        arguments |= {"settings": {"profiles": []}, "code": "0", "device": torch.device("cpu"), "threads": 1}
        return train(task, recipe, 5, save_every_seconds=0, **arguments)

    run(tmp_path / "whole")
    for stop in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed", stop)
    run(tmp_path / "killed")
    for file in ("weights.safetensors", "history.tsv"):
        assert (tmp_path / "whole/bundle" / file).read_bytes() == (tmp_path / "killed/bundle" / file).read_bytes()


@pytest.mark.parametrize("name", [pytest.param("first", marks=pytest.mark.slow), "third"])
def test_two_processes_train_as_one(files, bundles, tmp_path, name):
    """One epoch of the whole batch in one process, and of half of it in each of two (gloo)."""
    recipe = copy.deepcopy(RECIPES[name])
    recipe["training"] |= {"batch_size": 3, "steps": 2}
    recipe["network"]["dropout"] = 0.0
    start = {"second": "first", "third": "second"}.get(name)
    given = started(files, bundles / start) if start else files
    histories = []
    for processes in (1, 2):
        recipe["training"]["processes"] = processes
        folder = tmp_path / str(processes)
        train_contact_model(given, folder / "bundle", folder / "state", job(copy.deepcopy(recipe), name), "c0de")
        histories.append(read_table(folder / "bundle" / "history.tsv"))
    one, two = histories
    np.testing.assert_allclose(two["training_loss"], one["training_loss"], rtol=1e-4)
    np.testing.assert_allclose(two["mse"], one["mse"], rtol=2e-3)


def test_parts_of_a_batch_add_up_to_the_whole(files):
    """Accumulated gradients are those of one pass, although the parts have unequal numbers of measured entries."""
    gradients = []
    for accumulate in (1, 2):
        recipe = copy.deepcopy(SECOND)
        recipe["training"] |= {"accumulate": accumulate}
        task = task_of(files, recipe)
        torch.manual_seed(1)
        run = Run(task, recipe["training"], Processes(0, 1, torch.device("cpu")), 1)
        batch = task.complete(task.batch(0), run.processes)
        batch["observed"][0, :, :, 1:5] = torch.nan
        batch = task.complete({k: v for k, v in batch.items() if k != "measured_per_row"}, run.processes)
        run.network.eval()
        run._backward(batch)
        gradients.append([p.grad for p in run.network.parameters() if p.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def predictions(files, bundles):
    found = {}
    for name in RECIPES:
        found[name] = bundles / "predictions" / f"{name}.contacts.npz"
        write_predictions(predict_windows({1: bundles / name}, files, TEST, name, "cpu", 1, seed=3), found[name])
    return found


@pytest.mark.parametrize("name", ["second", "third"])
def test_any_number_of_shards_gives_the_same_bytes(files, bundles, predictions, tmp_path, name):
    parts = [
        predict_windows({1: bundles / name}, files, TEST, name, "cpu", 1, seed=3, shard=(shard, 7))
        for shard in range(7)
    ]
    write_predictions(joined_windows(parts), tmp_path / "joined.npz")
    assert (tmp_path / "joined.npz").read_bytes() == predictions[name].read_bytes()


def test_predictions_of_a_window_are_those_of_its_cascade(files, bundles, predictions):
    found = np.load(predictions["second"])
    assert found["levels"].tolist() == [3200, 1600]
    assert found["bin_size"].tolist() == [400, 200]
    assert found["start"].tolist() == [[0, 400], [200, 600], [400, 800], [0, 400], [200, 600]]
    assert found["chromosome"].tolist() == ["chrC"] * 3 + ["chrD"] * 2
    assert found["predicted"].shape == (1, 5, 2, 8, 8)
    task = task_of(files, SECOND)
    model = load_contact_model(bundles / "second")
    codes = task.reader.genome.codes("chrC", 200, 3400)
    trans = np.zeros((2, 8, 8), dtype=bool)
    maps = model.predict_levels(codes, [np.array([0, 400])], [task.reader.expected], [trans])
    np.testing.assert_allclose(maps[0], found["predicted"][0, 1], atol=1e-6)
    np.testing.assert_allclose(maps[0], maps[0].swapaxes(1, 2), atol=1e-6)
    assert (np.isnan(found["observed"]) == ~(found["missing"] <= 0.25)).all()
    assert np.isnan(found["observed"]).any()


def test_inputs_of_several_chromosomes(predictions):
    found = np.load(predictions["third"])
    cis, trans = found["kind"] == "cis", found["kind"] == "trans"
    assert trans.sum() == 3
    assert found["chromosome"][cis].tolist() == ["chrC", "chrD"]
    assert (found["start"][cis] == 0).all()
    observed, between = found["observed"], found["background_trans"]
    assert not np.isfinite(observed[cis][between[cis]]).any()
    assert not np.isfinite(observed[trans][~between[trans]]).any()
    assert np.isfinite(observed[trans]).any()
    # The top window holds 3.6 kb of chrC in bins of 800 bp: four whole ones; the rest is another chromosome.
    top = np.isfinite(observed[0, 0])
    assert top[:4, :4].any()
    assert not top[4:].any()
    assert np.isfinite(observed[0, 1]).any()
    assert found["bin_chromosome"].shape == found["bin_start"].shape == (5, 2, 8)
    assert found["bin_chromosome"][0, 0].tolist() == ["chrC"] * 5 + ["chrA"] * 3
    assert found["bin_start"][0, 0].tolist() == [0, 800, 1600, 2400, 3200, 400, 1200, 2000]


def test_scores_of_all_levels_and_kinds(predictions):
    scores = score_table(sum_models(each_model({"third": predictions["third"]})))
    assert set(scores["level"]) == {6400, 3200}
    assert set(scores["kind"]) == {"cis", "trans"}
    assert np.isfinite(scores.loc[scores["metric"] == "mse", "value"]).any()


def fitted(files, model, recipe, folder):
    """A baseline with the windows of a recipe: task, predictions and weights."""
    filled = fill_from_others({"task": "contacts", "model": model}, {"zoom": recipe})
    assert ("assembly" in filled) == ("assembly" in recipe)
    train_contact_model(files, folder / "bundle", folder / "state", job(filled, model), "c0de")
    found = predict_windows({1: folder / "bundle"}, files, TEST, model, "cpu", 1)
    weights_of = {name: tensor.numpy() for name, tensor in read_bundle(folder / "bundle").weights.items()}
    return filled, found, weights_of


@pytest.mark.parametrize("recipe", [SECOND, THIRD])
def test_distance_only_of_several_levels(files, tmp_path, recipe):
    _filled, found, means = fitted(files, "distance_only", recipe, tmp_path)
    maps = found["predicted"][0]
    np.testing.assert_allclose(np.diagonal(maps[0, 1], 2), means["mean_by_distance"][1, 2], rtol=1e-6)
    if "assembly" in recipe:
        between = found["background_trans"]
        assert len(np.unique(maps[:, 0][between[:, 0]])) == 1


@pytest.mark.parametrize("recipe", [SECOND, THIRD])
def test_mean_map_of_several_levels(files, tmp_path, recipe):
    if "assembly" in recipe:  # short segments, so that there are contacts between chromosomes
        recipe = {**recipe, "assembly": {"random_length_probability": 1.0, "shortest": 1000, "longest": 3000}}
    filled, found, means = fitted(files, "mean_map", recipe, tmp_path)
    seed = seed_for(3, "train", "small", "mean_map", 1)
    task = make_task(files, contact_settings(filled), VALIDATION, TEST, seed, 0)
    inputs = [task.read_input(k, 0) for k in range(3)]
    for name, within in (("mean_map", True), ("mean_trans", False)):
        targets = np.stack([np.where(one.trans != within, one.target, np.nan) for one in inputs])
        both = np.concatenate([targets, targets[..., ::-1, ::-1]]).astype(np.float64)
        with np.errstate(invalid="ignore"):
            wanted = np.nansum(both, axis=0) / np.isfinite(both).sum(axis=0)
        np.testing.assert_allclose(means[name], np.nan_to_num(wanted), atol=1e-6)
    maps = found["predicted"][0]
    between = found["background_trans"] if "assembly" in recipe else np.zeros(maps.shape, dtype=bool)
    np.testing.assert_array_equal(maps, np.where(between, means["mean_trans"], means["mean_map"]))
    assert ("assembly" in recipe) == (means["mean_trans"] != 0).any()


def test_start_values_that_do_not_fit_are_told_at_once(files, bundles, tmp_path):
    wide = {**FIRST, "network": {**FIRST["network"], "widths": [8, 7]}}
    with pytest.raises(InputError, match=r"tensors that do not fit the recipe: 25(.|\n)*lconv2.1.weight"):
        task_of(started(files, bundles / "first"), wide).build_network()
    with pytest.raises(InputError, match="file not found; a model is a folder with four files"):
        task_of(started(files, tmp_path / "nowhere"), SECOND)
    with pytest.raises(InputError, match=r"window.levels.*3, but the network has 2 level"):
        task_of(
            files, {**SECOND, "window": {**SECOND["window"], "bins": 4, "levels": 3}, "evaluation": {"step_bins": 1}}
        ).build_network()


def test_training_goes_on_from_weights_of_its_own_form(files, bundles):
    network = task_of(started(files, bundles / "second"), SECOND).build_network()
    assert all(value.equal(network.state_dict()[name]) for name, value in weights(bundles / "second").items())


def kept(recipe, start):
    """Recipe of a network that is not trained."""
    return {key: value for key, value in recipe.items() if key != "training"} | {"start_from": start}


@pytest.mark.parametrize("name", RECIPES)
def test_weights_are_kept_as_they_are_without_training(files, bundles, predictions, tmp_path, name):
    recipe = kept(RECIPES[name], name)
    given = started(files, bundles / name)
    train_contact_model(given, tmp_path / "kept", tmp_path / "state", job(recipe, "kept"), "c0de")
    bundle = read_bundle(tmp_path / "kept")
    assert all(bundle.weights[key].equal(value) for key, value in weights(bundles / name).items())
    assert "step" not in bundle.history
    assert bundle.history["selection"].notna().all()
    found = predict_windows({1: tmp_path / "kept"}, files, TEST, "kept", "cpu", 1, seed=3)
    np.testing.assert_array_equal(found["predicted"], np.load(predictions[name])["predicted"])


def test_what_is_kept_must_be_whole(files, bundles):
    with pytest.raises(InputError, match=r"tensors that do not fit the recipe(.|\n)*decoders.1600.*missing"):
        task_of(started(files, bundles / "first"), kept(SECOND, "first")).build_network()
    with pytest.raises(InputError, match=r"training.batch_size.*missing"):
        contact_settings({key: value for key, value in FIRST.items() if key != "training"})


def test_windows_do_not_touch_what_is_left_out(files):
    task = task_of(files, SECOND)
    starts = [task.read_input(step, 0).segments[0] for step in range(30)]
    assert min(s.start for s in starts if s.chromosome == "chrA") >= RESOLUTION
    assert max(s.start + s.length for s in starts if s.chromosome == "chrB") <= 6990


class Held:
    """An activation that waits for the backward pass; counts the bytes of all that wait."""

    now = most = 0

    def __init__(self, tensor):
        self.tensor, self.size = tensor, tensor.numel() * tensor.element_size()
        Held.now += self.size
        Held.most = max(Held.most, Held.now)

    def __del__(self):
        Held.now -= self.size


@pytest.mark.parametrize("frozen", [["net0"], []])
def test_gradients_level_by_level_are_the_same_in_less_memory(files, frozen):
    window = {"bins": 4, "bin_size": 200, "levels": 3, "shift": 9, "max_missing": 0.7}
    network = {**SECOND["network"], "steps": 2, "frozen": frozen}
    task = task_of(files, {**SECOND, "window": window, "network": network, "evaluation": {"step_bins": 2}})
    batch = task.complete(task.batch(0), Processes(0, 1, torch.device("cpu")))
    found, memory = [], []
    for by_level in (False, True):
        torch.manual_seed(0)
        network = task.build_network().train()
        Held.now = Held.most = 0
        with torch.autograd.graph.saved_tensors_hooks(Held, lambda held: held.tensor):
            if by_level:
                loss = task.backward(network, batch, lambda loss: 3 * loss)
            else:
                loss = task.loss(network, batch)
                (3 * loss).backward()
        memory.append(Held.most)
        found.append([loss.detach(), *(p.grad for p in network.parameters()), *network.buffers()])
    assert memory[1] < 0.6 * memory[0] if frozen else memory[1] < memory[0]
    # The gradient of a bias before a batch norm is rounding error alone.
    rounding = 1e-5 * max(float(p.grad.abs().max()) for p in network.parameters() if p.grad is not None)
    for one, other in zip(*found, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=rounding)

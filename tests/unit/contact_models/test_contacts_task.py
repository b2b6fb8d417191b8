"""Contact task: settings, loss with missing values, batches, validation, training, baseline."""

import copy
import math

import numpy as np
import pytest
import torch
from contact_toys import RECIPE, TRAIN, VALIDATION, toy_reader
from hypothesis import given
from hypothesis import strategies as st

from cisflow.contacts.peaks import PeakTracks
from cisflow.models.contact_batches import masked_squared_error
from cisflow.models.contact_networks import build_network, one_hot
from cisflow.models.contact_settings import contact_settings, fill_from_others
from cisflow.models.contacts_task import ContactsTask
from cisflow.models.distance_only import DistanceOnly, mean_by_distance
from cisflow.models.mean_map import MeanMap
from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle
from cisflow.training.loop import train


def recipe(**changes):
    changed = copy.deepcopy(RECIPE)
    for place, value in changes.items():
        section, _, key = place.partition("__")
        if key:
            changed[section][key] = value
        else:
            changed[section] = value
    return changed


def task(seed=1, peaks=None, **changes):
    settings = contact_settings(recipe(**changes))
    return ContactsTask(settings, toy_reader(settings, peaks), TRAIN, VALIDATION, seed, 0)


def test_every_problem_of_a_recipe_is_told():
    wrong = recipe(window__bin=100, training__steps=0, validation__max_missing=1.5, netwrok={})
    del wrong["training"]["schedule"], wrong["window"]["bins"]
    with pytest.raises(InputError) as raised:
        contact_settings(wrong)
    text = str(raised.value)
    assert "column \"netwrok\": unknown key (did you mean 'network'?)" in text
    assert "column \"window.bin\": unknown key (did you mean 'bins'?)" in text
    assert 'column "window.bins": missing; it is required' in text
    assert 'column "training.steps": 0; expected a whole number, 1 or more' in text
    assert 'column "validation.max_missing": 1.5; expected a number, 0 to 1' in text
    assert 'column "training.schedule": missing' in text


def test_unknown_model_network_and_pools_are_told():
    with pytest.raises(
        InputError,
        match=r"'netwerk' is not one of: network, distance_only, mean_map, composition \(did you mean 'network'",
    ):
        contact_settings(recipe(model="netwerk"))
    with pytest.raises(InputError, match="'orca' is not one of: akita, kmer_pairs, orca_1mb, orca_cascade"):
        task(network__name="orca").build_network()
    with pytest.raises(InputError, match=r"pooling factors \[1, 10, 5\] multiply to 50; expected the bin size 100"):
        task(network__pools=[1, 10, 5]).build_network()


def test_the_baseline_takes_its_windows_from_the_model_beside_it():
    filled = fill_from_others(
        {"task": "contacts", "model": "distance_only"}, {"none": {"task": "contacts"}, "orca": RECIPE}
    )
    assert contact_settings(filled).window == contact_settings(RECIPE).window
    own = fill_from_others({"window": {"bins": 3}}, {"orca": RECIPE})
    assert own["window"] == {"bins": 3}


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_missing_targets_count_neither_in_the_loss_nor_in_gradients(seed, share):
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(2, 5, 5)).astype(np.float32)
    missing = rng.random(target.shape) < share
    target[missing] = np.nan
    predicted = torch.from_numpy(rng.normal(size=target.shape).astype(np.float32)).requires_grad_()
    loss = masked_squared_error(predicted, torch.from_numpy(target))
    loss.backward()
    gradient = predicted.grad.numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[missing] == 0).all()
    if not missing.all():
        expected = np.mean((predicted.detach().numpy()[~missing] - target[~missing]) ** 2)
        assert loss.item() == pytest.approx(expected, rel=1e-5)
    else:
        assert loss.item() == 0


def test_missing_targets_leave_the_gradients_of_a_network_finite():
    toy = task()
    batch = toy.batch(0)
    assert torch.isnan(batch["targets"]).any()
    network = toy.build_network().train()
    toy.loss(network, batch).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
    batch["targets"].fill_(math.nan)
    assert toy.loss(network, batch).item() == 0


def test_batches_depend_on_seed_and_step_alone():
    first, second = task(), task()
    later = second.batch(7)
    second.batch(3)
    for step in (7, 3, 7):
        a, b = first.batch(step), second.batch(step)
        assert all(torch.equal(torch.nan_to_num(a[name]), torch.nan_to_num(b[name])) for name in a)
    assert torch.equal(later["codes"], first.batch(7)["codes"])
    assert not torch.equal(later["codes"], first.batch(8)["codes"])
    assert not torch.equal(later["codes"], task(seed=2).batch(7)["codes"])


def test_batches_read_ahead_by_other_processes_are_the_same():
    plain, ahead = task(), task(training__loaders=2)
    for step in (0, 1, 2, 5, 6, 0):
        a, b = plain.batch(step), ahead.batch(step)
        assert all(torch.equal(torch.nan_to_num(a[name]), torch.nan_to_num(b[name])) for name in a)


def test_shapes_and_types_of_a_batch():
    batch = task().batch(0)
    assert batch["codes"].shape == (4, 1600)
    assert batch["codes"].dtype == torch.uint8
    assert batch["targets"].shape == (4, 16, 16)
    assert batch["labels"].shape == (4, 0, 16)


def test_unknown_bases_are_a_quarter_of_each():
    encoded = one_hot(torch.tensor([[0, 1, 2, 3, 4]], dtype=torch.uint8))
    expected = torch.tensor([[[1, 0, 0, 0, 0.25], [0, 1, 0, 0, 0.25], [0, 0, 1, 0, 0.25], [0, 0, 0, 1, 0.25]]])
    assert torch.equal(encoded, expected)


def test_profiles_add_their_cross_entropy(tmp_path):
    bed = tmp_path / "peaks.bed"
    bed.write_text("chr1\t0\t9000\nchr2\t500\t600\n")
    with_profiles, without = task(peaks=PeakTracks([bed])), task()
    batch = with_profiles.batch(0)
    assert batch["labels"].shape == (4, 1, 16)
    network = with_profiles.build_network().eval()
    assert network.profiles == 1
    contacts, profiles = network(one_hot(batch["codes"]))
    expected = torch.nn.functional.binary_cross_entropy(profiles, batch["labels"]).item()
    error = masked_squared_error(contacts[:, 0], batch["targets"]).item()
    assert with_profiles.loss(network, batch).item() == pytest.approx(error + 0.1 * expected, rel=1e-5)
    assert without.build_network().profiles == 0


def test_validation_uses_the_same_windows_for_every_seed_and_scores_a_perfect_network_with_one():
    first, second = task(seed=1), task(seed=2)
    assert all(
        np.array_equal(a.codes, b.codes) for a, b in zip(first.validation_data, second.validation_data, strict=True)
    )
    targets = iter(first.validation_data)

    class Oracle(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("nothing", torch.zeros(1))

        def forward(self, x):
            return torch.from_numpy(np.nan_to_num(np.stack([next(targets).target for _ in x])))[:, None]

    metrics = first.validate(Oracle())
    assert metrics["selection"] == pytest.approx(1)
    assert metrics["mse"] == 0


def test_validation_without_enough_data_is_an_error():
    with pytest.raises(InputError, match="none of 12 windows on the validation chromosomes has less than 1% missing"):
        _ = task(validation__max_missing=0.01).validation_data


def test_training_learns_the_rule_of_the_toy_map_and_repeats_bit_for_bit(tmp_path):
    histories = {}
    for name, steps in (("learnt", 120), ("a", 20), ("b", 20)):
        histories[name] = train(
            task(training__steps=steps),
            recipe(training__steps=steps),
            1,
            label="toy",
            bundle=tmp_path / name,
            state_dir=tmp_path / "state",
            inputs={},
            settings={"profiles": []},
            code="0",
            device=torch.device("cpu"),
            threads=1,
            save_every_seconds=60,
        )
    learnt = histories["learnt"]
    assert learnt["training_loss"].iloc[-1] < 0.6 * learnt["training_loss"].iloc[0]
    assert learnt["selection"].iloc[-1] > 0.6
    for file in ("weights.safetensors", "recipe.yaml", "history.tsv", "manifest.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    bundle = read_bundle(tmp_path / "learnt")
    network = build_network(contact_settings(bundle.recipe), 0)
    network.load_state_dict(bundle.weights)
    with torch.no_grad():
        best = task().validate(network.eval())["selection"]
    assert best == pytest.approx(learnt["selection"].max(), abs=1e-6)


def test_mean_by_distance_is_what_it_says():
    rng = np.random.default_rng(2)
    targets = rng.normal(size=(3, 6, 6))
    targets[:, 2] = np.nan
    targets[:, 0, 5] = targets[:, 5, 0] = np.nan
    found = mean_by_distance(targets, 6)
    index = np.arange(6)
    for d in range(6):
        entries = targets[:, np.abs(index[:, None] - index) == d]
        assert found[d] == pytest.approx(np.nanmean(entries) if np.isfinite(entries).any() else 0)
    network = DistanceOnly(6)
    network.mean_by_distance.copy_(torch.from_numpy(found))
    predicted = network(torch.zeros(2, 4, 60))
    assert predicted.shape == (2, 1, 6, 6)
    assert predicted[1, 0, 4, 1].item() == pytest.approx(found[3])


def test_mean_map_counts_measured_entries_on_both_strands():
    rng = np.random.default_rng(2)
    targets = rng.normal(size=(3, 6, 6))
    targets[:2, 2] = np.nan
    targets[:, 0, 5] = targets[:, 5, 0] = np.nan
    network = MeanMap(6)
    network.fit(iter(targets))
    both = np.concatenate([targets, targets[:, ::-1, ::-1]])
    known = np.isfinite(both)
    expected = np.where(known, both, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    assert expected[0, 5] == 0
    np.testing.assert_allclose(network(torch.zeros(2, 4, 60))[1, 0], expected, atol=1e-6)

"""The linear model of base composition."""

from itertools import product

import numpy as np
import pytest
import torch
from contact_toys import RECIPE, TRAIN, VALIDATION, toy_reader

from cisflow.contacts.genome import reverse_complement
from cisflow.models.composition import Composition, Ridge, strand_free, whiten
from cisflow.models.composition_fit import fit_composition, training_windows
from cisflow.models.contact_networks import build_network, one_hot
from cisflow.models.contact_settings import contact_settings
from cisflow.models.contacts_task import ContactsTask
from cisflow.problems import InputError

SHARED = {key: RECIPE[key] for key in ("window", "validation", "evaluation")}
LINEAR = {"task": "contacts", "model": "composition", **SHARED}


def test_kmers_and_their_reverse_complements_share_a_column():
    column = strand_free(3)
    kmers = ["".join(letters) for letters in product("ACGT", repeat=3)]
    place = {kmer: int(column[k]) for k, kmer in enumerate(kmers)}
    pairs = str.maketrans("ACGT", "TGCA")
    assert all(place[kmer] == place[kmer.translate(pairs)[::-1]] for kmer in kmers)
    assert sorted(set(place.values())) == list(range(32))
    assert int(strand_free(4).max()) + 1 == 136


def test_shares_are_those_of_the_kmers_that_start_in_a_bin():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 60).astype(np.uint8)
    codes[33:35] = 4  # unknown
    network = Composition(3, 20, k=2, components=2)
    found = network.shares(one_hot(torch.from_numpy(codes)[None]))[0].numpy()
    column = strand_free(2).numpy()
    for b in range(3):
        expected = np.zeros(10)
        for start in range(20 * b, min(20 * b + 20, 59)):
            kmer = codes[start : start + 2]
            if (kmer < 4).all():
                expected[column[4 * kmer[0] + kmer[1]]] += 1
        np.testing.assert_allclose(found[b], expected / expected.sum(), rtol=1e-6)
    nothing = network.shares(one_hot(torch.full((1, 60), 4, dtype=torch.uint8)))
    assert not nothing.any()


def test_features_are_symmetric_and_the_mean_between_two_bins_is_that_of_all_bins_from_one_to_the_other():
    network = Composition(8, 10, k=1, components=2)
    network.whitening.copy_(torch.eye(2))
    shares = torch.rand(1, 8, 2)
    features = network.features(shares)[0]
    assert len(features) == len(network.coefficients)
    torch.testing.assert_close(features, features.transpose(1, 2))
    torch.testing.assert_close(features[8, 2, 5], shares[0, 2:6, 0].mean())
    torch.testing.assert_close(features[9, 5, 2], shares[0, 2:6, 1].mean())
    torch.testing.assert_close(features[0, 2, 5], shares[0, 2, 0] + shares[0, 5, 0])
    torch.testing.assert_close(features[3, 2, 5], shares[0, 2, 1] * shares[0, 5, 1])


def test_whitened_components_have_unit_variance():
    rng = torch.Generator().manual_seed(1)
    shares = torch.rand(500, 6, generator=rng) @ torch.rand(6, 6, generator=rng) + 0.1
    shares[7] = 0  # a bin without known bases
    mean, whitening = whiten(shares, 4)
    used = shares[shares.sum(dim=1) > 0].double()
    components = (used - mean) @ whitening
    torch.testing.assert_close(components.T @ components / len(used), torch.eye(4, dtype=torch.float64))
    constant = torch.cat([shares[:, :2], torch.ones(500, 1)], dim=1)
    constant[7] = 0
    assert (whiten(constant, 3)[1][:, 2] == 0).all()


def test_ridge_finds_the_coefficients_of_the_measured_entries():
    rng = torch.Generator().manual_seed(2)
    features = torch.rand(5, 12, 12, generator=rng)
    truth = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0])
    target = torch.einsum("f,fij->ij", truth, features)
    target[3] = target[:, 3] = torch.nan
    ridge = Ridge(5)
    ridge.add(features, target)
    torch.testing.assert_close(ridge.solve(0.0).float(), truth, atol=1e-4, rtol=0)
    assert ridge.solve(10.0).norm() < ridge.solve(0.0).norm()


@pytest.fixture(scope="module")
def fitted():
    settings = contact_settings(LINEAR)
    task = ContactsTask(settings, toy_reader(settings), TRAIN, VALIDATION, 1, 1)
    network = build_network(settings, 0)
    return task, network, fit_composition(task, network)


def test_fitted_model_finds_the_rule_of_the_toy_and_reads_both_strands_alike(fitted):
    """Bins of like composition attract each other: a product of compositions."""
    task, network, (windows, metrics) = fitted
    assert windows == len(training_windows(task)) == 73
    assert metrics["selection"] > 0.8
    codes = task.reader.genome.codes("chr3", 0, 1600)
    forward = network(one_hot(torch.from_numpy(codes)[None]))[0, 0]
    reverse = network(one_hot(torch.from_numpy(reverse_complement(codes).copy())[None]))[0, 0]
    assert np.corrcoef(forward.ravel(), reverse.flip(0, 1).ravel())[0, 1] > 0.98
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_missing_targets_do_not_matter(fitted):
    task = fitted[0]
    again = build_network(task.settings, 0)
    read = task.reader.read

    def with_holes(window):
        data = read(window)
        data.target[0] = data.target[:, 0] = np.nan
        return data

    task.reader.read = with_holes
    fit_composition(task, again)
    task.reader.read = read
    assert torch.isfinite(again.coefficients).all()


def test_models_of_several_levels_have_no_composition_model():
    window = {**RECIPE["window"], "levels": 2}
    with pytest.raises(InputError, match=r"window\.levels.*expected 1 with model composition"):
        contact_settings({**LINEAR, "window": window})
    with pytest.raises(InputError, match="unknown key"):
        contact_settings({**LINEAR, "training": RECIPE["training"]})

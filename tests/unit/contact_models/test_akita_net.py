"""Akita-style network: layers and parameters of the original, symmetry, missing targets, training on a toy map."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
import yaml
from contact_toys import RECIPE, TRAIN, VALIDATION, toy_reader

from cisflow.contacts.peaks import PeakTracks
from cisflow.models.akita_net import AkitaNet
from cisflow.models.contact_networks import build_network, one_hot
from cisflow.models.contact_settings import contact_settings
from cisflow.models.contacts_task import ContactsTask
from cisflow.problems import InputError
from conftest import CHECKOUT

NARROW = {
    "name": "akita",
    "pools": [10, 10],
    "channels": 12,
    "first_kernel": 5,
    "kernel_size": 3,
    "middle": 6,
    "blocks": 2,
    "encoding": 8,
    "pair_channels": 8,
    "pair_middle": 4,
    "pair_blocks": 2,
    "dropout": 0.0,
    "pair_dropout": 0.0,
}
TOY = {**RECIPE, "network": NARROW, "training": {**RECIPE["training"], "profile_weight": 0}}


def task(recipe=TOY, peaks=None):
    settings = contact_settings(recipe)
    return ContactsTask(settings, toy_reader(settings, peaks), TRAIN, VALIDATION, 1, 0)


def recipe_of(name):
    return yaml.safe_load((CHECKOUT / "config" / "recipes" / f"{name}.yaml").read_text())


def learning(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_are_those_of_the_original():
    """Numbers of the original's list of layers (of a batch norm, the two of its four per channel that learn)."""
    network = AkitaNet()
    convolutions = [m.weight.numel() for m in network.modules() if isinstance(m, torch.nn.Conv1d | torch.nn.Conv2d)]
    expected = [4224, *10 * [46080], *8 * [13824, 4608], 30720, 28080, *6 * [10368, 1152], 48]
    assert convolutions == expected
    assert learning(network.final) == 49  # 245 with five data sets
    assert learning(network) == 746_149 - 245 + 49
    dilations = [block[1].dilation[0] for block in (*network.dilated, *network.dilated_pairs)]
    assert dilations == [1, 2, 3, 5, 9, 16, 29, 50, 1, 2, 3, 5, 9, 16]
    assert network.bin_size == 2048


#: Length of an input and parameters of each recipe.
SIZES = {
    "akita": (2**20, 745_953),
    "akita_1mb": (10**6, 745_953),
    "demo/akita": (256_000, 17_345),
    "yeast/akita": (128_000, 16_033),
}


@pytest.mark.parametrize("name", SIZES)
def test_recipes_build_their_networks(name):
    settings, (length, total) = contact_settings(recipe_of(name), name), SIZES[name]
    assert settings.window.length == length
    assert learning(build_network(settings, 0)) == total


@pytest.mark.parametrize(
    ("ours", "theirs"), [("akita_1mb", "orca_1mb"), ("demo/akita", "demo/orca_1mb"), ("yeast/akita", "yeast/orca")]
)
def test_recipes_beside_orca_have_its_windows(ours, theirs):
    first, second = (contact_settings(recipe_of(name)) for name in (ours, theirs))
    assert (first.window, first.validation, first.evaluation) == (second.window, second.validation, second.evaluation)


def test_recipes_that_do_not_fit_are_told(tmp_path):
    wrong = {**TOY, "network": {**NARROW, "pools": [10, 5]}}
    (tmp_path / "p.bed").write_text("chr1\t0\t900\n")
    with pytest.raises(InputError) as raised:
        task({**wrong, "training": RECIPE["training"]}, PeakTracks([tmp_path / "p.bed"])).build_network()
    assert "pooling factors [10, 5] multiply to 50; expected the bin size 100" in str(raised.value)
    assert "1 profile track(s), but an Akita-style network learns none" in str(raised.value)
    with pytest.raises(InputError, match="widths 5 and 4; expected odd numbers"):
        build_network(contact_settings({**TOY, "network": {**NARROW, "kernel_size": 4}}), 0)
    with pytest.raises(InputError, match="chanels"):
        build_network(contact_settings({**TOY, "network": {**NARROW, "chanels": 4}}), 0)


def test_maps_are_symmetric_and_pairs_know_their_distance():
    torch.manual_seed(0)
    network = task().build_network().eval()
    for block in (*network.dilated, *network.dilated_pairs):
        assert (block[5].weight == 0).all()  # the blocks add nothing at first
        torch.nn.init.ones_(block[5].weight)
    batch = one_hot(torch.randint(0, 5, (2, 1600), dtype=torch.uint8))
    with torch.no_grad():
        maps, encoding = network(batch), network.encode(batch)
        pairs = network.pairs(encoding)
    assert maps.shape == (2, 1, 16, 16)
    torch.testing.assert_close(maps, maps.transpose(2, 3))
    assert pairs.shape == (2, 9, 16, 16)
    assert pairs[1, 8, 3, 7] == 4
    torch.testing.assert_close(pairs[1, :8, 3, 7], (encoding[1, :, 3] + encoding[1, :, 7]) / 2)


def test_dropped_activations_change_neither_gradients_nor_running_statistics():
    torch.manual_seed(0)
    plain = task().build_network().train()
    for block in (*plain.dilated, *plain.dilated_pairs):
        torch.nn.init.ones_(block[5].weight)
    saving = copy.deepcopy(plain)
    saving.checkpoint = 1
    batch = one_hot(torch.randint(0, 5, (2, 1600), dtype=torch.uint8))
    for network in (plain, saving):
        network(batch).square().mean().backward()
    for (name, a), (_, b) in zip(plain.named_parameters(), saving.named_parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5, msg=name)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(value, saving.state_dict()[name], msg=name)


@pytest.mark.parametrize("recipe", [TOY, RECIPE], ids=["akita", "orca"])
def test_missing_targets_count_neither_in_the_loss_nor_in_gradients(recipe):
    toy = task(recipe)
    batch = toy.batch(0)
    missing = torch.isnan(batch["targets"])
    assert missing.any()
    torch.manual_seed(0)
    network = toy.build_network().train()
    losses, gradients = [], []
    for shift in (0.0, 5.0):
        hook = network.register_forward_hook(lambda _m, _given, maps, shift=shift: maps + shift * missing[:, None])
        network.zero_grad()
        loss = toy.loss(network, batch)
        loss.backward()
        hook.remove()
        losses.append(loss.item())
        gradients.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert all(torch.isfinite(g).all() for g in gradients[0])
    assert any(g.abs().sum() > 0 for g in gradients[0])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    batch["targets"].fill_(math.nan)
    assert toy.loss(network, batch).item() == 0


def test_the_distance_channel_alone_gives_the_same_value_along_diagonals():
    network = task().build_network().eval()
    with torch.no_grad():
        pairs = network.pairs(torch.zeros(1, 8, 16))
    for distance in range(16):
        assert len(np.unique(np.diagonal(pairs[0, 8].numpy(), distance))) == 1

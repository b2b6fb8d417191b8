"""The small network on k-mers of bins and of what lies between them."""

import pytest
import torch
from contact_toys import RECIPE, TRAIN, VALIDATION, toy_reader

from cisflow.models.akita_net import AkitaNet
from cisflow.models.contact_networks import CONTACT_NETWORKS, build_network
from cisflow.models.contact_settings import contact_settings
from cisflow.models.contacts_task import ContactsTask
from cisflow.models.kmer_pairs import KmerPairs
from cisflow.problems import InputError

SMALL = {"name": "kmer_pairs", "k": 2, "channels": 4, "context": 3, "hidden": 8, "input_dropout": 0.0, "dropout": 0.0}


def recipe(**training):
    return {**RECIPE, "network": SMALL, "training": {**RECIPE["training"], "profile_weight": 0, **training}}


def one_hot_sequences(n, length, seed=0):
    codes = torch.randint(0, 4, (n, length), generator=torch.Generator().manual_seed(seed))
    return torch.eye(4)[codes].transpose(1, 2)


def test_features_hold_the_mean_over_the_stretch_between_two_bins():
    network = KmerPairs(8, 10, k=1, channels=2, context=3, hidden=4)
    components = torch.rand(1, 2, 8)
    features = network.pairs(components)[0]
    torch.testing.assert_close(features, features.transpose(1, 2))
    torch.testing.assert_close(features[4, 2, 5], components[0, 0, 2:6].mean())
    torch.testing.assert_close(features[2, 2, 5], components[0, 0, 2] * components[0, 0, 5])
    torch.testing.assert_close(features[7, 5, 2], (components[0, 1, 2] - components[0, 1, 5]).abs())


def test_a_change_between_two_bins_changes_their_contacts():
    """The decoders of Orca would need their dilated blocks for that."""
    network = KmerPairs(12, 20, k=2, channels=3, context=1, hidden=4).eval()
    sequence = one_hot_sequences(1, 240)
    changed = sequence.clone()
    changed[:, :, 100:120] = one_hot_sequences(1, 20, seed=1)  # bin 5
    with torch.no_grad():
        moved = (network(sequence) - network(changed)).abs()[0, 0] > 1e-7
    assert moved[2, 9]
    assert moved[9, 2]
    assert not moved[7:, 7:].any()
    assert not moved[:4, :4].any()


def test_maps_are_symmetric_and_turn_with_the_strand():
    network = KmerPairs(16, 50, k=1, channels=3, context=3, hidden=4).eval()
    with torch.no_grad():
        network.context.weight.copy_(network.context.weight + network.context.weight.flip(2))
        sequence = one_hot_sequences(2, 800)
        forward, reverse = network(sequence), network(sequence.flip(1, 2))
    torch.testing.assert_close(forward, forward.transpose(2, 3))
    torch.testing.assert_close(reverse, forward.flip(2, 3), atol=1e-5, rtol=1e-5)


def test_it_learns_the_rule_of_the_toy():
    settings = contact_settings(recipe(steps=40, optimiser={"name": "adam", "learning_rate": 0.01}))
    task = ContactsTask(settings, toy_reader(settings), TRAIN, VALIDATION, 1, 1)
    torch.manual_seed(0)
    network = task.build_network()
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for step in range(40):
        optimiser.zero_grad()
        task.loss(network, task.batch(step)).backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        assert task.validate(network)["selection"] > 0.7


def test_settings_that_it_cannot_take():
    settings = contact_settings(recipe())
    with pytest.raises(InputError, match="predicts no profiles"):
        build_network(settings, 2)
    with pytest.raises(InputError, match="4 is even"):
        build_network(contact_settings({**recipe(), "network": {**SMALL, "context": 4}}), 0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kmer_pairs", r"its settings are: k, channels, context, hidden, input_dropout, dropout$"),
        ("akita", r"its settings are: pools, channels, first_kernel, kernel_size, .*pair_dropout, checkpoint$"),
    ],
)
def test_settings_of_a_network_are_those_of_its_class(name, words):
    with pytest.raises(InputError, match=words):
        CONTACT_NETWORKS.make({"name": name, "width": 3}, 8, 2048, 0)


def test_defaults_of_a_network_are_those_of_its_class():
    made = CONTACT_NETWORKS.make({"name": "akita", "blocks": 1, "pair_blocks": 1}, 8, 2048, 0)
    assert isinstance(made, AkitaNet)
    sizes = [parameter.shape for parameter in made.parameters()]
    assert sizes == [parameter.shape for parameter in AkitaNet(blocks=1, pair_blocks=1).parameters()]

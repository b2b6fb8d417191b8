"""Windows encoded in overlapping blocks (horizontal checkpointing), and activations computed again."""

import copy
from itertools import pairwise

import pytest
import torch

from cisflow.models.checkpointing import Blocks, blocks_along
from cisflow.models.orca_encoder import one_hot
from cisflow.models.orca_net import OrcaNet
from cisflow.problems import InputError


@pytest.fixture(scope="module")
def narrow():
    torch.manual_seed(3)
    network = OrcaNet((6, 8, 8, 10), (1, 4, 5, 5), channels=8, middle=6, dilations=(1, 2, 4), profiles=2)
    sequence = one_hot(torch.randint(0, 5, (2, 5000), dtype=torch.uint8))
    for _ in range(3):  # running statistics away from their start
        network.train()(sequence)
    return network.eval(), sequence


def test_the_reach_is_the_farthest_base_that_can_change_a_bin(narrow):
    network, sequence = narrow
    assert network.reach == 16 * (1 + 4 + 20 + 100)
    assert network.receptive_field == 100 + 2 * network.reach
    x = sequence[:1].clone().requires_grad_()
    network.encode(x)[0, :, 25].sum().backward()
    touched = torch.nonzero(x.grad[0].abs().sum(dim=0)).flatten()
    assert touched.min() >= 2500 - network.reach
    assert touched.max() < 2600 + network.reach
    assert touched.max() - touched.min() > network.receptive_field / 2


def test_the_reach_of_the_published_encoder():
    assert OrcaNet().reach == 104_016
    assert OrcaNet().receptive_field == 212_032


def test_checkpointing_changes_neither_gradients_nor_running_statistics(narrow):
    network, sequence = narrow
    plain, saving = copy.deepcopy(network).train(), copy.deepcopy(network).train()
    saving.checkpoint = 2
    for module in (plain, saving):
        for part in module.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
        module.zero_grad()
        contacts, profiles = module(sequence)
        (contacts.square().mean() + profiles.mean()).backward()
    for (name, a), (_, b) in zip(plain.named_parameters(), saving.named_parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5, msg=name)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(value, saving.state_dict()[name], msg=name)


@pytest.mark.parametrize(("length", "block", "overlap"), [(50, 7, 20), (50, 50, 3), (50, 80, 1), (5, 1, 0), (9, 4, 2)])
def test_blocks_are_the_whole_and_their_surroundings(length, block, overlap):
    positions, pieces = list(range(length)), list(blocks_along(length, block, overlap))
    kept = [positions[read][keep] for read, keep in pieces]
    assert [position for here in kept for position in here] == positions
    for (read, _), here in zip(pieces, kept, strict=True):
        assert read.start == max(0, here[0] - overlap)
        assert read.stop == min(length, here[-1] + 1 + overlap)


@torch.no_grad()
@pytest.mark.parametrize("block_bins", [3, 7, 20, 50, 60, "auto"])
def test_encoding_in_blocks_equals_the_whole(narrow, block_bins):
    network, sequence = narrow
    whole = network._stages(sequence, 0, len(network.pools))
    assert whole.shape == (2, 10, 50)
    torch.testing.assert_close(network.encode_in_blocks(sequence, block_bins), whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(network.encode(sequence), whole, rtol=0, atol=1e-5)


@torch.no_grad()
def test_tiles_of_several_tiers_equal_the_whole(narrow):
    network, sequence = copy.deepcopy(narrow[0]), narrow[1]
    network.tiers = [(0, 1, 300), (1, 3, 1000), (3, 4, 2500)]
    whole = network._stages(sequence, 0, len(network.pools))
    torch.testing.assert_close(network.encode(sequence), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("tiers", ["tiers", "gpu_tiers"])
def test_tiers_of_the_published_encoder_cover_its_stages(tiers):
    network = OrcaNet()
    tiers = getattr(network, tiers)
    assert tiers[0][0] == 0
    assert tiers[-1][1] == len(network.pools)
    assert all(before[1] == after[0] for before, after in pairwise(tiers))
    for _, last, tile in tiers:
        assert tile % network._spacing(last) == 0
        assert 32 * network._reach(last) <= tile


@pytest.mark.parametrize(("dtype", "apart"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
@pytest.mark.parametrize("mode", ["eval", "running"])
def test_gradients_through_blocks_are_those_of_the_whole(narrow, dtype, apart, mode):
    whole = copy.deepcopy(narrow[0]).to(dtype).eval()
    blocks = copy.deepcopy(whole).train(mode == "running")
    results = []
    for network, encode in ((whole, whole.encode), (blocks, lambda x: blocks.encode_by(x, Blocks(9, "running")))):
        sequence = narrow[1][:1].to(dtype).requires_grad_()
        network.zero_grad()
        found = encode(sequence)
        found.square().sum().backward()
        values = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
        results.append(values | {"result": found.detach(), "sequence": sequence.grad})
    assert len(results[0]) > 50
    for name, wanted in results[0].items():
        scale = max(1, wanted.abs().max().item())
        torch.testing.assert_close(results[1][name] / scale, wanted / scale, rtol=0, atol=apart, msg=name)
    for name, value in whole.state_dict().items():
        assert value.equal(blocks.state_dict()[name]), name


def test_statistics_of_blocks_in_training(narrow):
    def trained(*setting):
        network = copy.deepcopy(narrow[0]).train()
        network.blocks = Blocks(*setting)
        with torch.random.fork_rng():
            torch.manual_seed(0)  # dropout
            contacts, _ = network(narrow[1])
        contacts.square().mean().backward()
        return contacts.detach(), network.lconv1[0].weight.grad, network.lconv1[1].num_batches_tracked - 3

    whole = trained()
    for found, wanted in zip(trained(7, "whole"), whole, strict=True):
        assert found.equal(wanted)
    one_block = trained(50, "own")
    for found, wanted in zip(one_block, whole, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    several = trained(25, "own")
    assert several[2] == 2
    assert (several[0] - whole[0]).abs().max() > 1e-4
    assert trained(25, "running")[2] == 0


@torch.no_grad()
def test_block_size_of_the_network_changes_nothing(narrow):
    network, sequence = copy.deepcopy(narrow[0]), narrow[1]
    expected = network(sequence)
    network.blocks = Blocks(7)
    for found, wanted in zip(network(sequence), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("setting", [(-1,), ("most",), (2.5,), (4, "batch")])
def test_other_settings_are_refused(setting):
    with pytest.raises(InputError, match="block_"):
        OrcaNet((4,), (4,), 3, block_bins=setting[0], block_statistics=(*setting, "whole")[1])

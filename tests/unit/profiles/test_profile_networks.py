"""Profile networks: published sizes and shapes, options of Keras, the bias model beside a network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

from cisflow.models.profiles.networks import (
    BiasedProfileNetwork,
    ProfileOutput,
    build_profile_network,
    crop,
    one_hot,
    shift_count,
)
from cisflow.models.profiles.settings import profile_settings
from cisflow.problems import InputError
from conftest import CHECKOUT

sys.path.insert(0, str(Path(__file__).parent))
from profile_toys import DREAM, NARROW

RECIPES = CHECKOUT / "config" / "recipes" / "profiles"
#: Trainable parameters without the bias model beside them, as published.
SIZES = {"bias": 217_730, "chrombpnet": 6_377_986, "dream_cnn": 1_929_986, "dream_rnn": 4_138_882}


def trainable(network):
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize("name", SIZES)
def test_published_sizes_and_shapes(name):
    settings = profile_settings(yaml.safe_load((RECIPES / f"{name}.yaml").read_text()))
    assert (settings.window.input_length, settings.window.output_length) == (2114, 1000)
    network = build_profile_network(settings.network, 2114, 1000).eval()
    assert trainable(network) == SIZES[name]
    with torch.inference_mode():
        output = network(torch.zeros(1, 4, 2114))
    assert (output.logits.shape, output.log_count.shape) == ((1, 1000), (1,))


def test_lengths_inside_the_published_networks():
    lengths = {}
    for name, filters, layers in (("bias", 2, 4), ("main", 2, 8)):
        network = build_profile_network({"name": "chrombpnet", "filters": filters, "layers": layers}, 2114, 1000)
        network.first.register_forward_hook(lambda m, i, o, k=name: lengths.update({f"{k} first": o.shape[2]}))
        network.heads.profile.register_forward_hook(
            lambda m, i, o, k=name: lengths.update({f"{k} dilated": i[0].shape[2], f"{k} profile": o.shape[2]})
        )
        network(torch.zeros(1, 4, 2114))
    assert lengths == {
        "bias first": 2094,
        "bias dilated": 2034,
        "bias profile": 1960,  # 480 positions are cropped on either side
        "main first": 2094,
        "main dilated": 1074,
        "main profile": 1000,  # none is
    }


def test_dilations_double_and_the_middle_of_the_input_is_added():
    network = build_profile_network({"name": "chrombpnet", "filters": 3, "layers": 3, "kernel": 5}, 200, 80)
    assert [layer.dilation for layer in network.dilated] == [(2,), (4,), (8,)]
    x = torch.randn(2, 4, 200)
    expected = torch.relu(nn.functional.conv1d(x, network.first.weight, network.first.bias))
    for layer in network.dilated:
        y = torch.relu(nn.functional.conv1d(expected, layer.weight, layer.bias, dilation=layer.dilation))
        side = (expected.shape[2] - y.shape[2]) // 2
        expected = y + expected[:, :, side : expected.shape[2] - side]
    profile = nn.functional.conv1d(expected, network.heads.profile.weight, network.heads.profile.bias)[:, 0]
    assert torch.allclose(network(x).logits, profile[:, 7:87], atol=1e-5)
    assert torch.allclose(network(x).log_count, network.heads.count(expected.mean(dim=2))[:, 0], atol=1e-5)


def test_crop_takes_the_middle():
    assert crop(torch.arange(10.0)[None, None], 4)[0, 0].tolist() == [3, 4, 5, 6]


def test_unknown_bases_are_zero_in_every_channel():
    encoded = one_hot(torch.tensor([[0, 1, 2, 3, 4]], dtype=torch.uint8))
    assert encoded[0].T.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_start_values_and_batch_norm_are_those_of_keras_unless_said_otherwise():
    core = {"name": "autosome_core", "widths": [8], "expansion": 2}
    keras = build_profile_network({**DREAM, "core": core}, 100, 50)
    norms = [m for m in keras.modules() if isinstance(m, nn.BatchNorm1d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.9)}
    for module in keras.modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(module.weight)
            limit = (6 / (fan_in + fan_out)) ** 0.5
            assert 0.5 * limit < module.weight.abs().max() <= limit
            assert module.bias is None or not module.bias.any()
    ours = build_profile_network(
        {**DREAM, "core": core, "start_values": "torch", "norm_eps": 1e-5, "norm_momentum": 0.1}, 100, 50
    )
    assert {(m.eps, m.momentum) for m in ours.modules() if isinstance(m, nn.BatchNorm1d)} == {(1e-5, 0.1)}
    assert ours.heads.count.bias.any()


def test_lstm_has_one_bias_vector_per_direction_and_forget_gates_start_at_one():
    network = build_profile_network(DREAM, 100, 50)
    lstm, hidden = network.core.lstm, 6
    for name, parameter in lstm.named_parameters():
        if name.startswith("bias_ih"):
            assert parameter.tolist() == [0] * hidden + [1] * hidden + [0] * 2 * hidden
        elif name.startswith("bias_hh"):
            assert not parameter.any()
            assert not parameter.requires_grad
        elif name.startswith("weight_hh"):
            assert torch.allclose(parameter.T @ parameter, torch.eye(hidden), atol=1e-5)
    plain = build_profile_network({**DREAM, "start_values": "torch"}, 100, 50)
    assert trainable(plain) - trainable(network) == 2 * 4 * hidden


@pytest.fixture
def pair():
    torch.manual_seed(1)
    main = build_profile_network(NARROW, 128, 64)
    bias = build_profile_network({**NARROW, "filters": 4}, 128, 64)
    return main, bias, one_hot(torch.randint(0, 5, (3, 128), dtype=torch.uint8))


def test_logits_add_and_counts_add_on_their_own_scale(pair):
    main, bias, x = pair
    output, one, two = BiasedProfileNetwork(main, bias)(x), main(x), bias(x)
    assert torch.equal(output.logits, one.logits + two.logits)
    total = torch.log(torch.exp(one.log_count) + torch.exp(two.log_count))
    assert torch.allclose(output.log_count, total, atol=1e-6)


def test_the_bias_model_learns_nothing_and_stays_in_evaluation_mode(pair):
    main, bias, x = pair
    network = BiasedProfileNetwork(main, bias)
    assert network.train().training
    assert network.main.training
    assert not network.bias.training
    assert trainable(network) == trainable(main)
    output = network(x)
    (output.logits.square().sum() + output.log_count.sum()).backward()
    assert all(p.grad is None for p in network.bias.parameters())
    assert all(p.grad is not None for p in network.main.parameters())


def test_the_shift_is_added_to_the_log_count_alone(pair):
    _, bias, x = pair
    before = bias(x)
    shift_count(bias, 0.75)
    assert torch.allclose(bias(x).log_count, before.log_count + 0.75, atol=1e-6)
    assert torch.equal(bias(x).logits, before.logits)
    with pytest.raises(InputError, match=r"no `heads\.count`"):
        shift_count(nn.Linear(2, 2), 1.0)


def test_heads_stay_in_float32_under_mixed_precision(pair):
    main, bias, x = pair
    network, kinds = BiasedProfileNetwork(main, bias), []
    main.first.register_forward_hook(lambda m, i, o: kinds.append(o.dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = network(x)
    assert kinds == [torch.bfloat16]
    assert {output.logits.dtype, output.log_count.dtype} == {torch.float32}
    assert torch.allclose(output.log_count, network(x).log_count, atol=0.05)


class UniformNetwork(nn.Module):
    """Network of a user: nothing but a count."""

    def __init__(self, input_length: int, output_length: int, level: float = 1.0):
        super().__init__()
        self.level, self.output_length = nn.Parameter(torch.tensor(level)), output_length

    def forward(self, x):
        return ProfileOutput(x.new_zeros(len(x), self.output_length), self.level.expand(len(x)))


def test_a_network_by_its_dotted_path():
    network = build_profile_network({"name": "test_profile_networks:UniformNetwork", "level": 3.0}, 20, 10)
    assert network(torch.zeros(2, 4, 20)).log_count.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    ("settings", "lengths", "message"),
    [
        ({}, (80, 64), "46 positions are left for a profile of 64"),
        (
            {"kernel": 10},
            (128, 64),
            "95 positions are left for a profile of 64; expected as many or an even number more",
        ),
        ({"start_values": "kears"}, (128, 64), r"'kears' is not one of: keras, torch \(did you mean 'keras'\?\)"),
        ({"filter": 4}, (128, 64), "its settings are: filters, layers"),
    ],
)
def test_what_does_not_fit_is_told(settings, lengths, message):
    with pytest.raises(InputError, match=message):
        build_profile_network({**NARROW, **settings}, *lengths)

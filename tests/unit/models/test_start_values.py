"""Start values of every tensor of the teams' networks: which distribution, and with which spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from cisflow.models.network import SequenceNetwork
from cisflow.models.prix_fixe import Cell, published_recipe

SHAPES = {"autosome": (6, 150), "bhi": (4, 110), "unlockdna": (6, 200)}


def autosome(module: nn.Module, name: str) -> tuple[str, float]:
    if isinstance(module, nn.BatchNorm1d):
        return ("constant", 1.0 if name == "weight" else 0.0)
    if name == "bias":
        return ("constant", 0.0)
    if isinstance(module, nn.Linear):
        return ("normal", 0.001)
    return ("normal", math.sqrt(2 / (module.kernel_size[0] * module.out_channels)))


def framework(module: nn.Module, name: str) -> tuple[str, float]:
    if isinstance(module, nn.LayerNorm):
        return ("constant", 1.0 if name == "weight" else 0.0)
    if isinstance(module, nn.MultiheadAttention):  # Xavier on the three projections as one matrix
        return ("uniform", math.sqrt(6 / (4 * module.embed_dim))) if name == "in_proj_weight" else ("constant", 0.0)
    if isinstance(module, nn.modules.linear.NonDynamicallyQuantizableLinear) and name == "bias":
        return ("constant", 0.0)  # output of the attention
    if isinstance(module, nn.Embedding):
        return ("normal", 1.0)
    if isinstance(module, nn.LSTM):
        return ("uniform", 1 / math.sqrt(module.hidden_size))
    # Kaiming with a = sqrt(5), and the matching bias: both uniform within 1 / sqrt(inputs of an output).
    fan_in = math.prod(module.weight.shape[1:])
    return ("uniform", 1 / math.sqrt(fan_in))


@pytest.mark.parametrize("team", SHAPES)
def test_start_values(team):
    torch.manual_seed(2147483647)
    network = SequenceNetwork(published_recipe(Cell(team, team, team, team))["network"], *SHAPES[team])
    expected = autosome if team == "autosome" else framework
    seen = 0
    for path, module in network.named_modules():
        for name, tensor in module.named_parameters(recurse=False):
            seen += tensor.numel()
            kind, scale = expected(module, name)
            values = tensor.detach().double().numpy().ravel()
            where = f"{path}.{name}: {kind} {scale}"
            if kind == "constant":
                assert (values == scale).all(), where
                continue
            sd = scale / math.sqrt(3) if kind == "uniform" else scale
            n = len(values)
            assert abs(values.mean()) <= 5 * sd / math.sqrt(n), where
            # Fourth moments 1.8 and 3 (in squared variances) give the error of the variance and tell the kinds apart.
            fourth = 1.8 if kind == "uniform" else 3.0
            assert values.var() == pytest.approx(sd**2, rel=6 * math.sqrt((fourth - 1) / n)), where
            if kind == "uniform":
                assert np.abs(values).max() <= scale * (1 + 1e-6), where
            if n > 20_000:
                assert (values**4).mean() / sd**4 == pytest.approx(fourth, rel=0.15), where
    assert seen == sum(p.numel() for p in network.parameters())


def test_running_statistics_and_bins_start_as_published():
    state = SequenceNetwork(published_recipe(Cell(*["autosome"] * 4))["network"], 6, 150).state_dict()
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            assert not tensor.any()
        if name.endswith("running_var"):
            assert (tensor == 1).all()
    assert state["final.bins"].tolist() == list(range(18))


def test_blocks_draw_in_their_order_from_one_generator():
    """Equal first blocks in front of different cores start alike: first, core, final draw one after the other."""
    networks = []
    for core in ("autosome", "bhi"):
        torch.manual_seed(7)
        networks.append(SequenceNetwork(published_recipe(Cell("autosome", "bhi", core, "bhi"))["network"], 6, 150))
    one, other = (network.first.state_dict() for network in networks)
    assert all(torch.equal(one[name], other[name]) for name in one)

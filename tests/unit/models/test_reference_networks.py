"""Networks beside the DREAM models: sizes from their papers, structure, start values, and one training step of each."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch.nn import functional

from cisflow.models.blocks import Output
from cisflow.models.contact_networks import build_network
from cisflow.models.contact_settings import contact_settings, fill_from_others
from cisflow.models.encoding import ENCODINGS
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.network import SequenceNetwork
from cisflow.models.prix_fixe import complete_recipe
from cisflow.models.profiles.networks import build_profile_network
from cisflow.models.profiles.settings import profile_settings
from cisflow.models.recipes import check_expression_recipe
from cisflow.models.reference.keras_parts import SameConvolution
from cisflow.models.reference.legnet import Bilinear, LegNetCore, LegNetFinal
from cisflow.models.reference.mprann import MPRAnnCore, MPRAnnFirst
from cisflow.models.reference.proformer import ProformerFirst, WideAttention
from cisflow.models.reference.vaishnav import VaishnavFirst
from cisflow.problems import InputError
from cisflow.training.optimisers import OPTIMISERS
from cisflow.training.schedules import SCHEDULES

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import toy_table

RECIPES = Path(__file__).parents[3] / "config" / "recipes"
EVERY = sorted(RECIPES.rglob("*.yaml"))
REFERENCE = sorted((RECIPES / "reference").glob("*.yaml"))
NARROW = sorted((RECIPES / "reference" / "narrow").glob("*.yaml"))

#: Trainable parameters as published, or counted from the published layers.
SIZES = {
    "legnet": 1_852_846,
    "legnet_optimised": 2_129_602,
    "deepgxp": 6_875_137,
    "proformer": 47_425_543,
    "vaishnav": 3_369_937,
    "deepstarr": 622_722,
    "mprann": 3_957_751,
}


def name_of(path: Path) -> str:
    return str(path.relative_to(RECIPES))


def read(path: Path) -> dict:
    return complete_recipe(yaml.safe_load(path.read_text()))


def network_of(recipe: dict) -> SequenceNetwork:
    encoding = ENCODINGS.make(recipe["encoding"])
    return SequenceNetwork(recipe["network"], encoding.n_channels, encoding.length)


@pytest.mark.parametrize("path", EVERY, ids=name_of)
def test_every_recipe_is_whole_and_makes_its_network(path):
    recipe = read(path)
    if recipe["task"] == "contacts":
        settings = contact_settings(fill_from_others(recipe, {"orca": read(RECIPES / "orca_1mb.yaml")}))
        if recipe["model"] == "network":
            learns_profiles = recipe.get("training", {}).get("profile_weight", 1) > 0
            with torch.device("meta"):
                build_network(settings, profiles=int(learns_profiles))
        return
    if recipe["task"] == "profiles":
        settings = profile_settings(recipe, path.name)
        window = settings.window
        with torch.device("meta"):
            network = build_profile_network(settings.network, window.input_length, window.output_length)
        optimiser = OPTIMISERS.make(recipe["training"]["optimiser"], network.parameters())
        SCHEDULES.make(recipe["training"]["schedule"], optimiser, 10)
        return
    check_expression_recipe(recipe, path.name)
    if recipe["model"] != "network":
        return
    with torch.device("meta"):
        network = network_of(recipe)
        encoding = ENCODINGS.make(recipe["encoding"])
        output = network.eval()(torch.zeros(2, encoding.n_channels, encoding.length))
    assert output.expression.shape == (2,)
    optimiser = OPTIMISERS.make(recipe["training"]["optimiser"], network.parameters())
    SCHEDULES.make(recipe["training"]["schedule"], optimiser, 10)


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.stem)
def test_published_sizes(path):
    with torch.device("meta"):
        network = network_of(read(path))
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    if path.stem in SIZES:
        assert trainable == SIZES[path.stem]
        assert f"{trainable:,} " in path.read_text().splitlines()[0]
    if path.stem == "deepstarr":
        moving = sum(b.numel() for name, b in network.named_buffers() if "running" in name)
        assert trainable + moving == 624_738
    assert set(SIZES) <= {path.stem for path in REFERENCE}


def test_each_narrow_recipe_has_the_parts_of_its_published_one():
    assert [path.name for path in NARROW] == [path.name for path in REFERENCE]
    for narrow, published in zip(NARROW, REFERENCE, strict=True):
        small, large = read(narrow), read(published)
        assert {k: v["name"] for k, v in small["network"].items()} == {
            k: v["name"] for k, v in large["network"].items()
        }
        assert small["training"].get("trainer") == large["training"].get("trainer")


@pytest.mark.parametrize("path", NARROW, ids=lambda path: path.stem)
def test_one_step_of_each_and_the_same_from_the_same_seed(path):
    recipe = read(path)
    recipe["training"] |= {"batch_size": 8, "epochs": 3}
    losses = []
    for _ in range(2):
        task = ExpressionTask(recipe, toy_table(16), 1)
        torch.manual_seed(1)
        network = task.build_network().train()
        loss = task.loss(network, task.batch(0))
        loss.backward()
        losses.append(float(loss.detach()))
    assert losses[0] == losses[1]
    assert 0 < losses[0] < 1000
    trained = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    assert [name for name, p in trained if p.grad is None or not torch.isfinite(p.grad).all()] == []
    before = {name: p.detach().clone() for name, p in trained}
    OPTIMISERS.make(recipe["training"]["optimiser"], [p for _, p in trained]).step()
    moved = [name for name, p in trained if not torch.equal(p, before[name])]
    assert len(moved) > 0.6 * len(trained)
    with torch.no_grad():
        assert set(task.validate(network.eval())) == {"selection", "pearson", "spearman", "mse"}


def test_bilinear_form_is_the_contraction_of_all_products():
    torch.manual_seed(0)
    form = Bilinear(6, 3).double()
    for parameter in form.parameters():
        torch.nn.init.normal_(parameter)
    assert len(form.weights) == round(0.5 * 6 * 6 * 3 / (6 + 6 + 3))
    x = torch.randn(4, 6).double()
    tensor = torch.einsum("r,ir,jr,or->ijo", form.weights, form.left, form.right, form.out)
    torch.testing.assert_close(form(x), torch.einsum("bi,bj,ijo->bo", x, x, tensor) + form.bias)


def test_legnet_variants_differ_as_published():
    torch.manual_seed(0)
    submitted = LegNetCore(8, 20, widths=[4], expansion=2)
    optimised = LegNetCore(
        8, 20, widths=[4], expansion=2, expand="input", filters_per_group=1, excitation="simple", output_first=True
    )
    assert (submitted.stages[0][3].groups, submitted.stages[0][3].in_channels) == (4, 8)
    assert (optimised.stages[0][3].groups, optimised.stages[0][3].in_channels) == (16, 16)
    x = torch.randn(2, 8, 20)
    for core, order in ((submitted, (0, 1)), (optimised, (1, 0))):
        core.eval()
        parts = (x, core.stages[0](x))
        torch.testing.assert_close(core(x), core.resize[0](torch.cat([parts[i] for i in order], dim=1)))
    head = LegNetFinal(4, 20, bins=5).eval()
    y = torch.randn(2, 4, 20)
    logits = functional.silu(head.mapper[0](y)).mean(dim=2)
    torch.testing.assert_close(head(y).bin_logits, logits)
    torch.testing.assert_close(head(y).expression, (torch.softmax(logits, 1) * torch.arange(5)).sum(1))
    for wrong in ({"excitation": "none"}, {"expand": "both"}):
        with pytest.raises(ValueError, match="expected one of"):
            LegNetCore(8, 20, widths=[4], **wrong)


def test_even_kernels_are_padded_as_in_keras():
    convolution = SameConvolution(1, 1, 4, bias=False)
    torch.nn.init.ones_(convolution.weight)
    x = torch.zeros(1, 1, 6)
    x[0, 0, 2] = 1
    # One zero on the left, two on the right: position i sees i - 1 to i + 2.
    assert convolution(x)[0, 0].tolist() == [1, 1, 1, 1, 0, 0]


def test_proformer_puts_equal_positions_before_the_sequence():
    torch.manual_seed(0)
    first = ProformerFirst(6, 20, channels=8, kmer=4, expression_positions=3)
    torch.nn.init.normal_(first.expression_dense.bias)
    x = torch.randn(2, 6, 20)
    y = first(x)
    assert y.shape == (2, 8, 23)
    for position in range(3):
        torch.testing.assert_close(y[:, :, position], first.expression_dense.bias.expand(2, -1))
    padded = functional.pad(x, (1, 2))
    for position, strand in ((0, 0), (9, 0), (10, 1), (19, 1)):
        window = padded[:, :, position : position + 4].flatten(1)
        wanted = functional.linear(window, first.kmer_dense.weight.flatten(1), first.kmer_dense.bias)
        wanted = wanted + first.pos_embedding.weight[position] + first.strand_embedding.weight[strand]
        torch.testing.assert_close(y[:, :, 3 + position], wanted)


def test_attention_with_wide_heads():
    torch.manual_seed(0)
    attention = WideAttention(6, heads=2, head_width=5)
    x = torch.randn(3, 7, 6)
    heads = []
    for head in range(2):
        part = slice(5 * head, 5 * head + 5)
        q, k, v = (layer(x)[:, :, part] for layer in (attention.queries, attention.keys, attention.values))
        heads.append(torch.softmax(q @ k.transpose(1, 2) / 5**0.5, dim=2) @ v)
    torch.testing.assert_close(attention(x), attention.out(torch.cat(heads, dim=2)))


def test_vaishnav_reads_both_strands_with_one_set_of_kernels():
    torch.manual_seed(0)
    first = VaishnavFirst(4, 30, motifs=5, channels=3, kernel=7).double().eval()
    codes = torch.randint(0, 4, (1, 30))
    x = functional.one_hot(codes, 4).transpose(1, 2).double()
    other = functional.one_hot(3 - codes.flip(1), 4).transpose(1, 2).double()
    # What the second row says of a sequence is what the first says of its reverse complement, turned around.
    rows = []
    first.strands.register_forward_hook(lambda module, inputs, output: rows.append(inputs[0]))
    first(x)
    first(other)
    inner = slice(3, -3)  # without the padding of the second convolution
    torch.testing.assert_close(rows[0][:, :, 1, inner], rows[1][:, :, 0, inner].flip(2))
    assert not torch.allclose(rows[0][:, :, 0], rows[0][:, :, 1])
    unknown = x.clone()
    unknown[:, :, 5] = 0
    ones = x.clone()
    ones[:, :, 5] = 1
    torch.testing.assert_close(first(unknown), first(ones))
    with pytest.raises(ValueError, match="expected the four bases"):
        VaishnavFirst(6, 30)


def test_one_bias_vector_per_direction_is_trained():
    network = network_of(read(RECIPES / "reference" / "narrow" / "vaishnav.yaml"))
    fixed = [name for name, p in network.named_parameters() if not p.requires_grad]
    assert fixed == ["final.lstm.bias_hh_l0", "final.lstm.bias_hh_l0_reverse"]
    assert all(float(network.get_parameter(name).abs().max()) == 0 for name in fixed)
    bias = network.get_parameter("final.lstm.bias_ih_l0").view(4, -1)
    assert bias.mean(dim=1).tolist() == [0, 1, 0, 0]  # gates: input, forget, cell, output


def test_lengths_and_constants_of_the_keras_networks():
    first = MPRAnnFirst(4, 230)
    core = MPRAnnCore(first.out_channels, first.out_length)
    assert (first.out_length, core.out_length, core.out_channels) == (108, 105, 100)
    shares = first.main[4](torch.randn(2, 250, 9))  # softmax over channels
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(2, 9))
    with pytest.raises(ValueError, match="longer encoding"):
        MPRAnnFirst(4, 12)
    network = network_of(read(RECIPES / "reference" / "deepstarr.yaml"))
    assert (network.first.out_length, network.core.out_length) == (124, 15)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}


def test_flattening_position_by_position():
    torch.manual_seed(0)
    network = network_of(read(RECIPES / "reference" / "narrow" / "deepgxp.yaml"))
    x = torch.randn(2, network.core.out_channels, network.core.out_length)
    flat = torch.stack([x[:, :, i] for i in range(x.shape[2])], dim=1).reshape(2, -1)
    torch.testing.assert_close(network.final(x).expression, network.final.main(flat).squeeze(1))


def test_adapters_stay_when_the_middle_is_turned():
    encoding = ENCODINGS.make({"name": "between_adapters", "width": 4, "left": "AAG", "right": "CT"})
    codes = encoding.codes(["ACGG", "aaggattct"])
    np.testing.assert_array_equal(codes, [[0, 2, 1, 1], [1, 0, 3, 3]])
    x = encoding.tensor(torch.from_numpy(codes), torch.zeros(2), torch.zeros(2))
    assert x.shape == (2, 4, 9)
    letters = ["".join("AGCT"[i] for i in row) for row in x.argmax(dim=1).tolist()]
    assert letters == ["AAGACGGCT", "AAGGATTCT"]
    with pytest.raises(InputError, match=r"row 3.*sequence of 5 bases; expected 4, or 9 with adapters"):
        encoding.codes(["ACGG", "ACGGT"])
    assert encoding.usable(["ACGG", "ACGGT", "aaggattct", ""]).tolist() == [True, False, True, False]
    with pytest.raises(InputError, match=r"expected \[\] or \[is_reverse\]"):
        ENCODINGS.make({"name": "between_adapters", "flags": ["is_singleton"]})
    flagged = ENCODINGS.make({"name": "between_adapters", "width": 4, "flags": ["is_reverse"]})
    assert flagged.tensor(torch.from_numpy(codes), torch.ones(2), torch.zeros(2))[:, 4].min() == 1


def test_output_keeps_its_order():
    assert Output._fields[:3] == ("expression", "bin_logits", "nucleotide_logits")

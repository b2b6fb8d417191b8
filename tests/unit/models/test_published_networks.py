"""Networks against outputs, losses and gradients of the published implementation."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cisflow.models.losses import HuberLoss, MeanSquaredError, SoftLabelLoss
from cisflow.models.network import SequenceNetwork
from cisflow.models.unlockdna import masked_nucleotide_loss
from cisflow.training.numerics import reproducible_numerics

sys.path.insert(0, str(Path(__file__).parent))
from golden_networks import ALL, build, fill, inputs, settings


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """The reference values come from one thread; sums in float32 differ in the last digits with more."""
    with reproducible_numerics(1):
        yield


@pytest.fixture(scope="module", params=ALL)
def published(request, golden):
    name = request.param
    expected = json.loads((golden / "dream" / f"{name}_golden.json").read_text())
    return name, expected, build(name)


def test_parameters_and_state_names(published, golden):
    name, expected, network = published
    lines = (golden / "dream" / f"{name}_state.tsv").read_text().splitlines()[1:]
    parameters = dict(network.named_parameters())
    found = [
        "\t".join(
            [
                str(i),
                key,
                "x".join(map(str, tensor.shape)) or "scalar",
                str(tensor.dtype).removeprefix("torch."),
                "parameter" if key in parameters else "buffer",
            ]
        )
        for i, (key, tensor) in enumerate(network.state_dict().items())
    ]
    assert found == lines
    assert sum(p.numel() for p in parameters.values()) == expected["n_parameters"]


@pytest.mark.parametrize("recipe", ["A", "B"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_outputs(published, recipe, precision):
    name, expected, network = published
    expected = expected["recipes"][recipe][precision]
    fill(network.float(), recipe)
    network.to(getattr(torch, precision))
    x = inputs(name, recipe)[1].to(getattr(torch, precision))
    with torch.no_grad():
        first = network.first(x)
        core = network.core(first)
        output = network(x)
    double = precision == "float64"
    scalar = {"rtol": 1e-9, "atol": 1e-12} if double else {"rtol": 0, "atol": 2e-5}
    np.testing.assert_allclose(output.expression.numpy(), expected["scalar"], **scalar)
    if "logits" in expected:
        probabilities = torch.softmax(output.bin_logits, dim=1).numpy()
        np.testing.assert_allclose(output.bin_logits.numpy(), expected["logits"], **scalar)
        np.testing.assert_allclose(
            probabilities, expected["probs"], **(scalar if double else {"rtol": 0, "atol": 2e-6})
        )
    if "nucleotide_logits_b0_first5positions" in expected:
        head = output.nucleotide_logits[0, :, :5].numpy()
        np.testing.assert_allclose(head, expected["nucleotide_logits_b0_first5positions"], **scalar)
    if double:
        for block, key in ((first, "first_out"), (core, "core_out"), (output.nucleotide_logits, "nucleotide_logits")):
            if key not in expected:
                continue
            stored = expected[key]
            found = [block.mean(), block.std(correction=0), block.abs().sum()]
            np.testing.assert_allclose(found, [stored[k] for k in ("mean", "std_population", "abs_sum")], rtol=1e-9)
            samples = [float(block[tuple(s["index"])]) for s in stored["samples"]]
            np.testing.assert_allclose(samples, [s["value"] for s in stored["samples"]], rtol=1e-9, atol=1e-12)


def test_loss_and_gradients(published):
    name, expected, network = published
    expected = expected["recipes"]["B"]["backward_check"]
    fill(network.float(), "B")
    network.double().zero_grad()
    ids, x = inputs(name, "B")
    output = network(x.double())
    if name == "prixfixe_unlockdna":
        mask = torch.zeros(ids.shape).double()
        mask[:, ::20] = 1
        nucleotides = masked_nucleotide_loss(output.nucleotide_logits, ids, mask)
        assert float(nucleotides.detach()) == pytest.approx(expected["loss_sequence"], rel=1e-9)
        loss = MeanSquaredError()(output, torch.tensor(expected["y"], dtype=torch.float64)) + nucleotides
    elif name == "prixfixe_bhi":
        loss = HuberLoss()(output, torch.tensor(expected["y"], dtype=torch.float64))
    else:
        loss_function = SoftLabelLoss()
        loss = loss_function(output, loss_function.targets(np.array(expected["expression"])).double())
    assert float(loss.detach()) == pytest.approx(expected["loss_value"], rel=1e-9)
    loss.backward()
    norms = {k: None if p.grad is None else float(p.grad.norm()) for k, p in network.named_parameters()}
    assert list(norms) == list(expected["grad_l2_norm"])
    for key, value in expected["grad_l2_norm"].items():
        assert norms[key] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)), key


@pytest.mark.parametrize(("name", "size"), [("dream_cnn", 1945857), ("dream_rnn", 4203393), ("dream_attn", 4619521)])
def test_regression_head_has_the_published_size_on_lentiviral_assays(name, size):
    blocks = {**settings(name), "final": {"name": "regression_final"}}
    network = SequenceNetwork(blocks, 5, 230)
    assert sum(p.numel() for p in network.parameters()) == size
    assert network(torch.zeros(2, 5, 230)).expression.shape == (2,)

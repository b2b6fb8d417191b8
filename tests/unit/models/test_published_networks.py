"""Networks against outputs, losses and gradients of the published implementation."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from cisflow.models.losses import HuberLoss, MeanSquaredError, SoftLabelLoss
from cisflow.models.network import SequenceNetwork
from cisflow.models.unlockdna import masked_nucleotide_loss
from cisflow.training.numerics import reproducible_numerics

RECIPES = Path(__file__).parents[3] / "config" / "recipes"

AUTOSOME = {"first": {"name": "autosome_first"}, "core": {"name": "autosome_core"}, "final": {"name": "autosome_final"}}
BHI = {"first": {"name": "bhi_first"}, "core": {"name": "bhi_core"}, "final": {"name": "bhi_final"}}
UNLOCKDNA = {
    "first": {"name": "unlockdna_first"},
    "core": {"name": "unlockdna_core"},
    "final": {"name": "unlockdna_final"},
}
SHAPES = {"prixfixe_bhi": (4, 110), "prixfixe_unlockdna": (6, 200)}
DREAM = ("dream_cnn", "dream_rnn", "dream_attn")
ALL = (*DREAM, "prixfixe_autosome", "prixfixe_bhi", "prixfixe_unlockdna")


def settings(name: str) -> dict:
    if name in DREAM:
        return yaml.safe_load((RECIPES / f"{name}.yaml").read_text())["network"]
    return {"prixfixe_autosome": AUTOSOME, "prixfixe_bhi": BHI, "prixfixe_unlockdna": UNLOCKDNA}[name]


def build(name: str) -> SequenceNetwork:
    return SequenceNetwork(settings(name), *SHAPES.get(name, (6, 150))).eval()


def hashed(n: int, t: int) -> np.ndarray:
    """Pseudo-random numbers in [0, 1) that recipe B of the golden files is made of."""
    k = np.arange(n, dtype=np.uint32)
    h = k * np.uint32(2654435761) + np.uint32((t * 40503 + 12345) % 2**32)
    for _ in range(2):
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x45D9F3B)
    return (h ^ (h >> np.uint32(16))).astype(np.float64) / 2**32


def fill(network: torch.nn.Module, recipe: str) -> None:
    state = network.state_dict()
    for t, (name, tensor) in enumerate(state.items()):
        if not tensor.is_floating_point():
            continue
        n = tensor.numel()
        if recipe == "A":
            values = 0.05 * np.sin(0.7 * np.arange(n) + t)
            if name.endswith("running_var"):
                values = np.ones(n)
        else:
            u = hashed(n, t)
            if name.endswith("running_var"):
                values = 0.4 + 0.4 * u
            elif tensor.ndim >= 2:
                values = (2 * u - 1) * math.sqrt(6 / math.prod(tensor.shape[1:]))
            elif name.endswith(".weight"):
                values = 1 + 0.2 * (2 * u - 1)
            else:
                values = 0.1 * (2 * u - 1)
        state[name] = torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape)
    network.load_state_dict(state)


def inputs(name: str, recipe: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Base ids (4, length) and the network input (4, channels, length)."""
    channels, length = SHAPES.get(name, (6, 150))
    b, p = np.arange(4)[:, None], np.arange(length)[None, :]
    if recipe == "A":
        ids = (7 * p + 3 * b + p * p) % 4
    else:
        ids = np.stack([np.floor(4 * hashed(length, 1000 + i)).astype(int) for i in range(4)])
    x = np.zeros((4, channels, length), dtype=np.float32)
    x[:, :4] = ids[:, None, :] == np.arange(4)[None, :, None]
    if (channels, length) == (6, 150):
        x[:, 4] = b % 2
        x[:, 5] = (b // 2) % 2 if recipe == "B" else 0
    return torch.from_numpy(ids), torch.from_numpy(x)


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

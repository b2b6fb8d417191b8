"""Training extras of the reference networks against plain code: masking, mutations, focal loss, GloVe, optimisers."""

from __future__ import annotations

import copy
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cisflow.models.blocks import Output
from cisflow.models.encoding import ENCODINGS
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.losses import LOSSES
from cisflow.models.reference.glove import GloveFirst, cooccurrence, glove_vectors, words
from cisflow.models.reference.mutation import mutated_codes
from cisflow.problems import InputError
from cisflow.training.optimisers import OPTIMISERS

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import NARROW as PLAIN
from expression_toys import toy_table

REFERENCE = Path(__file__).parents[3] / "config" / "recipes" / "reference"


def narrow(name: str, **training) -> dict:
    recipe = yaml.safe_load((REFERENCE / "narrow" / f"{name}.yaml").read_text())
    recipe["training"] |= {"batch_size": 8, **training}
    return recipe


def plain_focal(logits: np.ndarray, label: int, gamma: float) -> float:
    q = np.exp(logits - logits.max())
    q = q[label] / q.sum()
    return -((1 - q) ** gamma) * math.log(q)


def test_focal_loss_is_the_mean_over_the_two_ways_to_round():
    rng = np.random.default_rng(0)
    logits, expression = rng.normal(0, 2, (4, 18)), np.array([0.0, 17.0, 3.25, 11.5])
    loss = LOSSES.make({"name": "focal", "bins": 18, "gamma": 2})
    targets = loss.targets(expression)
    expected = []
    for row, value in zip(logits, expression, strict=True):
        low, share = int(value), value % 1
        upper = plain_focal(row, low + 1, 2) if share else 0
        expected.append((1 - share) * plain_focal(row, low, 2) + share * upper)
    found = loss(Output(torch.zeros(4), bin_logits=torch.from_numpy(logits)), targets.double())
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-9)
    assert targets[2, 3:5].tolist() == [0.75, 0.25]
    with pytest.raises(InputError, match="needs a final block with bins"):
        loss(Output(torch.zeros(4)), targets)
    with pytest.raises(InputError, match="outside 0 to 17"):
        loss.check(np.array([18.0]), "d")


def test_focal_loss_of_a_certain_network_has_a_finite_gradient():
    logits = torch.zeros(1, 18, requires_grad=True)
    with torch.no_grad():
        logits[0, 3] = 200
    loss = LOSSES.make({"name": "focal"})
    loss(Output(torch.zeros(1), bin_logits=logits), loss.targets(np.array([3.0]))).backward()
    assert torch.isfinite(logits.grad).all()


@given(seed=st.integers(0, 1000), ratio=st.floats(0.01, 0.99))
def test_mutated_bases_are_other_bases(seed, ratio):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 5, (6, 40), dtype=np.uint8)
    mutated = mutated_codes(codes, ratio, rng)
    assert mutated.dtype == np.uint8
    assert mutated.max() <= 4
    np.testing.assert_array_equal(mutated == 4, codes == 4)


def test_every_other_base_is_as_likely():
    codes = np.repeat(np.arange(4, dtype=np.uint8), 30_000).reshape(4, -1)
    mutated = mutated_codes(codes, 0.15, np.random.default_rng(0))
    for base in range(4):
        shares = np.bincount(mutated[base], minlength=4) / codes.shape[1]
        np.testing.assert_allclose(np.delete(shares, base), 0.05, atol=0.006)


def test_loss_of_mutation_detection():
    recipe = narrow("mutation_detection")
    table = toy_table(16)
    table.loc[0, "sequence"] = table.loc[0, "sequence"][:40] + "NNNNN" + table.loc[0, "sequence"][45:]
    task = ExpressionTask(recipe, table, 1)
    torch.manual_seed(1)
    network = task.build_network().eval()
    batches = [task.batch(step) for step in range(3)]
    assert not torch.equal(batches[0]["mutated"], batches[1]["mutated"])
    again = ExpressionTask(recipe, table, 1).batch(1)
    assert all(torch.equal(batches[1][name], again[name]) for name in again)
    share = float(torch.cat([(b["mutated"] != b["codes"]) & (b["codes"] < 4) for b in batches]).float().mean())
    assert 0.12 < share < 0.18
    for batch in batches:
        expected, n = 0.0, 0
        flags = batch["is_reverse"], batch["is_singleton"]
        scores = network(task.encoding.tensor(batch["mutated"], *flags)).mutation_logits.detach()
        for row in range(len(scores)):
            for score, code, mutated in zip(scores[row], batch["codes"][row], batch["mutated"][row], strict=True):
                if code == 4:
                    continue
                p = 1 / (1 + math.exp(-float(score)))
                expected -= math.log(p if code != mutated else 1 - p)
                n += 1
        given = task.loss_function(network(task.encoding.tensor(batch["codes"], *flags)), batch["targets"]).detach()
        assert float(task.loss(network, batch).detach()) == pytest.approx(float(given) + expected / n, rel=1e-5)


def test_mutation_detection_needs_a_score_per_base():
    recipe = narrow("mutation_detection")
    recipe["network"]["final"] = {"name": "autosome_final"}
    task = ExpressionTask(recipe, toy_table(16), 1)
    with pytest.raises(InputError, match="`mutation_detection` needs a final block that scores every base"):
        task.loss(task.build_network(), task.batch(0))
    recipe["training"]["trainer"]["ratio"] = 1.5
    with pytest.raises(InputError, match="expected a number between 0 and 1"):
        ExpressionTask(recipe, toy_table(16), 1)


def test_loss_of_five_percent_masking():
    recipe = narrow("proformer")
    assert recipe["training"]["trainer"] == {"name": "masked_nucleotides", "ratio": 0.05}
    task = ExpressionTask(recipe, toy_table(16), 1)
    torch.manual_seed(1)
    network = task.build_network().eval()
    batch = task.batch(0)
    tokens = task.encoding.tokens(batch["codes"])
    hidden = batch["hidden"] & (tokens != 4)
    assert 0.02 < float(batch["hidden"].float().mean()) < 0.08
    shown = tokens.clone()
    shown[hidden] = 5
    output = network(task.encoding.channels(shown))
    assert output.nucleotide_logits.shape == (8, 6, 200)
    expected = 0.0
    for row, position in hidden.nonzero().tolist():
        logits = output.nucleotide_logits[row, :, position].double()
        expected -= float(torch.log_softmax(logits, 0)[tokens[row, position]].detach())
    expected /= int(hidden.sum()) + 1
    expected += float(((output.expression - batch["targets"]) ** 2).mean().detach())
    assert float(task.loss(network, batch).detach()) == pytest.approx(expected, rel=1e-5)


def test_neighbouring_words_are_counted():
    codes = ENCODINGS.make({"name": "pad", "length": 9, "flags": []}).codes(["AGCTTANGA", "GGGGGGGGG"])
    assert words(codes, 2)[0].tolist() == [1, 6, 11, 15, 12, -1, -1, 4]
    expected = np.zeros((16, 16))
    for row in words(codes, 2).tolist():
        for i, left in enumerate(row):
            for j in range(i + 1, min(i + 3, len(row) - 1) + 1):
                if left >= 0 and row[j] >= 0:
                    expected[left, row[j]] += 1 / (j - i)
                    expected[row[j], left] += 1 / (j - i)
    np.testing.assert_allclose(cooccurrence(codes, 2, window=3), expected)


def test_products_of_glove_vectors_follow_the_logarithms_of_the_counts():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 1, (16, 3))
    counts = 200 * np.exp(true @ true.T / 2)
    vectors = glove_vectors(counts, 8, 600, seed=1)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, glove_vectors(counts, 8, 600, seed=1))
    assert not np.array_equal(vectors, glove_vectors(counts, 8, 600, seed=2))
    # Word and context vectors are alike for a symmetric matrix, so that their sum is about twice each of them.
    products, logs = vectors @ vectors.T / 4, np.log(counts)
    for matrix in (products, logs):
        matrix -= matrix.mean(axis=0)
        matrix -= matrix.mean(axis=1, keepdims=True)
    assert np.corrcoef(products.ravel(), logs.ravel())[0, 1] > 0.97


def test_each_base_gets_the_vector_of_the_word_around_it():
    first = GloveFirst(6, 7, width=4, k=3, iterations=3)
    encoding = ENCODINGS.make({"name": "pad", "length": 7})
    codes = encoding.codes(["AGCNTTT", "CCCCCCC"])
    first.fit(codes, seed=1)
    assert torch.equal(first.vectors[-1], torch.zeros(4))
    y = first(encoding.tensor(torch.from_numpy(codes), torch.ones(2), torch.zeros(2)))
    assert y.shape == (2, first.out_channels, 7) == (2, 6, 7)
    letters = [None, "AGC", None, None, None, "TTT", None]
    for position, word in enumerate(letters):
        number = sum("AGCT".index(letter) * 4 ** (2 - i) for i, letter in enumerate(word)) if word else 64
        assert torch.equal(y[0, :4, position], first.vectors[number])
    assert y[0, 4:].tolist() == [[1] * 7, [0] * 7]
    with pytest.raises(ValueError, match="expected 1, 3, 5 or 7"):
        GloveFirst(6, 7, k=4)


def test_vectors_are_fitted_to_the_training_rows_and_then_fixed():
    recipe = narrow("glove_cnn", batch_size=16)
    task = ExpressionTask(recipe, toy_table(40), 1)
    first, again = task.build_network(), ExpressionTask(recipe, toy_table(40), 1).build_network()
    vectors = first.first.vectors
    assert vectors[:-1].abs().sum(dim=1).min() > 0
    assert torch.equal(vectors, again.first.vectors)
    assert "first.vectors" in first.state_dict()
    assert not any(name.startswith("first.") for name, _ in first.named_parameters())


def test_lion_steps_along_the_sign_of_the_mixed_gradient():
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    optimiser = OPTIMISERS.make({"name": "lion", "learning_rate": 0.1, "weight_decay": 0.5}, [p])
    value, mean = p.detach().numpy().copy(), np.zeros(3)
    for gradient in ([1.0, -1.0, 0.5], [-0.05, 2.0, -9.0], [0.0, -0.1, 0.1]):
        p.grad = torch.tensor(gradient)
        optimiser.step()
        gradient = np.array(gradient)
        value = value * (1 - 0.1 * 0.5) - 0.1 * np.sign(0.9 * mean + 0.1 * gradient)
        mean = 0.99 * mean + 0.01 * gradient
        np.testing.assert_allclose(p.detach().numpy(), value, rtol=1e-6)


def test_kernel_penalty_is_part_of_the_loss_and_spares_biases():
    torch.manual_seed(0)
    given, plain = (torch.nn.Linear(3, 2).double() for _ in range(2))
    plain.load_state_dict(given.state_dict())
    x = torch.randn(5, 3).double()
    one = OPTIMISERS.make({"name": "rmsprop", "kernel_penalty": 0.03}, given.parameters())
    two = OPTIMISERS.make({"name": "rmsprop"}, plain.parameters())
    for _ in range(3):
        for network, optimiser, penalty in ((given, one, 0.0), (plain, two, 0.03)):
            optimiser.zero_grad()
            ((network(x) ** 2).mean() + penalty * (network.weight**2).sum()).backward()
            optimiser.step()
    for a, b in zip(given.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_steps_per_epoch_and_selection_of_a_recipe():
    recipe = copy.deepcopy(PLAIN)
    recipe["training"] |= {"steps_per_epoch": 7, "selection": "mse"}
    task = ExpressionTask(recipe, toy_table(100), 1)
    assert (task.steps_per_epoch, task.n_steps) == (7, 28)
    with torch.no_grad():
        metrics = task.validate(task.build_network().eval())
    assert metrics["selection"] == -metrics["mse"]

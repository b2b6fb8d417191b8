"""The loss against scipy, term by term."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multinomial

from cisflow.models.profiles.loss import count_error, multinomial_nll, profile_loss
from cisflow.models.profiles.networks import ProfileOutput


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.gamma(0.5, 4, (5, 1)), (5, 40)).astype(np.float64)
    counts[2] = 0
    return counts, rng.normal(size=(5, 40)), rng.normal(3, 1, 5)


def test_profile_term_is_the_multinomial_likelihood_with_its_coefficient(batch):
    counts, logits, _ = batch
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = [-multinomial.logpmf(c, int(c.sum()), p) for c, p in zip(counts, shares, strict=True)]
    found = multinomial_nll(torch.from_numpy(logits), torch.from_numpy(counts))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-10)
    assert found[2] == 0  # nothing was counted, nothing can be wrong
    in_float32 = multinomial_nll(torch.from_numpy(logits).float(), torch.from_numpy(counts).float())
    np.testing.assert_allclose(in_float32.numpy(), expected, rtol=1e-5, atol=1e-4)


def test_loss_is_the_mean_of_both_terms_with_the_weight(batch):
    counts, logits, log_count = batch
    output = ProfileOutput(torch.from_numpy(logits), torch.from_numpy(log_count))
    target = torch.from_numpy(counts)
    square = (log_count - np.log(1 + counts.sum(axis=1))) ** 2
    np.testing.assert_allclose(count_error(output.log_count, target).numpy(), square, rtol=1e-12)
    loss, profile, count = profile_loss(output, target.float(), 2.5)
    assert float(count) == pytest.approx(square.mean(), rel=1e-5)
    assert float(profile) == pytest.approx(float(multinomial_nll(output.logits, target).mean()), rel=1e-5)
    assert float(loss) == pytest.approx(float(profile) + 2.5 * float(count), rel=1e-6)


def test_worked_example():
    # Two positions, counts 2 and 1, equal shares: 3 ways of 1/8 each; ln(1 + 3) against 0.
    output = ProfileOutput(torch.zeros(1, 2), torch.zeros(1))
    loss, profile, count = profile_loss(output, torch.tensor([[2.0, 1.0]]), 10.0)
    assert float(profile) == pytest.approx(-np.log(3 / 8), rel=1e-6)
    assert float(count) == pytest.approx(np.log(4) ** 2, rel=1e-6)
    assert float(loss) == pytest.approx(-np.log(3 / 8) + 10 * np.log(4) ** 2, rel=1e-6)

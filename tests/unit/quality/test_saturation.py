"""Rarefaction against random parts of the reads, extrapolation against simulated further reads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.problems import InputError
from cisflow.quality.saturation import expected_error, extrapolate, frequencies, new_per_million, rarefy


def library(n, depth, spread, seed):
    """Reads of elements of log-normal abundance, and their rates."""
    rng = np.random.default_rng(seed)
    abundance = np.exp(spread * rng.standard_normal(n))
    rate = depth * abundance / abundance.mean()
    return rng.poisson(rate), rate, rng


@pytest.mark.parametrize(("depth", "spread"), [(1, 0.4), (10, 0.8), (100, 1.5)])
def test_rarefaction_is_the_mean_of_random_parts(depth, spread):
    reads, _, rng = library(500, depth, spread, seed=1)
    total = reads.sum()
    depths = np.array([total // 20, total // 4, total // 2, 9 * total // 10])
    drawn = np.array(
        [[np.count_nonzero(rng.multivariate_hypergeometric(reads, d)) for d in depths] for _ in range(400)]
    )
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert np.all(np.abs(rarefy(frequencies(reads), depths) - drawn.mean(axis=0)) < 4 * error + 1e-9)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40).filter(any))
@settings(max_examples=60, deadline=None)
def test_rarefaction_rises_from_nothing_to_everything_and_flattens(reads):
    found = frequencies(reads)
    curve = rarefy(found, np.arange(found.total_reads + 1))
    assert curve[0] == pytest.approx(0, abs=1e-9)
    assert curve[1] == pytest.approx(1)
    assert curve[-1] == pytest.approx(np.count_nonzero(reads))
    assert np.all(np.diff(curve) > -1e-9)
    assert np.all(np.diff(curve, 2) < 1e-9)


def test_rarefaction_of_billions_of_reads_keeps_its_digits():
    reads = np.array([1, 2, 10**6, 4 * 10**9])
    found = frequencies(reads)
    share = 0.25
    expected = np.sum(1 - (1 - share) ** np.minimum(reads, 10**4))
    assert rarefy(found, [round(share * reads.sum())])[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("spread", [0.4, 1.5])
@pytest.mark.parametrize("depth", [0.5, 3, 20])
def test_interval_of_the_extrapolation_holds_what_more_reads_show(depth, spread):
    inside, runs = np.zeros(3), 40
    for seed in range(runs):
        reads, rate, rng = library(3000, depth, spread, seed)
        guess = extrapolate(frequencies(reads), [2, 3, 5])
        more = [np.count_nonzero((reads > 0) | (rng.poisson(rate * extra) > 0)) for extra in (1, 2, 4)]
        inside += (guess.low <= more) & (more <= guess.high)
    assert np.all(inside >= 0.85 * runs)


def test_doubling_is_predicted_within_a_percent():
    reads, rate, rng = library(30_000, 2, 0.8, seed=4)
    later = np.count_nonzero((reads > 0) | (rng.poisson(rate) > 0))
    assert extrapolate(frequencies(reads), [2]).elements[0] == pytest.approx(later, rel=0.01)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60).filter(any))
@settings(max_examples=60, deadline=None)
def test_extrapolation_never_falls_and_its_interval_holds_it(reads):
    found = extrapolate(frequencies(reads), np.linspace(1, 5, 17))
    assert found.elements[0] == found.low[0] == found.high[0] == np.count_nonzero(reads)
    for curve in (found.elements, found.low, found.high):
        assert np.all(np.isfinite(curve))
        assert np.all(np.diff(curve) >= 0)
    assert np.all(found.low <= found.elements)
    assert np.all(found.elements <= found.high)


def test_nothing_new_where_every_element_was_read_often():
    value, low, high = new_per_million(frequencies([400] * 1000))
    assert value == 0
    assert low == 0
    assert high < 10 * 1e6 / 400_000


def test_new_elements_per_million_reads():
    reads, rate, rng = library(200_000, 5, 0.8, seed=3)
    value, low, high = new_per_million(frequencies(reads))
    later = np.count_nonzero((reads == 0) & (rng.poisson(rate * 1e6 / reads.sum()) > 0))
    assert low <= later <= high
    assert value == pytest.approx(later, rel=0.1)


def test_errors_fall_with_the_root_of_the_reads_down_to_the_part_of_the_cells():
    error, fixed = np.array([1.0, np.nan]), np.zeros(2)
    assert expected_error(error, fixed, 1.0, [1, 4]) == pytest.approx([1, 0.5])
    assert expected_error(error, fixed, 2.0, [1e9])[0] == pytest.approx(np.sqrt(0.5), rel=1e-4)
    assert expected_error(error, np.array([0.36, 0]), 1.0, [1e9])[0] == pytest.approx(0.6, rel=1e-4)


@pytest.mark.parametrize(
    "call", [lambda f: rarefy(f, [5]), lambda f: extrapolate(f, [6]), lambda f: extrapolate(f, [0.5])]
)
def test_depths_that_cannot_be_answered(call):
    with pytest.raises(InputError, match="expected"):
        call(frequencies([1, 2]))


def test_no_reads():
    with pytest.raises(InputError, match="no element has reads"):
        frequencies([0, 0])

"""Cells, gates and reads per bin."""

from itertools import pairwise

import numpy as np
import pytest

from cisflow.problems import InputError
from cisflow.randomness import generator
from cisflow.simulate.sorting import check_bins, sort_library

QUANTILES = [0, 0.05, 0.2, 0.4, 0.7, 0.9, 1]


def bins_between(quantiles, **changes):
    rows = [
        {"bin": f"b{i}", "role": "sorted", "position": float(i), "lower_quantile": low, "upper_quantile": high}
        for i, (low, high) in enumerate(pairwise(quantiles))
    ]
    for name, values in changes.items():
        rows[int(name[1:])].update(values)
    return rows


def sort(bins, seed=1, expression=None, **changes):
    settings = {
        "cells_per_element": 40,
        "abundance_spread": 0.5,
        "cell_noise": 1.5,
        "total_reads": 30_000,
        "library": "lib",
    } | changes
    if expression is None:
        expression = generator(0, "means").normal(8, 3, 1500)
    return sort_library(generator(seed, "sort"), expression, bins, **settings)


def test_gates_lie_at_the_quantiles_of_all_cells():
    made = sort(bins_between(QUANTILES))
    total = made.cells.sum()
    np.testing.assert_allclose(made.cells.sum(axis=0), np.diff(QUANTILES) * total, atol=1.5)
    assert made.gates.lower[0] == -np.inf
    assert made.gates.upper[-1] == np.inf
    assert (made.gates.lower[1:] == made.gates.upper[:-1]).all()
    assert (np.diff(made.gates.lower[1:]) > 0).all()


def test_cells_without_noise_fall_into_the_bin_of_their_element():
    made = sort(bins_between(QUANTILES), cell_noise=1e-9)
    expression = generator(0, "means").normal(8, 3, 1500)
    bin_of = made.gates.bins_of(expression)
    several = (made.cells > 0).sum(axis=1) > 1
    assert several.sum() <= len(QUANTILES)  # only elements that a gate cuts through
    grown = made.cells.sum(axis=1) > 0
    assert (made.cells.argmax(axis=1) == bin_of)[grown & ~several].all()


def test_cells_between_gates_are_not_sorted():
    rows = bins_between([0.1, 0.3, 0.6])
    rows[1]["lower_quantile"] = 0.5
    made = sort(rows)
    values = np.array([made.gates.lower[0] - 1, made.gates.lower[0], made.gates.upper[0], made.gates.upper[1]])
    assert made.gates.bins_of(values).tolist() == [-1, 0, -1, -1]
    grown = sort(bins_between([0, 0.5, 1])).cells.sum()
    np.testing.assert_allclose(made.cells.sum(axis=0), [0.2 * grown, 0.1 * grown], atol=2)


def test_reads_sum_to_the_total_and_follow_cells():
    made = sort(bins_between(QUANTILES), total_reads=600_000)
    assert made.reads.sum() == 600_000
    assert (made.reads[made.cells == 0] == 0).all()
    ratio = made.reads.sum(axis=0) / made.cells.sum(axis=0)
    assert 0.7 < ratio.min() / ratio.mean() < ratio.max() / ratio.mean() < 1.4
    assert np.corrcoef(made.reads.ravel(), made.cells.ravel())[0, 1] > 0.9


def test_an_unsorted_sample_follows_abundance():
    rows = [*bins_between(QUANTILES), {**bins_between([0, 1])[0], "bin": "all", "role": "unsorted"}]
    made = sort(rows)
    assert made.reads[:, :-1].sum() == 30_000
    assert made.reads[:, -1].sum() == 5_000
    assert (made.cells[:, -1] == made.cells[:, :-1].sum(axis=1)).all()


def test_abundance_is_skewed():
    cells = sort(bins_between(QUANTILES), abundance_spread=0.8).cells.sum(axis=1)
    assert cells.mean() == pytest.approx(40, rel=0.02)
    assert np.median(cells) < 0.85 * cells.mean()


def test_truth_on_the_scale_of_the_bins():
    gates = sort(bins_between(QUANTILES)).gates
    borders = gates.upper[:-1]
    np.testing.assert_allclose(gates.position_of(borders), np.arange(5) + 0.5)
    centre = (borders[1] + borders[2]) / 2
    assert gates.position_of(np.array([centre]))[0] == pytest.approx(2)
    values = np.linspace(borders[0] - 4, borders[-1] + 4, 4001)
    positions = gates.position_of(values)
    assert (np.diff(positions) > 0).all()
    assert np.diff(positions).max() < 0.01  # continuous
    assert -0.5 < positions[0] < 0
    assert 5 < positions[-1] < 5.5
    # The scale of an open bin begins as steep as that of the bin beside it.
    slope = np.diff(gates.position_of(np.array([borders[-1] - 1e-4, borders[-1], borders[-1] + 1e-4])))
    assert slope[1] == pytest.approx(slope[0], rel=1e-3)


def test_truth_with_two_bins_still_rises():
    gates = sort(bins_between([0, 0.5, 1])).gates
    positions = gates.position_of(np.linspace(0, 16, 100))
    assert (np.diff(positions) > 0).all()
    assert gates.position_of(gates.upper[:1])[0] == 0.5


def test_same_seed_same_cells():
    first, again, other = sort(bins_between(QUANTILES)), sort(bins_between(QUANTILES)), sort(bins_between(QUANTILES), 2)
    assert np.array_equal(first.cells, again.cells)
    assert np.array_equal(first.reads, again.reads)
    assert not np.array_equal(first.reads, other.reads)


def test_bad_bins_are_all_told():
    rows = bins_between(QUANTILES, b2={"lower_quantile": 0.15}, b4={"position": 3.0})
    with pytest.raises(InputError) as caught:
        check_bins(rows, "lib")
    assert len(caught.value.problems) == 2
    assert "bin 'b2' begins at 0.15, below the end of bin 'b1' at 0.2" in str(caught.value)
    assert "bins 'b3' and 'b4' both have 3" in str(caught.value)
    with pytest.raises(InputError, match=r"bin 'b1': empty; required to simulate"):
        check_bins(bins_between(QUANTILES, b1={"upper_quantile": None}), "lib")


def test_a_bin_without_reads_is_an_error():
    with pytest.raises(InputError, match="leave bins without reads in library 'lib'"):
        sort(bins_between(QUANTILES), total_reads=3)

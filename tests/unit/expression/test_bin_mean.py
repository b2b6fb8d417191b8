"""The bin-weighted mean is exact where it must be, and its standard errors cover the truth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import ndtr

from cisflow.expression.bin_mean import estimate_bin_mean, read_weights
from cisflow.joblog import logger
from cisflow.problems import InputError

POSITIONS = np.arange(18.0)


def test_bin_weighted_average_of_the_reference(golden):
    """Raw reads, bins numbered 0 to 17; elements without reads have no value."""
    folder = golden / "maude" / "designed18"
    counts = pd.read_csv(folder / "counts.tsv", sep="\t")[[f"bin{b:02d}" for b in range(1, 19)]].to_numpy()
    expected = pd.read_csv(folder / "abundance_expected.tsv", sep="\t")["bin_weighted_average"]
    result = estimate_bin_mean(counts, POSITIONS, "raw")
    np.testing.assert_allclose(result.expression, expected, rtol=1e-12)
    assert (result.n_reads == counts.sum(axis=1)).all()


def test_weights_by_hand():
    counts = np.array([[4, 1, 0], [0, 3, 2], [0, 0, 8]])
    depth = estimate_bin_mean(counts, [0, 1, 2], "depth").expression
    np.testing.assert_allclose(depth, [(1 / 4) / (4 / 4 + 1 / 4), (3 / 4 + 2 * 2 / 10) / (3 / 4 + 2 / 10), 2])
    cells = estimate_bin_mean(counts, [0, 1, 2], "cells", cells=[100, 50, 10]).expression
    np.testing.assert_allclose(cells[0], (50 / 4) / (100 * 4 / 4 + 50 / 4))
    raw = estimate_bin_mean(counts, [0, 1, 2], "raw").expression
    np.testing.assert_allclose(raw, [1 / 5, 7 / 5, 2])


@pytest.mark.parametrize("weights", ["depth", "raw", "cells"])
@pytest.mark.parametrize("reads", [1, 7])
def test_reads_in_one_bin_give_exactly_its_position(weights, reads):
    positions = np.array([0.1, 0.2, 0.3, 0.7, 1 / 3])
    counts = np.vstack([reads * np.eye(5, dtype=int), np.full((1, 5), 13)])
    result = estimate_bin_mean(counts, positions, weights, cells=[3, 5, 7, 11, 13])
    assert (result.expression[:5] == positions).all()
    assert result.is_singleton.tolist() == [True] * 5 + [False]
    assert (result.standard_error > 0).all()


def test_no_reads_no_value_and_empty_bins_are_left_out(caplog):
    logger.addHandler(caplog.handler)
    result = estimate_bin_mean(np.array([[0, 0, 0], [2, 0, 6]]), [0, 1, 2], "raw", names=list("abc"))
    logger.removeHandler(caplog.handler)
    assert np.isnan(result.expression[0])
    assert np.isnan(result.standard_error[0])
    assert not result.is_singleton[0]
    assert result.expression[1] == 1.5
    assert "Bins without reads are left out: b" in caplog.text


@given(
    hnp.arrays(np.int64, (5, 4), elements=st.integers(0, 1000)).filter(lambda x: x.sum() > 0),
    st.floats(1e-3, 1e3),
)
@settings(max_examples=50, deadline=None)
def test_mean_lies_among_the_occupied_bins_and_ignores_depth_and_scale(counts, factor):
    positions = np.array([-1.5, 0.25, 3.0, 9.0])
    result = estimate_bin_mean(counts, positions)
    for i in np.flatnonzero(counts.sum(axis=1)):
        occupied = positions[counts[i] > 0]
        assert occupied.min() <= result.expression[i] <= occupied.max()
    deeper = estimate_bin_mean(counts * np.array([1, 2, 3, 10]), positions)
    np.testing.assert_allclose(deeper.expression, result.expression, rtol=1e-9, atol=1e-9)
    scaled = estimate_bin_mean(counts, positions * factor)
    np.testing.assert_allclose(scaled.expression, result.expression * factor, rtol=1e-9, atol=1e-9 * factor)
    np.testing.assert_allclose(scaled.standard_error, result.standard_error * factor, rtol=1e-7, atol=1e-9 * factor)


def draw(random, within, cells_per_read=None, depth=20, n=20_000):
    """Truths on the scale of the bins, reads, and cells sorted per bin (None: every read is a cell of its own)."""
    centre = random.normal(8.5, 3, n)
    edges = np.concatenate([[-np.inf], np.arange(17) + 0.5, [np.inf]])
    spread = np.resize(within, n)[:, None]
    probability = np.diff(ndtr((edges - centre[:, None]) / spread), axis=1)
    abundance = random.gamma(1, depth, n)[:, None]
    if cells_per_read is None:
        return probability @ POSITIONS, random.poisson(probability * abundance), None
    cells = random.poisson(probability * abundance * cells_per_read)
    return probability @ POSITIONS, random.poisson(cells / cells_per_read), cells.sum(axis=0)


@pytest.mark.parametrize(("within", "cells_per_read"), [(1.5, None), ((0.8, 1.5, 2.5), None), (1.5, 0.3), (1.5, 2)])
def test_standard_errors_cover_the_truth_at_every_depth(within, cells_per_read):
    truth, counts, cells = draw(np.random.default_rng(7), within, cells_per_read)
    result = estimate_bin_mean(counts, POSITIONS, "raw" if cells is None else "cells", cells)
    inside = np.abs(result.expression - truth) <= 1.96 * result.standard_error
    for low, high in ((1, 1), (2, 5), (6, 20), (21, 10**6)):
        chosen = (result.n_reads >= low) & (result.n_reads <= high)
        assert chosen.sum() > 300
        assert 0.91 <= inside[chosen].mean() <= 0.975, (low, high)


def test_standard_error_of_many_reads_is_that_of_a_weighted_ratio():
    counts = np.array([[400, 300, 100], [10, 300, 500], [50, 20, 30]]) * 1000
    weights = read_weights(counts.sum(axis=0), "depth")
    result = estimate_bin_mean(counts, [0, 1, 2])
    share = weights * counts
    deviation = np.array([0, 1, 2]) - result.expression[:, None]
    expected = np.sqrt((weights**2 * counts * deviation**2).sum(axis=1)) / share.sum(axis=1)
    np.testing.assert_allclose(result.standard_error, expected, rtol=1e-3)


def test_bad_input_is_told():
    counts = np.array([[1, 2], [3, 4]])
    with pytest.raises(InputError, match="'deep' is not one of: depth, cells, raw"):
        estimate_bin_mean(counts, [0, 1], "deep")
    with pytest.raises(InputError, match='bins, column "cells": every sorted bin needs a number'):
        estimate_bin_mean(counts, [0, 1], "cells", cells=[5, np.nan])
    with pytest.raises(InputError, match="no reads in any sorted bin"):
        estimate_bin_mean(np.zeros((2, 2), dtype=int), [0, 1])
    with pytest.raises(InputError, match=r'counts row 3, column "high": element y has 1.5; expected'):
        estimate_bin_mean(np.array([[1, 2], [3, 1.5]]), [0, 1], names=["low", "high"], elements=["x", "y"])

"""Scores of contact maps: correlations, distance subtraction, bootstrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import pearsonr

from cisflow.contacts.agreement import pearson_from_sums, score_windows, subtract_distance_mean, sums

RNG = np.random.default_rng(5)


def maps(n_windows=6, bins=12, noise=1.0):
    observed = RNG.normal(size=(n_windows, bins, bins))
    observed += observed.transpose(0, 2, 1)
    observed[:, 3, :] = observed[:, :, 3] = np.nan
    return np.nan_to_num(observed) + noise * RNG.normal(size=observed.shape), observed


def test_window_pearson_is_scipys_over_the_measured_entries():
    predicted, observed = maps()
    scores = score_windows(predicted, observed)
    for w in range(len(observed)):
        measured = np.isfinite(observed[w])
        assert scores["pearson"][w] == pytest.approx(pearsonr(predicted[w][measured], observed[w][measured])[0])
        assert scores["mse"][w] == pytest.approx(np.mean((predicted[w] - observed[w])[measured] ** 2))
        assert scores["n"][w] == 11 * 11


def test_distance_subtraction_by_hand():
    matrix = np.array([[1.0, 2.0, 7.0], [4.0, 3.0, np.nan], [0.0, 6.0, 5.0]])
    expected = np.array([[-2.0, 0.0, 0.0], [-1.0, 0.0, np.nan], [0.0, 1.0, 2.0]])
    np.testing.assert_allclose(subtract_distance_mean(matrix), expected)


def test_what_depends_on_distance_alone_has_no_correlation_left():
    index = np.arange(12)
    by_distance = np.exp(-np.abs(index[:, None] - index) / 3).astype(np.float32)
    predicted, observed = maps()
    alone = np.broadcast_to(by_distance, observed.shape)
    assert score_windows(alone, observed)["pearson_distance_subtracted"].isna().all()
    assert score_windows(alone, observed)["pearson"].notna().all()
    with_distance = score_windows(predicted + by_distance, observed + 2 * by_distance)["pearson_distance_subtracted"]
    without = score_windows(predicted, observed)["pearson_distance_subtracted"]
    np.testing.assert_allclose(with_distance, without, atol=1e-6)


@given(arrays(np.float64, (2, 5, 5), elements=st.floats(-5, 5)), arrays(np.bool_, (5, 5)))
def test_correlation_stays_within_bounds_and_ignores_missing_values(values, missing):
    predicted, observed = values[0], np.where(missing, np.nan, values[1])
    r = pearson_from_sums(sums(predicted, observed))
    assert np.isnan(r) or abs(r) <= 1 + 1e-9
    changed = np.where(missing, 99.0, predicted)
    np.testing.assert_equal(pearson_from_sums(sums(changed, observed)), r)


def test_sums_of_windows_add_up_to_the_pooled_correlation():
    predicted, observed = maps()
    totals = np.stack([sums(x, y) for x, y in zip(predicted, observed, strict=True)]).sum(axis=0)
    measured = np.isfinite(observed)
    assert pearson_from_sums(totals) == pytest.approx(pearsonr(predicted[measured], observed[measured])[0])

"""Scores of contact maps: correlations, distance subtraction, bootstrap."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import pearsonr

from cisflow.contacts.agreement import pearson_from_sums, score_windows, subtract_distance_mean, sums
from cisflow.evaluation.contacts import score_models, summarise

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


def test_summary_is_reproducible_and_its_interval_holds_the_value():
    predicted, observed = maps(n_windows=20)
    first, again = (summarise(predicted, observed, 500, 1, "windows") for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    table = first.set_index("metric")
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    assert (table["n_windows"] == 20).all()
    assert table.loc["pearson", "value"] == pytest.approx(score_windows(predicted, observed)["pearson"].mean())
    narrower = summarise(np.tile(predicted, (9, 1, 1)), np.tile(observed, (9, 1, 1)), 500, 1, "windows")
    width, narrow = (t["high"] - t["low"] for t in (first, narrower))
    assert (narrow < 0.6 * width).all()


def test_scores_of_models_have_a_row_per_replicate_window_and_metric():
    predicted, observed = maps(n_windows=4)
    found = {
        "seeds": np.array([1, 2]),
        "predicted": np.stack([predicted, observed]),
        "observed": observed,
        "chromosome": np.array(["chr9"] * 4),
        "start": np.arange(4) * 1000,
    }
    scores, summary = score_models({"orca": found}, 100, 1, "map")
    assert list(scores.columns) == ["model", "seed", "chromosome", "start", "metric", "value", "n"]
    assert len(scores) == 3 * 4 * 3
    perfect = scores[(scores["seed"] == "2") & (scores["metric"] == "pearson")]["value"]
    np.testing.assert_allclose(perfect, 1)
    averaged = np.nanmean([predicted, np.where(np.isnan(observed), 0, observed)], axis=0)
    expected = score_windows(averaged, observed)["pearson"].mean()
    value = summary[summary["metric"] == "pearson"]["value"].item()
    assert value == pytest.approx(expected)
    assert list(summary.columns) == ["model", "metric", "value", "low", "high", "n_windows"]

"""Which regions models see: thresholds, weights, and that the bias model never sees a peak."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cisflow.models.profiles.settings import profile_settings
from cisflow.problems import InputError
from cisflow.profiles.folds import Fold
from cisflow.profiles.selection import count_weight, held_out_peaks, select

sys.path.insert(0, str(Path(__file__).parent))
from profile_toys import BIAS, NETWORK

FOLD = Fold("1", ("chr2",), ("chr3",))


@pytest.fixture
def regions():
    rng = np.random.default_rng(0)
    n = 1200
    peak = rng.random(n) < 0.4
    table = pd.DataFrame(
        {
            "region": np.arange(n),
            "chromosome": rng.choice(["chr1", "chr2", "chr3", "chr4"], n),
            "kind": np.where(peak, "peak", "nonpeak"),
            "count": np.where(peak, rng.integers(200, 3000, n), rng.integers(5, 160, n)).astype(float),
            "room_for_jitter": rng.random(n) < 0.95,
        }
    )
    table.loc[[3, 4], "count"] = [1e6, 0.0]
    return table


def chosen(regions, recipe, seed=0, fold=FOLD, **data):
    settings = profile_settings({**recipe, "data": data})
    return select(regions, fold, settings, np.random.default_rng(seed), "regions.parquet")


def test_the_bias_model_never_sees_a_peak(regions):
    found = chosen(regions, BIAS)
    assert not len(found.train_peaks)
    assert not len(found.validation_peaks)
    rows = np.concatenate([found.train_nonpeaks, found.validation_nonpeaks])
    assert (regions.loc[rows, "kind"] == "nonpeak").all()
    assert set(regions.loc[found.train_nonpeaks, "chromosome"]) == {"chr1", "chr4"}
    assert set(regions.loc[found.validation_nonpeaks, "chromosome"]) == {"chr2"}


def test_rules_of_the_bias_model(regions):
    found = chosen(regions, BIAS, outlier_quantile=0.99)
    seen = regions[regions["chromosome"] != "chr3"]
    limit = 0.5 * np.quantile(seen.loc[seen["kind"] == "peak", "count"], 0.01)
    few = seen[(seen["kind"] == "nonpeak") & (seen["count"] < limit)]["count"]
    low, high = np.quantile(few, [0.01, 0.99])
    expected = few[(few > low) & (few < high)]
    rows = np.sort(np.concatenate([found.train_nonpeaks, found.validation_nonpeaks]))
    np.testing.assert_array_equal(rows, expected.index)
    assert found.count_weight == round(np.median(expected) / 10, 2)
    assert (found.low, found.high) == (low, high)


def test_rules_of_the_networks(regions):
    rng = np.random.default_rng(4)
    found = chosen(regions, NETWORK, seed=4, outlier_quantile=0.99)
    seen = regions[(regions["chromosome"] != "chr3") & regions["room_for_jitter"]]
    peaks, nonpeaks = seen[seen["kind"] == "peak"], seen[seen["kind"] == "nonpeak"]
    sampled = rng.choice(nonpeaks["count"].to_numpy(), size=int(0.1 * len(peaks)), replace=False)
    together = np.concatenate([peaks["count"], sampled])
    low, high = np.quantile(together, [0.01, 0.99])
    inside = peaks[(peaks["count"] > low) & (peaks["count"] < high)]
    assert 3 not in found.train_peaks  # a million counts
    for role, rows in (("training", found.train_peaks), ("validation", found.validation_peaks)):
        np.testing.assert_array_equal(rows, inside.index[inside["chromosome"].map(FOLD.role) == role])
    between = nonpeaks[(nonpeaks["count"] > low) & (nonpeaks["count"] < high)]
    np.testing.assert_array_equal(found.shift_nonpeaks, between.index)
    assert set(found.train_nonpeaks) <= set(between.index)
    assert len(found.validation_nonpeaks) == int(0.1 * len(found.validation_peaks))
    assert set(found.validation_nonpeaks) <= set(between.index[between["chromosome"] == "chr2"])
    assert found.count_weight == round(np.median(together[(together >= low) & (together <= high)]) / 10, 2)


def test_negatives_are_at_most_as_many_as_peaks(regions):
    many = pd.concat([regions, regions[regions["kind"] == "nonpeak"]], ignore_index=True).assign(room_for_jitter=True)
    found = chosen(many, NETWORK)
    n_peaks = len(found.train_peaks) + len(found.validation_peaks)
    assert len(found.shift_nonpeaks) > n_peaks
    assert len(found.train_nonpeaks) < n_peaks


def test_test_chromosomes_are_neither_filtered_nor_seen(regions):
    rows = held_out_peaks(regions, FOLD)
    own = regions[(regions["chromosome"] == "chr3") & (regions["kind"] == "peak")]
    np.testing.assert_array_equal(rows, own.index)
    for recipe in (BIAS, NETWORK):
        found = chosen(regions, recipe)
        seen = np.concatenate(
            [found.train_peaks, found.train_nonpeaks, found.validation_peaks, found.validation_nonpeaks]
        )
        assert "chr3" not in set(regions.loc[seen, "chromosome"])
        assert "chr3" not in set(regions.loc[found.shift_nonpeaks, "chromosome"])


def test_chromosomes_that_a_fold_does_not_use_are_left_out(regions):
    found = chosen(regions, NETWORK, fold=Fold("1", ("chr2",), ("chr3",), ("chr4",)))
    assert set(regions.loc[found.train_peaks, "chromosome"]) == {"chr4"}


def test_the_fixed_negatives_depend_on_the_generator_alone(regions):
    one, two, other = chosen(regions, NETWORK), chosen(regions, NETWORK), chosen(regions, NETWORK, seed=1)
    np.testing.assert_array_equal(one.validation_nonpeaks, two.validation_nonpeaks)
    assert not np.array_equal(one.validation_nonpeaks, other.validation_nonpeaks)


def test_weight_is_a_tenth_of_the_median_and_above_one_for_networks():
    counts = np.array([1.0, 20.0, 33.33, 90.0, 1000.0])
    assert count_weight(counts, 10, 100, True, "x") == 3.33
    with pytest.raises(InputError, match=r"median count, is 0\.5; expected more than 1: check the peaks"):
        count_weight(np.array([5.0]), 0, 10, True, "x")
    assert count_weight(np.array([5.0]), 0, 10, False, "x") == 0.5
    with pytest.raises(InputError, match="is 0; expected more than 0"):
        count_weight(np.zeros(3), 0, 10, False, "x")


def test_a_weight_of_the_recipe_is_taken_as_it_is(regions):
    shallow = regions.assign(count=regions["count"] / 1000)
    with pytest.raises(InputError, match=r"set `loss\.count_weight` in the recipe"):
        chosen(shallow, NETWORK)
    assert chosen(shallow, {**NETWORK, "loss": {"count_weight": 0.3}}).count_weight == 0.3


def test_too_few_regions_are_told(regions):
    with pytest.raises(InputError, match=r"none of \d+ regions without peak has fewer than .* counts"):
        chosen(regions.assign(count=500.0), BIAS)
    peaks = regions[(regions["kind"] == "peak") | (regions["region"] < 8)].reset_index(drop=True)
    with pytest.raises(InputError, match=r"regions without peak, expected \d+ or more \(0\.1 per peak\)"):
        chosen(peaks, NETWORK)

"""Ceilings from parts of a map, against simulated maps whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from diagnosis_toys import SimulatedMap
from hypothesis import given
from hypothesis import strategies as st

from cisflow.contacts.agreement import pearson_from_sums, score_windows, subtract_distance_mean
from cisflow.contacts.windows import tile
from cisflow.diagnosis.ceiling import (
    COLUMNS,
    agreement_of_parts,
    agreement_with_replicate,
    ceiling_table,
    distance_sums,
    distance_table,
    window_table,
)
from cisflow.diagnosis.parts import PartWindows, part_maps, split_counts
from cisflow.diagnosis.reliability import at_full_depth, ceiling, depth_exponent
from cisflow.randomness import generator

BINS, FACTOR = 40, 2


def targets_of_parts(contact_map, *place):
    halves, quarters = part_maps(contact_map, 2)
    return (
        contact_map.window_target(*place),
        np.stack([part.window_target(*place) for part in halves]),
        np.stack([part.window_target(*place) for part in quarters]),
    )


def test_parts_sum_to_the_counts():
    counts = np.random.default_rng(0).poisson(3, 500)
    parts = split_counts(counts, generator(1, "x"))
    np.testing.assert_array_equal(parts.sum(axis=0), counts)
    np.testing.assert_array_equal(parts, split_counts(counts, generator(1, "x")))
    assert (parts >= 0).all()
    assert not np.array_equal(parts, split_counts(counts, generator(2, "x")))


def test_parts_are_equal_and_independent():
    rng = np.random.default_rng(3)
    parts = split_counts(rng.poisson(4, 20_000), rng)
    np.testing.assert_allclose(parts.mean(axis=1), 1, atol=0.03)
    np.testing.assert_allclose(parts.var(axis=1), 1, atol=0.05)  # thinned Poisson counts are Poisson
    assert np.abs(np.corrcoef(parts)[~np.eye(4, dtype=bool)]).max() < 0.03


def test_windows_of_the_parts_add_up_to_those_of_the_map(simulated):
    whole = simulated.contact_map._windows
    parts = [PartWindows(whole, [k], 5) for k in range(4)]
    half = PartWindows(whole, [2, 3], 5)
    counts = [part.counts("chr2", 100, 60) for part in parts]
    np.testing.assert_array_equal(sum(counts), whole.counts("chr2", 100, 60))
    np.testing.assert_array_equal(half.counts("chr2", 100, 60), counts[2] + counts[3])
    np.testing.assert_array_equal(counts[0], counts[0].T)
    for place in (("chr1", 10, 40, "chr2", 30, 50), ("chr1", 10, 40, "chr1", 10, 40), ("chr1", 10, 40, "chr1", 30, 40)):
        blocks = [part.block_counts(*place) for part in parts]
        np.testing.assert_array_equal(sum(blocks), whole.block_counts(*place))
        np.testing.assert_array_equal(half.block_counts(*place), blocks[2] + blocks[3])
    assert half.weights["chr1"][5] == pytest.approx(whole.weights["chr1"][5] * np.sqrt(2), nan_ok=True)


@given(st.floats(0.01, 0.98), st.floats(-1, 1))
def test_exponent_and_full_depth_invert_each_other(quarter, power):
    half = at_full_depth(quarter, power)
    assert depth_exponent(half, quarter) == pytest.approx(power, abs=1e-6)
    assert at_full_depth(half, power) == pytest.approx(at_full_depth(quarter, 2 * power), abs=1e-9)


def test_exponent_of_one_is_spearman_and_brown():
    half = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(at_full_depth(half), 2 * half / (1 + half), rtol=1e-12)
    np.testing.assert_allclose(ceiling(at_full_depth(half)) ** 2, 2 * half / (1 + half))
    assert at_full_depth(np.array(-0.2)) == 0
    assert at_full_depth(np.array(1.0)) == 1
    assert np.isnan(depth_exponent(np.nan, 0.3))


def test_spearman_brown_is_found_where_noise_falls_with_depth():
    """Signal plus noise whose variance is one over depth: the exponent is 1, the ceiling the true one."""
    rng = np.random.default_rng(5)
    found, truth = [], []
    index = np.arange(60)
    for k in range(40):
        signal = rng.normal(size=(60, 60))
        quarters = signal + 2 * rng.normal(size=(4, 60, 60))
        halves = np.stack([quarters[:2].mean(axis=0), quarters[2:].mean(axis=0)])
        whole = quarters.mean(axis=0)
        truth.append(np.corrcoef(signal.ravel(), whole.ravel())[0, 1])
        place = {"split": "test", "chromosome": "chr1", "start": k, "level": 60, "bin_size": 1}
        found.append(agreement_of_parts(whole, halves, quarters, **place))
    table = ceiling_table(found, 200, rng).set_index("metric")
    assert table.loc["pearson", "exponent"] == pytest.approx(1, abs=0.05)
    assert table.loc["pearson", "ceiling"] == pytest.approx(np.mean(truth), abs=0.01)
    assert table.loc["pooled_pearson", "ceiling"] == pytest.approx(np.mean(truth), abs=0.01)
    assert (table["low"] < table["ceiling"]).all()
    assert (table["high"] > table["ceiling"]).all()
    assert table["ceiling"].to_numpy() == pytest.approx(table["spearman_brown"].to_numpy(), abs=0.02)
    by_distance = distance_table(found)
    assert by_distance["n"].sum() == 40 * 60 * 61 / 2
    np.testing.assert_allclose(by_distance["noise_variance"] / by_distance["variance"], 0.5, atol=0.05)
    assert by_distance["distance_high"].iloc[-1] == len(index)


@pytest.fixture(scope="module", params=[150_000, 600_000], ids=["shallow", "deep"])
def simulated(request, tmp_path_factory):
    return SimulatedMap(tmp_path_factory.mktemp("map"), request.param)


def test_ceiling_is_that_of_the_best_prediction_of_a_simulated_map(simulated):
    """The best prediction is the mean target over many maps of the same cells; known here, estimated from one map."""
    contact_map, rng = simulated.contact_map, np.random.default_rng(2)
    n = BINS * FACTOR
    windows = tile(contact_map.chromosomes, n * 1000, n * 500)
    found, best, fresh = [], [], []
    for window in windows:
        place = (window.chromosome, window.start)
        drawn = [simulated.draw_target(*place, n, FACTOR, rng) for _ in range(30)]
        best.append(np.mean(drawn[:-1], axis=0))
        fresh.append(drawn[-1])
        parts = targets_of_parts(contact_map, *place, n, FACTOR)
        names = {"split": "test", "chromosome": place[0], "start": place[1], "level": n * 1000, "bin_size": 2000}
        found.append(agreement_of_parts(*parts, **names))
    table = ceiling_table(found, 200, rng).set_index("metric")
    scores = score_windows(np.stack(best), np.stack(fresh))
    for metric in ("pearson", "pearson_distance_subtracted"):
        # The mean of 29 maps still has a 29th of the noise.
        noise = 1 / table.loc[metric, "full_depth"] - 1
        true = scores[metric].mean() * np.sqrt(1 + noise / 29)
        assert table.loc[metric, "ceiling"] == pytest.approx(true, abs=0.05)
        # Coarse-graining smooths shallow maps over larger blocks: the textbook correction would promise too much.
        assert table.loc[metric, "spearman_brown"] > true + 0.04


def test_parts_keep_the_level_of_the_map(simulated):
    whole, halves, quarters = targets_of_parts(simulated.contact_map, "chr1", 100_000, 80, 2)
    assert np.nanmean(halves) == pytest.approx(np.nanmean(whole), abs=0.02)
    assert np.nanmean(quarters) == pytest.approx(np.nanmean(whole), abs=0.03)


def test_sums_by_distance_add_up():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 12, 12))
    x[3] = x[:, 3] = np.nan
    found = distance_sums(x, y)
    upper = np.triu(np.isfinite(x))
    assert found[:, 0].sum() == upper.sum()
    assert found[2, 5] == pytest.approx(np.nansum(np.diagonal(x * y, 2)))
    assert pearson_from_sums(found.sum(axis=0)) == pytest.approx(np.corrcoef(x[upper], y[upper])[0, 1])


def test_replicate_gives_its_correlation_without_correction():
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(20, 30, 30))
    one, other = signal + 0.5 * rng.normal(size=(2, *signal.shape))
    one[:, 4] = one[:, :, 4] = np.nan
    place = {"split": "test", "chromosome": "chr1", "level": 30, "bin_size": 1}
    pairs = list(zip(one, other, strict=True))
    found = [agreement_with_replicate(a, b, "second", start=k, **place) for k, (a, b) in enumerate(pairs)]
    table = ceiling_table(found, 100, rng)
    assert list(table.columns) == list(COLUMNS)
    row = table.set_index("metric").loc["pearson"]
    assert row["source"] == "second"
    assert row["between"] == pytest.approx(0.8, abs=0.02)
    assert row["full_depth"] == row["between"]
    assert row["ceiling"] == pytest.approx(np.sqrt(row["between"]), abs=1e-3)
    assert pd.isna(row["exponent"])
    expected = np.mean([np.corrcoef(a[np.isfinite(a)], b[np.isfinite(a)])[0, 1] for a, b in pairs])
    assert row["between"] == pytest.approx(expected)
    windows = window_table(found)
    assert len(windows) == 40
    adjusted = windows[windows["metric"] == "pearson_distance_subtracted"]["between"].iloc[0]
    a, b = subtract_distance_mean(one[0]), subtract_distance_mean(other[0])
    both = np.isfinite(a) & np.isfinite(b)
    # The mean of a diagonal is that of the entries measured in the same map.
    assert adjusted == pytest.approx(np.corrcoef(a[both], b[both])[0, 1])
    assert distance_table(found).empty

"""Balancing and expected contacts: reference values, cooler and cooltools, and curves of small genomes."""

import cooler
import cooltools
import numpy as np
import pandas as pd
import pytest

from cisflow.contacts.balance import balance, balance_map
from cisflow.contacts.coolers import chromosome_offsets, read_pixels, write_cooler, write_weights
from cisflow.contacts.expected import _pairs_by_distance, aggregate, compute_expected, smooth, sum_by_distance
from cisflow.problems import InputError


def pixels_of(counts):
    i, j = np.nonzero(np.triu(counts))
    return i, j, counts[i, j].astype(np.int32)


@pytest.fixture(scope="module")
def reference(golden):
    with np.load(golden / "orca" / "balance_expected_golden.npz") as data:
        return {name: data[name] for name in data.files}


def test_balance_reference(reference):
    offsets = np.concatenate([[0], np.cumsum(reference["chrom_bins"])])
    pixels = pixels_of(reference["counts"])
    result = balance([pixels], offsets, "map")
    np.testing.assert_allclose(result.weights, reference["weights"], rtol=1e-12)
    np.testing.assert_allclose(result.scale, reference["scale"], rtol=1e-12)
    assert result.variances[-1] < 1e-5 < result.variances[-2]


def test_expected_reference(reference):
    offsets = np.concatenate([[0], np.cumsum(reference["chrom_bins"])])
    sums = sum_by_distance([pixels_of(reference["counts"])], reference["weights"], offsets)
    for region in (0, 1):
        rows = reference["region"] == region
        np.testing.assert_array_equal(sums.n_valid[region], reference["n_valid"][rows])
        np.testing.assert_allclose(sums.balanced_sum[region], reference["balanced_sum"][rows], rtol=1e-12)
    assert sums.n_valid_trans == reference["n_valid_trans"][0]
    np.testing.assert_allclose(sums.balanced_sum_trans, reference["balanced_sum_trans"][0], rtol=1e-12)
    np.testing.assert_allclose(sums.log_trans(), reference["log_trans"], rtol=1e-12)
    log_expected = aggregate(*sums.total())
    np.testing.assert_allclose(log_expected, reference["log_aggregated"][: len(log_expected)], rtol=0, atol=1e-12)
    assert not np.isfinite(reference["log_aggregated"][len(log_expected) :]).any()


def test_smoothing_reference(golden):
    with np.load(golden / "orca" / "expected_smoothing_golden.npz") as data:
        smoothed = smooth(data["v"], 32_000)
        np.testing.assert_allclose(smoothed, data["smoothed"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(np.minimum.accumulate(smoothed), data["monotone"], rtol=0, atol=1e-9)


@pytest.fixture(scope="module")
def small_cooler(tmp_path_factory):
    """Three chromosomes of 4 kb bins, balanced by cooler itself."""
    path = tmp_path_factory.mktemp("cooler") / "small.cool"
    rng = np.random.default_rng(5)
    lengths = pd.Series({"chrA": 400_000, "chrB": 282_000, "chrC": 120_000})
    bins = cooler.binnify(lengths, 4000)
    distance = np.abs(np.subtract.outer(np.arange(len(bins)), np.arange(len(bins))))
    visibility = np.exp(rng.normal(0, 0.3, len(bins)))
    visibility[[3, 50, 51, 120]] = 0.002
    counts = rng.poisson(np.outer(visibility, visibility) * (60 / (distance + 1) + 0.5))
    write_cooler(path, bins, [pixels_of(counts)])
    clr = cooler.Cooler(str(path))
    weights, _ = cooler.balance_cooler(clr)
    write_weights(path, weights, {})
    return path


@pytest.mark.parametrize(("memory_mb", "how"), [(1, "in memory"), (0, "by cooler, from disk")])
def test_balance_equals_cooler(small_cooler, caplog, memory_mb, how):
    clr = cooler.Cooler(str(small_cooler))
    caplog.set_level("INFO")
    result = balance_map(small_cooler, "map", memory_mb)
    assert f"pixels {how}" in caplog.text
    expected = clr.bins()["weight"][:].to_numpy()
    assert np.isnan(expected).sum() >= 4
    np.testing.assert_array_equal(np.isnan(result.weights), np.isnan(expected))
    np.testing.assert_allclose(result.weights, expected, rtol=1e-12)
    in_memory = balance(read_pixels(small_cooler, 999), chromosome_offsets(clr), "map")
    np.testing.assert_allclose(result.variances, in_memory.variances, rtol=1e-6)
    np.testing.assert_allclose(result.scale, in_memory.scale, rtol=1e-12)


def test_balance_tells_why_it_fails(small_cooler):
    clr = cooler.Cooler(str(small_cooler))
    offsets = chromosome_offsets(clr)
    with pytest.raises(InputError, match=r"my map: balancing did not converge: after 3 iterations the variance"):
        balance(read_pixels(small_cooler), offsets, "my map", max_iterations=3)
    with pytest.raises(InputError, match="my map: cannot be balanced: no bin has 999 or more non-zero pixels"):
        balance(read_pixels(small_cooler), offsets, "my map", min_pixels=999)


def test_expected_equals_cooltools(small_cooler, tmp_path):
    clr = cooler.Cooler(str(small_cooler))
    names = "expected.npz", "law.tsv", "by_chromosome.tsv"
    compute_expected(small_cooler, *(tmp_path / name for name in names))
    theirs = cooltools.expected_cis(clr, ignore_diags=0, smooth=False)
    ours = pd.read_csv(tmp_path / "by_chromosome.tsv", sep="\t")
    np.testing.assert_array_equal(ours["chromosome"], theirs["region1"])
    np.testing.assert_array_equal(ours["distance_bp"], theirs["dist"] * 4000)
    np.testing.assert_array_equal(ours["n_valid"], theirs["n_valid"])
    np.testing.assert_allclose(ours["balanced_sum"], theirs["balanced.sum"], rtol=1e-11)
    totals = theirs.groupby("dist")[["n_valid", "balanced.sum"]].sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        log_expected = np.log(totals["balanced.sum"] / totals["n_valid"]).to_numpy()
    law = pd.read_csv(tmp_path / "law.tsv", sep="\t")
    with np.load(tmp_path / "expected.npz") as curves:
        reach = len(curves["log_expected"])
        np.testing.assert_allclose(curves["log_expected"], log_expected[:reach], atol=1e-12)
        np.testing.assert_array_equal(curves["monotone"], np.minimum.accumulate(curves["log_expected"]))
        assert int(curves["resolution"]) == 4000
        trans = cooltools.expected_trans(clr)
        expected = np.log(trans["balanced.sum"].sum() / trans["n_valid"].sum())
        np.testing.assert_allclose(float(curves["log_trans"]), expected, rtol=1e-12)
    assert reach == len(log_expected) or not np.isfinite(log_expected[reach])
    np.testing.assert_allclose(law["smoothed"].dropna(), np.exp(log_expected[:reach]), rtol=1e-11)
    assert len(law) == 100
    # The first two diagonals count: with them left out the curve would have length zero.
    assert law.loc[0, "n_valid"] == np.isfinite(clr.bins()["weight"][:]).sum()


def test_curve_is_cut_before_the_first_gap():
    curve = aggregate(np.array([5, 4, 3, 2, 0]), np.array([5.0, 2.0, 0.0, 1.0, 0.0]))
    np.testing.assert_allclose(curve, np.log([1.0, 0.5]))


def test_short_curves_are_not_smoothed():
    rng = np.random.default_rng(1)
    short = -np.log(np.arange(1, 401)) + rng.normal(0, 0.1, 400)
    np.testing.assert_array_equal(smooth(short, 4000), short)
    long = -np.log(np.arange(1, 2001)) + rng.normal(0, 0.1, 2000)
    smoothed = smooth(long, 4000)
    np.testing.assert_array_equal(smoothed[:400], long[:400])
    assert np.abs(np.diff(smoothed[410:])).mean() < 0.2 * np.abs(np.diff(long[410:])).mean()


def test_one_chromosome_has_no_trans(tmp_path):
    bins = cooler.binnify(pd.Series({"chrA": 50}), 10)
    write_cooler(tmp_path / "m.cool", bins, [pixels_of(np.ones((5, 5)))])
    write_weights(tmp_path / "m.cool", np.ones(5), {})
    compute_expected(*(tmp_path / name for name in ("m.cool", "e.npz", "a.tsv", "b.tsv")))
    with np.load(tmp_path / "e.npz") as curves:
        assert np.isnan(curves["log_trans"])
        np.testing.assert_allclose(curves["log_expected"], 0)


def test_map_without_diagonal_is_refused(tmp_path):
    bins = cooler.binnify(pd.Series({"chrA": 50}), 10)
    write_cooler(tmp_path / "m.cool", bins, [pixels_of(np.triu(np.ones((5, 5)), 2))])
    write_weights(tmp_path / "m.cool", np.ones(5), {})
    with pytest.raises(InputError, match="no contacts on the diagonal"):
        compute_expected(*(tmp_path / name for name in ("m.cool", "e.npz", "a.tsv", "b.tsv")))
    assert not (tmp_path / "e.npz").exists()


@pytest.mark.parametrize("n", [1, 2, 3, 64, 997])
def test_pairs_of_valid_bins_are_counted_by_distance(n):
    valid = np.random.default_rng(n).random(n) < 0.8
    expected = [int((valid[: n - distance] & valid[distance:]).sum()) for distance in range(n)]
    assert _pairs_by_distance(valid).tolist() == expected

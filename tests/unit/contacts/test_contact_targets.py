"""Coarse-graining, down-sampling and log ratio: reference values, cooltools, and windows of a real map."""

import cooler
import numpy as np
import pandas as pd
import pytest
from cooltools.lib import numutils

from cisflow.contacts.coarsegrain import adaptive_coarsegrain
from cisflow.contacts.pixels import CoolerWindows
from cisflow.contacts.targets import ContactMap, background, log_target, nested_block_mean
from cisflow.problems import InputError


def random_window(n, seed, mean=3.0, masked=0.08):
    """Balanced map and counts of a window with distance decay and masked bins."""
    rng = np.random.default_rng(seed)
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    counts = np.triu(rng.poisson(mean * 20 / (distance + 1)))
    counts = (counts + np.triu(counts, 1).T).astype(float)
    weights = rng.uniform(0.5, 2, n) * 1e-3
    weights[rng.random(n) < masked] = np.nan
    return counts * np.outer(weights, weights), counts


@pytest.mark.parametrize("case", ["sq64", "sq50", "sq300", "rect40x70", "rect70x40", "tiny6x8"])
def test_coarsegrain_reference(golden, case):
    with np.load(golden / "orca" / "coarsegrain_golden.npz") as reference:
        smoothed = adaptive_coarsegrain(reference[f"{case}_balanced"], reference[f"{case}_counts"])
        np.testing.assert_array_equal(smoothed, reference[f"{case}_out"])


@pytest.mark.parametrize("cutoff", [1, 3, 5])
def test_coarsegrain_reference_cutoffs(golden, cutoff):
    with np.load(golden / "orca" / "coarsegrain_golden.npz") as reference:
        smoothed = adaptive_coarsegrain(reference["sq50_balanced"], reference["sq50_counts"], cutoff, max_levels=8)
        np.testing.assert_array_equal(smoothed, reference[f"sq50_cutoff{cutoff}_out"])


@pytest.mark.parametrize(("n", "max_levels"), [(9, 12), (100, 12), (128, 12), (257, 3), (500, 1)])
def test_coarsegrain_equals_cooltools(n, max_levels):
    for seed in range(3):
        balanced, counts = random_window(n, seed)
        expected = numutils.adaptive_coarsegrain(balanced.copy(), counts.copy(), cutoff=5, max_levels=max_levels)
        np.testing.assert_array_equal(adaptive_coarsegrain(balanced, counts, 5, max_levels), expected)


@pytest.mark.parametrize("shape", [(64, 64), (40, 23)])
def test_coarsegrain_leaves_inputs_alone(shape):
    balanced, counts = (values[: shape[0], : shape[1]].copy() for values in random_window(64, 1))
    before = balanced.copy(), counts.copy()
    smoothed = adaptive_coarsegrain(balanced, counts)
    np.testing.assert_array_equal(balanced, before[0])
    np.testing.assert_array_equal(counts, before[1])
    np.testing.assert_array_equal(np.isnan(smoothed), np.isnan(balanced))


def test_coarsegrain_smooths_blocks_that_touch_a_masked_bin():
    n, counts = 16, np.full((16, 16), 100.0)
    balanced = np.add.outer(np.arange(n), np.arange(n)) + 1.0
    np.testing.assert_array_equal(adaptive_coarsegrain(balanced, counts), balanced)
    balanced[5], balanced[:, 5] = np.nan, np.nan
    smoothed = adaptive_coarsegrain(balanced, counts)
    assert smoothed[4, 0] == smoothed[4, 1] == (balanced[4, 0] + balanced[4, 1]) / 2
    assert smoothed[7, 0] == balanced[7, 0]


def test_coarsegrain_refuses_bad_input():
    with pytest.raises(ValueError, match="one shape"):
        adaptive_coarsegrain(np.zeros((9, 9)), np.zeros((9, 8)))
    with pytest.raises(ValueError, match="max_levels"):
        adaptive_coarsegrain(np.zeros((9, 9)), np.zeros((9, 9)), max_levels=0)
    with pytest.raises(ValueError, match="counts must be finite"):
        adaptive_coarsegrain(np.zeros((9, 9)), np.full((9, 9), np.nan))


def stage_one_input(scattered):
    """Observed map and log expected of the reference target."""
    distance = np.arange(1000)
    log_expected = -3 - 0.9 * np.log(distance + 1)
    index = np.arange(1000)
    wave = np.sin(0.02 * index)
    observed = np.exp(log_expected)[np.abs(index - index[:, None])] * np.exp(0.4 * np.outer(wave, wave))
    missing = (index % 29 == 0) | ((index >= 400) & (index < 420))
    observed[missing], observed[:, missing] = np.nan, np.nan
    observed[5:9, 40:60], observed[40:60, 5:9] = np.nan, np.nan
    if scattered:
        i, j = np.meshgrid(index, index, indexing="ij")
        observed[(7 * i + 3 * j + (i * j % 5)) % 11 < 2] = np.nan
    return observed.astype(np.float32), log_expected


@pytest.mark.parametrize("name", ["target", "target_scattered"])
def test_target_reference(golden, name):
    observed, log_expected = stage_one_input(name == "target_scattered")
    before = observed.copy()
    expected = background(log_expected, 1000, 4)
    with np.load(golden / "orca" / "target_golden.npz") as reference:
        np.testing.assert_allclose(expected[0], reference["norm_row0"], rtol=1e-12)
        np.testing.assert_allclose(expected.min(), reference["eps"], rtol=1e-12)
        target = log_target(observed, expected, 4)
        np.testing.assert_allclose(target, reference[name], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(observed, before)


def test_background_is_the_block_mean_of_the_linear_curve():
    log_expected = -np.log(np.arange(1, 50.0))
    index = np.arange(24)
    fine = np.exp(log_expected)[np.abs(index - index[:, None])]
    np.testing.assert_allclose(background(log_expected, 24, 3), fine.reshape(8, 3, 8, 3).mean(axis=(1, 3)), rtol=1e-13)
    with pytest.raises(ValueError, match="reach 49 bins, the window has 50"):
        background(log_expected, 50, 2)
    with pytest.raises(ValueError, match="blocks of 3"):
        background(log_expected, 25, 3)


def test_nested_mean_differs_from_the_flat_one():
    block = np.array([[1.0, 2.0], [np.nan, 6.0]])
    assert nested_block_mean(block, 2)[0, 0] == (1.5 + 6.0) / 2
    assert np.isnan(nested_block_mean(np.full((2, 2), np.nan), 2)[0, 0])


@pytest.fixture(scope="module")
def small_map(tmp_path_factory):
    """A balanced cooler of two chromosomes with an expected curve."""
    folder = tmp_path_factory.mktemp("map")
    _, counts = random_window(100, 7, masked=0)
    bins = cooler.binnify(pd.Series({"chrA": 5950, "chrB": 4000}), 100)
    i, j = np.nonzero(np.triu(counts))
    pixels = pd.DataFrame({"bin1_id": i, "bin2_id": j, "count": counts[i, j].astype(int)})
    cooler.create_cooler(str(folder / "map.cool"), bins, pixels, ordered=True)
    weights = np.random.default_rng(3).uniform(0.01, 0.02, 100)
    weights[[4, 70]] = np.nan
    with cooler.Cooler(str(folder / "map.cool")).open("r+") as handle:
        handle["bins"].create_dataset("weight", data=weights)
    np.savez(folder / "expected.npz", log_expected=-np.log(np.arange(1, 61.0)), resolution=100)
    return folder


@pytest.mark.parametrize("budget", [1 << 20, 0])
def test_windows_equal_cooler(small_map, budget):
    windows = CoolerWindows(small_map / "map.cool", max_cached_bytes=budget)
    assert windows.chromosomes == {"chrA": 5950, "chrB": 4000}
    clr = cooler.Cooler(str(small_map / "map.cool"))
    for chromosome, first, n in [("chrA", 0, 60), ("chrA", 13, 20), ("chrB", 5, 35), ("chrA", 1, 4)]:
        end = min((first + n) * 100, windows.chromosomes[chromosome])
        region = f"{chromosome}:{first * 100}-{end}"
        counts = windows.counts(chromosome, first, n)
        np.testing.assert_array_equal(counts, clr.matrix(balance=False).fetch(region))
        np.testing.assert_array_equal(
            windows.balanced(chromosome, first, counts), clr.matrix(balance=True).fetch(region)
        )
    with pytest.raises(ValueError, match="chrA, which has 60 bins"):
        windows.counts("chrA", 41, 20)


def test_window_target_is_made_of_its_parts(small_map):
    contact_map = ContactMap(small_map / "map.cool", small_map / "expected.npz")
    target = contact_map.window_target("chrA", 200, 40, 4)
    clr = cooler.Cooler(str(small_map / "map.cool"))
    balanced, counts = (clr.matrix(balance=b).fetch("chrA:200-4200").astype(float) for b in (True, False))
    smoothed = numutils.adaptive_coarsegrain(balanced, counts, cutoff=5, max_levels=12)
    expected = background(contact_map.log_expected, 40, 4)
    with np.errstate(invalid="ignore"):
        observed = np.nanmean(np.nanmean(smoothed.reshape(10, 4, 10, 4), axis=3), axis=1)
    eps = expected.min()
    assert target.dtype == np.float32
    np.testing.assert_allclose(target, np.log((observed + eps) / (expected + eps)), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="no multiple of the resolution"):
        contact_map.window_target("chrA", 250, 40, 4)


def test_one_masked_bin_is_one_missing_row_at_full_resolution(small_map):
    target = ContactMap(small_map / "map.cool", small_map / "expected.npz").window_target("chrA", 0, 16, 1)
    missing = np.zeros((16, 16), dtype=bool)
    missing[4], missing[:, 4] = True, True
    np.testing.assert_array_equal(np.isnan(target), missing)


def test_expected_of_another_resolution_or_too_short_is_refused(small_map, tmp_path):
    np.savez(tmp_path / "expected.npz", log_expected=np.zeros(8), resolution=200)
    with pytest.raises(InputError, match="is for bins of 200 bp, the map has bins of 100 bp"):
        ContactMap(small_map / "map.cool", tmp_path / "expected.npz")
    np.savez(tmp_path / "short.npz", log_expected=np.zeros(8), resolution=100)
    with pytest.raises(InputError, match="expected contacts reach 800 bp, the window has 1,600 bp"):
        ContactMap(small_map / "map.cool", tmp_path / "short.npz").window_target("chrA", 0, 16, 1)


def test_unbalanced_map_is_refused(shared_data):
    with pytest.raises(InputError, match="no column `weight`"):
        CoolerWindows(shared_data / "hic" / "hg19.GM12878-MboI.matrix.2000kb.cool")


def test_windows_of_a_real_map(shared_data):
    path = shared_data / "hic" / "scer_w303_g1_2kb.chr2_3_6_8_9_11_14_16.cool"
    windows, clr = CoolerWindows(path), cooler.Cooler(str(path))
    counts = windows.counts("chr2", 100, 150)
    np.testing.assert_array_equal(counts, clr.matrix(balance=False).fetch("chr2:200000-500000"))
    np.testing.assert_array_equal(
        windows.balanced("chr2", 100, counts), clr.matrix(balance=True).fetch("chr2:200000-500000")
    )

"""Windows straight from stored pixels: the same to the last bit as dense maps that are coarse-grained and averaged."""

import pickle

import cooler
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.contacts.coarsegrain import adaptive_coarsegrain, n_halvings
from cisflow.contacts.coarsegrain_scattered import coarsegrain_scattered
from cisflow.contacts.coolers import write_cooler, write_weights
from cisflow.contacts.pixels import CoolerWindows
from cisflow.contacts.rows import MappedRows, add_rows
from cisflow.contacts.smoothed import SmoothedWindow
from cisflow.contacts.targets import ContactMap, background, log_target, nested_block_mean

LENGTHS = {"chrA": 9950, "chrB": 4000, "chrC": 300}


def upper_triangle(n, seed, mean=3.0):
    rng = np.random.default_rng(seed)
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return np.triu(rng.poisson(mean * 20 / (distance + 1)))


def stored(n, before, after, seed, masked):
    """Rows of a window inside a larger map, its weights, and its dense counts."""
    upper = upper_triangle(before + n + after, seed)
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 2, n) * 1e-3
    weights[rng.random(n) < masked] = np.nan
    i, j = np.nonzero(upper)
    offsets = np.searchsorted(i, np.arange(before, before + n + 1))
    counts = (upper + np.triu(upper, 1).T)[before : before + n, before : before + n].astype(float)
    return (offsets, j.astype(np.int32), upper[i, j].astype(np.int32), before, weights), counts


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 150),
    before=st.integers(0, 5),
    masked=st.sampled_from([0, 0.05, 0.7, 1]),
    cutoff=st.sampled_from([0, 1, 2.5, 5, 40]),
    max_levels=st.sampled_from([1, 3, 12]),
    factor=st.integers(1, 7),
    first=st.integers(0, 20),
)
def test_equals_the_dense_route(n, before, masked, cutoff, max_levels, factor, first):
    rows, counts = stored(n, before, 3, n, masked)
    window = SmoothedWindow(*rows, cutoff, max_levels)
    smoothed = adaptive_coarsegrain(counts * np.outer(rows[4], rows[4]), counts, cutoff, max_levels)
    np.testing.assert_array_equal(window.dense(), smoothed)
    first = min(first, n - 1)
    bins = (n - first) // factor * factor
    if bins:
        part = smoothed[first : first + bins, first : first + bins]
        np.testing.assert_array_equal(window.mean(first, bins, factor), nested_block_mean(part, factor))
        missing = np.isnan(part).reshape(bins // factor, factor, bins // factor, factor).mean(axis=(1, 3))
        np.testing.assert_allclose(window.missing(first, bins, factor), missing, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 60),
    m=st.integers(1, 60),
    cutoff=st.sampled_from([0, 2, 5]),
    max_levels=st.sampled_from([1, 2, 12]),
    seed=st.integers(0, 5),
)
def test_product_of_two_vectors_equals_the_general_pyramid(n, m, cutoff, max_levels, seed):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(4, (n, m)).astype(float)
    rows, columns = (np.where(rng.random(size) < 0.2, np.nan, rng.random(size)) for size in (n, m))
    balanced = counts * np.outer(rows, columns)
    expected = coarsegrain_scattered(balanced, counts, cutoff, n_halvings(max(n, m), max_levels))
    np.testing.assert_array_equal(adaptive_coarsegrain(balanced, counts, cutoff, max_levels), expected)


def test_very_many_counts_and_parts_that_do_not_fit():
    rows, counts = stored(40, 2, 2, 1, 0.1)
    many = (rows[0], rows[1], np.full(len(rows[2]), 2**31 - 1, dtype=np.int32), *rows[3:])
    counts = np.where(counts > 0, 2.0**31 - 1, 0.0)
    smoothed = adaptive_coarsegrain(counts * np.outer(rows[4], rows[4]), counts, 1000)
    np.testing.assert_array_equal(SmoothedWindow(*many, 1000).dense(), smoothed)
    window = SmoothedWindow(*rows)
    with pytest.raises(ValueError, match="blocks of 3"):
        window.mean(0, 40, 3)
    with pytest.raises(ValueError, match="bins 20 to 44 do not lie inside a window of 40 bins"):
        window.mean(20, 24, 4)
    with pytest.raises(ValueError, match="expected less than"):
        SmoothedWindow(*rows, 2**20)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """A balanced cooler with and without memory-mappable rows, and an expected curve."""
    folder = tmp_path_factory.mktemp("maps")
    bins = cooler.binnify(pd.Series(LENGTHS), 100)
    upper = upper_triangle(len(bins), 4)
    i, j = np.nonzero(upper)
    weights = np.random.default_rng(3).uniform(0.01, 0.02, len(bins))
    weights[[4, 5, 120]] = np.nan
    for name in ("plain.cool", "mapped.cool"):
        write_cooler(folder / name, bins, [(i, j, upper[i, j].astype(np.int32))])
        write_weights(folder / name, weights, {})
    add_rows(folder / "mapped.cool")
    np.savez(folder / "e.npz", log_expected=-np.log(np.arange(1, 101.0)), log_trans=-3.0, resolution=100)
    return folder


def test_rows_are_those_of_the_cooler(maps):
    rows = MappedRows(maps / "mapped.cool")
    pixels = cooler.Cooler(str(maps / "mapped.cool")).pixels()[:]
    np.testing.assert_array_equal(rows.columns, pixels["bin2_id"])
    np.testing.assert_array_equal(rows.counts, pixels["count"])
    with pytest.raises(ValueError, match="read-only"):
        rows.columns[0] = 1
    with h5py.File(maps / "mapped.cool") as handle:
        assert handle["cisflow/columns"].id.get_offset() % 4096 == 0


@pytest.mark.parametrize("name", ["plain.cool", "mapped.cool"])
@pytest.mark.parametrize("budget", [1 << 20, 0])
def test_windows_and_blocks_equal_cooler(maps, name, budget):
    windows, clr = CoolerWindows(maps / name, budget), cooler.Cooler(str(maps / name))

    def region(chromosome, first, n):
        return f"{chromosome}:{first * 100}-{min((first + n) * 100, LENGTHS[chromosome])}"

    for place in [("chrA", 0, 100), ("chrA", 13, 20), ("chrC", 0, 3)]:
        counts = windows.counts(*place)
        np.testing.assert_array_equal(counts, clr.matrix(balance=False).fetch(region(*place)))
        balanced = clr.matrix(balance=True).fetch(region(*place))
        np.testing.assert_array_equal(windows.smoothed(*place).dense(), adaptive_coarsegrain(balanced, counts))
    same = [("chrA", 0, 30, "chrA", 50, 40), ("chrA", 50, 40, "chrA", 0, 30), ("chrA", 10, 30, "chrA", 20, 7)]
    for one in [*same, ("chrA", 3, 9, "chrB", 2, 33), ("chrC", 0, 3, "chrA", 90, 10), ("chrB", 1, 2, "chrB", 1, 2)]:
        counts = windows.block_counts(*one)
        places = region(*one[:3]), region(*one[3:])
        np.testing.assert_array_equal(counts, clr.matrix(balance=False).fetch(*places))
        balanced = clr.matrix(balance=True).fetch(*places)
        np.testing.assert_array_equal(windows.smoothed_block(*one), adaptive_coarsegrain(balanced, counts))
    with pytest.raises(ValueError, match="bins 38 to 43 do not lie inside chrB, which has 40 bins"):
        windows.block_counts("chrA", 0, 3, "chrB", 38, 5)


def test_targets_are_the_same_with_and_without_mapped_rows_and_in_copies(maps):
    plain = ContactMap(maps / "plain.cool", maps / "e.npz")
    mapped = ContactMap(maps / "mapped.cool", maps / "e.npz")
    packed = pickle.dumps(mapped)
    assert len(packed) < 20_000
    clr = cooler.Cooler(str(maps / "plain.cool"))
    counts, balanced = (clr.matrix(balance=b).fetch("chrA:500-8500").astype(float) for b in (False, True))
    expected = log_target(adaptive_coarsegrain(balanced, counts), background(plain.log_expected, 80, 4), 4)
    for contacts in (plain, mapped, pickle.loads(packed)):
        target = contacts.window_target("chrA", 500, 80, 4)
        np.testing.assert_array_equal(target, expected.astype(np.float32))
    assert (mapped.log_trans, mapped.monotone[0]) == (-3.0, 0.0)
    block = mapped.smoothed_block("chrA", 500, 8, "chrB", 0, 9)
    assert block.shape == (8, 9)
    assert np.isnan(block[0]).all()
    with pytest.raises(ValueError, match="start 550 is no multiple"):
        mapped.smoothed("chrA", 550, 8)

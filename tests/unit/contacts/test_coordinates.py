"""Coordinates are 0-based and half-open, clipped at the ends of chromosomes, and mirrored on the reverse strand."""

import cooler
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.contacts.coolers import write_cooler, write_weights
from cisflow.contacts.genome import Genome, reverse_complement
from cisflow.contacts.pixels import CoolerWindows
from cisflow.contacts.reader import WindowReader
from cisflow.contacts.rows import add_rows
from cisflow.contacts.targets import ContactMap
from cisflow.contacts.two_bit import write_two_bit
from cisflow.contacts.windows import Window

LENGTH, BIN = 970, 10  # the last bin is whole, the window need not be
PLACE = st.integers(-40, LENGTH + 40)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One chromosome of random bases with unknown ones, and its map."""
    folder, rng = tmp_path_factory.mktemp("coordinates"), np.random.default_rng(6)
    text = "".join(rng.choice(list("ACGTN"), LENGTH, p=[0.24] * 4 + [0.04]))
    (folder / "g.fa").write_text(f">c\n{text}\n")
    write_two_bit(folder / "g.fa", folder / "g.2bit")
    bins = cooler.binnify(pd.Series({"c": LENGTH}), BIN)
    i, j = np.triu_indices(len(bins))
    write_cooler(folder / "m.cool", bins, [(i, j, rng.poisson(8, len(i)).astype(np.int32))])
    weights = rng.uniform(0.5, 1, len(bins))
    weights[[5, 60]] = np.nan
    write_weights(folder / "m.cool", weights, {})
    add_rows(folder / "m.cool")
    np.savez(folder / "e.npz", log_expected=-np.log(np.arange(1, 98.0)), resolution=BIN)
    genomes = [Genome(folder / name) for name in ("g.fa", "g.2bit")]
    return text, genomes, ContactMap(folder / "m.cool", folder / "e.npz"), CoolerWindows(folder / "m.cool")


@settings(max_examples=80, deadline=None)
@given(start=PLACE, length=st.integers(0, 90))
def test_an_interval_is_the_slice_of_the_padded_text(files, start, length):
    text, genomes, *_ = files
    padded = "N" * 200 + text + "N" * 200
    expected = ["ACGTN".index(base) for base in padded[start + 200 : start + 200 + length]]
    for genome in genomes:
        assert genome.codes("c", start, start + length).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(places=st.lists(PLACE, min_size=3, max_size=3))
def test_neighbouring_intervals_join_and_strands_mirror(files, places):
    genome, (low, middle, high) = files[1][1], sorted(places)
    whole = genome.codes("c", low, high)
    joined = np.concatenate([genome.codes("c", low, middle), genome.codes("c", middle, high)])
    np.testing.assert_array_equal(joined, whole)
    mirrored = reverse_complement(whole)
    np.testing.assert_array_equal(reverse_complement(mirrored), whole)
    np.testing.assert_array_equal(mirrored[: high - middle], reverse_complement(genome.codes("c", middle, high)))


@settings(max_examples=40, deadline=None)
@given(bins=st.integers(2, 12), factor=st.integers(1, 5), first=st.integers(0, 96), shift=st.integers(-60, 60))
def test_windows_on_both_strands(files, bins, factor, first, shift):
    _, genomes, contacts, _ = files
    first = min(first, LENGTH // BIN - bins * factor)
    reader = WindowReader(contacts, genomes[1], bins, factor * BIN)
    forward, reverse = (reader.read(Window("c", first * BIN, shift, strand)) for strand in (False, True))
    np.testing.assert_array_equal(reverse.target, forward.target[::-1, ::-1])
    np.testing.assert_array_equal(reverse.codes, reverse_complement(forward.codes))
    start = first * BIN + shift  # the shift moves the sequence alone
    np.testing.assert_array_equal(forward.codes, reader.genome.codes("c", start, start + bins * factor * BIN))
    unshifted = reader.read(Window("c", first * BIN))
    np.testing.assert_array_equal(forward.target, unshifted.target)


@settings(max_examples=60, deadline=None)
@given(first=st.integers(0, 96), n=st.integers(1, 40), other=st.integers(0, 96), m=st.integers(1, 40))
def test_blocks_are_parts_of_the_whole_map(files, first, n, other, m):
    windows = files[3]
    total = windows.n_bins["c"]
    n, m = min(n, total - first), min(m, total - other)
    whole = windows.counts("c", 0, total)
    block = windows.block_counts("c", first, n, "c", other, m)
    np.testing.assert_array_equal(block, whole[first : first + n, other : other + m])
    np.testing.assert_array_equal(windows.block_counts("c", other, m, "c", first, n), block.T)
    np.testing.assert_array_equal(windows.counts("c", first, n), whole[first : first + n, first : first + n])
    for place, length in ((-1, 2), (total - 1, 2), (total, 1), (0, 0)):
        with pytest.raises(ValueError, match="do not lie inside c, which has 97 bins"):
            windows.counts("c", place, length)

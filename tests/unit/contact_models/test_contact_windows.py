"""Sampling, tiling and reading of windows; peak labels."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.contacts.genome import reverse_complement
from cisflow.contacts.peaks import PeakTracks
from cisflow.contacts.reader import WindowReader
from cisflow.contacts.windows import Window, WindowSampler, tile
from cisflow.problems import InputError

LENGTHS = {"chrI": 5000, "chrII": 20_000, "chrIII": 900}


class ArrayMap:
    """Contact map in memory: the target of bins i and j is a number made of both."""

    resolution = 100

    def window_target(self, chromosome, start, n_fine_bins, factor):
        i = start // self.resolution + np.arange(n_fine_bins)
        fine = (i[:, None] * i + i[:, None] + i).astype(np.float32)
        return fine.reshape(n_fine_bins // factor, factor, n_fine_bins // factor, factor).mean(axis=(1, 3))


class ArrayGenome:
    """Genome in memory, one base code per position."""

    def __init__(self, length=20_000):
        self.bases = np.random.default_rng(1).integers(0, 5, length).astype(np.uint8)

    def codes(self, chromosome, start, end):
        found = np.full(end - start, 4, dtype=np.uint8)
        inside = slice(max(start, 0), min(end, len(self.bases)))
        found[inside.start - start : inside.stop - start] = self.bases[inside]
        return found


@given(st.integers(0, 2**32 - 1), st.integers(1, 50), st.integers(0, 300), st.sampled_from([1, 10, 100]))
@settings(deadline=None)
def test_windows_lie_inside_the_given_chromosomes(seed, tens, shift, resolution):
    sampler = WindowSampler(LENGTHS, 100 * tens, resolution, shift)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        window = sampler.draw(rng)
        assert window.chromosome in LENGTHS
        assert window.start % resolution == 0
        assert window.start >= 0
        assert window.start + 100 * tens <= LENGTHS[window.chromosome]
        assert -shift <= window.shift < max(shift, 1)


def test_chromosomes_are_drawn_by_length_and_strands_evenly():
    sampler, rng = WindowSampler(LENGTHS, 1000, 100, 10), np.random.default_rng(3)
    drawn = [sampler.draw(rng) for _ in range(4000)]
    share = np.mean([w.chromosome == "chrII" for w in drawn])
    assert share == pytest.approx(0.8, abs=0.03)
    assert np.mean([w.reverse for w in drawn]) == pytest.approx(0.5, abs=0.03)
    assert {w.shift for w in drawn} == set(range(-10, 10))
    starts = [w.start for w in drawn if w.chromosome == "chrI"]
    assert min(starts) == 0
    assert max(starts) == 3900  # the largest draw below 4000, rounded down


def test_a_window_longer_than_every_chromosome_is_an_error():
    with pytest.raises(InputError, match=r"no chromosome is as long as a window of 30,000 bp: chrI \(5,000 bp\)"):
        WindowSampler(LENGTHS, 30_000, 100)


def test_tiles_cover_each_chromosome_at_regular_steps():
    windows = tile(LENGTHS, 2000, 1000)
    assert [w.start for w in windows if w.chromosome == "chrI"] == [0, 1000, 2000, 3000]
    assert not [w for w in windows if w.chromosome == "chrIII"]
    assert all(not w.reverse and w.shift == 0 for w in windows)


@given(st.integers(0, 160), st.integers(-50, 50), st.sampled_from([100, 200, 400]))
@settings(deadline=None)
def test_the_reverse_strand_mirrors_sequence_target_and_labels(tmp_path_factory, bin_start, shift, bin_size):
    bed = tmp_path_factory.mktemp("peaks") / "a.bed"
    bed.write_text("chrII\t1000\t1100\nchrII\t4000\t4001\n")
    reader = WindowReader(ArrayMap(), ArrayGenome(), 8, bin_size, PeakTracks([bed]))
    forward = reader.read(Window("chrII", 100 * bin_start, shift))
    reverse = reader.read(Window("chrII", 100 * bin_start, shift, reverse=True))
    np.testing.assert_array_equal(reverse.codes, reverse_complement(forward.codes))
    np.testing.assert_array_equal(reverse.target, forward.target[::-1, ::-1])
    np.testing.assert_array_equal(reverse.labels, forward.labels[:, ::-1])


def test_the_shift_moves_the_sequence_alone():
    reader = WindowReader(ArrayMap(), ArrayGenome(), 8, 100)
    still, moved = reader.read(Window("chrII", 300)), reader.read(Window("chrII", 300, shift=7))
    np.testing.assert_array_equal(moved.codes[:-7], still.codes[7:])
    np.testing.assert_array_equal(moved.target, still.target)


def test_a_bin_size_that_does_not_fit_the_map_is_an_error():
    with pytest.raises(InputError, match="250 bp is no multiple of the map's resolution, 100 bp"):
        WindowReader(ArrayMap(), ArrayGenome(), 8, 250)


def test_windows_with_too_many_missing_values_are_drawn_again():
    class HalfMissing(ArrayMap):
        def window_target(self, chromosome, start, n_fine_bins, factor):
            target = super().window_target(chromosome, start, n_fine_bins, factor)
            return np.where(start < 10_000, np.nan, target)

    reader, rng = WindowReader(HalfMissing(), ArrayGenome(), 8, 100), np.random.default_rng(0)
    sampler = WindowSampler({"chrII": 20_000}, 800, 100)
    assert all(reader.draw(sampler, rng, 0.5).missing == 0 for _ in range(30))
    assert any(reader.draw(sampler, rng, 1.0).missing == 1 for _ in range(30))
    with pytest.raises(InputError, match="1000 random windows in a row have more than 50% missing entries"):
        reader.draw(WindowSampler({"chrI": 5000}, 800, 100), rng, 0.5)


def test_peak_labels_mark_every_bin_with_a_shared_base(tmp_path):
    plain, packed = tmp_path / "ctcf.bed", tmp_path / "dnase.bed.gz"
    plain.write_text("# tracks\nchrI\t100\t200\tsite\t5\nchrI\t399\t401\nchrI\t120\t130\nchrII\t0\t9000\n")
    with gzip.open(packed, "wt") as handle:
        handle.write("chrI\t0\t1\n")
    tracks = PeakTracks([plain, packed])
    assert tracks.names == ["ctcf.bed", "dnase.bed.gz"]
    expected = [[0, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(tracks.labels("chrI", 0, 6, 100), expected)
    np.testing.assert_array_equal(tracks.labels("chrI", 200, 3, 100), [[0, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(tracks.labels("chrX", 0, 2, 100), np.zeros((2, 2)))


def test_faulty_peaks_are_told_with_file_and_row(tmp_path):
    bed, other = tmp_path / "bad.bed", tmp_path / "text.bed"
    bed.write_text("chrI\t100\t200\nchrI\t300\t250\nchrI\tx\t9\n")
    other.write_text("chrI 100 200\n")
    with pytest.raises(InputError) as raised:
        PeakTracks([bed, other])
    text = str(raised.value)
    assert "3 problems" in text
    assert "bad.bed row 2: interval 300 to 250; expected whole numbers with 0 <= start < end" in text
    assert "bad.bed row 3: interval x to 9" in text
    assert "text.bed row 1: 'chrI 100 200'; not a BED file" in text

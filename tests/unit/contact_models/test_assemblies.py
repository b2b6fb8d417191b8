"""Random assemblies of several chromosomes, their expected contacts, and intervals to leave out."""

import gzip
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.contacts.assembly import AssemblyBackground, AssemblySampler, Layout, SegmentRule
from cisflow.contacts.intervals import Intervals, read_excluded
from cisflow.contacts.windows import Segment, WindowSampler, centre_zoom, draw_zoom
from cisflow.models.cascade_zoom import Ladder
from cisflow.problems import InputError

LENGTHS = {"chrI": 5_070, "chrII": 20_000, "chrIII": 930, "tiny": 60}
GENOMES = {
    "yeast": {"chrI": 230_218, "chrIV": 1_531_933, "chrXII": 1_078_177},
    "human": {"chr1": 248_956_422, "chr21": 46_709_983, "chrX": 156_040_895},
}


def segments_of(names=("chrI", "chrII", "chrI")):
    """Three segments on 100-bp bins, the second reversed."""
    return [Segment(names[0], 300, 500), Segment(names[1], 1000, 700, 3, True), Segment(names[2], 600, 400)]


@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers(0, 300), st.sampled_from([10, 100]))
@settings(deadline=None)
def test_assemblies_have_their_length_and_stay_inside_chromosomes(seed, hundreds, shift, resolution):
    sampler = AssemblySampler(LENGTHS, 100 * hundreds, resolution, shift)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        segments = sampler.draw(rng)
        assert sum(s.length for s in segments) == 100 * hundreds
        for s in segments:
            assert s.start % resolution == s.length % resolution == 0
            assert s.start >= 0
            assert s.length > 0
            assert s.start + s.length <= LENGTHS[s.chromosome]
            assert -shift <= s.shift < max(shift, 1)
        whole = [s.length == LENGTHS[s.chromosome] // resolution * resolution for s in segments]
        assert sum(not w for w in whole) <= 1  # only what was left at the end is not a whole chromosome


@pytest.mark.parametrize(("genome", "length", "resolution"), [("yeast", 1 << 21, 2048), ("human", 256_000_000, 32_000)])
def test_assemblies_of_yeast_and_human(genome, length, resolution):
    sampler = AssemblySampler(GENOMES[genome], length, resolution, 100)
    rng = np.random.default_rng(0)
    drawn = [s for _ in range(200) for s in sampler.draw(rng)]
    assert sum(s.length for s in drawn) == 200 * length
    assert {s.chromosome for s in drawn} == set(GENOMES[genome])
    assert {s.reverse for s in drawn} == {True, False}
    cut = [s for s in drawn if s.start or s.length < GENOMES[genome][s.chromosome] // resolution * resolution]
    assert len(cut) <= 200
    assert len({s.start for s in cut}) > 50


def test_random_lengths_of_the_published_evaluation():
    rule = SegmentRule(1.0, 64_000_000, 128_000_000)
    lengths = {"chr9": 138_394_717, "chr10": 133_797_422}
    rng = np.random.default_rng(213)
    for _ in range(50):
        segments = AssemblySampler(lengths, 256_000_000, 32_000, 0, rule).draw(rng)
        assert sum(64_000_000 - 32_000 <= s.length <= 128_000_000 for s in segments) >= len(segments) - 1
        assert max(s.length for s in segments) <= 128_000_000
        assert all(s.shift == 0 for s in segments)
    longest = max(
        s.length
        for _ in range(50)
        for s in AssemblySampler(LENGTHS, 9000, 100, 0, SegmentRule(max_length=750)).draw(rng)
    )
    assert longest == 700


def test_no_chromosome_with_a_whole_bin():
    with pytest.raises(InputError, match="no chromosome has a whole bin of 1,000 bp"):
        AssemblySampler({"tiny": 60}, 2000, 1000)


def test_layout_follows_the_strands():
    layout = Layout.of(segments_of(), 100)
    assert layout.chromosome.tolist() == [0] * 5 + [1] * 7 + [0] * 4
    assert layout.position.tolist() == [3, 4, 5, 6, 7, 16, 15, 14, 13, 12, 11, 10, 6, 7, 8, 9]
    with pytest.raises(ValueError, match="does not lie on bins of 100 bp"):
        Layout.of([Segment("chrI", 50, 100)], 100)


def matrix_of(layout, log_expected, log_trans):
    """Expected contacts of every pair of fine bins, written out."""
    distance = np.abs(layout.position[:, None] - layout.position)
    curve = np.concatenate([np.exp(log_expected), np.full(2000, np.nan)])
    matrix = np.where(layout.chromosome[:, None] == layout.chromosome, curve[distance], np.exp(log_trans))
    return np.where(np.isnan(matrix), np.nanmin(matrix), matrix)


@pytest.mark.parametrize("reach", [4, 7, 20])
@pytest.mark.parametrize("names", [("chrI", "chrII", "chrI"), ("chrI", "chrI", "chrI"), ("a", "b", "c")])
def test_background_is_the_block_mean_of_the_written_out_matrix(reach, names):
    layout = Layout.of(segments_of(names), 100)
    log_expected, log_trans = -0.7 * np.log(1 + np.arange(reach)), -1.7
    matrix = matrix_of(layout, log_expected, log_trans)
    background = AssemblyBackground(layout, log_expected, log_trans)
    for start, bins, factor in ((0, 16, 1), (0, 8, 2), (4, 4, 2), (0, 4, 4), (3, 2, 4)):
        part = matrix[start : start + bins * factor, start : start + bins * factor]
        expected = part.reshape(bins, factor, bins, factor).mean(axis=(1, 3))
        np.testing.assert_allclose(background.window(start, bins, factor), expected, rtol=1e-12)


def test_entries_between_chromosomes_are_those_whose_background_is_the_trans_constant():
    layout = Layout.of(segments_of(), 100)
    background = AssemblyBackground(layout, -0.7 * np.log(1 + np.arange(20)), -1.7)
    for start, bins, factor in ((0, 16, 1), (0, 8, 2), (0, 4, 4), (3, 2, 4)):
        expected = np.isclose(background.window(start, bins, factor), np.exp(-1.7), rtol=1e-12)
        assert np.array_equal(layout.trans(start, bins, factor), expected)
    assert layout.trans(0, 16, 1).sum() == 2 * 7 * 9


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 64, 250]), st.integers(1, 6))
def test_nested_windows_start_before_the_last_place(seed, bins, n_levels):
    ladder = Ladder.from_finest(bins, 400, n_levels)
    offsets = draw_zoom(np.random.default_rng(seed), ladder)
    firsts = ladder.first_bins(offsets)
    assert len(offsets) == n_levels
    assert offsets[0] == 0
    assert ((firsts >= 0) & (firsts < bins // 2)).all()
    ends = offsets + np.array(ladder.levels)
    assert (ends[1:] <= ends[:-1]).all()
    assert (np.diff(offsets) >= 0).all()


def test_every_start_is_drawn_as_often():
    rng = np.random.default_rng(5)
    ladder = Ladder.from_finest(250, 4000, 2)
    firsts = np.array([ladder.first_bins(draw_zoom(rng, ladder))[0] for _ in range(5000)])
    assert set(firsts) == set(range(125))
    assert abs(firsts.mean() - 62) < 2


def test_centre_zoom_and_its_mirror():
    ladder = Ladder.from_finest(250, 4000, 6)
    centre = centre_zoom(ladder)
    assert ladder.first_bins(centre).tolist() == [62] * 5
    assert ladder.first_bins(ladder.mirrored(centre)).tolist() == [63] * 5
    assert centre[-1] == 15_376_000  # the 1-Mb window of the published evaluation
    assert ladder.first_bins(centre_zoom(ladder, [63, 62, 62, 62, 62])).tolist() == [63, 62, 62, 62, 62]


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30)), max_size=8), st.integers(0, 110), st.integers(1, 40))
def test_overlap_with_intervals_is_that_of_single_bases(given_intervals, start, length):
    edges = [(low, low + size) for low, size in given_intervals]
    covered = {base for low, high in edges for base in range(low, high)}
    intervals = Intervals({"c": np.array(edges, dtype=int).reshape(-1, 2)})
    assert intervals.overlap("c", start, start + length) == bool(covered & set(range(start, start + length)))
    assert not intervals.overlap("d", start, start + length)


def test_windows_that_touch_an_interval_are_not_drawn():
    excluded = Intervals({"chrII": np.array([[9_000, 9_001]])})
    rng = np.random.default_rng(1)
    windows = [WindowSampler(LENGTHS, 3000, 100, 50, excluded).draw(rng) for _ in range(300)]
    on_second = [w.start for w in windows if w.chromosome == "chrII"]
    assert on_second
    assert not any(start < 9_001 and start + 3000 > 9_000 for start in on_second)
    assert min(on_second) < 5_000
    assert max(on_second) >= 9_001
    nowhere = Intervals({"chrII": np.array([[0, 20_000]]), "chrI": np.array([[2_400, 2_600]])})
    with pytest.raises(InputError, match=r"10,000 random windows of 3,000 bp in a row touch an interval"):
        WindowSampler(LENGTHS, 3000, 100, 50, nowhere).draw(rng)


def test_unknown_chromosomes_of_an_exclusion_list_are_told(tmp_path, caplog):
    bed = tmp_path / "blacklist.bed.gz"
    with gzip.open(bed, "wt") as handle:
        handle.write("chrI\t10\t20\nchrUn_1\t0\t5\nchrI\t100\t200\tname\n")
    with caplog.at_level(logging.WARNING, logger="cisflow"):
        excluded = read_excluded(bed, LENGTHS)
    assert len(excluded) == 2
    assert "1 of 3 intervals are on chromosomes that the map does not have: chrUn_1" in caplog.text
    (tmp_path / "other.bed").write_text("1\t10\t20\n2\t5\t9\n")
    with pytest.raises(InputError, match="none of its chromosomes is in the map: 1, 2; the map has chrI, chrII"):
        read_excluded(tmp_path / "other.bed", LENGTHS)
    (tmp_path / "bad.bed").write_text("chrI\t30\t20\n")
    with pytest.raises(InputError, match=r"bad.bed row 1: interval 30 to 20"):
        read_excluded(tmp_path / "bad.bed", LENGTHS)

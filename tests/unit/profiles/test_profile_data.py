"""Regions, tracks, negatives and windows of an assay; what an epoch draws; wrong inputs told all at once."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from cisflow.contacts.genome import Genome
from cisflow.problems import InputError
from cisflow.profiles import tracks
from cisflow.profiles.epochs import Epochs
from cisflow.profiles.folds import Fold, groups
from cisflow.profiles.negatives import candidates, draw_negatives, gc_share, match
from cisflow.profiles.prepare import AssayFiles, check_assay, early_problems
from cisflow.profiles.regions import read_regions
from cisflow.profiles.tracks import Track, smallest_type
from cisflow.profiles.windows import WindowStore
from cisflow.simulate.accessibility import write_bigwig

sys.path.insert(0, str(Path(__file__).parent))
from profile_toys import FOLDS, WINDOW, prepare_toy, simulate_toy


@pytest.fixture(scope="module")
def assay(tmp_path_factory):
    folder = tmp_path_factory.mktemp("assay")
    files = simulate_toy(folder)
    return files, prepare_toy(files, folder / "prepared")


@pytest.fixture(scope="module")
def regions(assay):
    return pd.read_parquet(assay[1].regions)


def store_of(files):
    return WindowStore(files.sequences, files.counts, WINDOW.input_length, WINDOW.output_length)


# Regions


def test_narrow_peaks_are_centred_on_their_summits(tmp_path):
    rest = "p\t0\t.\t1\t-1\t-1"
    (tmp_path / "p.bed").write_text(f"chr1\t100\t300\t{rest}\t30\nchr2\t5\t10\t{rest}\t-1\n")
    table, problems = read_regions(tmp_path / "p.bed", "peak")
    assert not problems
    assert table["position"].tolist() == [130, 7]
    (tmp_path / "three.bed").write_text("chr1\t100\t301\n")
    assert read_regions(tmp_path / "three.bed", "peak")[0]["position"].tolist() == [200]


def test_every_faulty_row_of_a_bed_file_is_told(tmp_path):
    rest = "p\t0\t.\t1\t-1\t-1"
    rows = [
        f"chr1\t100\t90\t{rest}\t0",
        f"chr1\t100\t200\t{rest}\t100",
        f"chr1\t100\t200\t{rest}\t20",
        f"chr1\tx\t9\t{rest}\t0",
    ]
    (tmp_path / "p.bed").write_text("\n".join(rows) + "\n")
    table, problems = read_regions(tmp_path / "p.bed", "peak")
    assert table["position"].tolist() == [120]
    text = "\n".join(map(str, problems))
    assert "row 1: interval 100 to 90; expected whole numbers" in text
    assert (
        'row 2, column "10": summit at 100 from the start; expected a whole number inside the interval, or -1' in text
    )
    assert "row 4: interval x to 9" in text


# Tracks


@pytest.mark.parametrize("block", [50, 1 << 23])
def test_windows_of_a_track_are_those_of_the_reader(tmp_path, monkeypatch, block):
    monkeypatch.setattr(tracks, "BLOCK", block)
    counts = np.random.default_rng(0).poisson(0.6, 900)
    write_bigwig({"chr1": counts, "chr2": np.zeros(10, int)}, tmp_path / "t.bw")
    starts = np.array([400, 0, 880, -7, 123, 870, 5, -90, 950])
    with Track(tmp_path / "t.bw") as track:
        found = track.windows("chr1", starts, 20)
        assert track.lengths == {"chr1": 900, "chr2": 10}
        assert not track.windows("chr2", np.array([0]), 10).any()
    padded = np.pad(counts, 100)
    np.testing.assert_array_equal(found, np.stack([padded[s + 100 : s + 120] for s in starts]))
    assert found.dtype == np.uint8
    file = pyBigWig.open(str(tmp_path / "t.bw"))
    np.testing.assert_array_equal(np.nan_to_num(file.values("chr1", 400, 420)), found[0])


def test_counts_are_kept_as_small_as_they_are_and_exactly():
    for values, kind in (([255, 0], np.uint8), ([256], np.uint16), ([70_000], np.uint32), ([0.5], np.float32)):
        found = smallest_type(np.array(values, dtype=np.float32))
        assert found.dtype == kind
        assert found.tolist() == values


def test_a_track_of_negative_numbers_or_none_at_all_is_refused(tmp_path):
    file = pyBigWig.open(str(tmp_path / "n.bw"), "w")
    file.addHeader([("chr1", 100)])
    file.addEntries("chr1", [10, 40], values=[1.0, -2.0], span=1)
    file.close()
    with (
        Track(tmp_path / "n.bw") as track,
        pytest.raises(InputError, match=r"-2 at chr1:40; expected counts of 0 or more"),
    ):
        track.windows("chr1", np.array([0]), 100)
    (tmp_path / "text.bw").write_text("chr1\t1\n")
    with pytest.raises(InputError, match="cannot be read as a bigWig file"):
        Track(tmp_path / "text.bw")


# Negatives


def test_candidates_keep_away_from_peaks_ends_and_unknown_bases(tmp_path):
    rng = np.random.default_rng(0)
    bases = np.array(list("ACGT"))[rng.integers(0, 4, 5000)]
    bases[3010] = "N"
    (tmp_path / "g.fa").write_text(">chr1\n" + "".join(bases) + "\n")
    peaks = pd.DataFrame({"start": [1000], "end": [1300], "position": [1010]})
    found = candidates(Genome(tmp_path / "g.fa"), "chr1", peaks, width=100, margin=30, stride=50)
    start = found["position"].to_numpy() - 50
    everything = np.arange(30, 5000 - 130 + 1, 50)
    free = [s for s in everything if (s + 100 <= 960 or s >= 1300) and not s <= 3010 < s + 100]
    assert start.tolist() == free
    strong = [np.isin(bases[s : s + 100], ["C", "G"]).sum() for s in start]
    assert found["percent"].tolist() == strong


def test_matching_takes_the_same_composition_first_and_then_the_nearest():
    percent = np.repeat([39, 40, 41, 60], [3, 2, 5, 4])
    wanted = np.zeros(101, dtype=int)
    wanted[[40, 41]] = [4, 4]
    chosen = match(wanted, percent, np.random.default_rng(0))
    assert len(set(chosen)) == 8
    # Two of 40 and four of 41 as wanted; the two that lack at 40 come from 39, the lower of two as near.
    assert np.bincount(percent[chosen], minlength=61)[[39, 40, 41, 60]].tolist() == [2, 2, 4, 0]
    wanted[40] = 100
    assert len(match(wanted, percent, np.random.default_rng(0))) == len(percent)


def test_negatives_have_the_composition_of_the_peaks_of_their_group(tmp_path):
    rng = np.random.default_rng(1)
    text, peaks = [], []
    for name in ("chr1", "chr2"):
        strong = np.repeat(rng.uniform(0.2, 0.8, 100), 200)
        codes = np.where(rng.random(20_000) < strong, rng.choice([1, 2], 20_000), rng.choice([0, 3], 20_000))
        text.append(f">{name}\n{''.join('ACGT'[c] for c in codes)}\n")
        share = gc_share(codes, np.arange(0, 19_900, 400), 100)
        start = np.arange(0, 19_900, 400)[(share > 0.6 if name == "chr1" else share < 0.4)][:10]
        peaks.append(pd.DataFrame({"chromosome": name, "start": start, "end": start + 100, "position": start + 50}))
    (tmp_path / "g.fa").write_text("".join(text))
    genome, peaks = Genome(tmp_path / "g.fa"), pd.concat(peaks, ignore_index=True)
    found = draw_negatives(genome, peaks, [["chr1"], ["chr2"]], 100, 0, 1.5, np.random.default_rng(0), stride=37)
    assert found.groupby("chromosome").size().tolist() == [15, 15]
    codes = {name: genome.codes(name, 0, 20_000) for name in ("chr1", "chr2")}

    def of(table, name):
        start = table.loc[table["chromosome"] == name, "start"].to_numpy()
        return gc_share(codes[name], start, 100)

    for name in codes:
        assert abs(of(found, name).mean() - of(peaks, name).mean()) < 0.02


def test_groups_are_chromosomes_that_no_fold_parts():
    folds = [Fold("1", ("c",), ("a",)), Fold("2", ("a",), ("c",), ("b", "d"))]
    assert groups(folds, list("abcde")) == [["a"], ["b", "d"], ["c"], ["e"]]
    assert folds[1].role("e") is None
    assert folds[0].chromosomes("abcde", "training") == ["b", "d", "e"]


# Windows


def test_prepared_regions_hold_their_bases_and_counts(assay, regions):
    files, prepared = assay
    genome, store = Genome(files.genome), store_of(prepared)
    truth = pyBigWig.open(str(files.track))
    assert regions["region"].tolist() == list(range(len(regions)))
    assert set(regions["kind"]) == {"peak", "nonpeak"}
    assert store.room == WINDOW.jitter
    rows = np.arange(0, len(regions), 7)
    codes, counts = store.take(rows)
    assert (codes.dtype, counts.dtype) == (np.uint8, np.float32)
    for row, bases, values in zip(regions.iloc[rows].itertuples(), codes, counts, strict=True):
        low = row.position - 64
        np.testing.assert_array_equal(bases, genome.codes(row.chromosome, low, low + 128))
        expected = np.nan_to_num(truth.values(row.chromosome, row.position - 32, row.position + 32))
        np.testing.assert_array_equal(values, expected)
        assert row.count == expected.sum()
        assert row.gc == np.isin(bases, [1, 2]).mean()


def test_moved_windows_are_those_further_along(assay, regions):
    files, prepared = assay
    store, genome = store_of(prepared), Genome(files.genome)
    rows, moves = np.array([3, 40, 90]), np.array([-16, 16, 5])
    codes, counts = store.take(rows, moves)
    for row, move, bases in zip(rows, moves, codes, strict=True):
        low = int(regions["position"][row]) - 64 + move
        np.testing.assert_array_equal(bases, genome.codes(regions["chromosome"][row], low, low + 128))
    still = store.take(rows)[1]
    np.testing.assert_array_equal(counts[1][:-16], still[1][16:])
    with pytest.raises(ValueError, match="at most 16 bp"):
        store.take(rows, np.array([0, 0, 17]))


def test_the_reverse_strand_is_the_mirror_of_both_arrays(assay):
    store = store_of(assay[1])
    rows, moves = np.arange(6), np.array([3, -3, 0, 16, -16, 1])
    forward = store.take(rows, moves)
    reverse = store.take(rows, moves, np.array([True, False, True, True, False, True]))
    complement = np.array([3, 2, 1, 0, 4])
    for i, turned in enumerate([True, False, True, True, False, True]):
        expected = (complement[forward[0][i]][::-1], forward[1][i][::-1]) if turned else (forward[0][i], forward[1][i])
        np.testing.assert_array_equal(reverse[0][i], expected[0])
        np.testing.assert_array_equal(reverse[1][i], expected[1])


def test_arrays_of_other_windows_are_refused(assay):
    with pytest.raises(InputError, match="do not hold windows of 130 bp"):
        WindowStore(assay[1].sequences, assay[1].counts, 130, 64)


def test_funnel_counts_what_is_left_out(tmp_path):
    files = simulate_toy(tmp_path)
    with open(files.peaks, "a") as handle:
        for start in (0, 50, 29_905):  # without room for the window, for the jitter; at the other end
            handle.write(f"chr1\t{start}\t{start + 40}\tx\t0\t.\t1\t-1\t-1\t20\n")
        handle.write("chr3\t5000\t5040\tx\t0\t.\t1\t-1\t-1\t20\n")
    prepared = prepare_toy(files, tmp_path / "p", folds=[{"name": "1", "test": ["chr1"], "validation": ["chr2"]}])
    with open(tmp_path / "p" / "funnel.tsv") as handle:
        funnel = pd.read_csv(handle, sep="\t").set_index("step")["count"]
    assert funnel["peaks given"] == 184
    assert funnel["peaks on chromosomes of the folds"] == 184
    assert funnel["peaks far enough from the ends of the chromosome"] == 183
    assert funnel["peaks with room for the jitter"] == 181
    table = pd.read_parquet(prepared.regions)
    assert (table.loc[~table["room_for_jitter"], "position"]).tolist() == [70, 29_925]


def test_a_fold_without_peaks_to_train_on_is_told(tmp_path):
    files = simulate_toy(tmp_path)
    lines = files.peaks.read_text().splitlines(keepends=True)
    files.peaks.write_text("".join(line for line in lines if not line.startswith("chr3")))
    with pytest.raises(InputError, match="fold 1: 0 peaks on training chromosomes, expected two or more"):
        prepare_toy(files, tmp_path / "q", folds=[{"name": "1", "test": ["chr1"], "validation": ["chr2"]}])


def test_given_nonpeaks_are_taken_as_they_are(tmp_path):
    files = simulate_toy(tmp_path)
    (tmp_path / "n.bed").write_text(
        "".join(f"chr{c}\t{s}\t{s + 10}\n" for c in (1, 2, 3) for s in range(1000, 29_000, 500))
    )
    given = AssayFiles(files.genome, files.track, files.peaks, tmp_path / "n.bed")
    table = pd.read_parquet(prepare_toy(given, tmp_path / "p").regions)
    assert (table["kind"] == "nonpeak").sum() == 3 * 56
    assert table.loc[table["kind"] == "nonpeak", "position"].min() == 1005


def test_equal_input_gives_equal_bytes(assay, tmp_path):
    again = prepare_toy(simulate_toy(tmp_path), tmp_path / "prepared")
    for name in ("regions", "sequences", "counts"):
        assert Path(getattr(again, name)).read_bytes() == Path(getattr(assay[1], name)).read_bytes()
    assert Path(assay[0].track).read_bytes() == (tmp_path / "cuts.bw").read_bytes()


# Wrong inputs


def test_all_problems_of_all_files_are_told_at_once(tmp_path):
    files = simulate_toy(tmp_path)
    write_bigwig({"chr1": np.ones(29_000, int), "chr2": np.ones(30_000, int)}, tmp_path / "other.bw")
    (tmp_path / "bad.bed").write_text("1\t100\t200\nchr2\t300\t200\n")
    wrong = AssayFiles(files.genome, tmp_path / "other.bw", tmp_path / "bad.bed", tmp_path / "none.bed")
    folds = [Fold("a", ("chr2",), ("chr3",)), Fold("b", ("chrX",), ("chr1",))]
    with pytest.raises(InputError) as raised:
        check_assay(wrong, Genome(files.genome, chromosomes=()).lengths, folds)
    text = str(raised.value)
    assert "chr1 has 29,000 bp, in" in text
    assert "bad.bed row 2: interval 300 to 200" in text
    assert "chromosomes that the genome does not have: '1'" in text
    assert "none.bed: file not found" in text
    assert "fold a: 'chr3' is not a chromosome of both genome and track" in text
    assert "fold b: 'chrX' is not a chromosome of both genome and track" in text
    assert len(raised.value.problems) == 6


def test_headers_and_names_are_told_before_any_job(tmp_path):
    files = simulate_toy(tmp_path)
    (tmp_path / "bad.bed").write_text("1\t100\t200\n")
    row = {
        "source": "files",
        "genome": files.genome,
        "bigwig": files.track,
        "peaks": tmp_path / "bad.bed",
        "nonpeaks": None,
    }
    folds = [{"name": "a", "test": ["chr1"], "validation": ["chrY"]}]
    found = early_problems({"x": row, "y": {"source": "simulated"}}, {"x": folds, "y": folds}, str)
    assert len(found) == 2
    assert "bad.bed" in str(found[0])
    assert "'chrY' is not a chromosome" in str(found[1])
    assert not early_problems({"x": row | {"peaks": files.peaks}}, {"x": FOLDS}, str)


# Epochs

PEAKS, NONPEAKS = np.arange(100), np.arange(500, 560)


def epochs(**changes):
    settings = {"negatives": 0.25, "jitter": 20, "reverse_share": 0.5, "batch_size": 32, "seed": 1}
    return Epochs(PEAKS, NONPEAKS, **{**settings, **changes})


def test_every_epoch_has_all_peaks_and_its_own_negatives():
    drawn = epochs()
    assert (drawn.size, drawn.steps) == (125, 4)
    chosen = []
    for number in range(3):
        rows = np.concatenate([drawn.batch(step).rows for step in range(4 * number, 4 * number + 4)])
        assert len(rows) == 125
        assert np.array_equal(np.sort(rows[rows < 500]), PEAKS)
        chosen.append(frozenset(rows[rows >= 500]))
        assert len(chosen[-1]) == 25
    assert len(set(chosen)) == 3
    assert len(drawn.batch(3).rows) == 29  # the last batch of an epoch is smaller


def test_half_of_an_epoch_is_turned_and_windows_move_both_ways():
    everything = epochs().epoch(0)
    assert everything.reverse.sum() == 62
    many = np.concatenate([epochs().epoch(number).moves for number in range(60)])
    assert (many.min(), many.max()) == (-20, 20)
    counts = np.bincount(many + 20)
    assert counts.min() > 0.6 * counts.mean()
    assert not epochs(jitter=0, reverse_share=0).epoch(1).moves.any()


def test_a_batch_depends_on_step_and_seed_alone():
    one, two = epochs(), epochs()
    for step in (9, 2, 5, 2):
        expected, found = one.batch(step), two.batch(step)
        for part in ("rows", "moves", "reverse"):
            np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
        one.batch(0)  # what was asked before does not matter
    assert not np.array_equal(epochs(seed=2).batch(0).rows, one.batch(0).rows)


def test_without_a_share_all_negatives_are_in_every_epoch():
    drawn = Epochs(np.empty(0, int), NONPEAKS, None, 0, 0.5, 32, 1)
    assert (drawn.size, drawn.steps) == (60, 2)
    assert np.array_equal(np.sort(drawn.epoch(1).rows), NONPEAKS)
    with pytest.raises(InputError, match="60 training regions without peak, expected 100 or more"):
        epochs(negatives=1.0)

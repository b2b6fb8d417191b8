"""Read check: what it sees in good and bad files, what it says, and that a named remedy works."""

import dataclasses
import gzip

import numpy as np
import polars as pl
import pytest

from cisflow.figures.read_check import plot_read_check
from cisflow.problems import InputError
from cisflow.reads.check import Lane, check_reads
from cisflow.reads.count import ReadSettings
from cisflow.reads.overlaps import find_overlaps
from cisflow.reads.ragged import Sequences

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
SETTINGS = ReadSettings(f"{DISTAL} {{variable:48-112}} {PROXIMAL}", 40, 15, 0.75, 2, True, "forward")
N = 300


def turn(text):
    return text[::-1].translate(str.maketrans("ACGTN", "TGCAN"))


def random_parts(n=N, length=80, seed=4):
    rng = np.random.default_rng(seed)
    return ["".join(row) for row in rng.choice(list("ACGT"), (n, length))]


def amplicons(**options):
    return [DISTAL + part + PROXIMAL for part in random_parts(**options)]


def write(path, reads, quality="I"):
    text = "".join(f"@r{i}\n{bases}\n+\n{quality * len(bases)}\n" for i, bases in enumerate(reads))
    path.write_bytes(gzip.compress(text.encode(), 1))
    return str(path)


def pairs(folder, fragments, length=76, name="b", adapter="", **lane):
    ends = [fragment + adapter for fragment in fragments], [turn(fragment) + adapter for fragment in fragments]
    files = [write(folder / f"{name}_{i}.fq.gz", [read[:length] for read in reads]) for i, reads in enumerate(ends, 1)]
    return Lane(name, 1, *files, **lane)


def check(lane, settings=SETTINGS, most=100_000):
    checked = check_reads([lane], settings, most, "lib")
    row = checked.table.row(0, named=True)
    assert [problem.what for problem in checked.problems] == (
        [f"bin {lane.bin!r} will not work: {row['reason']}"] if row["verdict"] == "will not work" else []
    )
    return row


def test_good_pairs(tmp_path):
    row = check(pairs(tmp_path, amplicons()))
    assert (row["verdict"], row["reason"]) == ("ok", "")
    assert (row["reads"], row["merged"], row["kept"], row["overlap_seen"]) == (N, 1.0, 1.0, 1.0)
    assert (row["overlap_low"], row["overlap_median"], row["overlap_high"]) == (42, 42, 42)
    assert (row["insert_median"], row["variable_median"]) == (110, 80)
    assert (row["read1_forward"], row["read2_reverse"], row["read2_forward"]) == (1.0, 1.0, 0.0)
    assert (row["read1_length"], row["read1_quality"], row["read1_n"]) == ("76", 40.0, 0.0)


def test_only_the_first_reads_are_looked_at(tmp_path):
    lane = pairs(tmp_path, amplicons()[:200] + random_parts(300, 110, 5))
    row = check(lane, most=200)
    assert (row["reads"], row["verdict"], row["kept"]) == (200, "ok", 1.0)
    assert check(lane)["verdict"] == "warn"


def test_another_overlap(tmp_path):
    fragments = [
        DISTAL + part[:n] + PROXIMAL for part, n in zip(random_parts(length=90), [85, 86, 87] * 100, strict=True)
    ]
    settings = dataclasses.replace(SETTINGS, expected_overlap=40, overlap_tolerance=2)
    row = check(pairs(tmp_path, fragments), settings)
    assert row["verdict"] == "will not work"
    assert row["reason"].startswith(
        "the overlap seen is 35 to 37, the config expects 40 +- 2 and merges 0.0 %: set reads.expected_overlap: 36"
    )
    assert "overlap_tolerance" not in row["reason"]
    mended = check(pairs(tmp_path, fragments), dataclasses.replace(settings, expected_overlap=36))
    assert (mended["verdict"], mended["kept"]) == ("ok", 1.0)


def test_a_wider_range_of_overlaps(tmp_path):
    parts = zip(random_parts(length=99), np.linspace(50, 98, N).astype(int), strict=True)
    fragments = [DISTAL + part[:n] + PROXIMAL for part, n in parts]
    settings = dataclasses.replace(SETTINGS, overlap_tolerance=5)
    reason = check(pairs(tmp_path, fragments), settings)["reason"]
    assert "set reads.expected_overlap: 49 and reads.overlap_tolerance: 22 (merges 9" in reason


def test_swapped_mates(tmp_path):
    lane = pairs(tmp_path, amplicons())
    row = check(dataclasses.replace(lane, read1=lane.read2, read2=lane.read1))
    assert row["verdict"] == "will not work"
    assert "mates look swapped" in row["reason"]
    assert "exchange read1 and read2 in the reads sheet" in row["reason"]
    assert (row["read1_reverse"], row["read2_forward"], row["found_reverse"]) == (1.0, 1.0, 1.0)


def test_overlap_and_swapped_mates_at_once(tmp_path):
    lane = pairs(tmp_path, amplicons())
    settings = dataclasses.replace(SETTINGS, expected_overlap=60, overlap_tolerance=5)
    reason = check(dataclasses.replace(lane, read1=lane.read2, read2=lane.read1), settings)["reason"]
    assert "set reads.expected_overlap: 42" in reason
    assert "mates look swapped" in reason


def test_single_reads_of_the_reverse_or_both_strands(tmp_path):
    forward = amplicons()
    reverse = check(Lane("b", 1, write(tmp_path / "r.fq.gz", [turn(a) for a in forward])))
    assert reverse["verdict"] == "will not work"
    assert reverse["reason"].startswith("flanks found on the reverse strand in 100.0 %: set reads.orientation: either")
    lane = Lane("b", 1, write(tmp_path / "m.fq.gz", [turn(a) if i % 3 else a for i, a in enumerate(forward)]))
    mixed = check(lane)
    assert mixed["verdict"] == "warn"
    assert (
        "forward strand in 33.3 % and on the reverse strand in 66.7 %: set reads.orientation: either" in mixed["reason"]
    )
    assert check(lane, dataclasses.replace(SETTINGS, orientation="either"))["verdict"] == "ok"


def test_reads_through_the_fragment(tmp_path):
    fragments = [DISTAL + part[:30] + PROXIMAL for part in random_parts()]
    row = check(pairs(tmp_path, fragments, adapter="AGATCGGAAGAGCACACGTC"))
    assert (row["verdict"], row["read_through"], row["insert_median"]) == ("will not work", 1.0, 60)
    assert "the fragment (60 bases) is shorter than a read" in row["reason"]


def test_unrelated_mates(tmp_path):
    lane = Lane("b", 1, *(write(tmp_path / f"{i}.fq.gz", random_parts(length=76, seed=i)) for i in (1, 2)))
    row = check(lane)
    assert row["verdict"] == "will not work"
    assert "the mates overlap in 0.0 % of the pairs only" in row["reason"]


def test_literals_of_another_library(tmp_path):
    row = check(pairs(tmp_path, [DISTAL + part + "CATGGACCTAGAT" for part in random_parts()]))
    assert row["verdict"] == "will not work"
    assert f"(found anywhere: {DISTAL} in 100.0 %, {PROXIMAL} in 0.0 %): check reads.structure" in row["reason"]


def test_reads_too_short_for_the_structure(tmp_path):
    row = check(Lane("b", 1, write(tmp_path / "s.fq.gz", [a[:70] for a in amplicons()])))
    assert "the reads have 70 bases, the structure needs 78" in row["reason"]


def test_another_length(tmp_path):
    settings = dataclasses.replace(SETTINGS, structure=f"{DISTAL} {{variable:60-70}} {PROXIMAL}")
    row = check(pairs(tmp_path, amplicons()), settings)
    assert row["verdict"] == "will not work"
    assert (
        "the variable part has 80 bases, reads.structure keeps 60 to 70 (0.0 %): write {variable:80-80}"
        in row["reason"]
    )


def test_barcodes_and_umis(tmp_path):
    reads = [("ACGTAC" if i % 4 else "TTGGCC") + a + "ACGTACGT" for i, a in enumerate(amplicons())]
    lane = Lane("b", 1, write(tmp_path / "c.fq.gz", reads), barcode="ACGTAC")
    settings = dataclasses.replace(SETTINGS, structure="{barcode:6}" + SETTINGS.structure + "{umi:8}")
    row = check(lane, settings)
    assert (row["verdict"], row["kept"], row["barcode"]) == ("warn", 1.0, 0.75)
    assert "the UMI is ACGTACGT in 100.0 % of the reads" in row["reason"]
    wrong = check(dataclasses.replace(lane, barcode="GGGGGG"), settings)
    assert wrong["verdict"] == "will not work"
    assert "no read has the barcode GGGGGG; the most frequent are ACGTAC, TTGGCC" in wrong["reason"]


def test_bad_quality_and_unknown_bases(tmp_path):
    reads = [a[:20] + "NNN" + a[23:] for a in amplicons()]
    row = check(Lane("b", 1, write(tmp_path / "q.fq.gz", reads, quality="%")))
    assert "the mean base quality is 4.0" in row["reason"]
    assert "2.7 % of the bases are N" in row["reason"]


def test_few_reads_stop_nothing(tmp_path):
    row = check(pairs(tmp_path, random_parts(20, 110)))
    assert row["verdict"] == "warn"
    assert row["reason"].endswith("only 20 reads, too few to be sure")


def test_all_lanes_and_all_broken_files_are_told(tmp_path):
    good = pairs(tmp_path, amplicons(), name="good")
    swapped = dataclasses.replace(good, bin="swapped", read1=good.read2, read2=good.read1)
    checked = check_reads([good, swapped, dataclasses.replace(good, lane=2)], SETTINGS, 1000, "lib")
    assert checked.table["verdict"].to_list() == ["ok", "will not work", "ok"]
    assert len(checked.problems) == 1
    empty = Lane("empty", 1, write(tmp_path / "empty.fq.gz", []))
    letters = Lane("letters", 1, write(tmp_path / "letters.fq.gz", ["ACGJ"]))
    with pytest.raises(InputError) as error:
        check_reads([good, empty, swapped, letters], SETTINGS, 1000, "lib")
    assert len(error.value.problems) == 3
    for part in ("empty.fq.gz: no reads", "'J'", "mates look swapped"):
        assert part in str(error.value)


def test_overlaps_as_found_by_hand():
    fragment = random_parts(1, 60)[0]
    read1 = [fragment[:40], fragment[:40], fragment + "ACG", fragment[:40]]
    read2 = [turn(fragment)[:40], turn(fragment[:45])[:40], turn(fragment) + "GG", turn(fragment)[:31]]
    found = find_overlaps(*(Sequences.from_series(pl.Series(reads)) for reads in (read1, read2)))
    assert found.found.tolist() == [True, True, True, False]  # an overlap of 11 is too short
    assert found.insert[:3].tolist() == [60, 45, 60]
    assert found.overlap[:2].tolist() == [20, 35]
    assert found.read_through.tolist() == [False, False, True, False]


def test_figure(tmp_path):
    lanes = [pairs(tmp_path, amplicons(seed=i), name=f"bin{i}") for i in range(3)]
    checked = check_reads(lanes, SETTINGS, 1000, "lib")
    svg = tmp_path / "check.svg"
    plot_read_check(checked.table.to_pandas(), checked.histogram.to_pandas(), "lib", (25, 55), (48, 112), svg)
    assert svg.with_suffix(".png").stat().st_size > 10_000
    assert "100.0 % of the reads are kept in the median file" in svg.with_suffix(".json").read_text()


def test_real_amplicons_merge_and_real_hic_mates_do_not(shared_data):
    amplicon = dataclasses.replace(SETTINGS, structure="{variable:240-265}", expected_overlap=247)
    folder = shared_data / "fastq_overlapping"
    lane = Lane("sam1", 1, str(folder / "dada2_sam1F.fastq.gz"), str(folder / "dada2_sam1R.fastq.gz"))
    row = check(lane, amplicon)
    assert (row["verdict"], row["reads"]) == ("ok", 1500)
    assert row["merged"] == pytest.approx(1445 / 1500)
    assert (row["overlap_median"], row["insert_median"]) == (247, 253)  # as its authors state
    wrong = check(lane, dataclasses.replace(amplicon, expected_overlap=40))
    assert wrong["verdict"] == "will not work"
    assert (
        "the overlap seen is 247, the config expects 40 +- 15 and merges 0.0 %: set reads.expected_overlap: 247"
        in (wrong["reason"])
    )
    folder = shared_data / "fastq_nonoverlapping"
    hic = Lane("hic", 1, *(str(folder / f"SRR2601848_{i}.fastq.gz") for i in (1, 2)))
    row = check(hic, dataclasses.replace(SETTINGS, structure="{variable:37-60}"))
    assert row["verdict"] == "will not work"
    assert row["merged"] == pytest.approx(2 / 10_000)
    assert row["reason"].startswith("the mates overlap in 0.1 % of the pairs only")


def test_real_single_reads_of_both_strands(shared_data):
    settings = dataclasses.replace(SETTINGS, structure="TAAGTGCATT {variable:66-84} TTTGCCCTTC", flank_mismatches=1)
    lane = Lane("lib1", 1, str(shared_data / "sortseq" / "facs_seq_tnac" / "Lib1.fq.gz"))
    row = check(lane, settings)
    assert row["verdict"] == "warn"
    assert (
        "forward strand in 52.4 % and on the reverse strand in 47.0 %: set reads.orientation: either" in row["reason"]
    )
    assert check(lane, dataclasses.replace(settings, orientation="either"))["verdict"] == "ok"

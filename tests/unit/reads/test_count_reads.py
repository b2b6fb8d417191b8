"""Counting: exact counts and funnel on made-up pairs, whatever the block size; settings; real single-end reads."""

import dataclasses
import gzip

import numpy as np
import polars as pl
import pytest

from cisflow.files import write_table
from cisflow.problems import InputError
from cisflow.reads.count import ReadSettings, count_reads

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
SETTINGS = ReadSettings(
    structure=f"{DISTAL} {{variable:70-90}} {PROXIMAL}",
    expected_overlap=40,
    overlap_tolerance=15,
    min_identity=0.75,
    flank_mismatches=2,
    keep_flanks=True,
    orientation="forward",
)
TNAC = dataclasses.replace(
    SETTINGS,
    structure="TAAGTGCATT {variable:66-84} TTTGCCCTTC",
    flank_mismatches=1,
    keep_flanks=False,
    orientation="either",
)


def reverse_complement(text):
    return text[::-1].translate(str.maketrans("ACGTN", "TGCAN"))


def write_fastq(path, reads):
    text = "".join(f"@r{i}\n{bases}\n+\n{'I' * len(bases)}\n" for i, bases in enumerate(reads))
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def write_pairs(folder, amplicons, name="lane"):
    return (
        write_fastq(folder / f"{name}_R1.fastq.gz", [a[:76] for a in amplicons]),
        write_fastq(folder / f"{name}_R2.fastq.gz", [reverse_complement(a)[:76] for a in amplicons]),
    )


@pytest.fixture
def variable():
    rng = np.random.default_rng(7)
    return ["".join(rng.choice(list("ACGT"), 80)) for _ in range(5)]


@pytest.fixture
def library(variable):
    """Pairs, and what they must come to."""
    whole = [DISTAL + v + PROXIMAL for v in variable]
    flank_error = "A" + whole[1][1:]
    amplicons = whole[:1] * 5 + whole[1:2] * 3 + [flank_error] * 2 + whole[2:3] * 3
    amplicons += [DISTAL + variable[3][:60] + PROXIMAL + "ACGTACGTACGTACGTACGT"]  # too short
    amplicons += [DISTAL + variable[3][:20] + "N" + variable[3][21:] + PROXIMAL] * 2
    amplicons += ["ACGTACGTAC" * 11]  # no flanks
    amplicons += [whole[4] + "ACGT" * 20]  # too long to overlap
    return amplicons, whole, flank_error


@pytest.mark.parametrize("block_bytes", [300, 1 << 24])
def test_counts_and_funnel_are_exact(tmp_path, library, block_bytes):
    amplicons, whole, flank_error = library
    read1, read2 = write_pairs(tmp_path, amplicons)
    counts = count_reads([read1], [read2], SETTINGS, block_bytes=block_bytes)
    assert counts.table.rows() == sorted([(whole[0], 5), (whole[1], 3), (whole[2], 3), (flank_error, 2)])
    assert counts.table.schema == {"sequence": pl.String, "reads": pl.UInt32}
    assert counts.funnel == {
        "read pairs": 18,
        "merged": 17,
        "flanks found": 16,
        "length kept": 15,
        "without N": 13,
        "unique sequences": 4,
    }


def test_variable_part_alone_joins_reads_that_differ_in_the_flanks(tmp_path, library, variable):
    read1, read2 = write_pairs(tmp_path, library[0])
    counts = count_reads([read1], [read2], dataclasses.replace(SETTINGS, keep_flanks=False))
    assert sorted(counts.table.rows()) == sorted([(variable[0], 5), (variable[1], 5), (variable[2], 3)])


def test_lanes_are_added_and_do_not_depend_on_their_order(tmp_path, library):
    lanes = [write_pairs(tmp_path, part, f"lane{i}") for i, part in enumerate((library[0][:7], library[0][7:]))]
    together = write_pairs(tmp_path, library[0], "all")
    results = [
        count_reads([lane[0] for lane in files], [lane[1] for lane in files], SETTINGS)
        for files in (lanes, lanes[::-1], [together])
    ]
    for i, result in enumerate(results):
        write_table(result.table, tmp_path / f"{i}.parquet")
        assert result.funnel == results[0].funnel
    assert len({(tmp_path / f"{i}.parquet").read_bytes() for i in range(3)}) == 1


def test_merged_reads_need_no_read_2(tmp_path, library):
    amplicons = library[0][:13]
    counts = count_reads([write_fastq(tmp_path / "merged.fastq", amplicons)], [], SETTINGS)
    assert "merged" not in counts.funnel
    assert counts.funnel["reads"] == counts.table["reads"].sum() == 13


def test_merge_rule_reaches_the_counts(tmp_path):
    amplicon = DISTAL + "A" * 36 + "CGTC" + "A" * 40 + PROXIMAL
    read1, read2 = write_pairs(tmp_path, [amplicon])
    lengths = {}
    for rule in ("published", "best"):
        counts = count_reads([read1], [read2], dataclasses.replace(SETTINGS, merge_rule=rule))
        lengths[rule] = counts.table["sequence"].str.len_chars().to_list()
    assert lengths == {"published": [112], "best": [110]}


def test_funnel_of_each_file(tmp_path, library):
    lanes = [write_pairs(tmp_path, part, f"lane{i}") for i, part in enumerate((library[0][:7], library[0][7:]))]
    counts = count_reads([lane[0] for lane in lanes], [lane[1] for lane in lanes], SETTINGS)
    table = counts.funnel_table("lib", "bin0")
    steps = ["read pairs", "merged", "flanks found", "length kept", "without N"]
    assert table["file"].to_list() == ["lane0_R1.fastq.gz"] * 5 + ["lane1_R1.fastq.gz"] * 5 + ["all"]
    assert table["step"].to_list() == [*steps, *steps, "unique sequences"]
    assert table["count"].to_list() == [7] * 5 + [11, 10, 9, 8, 6] + [4]
    assert counts.funnel["read pairs"] == 18


def test_only_some_lanes_with_read_2(tmp_path, library):
    one, two = write_pairs(tmp_path, library[0])
    with pytest.raises(InputError, match="2 lanes of bin00 have read1, but 1 have read2"):
        count_reads([one, one], [two], SETTINGS, what="bin00")


def test_no_read_left_gives_an_empty_table(tmp_path):
    counts = count_reads([write_fastq(tmp_path / "junk.fastq", ["ACGT" * 20])], [], SETTINGS)
    assert counts.table.is_empty()
    assert counts.funnel["unique sequences"] == 0
    assert counts.funnel_table("lib", "b").columns == ["library", "bin", "file", "step", "count"]


def test_reverse_reads_are_turned_round(tmp_path, library, variable):
    reads = [library[1][0], reverse_complement(library[1][0]), reverse_complement(library[1][1])]
    path = write_fastq(tmp_path / "mixed.fastq", reads)
    assert len(count_reads([path], [], SETTINGS).table) == 1
    both = count_reads([path], [], dataclasses.replace(SETTINGS, orientation="either", keep_flanks=False))
    assert sorted(both.table.rows()) == sorted([(variable[0], 2), (variable[1], 1)])


def test_settings_that_cannot_work():
    with pytest.raises(InputError, match="91 is greater than 90"):
        dataclasses.replace(SETTINGS, structure="ACGT {variable:91-90}", orientation="either")
    with pytest.raises(InputError, match="'either' needs constant bases"):
        dataclasses.replace(SETTINGS, structure="{variable:70-90}", orientation="either")


def test_few_merged_pairs_are_told(tmp_path, caplog):
    rng = np.random.default_rng(8)
    reads = ["".join(rng.choice(list("ACGT"), 76)) for _ in range(40)]
    files = write_fastq(tmp_path / "1.fastq", reads[:20]), write_fastq(tmp_path / "2.fastq", reads[20:])
    with caplog.at_level("WARNING", logger="cisflow"):
        count_reads([files[0]], [files[1]], SETTINGS, what="random bin00")
    assert "random bin00: only 0.0 % of the pairs merged" in caplog.text


def test_real_single_end_reads_of_both_strands(shared_data):
    folder = shared_data / "sortseq" / "facs_seq_tnac"
    both = count_reads([folder / "Lib1.fq.gz"], [], TNAC)
    assert both.funnel == {
        "reads": 20000,
        "flanks found": 19882,  # 99.4 %
        "length kept": 19874,
        "without N": 19874,
        "unique sequences": 5054,
    }
    forward = count_reads([folder / "Lib1.fq.gz"], [], dataclasses.replace(TNAC, orientation="forward"))
    assert forward.funnel["flanks found"] == 10487
    ordered = pl.read_csv(folder / "library.tsv.gz", separator="\t", has_header=False, new_columns=["id", "sequence"])
    exact = both.table.join(ordered, on="sequence")["reads"].sum()
    assert exact / both.table["reads"].sum() == pytest.approx(0.759, abs=0.001)

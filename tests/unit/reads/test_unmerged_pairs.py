"""Pairs whose mates do not overlap: a structure for each mate, counted without merging."""

import dataclasses

import numpy as np
import pytest

from cisflow.problems import InputError
from cisflow.reads.check import Lane, check_reads
from cisflow.reads.count import ReadSettings, count_reads

LINE = "TTAGGCAT {variable:20} / {umi:8} GGAACCTA"
SETTINGS = ReadSettings(LINE, 40, 15, 0.75, 1, False, "forward")


def write(path, reads):
    path.write_text("".join(f"@r{i}\n{bases}\n+\n{'I' * len(bases)}\n" for i, bases in enumerate(reads)))
    return str(path)


@pytest.fixture
def pairs(tmp_path):
    """400 pairs of 10 elements; each molecule twice, 20 pairs of something else."""
    rng = np.random.default_rng(12)
    parts = ["".join(row) for row in rng.choice(list("ACGT"), (10, 20))]
    umis = ["".join(row) for row in rng.choice(list("ACGT"), (200, 8))]
    first = ["C" * (i % 3) + "TTAGGCAT" + parts[i % 10] + "ACGTACGTAA" for i in range(200)] * 2
    second = [umi + "GGAACCTA" + "CATCATCATG" for umi in umis] * 2
    first[:20] = ["ACGT" * 10] * 20
    return write(tmp_path / "1.fq", first), write(tmp_path / "2.fq", second), parts, umis


def test_molecules_are_counted_without_merging(pairs):
    read1, read2, parts, umis = pairs
    counts = count_reads([read1], [read2], SETTINGS)
    assert len(set(umis)) == 200
    assert dict(counts.table.rows()) == dict.fromkeys(parts, 20)  # the second copies of the 20 are left
    assert counts.funnel == {
        "read pairs": 400,
        "flanks found": 380,
        "length kept": 380,
        "without N": 380,
        "molecules": 200,
        "unique sequences": 10,
    }


@pytest.mark.parametrize("shards", [1, 3])
def test_the_variable_part_may_be_in_read_2(pairs, shards):
    read1, read2, parts, _ = pairs
    exchanged = dataclasses.replace(SETTINGS, structure=" / ".join(LINE.split(" / ")[::-1]), shards=shards)
    assert dict(count_reads([read2], [read1], exchanged).table.rows()) == dict.fromkeys(parts, 20)


def test_read_2_is_needed(pairs):
    with pytest.raises(InputError, match=r"bin01 has no read2, but reads\.structure has a part for each mate"):
        count_reads([pairs[0]], [], SETTINGS, what="bin01")


def test_the_read_check_judges_each_mate(pairs):
    read1, read2, _, _ = pairs
    lane = Lane("b", 1, read1, read2)
    row = check_reads([lane], SETTINGS, 1000, "lib").table.row(0, named=True)
    assert (row["verdict"], row["kept"], row["merged"], row["overlap_seen"]) == ("ok", 0.95, None, None)
    assert (row["read1_forward"], row["read2_forward"], row["read2_reverse"]) == (0.95, 1.0, 0.0)
    checked = check_reads([dataclasses.replace(lane, read1=read2, read2=read1)], SETTINGS, 1000, "lib")
    assert checked.table["verdict"].to_list() == ["will not work"]
    assert (
        "mates look swapped (reads.structure fits 95.0 % of the pairs the other way round)" in checked.problems[0].what
    )

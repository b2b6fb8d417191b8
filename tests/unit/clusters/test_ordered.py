"""Ordered sequences: forms, flanks, and everything that is refused."""

import dataclasses
import gzip

import numpy as np
import pytest

from cisflow.clusters.ordered import ordered_library, read_ordered
from cisflow.problems import InputError
from cisflow.reads.count import ReadSettings

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
SETTINGS = ReadSettings(f"{DISTAL} {{variable:48-112}} {PROXIMAL}", 40, 15, 0.75, 2, True, "forward")
RNG = np.random.default_rng(3)
VARIABLE = ["".join(RNG.choice(list("ACGT"), 80)) for _ in range(4)]


def write(path, rows):
    path.write_text("".join(f"{name}\t{sequence}\n" for name, sequence in rows))
    return path


def library(path, settings):
    return ordered_library(path, settings.parsed, settings.keep_flanks)


def problems(path, settings=SETTINGS):
    with pytest.raises(InputError) as error:
        library(path, settings)
    return str(error.value)


@pytest.mark.parametrize("form", ["table", "csv", "fasta", "wrapped", "gzip", "crlf"])
def test_forms_give_the_same_library(tmp_path, form):
    rows = [(f"v{i}", v) for i, v in enumerate(VARIABLE)]
    path = tmp_path / ("ordered.csv" if form == "csv" else "ordered.txt")
    if form in ("fasta", "wrapped"):
        cut = 80 if form == "fasta" else 33
        text = "".join(
            f">{n} a remark\n" + "\n".join(v[i : i + cut] for i in range(0, 80, cut)) + "\n" for n, v in rows
        )
    else:
        end = "\r\n" if form == "crlf" else "\n"
        text = "".join(f"{n}{',' if form == 'csv' else chr(9)}{v.lower() if n == 'v1' else v}{end}" for n, v in rows)
    path.write_bytes(gzip.compress(text.encode()) if form == "gzip" else text.encode())
    table = library(path, SETTINGS).table
    assert table["element"].to_list() == ["v0", "v1", "v2", "v3"]
    assert table["variable"].to_list() == VARIABLE


@pytest.mark.parametrize("before", ["", DISTAL, "ACCGGT" + DISTAL])
@pytest.mark.parametrize("keep_flanks", [True, False])
def test_ordered_with_and_without_flanks_come_to_the_form_of_the_reads(tmp_path, before, keep_flanks):
    after = PROXIMAL + "AAGCTT" if before.startswith("ACC") else PROXIMAL if before else ""
    path = write(tmp_path / "o.tsv", [(f"v{i}", before + v + after) for i, v in enumerate(VARIABLE)])
    table = library(path, dataclasses.replace(SETTINGS, keep_flanks=keep_flanks)).table
    assert table["variable"].to_list() == VARIABLE
    expected = [DISTAL + v + PROXIMAL if keep_flanks else v for v in VARIABLE]
    assert table["sequence"].to_list() == expected


def test_flanks_in_only_some(tmp_path):
    path = write(tmp_path / "o.tsv", [("a", DISTAL + VARIABLE[0] + PROXIMAL), ("b", VARIABLE[1])])
    assert "row 2: 'b' lacks the flanks" in problems(path)


def test_no_flanks_configured(tmp_path):
    path = write(tmp_path / "o.tsv", [("a", VARIABLE[0])])
    table = library(path, dataclasses.replace(SETTINGS, structure="{variable:48-112}")).table
    assert table.rows() == [("a", VARIABLE[0], VARIABLE[0])]


def test_lengths_that_no_counted_read_can_have(tmp_path):
    path = write(tmp_path / "o.tsv", [("a", VARIABLE[0]), ("b", VARIABLE[1][:40])])
    assert "row 2: 'b' has 40 bases between the flanks, but reads are kept from 48 to 112" in problems(path)


def test_every_problem_is_told(tmp_path):
    rows = [("id", "sequence"), ("a", VARIABLE[0]), ("a", VARIABLE[1]), ("", VARIABLE[2]), ("d", "ACGNT")]
    said = problems(write(tmp_path / "o.tsv", rows))
    assert "4 problems with the input" in said
    assert "row 1: sequence 'SEQUENCE' of 'id' is not made of A, C, G and T (the table must not have a header)" in said
    assert "row 3: id 'a' was already given in row 2; ids must be unique" in said
    assert "row 4: the id is empty" in said
    assert "row 5: sequence 'ACGNT' of 'd' is not made of A, C, G and T" in said


def test_same_sequence_twice(tmp_path):
    said = problems(write(tmp_path / "o.tsv", [("a", VARIABLE[0]), ("b", VARIABLE[1]), ("c", VARIABLE[0])]))
    assert "'c' has the same sequence as 'a'; their reads cannot be told apart" in said


def test_many_problems_are_cut_short(tmp_path):
    said = problems(write(tmp_path / "o.tsv", [(f"v{i}", "NNN") for i in range(50)]))
    assert said.count("is not made of") == 20
    assert "and 30 more problems like these" in said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"a b ACGT\n", "has 1 cells; expected 2: id and sequence, separated by '\\\\t'"),
        (gzip.compress(b"a\tACGT\n", mtime=0)[:-9], "the gzip file is truncated or damaged"),
        (b"\x89PNG\xff", "not a text file"),
        (b">a\n>b\nACGT\n", "sequence '' of 'a' is not made of"),
    ],
)
def test_files_that_are_something_else(tmp_path, data, said):
    path = tmp_path / "o.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=said):
        read_ordered(path)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none.tsv: file not found; expected FASTA, or a table"):
        read_ordered(tmp_path / "none.tsv")


def test_real_library(shared_data):
    table = read_ordered(shared_data / "sortseq" / "facs_seq_tnac" / "library.tsv.gz")
    assert len(table) == 1450
    assert set(table["sequence"].str.len_bytes()) == {75}

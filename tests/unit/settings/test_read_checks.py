"""Read structure and barcodes are checked against the sheets before any job starts."""

import pytest
import yaml

from cisflow.problems import InputError
from cisflow.settings.study import read_study
from conftest import CHECKOUT

SCHEMAS = CHECKOUT / "workflow" / "schemas"


def study(folder, reads, structure="{barcode:6} TTAGGC {variable:20}", source="fastq", **settings):
    """A library of two bins with these rows of the reads sheet (bin, file, barcode)."""
    config = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())
    config["data_dir"] = str(folder)
    config["sheets"] = {**dict.fromkeys(config["sheets"]), **{n: f"{n}.tsv" for n in ("libraries", "bins", "reads")}}
    config["reads"].update(structure=structure, **settings)
    for name in {row[1] for row in reads}:
        (folder / name).touch()
    (folder / "libraries.tsv").write_text(f"library\tkind\tsource\tmethods\nlib\trandom\t{source}\tbin-mean\n")
    (folder / "bins.tsv").write_text("library\tbin\trole\tposition\nlib\ta\tsorted\t0\nlib\tb\tsorted\t1\n")
    rows = "".join("\t".join(("lib", *row)) + "\n" for row in reads)
    (folder / "reads.tsv").write_text("library\tbin\tread1\tbarcode\n" + rows)
    return read_study(config, SCHEMAS, CHECKOUT)


def problems(*arguments, **settings):
    with pytest.raises(InputError) as error:
        study(*arguments, **settings)
    return str(error.value)


def test_bins_that_share_a_file(tmp_path):
    found = study(tmp_path, [("a", "x.fq", "ACGTAC"), ("b", "x.fq", "TGCTAC")])
    assert [row["barcode"] for row in (found.reads["lib", "a"][0], found.reads["lib", "b"][0])] == ["ACGTAC", "TGCTAC"]


def test_barcodes_too_near(tmp_path):
    rows = [("a", "x.fq", "ACGTAC"), ("b", "x.fq", "ACGTTG")]
    said = problems(tmp_path, rows)
    assert "reads.tsv row 3, column \"barcode\": 'ACGTTG' and 'ACGTAC' of row 2 differ in 2 bases" in said
    assert "must differ in 3 or more" in said
    assert study(tmp_path, rows, barcode_mismatches=0)
    assert study(tmp_path, [rows[0], ("b", "y.fq", "ACGTAC")])  # another file: no need to tell them apart


def test_missing_wrong_and_unexpected_barcodes(tmp_path):
    said = problems(tmp_path, [("a", "x.fq", "ACGT"), ("b", "x.fq", "")])
    assert "row 2, column \"barcode\": 'ACGT' has 4 bases; reads.structure has {barcode:6}" in said
    assert 'row 3, column "barcode": empty; required because reads.structure has {barcode:6}' in said
    said = problems(tmp_path, [("a", "x.fq", "ACGT"), ("b", "y.fq", "")], "TTAGGC {variable:20}")
    assert "row 2, column \"barcode\": 'ACGT': reads.structure has no barcode; add {barcode:4}" in said


def test_one_file_for_two_bins_without_barcodes(tmp_path):
    said = problems(tmp_path, [("a", "x.fq", ""), ("b", "x.fq", "")], "TTAGGC {variable:20}")
    assert "row 3, column \"read1\": x.fq is also the file of bin 'a' (row 2)" in said


def test_simulated_reads_are_plain(tmp_path):
    said = problems(tmp_path, [("a", "x.fq", "ACGTAC"), ("b", "y.fq", "ACGTAC")], source="simulated")
    assert "libraries.tsv row 2, column \"source\": 'simulated' reads have flanks and a variable part only" in said


def test_a_structure_for_each_mate_needs_read_2(tmp_path):
    said = problems(tmp_path, [("a", "x.fq", ""), ("b", "y.fq", "")], "TTAGGC {variable:20} / {umi:8} GG")
    assert 'row 2, column "read2": empty; required because reads.structure has a part for each mate' in said
    assert 'row 3, column "read2": empty' in said


def test_structure_and_strand(tmp_path):
    rows = [("a", "x.fq", ""), ("b", "y.fq", "")]
    assert "no variable part" in problems(tmp_path, rows, "TTAGGC")
    said = problems(tmp_path, rows, "{variable:20}", orientation="either")
    assert "column \"reads.orientation\": 'either' needs constant bases" in said

"""Genes, peaks and signals of regions: formats, coordinates, and files that are none."""

import gzip

import numpy as np
import pyBigWig
import pytest

from cisflow.contacts.annotation import read_features, signal_means
from cisflow.contacts.regions import Region
from cisflow.problems import InputError

GTF = """#!genome-build toy
chr1\tx\tgene\t101\t200\t.\t+\t.\tgene_id "g1"; gene_name "ABC1";
chr1\tx\texon\t101\t120\t.\t+\t.\tgene_id "g1"; gene_name "ABC1";
chr1\tx\tgene\t501\t900\t.\t-\t.\tgene_id "g2";
chr2\tx\tgene\t1\t50\t.\t-\t.\tgene_id "g3";
"""
EXONS = """chr1\tx\texon\t301\t400\t.\t-\t.\tgene_id "g1"; transcript_id "t1";
chr1\tx\texon\t101\t120\t.\t-\t.\tgene_id "g1"; transcript_id "t1";
chr1\tx\tCDS\t51\t60\t.\t-\t.\tgene_id "g1"; transcript_id "t1";
"""
GFF = """##gff-version 3
chr1\tx\tgene\t101\t200\t.\t+\t.\tID=gene1;Name=ABC1
chr1\tx\tmRNA\t101\t200\t.\t+\t.\tID=t1;Parent=gene1
"""


def rows(table):
    return list(table.itertuples(index=False, name=None))


def test_genes_of_gtf_are_0_based_and_half_open(tmp_path):
    path = tmp_path / "genes.gtf.gz"
    path.write_bytes(gzip.compress(GTF.encode()))
    whole = read_features(path, [Region("chr1", 0, 1000)])
    assert rows(whole) == [("chr1", 100, 200, "ABC1", "+"), ("chr1", 500, 900, "g2", "-")]
    assert rows(read_features(path, [Region("chr1", 200, 500)])) == []
    assert rows(read_features(path, [Region("chr1", 199, 501), Region("chr2", 49, 90)]))[-1] == (
        "chr2",
        0,
        50,
        "g3",
        "-",
    )


def test_genes_without_a_row_of_their_own_reach_from_the_first_to_the_last_exon(tmp_path):
    (tmp_path / "exons.gtf").write_text(EXONS)
    table = read_features(tmp_path / "exons.gtf", [Region("chr1", 200, 250)])
    assert rows(table) == [("chr1", 100, 400, "g1", "-")]


def test_gff3_and_bed(tmp_path):
    (tmp_path / "genes.gff3").write_text(GFF)
    assert rows(read_features(tmp_path / "genes.gff3", [Region("chr1", 0, 500)])) == [("chr1", 100, 200, "ABC1", "+")]
    (tmp_path / "a.bed").write_text("track name=x\nchr1\t5\t9\nchr1\t2\t4\tpeak\t0\t-\nchr2\t0\t9\n")
    table = read_features(tmp_path / "a.bed", [Region("chr1", 0, 6)])
    assert rows(table) == [("chr1", 2, 4, "peak", "-"), ("chr1", 5, 9, "", ".")]


def test_faulty_intervals_are_told(tmp_path):
    (tmp_path / "a.bed").write_text("chr1\t5\t9\nchr1\t9\t5\nchr1\tx\t5\n")
    with pytest.raises(InputError, match=r"row 2: interval 9 to 5; expected whole numbers with 0 <= start < end"):
        read_features(tmp_path / "a.bed", [Region("chr1", 0, 6)])


def test_means_of_a_bigwig_by_hand_and_beyond_the_chromosome(tmp_path):
    path = str(tmp_path / "a.bw")
    with pyBigWig.open(path, "w") as file:
        file.addHeader([("chr1", 100)])
        file.addEntries(["chr1"] * 3, [0, 20, 50], ends=[10, 30, 100], values=[1.0, 3.0, 5.0])
    found = signal_means(path, Region("chr1", 0, 120), 6)
    np.testing.assert_allclose(found, [1, 3, 5, 5, 5, np.nan])
    found = signal_means(path, Region("chr1", 75, 105), 3)
    np.testing.assert_allclose(found, [5, 5, 5])
    assert np.isnan(signal_means(path, Region("chr9", 0, 10), 2)).all()
    (tmp_path / "no.bw").write_text("no")
    with pytest.raises(InputError, match="cannot be read as a bigWig file"):
        signal_means(tmp_path / "no.bw", Region("chr1", 0, 10), 2)

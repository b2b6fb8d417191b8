"""Genome sequence as codes: coordinates, ends of chromosomes, compression and bad files."""

import gzip

import numpy as np
import pytest

from cisflow.contacts import fasta as module
from cisflow.contacts.genome import Genome, one_hot_ACGT, reverse_complement
from cisflow.problems import InputError

TEXT = ">chr1 first\nACGT\nacgN\n>chr2\nTTRT\n>empty\n>chr3\r\nGG\r\nCC"


@pytest.fixture
def fasta(tmp_path):
    (tmp_path / "g.fa").write_bytes(TEXT.encode())
    return tmp_path / "g.fa"


def test_codes_and_lengths(fasta):
    genome = Genome(fasta)
    assert genome.lengths == {"chr1": 8, "chr2": 4, "empty": 0, "chr3": 4}
    assert genome.codes("chr1", 0, 8).tolist() == [0, 1, 2, 3, 0, 1, 2, 4]
    assert genome.codes("chr2", 1, 3).tolist() == [3, 4]
    assert genome.codes("chr3", 0, 4).tolist() == [2, 2, 1, 1]
    assert genome.codes("chr1", 0, 8).dtype == np.uint8


@pytest.mark.parametrize(
    ("start", "end", "codes"),
    [(-2, 2, [4, 4, 0, 1]), (6, 10, [2, 4, 4, 4]), (-5, -3, [4, 4]), (20, 22, [4, 4]), (3, 3, [])],
)
def test_positions_outside_are_unknown(fasta, start, end, codes):
    assert Genome(fasta).codes("chr1", start, end).tolist() == codes


@pytest.mark.parametrize("block", [1, 3, 7, 1 << 20])
def test_any_block_size_and_compression_give_the_same(fasta, tmp_path, monkeypatch, block):
    monkeypatch.setattr(module, "BLOCK", block)
    (tmp_path / "g.fa.gz").write_bytes(gzip.compress(TEXT.encode()))
    for path in (fasta, tmp_path / "g.fa.gz"):
        genome = Genome(path)
        assert genome.lengths == {"chr1": 8, "chr2": 4, "empty": 0, "chr3": 4}
        assert genome.codes("chr1", 0, 8).tolist() == [0, 1, 2, 3, 0, 1, 2, 4]


def test_only_named_records_are_kept(fasta):
    genome = Genome(fasta, chromosomes=["chr2"])
    assert genome.lengths["chr1"] == 8
    assert genome.codes("chr2", 0, 4).tolist() == [3, 3, 4, 3]
    with pytest.raises(KeyError):
        genome.codes("chr1", 0, 4)


def test_returned_codes_are_a_copy(fasta):
    genome = Genome(fasta)
    genome.codes("chr1", 0, 4)[:] = 4
    assert genome.codes("chr1", 0, 4).tolist() == [0, 1, 2, 3]


def test_one_hot_and_reverse_complement():
    codes = np.array([0, 1, 2, 3, 4, 0], dtype=np.uint8)
    one_hot = one_hot_ACGT(codes)
    assert one_hot.dtype == np.float32
    assert one_hot.shape == (4, 6)
    np.testing.assert_array_equal(one_hot[:, :4], np.eye(4))
    np.testing.assert_array_equal(one_hot[:, 4], 0.25)
    assert reverse_complement(codes).tolist() == [3, 4, 0, 1, 2, 3]
    np.testing.assert_array_equal(one_hot_ACGT(reverse_complement(codes)), one_hot[::-1, ::-1])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("g.fa", b"ACGT\n", "starts with b'ACGT.n'; expected a FASTA header"),
        ("g.fa", b">a\nA\n>a\nC\n", "'a' is there twice"),
        ("g.fa", b">\nA\n", "a record has no name"),
        ("g.fa.gz", b"no gzip", "cannot be read to its end"),
        ("g.fa.gz", gzip.compress(b">a\n" + b"ACGT" * 999, mtime=0)[:-20], "cannot be read to its end"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        Genome(tmp_path / name)


def test_missing_file_and_record(fasta, tmp_path):
    with pytest.raises(InputError, match="file not found"):
        Genome(tmp_path / "absent.fa")
    with pytest.raises(InputError, match="no record named chrX, chrY; there are chr1, chr2, empty, chr3"):
        Genome(fasta, chromosomes=["chr1", "chrX", "chrY"])


def test_yeast_genome(shared_data):
    genome = Genome(shared_data / "genome" / "sacCer3.fa.gz")
    sizes = dict(line.split() for line in (shared_data / "genome" / "sacCer3.chrom.sizes").read_text().splitlines())
    assert genome.lengths == {name: int(size) for name, size in sizes.items()}
    assert "".join("ACGTN"[c] for c in genome.codes("chrI", 0, 10)) == "CCACACCACA"
    assert not any(path.suffix in (".fai", ".gzi") for path in (shared_data / "genome").iterdir())

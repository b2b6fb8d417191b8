"""Genomes in the 2bit format: the bases of the FASTA file, at any place, in any version and byte order; bad files."""

import pickle
import struct

import numpy as np
import pyfaidx
import pytest

from cisflow.contacts import two_bit
from cisflow.contacts.genome import Genome
from cisflow.contacts.two_bit import SIGNATURE, TwoBit, write_two_bit
from cisflow.problems import InputError

LENGTHS = {"chr1": 1003, "empty": 0, "chr2": 402, "chrN": 37}


def write_fasta(path, seed=0):
    """Random bases in both cases with long and single unknown stretches, and a record of N alone."""
    rng = np.random.default_rng(seed)
    with open(path, "w") as handle:
        for name, length in LENGTHS.items():
            bases = rng.choice(list("ACGTacgt"), length)
            bases[rng.random(length) < 0.02] = "R"
            bases[100:170] = "N"
            bases[:] = bases if name != "chrN" else "n"
            lines = ("".join(bases[first : first + 60]) for first in range(0, length, 60))
            handle.write(f">{name} text\n" + "".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def files(tmp_path):
    write_two_bit(write_fasta(tmp_path / "g.fa"), tmp_path / "g.2bit")
    return tmp_path


def assert_same_bases(genome, other):
    assert genome.lengths == other.lengths == LENGTHS
    for name, length in LENGTHS.items():
        for start in (-3, 0, 1, 2, 3, 98, 101):
            for end in (start + 1, 99, 171, length - 1, length, length + 5):
                if end >= start:
                    np.testing.assert_array_equal(genome.codes(name, start, end), other.codes(name, start, end))


def test_bases_equal_the_fasta_file(files):
    before = sorted(path.name for path in files.iterdir())
    assert_same_bases(Genome(files / "g.2bit"), Genome(files / "g.fa"))
    assert sorted(path.name for path in files.iterdir()) == before == ["g.2bit", "g.fa"]


def test_bases_equal_pyfaidx(files):
    genome, peer = Genome(files / "g.2bit"), pyfaidx.Fasta(str(files / "g.fa"))
    for name, start, end in [("chr1", 0, 1003), ("chr1", 95, 180), ("chr2", 5, 401)]:
        bases = str(peer[name][start:end]).upper().replace("R", "N")
        assert "".join("ACGTN"[code] for code in genome.codes(name, start, end)) == bases


def test_long_offsets_and_the_other_byte_order(files, monkeypatch):
    monkeypatch.setattr(two_bit, "LARGEST_OFFSET", 100)
    write_two_bit(files / "g.fa", files / "long.2bit")
    assert struct.unpack("<2I", (files / "long.2bit").read_bytes()[:8]) == (SIGNATURE, 1)
    assert_same_bases(Genome(files / "long.2bit"), Genome(files / "g.fa"))
    bases = np.array([3, 3, 2, 1, 0, 3], dtype=np.uint8)  # TTGC AT; stored as T C A G = 0 to 3
    head = struct.pack(">4I", SIGNATURE, 0, 1, 0) + b"\x01a" + struct.pack(">I", 22)
    record = struct.pack(">3I", 6, 1, 1) + struct.pack(">I", 2) + struct.pack(">3I", 1, 0, 6) + struct.pack(">I", 0)
    (files / "big.2bit").write_bytes(head + record + bytes([0b00001101, 0b10000000]))
    expected = np.where(np.isin(np.arange(6), (1, 2)), 4, bases)
    np.testing.assert_array_equal(Genome(files / "big.2bit").codes("a", 0, 6), expected)


def test_copies_in_other_processes_open_the_file_again(files):
    genome = Genome(files / "g.2bit")
    packed = pickle.dumps(genome)
    assert len(packed) < 2000
    assert_same_bases(pickle.loads(packed), genome)


def test_codes_may_be_changed(files):
    genome = Genome(files / "g.2bit")
    genome.codes("chr1", 0, 8)[:] = 4
    np.testing.assert_array_equal(genome.codes("chr1", 0, 8), Genome(files / "g.fa").codes("chr1", 0, 8))


def test_half_written_files_are_refused_and_none_are_left(files):
    content = (files / "g.2bit").read_bytes()
    for size in (10, 30, len(content) - 1):
        (files / "cut.2bit").write_bytes(content[:size])
        with pytest.raises(InputError, match="is no whole 2bit file"):
            TwoBit(files / "cut.2bit")
    (files / "bad.fa").write_text(">a\nACGT\n>a\nACGT\n")
    with pytest.raises(InputError, match="'a' is there twice"):
        write_two_bit(files / "bad.fa", files / "bad.2bit")
    assert not [path for path in files.iterdir() if "bad.2bit" in path.name]
    with pytest.raises(InputError, match="no record named chrX"):
        Genome(files / "g.2bit", ["chr1", "chrX"])


def test_yeast_at_a_quarter_of_a_byte_per_base(shared_data, tmp_path):
    fasta = shared_data / "genome" / "sacCer3.fa.gz"
    write_two_bit(fasta, tmp_path / "g.2bit")
    genome, peer = Genome(tmp_path / "g.2bit"), Genome(fasta)
    assert (tmp_path / "g.2bit").stat().st_size < 0.2501 * sum(genome.lengths.values())
    for name, length in peer.lengths.items():
        np.testing.assert_array_equal(genome.codes(name, 0, length), peer.codes(name, 0, length))

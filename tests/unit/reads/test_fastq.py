"""FASTQ reader: what it yields, whatever the block size, and what it refuses."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.problems import InputError
from cisflow.reads.fastq import read_fastq, read_pairs

RECORDS = [("ACGTN", "IIII#"), ("", ""), ("G", "!"), ("TTTTACGTACGT", "ABCDEFGHIJ@+"), ("CA", "@@")]


def text(records, newline="\n"):
    return "".join(
        f"@read {i}{newline}{bases}{newline}+{newline}{quality}{newline}" for i, (bases, quality) in enumerate(records)
    )


def content(path, block_bytes=1 << 24):
    found = []
    for block in read_fastq(path, block_bytes):
        for i in range(len(block)):
            n = block.length[i]
            places = (block.sequence_start[i], block.quality_start[i])
            found.append(tuple(block.data[p : p + n].tobytes().decode() for p in places))
    return found


def message(path, data):
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        content(path)
    return str(error.value)


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_records_do_not_depend_on_blocks_line_ends_or_compression(tmp_path, block_bytes, newline, packed):
    data = text(RECORDS, newline).encode()
    path = tmp_path / "reads.fastq"
    path.write_bytes(gzip.compress(data) if packed else data)
    assert content(path, block_bytes) == RECORDS


def test_last_newline_may_be_missing_and_blank_lines_may_follow(tmp_path):
    path = tmp_path / "reads.fastq"
    path.write_text(text(RECORDS).rstrip("\n"))
    assert content(path) == RECORDS
    path.write_text(text(RECORDS) + "\n\r\n\n\n\n\n")
    assert content(path) == RECORDS
    assert content(path, 3) == RECORDS


def test_two_gzip_members_are_one_file(tmp_path):
    path = tmp_path / "lanes.fastq.gz"
    path.write_bytes(gzip.compress(text(RECORDS).encode()) * 2)
    assert content(path) == RECORDS * 2


def test_zeros_between_and_behind_gzip_members(tmp_path):
    path, member = tmp_path / "tape.fastq.gz", gzip.compress(text(RECORDS).encode())
    path.write_bytes(member + bytes(300_000) + member + bytes(5))
    assert content(path) == RECORDS * 2
    assert content(path, 50) == RECORDS * 2


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text("ACGTN", max_size=30), min_size=1, max_size=20),
    st.integers(1, 200),
)
def test_any_reads_come_back(tmp_path_factory, reads, block_bytes):
    path = tmp_path_factory.mktemp("fastq") / "reads.fastq"
    records = [(bases, "@" * len(bases)) for bases in reads]
    path.write_text(text(records))
    assert content(path, block_bytes) == records


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"absent.fastq: file not found; expected a FASTQ file"):
        content(tmp_path / "absent.fastq")


def test_folder_instead_of_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        content(tmp_path)


@pytest.mark.parametrize("data", [b"", b"\n\n", gzip.compress(b"", mtime=0)])
def test_no_reads(tmp_path, data):
    assert "no reads in this file; expected FASTQ records" in message(tmp_path / "empty.fastq.gz", data)


def test_truncated_gzip_says_how_far_it_came(tmp_path):
    rng = np.random.default_rng(3)
    reads = ["".join(rng.choice(list("ACGT"), 100)) for _ in range(3000)]
    data = gzip.compress(text([(r, "I" * 100) for r in reads]).encode())
    path = tmp_path / "cut.fastq.gz"
    path.write_bytes(data[: len(data) // 2])
    for block_bytes in (4096, 1 << 24):
        with pytest.raises(InputError, match=r"cut.fastq.gz: the gzip file ends early, after 1,[45]\d\d whole reads"):
            content(path, block_bytes)


def test_damaged_gzip(tmp_path):
    data = bytearray(gzip.compress(text(RECORDS * 200).encode()))
    data[60:80] = bytes(20)
    assert "the gzip file is damaged" in message(tmp_path / "bad.fastq.gz", bytes(data))


def test_wrong_checksum_and_half_a_header(tmp_path):
    data = gzip.compress(text(RECORDS).encode())
    assert "the gzip file is damaged" in message(tmp_path / "sum.fastq.gz", data[:-8] + bytes(4) + data[-4:])
    said = message(tmp_path / "header.fastq.gz", data + data[:5])
    assert "the gzip file ends early, after 5 whole reads" in said


def test_truncated_record(tmp_path):
    said = message(tmp_path / "cut.fastq", (text(RECORDS[:2]) + "@last\nACGT\n").encode())
    assert "row 10: read 3 has 2 of 4 lines; the file is truncated" in said


def test_truncated_quality(tmp_path):
    said = message(tmp_path / "cut.fastq", (text(RECORDS[:2]) + "@last\nACGT\n+\nII").encode())
    assert "row 12: read 3 has 4 bases, but 2 quality characters; is the file truncated?" in said


def test_name_line_without_at(tmp_path):
    said = message(tmp_path / "bad.fastq", (text(RECORDS[:1]) + ">fasta\nACGT\n+\nIIII\n").encode())
    assert "row 5: read 2 begins with '>fasta'; expected a name line that begins with '@'" in said


def test_third_line_without_plus(tmp_path):
    said = message(tmp_path / "bad.fastq", b"@r\nACGT\nACGT\n+\nIIIIIIII\n")
    assert "row 3: the third line of read 1 is 'ACGT'; expected a line that begins with '+'" in said


@pytest.mark.parametrize("letter", ["U", "a", ".", " "])
def test_other_letters(tmp_path, letter):
    said = message(tmp_path / "bad.fastq", (text(RECORDS[:3]) + f"@r\nAC{letter}T\n+\nIIII\n").encode())
    assert f"row 14: read 4 holds the letter {letter!r} (AC{letter}T...); expected only A, C, G, T and N" in said


@pytest.mark.parametrize("letter", [b"U", b"c", b"\0", b"\x80", b"\xc1", b"@", b"O"])
def test_other_letters_are_found_at_any_place(tmp_path, letter):
    bases = b"ACGTNTTTGACCANGTACG"
    for length in (1, 7, 8, 9, 19):
        for place in range(length):
            read = bases[:place] + letter + bases[place + 1 : length]
            said = message(tmp_path / "bad.fastq", b"@r\n" + read + b"\n+\n" + b"I" * length + b"\n")
            assert f"row 2: read 1 holds the letter {letter.decode('latin-1')!r}" in said


@pytest.mark.parametrize("block_bytes", [5, 1 << 20])
def test_pairs_of_different_number_tell_both(tmp_path, block_bytes):
    one, two = tmp_path / "1.fastq", tmp_path / "2.fastq"
    one.write_text(text(RECORDS * 3))
    two.write_text(text(RECORDS[:2]))
    for files, said in (
        ((one, two), "15 reads in the first file, 2 in the second"),
        ((two, one), "2 reads in the first"),
    ):
        with pytest.raises(InputError, match=said):
            list(read_pairs(*files, block_bytes))


def test_pairs_stay_together_in_blocks_of_different_length(tmp_path):
    one, two = tmp_path / "1.fastq", tmp_path / "2.fastq"
    one.write_text(text([("A" * (i % 7), "I" * (i % 7)) for i in range(50)]))
    two.write_text(text([("C" * (i % 11), "I" * (i % 11)) for i in range(50)]))
    pairs = [
        (int(a), int(b))
        for block1, block2 in read_pairs(one, two, 100)
        for a, b in zip(block1.length, block2.length, strict=True)
    ]
    assert pairs == [(i % 7, i % 11) for i in range(50)]


def test_real_file_with_an_empty_read(shared_data):
    files = [shared_data / "fastq_overlapping" / f"fastp_R{i}.fq.gz" for i in (1, 2)]
    lengths = [n for block1, _ in read_pairs(*files) for n in block1.length]
    assert lengths == [0] + [151] * 8

"""Read pairs: where they lie, how good they are, and that their files are whole and repeatable."""

import gzip
from collections import Counter

import numpy as np
import pytest

from cisflow.randomness import generator
from cisflow.simulate import sequencing
from cisflow.simulate.bases import decode, reverse_complement, with_flanks
from cisflow.simulate.promoters import random_variable_parts

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"


@pytest.fixture(scope="module")
def amplicons():
    return with_flanks(random_variable_parts(generator(1, "amplicons"), 60), DISTAL, PROXIMAL)


def write(folder, amplicons, reads, seed=1, error=0.0):
    paths = (folder / "R1.fastq.gz", folder / "R2.fastq.gz")
    sequencing.write_read_pairs(
        generator(seed, "reads"), amplicons, reads, paths, name="lib:bin03", substitution_error=error
    )
    return paths


def records(path):
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    assert lines.pop() == ""
    return list(zip(*(lines[i::4] for i in range(4)), strict=True))


def test_pairs_without_errors_are_the_ends_of_the_amplicons(tmp_path, amplicons):
    reads = generator(2).poisson(5, len(amplicons))
    first, second = map(records, write(tmp_path, amplicons, reads))
    assert len(first) == len(second) == reads.sum()
    pairs = Counter((a[1], reverse_complement(b[1])) for a, b in zip(first, second, strict=True))
    expected = Counter()
    for sequence, n in zip(decode(amplicons), reads.tolist(), strict=True):
        if n:
            expected[sequence[:76], sequence[-76:]] += n
    assert pairs == expected


def test_records_are_named_alike_in_both_files_and_numbered(tmp_path, amplicons):
    first, second = map(records, write(tmp_path, amplicons, np.full(60, 2)))
    assert [r[0] for r in first] == [r[0] for r in second] == [f"@sim:lib:bin03:{n:03d}" for n in range(1, 121)]
    assert {(len(r[1]), r[2], len(r[3])) for r in first + second} == {(76, "+", 76)}
    letters = {chr(q + 33) for q in sequencing.QUALITIES}
    assert set("".join(r[3] for r in first + second)) <= letters


def test_more_reads_than_a_block_stay_numbered(tmp_path, amplicons, monkeypatch):
    monkeypatch.setattr(sequencing, "BLOCK", 50)
    first, second = map(records, write(tmp_path, amplicons, np.full(60, 2)))
    assert [r[0] for r in second] == [f"@sim:lib:bin03:{n:03d}" for n in range(1, 121)]
    assert {a[1][:17] for a in first} == {DISTAL}


@pytest.mark.parametrize("error", [0.001, 0.02])
def test_error_rate_is_as_asked_and_lower_qualities_have_more(error):
    rng, rates = generator(3), sequencing.error_rates(error)
    ends = rng.integers(0, 4, size=(40_000, 76), dtype=np.uint8)
    wrong, level = [], []
    for read in (0, 1):
        bases, levels = sequencing.sequence_block(rng, ends, read, rates)
        assert bases.max() == 3
        wrong.append(bases != ends)
        level.append(levels)
    wrong, level = np.stack(wrong), np.stack(level)
    assert wrong.mean() == pytest.approx(error, rel=0.05)
    by_level = [wrong[level == i].mean() for i in range(len(sequencing.QUALITIES))]
    np.testing.assert_allclose(by_level, rates, rtol=0.25, atol=2e-5)
    assert (np.diff(by_level) > 0).all()


def test_default_error_rate_is_what_the_qualities_say():
    nominal = 10 ** (-sequencing.QUALITIES / 10)
    np.testing.assert_allclose(sequencing.error_rates(0.001), nominal, rtol=0.3)


def test_quality_falls_along_the_read_and_read_2_is_worse():
    rng, rates = generator(4), sequencing.error_rates(0.001)
    ends = np.zeros((20_000, 76), dtype=np.uint8)
    best = [(sequencing.sequence_block(rng, ends, read, rates)[1] == 0).mean(axis=0) for read in (0, 1)]
    for share in best:
        assert share[:10].mean() > share[33:43].mean() > share[-10:].mean()
    assert best[1].mean() < best[0].mean()


def test_no_errors_when_none_are_asked():
    assert (sequencing.error_rates(0) == 0).all()


def test_same_seed_same_bytes(tmp_path, amplicons):
    reads = np.full(60, 5)
    files = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        files[name] = [p.read_bytes() for p in write(tmp_path / name, amplicons, reads, seed, error=0.01)]
    assert files["a"] == files["b"]
    assert files["a"][0] != files["c"][0]
    assert files["a"][1] != files["c"][1]
    assert files["a"][0][4:8] == b"\0\0\0\0"  # no time stamp


def test_a_failure_leaves_no_file(tmp_path, amplicons, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(sequencing, "_records", fail)
    with pytest.raises(RuntimeError, match="disk on fire"):
        write(tmp_path, amplicons, np.full(60, 2))
    assert list(tmp_path.iterdir()) == []


def test_amplicons_shorter_than_a_read_are_refused():
    with pytest.raises(ValueError, match="an amplicon of 60 bp is shorter than a read of 76"):
        sequencing.read_ends(np.zeros((3, 60), dtype=np.uint8))

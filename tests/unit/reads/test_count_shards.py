"""Shards: counts, bytes and funnel are the same for any number of them, with and without identifiers."""

import dataclasses
import gzip
from collections import Counter

import numpy as np
import polars as pl
import pytest

from cisflow.problems import InputError
from cisflow.reads.count import ReadSettings, count_runs, write_bin
from cisflow.reads.funnel import add_shards, funnel_table
from cisflow.reads.sorted_runs import merge_runs, open_run, write_run

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
PLAIN = ReadSettings(f"{DISTAL} {{variable:70-90}} {PROXIMAL}", 40, 15, 0.75, 2, True, "forward", memory_mb=1)
WITH_UMI = dataclasses.replace(PLAIN, structure=f"{{umi:4}} {DISTAL} {{variable:70-90}} {PROXIMAL}")
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def write_lane(folder, number, amplicons):
    """Pairs of one lane; odd lanes are packed."""
    paths = []
    for mate, reads in ((1, amplicons), (2, [a[::-1].translate(COMPLEMENT) for a in amplicons])):
        text = "".join(f"@r{i}\n{bases[:76]}\n+\n{'I' * 76}\n" for i, bases in enumerate(reads)).encode()
        paths.append(folder / f"lane{number}_R{mate}.fastq")
        paths[-1].write_bytes(gzip.compress(text) if number % 2 else text)
    return paths


@pytest.fixture
def lanes(tmp_path, monkeypatch):
    """Two lanes, and the pairs in them: identifier and amplicon."""
    monkeypatch.setattr("cisflow.reads.count.SHARD_RECORDS", 16)
    rng = np.random.default_rng(9)
    variable = ["".join(rng.choice(list("ACGT"), n)) for n in rng.integers(74, 86, 40)]
    umis = ["".join(rng.choice(list("AC"), 4)) for _ in range(1000)]
    pairs = [(umi, DISTAL + variable[i] + PROXIMAL) for umi, i in zip(umis, rng.integers(0, 40, 1000), strict=True)]
    return pairs, lambda whole: [
        write_lane(tmp_path, number, [whole(*pair) for pair in part])
        for number, part in enumerate((pairs[:370], pairs[370:]))
    ]


def counted(folder, files, settings, n_shards, block_bytes):
    """Bytes of the table, and funnel, of a bin that is counted in shards, as the rules do it."""
    folder = folder / f"{n_shards}_{block_bytes}"
    folder.mkdir()
    settings = dataclasses.replace(settings, shards=n_shards)
    runs, funnels = [], []
    for shard in range(n_shards):
        found, rows = count_runs(
            [file[0] for file in files], [file[1] for file in files], settings, folder, "b", (), shard, block_bytes
        )
        write_run(merge_runs(found), settings.row_words + 1, folder / f"shard{shard}.npy")
        runs.append(open_run(folder / f"shard{shard}.npy"))
        funnels.append(funnel_table("lib", "b", rows))
    funnel = write_bin(runs, add_shards(funnels), settings, folder / "counts.parquet")
    return (folder / "counts.parquet").read_bytes(), funnel, [len(run) for run in runs]


def test_number_of_shards_changes_nothing(tmp_path, lanes):
    pairs, write = lanes
    files = write(lambda umi, amplicon: amplicon)
    expected, funnel, _ = counted(tmp_path, files, PLAIN, 1, 1 << 20)
    table = pl.read_parquet(tmp_path / f"1_{1 << 20}" / "counts.parquet")
    assert table.rows() == sorted(Counter(amplicon for _, amplicon in pairs).items())
    assert [row for row in funnel if row[1] in ("read pairs", "without N", "unique sequences")] == [
        ("lane0_R1.fastq", "read pairs", 370),
        ("lane0_R1.fastq", "without N", 370),
        ("lane1_R1.fastq", "read pairs", 630),
        ("lane1_R1.fastq", "without N", 630),
        ("all", "unique sequences", 40),
    ]
    for n_shards, block_bytes in ((2, 1 << 20), (5, 1 << 20), (5, 2000)):
        found, same, sizes = counted(tmp_path, files, PLAIN, n_shards, block_bytes)
        assert found == expected
        assert same == funnel
        assert min(sizes) > 0


def test_molecules_are_counted_once_over_shards(tmp_path, lanes):
    pairs, write = lanes
    files = write(lambda umi, amplicon: umi + amplicon)
    molecules = Counter(amplicon for _, amplicon in set(pairs))
    assert sum(molecules.values()) < 900
    expected, funnel, _ = counted(tmp_path, files, WITH_UMI, 1, 1 << 20)
    assert pl.read_parquet(tmp_path / f"1_{1 << 20}" / "counts.parquet").rows() == sorted(molecules.items())
    assert funnel[-2:] == [("all", "molecules", sum(molecules.values())), ("all", "unique sequences", 40)]
    for n_shards in (2, 5):
        assert counted(tmp_path, files, WITH_UMI, n_shards, 3000)[:2] == (expected, funnel)


def test_mates_that_are_not_merged(tmp_path, lanes):
    pairs, write = lanes
    files = write(lambda umi, amplicon: amplicon + umi[::-1].translate(COMPLEMENT))
    structure = f"{DISTAL} {{variable:50}} / {{umi:4}} {PROXIMAL[::-1].translate(COMPLEMENT)}"
    settings = dataclasses.replace(PLAIN, structure=structure, keep_flanks=False)
    molecules = Counter(amplicon[17:67] for _, amplicon in set(pairs))
    expected, funnel, _ = counted(tmp_path, files, settings, 1, 1 << 20)
    assert pl.read_parquet(tmp_path / f"1_{1 << 20}" / "counts.parquet").rows() == sorted(molecules.items())
    assert counted(tmp_path, files, settings, 5, 2000)[:2] == (expected, funnel)


def test_shards_of_different_files():
    tables = [funnel_table("lib", "b", [(name, "reads", 3)]) for name in ("one.fq", "two.fq")]
    with pytest.raises(InputError, match="funnel of shard 1: other files or steps than shard 0"):
        add_shards(tables)

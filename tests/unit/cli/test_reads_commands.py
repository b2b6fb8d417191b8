"""`cisflow merge`, `count` and `cluster`: golden pairs, real reads from FASTQ to expression, and bad input."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from cisflow.cli.main import main

STUDY = Path(__file__).parents[3] / "config" / "studies" / "facs_seq_tnac"
STRUCTURE = ["--structure", "TAAGTGCATT {variable:66-84} TTTGCCCTTC", "--keep-flanks", "false"]


def write_fastq(path, records):
    text = "".join(f"@{name} extra\n{bases}\n+\n{quality}\n" for name, bases, quality in records)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


@pytest.mark.parametrize("suffix", [".tsv", ".tsv.gz", ".csv", ".parquet"])
def test_golden_pairs(golden, tmp_path, suffix):
    cases = json.loads((golden / "dream" / "read_merge_golden.json").read_text())["cases"]
    cases = [c for c in cases if (c["overlap"], c["overlap_range"]) == (40, 15)]
    read1 = write_fastq(tmp_path / "1.fq.gz", [(f"p{i}", c["read1"], c["qual1"]) for i, c in enumerate(cases)])
    read2 = [(f"p{i}", c["read2_as_sequenced"], c["qual2_as_sequenced"]) for i, c in enumerate(cases)]
    output = tmp_path / f"merged{suffix}"
    assert main(["merge", read1, write_fastq(tmp_path / "2.fq", read2), "--output", str(output)]) == 0
    merged = pd.read_parquet(output) if suffix == ".parquet" else pd.read_csv(output, sep=None, engine="python")
    expected = [(f"p{i}", c["consensus"], c["overlap_length"]) for i, c in enumerate(cases) if c["offset"] is not None]
    assert expected
    assert list(merged.itertuples(index=False, name=None)) == expected


@pytest.mark.parametrize(
    ("folder", "names", "overlap", "tolerance", "least", "most"),
    [
        ("fastq_overlapping", ("dada2_sam1F.fastq.gz", "dada2_sam1R.fastq.gz"), 247, 5, 0.95, 1),
        ("fastq_nonoverlapping", ("SRR2601848_1.fastq.gz", "SRR2601848_2.fastq.gz"), 30, 15, 0, 0.03),
    ],
)
def test_real_pairs(shared_data, tmp_path, folder, names, overlap, tolerance, least, most):
    files = [str(shared_data / folder / name) for name in names]
    settings = ["--expected-overlap", str(overlap), "--overlap-tolerance", str(tolerance)]
    assert main(["merge", *files, "--output", str(tmp_path / "m.parquet"), *settings]) == 0
    with gzip.open(files[0]) as reads:
        n_pairs = sum(1 for _ in reads) / 4
    assert least <= len(pd.read_parquet(tmp_path / "m.parquet")) / n_pairs <= most


def test_from_facs_reads_to_expression(shared_data, tmp_path):
    """The study facs_seq_tnac by hand: every stage from the command line, without Snakemake."""
    folder, bins = shared_data / "sortseq" / "facs_seq_tnac", []
    reads = {f"P{i}": f"B1P{i}" for i in range(6, 0, -1)} | {"unsorted": "Lib1"}
    for name, file in reads.items():
        table = tmp_path / f"{name}.parquet"
        options = [*STRUCTURE, "--flank-mismatches", "1", "--orientation", "either", "--output", str(table)]
        assert main(["count", "--read1", str(folder / f"{file}.fq.gz"), "--name", name, *options]) == 0
        bins.append(f"{name}={table}")
    given = ["--ordered", str(folder / "library.tsv.gz"), "--max-designed-mismatches", "1", *STRUCTURE]
    counts, members = tmp_path / "counts.tsv", tmp_path / "members.parquet"
    assert main(["cluster", "--bins", *bins, *given, "--output", str(counts), "--members", str(members)]) == 0
    table = pd.read_csv(counts, sep="\t")
    assert list(table.columns) == ["element", "sequence", *reads]
    assert table[list(reads)].to_numpy().sum() == 121_669  # what the study itself assigns
    kept = pd.read_parquet(members).dropna(subset="element")
    assert kept["reads"].sum() == 121_669
    estimates = {}
    for method in ("maude", "bin-mean"):
        output = tmp_path / f"{method}.parquet"
        given = ["--counts", str(counts), "--bins", str(STUDY / "bins.tsv"), "--bin-weights", "cells"]
        assert main(["estimate", "--method", method, *given, "--output", str(output)]) == 0
        estimates[method] = pd.read_parquet(output).set_index("element")["expression"]
    assert len(estimates["maude"]) == 1_408
    assert len(estimates["bin-mean"]) == 1_405
    assert estimates["maude"].corr(estimates["bin-mean"], method="spearman") > 0.95


def test_lac_promoter_from_counts(shared_data, tmp_path):
    sheet = STUDY.parent / "kinney2010" / "bins.tsv"
    given = ["--counts", str(shared_data / "sortseq" / "mavenn_sortseq_data.csv.gz"), "--bins", str(sheet)]
    output = tmp_path / "lac.parquet"
    assert main(["estimate", "--method", "bin-mean", *given, "--sequence-column", "x", "--output", str(output)]) == 0
    table = pd.read_parquet(output)
    assert len(table) > 45_000
    assert table["expression"].between(0, 8).all()
    # the wild-type -10 box TATGTT lies at bases 64 to 69: promoters that keep it are expressed more
    kept = table["sequence"].str.slice(63, 69) == "TATGTT"
    assert table["expression"][kept].mean() > table["expression"][~kept].mean() + 0.3


def test_count_and_cluster_a_random_library(tmp_path):
    flanks, a, b = ("TGCATTTTTTTCACATC", "GGTTACGGCTGTT"), "ACGTTGCA" * 10, "GATTACAC" * 10
    near = "T" + a[1:]
    bins = []
    for name, inserts in {"low": [a] * 5 + [near], "high": [b] * 3}.items():
        records = [(f"r{i}", flanks[0] + x + flanks[1], "I" * 110) for i, x in enumerate(inserts)]
        read1 = write_fastq(tmp_path / f"{name}.fq", records)
        table, funnel = tmp_path / f"{name}.tsv", tmp_path / f"{name}.funnel.tsv"
        assert main(["count", "--read1", read1, "--output", str(table), "--funnel", str(funnel)]) == 0
        assert pd.read_csv(table, sep="\t")["reads"].sum() == len(inserts)
        assert len(pd.read_csv(funnel, sep="\t")) > 3
        bins.append(f"{name}={table}")
    for method in ("pieces", "bowtie2"):
        output = tmp_path / f"{method}.tsv"
        assert main(["cluster", "--bins", *bins, "--method", method, "--output", str(output)]) == 0
        table = pd.read_csv(output, sep="\t")
        assert table["sequence"].tolist() == [flanks[0] + x + flanks[1] for x in (a, b)]
        assert table[["low", "high"]].to_numpy().tolist() == [[6, 0], [0, 3]]


def test_bad_tables_are_told_together(tmp_path, capsys):
    good, bad = tmp_path / "good.tsv", tmp_path / "bad.tsv"
    good.write_text("sequence\treads\nACGT\t3\n")
    bad.write_text("sequence\treads\nACGT\t3\nACGT\t-1\n")
    output = tmp_path / "out.tsv"
    assert main(["cluster", "--bins", f"a={good}", f"b={bad}", "--output", str(output)]) == 1
    said = capsys.readouterr().err
    assert 'bad.tsv row 3, column "reads": -1; expected a whole number' in said
    assert "bad.tsv row 3, column \"sequence\": 'ACGT' was there before" in said
    assert not output.exists()


@pytest.mark.parametrize(
    ("bins", "expected"),
    [(["x.tsv"], "expected NAME=FILE"), (["a=x", "a=y"], "given twice"), (["element=x"], "column of the output")],
)
def test_bad_bins(bins, expected, tmp_path, capsys):
    assert main(["cluster", "--bins", *bins, "--output", str(tmp_path / "out.tsv")]) == 1
    assert expected in capsys.readouterr().err


def test_a_truncated_file_leaves_nothing(tmp_path, capsys):
    read1 = write_fastq(tmp_path / "1.fq", [("a", "ACGT", "IIII"), ("b", "ACGT", "II")])
    read2 = write_fastq(tmp_path / "2.fq", [("a", "ACGT", "IIII"), ("b", "ACGT", "IIII")])
    assert main(["merge", read1, read2, "--output", str(tmp_path / "m.tsv")]) == 1
    assert "read 2 has 4 bases, but 2 quality characters" in capsys.readouterr().err
    assert not [p for p in tmp_path.iterdir() if p.suffix not in (".fq",)]

"""Whole simulated libraries: tables that agree with each other, and the same ones from the same seed."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from cisflow.figures.simulate import simulated_library
from cisflow.files import read_table, write_table
from cisflow.randomness import generator
from cisflow.simulate.bases import encode
from cisflow.simulate.expression_law import true_expression
from cisflow.simulate.library import sequence_library, simulate_library

FLANKS = {"distal": "TGCATTTTTTTCACATC", "proximal": "GGTTACGGCTGTT"}
EDGES = [0, 0.02275, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97725, 1]
BINS = [
    {"bin": f"bin{i:02d}", "role": "sorted", "position": float(i), "lower_quantile": low, "upper_quantile": high}
    for i, (low, high) in enumerate(pairwise(EDGES))
]
SIMULATION = {"promoters": 800, "reads_per_element": 15, "cells_per_element": 20, "cell_noise": 1.5}


def make(kind="random", seed=5, library="lib"):
    return simulate_library(library, kind, seed, FLANKS, BINS, SIMULATION)


@pytest.fixture(scope="module", params=["random", "designed"])
def made(request):
    return make(request.param)


def test_tables_agree(made):
    truth, bin_reads = made.truth, made.bin_reads
    assert list(truth) == ["element", "sequence", "expression", "standardised", "cells", "reads"]
    assert list(bin_reads) == ["element"] + [row["bin"] for row in BINS]
    assert bin_reads["element"].tolist() == truth["element"].tolist()
    assert bin_reads.drop(columns="element").sum(axis=1).tolist() == truth["reads"].tolist()
    assert bin_reads.drop(columns="element").sum().tolist() == made.bins["reads"].tolist()
    assert truth["reads"].sum() == 15 * len(truth)
    assert truth["cells"].sum() == made.bins["cells"].sum()
    assert truth["element"].is_unique
    assert truth["sequence"].is_unique


def test_sequences_are_amplicons(made):
    sequences = made.truth["sequence"]
    assert sequences.str.startswith(FLANKS["distal"]).all()
    assert sequences.str.endswith(FLANKS["proximal"]).all()
    lengths = sequences.str.len()
    if made.design is None:
        assert lengths.between(106, 111).all()
        assert 0.8 < (lengths == 110).mean() < 0.92
        assert made.truth["element"].iloc[123] == "lib000123"
    else:
        assert (lengths == 110).all()
        assert made.truth["element"].tolist() == made.design.ids


def test_truth_is_the_law_on_two_scales(made):
    expression = true_expression(encode(made.truth["sequence"].tolist()))
    order = np.argsort(expression)
    for column in ("expression", "standardised"):
        steps = np.diff(made.truth[column].to_numpy()[order])
        assert (steps >= 0).all()
        assert (steps > 0).mean() > 0.99
    standardised = made.truth["standardised"].to_numpy()
    # Two scales, one place: an element lies between the same two gates on both.
    gates = made.bins["upper_gate"].to_numpy()[:-1]
    assert np.array_equal(
        np.searchsorted(gates, standardised), np.round(made.truth["expression"]).astype(int).clip(0, len(gates))
    )
    slope = np.diff(standardised[order]) / np.maximum(np.diff(expression[order]), 1e-9)
    assert np.median(slope) == pytest.approx(1 / np.sqrt(expression.var() + 1.5**2), rel=0.15)


def test_gates_are_quantiles_of_the_cells(made):
    np.testing.assert_allclose(made.bins["cells"] / made.bins["cells"].sum(), np.diff(EDGES), atol=1e-3)
    assert made.bins["lower_gate"].iloc[0] == -np.inf
    assert made.bins["upper_gate"].iloc[-1] == np.inf


def test_reads_tell_the_expression(made):
    reads = made.bin_reads.drop(columns="element").to_numpy()
    seen = reads.sum(axis=1) >= 8
    mean = reads[seen] @ np.arange(len(BINS)) / reads[seen].sum(axis=1)
    assert np.corrcoef(mean, made.truth["expression"][seen])[0, 1] > 0.95


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path):
    written = {}
    for name, library in (("a", make()), ("b", make()), ("c", make(seed=6)), ("d", make(library="other"))):
        write_table(library.truth, tmp_path / f"{name}.parquet")
        write_table(library.bin_reads, tmp_path / f"{name}.bins.parquet")
        written[name] = [(tmp_path / f"{name}{end}").read_bytes() for end in (".parquet", ".bins.parquet")]
    assert written["a"] == written["b"]
    assert len({written[name][0] for name in "acd"}) == 3


def test_every_bin_gets_its_files(tmp_path):
    library = make()
    read1, read2 = ([tmp_path / f"{row['bin']}_R{mate}.fastq.gz" for row in BINS] for mate in (1, 2))
    sequence_library(library.truth, library.bin_reads, read1, read2, library="lib", seed=5, substitution_error=0.001)
    for row, *paths in zip(library.bins.itertuples(), read1, read2, strict=True):
        for path in paths:
            lines = pd.read_csv(path, header=None, sep="\t", quoting=3)[0]
            assert len(lines) == 4 * row.reads
            assert lines.iloc[0].startswith(f"@sim:lib:{row.bin}:")


def test_figure(tmp_path, made):
    simulated_library(made.truth, made.bins, "lib", tmp_path / "overview.svg")
    assert {p.suffix for p in tmp_path.iterdir()} == {".svg", ".png", ".tsv", ".json"}
    table = read_table(tmp_path / "overview.tsv")
    counts = table.groupby("panel")["count"].sum()
    assert counts["elements"] == len(made.truth)
    assert counts["reads per bin"] == made.truth["reads"].sum()
    assert counts["cells per bin"] == made.truth["cells"].sum()
    assert counts["reads per element"] == (made.truth["reads"] > 0).sum()
    assert f"{len(made.truth):,} elements" in json.loads((tmp_path / "overview.json").read_text())["caption"]


def test_law_does_not_depend_on_the_order_of_sequences():
    library = make()
    sequences = library.truth["sequence"].tolist()
    order = generator(1).permutation(len(sequences))
    shuffled = true_expression(encode([sequences[i] for i in order]))
    assert np.array_equal(shuffled, true_expression(encode(sequences))[order])

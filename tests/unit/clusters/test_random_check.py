"""Random libraries are never refused, libraries of variants always, before and after clustering."""

import gzip
import itertools

import numpy as np
import polars as pl
import pytest
from sequenced import FLANKS, random_bases, sequence_library, single_base_variants

from cisflow.clusters.methods import cluster_library
from cisflow.clusters.random_check import check_before_clustering, check_is_random
from cisflow.problems import InputError
from cisflow.reads.count import ReadSettings, count_reads

PIECES = {"method": "pieces", "max_distance": 3}
BOWTIE2 = {"method": "bowtie2", "seed_mismatches": 1, "seed_length": 18, "bowtie2_options": ""}


@pytest.mark.parametrize("error", [0.0, 0.001, 0.005, 0.01])
@pytest.mark.parametrize(("promoters", "depth"), [(3, 1000), (30, 1000), (300, 100), (2000, 5)])
@pytest.mark.parametrize("biased", [False, True])
def test_random_libraries_pass(error, promoters, depth, biased):
    rng = np.random.default_rng([promoters, int(1000 * error), biased])
    reads = rng.poisson(depth * rng.lognormal(0, 0.7, promoters))
    pooled, source = sequence_library(rng, random_bases(rng, promoters), reads, error, biased)
    check_is_random(pooled, source, "lib")
    check_before_clustering(pooled, "lib", FLANKS)


def test_a_deep_random_library_is_clustered_into_its_promoters():
    rng = np.random.default_rng(1)
    pooled, _ = sequence_library(rng, random_bases(rng, 30), np.full(30, 1000), 0.01)
    found = cluster_library(pooled, "lib", PIECES, FLANKS)
    largest = found.members.group_by("element").agg(pl.col("reads").sum()).sort("reads", descending=True).head(30)
    assert largest["reads"].min() > 900
    assert (
        found.elements["sequence"]
        .head(30)
        .is_in(pooled.filter(pl.Series(pooled["reads"] > 200))["sequence"].implode())
        .all()
    )


def designed(rng, parents, variants, depth, error=0.001):
    variable = np.vstack([single_base_variants(rng, p, variants) for p in random_bases(rng, parents)])
    reads = rng.poisson(depth * rng.lognormal(0, 0.7, len(variable)))
    pooled, source = sequence_library(rng, variable, reads, error)
    return pooled, source // variants


@pytest.mark.parametrize("error", [0.001, 0.01])
@pytest.mark.parametrize(
    ("parents", "variants", "depth"),
    [(1, 241, 100), (1, 200, 3), (300, 20, 60), (60, 100, 20), (40, 120, 4), (1500, 2, 60)],
)
def test_variants_are_refused(parents, variants, depth, error):
    rng = np.random.default_rng([parents, depth])
    pooled, parent = designed(rng, parents, variants, depth, error)
    with pytest.raises(InputError) as refused:
        check_is_random(pooled, parent, "lib")
    message = str(refused.value)
    assert message.startswith('library lib, column "kind": its sequences are variants of each other')
    assert "Give the library kind `designed` and ordered_sequences" in message


@pytest.mark.parametrize(("parents", "variants", "depth"), [(1, 241, 100), (1, 200, 3), (60, 40, 20)])
@pytest.mark.parametrize("settings", [BOWTIE2, PIECES])
def test_large_families_are_refused_before_clustering(parents, variants, depth, settings, monkeypatch):
    monkeypatch.setattr("cisflow.clusters.methods.self_alignment_clusters", None)
    monkeypatch.setattr("cisflow.clusters.methods.piece_clusters", None)
    pooled, _ = designed(np.random.default_rng(parents), parents, variants, depth)
    with pytest.raises(InputError, match="variants of each other"):
        cluster_library(pooled, "lib", settings, FLANKS)


def test_small_families_are_refused_after_clustering(monkeypatch):
    monkeypatch.setattr("cisflow.clusters.random_check.MOST_CHECKED", 10)
    pooled, _ = designed(np.random.default_rng(3), 300, 2, 60)
    check_before_clustering(pooled, "lib", FLANKS)
    with pytest.raises(InputError, match="variants of each other"):
        cluster_library(pooled, "lib", PIECES, FLANKS)


def test_the_message_tells_the_numbers_and_an_example():
    pooled = pl.DataFrame(
        {"sequence": [base * 20 + other for base in "ACGT" for other in "ACGT"], "reads": [40, 30, 20, 10] * 4}
    )
    with pytest.raises(InputError) as refused:
        check_is_random(pooled, np.repeat(np.arange(4), 4), "lib")
    assert "12 of 16 sequences with 10 reads or more lie near another one" in str(refused.value)
    assert f"for example {'A' * 21} (40 reads) and {'A' * 20}C (30 reads)" in str(refused.value)


def test_few_mutated_clones_pass():
    reads = [100] * 200 + [60] * 15
    pooled = pl.DataFrame({"sequence": [f"{i}" for i in range(215)], "reads": reads})
    check_is_random(pooled, np.r_[np.arange(200), np.arange(15)], "lib")


def test_real_variants_of_one_parent_are_refused(shared_data, tmp_path):
    """Reads of the tnaC library, whose elements are variants of one parent."""
    with gzip.open(shared_data / "sortseq" / "facs_seq_tnac" / "Lib1.fq.gz", "rt") as lines:
        (tmp_path / "reads.fastq").write_text("".join(itertools.islice(lines, 4 * 6000)))
    settings = ReadSettings("TAAGTGCATT {variable:66-84} TTTGCCCTTC", 40, 15, 0.75, 1, False, "either")
    pooled = count_reads([tmp_path / "reads.fastq"], [], settings).table.cast({"reads": pl.UInt64})
    with pytest.raises(InputError, match="variants of each other"):
        cluster_library(pooled, "tnac", PIECES)

"""The self-alignment in shards gives the clusters of one job, byte for byte."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequenced import FLANKS, random_bases, sequence_library, single_base_variants

from cisflow.clusters.methods import cluster_library
from cisflow.clusters.self_alignment import AlignmentSettings
from cisflow.clusters.shards import index_sequences, join_forests, shard_forest
from cisflow.clusters.union import Components
from cisflow.files import write_table
from cisflow.problems import InputError

BOWTIE2 = {"method": "bowtie2", "seed_mismatches": 1, "seed_length": 18, "bowtie2_options": ""}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, 120), st.integers(1, 9), st.integers(0, 10**6))
def test_forests_of_any_shards_join_to_the_components_of_all_edges(n, n_edges, shards, seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, n, (2, n_edges))
    second[rng.random(n_edges) < 0.1] = -1
    whole = Components(n)
    whole.join(first, second)
    joined = Components(n)
    for shard in rng.permutation(shards):
        mine = first % shards == shard
        edges = Components(n).spanning(first[mine], second[mine])
        assert len(edges) < n
        joined.join(first[mine][edges], second[mine][edges])
    assert joined.labels().tolist() == whole.labels().tolist()


def sharded(pooled, shards, folder, threads=1):
    index_sequences(pooled, folder / "index", "lib", FLANKS)
    paths = []
    for shard in reversed(range(shards)):
        forest = shard_forest(
            pooled["sequence"], folder / "index", shard, shards, AlignmentSettings(), FLANKS, "lib", threads
        )
        assert len(forest) < len(pooled)
        paths.append(folder / f"{shard}.parquet")
        write_table(forest, paths[-1])
    return join_forests(pooled, paths, "lib")


def test_any_number_of_shards_gives_the_same_bytes(tmp_path):
    rng = np.random.default_rng(1)
    pooled, _ = sequence_library(rng, random_bases(rng, 60), np.full(60, 20), 0.004)
    runs = {"one job": cluster_library(pooled, "lib", BOWTIE2, FLANKS)}
    for shards, threads in ((1, 1), (3, 2), (7, 1)):
        (tmp_path / str(shards)).mkdir()
        runs[str(shards)] = sharded(pooled, shards, tmp_path / str(shards), threads)
    assert len(runs["1"].elements) == 60 < len(pooled)
    for name in ("members", "elements"):
        for run, found in runs.items():
            write_table(getattr(found, name), tmp_path / f"{run}.{name}.parquet")
        assert len({(tmp_path / f"{run}.{name}.parquet").read_bytes() for run in runs}) == 1


def test_more_shards_than_sequences(tmp_path):
    pooled = pl.DataFrame({"sequence": ["ACGTTGCAAC" * 11], "reads": [1]}, schema_overrides={"reads": pl.UInt64})
    assert sharded(pooled, 3, tmp_path).elements["element"].to_list() == ["lib_1"]


def test_designed_libraries_are_refused_when_indexed_and_when_joined(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    variable = np.vstack([single_base_variants(rng, parent, 2) for parent in random_bases(rng, 60)])
    pooled, _ = sequence_library(rng, variable, np.full(120, 40), 0.001)
    with pytest.raises(InputError, match="variants of each other"):
        index_sequences(pooled, tmp_path / "index", "lib", FLANKS)
    assert not (tmp_path / "index").exists()
    monkeypatch.setattr("cisflow.clusters.shards.check_before_clustering", lambda *_: None)
    with pytest.raises(InputError, match="variants of each other"):
        sharded(pooled, 2, tmp_path)

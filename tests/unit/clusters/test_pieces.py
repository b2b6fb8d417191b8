"""Clusters by a join on pieces: against all pairs, flanks, strand, and the self-alignment on sequencing errors."""

import time

import numpy as np
import polars as pl
import pytest
from sequenced import DISTAL, FLANKS, PROXIMAL, random_bases, sequence_library

from cisflow.clusters.edits import edits_up_to
from cisflow.clusters.methods import METHODS, cluster_library, piece_clusters
from cisflow.clusters.union import Components
from cisflow.files import write_table
from cisflow.problems import InputError
from cisflow.reads.ragged import Sequences

SETTINGS = {"max_distance": 3, "seed_mismatches": 1, "seed_length": 18, "bowtie2_options": ""}


def text(letters):
    return letters.tobytes().decode()


def amplicon(variable):
    return DISTAL + variable + PROXIMAL


def same_groups(labels, others):
    """Whether two labellings make the same groups."""
    pairs = set(zip(labels.tolist(), others.tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@pytest.fixture(scope="module")
def noisy():
    """A library with 2 % substitutions and some inserted and deleted bases."""
    rng = np.random.default_rng(8)
    pooled, _ = sequence_library(rng, random_bases(rng, 40), np.full(40, 15), 0.02)
    sequences = pooled["sequence"].to_list()
    for i in range(0, len(sequences), 5):
        place = int(rng.integers(20, 90))
        sequences[i] = sequences[i][:place] + ("" if i % 2 else "A") + sequences[i][place + i % 2 :]
    return pl.Series("sequence", sorted(set(sequences)))


@pytest.mark.parametrize("distance", [0, 1, 3, 6])
def test_clusters_equal_comparing_all_with_all(noisy, distance):
    letters = Sequences.from_series(noisy.str.slice(17).str.head(-13))
    first, second = np.triu_indices(len(noisy), 1)
    near = edits_up_to(letters, letters, first, second, distance) <= distance
    expected = Components(len(noisy))
    expected.join(first[near], second[near])
    found = piece_clusters(noisy, distance, FLANKS)
    assert same_groups(found, expected.labels())
    assert 40 <= len(np.unique(found)) < len(noisy)


def test_errors_in_the_flanks_do_not_count():
    rng = np.random.default_rng(1)
    one, other = (text(row) for row in random_bases(rng, 2))
    sequences = pl.Series([amplicon(one), "AAAA" + amplicon(one)[4:-4] + "AAAA", amplicon(other)])
    assert same_groups(piece_clusters(sequences, 0, FLANKS), np.array([0, 0, 1]))


def test_reverse_complements_are_not_joined():
    variable = text(random_bases(np.random.default_rng(2), 1)[0])
    turned = variable[::-1].translate(str.maketrans("ACGT", "TGCA"))
    assert len(set(piece_clusters(pl.Series([variable, turned]), 8, (0, 0)).tolist())) == 2


def test_both_methods_agree_on_sequencing_errors(tmp_path):
    rng = np.random.default_rng(5)
    pooled, _ = sequence_library(rng, random_bases(rng, 150), np.full(150, 30), 0.002)
    for method in METHODS:
        found = cluster_library(pooled, "lib", SETTINGS | {"method": method}, FLANKS)
        write_table(found.members, tmp_path / f"{method}.members.parquet")
        write_table(found.elements, tmp_path / f"{method}.elements.parquet")
    assert len(found.elements) == 150
    for name in ("members", "elements"):
        assert len({(tmp_path / f"{method}.{name}.parquet").read_bytes() for method in METHODS}) == 1


def test_order_does_not_matter(noisy):
    order = np.random.default_rng(3).permutation(len(noisy))
    found = piece_clusters(noisy.gather(order), 3, FLANKS)
    assert same_groups(found, piece_clusters(noisy, 3, FLANKS)[order])


def test_unknown_method():
    pooled = pl.DataFrame({"sequence": ["ACGT"], "reads": [1]})
    with pytest.raises(InputError, match="'peices' is not one of: bowtie2, pieces"):
        cluster_library(pooled, "lib", SETTINGS | {"method": "peices"})


@pytest.mark.parametrize("method", METHODS)
def test_chimeras(method):
    """A promoter with the end of another is an element of its own, unless few bases of the other are in it."""
    one, other = (text(row) for row in random_bases(np.random.default_rng(7), 2))
    for crossing, elements in ((40, 3), (76, 2), (4, 2)):
        sequences = [amplicon(one), amplicon(other), amplicon(one[:crossing] + other[crossing:])]
        pooled = pl.DataFrame({"sequence": sequences, "reads": [20, 20, 1]}, schema_overrides={"reads": pl.UInt64})
        assert len(cluster_library(pooled, "lib", SETTINGS | {"method": method}, FLANKS).elements) == elements


def test_a_large_family_takes_little_time():
    """Sequences that are in one cluster already are passed over, so the work does not grow with their square."""
    rng = np.random.default_rng(9)
    pooled, _ = sequence_library(rng, random_bases(rng, 1), np.array([60_000]), 0.01)
    piece_clusters(pooled["sequence"].head(10), 5, FLANKS)  # compiles
    start = time.process_time()
    assert len(set(piece_clusters(pooled["sequence"], 5, FLANKS).tolist())) == 1
    assert len(pooled) > 15_000
    assert time.process_time() - start < 5  # all pairs of a key: 40 s

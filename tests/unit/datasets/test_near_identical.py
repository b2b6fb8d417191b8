"""Pairs of near-identical sequences are all found, and no others."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sequence_families import COMPLEMENT, edit_distance, either_strand, mutate

from cisflow.clusters.edits import edits_up_to
from cisflow.clusters.near_identical import (
    TooManyPairsError,
    components,
    near_identical_components,
    near_identical_pairs,
)
from cisflow.clusters.piece_index import constant_ends
from cisflow.clusters.union import Components
from cisflow.reads.ragged import Sequences


def ragged(sequences):
    return Sequences.from_series(pl.Series(sequences, dtype=pl.String))


def found_pairs(sequences, distance, **options):
    pairs = near_identical_pairs(ragged(sequences), distance, **options)
    rows = zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)
    return dict(zip(rows, pairs.distance.tolist(), strict=True))


def family_set(seed, n, flanks=("", "")):
    """Sequences of a few families, on both strands, with up to five edits between members and their root."""
    rng = np.random.default_rng(seed)
    roots = ["".join(rng.choice(list("ACGT"), rng.integers(3, 40))) for _ in range(6)]
    made = []
    for _ in range(n):
        sequence = mutate(roots[rng.integers(6)], int(rng.integers(6)), rng)
        if rng.random() < 0.3:
            sequence = sequence[::-1].translate(COMPLEMENT)
        made.append(flanks[0] + sequence + flanks[1])
    return made


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 5), st.booleans())
def test_pairs_equal_comparing_all_with_all(seed, distance, flanked):
    sequences = family_set(seed, 20, ("TGCATTTTTTTCACATC", "GGTTACGGCTGTT") if flanked else ("", ""))
    expected = {}
    for i in range(len(sequences)):
        for j in range(i + 1, len(sequences)):
            d = either_strand(sequences[i], sequences[j])
            if d <= distance:
                expected[i, j] = d
    assert found_pairs(sequences, distance) == expected


def test_promoters_of_the_usual_length_with_planted_edits():
    rng = np.random.default_rng(1)
    left, right = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
    variable = ["".join(rng.choice(list("ACGT"), 80)) for _ in range(3000)]
    planted = {}
    for i in range(0, 3000, 100):
        edits = int(rng.integers(0, 4))
        variable[i + 1] = mutate(variable[i], edits, rng)
        planted[i, i + 1] = edits
    found = found_pairs([left + v + right for v in variable], 3)
    assert found.keys() == planted.keys()
    assert all(found[pair] <= planted[pair] for pair in planted)
    assert constant_ends(ragged([left + v + right for v in variable])) == (17, 13)


def test_edit_distances_equal_the_textbook():
    rng = np.random.default_rng(2)
    sequences = ["".join(rng.choice(list("AC"), rng.integers(0, 10))) for _ in range(60)]
    first, second = (a.ravel() for a in np.meshgrid(np.arange(60), np.arange(60)))
    expected = np.array([edit_distance(sequences[a], sequences[b]) for a, b in zip(first, second, strict=True)])
    for limit in (0, 1, 3, 6):
        found = edits_up_to(ragged(sequences), ragged(sequences), first, second, limit)
        np.testing.assert_array_equal(found, np.minimum(expected, limit + 1))


def test_exempt_rows_are_compared_with_others_only():
    sequences = ["ACGTACGTACGTAAAA", "ACGTACGTACGTAAAC", "ACGTACGTACGTAACC"]
    exempt = np.array([False, True, True])
    assert found_pairs(sequences, 2, exempt=exempt) == {(0, 1): 1, (0, 2): 2}


def test_order_of_rows_does_not_matter():
    sequences = family_set(3, 80)
    order = np.random.default_rng(4).permutation(80)
    place = np.argsort(order)
    turned = {tuple(sorted((int(place[a]), int(place[b])))): d for (a, b), d in found_pairs(sequences, 3).items()}
    assert found_pairs([sequences[i] for i in order], 3) == turned


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 4), st.booleans())
def test_components_equal_those_of_the_pairs_on_one_strand(seed, distance, small_blocks):
    sequences = family_set(seed, 24)
    expected = Components(24)
    near = [(i, j) for i in range(24) for j in range(i) if edit_distance(sequences[i], sequences[j]) <= distance]
    expected.join(*np.array(near, np.int64).reshape(-1, 2).T.copy())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cisflow.clusters.piece_index.ROWS_AT_ONCE", 1 if small_blocks else 1000)
        found = near_identical_components(ragged(sequences), distance)
    by_first = [int(np.flatnonzero(found == label)[0]) for label in found]
    assert by_first == expected.labels().tolist()


def test_components_join_chains():
    pairs = near_identical_pairs(ragged(["AAAAAAAA", "AAAAAAAC", "AAAAAACC", "GCGCGGGC"]), 1)
    assert components(4, pairs).tolist() == [0, 0, 0, 3]
    assert components(4, pairs.within(0)).tolist() == [0, 1, 2, 3]


def test_a_set_that_is_one_family_stops():
    with pytest.raises(TooManyPairsError, match="more than 10 pairs within 1 edits"):
        near_identical_pairs(ragged(["ACGTACGTAC"] * 20), 1, most=10)


def test_more_candidates_than_the_buffer_holds(monkeypatch):
    monkeypatch.setattr("cisflow.clusters.near_identical.BLOCK", 1)
    sequences = ["ACGTACGTACGTACGTTT"] * 120
    assert len(found_pairs(sequences, 2)) == 120 * 119 // 2


def test_no_and_one_sequence():
    assert found_pairs([], 3) == {}
    assert found_pairs(["ACGT"], 3) == {}


def test_human_elements_in_both_orientations(shared_data):
    """Elements of a library that was ordered in both orientations are found as pairs of opposite strands."""
    import gzip

    with gzip.open(shared_data / "homology_split" / "example_full_dataset.fa.gz", "rt") as handle:
        lines = handle.read().split()
    names, sequences = [name[1:] for name in lines[::2]], lines[1::2]
    found = found_pairs(sequences, 0)
    by_name = dict(zip(names, range(len(names)), strict=True))
    twins = ((row, by_name.get(f"{name}_Reversed")) for name, row in by_name.items())
    both = {tuple(sorted(twin)) for twin in twins if twin[1] is not None}
    assert len(both) > 100
    assert both <= found.keys()

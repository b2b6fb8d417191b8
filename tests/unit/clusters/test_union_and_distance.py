"""Connected components and edit distances against plain references."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cisflow.clusters.edits import edits_up_to
from cisflow.clusters.union import Components
from cisflow.reads.ragged import Sequences


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, 60), st.integers(0, 10**6))
def test_components_equal_those_of_scipy_in_any_order(n, n_edges, seed):
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, n, (n_edges, 2))
    _, expected = connected_components(coo_matrix((np.ones(n_edges), edges.T), (n, n)), directed=False)
    smallest = np.array([np.flatnonzero(expected == label)[0] for label in expected])
    for order in (np.arange(n_edges), rng.permutation(n_edges)):
        components = Components(n)
        joined = 0
        for block in np.array_split(edges[order], 3):
            joined += components.join(block[:, 0].copy(), block[:, 1].copy())
        assert (components.labels() == smallest).all()
        assert joined == n - len(set(expected.tolist()))


def test_minus_one_is_no_edge():
    components = Components(3)
    assert components.join(np.array([0, 1]), np.array([-1, 2])) == 1
    assert components.labels().tolist() == [0, 1, 1]


def plain_distance(a, b):
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            previous, row[j] = row[j], min(previous + (letter != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]


@settings(max_examples=300, deadline=None)
@given(st.text("ACG", max_size=14), st.text("ACG", max_size=14), st.integers(1, 6))
def test_edit_distance_equals_the_full_table(a, b, limit):
    one, two = (Sequences.from_series(pl.Series([text])) for text in (a, b))
    zero = np.zeros(1, np.int64)
    assert edits_up_to(one, two, zero, zero, limit).tolist() == [min(plain_distance(a, b), limit + 1)]


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("ACGT", "ACGT", 0), ("ACGT", "ACG", 1), ("ACGT", "CACGT", 1), ("ACGT", "TGCA", 4), ("", "AC", 2)],
)
def test_known_distances(a, b, distance):
    one, two = (Sequences.from_series(pl.Series([text])) for text in (a, b))
    zero = np.zeros(1, np.int64)
    assert edits_up_to(one, two, zero, zero, 5).tolist() == [distance]

"""Weights by cells take the share of the population where the bounds are known: sorters cap the number of cells."""

import numpy as np

from cisflow.expression.bin_mean import estimate_bin_mean


def test_shares_of_the_population_replace_capped_numbers_of_cells():
    counts = np.array([[10, 10], [30, 10]])
    capped = estimate_bin_mean(counts, [0, 1], "cells", cells=[100, 100])
    shared = estimate_bin_mean(counts, [0, 1], "cells", cells=[100, 100], shares=[0.75, 0.25])
    weights = np.array([0.75, 0.25]) / counts.sum(axis=0)
    expected = (counts * weights) @ [0, 1] / (counts * weights).sum(axis=1)
    np.testing.assert_allclose(shared.expression, expected)
    assert (shared.expression < capped.expression).all()

"""Bin models from edges in z and from gates in units of the sorter are those from quantiles."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri

from cisflow.expression.bin_model import (
    bin_model_from_bounds,
    bin_model_from_quantiles,
    bin_model_from_table,
    bin_model_from_z,
)
from cisflow.problems import InputError

EDGES = np.array([-np.inf, -1.2, 0.1, 0.8, np.inf])


def test_edges_in_z_are_kept_to_the_last_bit():
    model = bin_model_from_z("abcd", EDGES[:-1], EDGES[1:])
    assert model.lower_z.tolist() == EDGES[:-1].tolist()
    np.testing.assert_array_equal(model.upper_quantile, ndtr(EDGES[1:]))
    table = pd.DataFrame({"Bin": list("abcd"), "binStartZ": EDGES[:-1], "binEndZ": EDGES[1:]})
    assert bin_model_from_table(table).upper_z.tolist() == EDGES[1:].tolist()
    with pytest.raises(InputError, match="bin 'b' has a missing edge"):
        bin_model_from_z("ab", [0, np.nan], [1, 2])
    with pytest.raises(InputError, match="bin 'a' covers no cells"):
        bin_model_from_z("ab", [1, 1], [1, 2])


def test_gates_with_the_population_are_quantiles():
    """Log-normal fluorescence: gates at known quantiles come back, from quantiles and from single cells."""
    shares = np.linspace(0.0005, 0.9995, 2000)
    fluorescence = np.exp(2 + 0.5 * ndtri(shares))
    quantiles = np.array([0, 0.1, 0.35, 0.8, 1])
    gates = np.concatenate([[-np.inf], np.exp(2 + 0.5 * ndtri(quantiles[1:-1])), [np.inf]])
    model = bin_model_from_bounds("abcd", gates[:-1], gates[1:], fluorescence, shares)
    expected = bin_model_from_quantiles("abcd", quantiles[:-1], quantiles[1:])
    np.testing.assert_allclose(model.upper_quantile, expected.upper_quantile, atol=1e-6)
    np.testing.assert_allclose(model.lower_z[1:], expected.lower_z[1:], atol=1e-5)
    cells = np.sort(np.exp(2 + 0.5 * np.random.default_rng(1).standard_normal(50_000)))
    model = bin_model_from_bounds("abcd", gates[:-1], gates[1:], cells, (np.arange(50_000) + 0.5) / 50_000)
    np.testing.assert_allclose(model.share, expected.share, atol=0.01)
    logs = bin_model_from_bounds("bc", np.log(gates[1:3]), np.log(gates[2:4]), np.log(fluorescence), shares)
    np.testing.assert_allclose(logs.share, expected.share[1:3], atol=1e-6)


def test_all_problems_of_a_population_are_told():
    with pytest.raises(InputError) as caught:
        bin_model_from_bounds(["a"], [np.nan], [3], [1, 3, 2], [0, 0.5, 1.2])
    message = str(caught.value)
    assert 'population, column "fluorescence": missing values, or values that do not rise' in message
    assert 'population, column "quantiles": expected shares between 0 and 1' in message
    assert "bin 'a' has a missing gate" in message

"""The calibration figure of a simulated library, from its tables to its numbers."""

import json

import numpy as np
import pandas as pd
import pytest

from cisflow.expression.calibration import bin_probabilities, coverage_table
from cisflow.expression.estimate import estimate_expression, with_cells
from cisflow.figures.calibration import plot_calibration
from cisflow.problems import InputError
from cisflow.simulate.library import simulate_library

QUANTILES = np.array([0, 0.03, 0.1, 0.25, 0.4, 0.6, 0.75, 0.9, 0.97, 1])
BINS = [
    {
        "bin": f"bin{b}",
        "role": "sorted",
        "position": float(b),
        "lower_quantile": QUANTILES[b],
        "upper_quantile": QUANTILES[b + 1],
        "cells": None,
    }
    for b in range(9)
]
UNSORTED = {"bin": "all", "role": "unsorted", "position": 0.0, "lower_quantile": None, "upper_quantile": None}
SETTINGS = {
    "bin_weights": "depth",
    "pseudocount": 10,
    "limits": [-4, 4],
    "optimum": "global",
    "abundance": "mean",
    "interval": 0.95,
}


def simulated(bins):
    amounts = {"promoters": 2000, "reads_per_element": 30, "cells_per_element": 30, "cell_noise": 1.5}
    return simulate_library("lib", "random", 5, {"distal": "", "proximal": ""}, bins, amounts)


def table_of(bins, method):
    library = simulated(bins)
    counts = library.bin_reads.assign(sequence=library.truth["sequence"])
    settings = {**SETTINGS, "bins": with_cells(bins, library.bins)}
    return coverage_table(counts, library.truth, library.bins, settings, method)


@pytest.mark.parametrize("method", ["bin-mean", "maude"])
@pytest.mark.parametrize("unsorted", [False, True])
def test_intervals_of_a_simulated_library_are_calibrated(tmp_path, method, unsorted):
    if method == "bin-mean" and unsorted:
        pytest.skip("the bin mean does not use the unsorted sample")
    table = table_of([*BINS, UNSORTED | {"cells": None}] if unsorted else BINS, method)
    overall = table[(table["reads_from"] == 0) & (table["interval"] == "reads")].set_index("level")["covered"]
    assert 0.93 <= overall[0.95] <= 0.97
    assert overall[0.5] == pytest.approx(0.5, abs=0.05)
    assert overall[0.8] == pytest.approx(0.8, abs=0.04)
    assert overall[0.99] > 0.98
    classes = table[(table["level"] == 0.95) & (table["reads_from"] > 0) & (table["interval"] == "reads")]
    assert classes["n"].sum() == table["n"].max()
    plot_calibration(table, "lib", method, 0.95, tmp_path / "c.svg")
    assert f"covers {overall[0.95]:.1%}" in json.loads((tmp_path / "c.json").read_text())["caption"]
    assert (tmp_path / "c.png").stat().st_size > 1000


def test_bin_probabilities_are_those_of_the_simulation():
    library = simulated(BINS)
    probability = bin_probabilities(library.truth, library.bins)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-9)
    seen = (library.truth["cells"].to_numpy()[:, None] * probability).sum(axis=0)
    np.testing.assert_allclose(seen, library.bins["cells"], rtol=0.05)
    lowest, highest = library.truth["standardised"].argmin(), library.truth["standardised"].argmax()
    assert probability[lowest].argmax() < 3
    assert probability[highest].argmax() > 5


def test_cells_of_a_simulated_library_reach_the_errors():
    """Copies make the bin mean's errors larger; MAUDE's can be smaller, as a narrow spread is then known to be real."""
    library = simulated(BINS)
    counts = library.bin_reads.assign(sequence=library.truth["sequence"]).head(150)  # too few to see copies
    rows = with_cells(BINS, library.bins)
    assert [row["cells"] for row in rows] == library.bins["cells"].tolist()
    assert with_cells(BINS, None) is BINS
    for method in ("bin-mean", "maude"):
        blind, _ = estimate_expression(counts, {**SETTINGS, "bins": BINS}, "lib", method)
        told, _ = estimate_expression(counts, {**SETTINGS, "bins": with_cells(BINS, library.bins)}, "lib", method)
        np.testing.assert_array_equal(blind["expression"], told["expression"])
        ratio = told["standard_error"].median() / blind["standard_error"].median()
        assert ratio > 1.02 if method == "bin-mean" else ratio < 0.8


def test_replicates_of_a_simulated_sample_have_the_same_elements():
    amounts = {"promoters": 300, "reads_per_element": 30, "cells_per_element": 30, "cell_noise": 1.5}
    arguments = ("random", 5, {"distal": "", "proximal": ""}, BINS, amounts)
    a, b = (simulate_library(name, *arguments, sample="s") for name in ("a", "b"))
    assert a.truth["sequence"].tolist() == b.truth["sequence"].tolist()
    assert not a.bin_reads.drop(columns="element").equals(b.bin_reads.drop(columns="element"))
    assert simulate_library("a", *arguments).truth["sequence"].tolist() != a.truth["sequence"].tolist()


def test_strange_sequences_are_told():
    library = simulated(BINS)
    counts = library.bin_reads.assign(sequence="N")
    settings = {**SETTINGS, "bins": with_cells(BINS, library.bins)}
    with pytest.raises(InputError, match="none of the estimated sequences is among the true sequences"):
        coverage_table(pd.DataFrame(counts), library.truth, library.bins, settings, "maude")

"""Replicates are matched, combined and compared; the ceiling is what a model that knows the truth reaches."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sorted_screens import sort_screen

from cisflow.evaluation.ceiling import dataset_ceilings
from cisflow.evaluation.subsets import Subset
from cisflow.expression.concordance import concordance_table, deming
from cisflow.expression.estimate import estimate_expression
from cisflow.expression.limiting_values import limiting_bin_means
from cisflow.expression.noise_ceiling import Measured, ceiling_row, ceiling_table, measured_values
from cisflow.expression.replicates import combine_replicates, join_replicates, variance_between
from cisflow.figures.concordance import plot_concordance
from cisflow.problems import InputError


def table(values, errors, names=None, reads=10):
    n = len(values)
    names = [f"e{i}" for i in range(n)] if names is None else names
    values, errors = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    return pd.DataFrame(
        {
            "element": names,
            "sequence": [f"S{name}" for name in names],
            "expression": values,
            "expression_low": values - 1.959964 * errors,
            "expression_high": values + 1.959964 * errors,
            "n_reads": reads,
            "is_singleton": False,
            "standard_error": errors,
        }
    )


def test_combined_by_hand():
    tables = {
        "a": table([1.0, 2.0, 5.0], [1.0, 1.0, 0.5], ["x", "y", "z"]),
        "b": table([2.0, 2.0, 7.0], [0.5, 1.0, 0.5], ["x", "y", "w"]),
    }
    combined = combine_replicates(join_replicates(tables, "designed", 0.95), 0.95).set_index("element")
    assert combined.index.tolist() == ["x", "y", "z", "w"]
    assert combined.loc["x", "expression"] == pytest.approx((1 * 1 + 2 * 4) / 5)
    assert combined.loc["x", "standard_error"] == pytest.approx(1 / np.sqrt(5))
    assert combined.loc["x", "expression_high"] == pytest.approx(1.8 + 1.959964 / np.sqrt(5))
    assert combined["n_reads"].tolist() == [20, 20, 10, 10]
    assert combined["n_replicates"].tolist() == [2, 2, 1, 1]
    assert combined.loc["z", "expression"] == 5
    assert combined["expression_a"].isna().tolist() == [False, False, False, True]
    assert combined["expression_b"].tolist()[:2] == [2, 2]


def test_random_libraries_are_matched_by_sequence():
    a, b = table([1.0, 2.0], [1, 1], ["x", "y"]), table([3.0, 4.0], [1, 1], ["p", "q"])
    b["sequence"] = ["Sy", "Sn"]
    combined = combine_replicates(join_replicates({"a": a, "b": b}, "random", 0.95), 0.95)
    assert combined["sequence"].tolist() == ["Sx", "Sy", "Sn"]
    assert combined["element"].tolist() == ["x", "y", "q"]
    assert combined["expression"][1] == pytest.approx(2.5)
    with pytest.raises(InputError, match="replicates a, b share no element; are they of one sample"):
        join_replicates({"a": a, "b": b}, "designed", 0.95)
    with pytest.raises(InputError, match="element 'x' is there twice"):
        join_replicates({"a": pd.concat([a, a]), "b": b}, "designed", 0.95)


def test_a_missing_error_is_read_off_the_interval():
    a, b = table([1.0], [1.0], ["x"]), table([3.0], [1.0], ["x"])
    b["standard_error"] = np.nan
    combined = combine_replicates(join_replicates({"a": a, "b": b}, "designed", 0.95), 0.95)
    assert combined["expression"][0] == pytest.approx(2.0, abs=1e-6)


def test_variance_between_replicates_is_found():
    random = np.random.default_rng(1)
    errors = random.uniform(0.2, 1.0, (20_000, 3))
    noise = errors * random.standard_normal(errors.shape)
    assert variance_between(noise, errors) < 0.003
    batch = 0.4 * random.standard_normal(errors.shape)
    assert variance_between(noise + batch, errors) == pytest.approx(0.16, rel=0.1)


def test_concordance_of_a_known_pair():
    random = np.random.default_rng(4)
    truth = random.normal(0, 1, 3000)
    tables = {
        "a": table(truth + 0.3 * random.standard_normal(3000), np.full(3000, 0.3)),
        "b": table(0.5 + 1.2 * truth + 0.6 * random.standard_normal(3000), np.full(3000, 0.6)),
    }
    (row,) = concordance_table(join_replicates(tables, "designed", 0.95), "s", "maude", 1).to_dict("records")
    assert row["n"] == 3000
    assert row["error_ratio"] == pytest.approx(4)
    assert row["slope_low"] < 1.2 < row["slope_high"]
    assert row["offset_low"] < 0.5 < row["offset_high"]
    expected = 1.2 / np.sqrt(1.09 * (1.44 + 0.36))
    assert row["pearson_low"] < expected < row["pearson_high"]
    assert row["spearman_low"] < row["spearman"] < row["spearman_high"]
    assert row["pearson_high"] - row["pearson_low"] == pytest.approx(4 * (1 - expected**2) / np.sqrt(3000), rel=0.2)


def test_deming_line_is_symmetric():
    random = np.random.default_rng(4)
    x, y = random.normal(0, 1, (2, 50))
    slope, offset = deming(x, y)
    back, _ = deming(y, x)
    assert slope * back == pytest.approx(1)
    assert offset == pytest.approx(y.mean() - slope * x.mean())


def test_concordance_figure(tmp_path):
    random = np.random.default_rng(4)
    truth = random.normal(0, 1, 300)
    tables = {name: table(truth + 0.3 * random.standard_normal(300), np.full(300, 0.3)) for name in "abc"}
    replicates = join_replicates(tables, "designed", 0.95)
    concordance = concordance_table(replicates, "s", "maude", 1)
    plot_concordance(combine_replicates(replicates, 0.95), concordance, "s", "maude", tmp_path / "c.svg")
    assert "3 pairs" in json.loads((tmp_path / "c.json").read_text())["caption"]
    assert len(pd.read_csv(tmp_path / "c.tsv", sep="\t")) == 3


EDGES = np.linspace(0, 1, 11)
SETTINGS = {
    "bin_weights": "depth",
    "pseudocount": 10,
    "limits": [-4, 4],
    "optimum": "global",
    "abundance": "mean",
    "interval": 0.95,
    "bins": [
        {
            "bin": f"b{b}",
            "role": "sorted",
            "position": float(b),
            "lower_quantile": EDGES[b],
            "upper_quantile": EDGES[b + 1],
            "cells": None,
        }
        for b in range(10)
    ],
}


def library(seed, method, depth, truth_seed=1):
    """Estimates of a simulated library, and what they tend to (bin mean) or the true mean."""
    random = np.random.default_rng(truth_seed)
    screen = sort_screen(random, EDGES[:-1], EDGES[1:], elements=2000, depth=200, tested=0.3)
    chosen = screen.is_tested
    own = np.random.default_rng(seed)
    cells = own.poisson(depth / 2 * own.gamma(4, 0.25, (chosen.sum(), 1)) * screen.probability[chosen])
    counts = own.poisson(2 * cells)
    frame = pd.DataFrame(counts, columns=[f"b{b}" for b in range(10)])
    frame.insert(0, "element", [f"e{i}" for i in range(len(frame))])
    frame.insert(1, "sequence", frame["element"])
    estimates, _ = estimate_expression(frame, SETTINGS, "lib", method)
    value = screen.truth[chosen]
    if method == "bin-mean":
        value = limiting_bin_means(screen.probability[chosen], counts.sum(axis=0), counts.sum(axis=0), np.arange(10.0))
    return estimates, pd.Series(value, index=frame["element"])


@pytest.mark.parametrize(("method", "depth"), [("bin-mean", 10), ("bin-mean", 60), ("maude", 60), ("maude", 200)])
def test_perfect_model_reaches_the_ceiling_from_standard_errors(method, depth):
    estimates, truth = library(7, method, depth)
    row = ceiling_row(measured_values(estimates), "all", "values", np.random.default_rng(1))
    perfect = np.corrcoef(truth.loc[estimates["element"]], estimates["expression"])[0, 1]
    assert row["source"] == "standard errors"
    assert row["pearson_low"] - 0.01 <= perfect <= row["pearson_high"] + 0.01
    rho = spearmanr(truth.loc[estimates["element"]], estimates["expression"])[0]
    assert row["spearman"] == pytest.approx(rho, abs=0.03)


@pytest.mark.parametrize("method", ["bin-mean", "maude"])
def test_perfect_model_reaches_the_ceiling_from_replicates(method):
    tables = {name: library(seed, method, 30)[0] for name, seed in (("r1", 11), ("r2", 12), ("r3", 13))}
    truth = library(11, method, 30)[1]
    combined = combine_replicates(join_replicates(tables, "designed", 0.95), 0.95)
    row = ceiling_row(measured_values(combined), "all", "values", np.random.default_rng(1))
    assert row["source"] == "replicates"
    known = truth.loc[combined["element"]]
    perfect = np.corrcoef(known, combined["expression"])[0, 1]
    assert row["pearson_low"] - 0.01 <= perfect <= row["pearson_high"] + 0.01
    rho = spearmanr(known, combined["expression"])[0]
    assert row["spearman"] == pytest.approx(rho, abs=0.02)
    inside = (combined["expression_low"] <= known.to_numpy()) & (known.to_numpy() <= combined["expression_high"])
    if method == "bin-mean":
        assert 0.92 <= inside.mean() <= 0.98


def test_ceiling_of_exact_gaussian_noise():
    random = np.random.default_rng(2)
    truth, errors = random.normal(0, 1, 4000), random.uniform(0.2, 0.9, 4000)
    noisy = truth + errors * random.standard_normal(4000)
    row = ceiling_row(Measured(noisy, errors), "all", "values", random)
    assert row["pearson_low"] < np.corrcoef(truth, noisy)[0, 1] < row["pearson_high"]
    assert row["spearman"] == pytest.approx(spearmanr(truth, noisy)[0], abs=0.015)
    pairs = random.integers(0, 4000, (2000, 2))
    differences = Measured(noisy, errors).take(pairs)
    row = ceiling_row(differences, "pairs", "pairs", random)
    perfect = np.corrcoef(truth[pairs[:, 0]] - truth[pairs[:, 1]], differences.values)[0, 1]
    assert row["pearson_low"] - 0.01 < perfect < row["pearson_high"] + 0.01
    many = np.stack([truth + 0.7 * random.standard_normal(4000) for _ in range(4)], axis=1)
    row = ceiling_row(Measured(many.mean(axis=1), np.full(4000, np.nan), many), "all", "values", random)
    assert row["pearson_low"] - 0.005 < np.corrcoef(truth, many.mean(axis=1))[0, 1] < row["pearson_high"] + 0.005


def test_ceilings_of_a_dataset_and_none_without_errors():
    estimates, _ = library(7, "bin-mean", 60)
    test = estimates[["element", "expression"]].assign(pos=np.arange(len(estimates)) + 5).iloc[::-1]
    subsets = [
        Subset("all", "values", 1.0, test["pos"].to_numpy()),
        Subset("some", "values", 0.5, np.arange(5, 400)),
        Subset("pairs", "pairs", 2.0, np.array([[a, a + 1] for a in range(5, 300)])),
    ]
    random = np.random.default_rng(1)
    found = dataset_ceilings(test, estimates, subsets, random).set_index("subset")
    assert found.index.tolist() == ["all", "some", "pairs", "total"]
    expected = (found["reliability"][:3] * [1, 0.5, 2]).sum() / 3.5
    assert found.loc["total", "pearson"] == pytest.approx(expected)
    assert found["n"].tolist() == [len(test), 395, 295, len(test)]
    assert dataset_ceilings(test, None, subsets, random).empty
    assert ceiling_table(measured_values(test), [("all", "values", np.arange(3))], random).empty
    with pytest.raises(InputError, match="no estimate of test elements"):
        dataset_ceilings(test, estimates.iloc[:50], subsets, random)

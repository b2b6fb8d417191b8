"""Paired tests between models: calibrated, corrected, and the published bootstrap reproduced."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cisflow.evaluation.bootstrap import bootstrap_correlations
from cisflow.evaluation.comparisons import benjamini_hochberg, comparison_table, holm
from cisflow.evaluation.ranking import Evaluation, bootstrap_table, interval_draws, rank_distribution, score_table
from cisflow.evaluation.scoring import ScoredSubset
from cisflow.evaluation.subsets import Subset

#: Model of the published table by file of its predictions.
PUBLISHED = {"DeepSEA": "DeepSEA", "DanQ": "DanQ", "DeepAtt": "DeepAtt", "Vaishnav et al.": "gpu"}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_corrections_equal_their_definitions(p):
    p, n = np.array(p), len(p)
    rising = sorted(p)
    factors = {value: n - rising.index(value) for value in rising}  # of equal values the first has the largest
    expected = [max(min(1.0, factors[smaller] * smaller) for smaller in rising if smaller <= value) for value in p]
    np.testing.assert_allclose(holm(p), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p), rtol=0, atol=1e-12)


def evaluation_of(measured, predicted, names):
    whole = ScoredSubset(Subset("all", "values", 1.0, np.arange(len(measured))), measured, predicted)
    return Evaluation(names, [whole])


def compared(measured, predicted, draws=1000, seed=1):
    names = [f"m{i}" for i in range(predicted.shape[1])]
    evaluation = evaluation_of(measured, predicted, names)
    found = interval_draws(evaluation, seed, draws=draws)
    return comparison_table(score_table(evaluation, seed, found=found), found, names)


def test_p_values_of_equally_good_models_are_uniform():
    rng = np.random.default_rng(1)
    p = []
    for repeat in range(200):
        measured = rng.normal(size=150)
        predicted = measured[:, None] + rng.normal(size=(150, 2))
        table = compared(measured, predicted, draws=200, seed=repeat).set_index("metric")
        p.append(table.loc[["pearson", "spearman"], ["p_value", "p_bootstrap"]].to_numpy().ravel())
    for column in np.array(p).T:
        assert stats.binomtest(int((column < 0.05).sum()), len(p), 0.05).pvalue > 0.001
        assert stats.kstest(column, "uniform").pvalue > 0.001


def test_different_and_equal_models():
    rng = np.random.default_rng(2)
    measured = rng.normal(size=2000)
    good, bad = measured + rng.normal(0, 0.5, 2000), measured + rng.normal(0, 0.6, 2000)
    table = compared(measured, np.column_stack([bad, good, good, np.zeros(2000)]), draws=300)
    total = table[table["metric"] == "pearson_score"].set_index(["better", "worse"])
    assert len(total) == 6
    assert total.loc[("m1", "m0"), "p_holm"] < 1e-4
    assert total.loc[("m1", "m2"), ["difference", "p_value", "p_bootstrap", "p_holm"]].tolist() == [0, 1, 1, 1]
    assert total.loc[("m0", "m3"), "p_bootstrap"] == pytest.approx(2 / 301)
    assert (table["difference"] >= 0).all()
    assert (table["low"] <= table["difference"]).all()


def test_one_model_has_no_comparison():
    rng = np.random.default_rng(3)
    table = compared(rng.normal(size=50), rng.normal(size=(50, 1)), draws=20)
    assert table.empty
    assert "p_holm" in table


def test_rank_distribution_adds_up():
    rng = np.random.default_rng(4)
    measured = rng.normal(size=400)
    evaluation = evaluation_of(measured, measured[:, None] + rng.normal(size=(400, 4)), list("abcd"))
    bootstrap = bootstrap_table(evaluation, {"draws": 200, "share": 0.2, "replacement": False}, seed=1)
    table = rank_distribution(bootstrap)
    assert table.groupby(["by", "model"])["draws"].sum().eq(200).all()
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()
    row = table.iloc[0]
    expected = stats.binomtest(int(row["draws"]), 200).proportion_ci(method="wilson")
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))


def test_published_bootstrap_is_reproduced(shared_data):
    """10,000 draws of 2,954 items with replacement: equal to the published ones within their Monte-Carlo error."""
    published = pd.read_csv(shared_data / "leaderboard" / "published_bootstrap_random_n2954.csv.gz")
    published = published.rename(columns=lambda name: re.sub(r"\s+", " ", name))[list(PUBLISHED)]
    tables = [
        pd.read_csv(shared_data / "expression" / "vaishnav2022" / f"Random_test_{name}_model.csv.gz")
        for name in PUBLISHED.values()
    ]
    measured = tables[0]["Measured Expression"].to_numpy()
    predicted = np.column_stack([t["Predicted Expression"] for t in tables])
    n, draws = len(measured), len(published)
    assert (n, draws) == (2954, 10_000)
    found = bootstrap_correlations(measured, predicted, draws=draws, size=n, replace=True, seed=1)[..., 0]
    spread = published.to_numpy().std(axis=0)
    error_of_mean = spread * np.sqrt(2 / draws)
    assert (np.abs(found.mean(axis=0) - published.mean().to_numpy()) < 4 * error_of_mean).all()
    assert (np.abs(found.std(axis=0) / spread - 1) < 4 / np.sqrt(draws)).all()
    for limit in (2.5, 97.5):
        # Standard error of a quantile of a normal sample, for two samples.
        error = spread * np.sqrt(2 * 0.025 * 0.975 / draws) / stats.norm.pdf(stats.norm.ppf(limit / 100))
        apart = np.percentile(found, limit, axis=0) - np.percentile(published, limit, axis=0)
        assert (np.abs(apart) < 4 * error).all()
    # The same items were drawn for all models there too.
    assert np.abs(np.corrcoef(found.T) - np.corrcoef(published.T)).max() < 4 * np.sqrt(2 / draws)

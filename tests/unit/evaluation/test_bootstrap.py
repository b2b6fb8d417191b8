"""Correlations in bootstrap draws are exact, and do not depend on the number of threads."""

import numba
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cisflow.evaluation.bootstrap import bootstrap_correlations, bootstrap_scores, draw_size
from cisflow.evaluation.draws import draw_times
from cisflow.evaluation.ranking import Evaluation, bootstrap_table, ranking_table, score_table
from cisflow.evaluation.scoring import ScoredSubset
from cisflow.evaluation.subsets import Subset


def drawn_items(seed, draw, n, size, replace):
    """Items of one draw, through the kernel's own stream."""
    times = np.empty(n, np.int32)
    draw_times(np.uint64(seed), draw, size, replace, np.empty(n, np.int32), times)
    return np.repeat(np.arange(n), times)


@pytest.mark.parametrize("replace", [False, True])
def test_draws_equal_scipy_with_ties(replace):
    rng = np.random.default_rng(1)
    measured = rng.integers(0, 40, 400).astype(float)
    predicted = np.column_stack([measured + rng.normal(0, 5, 400), rng.integers(0, 5, 400), -measured])
    found = bootstrap_correlations(measured, predicted, draws=20, size=60, replace=replace, seed=5)
    for d in range(20):
        items = drawn_items(5, d, 400, 60, replace)
        assert replace or len(set(items)) == 60
        for m in range(3):
            assert found[d, m, 0] == pytest.approx(stats.pearsonr(measured[items], predicted[items, m])[0], abs=1e-12)
            assert found[d, m, 1] == pytest.approx(stats.spearmanr(measured[items], predicted[items, m])[0], abs=1e-12)


@pytest.mark.parametrize(("size", "replace"), [(700, False), (5000, True), (5000, False)])
def test_large_draws_equal_scipy(size, replace):
    rng = np.random.default_rng(2)
    measured = rng.normal(size=5000)
    outlier = measured + rng.normal(size=5000)
    outlier[7] = 1e12  # the mean of the column lies far from most draws
    predicted = np.column_stack([measured.round(2), rng.integers(0, 100_000, 5000), outlier, 1e8 + measured])
    found = bootstrap_correlations(measured, predicted, draws=6, size=size, replace=replace, seed=3)
    for d in range(6):
        items = drawn_items(3, d, 5000, size, replace)
        expected_r = [stats.pearsonr(measured[items], p)[0] for p in predicted[items].T]
        expected_rho = [stats.spearmanr(measured[items], p)[0] for p in predicted[items].T]
        np.testing.assert_allclose(found[d, :, 0], expected_r, rtol=0, atol=1e-9)
        np.testing.assert_allclose(found[d, :, 1], expected_rho, rtol=0, atol=1e-13)


def test_constant_draws_are_not_defined():
    measured = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    predicted = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.7])[:, None]
    found = bootstrap_correlations(measured, predicted, draws=50, size=3, replace=False, seed=1)[:, 0]
    constant = [5 not in drawn_items(1, d, 6, 3, False) for d in range(50)]
    assert 0 < sum(constant) < 50
    np.testing.assert_array_equal(np.isnan(found), np.column_stack([constant, constant]))


def test_every_item_is_drawn_equally_often():
    counts = np.zeros(50)
    for d in range(4000):
        counts[drawn_items(9, d, 50, 5, False)] += 1
    assert stats.chisquare(counts).pvalue > 1e-4


def test_blocks_and_threads_do_not_matter():
    rng = np.random.default_rng(3)
    measured, predicted = rng.normal(size=200), rng.normal(size=(200, 4))
    whole = bootstrap_correlations(measured, predicted, draws=50, size=20, replace=False, seed=7)
    parts = [
        bootstrap_correlations(measured, predicted, draws=25, size=20, replace=False, seed=7, first_draw=first)
        for first in (0, 25)
    ]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    scored = [ScoredSubset(Subset("all", "values", 1.0, np.arange(200)), measured, predicted)]
    runs = [
        bootstrap_scores(scored, draws=600, share=0.1, replace=False, seeds=[1], threads=threads)[0]
        for threads in (1, min(2, numba.config.NUMBA_NUM_THREADS))
    ]
    np.testing.assert_array_equal(*runs)


def make_evaluation(noises=(0.3, 0.6, 2.0)):
    rng = np.random.default_rng(4)
    measured = rng.normal(size=500)
    predicted = np.column_stack([measured + rng.normal(0, s, 500) for s in noises])
    values = ScoredSubset(Subset("all", "values", 1.0, np.arange(500)), measured, predicted)
    pairs = ScoredSubset(
        Subset("SNVs", "pairs", 1.25, np.arange(500).reshape(-1, 2)),
        measured[::2] - measured[1::2],
        predicted[::2] - predicted[1::2],
    )
    return Evaluation([f"noise {s}" for s in noises], [values, pairs])


def test_ranking_orders_models_by_their_noise():
    evaluation = make_evaluation()
    bootstrap = bootstrap_table(evaluation, {"draws": 200, "share": 0.1, "replacement": False}, seed=1)
    scores = score_table(evaluation, seed=1)
    ranking = ranking_table(bootstrap, scores)
    assert ranking["model"].tolist() == ["noise 0.3", "noise 0.6", "noise 2.0"]
    assert ranking["rank"].tolist() == [1, 2, 3]
    assert ranking["probability_best"].sum() == pytest.approx(1)
    assert bootstrap.groupby("draw")["pearson_rank"].sum().eq(6).all()
    assert (scores["low"] <= scores["value"] + 1e-9).all()
    assert (scores["value"] <= scores["high"] + 1e-9).all()
    total = scores[scores["subset"] == "total"]
    assert total["weight"].unique() == pytest.approx([2.25])


def test_one_model_is_first():
    evaluation = make_evaluation((0.5,))
    bootstrap = bootstrap_table(evaluation, {"draws": 20, "share": 0.1, "replacement": False}, seed=1)
    ranking = ranking_table(bootstrap, score_table(evaluation, seed=1))
    assert ranking["rank"].tolist() == [1]
    assert ranking["probability_best"].tolist() == [1.0]


def test_equal_models_share_the_rank():
    evaluation = make_evaluation((0.5,))
    twice = [ScoredSubset(s.subset, s.measured, np.repeat(s.predicted, 2, axis=1)) for s in evaluation.scored]
    bootstrap = bootstrap_table(Evaluation(["a", "b"], twice), {"draws": 20, "share": 0.1, "replacement": True}, seed=1)
    assert bootstrap["pearson_rank"].eq(1.5).all()


def test_constant_predictions_score_zero():
    evaluation = make_evaluation()
    constant = [ScoredSubset(s.subset, s.measured, np.zeros((len(s.measured), 1))) for s in evaluation.scored]
    table = score_table(Evaluation(["constant"], constant), seed=1)
    assert table.loc[table["subset"] == "total", "value"].tolist() == [0.0, 0.0]
    assert table.loc[table["metric"] == "pearson", "value"].isna().all()


def test_small_subsets_draw_enough_items():
    assert [draw_size(n, 0.1) for n in (3, 10, 300)] == [3, 3, 30]


def test_bootstrap_table_is_tidy():
    table = bootstrap_table(make_evaluation(), {"draws": 7, "share": 0.2, "replacement": False}, seed=1)
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 21
    assert table["draw"].tolist() == sorted(table["draw"])


@pytest.mark.parametrize("shards", [2, 7, 60])
def test_any_number_of_shards_gives_the_same_draws(shards):
    rng = np.random.default_rng(3)
    measured = rng.normal(size=90)
    predicted = np.column_stack([measured + rng.normal(0, 1, 90), rng.normal(size=90)])
    evaluation = Evaluation(
        ["a", "b"], [ScoredSubset(Subset("all", "values", 1.0, np.arange(90)), measured, predicted)]
    )
    settings = {"draws": 50, "share": 0.3, "replacement": True}
    whole = bootstrap_table(evaluation, settings, seed=4)
    parts = [bootstrap_table(evaluation, settings, seed=4, shard=(shard, shards)) for shard in range(shards)]
    joined = pd.concat([part for part in parts if len(part)], ignore_index=True)
    pd.testing.assert_frame_equal(joined, whole, check_exact=True)

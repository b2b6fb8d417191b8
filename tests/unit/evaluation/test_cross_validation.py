"""Cross-validation: scores and paired tests as by scipy, and a figure that shows them."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cisflow.evaluation.cross_validation import fold_scores, paired_tests, summary_table
from cisflow.figures.cross_validation import folds_figure
from cisflow.problems import InputError


def scores(seed=0, models=("a", "b", "c"), folds=6):
    rng = np.random.default_rng(seed)
    rows = []
    for fold in range(folds):
        level = rng.normal(0.5, 0.1)
        for place, model in enumerate(models):
            for metric, sign in (("pearson", 1), ("spearman", 1), ("mse", -1)):
                value = level + sign * 0.03 * place + rng.normal(0, 0.02)
                head = {"model": model, "head": "expression", "fold": str(fold), "n": 50, "models": 9}
                rows.append({**head, "metric": metric, "value": value})
    return pd.DataFrame(rows)


def values(table, model, metric):
    return table[(table["model"] == model) & (table["metric"] == metric)]["value"].to_numpy()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 8))
def test_paired_tests_are_scipys(seed, folds):
    table = scores(seed, folds=folds)
    tests = paired_tests(table)
    assert len(tests) == 9
    for row in tests.itertuples():
        a, b = values(table, row.better, row.metric), values(table, row.worse, row.metric)
        expected = stats.ttest_rel(a, b)
        assert row.t == pytest.approx(expected.statistic)
        assert row.p_value == pytest.approx(expected.pvalue)
        interval = expected.confidence_interval(0.95)
        assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
        assert row.df == expected.df == folds - 1
        assert (row.difference < 0) == (row.metric == "mse")
        assert row.p_corrected >= row.p_value
    for _, part in tests.groupby("metric"):
        expected = stats.false_discovery_control(part["p_value"])
        np.testing.assert_allclose(part["p_benjamini_hochberg"], expected)
        assert (part["p_holm"] >= part["p_value"]).all()


def test_equal_models_and_a_constant_difference():
    table = scores(folds=4)
    table["value"] = 0.25
    table.loc[table["model"] == "c", "value"] = 0.5
    tests = paired_tests(table)
    same = tests[["better", "worse"]].isin(["a", "b"]).all(axis=1)
    assert (tests[same]["p_value"] == 1).all()
    assert (tests[same]["t"] == 0).all()
    assert (tests[~same]["p_value"] == 0).all()


def test_means_and_intervals_are_scipys_and_the_best_comes_first():
    table = scores()
    summary = summary_table(table)
    assert summary[summary["metric"] == "pearson"]["model"].tolist() == ["c", "b", "a"]
    assert summary["metric"].unique().tolist() == ["pearson", "spearman", "mse"]
    for row in summary.itertuples():
        found = values(table, row.model, row.metric)
        low, high = stats.t.interval(0.95, len(found) - 1, found.mean(), stats.sem(found))
        assert (row.mean, row.low, row.high) == pytest.approx((found.mean(), low, high))


def write_predictions(folder, models=("a", "b"), folds=("x", "y"), n=30):
    rng = np.random.default_rng(1)
    paths, chosen = [], list(itertools.product(models, folds))
    measured = {fold: rng.normal(size=n) for fold in folds}
    for model, fold in chosen:
        table = pd.DataFrame({"pos": np.arange(n), "expression": measured[fold], "models": 3})
        table["prediction"] = measured[fold] + rng.normal(size=n)
        paths.append(folder / f"{model}.{fold}.parquet")
        table.to_parquet(paths[-1])
    return [m for m, _ in chosen], [f for _, f in chosen], paths


def test_scores_per_fold(tmp_path):
    models, folds, paths = write_predictions(tmp_path)
    found = fold_scores(models, folds, paths)
    assert len(found) == 4 * 3
    table = pd.read_parquet(paths[3])
    own = found[(found["model"] == "b") & (found["fold"] == "y")].set_index("metric")["value"]
    assert own["pearson"] == pytest.approx(stats.pearsonr(table["expression"], table["prediction"])[0])
    assert own["spearman"] == pytest.approx(stats.spearmanr(table["expression"], table["prediction"])[0])
    assert own["mse"] == pytest.approx(((table["expression"] - table["prediction"]) ** 2).mean())


def test_each_head_is_scored_and_compared_by_itself(tmp_path):
    models, folds, paths = write_predictions(tmp_path, models=("a", "b", "one_head"))
    for path in paths[:4]:
        table = pd.read_parquet(path)
        rng = np.random.default_rng(len(table))
        table["hk"] = rng.normal(size=len(table))
        table["prediction.hk"] = table["hk"] + rng.normal(size=len(table)) * (2 if "b." in path.name else 1)
        table.to_parquet(path)
    found = fold_scores(models, folds, paths)
    assert found.groupby("head")["model"].unique().map(list).to_dict() == {
        "expression": ["a", "b", "one_head"],
        "hk": ["a", "b"],
    }
    table = pd.read_parquet(paths[3])
    own = found[(found["model"] == "b") & (found["fold"] == "y") & (found["head"] == "hk")]
    r = stats.pearsonr(table["hk"], table["prediction.hk"])[0]
    assert own.set_index("metric")["value"]["pearson"] == pytest.approx(r)
    tests = paired_tests(found)
    assert tests.groupby("head").size().to_dict() == {"expression": 9, "hk": 3}
    summary = summary_table(found)
    assert summary.groupby("head").size().to_dict() == {"expression": 9, "hk": 6}
    alone = found[found["head"] == "hk"]
    pd.testing.assert_frame_equal(tests[tests["head"] == "hk"].reset_index(drop=True), paired_tests(alone))


def test_figure_has_a_row_of_panels_for_each_head():
    import matplotlib.pyplot as plt

    parts = [scores(seed).assign(head=head) for seed, head in enumerate(("expression", "hk"))]
    table = pd.concat(parts, ignore_index=True)
    labels = {"expression": "Dev", "hk": "Hk"}
    figure, drawn, caption = folds_figure(table, summary_table(table), paired_tests(table), labels)
    titles = [panel.get_title() for panel in figure.axes]
    plt.close(figure)
    assert titles == ["Dev", "Dev", "Hk", "Hk"]
    assert drawn.groupby(["head", "kind"]).size().to_dict() == {
        ("expression", "fold"): 36,
        ("expression", "mean"): 6,
        ("hk", "fold"): 36,
        ("hk", "mean"): 6,
    }
    assert "Dev: c, " in caption
    assert "; Hk: c, " in caption


def test_other_rows_and_predictions_that_are_no_numbers_are_refused(tmp_path):
    models, folds, paths = write_predictions(tmp_path)
    pd.read_parquet(paths[2]).assign(pos=lambda t: t["pos"] + 1).to_parquet(paths[2])
    pd.read_parquet(paths[3]).assign(prediction=np.nan).to_parquet(paths[3])
    with pytest.raises(InputError) as error:
        fold_scores(models, folds, paths)
    assert "other rows than those of a in fold x" in str(error.value)
    assert "30 predictions are not finite" in str(error.value)


@pytest.mark.parametrize("models", [("a",), ("kmer_ridge", "deepstarr"), tuple("abcdef")])
def test_figure_draws_every_fold_and_mean(models):
    import matplotlib.pyplot as plt

    table = scores(models=models)
    figure, drawn, caption = folds_figure(table, summary_table(table), paired_tests(table))
    plt.close(figure)
    assert (drawn["kind"] == "fold").sum() == 2 * 6 * len(models)
    assert (drawn["kind"] == "mean").sum() == 2 * len(models)
    assert "mean of 9 models" in caption
    assert ("the first 6 pairs" in caption) == (len(models) > 4)

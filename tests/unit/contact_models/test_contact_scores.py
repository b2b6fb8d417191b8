"""Scores of contact models at several levels: which entries count, tables, blocks of windows, ranking."""

import numpy as np
import pandas as pd
import pytest
from predicted_toys import BINS, LEVELS, distance_only, made_up, save
from scipy.stats import pearsonr

from cisflow.evaluation.comparisons import UNCERTAINTY
from cisflow.evaluation.contact_predictions import each_model, read_predicted_maps, read_predictions
from cisflow.evaluation.contact_ranking import rank_contact_models
from cisflow.evaluation.contact_sums import sum_models, window_blocks
from cisflow.evaluation.contacts import akita_table, chromosome_table, score_table, summary_table
from cisflow.figures.contact_ranking import contact_ranking_figures
from cisflow.problems import InputError
from cisflow.report.contacts import _cell


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    good, poor = made_up(0.3), made_up(1.5, model_seed=2)
    models = {"good": good, "poor": poor, "distance_only": distance_only(good)}
    return save(tmp_path_factory.mktemp("predictions"), **models)


@pytest.fixture(scope="module")
def sums(paths):
    return sum_models(each_model(paths))


def test_entries_with_more_than_a_quarter_missing_do_not_count(paths):
    found = read_predicted_maps(paths["good"])
    kept = np.isfinite(found.scored(0))
    assert not kept[:, [5, 9]].any()
    assert not kept[:, :, [5, 9]].any()
    assert kept.sum() == len(kept) * (BINS - 2) ** 2
    assert np.isfinite(read_predicted_maps(paths["good"], 0.3).scored(0)).sum() == len(kept) * (BINS - 1) ** 2
    np.testing.assert_array_equal(found.scored(1)[kept], found.observed[:, 1][kept])


def test_between_chromosomes_only_entries_between_chromosomes_count(tmp_path):
    between = made_up(kind="trans", windows=3)
    within = made_up(windows=2) | {"background_trans": np.zeros((2, 3, BINS, BINS), dtype=bool)}
    both = {
        name: np.concatenate([within[name], between[name]], axis=1 if name == "predicted" else 0)
        for name in ("chromosome", "start", "predicted", "observed", "missing", "background_trans")
    }
    both |= {name: within[name] for name in ("levels", "bin_size", "seeds", "log_background")} | {
        "kind": np.array(["cis"] * 2 + ["trans"] * 3)
    }
    found = read_predicted_maps(save(tmp_path, both=both)["both"])
    assert found.kinds == ["cis", "trans"]
    kept = np.isfinite(found.scored(2))
    far = np.arange(BINS) >= 2 * BINS // 3
    assert (kept[2:] <= (far[:, None] != far)).all()
    assert kept[2:].sum() == 3 * 2 * (2 * BINS // 3 - 2) * (BINS // 3)
    assert kept[:2].sum() == 2 * (BINS - 2) ** 2
    sums = sum_models([("both", found)])
    table = summary_table(sums, 50, 1, "map")
    assert table.groupby("kind")["n_windows"].max().to_dict() == {"cis": 2, "trans": 3}
    rows = table[(table["kind"] == "trans") & (table["metric"] == "pooled_pearson")]
    predicted, observed = found.mean()[2:, 0], found.scored(0)[2:]
    measured = np.isfinite(observed)
    assert rows["value"].iloc[0] == pytest.approx(pearsonr(predicted[measured], observed[measured])[0])
    ranking = rank_contact_models(sums, 50, 1, "map").ranking
    assert ranking["kind"].tolist() == ["cis", "trans"]


def test_files_that_do_not_fit_are_refused(tmp_path):
    found = made_up(windows=2)
    wrong = {
        "kind": (found | {"kind": np.array("far")}, "'far'; expected 'cis' or 'trans'"),
        "shape": (found | {"start": found["start"][:, :1]}, r"column \"start\": shape \(2, 1\); expected \(2, 3\)"),
        "missing": (found | {"missing": found["missing"][0]}, r"column \"missing\": shape"),
        "trans": (found | {"kind": np.array("trans")}, "absent, but there are windows of kind 'trans'"),
        "absent": ({k: v for k, v in found.items() if k != "seeds"}, "no array seeds"),
    }
    for name, (arrays, message) in wrong.items():
        path = save(tmp_path, **{name: arrays})[name]
        with pytest.raises(InputError, match=message):
            read_predicted_maps(path)
    other = save(tmp_path, a=found, b=found | {"start": found["start"] + 100})
    with pytest.raises(InputError, match="give all models of a map the same"):
        read_predictions(other)


def test_scores_have_a_row_per_model_replicate_window_level_and_metric(sums, paths):
    table = score_table(sums)
    assert len(table) == (3 + 3 + 2) * 8 * 3 * 3 + 3 * 8
    found = read_predicted_maps(paths["good"])
    key = (
        table["model"].eq("good") & table["window"].eq(5) & table["level"].eq(LEVELS[1]) & table["metric"].eq("pearson")
    )
    rows = table[key].set_index("seed")
    assert rows.index.tolist() == ["1", "2", "mean"]
    assert rows["start"].eq(found.start[5, 1]).all()
    assert rows["chromosome"].eq("chr10").all()
    observed = found.scored(1)[5]
    measured = np.isfinite(observed)
    for seed, predicted in {"1": found.predicted[0], "mean": found.mean()}.items():
        expected = pearsonr(predicted[5, 1][measured], observed[measured])[0]
        assert rows.loc[seed, "value"] == pytest.approx(expected)
        assert rows.loc[seed, "n"] == measured.sum()


def test_summary_pools_the_entries_of_a_level(sums, paths):
    table = summary_table(sums, 300, 1, "map")
    assert len(table) == 3 * 3 * 5
    assert table["model"].unique().tolist() == ["good", "poor", "distance_only"]
    found = read_predicted_maps(paths["poor"])
    for level, length in enumerate(LEVELS):
        rows = table[(table["model"] == "poor") & (table["level"] == length)].set_index("metric")
        observed, predicted = found.scored(level), found.mean()[:, level]
        measured = np.isfinite(observed)
        expected = pearsonr(predicted[measured], observed[measured])[0]
        assert rows.loc["pooled_pearson", "value"] == pytest.approx(expected, abs=1e-6)
        assert rows.loc["pooled_pearson", "n"] == measured.sum()
        assert rows.loc["pooled_pearson", "low"] < expected < rows.loc["pooled_pearson", "high"]
    undefined = table[(table["model"] == "distance_only") & table["metric"].str.contains("subtracted")]
    assert undefined["value"].isna().all()
    pd.testing.assert_frame_equal(table, summary_table(sums, 300, 1, "map"))


def test_chromosomes_by_themselves_are_the_scores_of_their_windows(sums, paths, tmp_path):
    table = chromosome_table(sums, 100, 1, "map")
    assert table["chromosome"].unique().tolist() == ["chr9", "chr10"]
    found = made_up(0.3)
    part = {
        name: values[:, 4:] if name == "predicted" else values[4:] if values.shape[:1] == (8,) else values
        for name, values in found.items()
    }
    alone = summary_table(sum_models(each_model(save(tmp_path, good=part))), 100, 1, "map")
    rows = table[(table["chromosome"] == "chr10") & (table["model"] == "good")]
    np.testing.assert_allclose(rows["value"], alone["value"])


def test_windows_that_overlap_are_drawn_together():
    chromosome = np.array(["a", "a", "b", "a", "a", "b"])
    start = np.array([0, 50, 20, 100, 160, 500])
    assert window_blocks(chromosome, start, 100).tolist() == [0, 0, 2, 1, 1, 3]
    assert window_blocks(chromosome, start, 10).tolist() == [0, 1, 4, 2, 3, 5]


def test_intervals_of_overlapping_windows_are_wider(tmp_path):
    """Every window is there twice: its copy adds nothing that the interval could become narrower by."""
    found = made_up(1.0, windows=16, step=20_000, levels=LEVELS[:1])
    twice = {
        name: np.repeat(v, 2, axis=1 if name == "predicted" else 0) if 16 in v.shape[:2] else v
        for name, v in found.items()
    }
    tables = {
        name: summary_table(sum_models(each_model(save(tmp_path, **{name: arrays}))), 2000, 1, "map").set_index(
            "metric"
        )
        for name, arrays in {"once": found, "twice": twice}.items()
    }
    width = {name: (t["high"] - t["low"])["pooled_pearson"] for name, t in tables.items()}
    assert width["twice"] == pytest.approx(width["once"], rel=0.15)
    assert tables["twice"].loc["pooled_pearson", ["n_windows", "n_blocks"]].tolist() == [32, 16]


def test_one_block_of_windows_gives_no_interval_and_no_test(tmp_path):
    maps = {name: made_up(noise, windows=4, step=100) for name, noise in (("good", 0.3), ("poor", 1.5))}
    maps = {name: found | {"chromosome": np.full(4, "chr9")} for name, found in maps.items()}
    one = sum_models(each_model(save(tmp_path, **maps)))
    summary = summary_table(one, 50, 1, "map")
    assert summary["n_blocks"].eq(1).all()
    assert np.isfinite(summary["value"]).any()
    assert summary[["low", "high"]].isna().all(axis=None)
    assert _cell(summary.iloc[0]).endswith(" (no interval)")
    ranking = rank_contact_models(one, 50, 1, "map")
    assert (ranking.comparisons["difference"] > 0).all()
    assert ranking.comparisons[UNCERTAINTY].isna().all(axis=None)
    for figure, _, caption in contact_ranking_figures(ranking.bootstrap, ranking.ranking, ranking.comparisons):
        assert figure.axes
        assert caption
    assert "one block" in contact_ranking_figures(ranking.bootstrap, ranking.ranking, ranking.comparisons)[0][2]


def test_ranking_and_paired_tests(sums):
    found = rank_contact_models(sums, 400, 1, "map")
    assert found.ranking["model"].tolist() == ["good", "poor", "distance_only"]
    assert found.ranking["probability_best"].iloc[0] == 1
    summary = summary_table(sums, 10, 1, "map")
    pooled = summary[(summary["model"] == "poor") & (summary["metric"] == "pooled_pearson")]["value"].mean()
    assert found.ranking.set_index("model").loc["poor", "pearson_score"] == pytest.approx(pooled)
    assert found.bootstrap.groupby("model").size().eq(400).all()
    assert found.distribution.groupby(["by", "model"])["share"].sum().to_numpy() == pytest.approx(1)
    assert found.comparisons["level"].unique().tolist() == ["all", *map(str, LEVELS)]
    assert len(found.comparisons) == 4 * 2 * 3
    best = found.comparisons[found.comparisons["level"].eq("all") & found.comparisons["metric"].eq("pearson_score")]
    assert (best["p_holm"] >= best["p_value"]).all()
    first = best[(best["better"] == "good") & (best["worse"] == "poor")].iloc[0]
    assert first["low"] > 0
    assert first["p_holm"] < 0.01


def test_comparison_with_akita_needs_fine_bins(sums, tmp_path):
    table = akita_table(sums, 100, 1, "map")
    assert table["bins"].tolist() == [22] * 3
    assert table["bin_size"].eq(100).all()
    assert table.set_index("model")["value"]["good"] > table.set_index("model")["value"]["poor"]
    coarse = save(tmp_path, good=made_up(levels=LEVELS * 1000))
    assert akita_table(sum_models(each_model(coarse)), 100, 1, "map").empty

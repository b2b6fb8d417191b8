"""Distances, baselines and bootstrap against scipy and numpy; tables and figures of several folds and of one."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from cisflow.evaluation import profile_scores
from cisflow.evaluation.intervals import interval
from cisflow.evaluation.profile_scores import RegionBootstrap, jensen_shannon, mean_profile, shuffled_distance
from cisflow.evaluation.profile_tables import (
    METRICS,
    assay_tables,
    fold_tables,
    joined_folds,
    observed_counts,
    paths_by_fold,
)
from cisflow.figures.profiles import (
    chosen_regions,
    example_profiles_figure,
    profile_counts_figure,
    profile_scores_figure,
)
from cisflow.figures.style import save_figure
from cisflow.files import read_table, write_arrays, write_table
from cisflow.problems import InputError
from cisflow.profiles.folds import Fold

LENGTH, ROOM = 40, 6


@given(st.integers(0, 2**31), st.integers(2, 60))
@settings(max_examples=30, deadline=None)
def test_distance_is_that_of_the_published_program(seed, positions):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rng.gamma(0.5, 2, (4, 1)), (4, positions))
    shares = rng.dirichlet(np.ones(positions), 4).astype(np.float32)
    found = jensen_shannon(counts, shares)
    for row, (observed, predicted) in enumerate(zip(counts, shares, strict=True)):
        if observed.sum():
            expected = jensenshannon(observed / (0.001 + observed.sum()), predicted)
            assert found[row] == pytest.approx(expected, abs=1e-7)
        else:
            assert np.isnan(found[row])


def test_distance_of_equal_and_of_disjoint_profiles():
    counts = np.array([[1, 3, 0, 0], [5, 0, 0, 0]])
    assert jensen_shannon(counts, counts)[0] == 0
    assert jensen_shannon(counts, np.array([0.0, 0, 1, 1])) == pytest.approx([np.sqrt(np.log(2))] * 2)


def test_long_tables_are_done_in_pieces(monkeypatch):
    rng = np.random.default_rng(0)
    counts, shares = rng.poisson(2, (50, 30)), rng.dirichlet(np.ones(30), 50)
    whole = jensen_shannon(counts, shares)
    boot = RegionBootstrap(50, 20, np.random.default_rng(1), "x")
    values = [boot.medians(whole), boot.means(whole), boot.pearsons(whole, shares[:, 0])]
    monkeypatch.setattr(profile_scores, "CHUNK", 100)
    np.testing.assert_array_equal(jensen_shannon(counts, shares), whole)
    for found, expected in zip(
        (boot.medians(whole), boot.means(whole), boot.pearsons(whole, shares[:, 0])), values, strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_baselines():
    rng = np.random.default_rng(0)
    counts = rng.poisson(np.linspace(0.1, 5, 60), (300, 60))
    counts[7] = 0
    profile = mean_profile(counts)
    assert profile.sum() == pytest.approx(1)
    assert profile[-10:].sum() > 0.25
    own = np.nanmedian(jensen_shannon(counts, profile))
    shuffled = shuffled_distance(counts, np.random.default_rng(1))
    assert own < np.nanmedian(shuffled)
    assert np.isnan(shuffled[7])


@given(st.integers(0, 2**31), st.integers(2, 9))
@settings(max_examples=30, deadline=None)
def test_bootstrap_is_that_of_repeated_regions(seed, n):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), rng.normal(size=n)
    values = np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 4, n))
    boot = RegionBootstrap(n, 25, rng, "x")
    assert (boot.times.sum(axis=1) == n).all()
    drawn = [np.repeat(np.arange(n), times) for times in boot.times]
    medians = [np.median(v) if len(v := values[d][np.isfinite(values[d])]) else np.nan for d in drawn]
    np.testing.assert_array_equal(boot.medians(values), medians)
    np.testing.assert_allclose(boot.means(x), [x[d].mean() for d in drawn], rtol=1e-9, atol=1e-12)
    for d, r in zip(drawn, boot.pearsons(x, y), strict=True):
        if len(set(d)) > 1:
            assert r == pytest.approx(np.corrcoef(x[d], y[d])[0, 1], abs=1e-6)
        else:
            assert np.isnan(r)


def test_interval_holds_the_middle_95_percent():
    assert interval(np.array([np.nan, *np.arange(101.0)])) == pytest.approx((2.5, 97.5))
    assert np.isnan(interval(np.empty(0))).all()


@pytest.fixture(scope="module")
def assay(tmp_path_factory):
    """Regions of three chromosomes, their counts, and predictions of two networks and a bias model in two folds."""
    folder = tmp_path_factory.mktemp("scores")
    rng = np.random.default_rng(0)
    n = 180
    shape = rng.dirichlet(np.full(LENGTH, 0.6), n)
    total = np.exp(rng.normal(5, 0.8, n))
    counts = np.zeros((n, LENGTH + 2 * ROOM), dtype=np.uint16)
    counts[:, ROOM:-ROOM] = rng.poisson(shape * total[:, None])
    regions = pd.DataFrame(
        {
            "region": np.arange(n),
            "chromosome": np.repeat(["chr1", "chr2", "chr3"], n // 3),
            "position": 1000 + 100 * np.arange(n),
            "kind": np.where(np.arange(n) % 5 == 4, "nonpeak", "peak"),
            "count": counts[:, ROOM:-ROOM].sum(axis=1).astype(float),
        }
    )
    write_table(regions, folder / "regions.parquet")
    np.save(folder / "counts.npy", counts)
    folds = [Fold("1", ("chr2",), ("chr1",)), Fold("2", ("chr3",), ("chr2",))]
    paths = {}
    for fold in folds:
        rows = np.flatnonzero((regions["kind"] == "peak") & (regions["chromosome"] == fold.test[0]))
        for name, noise in (("bias", 2.0), ("good", 0.2), ("fair", 0.7)):
            logits = np.log(shape[rows] + 1e-4) + rng.normal(0, noise, (len(rows), LENGTH))
            shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            log_counts = np.log(total[rows]) + rng.normal(0, noise, (2, len(rows)))
            found = {"rows": rows, "probabilities": shares.astype(np.float32), "seeds": np.array([1, 2])}
            path = folder / f"{fold.name}.{name}.npz"
            write_arrays({**found, "log_counts": log_counts.astype(np.float32)}, path)
            paths.setdefault(fold.name, {})[name] = path
    return folder, folds, paths


def scored(assay, n_folds=2, draws=100):
    folder, folds, paths = assay
    used = folds[:n_folds]
    own = {fold.name: paths[fold.name] for fold in used}
    tables = assay_tables(
        **fold_tables("x", used, folder / "regions.parquet", folder / "counts.npy", own, "bias", draws, 3)
    )
    return tables, own


def test_tables_of_two_folds(assay):
    tables, paths = scored(assay)
    scores, summary = tables["scores"], tables["summary"]
    assert summary["model"].unique().tolist() == ["good", "fair", "bias", "shuffled", "mean_profile"]
    assert set(scores.loc[scores["model"] == "good", "metric"]) == set(METRICS)
    assert set(scores.loc[scores["kind"] == "baseline", "metric"]) == {"jensen_shannon", "profile_similarity"}
    row = scores[(scores["model"] == "fair") & (scores["fold"] == "2")].set_index("metric")
    with np.load(paths["2"]["fair"]) as found:
        counts = observed_counts(assay[0] / "counts.npy", found["rows"], LENGTH)
        predicted = found["log_counts"].mean(axis=0)
        distance = np.median(jensen_shannon(counts, found["probabilities"]))
    observed = np.log1p(counts.sum(axis=1))
    assert row.loc["count_pearson", "value"] == pytest.approx(np.corrcoef(observed, predicted)[0, 1], abs=1e-6)
    assert row.loc["count_mse", "value"] == pytest.approx(((observed - predicted) ** 2).mean(), rel=1e-5)
    assert row.loc["jensen_shannon", "value"] == pytest.approx(distance)
    assert row.loc["profile_similarity", "value"] == pytest.approx(1 - distance)
    inside = scores[scores["low"].notna()]
    assert (inside["low"] <= inside["value"] + 1e-9).all()
    assert (inside["value"] <= inside["high"] + 1e-9).all()
    regions = tables["regions"]
    assert len(regions) == 5 * 96
    own = regions[(regions["model"] == "good") & (regions["fold"] == "1")]["jensen_shannon"]
    good = scores[(scores["model"] == "good") & (scores["fold"] == "1")].set_index("metric")["value"]
    assert own.median() == pytest.approx(good["jensen_shannon"])
    tests = tables["comparisons"]
    assert tests["metric"].tolist() == list(METRICS)
    assert set(tests["better"]) == {"good"}
    again = scored(assay)[0]
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, again[name])


def test_tables_of_one_fold_have_the_intervals_of_its_bootstrap(assay):
    tables, _ = scored(assay, 1)
    assert tables["comparisons"].empty
    assert "p_holm" in tables["comparisons"]
    scores = tables["scores"].set_index(["model", "metric"])
    for row in tables["summary"].itertuples():
        own = scores.loc[(row.model, row.metric)]
        assert (row.mean, row.folds) == (own["value"], 1)
        np.testing.assert_equal([row.low, row.high], [own["low"], own["high"]])


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_shards_of_folds_give_the_same_bytes(assay, tmp_path, shards):
    folder, folds, paths = assay
    swapped = Fold("0", ("chr1",), ("chr3",))  # a fold whose name sorts before the others
    rows = np.flatnonzero((read_table(folder / "regions.parquet")["chromosome"] == "chr3").to_numpy())
    rows = rows[rows % 5 != 4]
    with np.load(paths["1"]["good"]) as found:
        arrays = dict(found)
    write_arrays({**arrays, "rows": rows}, tmp_path / "0.npz")
    folds = [*folds, swapped]
    paths = {**paths, "0": dict.fromkeys(paths["1"], tmp_path / "0.npz")}
    given = (folder / "regions.parquet", folder / "counts.npy", paths, "bias", 50, 3)
    parts = []
    for shard in range(shards):
        tables = fold_tables("x", folds[shard::shards], *given)
        for name, table in tables.items():
            write_table(table, tmp_path / f"{name}.shard{shard}.parquet")
        parts.append({name: read_table(tmp_path / f"{name}.shard{shard}.parquet") for name in tables})
    names = [fold.name for fold in folds]
    joined = assay_tables(**{n: joined_folds([part[n] for part in parts], names) for n in ("regions", "scores")})
    whole = assay_tables(**fold_tables("x", folds, *given))
    assert list(joined) == list(whole)
    for name, table in whole.items():
        suffix = ".parquet" if name == "regions" else ".tsv"
        write_table(table, tmp_path / f"whole{suffix}")
        write_table(joined[name], tmp_path / f"joined{suffix}")
        assert (tmp_path / f"whole{suffix}").read_bytes() == (tmp_path / f"joined{suffix}").read_bytes(), name


def test_different_peaks_and_numbers_that_are_not_finite_are_refused(assay, tmp_path):
    folder, folds, paths = assay
    with np.load(paths["1"]["good"]) as found:
        arrays = dict(found)
    for name, change, message in (
        ("rows", arrays["rows"] + 1, "good: other test peaks than those of bias"),
        ("log_counts", arrays["log_counts"] * np.nan, "good: predictions are not finite numbers"),
    ):
        write_arrays({**arrays, name: change}, tmp_path / "x.npz")
        own = {"1": {**paths["1"], "good": tmp_path / "x.npz"}}
        with pytest.raises(InputError, match=message):
            assay_tables(
                **fold_tables("x", folds[:1], folder / "regions.parquet", folder / "counts.npy", own, "bias", 10, 3)
            )


def test_paths_come_in_the_order_of_folds_and_models():
    pairs = [("1", "bias"), ("1", "a"), ("2", "bias")]
    assert paths_by_fold(pairs, ["x", "y", "z"]) == {"1": {"bias": "x", "a": "y"}, "2": {"bias": "z"}}


@pytest.mark.parametrize("n_folds", [1, 2])
def test_figures_draw_what_the_tables_say(assay, tmp_path, n_folds):
    tables, paths = scored(assay, n_folds)
    regions, scores, summary, tests = (tables[name] for name in ("regions", "scores", "summary", "comparisons"))
    drawn = {
        "examples": example_profiles_figure(regions, summary, paths, assay[0] / "counts.npy", "x"),
        "counts": profile_counts_figure(regions, scores, summary, "x"),
        "scores": profile_scores_figure(scores, summary, tests, "x"),
    }
    for name, (figure, table, caption) in drawn.items():
        assert "nan" not in caption
        if n_folds == 1:
            continue
        save_figure(figure, table, tmp_path / f"{name}.svg", name, caption)
        assert (tmp_path / f"{name}.svg").stat().st_size > 5000
        assert json.loads((tmp_path / f"{name}.json").read_text())["caption"] == caption
    table = drawn["examples"][1]
    assert table["region"].unique().tolist() == ["best", "median", "worst"]
    assert table["offset"].tolist() == [*range(-20, 20)] * 3
    chosen = chosen_regions(regions, "good")
    assert chosen["best"]["jensen_shannon"] <= chosen["median"]["jensen_shannon"] <= chosen["worst"]["jensen_shannon"]
    best = table[table["region"] == "best"]
    with np.load(paths[chosen["best"]["fold"]]["good"]) as found:
        place = int(np.flatnonzero(found["rows"] == chosen["best"]["region"])[0])
        total = np.expm1(found["log_counts"][:, place].mean(dtype=float))
        np.testing.assert_allclose(best["good"], found["probabilities"][place] * total, atol=1e-3)
    assert best["good.bias"].sum() == pytest.approx(total, rel=1e-3)
    assert len(drawn["counts"][1]) == 3 * 48 * n_folds
    means = drawn["scores"][1]["fold"] == ""
    assert means.any() == (n_folds == 2)

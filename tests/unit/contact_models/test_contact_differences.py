"""Difference between two maps: correlations, AUROC of the sign, pairs of maps that can be compared."""

import numpy as np
import pytest
from predicted_toys import LEVELS, distance_only, made_up, save
from scipy.stats import mannwhitneyu, pearsonr

from cisflow.evaluation.contact_differences import difference_table, sign_auroc
from cisflow.evaluation.contact_predictions import read_predicted_maps
from cisflow.figures.contact_scores import difference_figure
from cisflow.problems import InputError
from cisflow.settings.contact_figures import comparable_maps

RNG = np.random.default_rng(4)


def test_auroc_is_that_of_the_ranks_in_every_draw():
    predicted, observed = RNG.integers(0, 9, 80).astype(float), RNG.normal(size=80)
    window, times = RNG.integers(0, 5, 80), RNG.integers(0, 3, (4, 5)).astype(float)
    found = sign_auroc(predicted, observed, window, times)
    for drawn, value in zip(times, found, strict=True):
        repeated = np.repeat(np.arange(80), drawn[window].astype(int))
        positive, negative = (predicted[repeated[(observed[repeated] > 0) == sign]] for sign in (True, False))
        expected = mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative))
        assert value == pytest.approx(expected)
    assert np.isnan(sign_auroc(predicted, np.abs(observed), window, times)).all()


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Two cell types whose windows are the same and whose maps are not; the second has one more row missing."""
    maps = {name: made_up(0.5, truth_seed=seed) for name, seed in (("h1", 0), ("hff", 7))}
    maps["hff"]["missing"][..., 2, :] = maps["hff"]["missing"][..., :, 2] = 0.9
    maps["h1"] = {"orca": maps["h1"], "distance_only": distance_only(maps["h1"]), "more": maps["h1"]}
    maps["hff"] = {"orca": maps["hff"], "distance_only": distance_only(maps["hff"])}
    return {name: save(tmp_path_factory.mktemp(name), **models) for name, models in maps.items()}


def test_differences_are_correlated_over_entries_measured_in_both(paths):
    table = difference_table(paths["h1"], paths["hff"], 200, 1, ("h1", "hff"))
    assert table["model"].unique().tolist() == ["orca", "distance_only"]
    first, second = (read_predicted_maps(paths[name]["orca"]) for name in ("h1", "hff"))
    for level, length in enumerate(LEVELS):
        rows = table[(table["model"] == "orca") & (table["level"] == length)].set_index("metric")
        observed = first.scored(level) - second.scored(level)
        predicted = first.mean()[:, level] - second.mean()[:, level]
        both = np.isfinite(observed)
        assert not both[:, 2].any()
        expected = pearsonr(predicted[both], observed[both])[0]
        assert rows.loc["pooled_pearson", "value"] == pytest.approx(expected, abs=1e-6)
        assert rows.loc["pooled_pearson", "low"] < expected < rows.loc["pooled_pearson", "high"]
        size = np.abs(observed[both])
        top = size >= np.quantile(size, 0.99)
        assert rows.loc["auroc_sign", "n"] == top.sum()
        signs, values = observed[both][top] > 0, predicted[both][top]
        expected = mannwhitneyu(values[signs], values[~signs]).statistic / (signs.sum() * (~signs).sum())
        assert rows.loc["auroc_sign", "value"] == pytest.approx(expected)
    undefined = table[(table["model"] == "distance_only") & (table["metric"] == "pooled_pearson")]
    assert undefined["value"].isna().all()
    assert (table["metric"] == "pearson_akita").sum() == 2
    figure, drawn, caption = difference_figure(table, ("h1", "hff"))
    figure.canvas.draw()
    assert len(drawn) == len(table)
    assert "h1 and hff" in caption


def test_maps_with_other_windows_are_not_compared(paths, tmp_path):
    with np.load(paths["hff"]["orca"]) as found:
        other = save(tmp_path, orca=dict(found) | {"start": found["start"] + 100})
    with pytest.raises(InputError, match=r"8 windows of 24 bins .*\(they differ in start\)"):
        difference_table(paths["h1"], other, 10, 1, ("h1", "hff"))


def test_pairs_have_one_genome_the_same_windows_and_a_model():
    recipe = {"window": {"bins": 8, "bin_size": 100}, "evaluation": {"step_bins": 4}}
    names = ("a", "b", "other_chromosomes", "other_genome", "other_windows", "other_model", "without_models")
    maps = {name: {"test_chromosomes": "chr9, chr10"} for name in names}
    maps["b"]["test_chromosomes"] = "chr10,chr9"
    maps["other_chromosomes"]["test_chromosomes"] = "chr8"
    genomes = dict.fromkeys(names, "hg38") | {"other_genome": "mm10"}
    models = {name: {"orca": recipe} for name in names[:-1]} | {"without_models": {}}
    models["other_windows"] = {"orca": recipe | {"evaluation": {"step_bins": 8}}}
    models["other_model"] = {"akita": recipe}
    assert comparable_maps(maps, genomes, models) == [("a", "b")]

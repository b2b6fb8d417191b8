"""The grid's tables pair what differs in one part alone, and its figures draw those numbers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from cisflow.evaluation.grid import (
    METRICS,
    grid_table,
    pairs_of_part,
    pareto_front,
    part_tests,
    read_parameters,
    scores_of_models,
)
from cisflow.figures.labels import label_points
from cisflow.figures.parameters import parameters_figure
from cisflow.figures.prix_fixe import grid_figure, parts_figure
from cisflow.figures.style import new_figure, save_figure
from cisflow.models.cells import cell_of
from cisflow.models.prix_fixe import PARTS, cells, complete_recipe
from cisflow.models.recipes import check_expression_recipe

RECIPES = Path(__file__).parents[3] / "config" / "recipes"
COMPATIBLE = {cell.code: cell for cell in cells() if cell.refusal is None}
EFFECTS = {"data": {"autosome": 0.05}, "core": {"bhi": 0.03}, "final": {"autosome": 0.01}}


def made_scores(models):
    """Scores that are sums of the effects of the parts and a little noise; those of the two metrics differ."""
    rng, rows = np.random.default_rng(1), []
    for model, cell in models.items():
        value = 0.5 + sum(EFFECTS.get(part, {}).get(getattr(cell, part), 0.0) for part in PARTS)
        for metric, shift in (("pearson_score", 0.0), ("spearman_score", 0.1)):
            drawn = value + shift + rng.normal(0, 0.002)
            head = {"model": model, "subset": "total", "metric": metric, "value": drawn}
            rows.append({**head, "low": drawn - 0.01, "high": drawn + 0.01})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def grid():
    sizes = {model: 1000 * (place + 1) for place, model in enumerate(COMPATIBLE)}
    return grid_table(COMPATIBLE, made_scores(COMPATIBLE), sizes)


def inside(figure):
    """Whether all that is drawn lies on the figure."""
    figure.canvas.draw()
    drawn, frame = figure.get_tightbbox(), figure.bbox_inches
    return drawn.x0 > -0.02 and drawn.y0 > -0.02 and drawn.x1 < frame.x1 + 0.02 and drawn.y1 < frame.y1 + 0.02


def test_recipes_are_recognised():
    for name, expected in {"dream_cnn": "0_1_0_0", "demo/dream_rnn": "0_1_1_0", "dream_attn": "0_0_2_0"}.items():
        recipe = yaml.safe_load((RECIPES / f"{name}.yaml").read_text())
        assert cell_of(complete_recipe(recipe)).code == expected
    for name in ("kmer_ridge", "reference/legnet", "reference/proformer", "reference/deepgxp", "orca_1mb"):
        assert cell_of(complete_recipe(yaml.safe_load((RECIPES / f"{name}.yaml").read_text()))) is None


def test_narrow_recipes_have_one_form_of_each_part():
    """All 45; each block and each trainer is the same wherever it occurs, so that cells differ in their parts alone."""
    seen = {}
    for code, cell in COMPATIBLE.items():
        path = RECIPES / "prix_fixe" / "narrow" / f"{code}.yaml"
        recipe = complete_recipe(yaml.safe_load(path.read_text()), str(path))
        check_expression_recipe(recipe, str(path))
        assert cell_of(recipe) == cell
        parts = {
            ("data", cell.data): (recipe["encoding"], recipe["training"]["batch_size"], recipe["training"]["epochs"])
        }
        parts |= {(part, getattr(cell, part)): recipe["network"][part] for part in ("first", "core", "final")}
        for key, settings in parts.items():
            assert seen.setdefault(key, settings) == settings
    assert len(seen) == 12
    assert len(list((RECIPES / "prix_fixe" / "narrow").iterdir())) == 45


def test_study_of_the_grid_trains_every_combination():
    rows = pd.read_csv(RECIPES.parent / "studies" / "prix_fixe_sample" / "models.tsv", sep="\t", dtype=str)
    assert rows["model"].tolist() == list(COMPATIBLE)
    assert all(row.recipe == f"config/recipes/prix_fixe/narrow/{row.model}.yaml" for row in rows.itertuples())


def test_pairs_differ_in_one_part(grid):
    value = grid.set_index("cell")["pearson_score"]
    pairs = pairs_of_part(grid, "data")
    trainers = pairs[(pairs["metric"] == "pearson_score") & pairs["same_final"]]
    assert len(trainers) == 18
    row = trainers[trainers["others"] == "bhi-autosome-bhi"].iloc[0]
    assert (row["first_value"], row["second_value"]) == (value["0_1_0_1"], value["1_1_0_1"])
    crossed = pairs[(pairs["metric"] == "pearson_score") & ~pairs["same_final"]]
    assert crossed.groupby(["first_team", "second_team"]).size().tolist() == [9, 9]
    row = crossed[(crossed["first_team"] == "autosome") & (crossed["others"] == "bhi-unlockdna")].iloc[0]
    assert row["first_value"] == pytest.approx((value["0_1_2_0"] + value["0_1_2_1"]) / 2)
    assert row["second_value"] == value["2_1_2_2"]
    assert len(pairs_of_part(grid, "core").query("metric == 'pearson_score'")) == 3 * 15
    assert set(pairs_of_part(grid, "final")["second_team"]) == {"bhi"}


def test_tests_are_those_of_scipy(grid):
    pairs = pd.concat([pairs_of_part(grid, part) for part in PARTS])
    tests = part_tests(pairs)
    assert len(tests) == 2 * (3 + 3 + 3 + 1)
    for row in tests.itertuples():
        own = pairs.query(
            "part == @row.part and metric == @row.metric and first_team == @row.first_team "
            "and second_team == @row.second_team"
        )
        t, p = stats.ttest_rel(own["first_value"], own["second_value"])
        assert (row.t, row.p_value) == (pytest.approx(t), pytest.approx(p))
        assert row.p_wilcoxon == pytest.approx(stats.wilcoxon(own["first_value"], own["second_value"]).pvalue)
        assert row.p_holm >= row.p_value
        assert row.low < row.difference < row.high
    of_core = tests.query("part == 'core' and metric == 'pearson_score' and first_team == 'bhi'").iloc[0]
    assert of_core["difference"] == pytest.approx(0.03, abs=0.002)
    assert part_tests(pairs.iloc[:1]).empty


def test_equal_models_do_not_differ(grid):
    level = grid.assign(**dict.fromkeys(METRICS, 0.5))
    tests = part_tests(pairs_of_part(level, "core"))
    assert (tests["p_value"] == 1).all()
    assert (tests["t"] == 0).all()


def test_best_of_several_models_of_one_combination():
    models = {"a": COMPATIBLE["0_1_0_0"], "b": COMPATIBLE["0_1_0_0"], "c": COMPATIBLE["0_1_1_0"]}
    scores = made_scores(models)
    scores.loc[scores["model"] == "b", "value"] += 0.2
    assert grid_table(models, scores, {"a": 1, "b": 2, "c": 3})["model"].tolist() == ["b", "c"]


@pytest.mark.parametrize("part_of_grid", [45, 7, 2])
def test_grid_figure(grid, part_of_grid, tmp_path):
    figure, table, caption = grid_figure(grid.iloc[:part_of_grid])
    assert inside(figure)
    states = table["state"].value_counts().to_dict()
    assert (states["trained"], states["cannot exist"]) == (part_of_grid, 36)
    assert states.get("not in this run", 0) == 45 - part_of_grid
    drawn = np.asarray(figure.axes[0].images[0].get_array(), dtype=float)
    assert np.isfinite(drawn).sum() == part_of_grid
    value = grid.set_index("cell")["pearson_score"]
    assert drawn[1, 0] == value["0_1_0_0"] if part_of_grid > 6 else np.isnan(drawn[1, 0])
    best = grid.iloc[:part_of_grid].sort_values("pearson_score")["cell"].iloc[-1]
    assert f"of {best} (" in caption
    save_figure(figure, table, tmp_path / "f.svg", "title", caption)
    assert (tmp_path / "f.png").stat().st_size > 0


@pytest.mark.parametrize("part_of_grid", [45, 7, 2])
def test_parts_figure(grid, part_of_grid):
    figure, table, caption = parts_figure(grid.iloc[:part_of_grid])
    assert inside(figure)
    texts = [text.get_text() for panel in figure.axes for text in panel.texts]
    assert len(texts) == (table["kind"] == "test").sum()
    if part_of_grid == 45:
        assert "Autosome.org minus BHI" in caption
        assert "(n = 18)" in texts[0]


@pytest.mark.parametrize("models", [45, 12, 2])
def test_parameters_figure(grid, models):
    cells_of = {row.model: COMPATIBLE[row.cell] for row in grid.iloc[:models].itertuples() if row.Index % 3}
    figure, table, caption = parameters_figure(grid.iloc[:models].drop(columns=["cell", *PARTS]), cells_of)
    assert inside(figure)
    front = table.loc[table["on_front_pearson"], "model"].tolist()
    named = [text.get_text() for text in figure.axes[0].texts]
    assert set(named) == (set(front) if models > 12 else set(table["model"]))
    assert all(model in caption for model in front)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_figures_of_the_sample(tmp_path):
    """The scores of the trained grid that the docs show give the docs' numbers."""
    shown = RECIPES.parents[1] / "docs" / "figures"
    real = (
        pd.read_csv(shown / "prix_fixe_grid.tsv", sep="\t")
        .query("state == 'trained'")
        .drop(columns=["state", "reason"])
    )
    assert len(real) == 45
    assert inside(grid_figure(real)[0])
    figure, table, caption = parts_figure(real)
    assert inside(figure)
    assert caption == json.loads((shown / "prix_fixe_parts.json").read_text())["caption"]
    drawn = pd.read_csv(shown / "prix_fixe_parts.tsv", sep="\t")
    np.testing.assert_allclose(table["p_holm"].astype(float), drawn["p_holm"], rtol=1e-6)
    cells_of = {row.model: COMPATIBLE[row.cell] for row in real.itertuples()}
    figure, _, caption = parameters_figure(real.drop(columns=["cell", *PARTS]), cells_of)
    assert inside(figure)
    page = (RECIPES.parents[1] / "docs" / "methods" / "models.md").read_text()
    best = real.loc[real["pearson_score"].idxmax()]
    assert f"`{best['cell']}`): Pearson Score {best['pearson_score']:.3f}" in page


def test_front():
    size, score = np.array([5, 1, 1, 3, 4, 9]), np.array([0.7, 0.2, 0.3, 0.3, np.nan, 0.8])
    assert pareto_front(size, score).tolist() == [2, 0, 5]


def test_crowded_names_are_kept_apart():
    figure, panel = new_figure(5, 4)
    x = np.full(8, 0.5)
    panel.scatter(x, x)
    names = [f"model number {i}" for i in range(8)]
    texts = label_points(panel, x, x, names, lines=[np.array([[0.4, 0.5], [0.6, 0.5]])])
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in texts]
    assert [text.get_text() for text in texts] == names
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    frame = panel.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)


def test_scores_and_sizes_of_trained_models(tmp_path):
    paths = []
    for model, size in (("b", 7), ("a", 5)):
        for seed in (1, 2):
            paths.append(tmp_path / model / f"seed{seed}" / "manifest.json")
            paths[-1].parent.mkdir(parents=True)
            paths[-1].write_text(json.dumps({"training": {"parameters": size}}))
    sizes = read_parameters(paths)
    assert sizes == {"b": 7, "a": 5}
    found = scores_of_models(made_scores({"a": COMPATIBLE["0_0_0_0"], "x": COMPATIBLE["0_0_0_1"]}), sizes)
    assert found["model"].tolist() == ["b", "a"]
    assert found["pearson_score"].notna().tolist() == [False, True]

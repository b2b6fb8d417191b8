"""Figures of a challenge draw the numbers of the tables: with few and many models, and from real predictions."""

import json

import numpy as np
import pandas as pd
import pytest

from cisflow.cli.main import main
from cisflow.evaluation.ranking import Evaluation, bootstrap_table, ranking_table, score_table
from cisflow.evaluation.scoring import ScoredSubset
from cisflow.evaluation.subsets import Subset
from cisflow.figures.challenge import changes_figure, gaps_figure, rank_distribution_figure
from cisflow.figures.style import save_figure

ROWS = 300


def make_evaluation(n_models, useless=False, pairs=True):
    rng = np.random.default_rng(1)
    measured = rng.normal(size=ROWS)
    predicted = np.column_stack([measured + rng.normal(0, 0.2 + 0.05 * m, ROWS) for m in range(n_models)])
    if useless:
        predicted[:, -1] = rng.normal(size=ROWS)
    scored = [ScoredSubset(Subset("all", "values", 1.0, np.arange(ROWS)), measured, predicted)]
    if pairs:
        subset = Subset("SNVs", "pairs", 1.25, np.arange(ROWS).reshape(-1, 2))
        scored.append(ScoredSubset(subset, measured[::2] - measured[1::2], predicted[::2] - predicted[1::2]))
    return Evaluation([f"model{m:02d}" for m in range(n_models)], scored)


@pytest.fixture(scope="module", params=[1, 3, 30])
def evaluated(request):
    evaluation = make_evaluation(request.param)
    scores = score_table(evaluation, seed=1, draws=200)
    bootstrap = bootstrap_table(evaluation, {"draws": 50, "share": 0.2, "replacement": False}, seed=1)
    return evaluation, scores, bootstrap, ranking_table(bootstrap, scores)


def inside(figure):
    """Whether all that is drawn lies on the figure."""
    figure.canvas.draw()
    drawn, frame = figure.get_tightbbox(), figure.bbox_inches
    return drawn.x0 > -0.02 and drawn.y0 > -0.02 and drawn.x1 < frame.x1 + 0.02 and drawn.y1 < frame.y1 + 0.02


def test_rank_distribution(evaluated, tmp_path):
    _, _, bootstrap, ranking = evaluated
    figure, table, caption = rank_distribution_figure(bootstrap, ranking)
    assert inside(figure)
    shares = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ranking["model"].tolist()
    mean = shares @ np.arange(1, len(labels) + 1)
    np.testing.assert_allclose(mean, ranking["mean_pearson_rank"])
    assert set(table["by"]) == {"pearson", "spearman"}
    save_figure(figure, table, tmp_path / "f.svg", "title", caption)
    assert (tmp_path / "f.png").stat().st_size > 0


def test_gaps(evaluated):
    _, scores, _, _ = evaluated
    figure, table, caption = gaps_figure(scores)
    assert inside(figure)
    drawn = scores[(scores["metric"] == "pearson_squared") & scores["model"].isin(table["model"])]
    values = drawn.groupby("subset")["value"]
    expected = 100 * (values.max() - values.min()) / values.max()
    found = table[table["metric"] == "pearson_squared"].groupby("subset")["gap_percent"].first()
    np.testing.assert_allclose(found, expected.loc[found.index])
    assert (f"{found.max():.1f} %" in caption) == (len(table["model"].unique()) > 1)


def test_useless_models_do_not_make_the_gap():
    _, table, caption = gaps_figure(score_table(make_evaluation(4, useless=True), seed=1, draws=50))
    assert "model03" in caption
    assert set(table["model"]) == {"model00", "model01", "model02"}


def test_changes(evaluated):
    evaluation, _, _, ranking = evaluated
    figure, table, _ = changes_figure(evaluation, ranking["model"].tolist())
    assert inside(figure)
    assert table["series"].nunique() == 1 + min(5, len(evaluation.models))
    assert table.groupby("series")["pairs"].sum().eq(ROWS // 2).all()
    area = (table["density"] * (table["change_high"] - table["change_low"])).groupby(table["series"]).sum()
    np.testing.assert_allclose(area, 1)
    whole, pairs = evaluation.scored
    expected = pairs.measured.std() / whole.measured.std()
    assert table.loc[table["series"] == "measured", "sd"].unique() == pytest.approx([expected])


def test_changes_do_not_depend_on_the_scale_of_a_model():
    evaluation = make_evaluation(2)
    scaled = [ScoredSubset(s.subset, s.measured, s.predicted * [7.0, 1.0]) for s in evaluation.scored]
    tables = [changes_figure(e)[1] for e in (evaluation, Evaluation(evaluation.models, scaled))]
    pd.testing.assert_frame_equal(*tables)


def test_no_pairs():
    figure, table, caption = changes_figure(make_evaluation(2, pairs=False))
    assert table.empty
    assert "No subset of pairs" in caption
    assert inside(figure)


def test_figures_of_the_public_leaderboard(shared_data, tmp_path):
    """All figures from real predictions, through the command."""
    table = pd.read_csv(shared_data / "leaderboard" / "public_predictions.tsv.gz", sep="\t").set_index("pos")
    teams = table.columns.drop("measured_maude")
    for team in teams:
        numbers = {str(pos): value for pos, value in table[team].items()}
        (tmp_path / f"{team}.json").write_text(json.dumps(numbers))
    lists = shared_data / "expression" / "dream" / "public_leaderboard_ids"
    where = ["--truth", f"{lists}/ground.json.gz", "--public", str(lists), "--part", "public"]
    out = ["--output", str(tmp_path / "r.tsv"), "--draws", "200", "--figures", str(tmp_path / "f")]
    assert main(["rank", *[str(tmp_path / f"{team}.json") for team in teams], *where, *out]) == 0
    names = ("ranking", "rank_distribution", "subset_scores", "gaps", "predictions", "changes")
    for name in names:
        for suffix in ("svg", "png", "tsv", "json"):
            assert (tmp_path / "f" / f"{name}.{suffix}").stat().st_size > 0
    gaps = pd.read_csv(tmp_path / "f" / "gaps.tsv", sep="\t")
    assert "organiser_random_sample" not in set(gaps["model"])
    random = gaps[(gaps["subset"] == "random") & (gaps["metric"] == "pearson_squared")]["gap_percent"].iloc[0]
    assert random == pytest.approx(4.4, abs=0.1)
    changes = pd.read_csv(tmp_path / "f" / "changes.tsv", sep="\t")
    assert changes[changes["series"] == "measured"].groupby("subset")["pairs"].sum().to_dict() == {
        "SNVs": 4670,
        "motif perturbation": 328,
        "motif tiling": 263,
    }

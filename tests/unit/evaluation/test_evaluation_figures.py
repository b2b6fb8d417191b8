"""Figures of the evaluation draw the numbers of the tables, with one model and with many."""

import numpy as np
import pandas as pd
import pytest

from cisflow.evaluation.ranking import Evaluation, bootstrap_table, ranking_table, score_table
from cisflow.evaluation.scoring import ScoredSubset
from cisflow.evaluation.subsets import Subset
from cisflow.figures.evaluation import predictions_figure, ranking_figure, subset_scores_figure
from cisflow.figures.style import save_figure


@pytest.fixture(scope="module", params=[1, 3, 30])
def evaluated(request):
    """An evaluation of models of falling quality, with its tables."""
    rng = np.random.default_rng(1)
    measured = rng.normal(size=300)
    predicted = np.column_stack([measured + rng.normal(0, 0.2 + 0.1 * m, 300) for m in range(request.param)])
    whole = ScoredSubset(Subset("all", "values", 1.0, np.arange(300)), measured, predicted)
    pairs = ScoredSubset(
        Subset("SNVs", "pairs", 1.25, np.arange(300).reshape(-1, 2)),
        measured[::2] - measured[1::2],
        predicted[::2] - predicted[1::2],
    )
    evaluation = Evaluation([f"model{m:02d}" for m in range(request.param)], [whole, pairs])
    scores = score_table(evaluation, seed=1)
    bootstrap = bootstrap_table(evaluation, {"draws": 50, "share": 0.2, "replacement": False}, seed=1)
    return evaluation, scores, bootstrap, ranking_table(bootstrap, scores)


def inside(figure):
    """Whether all that is drawn lies on the figure."""
    figure.canvas.draw()
    drawn, frame = figure.get_tightbbox(), figure.bbox_inches
    return drawn.x0 > -0.02 and drawn.y0 > -0.02 and drawn.x1 < frame.x1 + 0.02 and drawn.y1 < frame.y1 + 0.02


def test_ranking(evaluated, tmp_path):
    evaluation, _, bootstrap, ranking = evaluated
    figure, table, caption = ranking_figure(bootstrap, ranking)
    assert inside(figure)
    shares = table[table["quantity"] == "share_of_draws"]
    assert shares.groupby("model")["value"].sum().to_numpy() == pytest.approx(1)
    mean = (shares["rank"] * shares["value"]).groupby(shares["model"]).sum()
    assert mean[ranking["model"]].to_numpy() == pytest.approx(ranking["mean_rank"].to_numpy())
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ranking["model"].tolist()
    assert figure.axes[0].yaxis_inverted()
    assert f"First: {ranking['model'][0]}" in caption
    save_figure(figure, table, tmp_path / "f.svg", "title", caption)
    assert (tmp_path / "f.png").stat().st_size > 0
    assert len(evaluation.models) == len(labels)


def test_subset_scores(evaluated):
    _, scores, _, _ = evaluated
    figure, table, caption = subset_scores_figure(scores)
    assert inside(figure)
    written = [text.get_text() for text in figure.axes[0].texts]
    total = scores[scores["metric"] == "pearson_score"].set_index("model")["value"]  # best first
    expected = scores[scores["metric"] == "pearson"].assign(total=scores["model"].map(total))
    expected = expected.sort_values(["total", "subset"], ascending=False)
    assert written == [f"{value:.2f}" for value in expected["value"]]
    assert len(table) == 2 * len(written)
    assert "model00" in caption


def test_predictions(evaluated):
    evaluation, _, _, _ = evaluated
    figure, table, caption = predictions_figure(evaluation)
    assert inside(figure)
    assert table.groupby("model")["n"].sum().to_dict() == dict.fromkeys(evaluation.models, 300)
    assert "300 test rows" in caption
    assert isinstance(table, pd.DataFrame)
    assert len(caption) < 900

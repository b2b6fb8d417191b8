"""The noise ceiling is drawn in the figures of the evaluation where it is known, and nothing where it is not."""

import numpy as np
import pandas as pd
import pytest
from test_evaluation_figures import evaluated, inside  # noqa: F401

from cisflow.expression.noise_ceiling import COLUMNS
from cisflow.figures.evaluation import predictions_figure, ranking_figure, subset_scores_figure

pytestmark = pytest.mark.parametrize("evaluated", [3], indirect=True)
NOTHING = pd.DataFrame(columns=list(COLUMNS))


@pytest.fixture
def ceiling():
    rows = []
    for subset, kind, r in (("all", "values", 0.95), ("SNVs", "pairs", np.nan), ("total", "total", 0.87)):
        row = {"subset": subset, "kind": kind, "n": 300, "source": "standard errors", "reliability": r**2}
        for metric in ("pearson", "spearman"):
            row |= {metric: r, f"{metric}_low": r - 0.02, f"{metric}_high": r + 0.01}
        rows.append(row)
    return pd.DataFrame(rows)


def test_ranking_has_a_line_with_a_band(evaluated, ceiling):  # noqa: F811
    _, _, bootstrap, ranking = evaluated
    figure, table, caption = ranking_figure(bootstrap, ranking, ceiling)
    assert inside(figure)
    drawn = table.set_index("quantity").loc["pearson_ceiling"]
    assert drawn[["value", "low", "high"]].tolist() == pytest.approx([0.87, 0.85, 0.88])
    assert "would reach a Pearson Score of 0.870 (0.850 to 0.880) and a Spearman Score of 0.870" in caption
    assert "noise ceiling" in [text.get_text() for text in figure.legends[0].get_texts()]
    figure, table, caption = ranking_figure(bootstrap, ranking, NOTHING)
    assert not table["quantity"].str.contains("ceiling").any()
    assert "ceiling" not in caption


def test_subset_scores_have_a_first_row(evaluated, ceiling):  # noqa: F811
    _, scores, _, _ = evaluated
    figure, table, caption = subset_scores_figure(scores, ceiling)
    assert inside(figure)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "noise ceiling"
    assert [text.get_text() for text in figure.axes[0].texts][:2] == ["0.95", "n/a"]
    assert "Pearson r: all 0.95 (0.93 to 0.96)." in caption
    assert len(table) == len(scores[scores["metric"].isin(["pearson", "spearman"])]) + 4
    plain, table, caption = subset_scores_figure(scores, NOTHING)
    assert plain.axes[0].get_yticklabels()[0].get_text() == "model00"
    assert "ceiling" not in caption


def test_predictions_tell_the_ceiling(evaluated, ceiling):  # noqa: F811
    evaluation, _, _, _ = evaluated
    figure, _, caption = predictions_figure(evaluation, ceiling)
    assert inside(figure)
    assert figure.get_suptitle().startswith("noise ceiling: r 0.950 (0.930 to 0.960)")
    assert "Pearson r 0.950 (0.930 to 0.960) and Spearman rho 0.950" in caption
    assert "ceiling" not in predictions_figure(evaluation, NOTHING)[2]

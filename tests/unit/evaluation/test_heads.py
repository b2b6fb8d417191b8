"""Models with several heads on a dataset that is split once: every measurement is scored, compared and ranked."""

import numpy as np
import pandas as pd
import pytest

from cisflow.evaluation.comparisons import comparison_table
from cisflow.evaluation.heads import for_each_head, joined_heads, of_head, read_evaluations, scored_heads
from cisflow.evaluation.ranking import bootstrap_table, interval_draws, rank_distribution, ranking_table, score_table
from cisflow.files import write_table
from cisflow.problems import InputError
from cisflow.report.build import ReportInput, _headlines
from cisflow.report.tables import funnel_table
from cisflow.report.tables import score_table as shown_scores

N = 60
RANKING = {"draws": 50, "share": 0.5, "replacement": False}


@pytest.fixture
def study(tmp_path):
    """Two measurements; ``wide`` predicts both (the second one better), ``narrow`` the first, one submission."""
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, N))
    rows = pd.DataFrame({"pos": np.arange(N), "expression": first, "housekeeping": second, "unused": 1.0})
    rows["split"] = "test"
    train = rows.assign(split="train", pos=-1)
    write_table(pd.concat([train, rows]), tmp_path / "d.parquet")
    predicted = rows[["pos", "split"]].assign(prediction=first + rng.normal(size=N))
    write_table(predicted, tmp_path / "narrow.parquet")
    write_table(
        predicted.assign(**{"prediction.housekeeping": second + 0.1 * rng.normal(size=N), "prediction.absent": 0.0}),
        tmp_path / "wide.parquet",
    )
    write_table(pd.DataFrame({"pos": np.arange(N), "team": first}), tmp_path / "submitted.parquet")
    return tmp_path


def given(study):
    return study / "d.parquet", [study / f"{name}.parquet" for name in ("narrow", "wide", "submitted")]


def test_every_predicted_and_measured_head_is_scored(study):
    dataset, predictions = given(study)
    assert scored_heads(dataset, predictions) == ["expression", "housekeeping"]
    evaluations = read_evaluations(dataset, predictions, None)
    assert evaluations["expression"].models == ["narrow", "wide", "team"]
    assert evaluations["housekeeping"].models == ["wide"]
    scores = joined_heads({head: score_table(e, seed=1, draws=50) for head, e in evaluations.items()})
    r = scores[scores["metric"] == "pearson"].set_index(["head", "model"])["value"]
    assert r["housekeeping", "wide"] > 0.98
    assert r["expression", "wide"] == r["expression", "narrow"] < 0.9
    assert r["expression", "team"] == pytest.approx(1)
    assert scores.columns[0] == "head"


def test_rows_without_a_further_measurement_are_left_out(study):
    dataset, predictions = given(study)
    table = pd.read_parquet(dataset)
    table.loc[(table["split"] == "test") & (table["pos"] < 10), "housekeeping"] = np.nan
    write_table(table, dataset)
    evaluations = read_evaluations(dataset, predictions, None)
    assert [len(e.scored[0].measured) for e in evaluations.values()] == [N, N - 10]
    write_table(table.assign(housekeeping=np.nan), dataset)  # as test rows of another table
    assert list(read_evaluations(dataset, predictions, None)) == ["expression"]


def test_predictions_of_a_further_head_must_be_finite(study):
    dataset, predictions = given(study)
    table = pd.read_parquet(predictions[1])
    table.loc[4, "prediction.housekeeping"] = np.nan
    write_table(table, predictions[1])
    with pytest.raises(InputError, match=r'column "wide": predictions must be finite numbers; see pos \[4\]'):
        read_evaluations(dataset, predictions, None)


def test_each_head_is_ranked_by_itself(study):
    dataset, predictions = given(study)
    table = pd.read_parquet(predictions[0]).assign(**{"prediction.housekeeping": 0.5})
    write_table(table, predictions[0])
    evaluations = read_evaluations(dataset, predictions, None)
    draws = {head: interval_draws(e, seed=1, draws=50) for head, e in evaluations.items()}
    scores = {head: score_table(e, seed=1, found=draws[head]) for head, e in evaluations.items()}
    tests = joined_heads({h: comparison_table(scores[h], draws[h], e.models) for h, e in evaluations.items()})
    bootstrap = joined_heads({head: bootstrap_table(e, RANKING, seed=1) for head, e in evaluations.items()})
    ranking = for_each_head(ranking_table, bootstrap, joined_heads(scores))
    first = ranking.drop_duplicates("head").set_index("head")["model"]
    assert first.to_dict() == {"expression": "team", "housekeeping": "wide"}
    alone = ranking_table(of_head(bootstrap, "housekeeping"), scores["housekeeping"])
    pd.testing.assert_frame_equal(of_head(ranking, "housekeeping"), alone)
    shares = for_each_head(rank_distribution, bootstrap)
    assert shares.groupby(["head", "model", "by"])["share"].sum().to_numpy() == pytest.approx(1)
    assert tests.groupby("head")["better"].nunique().to_dict() == {"expression": 2, "housekeeping": 1}

    write_table(ranking, study / "evaluation" / "d" / "ranking.tsv")
    write_table(joined_heads(scores), study / "evaluation" / "d" / "scores.tsv")
    told = ReportInput(settings="", rankings=[str(study / "evaluation" / "d" / "ranking.tsv")])
    sentences = _headlines({}, told, funnel_table([]))
    assert [s.split(";")[1][:17] for s in sentences] == [" first is team (m", " first is wide (m"]
    assert sentences[1].startswith("Dataset d, housekeeping: 2 models ranked")
    shown = shown_scores(str(study / "evaluation" / "d" / "scores.tsv"))
    assert shown[["head", "model"]].to_numpy().tolist()[-1] == ["housekeeping", "wide"]


def test_one_model_has_nothing_to_be_compared_with(study):
    evaluations = read_evaluations(study / "d.parquet", [study / "wide.parquet"], None)
    tables = {}
    for head, evaluation in evaluations.items():
        draws = interval_draws(evaluation, seed=1, draws=20)
        tables[head] = comparison_table(score_table(evaluation, 1, found=draws), draws, evaluation.models)
    joined = joined_heads(tables)
    assert joined.empty
    assert joined.columns[:3].tolist() == ["head", "subset", "metric"]

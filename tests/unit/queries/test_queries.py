"""The queries sheet, what is told before any job, simulated queries, tracks, exchanges with an endpoint, figures."""

import json

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from cisflow.contacts.regions import Region
from cisflow.evaluation.contact_predictions import CIS, PredictedMaps
from cisflow.figures.contact_tracks import Tracks
from cisflow.figures.queries import plot_predicted_expression
from cisflow.figures.query_maps import plot_region_maps, region_columns
from cisflow.models.predict_stream import read_sequences, shown_sequences, write_values
from cisflow.problems import InputError
from cisflow.serve.exchange import ask_over_http, check_exchange
from cisflow.serve.predictors import expression_predictor
from cisflow.settings.queries import queries_with_files, query_regions
from cisflow.simulate.queries import PROMOTERS, simulate_promoters
from cisflow.variants.screen_input import file_problems
from cisflow.variants.sequences import Place

HEADER = "query\tdataset\tmodels\tsequences\tintervals\tgenome\tleft\tright\tspecies\tcell_type\n"


@pytest.fixture
def study(demo_with):
    return lambda rows: demo_with("queries", HEADER + rows)


def test_models_of_both_arms_are_asked(study):
    found = study(
        "a\tpromoters\t\tsimulated\t\t\tACGT\t\thomo_sapiens\tK562\n"
        "b\tsynthetic\t\t\tchr5:1,000-2,000 chr4:5-50\t\t\t\t\t\n"
        "c\tsynthetic\torca\t\tsimulated\t\t\t\t\t\n"
    )
    assert found.query_models("a") == ["dream_cnn", "dream_rnn", "dream_attn", "kmer_ridge"]
    assert found.query_models("b") == ["orca", "orca_zoom"]
    assert (found.queries_of("expression"), found.queries_of("contacts")) == (["a"], ["b", "c"])
    assert query_regions(found.queries["b"]) == [Region("chr5", 1000, 2000), Region("chr4", 5, 50)]
    assert query_regions(found.queries["c"]) is None
    listed, simulated = queries_with_files(found)
    assert listed["lengths"]["chr5"] == 2_000_000
    assert simulated["regions"] is None
    assert file_problems(**{key: value for key, value in listed.items() if key != "genome"}) == []


def test_every_problem_is_told(study, tmp_path):
    (tmp_path / "x.fa").write_text(">a\nACGT\n")
    rows = (
        "a\tpromotors\t\tsimulated\t\t\t\t\t\t\n"
        "b\tpromoters\tdream_gnn\tx.fa\tnone.bed\t\tACGU\t\tHuman\t\n"
        "c\tpromoters\t\tnone.fa\t\t\t\t\tyeast\t\n"
        "d\tsynthetic\tdistance_only\tsimulated\t\t\tACGT\t\t\t\n"
        "e\tsynthetic\torca\t\tchr5:9-8\t\t\t\t\t\n"
        "f\tsynthetic\torca\t\tnone.bed\tx.fa\t\t\t\t\n"
        "g\tpromoters\t\t\tsimulated\t\t\t\t\t\n"
    )
    with pytest.raises(InputError) as error:
        study(rows)
    text = str(error.value)
    for part in (
        "row 2, column \"dataset\": no dataset or contact map that models are trained on: 'promotors'",
        "row 3, column \"left\": 'ACGU' does not match",
        "row 3, column \"species\": 'Human' does not match",
        "row 3, column \"models\": no model of promoters: 'dream_gnn'",
        'row 3, column "sequences": give sequences or intervals',
        'row 3, column "intervals": file not found: none.bed',
        'row 3, column "genome": intervals and genome belong together',
        'row 4, column "sequences": file not found: none.fa',
        'row 4, column "cell_type": species and cell_type belong together',
        'row 5, column "models": distance_only knows no sequence',
        "row 5, column \"sequences\": 'simulated' sequences are for models of expression",
        "row 5, column \"left\": 'ACGT' has no meaning for models of this dataset",
        'row 6, column "intervals": ',
        "row 7, column \"genome\": 'x.fa' has no meaning for models of this dataset",
        'row 7, column "intervals": file not found: none.bed; expected a BED file, regions such as',
        "row 8, column \"intervals\": 'simulated' intervals are for contact models",
    ):
        assert part in text, part


def test_simulated_promoters_have_the_flanks(tmp_path):
    path = tmp_path / "q.fa"
    simulate_promoters("AACC", "GGT", 3, path)
    found = dict(read_sequences(path))
    assert len(found) == PROMOTERS
    assert all(bases.startswith("AACC") and bases.endswith("GGT") for bases in found.values())
    assert {len(bases) - 7 for bases in found.values()} <= set(range(75, 86))
    simulate_promoters("", "", 3, tmp_path / "bare.fa")
    bare = dict(read_sequences(tmp_path / "bare.fa"))
    assert {name: f"AACC{bases}GGT" for name, bases in bare.items()} == found
    simulate_promoters("AACC", "GGT", 4, tmp_path / "other.fa")
    assert dict(read_sequences(tmp_path / "other.fa")) != found


def test_intervals_are_shown_on_their_strand_between_the_ends():
    places = [Place("a", "c", 2, 6, "-", "AACG"), Place("b", "c", 0, 2, "+", "TT")]
    assert list(shown_sequences(None, places, "GG", "C")) == [("a", "GGCGTTC"), ("b", "GGTTC")]


def test_track_has_one_value_per_interval(tmp_path):
    places = [Place("b", "2", 5, 9, "+", "ACGT"), Place("a", "1", 3, 4, "-", "A"), Place("n", "1", 0, 2, "+", "AC")]
    write_values(places, [2.5, -1.0, None], {"1": 10, "2": 20}, tmp_path / "t.bw")
    with pyBigWig.open(str(tmp_path / "t.bw")) as track:
        assert track.intervals("1") == ((3, 4, -1.0),)
        assert track.intervals("2") == ((5, 9, 2.5),)
    with pytest.raises(InputError, match="a2 overlaps a"):
        write_values([*places, Place("a2", "1", 3, 5, "+", "AC")][1:], [0.0] * 3, {"1": 10, "2": 20}, tmp_path / "u.bw")
    assert not (tmp_path / "u.bw").exists()


class ShareOfG:
    """A model that needs no training."""

    def predict(self, sequences):
        return np.array([text.count("G") / len(text) for text in sequences])


def test_exchange_over_loopback_says_what_the_model_says():
    served = expression_predictor([ShareOfG()], "shares", "homo_sapiens", "K562", left="G", right="T")
    asked = {"a": "GG", "b": "ACGT"}
    exchange = ask_over_http(served, "shares", asked)
    assert json.loads(json.dumps(exchange)) == exchange
    assert exchange["help"]["species"] == ["homo_sapiens"]
    assert exchange["request"]["sequences"] == asked
    assert exchange["answer"]["prediction_tasks"][0]["predictions"] == pytest.approx({"a": 0.75, "b": 2 / 6})
    check_exchange(exchange, {"a": 0.75, "b": 2 / 6})
    with pytest.raises(InputError, match=r"the endpoint says 0.75, the model 0.7501"):
        check_exchange(exchange, {"a": 0.7501, "b": 2 / 6})
    with pytest.raises(InputError, match="b: answered, but not asked"):
        check_exchange(exchange, {"a": 0.75})
    with pytest.raises(RuntimeError, match="was answered with 422"):
        ask_over_http(served, "shares", {"a": "GX"})


def test_figure_of_predictions(tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"id": [f"s{i}" for i in range(50)], "one": rng.normal(size=50), "two": rng.normal(size=50)})
    table["one.1"], table["one.2"] = table["one"] - 0.1, table["one"] + 0.1
    table.loc[3, "two"] = np.nan
    plot_predicted_expression(table, ["one", "two"], "q", tmp_path / "f.svg")
    drawn = pd.read_csv(tmp_path / "f.tsv", sep="\t")
    counts = drawn.dropna(subset=["sequences"]).groupby("model")["sequences"].sum()
    assert counts.to_dict() == {"one": 50, "two": 49}
    assert drawn["id"].notna().sum() == 49
    caption = json.loads((tmp_path / "f.json").read_text())["caption"]
    assert "not for their length: two 1" in caption
    assert "half the range of the replicates" in caption
    plot_predicted_expression(table.assign(one=np.nan), ["one"], "q", tmp_path / "none.svg")


def test_figure_of_more_models_than_colours(tmp_path):
    names = [f"model{n}" for n in range(11)]
    values = np.random.default_rng(2).normal(size=(40, 11))
    table = pd.DataFrame(values, columns=names).assign(id=[f"s{n}" for n in range(40)])
    plot_predicted_expression(table, names, "q", tmp_path / "f.svg")
    counts = pd.read_csv(tmp_path / "f.tsv", sep="\t").dropna(subset=["sequences"]).groupby("model")["sequences"].sum()
    assert counts.to_dict() == dict.fromkeys(names, 40)
    drawn = (tmp_path / "f.svg").read_text()
    assert all(f">{name}<" in drawn or f"<!-- {name} -->" in drawn for name in names)


def test_figure_of_regions(tmp_path):
    regions = [Region("chr1", start, start + 100) for start in (1000, 5000, 9000)]
    shape = (1, 3, 2, 4, 4)
    found = PredictedMaps(
        np.array(["chr1"] * 3), np.array([800, 400]), np.array([200, 100]),
        np.array([[650, 850], [4650, 4850], [8650, 8850]]), np.array([1]),
        np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 50,
        np.full(shape[1:], np.nan, np.float32), np.zeros(shape[1:], np.float32), np.zeros((2, 4, 4)),
        np.array([CIS] * 3),
    )  # fmt: skip
    columns = region_columns(found, regions, "orca")
    assert [column.region for column in columns] == [
        Region("chr1", 650, 1450), Region("chr1", 850, 1250), Region("chr1", 4650, 5450), Region("chr1", 4850, 5250),
    ]  # fmt: skip
    assert columns[0].inner == (850, 1250)
    assert columns[1].inner is None
    np.testing.assert_array_equal(columns[3].maps["orca"], found.predicted[0, 1, 1])
    plot_region_maps(found, regions, Tracks(), "orca", "q", tmp_path / "m.svg")
    caption = json.loads((tmp_path / "m.json").read_text())["caption"]
    assert "the first 2 of 3 regions of q" in caption
    assert (tmp_path / "m.png").stat().st_size > 0

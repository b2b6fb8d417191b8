"""Scores equal the challenge's own, on the reference set and on the published public leaderboard."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from cisflow.evaluation.imported import import_predictions
from cisflow.evaluation.ranking import read_evaluation
from cisflow.evaluation.scoring import score, select
from cisflow.evaluation.subsets import read_subsets, without_public
from cisflow.files import read_table, write_table
from cisflow.problems import InputError

SUBSETS = ["high", "low", "yeast", "random", "challenging", "SNVs", "motif perturbation", "motif tiling"]


@pytest.fixture(scope="module")
def reference(golden):
    folder = golden / "dream" / "scoring"
    truth = pd.read_csv(folder / "ground_truth.tsv", sep="\t", header=None)
    submission = pd.read_csv(folder / "submission.tsv", sep="\t", header=None)
    return folder, truth[1], pd.DataFrame({"submission": submission[1]})


@pytest.mark.parametrize("part", ["private", "full"])
def test_scores_of_the_reference_set(reference, part):
    folder, measured, predictions = reference
    where = folder if part == "private" else folder / "test_subset_ids"
    subsets = read_subsets(where, measured.index.to_numpy())
    table = score(select(subsets, measured, predictions), ["submission"]).set_index(["subset", "metric"])["value"]
    expected = json.loads((folder / "expected.json").read_text())[part]
    assert table["total", "pearson_score"] == pytest.approx(expected["Pearson Score"], abs=1e-9)
    assert table["total", "spearman_score"] == pytest.approx(expected["Spearman Score"], abs=1e-9)
    for name in ["all", *SUBSETS]:
        assert table[name, "pearson"] == pytest.approx(expected[f"{name} r"], abs=1e-9)
        assert table[name, "spearman"] == pytest.approx(expected[f"{name} spearman"], abs=1e-9)
    assert table["all", "pearson_squared"] == pytest.approx(expected["all r_squared"], abs=1e-9)


def test_weights_sum_to_those_of_the_challenge(reference):
    folder, measured, _ = reference
    subsets = read_subsets(folder, measured.index.to_numpy())
    assert sum(s.weight for s in subsets) == pytest.approx(4.65)
    assert [s.name for s in subsets] == ["all", *SUBSETS]


def test_private_pairs_may_share_a_member_with_public_ones(reference):
    folder, measured, _ = reference
    everything = read_subsets(folder / "test_subset_ids", measured.index.to_numpy())
    public = read_subsets(folder / "public_leaderboard_ids", measured.index.to_numpy())[1:]
    snvs = next(s for s in without_public(everything, public) if s.name == "SNVs")
    public_snvs = next(s for s in public if s.name == "SNVs")
    assert not {tuple(p) for p in snvs.pos} & {tuple(p) for p in public_snvs.pos}
    public_rows = np.concatenate([s.pos.ravel() for s in public])
    assert np.isin(snvs.pos, public_rows).any()


def test_repeated_positions_count_once(shared_data):
    subsets = read_subsets(shared_data / "expression" / "dream" / "test_subset_ids", np.arange(71_103))
    sizes = {s.name: len(s.pos) for s in subsets}
    assert sizes["yeast"] == 578
    assert sizes["challenging"] == 1953
    assert sizes["motif perturbation"] == 3287


def test_published_public_leaderboard(shared_data, tmp_path):
    """The line of autosome.org as published, and the other teams as computed by the organisers' rule."""
    test = pd.read_csv(shared_data / "expression" / "dream" / "test_public.tsv.gz", sep="\t")
    dataset = pd.DataFrame({"pos": test["pos"], "expression": test["maude_expression"], "split": "test"})
    write_table(dataset, tmp_path / "d.parquet")
    import_predictions(
        shared_data / "leaderboard" / "public_predictions.tsv.gz", tmp_path / "d.parquet", tmp_path / "p.parquet"
    )
    evaluation = read_evaluation(
        tmp_path / "d.parquet",
        [tmp_path / "p.parquet"],
        shared_data / "expression" / "dream" / "public_leaderboard_ids",
    )
    table = score(evaluation.scored, evaluation.models).set_index(["model", "subset", "metric"])["value"]
    expected = {
        "autosome.org": (0.952, 0.979, 0.829, 0.860),
        "BHI": (0.934, 0.970, 0.799, 0.839),
        "Unlock_DNA": (0.926, 0.965, 0.781, 0.827),
        "Camformers": (0.926, 0.967, 0.763, 0.823),
        "The_Dream_Team": (0.897, 0.949, 0.710, 0.766),
        "organiser_random_sample": (0.000, 0.013, 0.006, 0.000),
    }
    assert evaluation.models == list(expected)
    for model, values in expected.items():
        found = (
            table[model, "all", "pearson_squared"],
            table[model, "all", "spearman"],
            table[model, "total", "pearson_score"],
            table[model, "total", "spearman_score"],
        )
        assert np.round(found, 3) == pytest.approx(values, abs=5e-4)


@pytest.fixture
def dataset(tmp_path):
    write_table(
        pd.DataFrame({"pos": [4, 2, 9], "expression": [1.0, 2.0, 3.0], "split": "test"}), tmp_path / "d.parquet"
    )
    return tmp_path / "d.parquet"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pos\tm\n4\t1\n2\t1\n", r"1 test rows have no prediction, e.g. \[9\]"),
        ("pos\tm\n4\t1\n2\t1\n4\t1\n9\t2\n", 'row 4, column "pos": pos 4 is given more than once'),
        ("pos\tm\n4\t1\n2\tx\n9\t2\n", "row 3, column \"m\": 'x' is not a finite number"),
        ("pos\tm\n4\t1\n2\tinf\n9\t2\n", "row 3, column \"m\": 'inf' is not a finite number"),
        ("row\tm\n4\t1\n", 'column "pos": missing column; the columns are row, m'),
        ("pos\tmeasured_x\n4\t1\n", "no column with predictions"),
    ],
)
def test_bad_submissions(tmp_path, dataset, text, message):
    (tmp_path / "p.tsv").write_text(text)
    with pytest.raises(InputError, match=message):
        import_predictions(tmp_path / "p.tsv", dataset, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_submission_in_another_order_is_joined_by_pos(tmp_path, dataset):
    (tmp_path / "p.tsv").write_text("pos\tm\n9\t30\n4\t10\n2\t20\n7\t0\n")
    import_predictions(tmp_path / "p.tsv", dataset, tmp_path / "out.parquet")
    assert read_table(tmp_path / "out.parquet")["m"].tolist() == [10, 20, 30]


def test_items_without_measurement_are_left_out():
    measured = pd.Series([1.0, 2.0, 3.0, 4.0], index=[0, 1, 2, 5])
    predictions = pd.DataFrame({"m": [1.0, 2.0, 4.0, 3.0]}, index=measured.index)
    subsets = read_subsets(None, np.array([0, 1, 2, 5, 8]))
    (scored,) = select(subsets, measured, predictions)
    assert len(scored.measured) == 4


def test_folder_without_subsets(tmp_path):
    with pytest.raises(InputError, match="no subset found"):
        read_subsets(tmp_path, np.arange(3))


def test_gzipped_public_lists(tmp_path):
    with gzip.open(tmp_path / "SNVs_exp_indices.json.gz", "wt") as handle:
        json.dump({"3,1": [0.5, 0.2], "4,1": [0.1, 0.2], "5,1": [0, 0]}, handle)
    subsets = read_subsets(tmp_path, np.arange(6))
    assert subsets[1].pos.tolist() == [[3, 1], [4, 1], [5, 1]]

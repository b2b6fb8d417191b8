"""``cisflow score`` and ``cisflow rank``: the challenge's files in, its scores out, bad submissions refused."""

import gzip
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cisflow.cli.main import main

SUBSETS = ["high", "low", "yeast", "random", "challenging", "SNVs", "motif perturbation", "motif tiling"]


@pytest.fixture(scope="module")
def reference(golden):
    return golden / "dream" / "scoring"


@pytest.fixture(scope="module")
def submission(reference):
    return pd.read_csv(reference / "submission.tsv", sep="\t", header=None)


def command(name, reference, output, *more):
    return main([name, "--truth", str(reference / "ground_truth.tsv"), "--subsets", str(reference), *more, *output])


def values(path):
    return pd.read_csv(path, sep="\t").set_index(["part", "model", "subset", "metric"])["value"]


@pytest.mark.parametrize("form", ["tsv", "tsv.gz", "json", "json.gz"])
def test_reference_scores_in_every_format(reference, submission, tmp_path, form):
    file = tmp_path / f"team.{form}"
    if "tsv" in form:
        text = (reference / "submission.tsv").read_text()
    else:
        text = json.dumps({str(pos): value for pos, value in reversed(list(submission[1].items()))})
    file.write_bytes(gzip.compress(text.encode()) if form.endswith("gz") else text.encode())
    out = ["--output", str(tmp_path / "s.tsv"), "--interval-draws", "0", "--part", "private", "all"]
    assert command("score", reference, out, str(file)) == 0
    found = values(tmp_path / "s.tsv")
    expected = json.loads((reference / "expected.json").read_text())
    for part, name in (("private", "private"), ("all", "full")):
        assert found[part, "team", "total", "pearson_score"] == pytest.approx(expected[name]["Pearson Score"], abs=1e-9)
        assert found[part, "team", "total", "spearman_score"] == pytest.approx(
            expected[name]["Spearman Score"], abs=1e-9
        )
        for subset in ["all", *SUBSETS]:
            assert found[part, "team", subset, "pearson"] == pytest.approx(expected[name][f"{subset} r"], abs=1e-9)
            assert found[part, "team", subset, "spearman"] == pytest.approx(
                expected[name][f"{subset} spearman"], abs=1e-9
            )


def test_folders_given_apart_and_private_by_default(reference, tmp_path):
    lists = shutil.copytree(reference / "test_subset_ids", tmp_path / "lists")
    truth, public = str(reference / "ground_truth.tsv"), str(reference / "public_leaderboard_ids")
    where = ["--subsets", str(lists), "--public", public, "--truth", truth, "--interval-draws", "0"]
    assert main(["score", str(reference / "submission.tsv"), *where, "--output", str(tmp_path / "s.parquet")]) == 0
    table = pd.read_parquet(tmp_path / "s.parquet")
    expected = json.loads((reference / "expected.json").read_text())["private"]["Pearson Score"]
    assert set(table["part"]) == {"private"}
    assert table.loc[table["metric"] == "pearson_score", "value"].item() == pytest.approx(expected, abs=1e-9)


def test_public_part_needs_the_public_rows_alone(reference, submission, tmp_path):
    lists = (reference / "public_leaderboard_ids").glob("*.json")
    rows = sorted({int(n) for path in lists for key in json.loads(path.read_text()) for n in key.split(",")})
    (tmp_path / "m.json").write_text(json.dumps({str(pos): submission[1][pos] for pos in rows}))
    out = ["--output", str(tmp_path / "s.tsv"), "--part", "public", "--interval-draws", "0"]
    assert command("score", reference, out, str(tmp_path / "m.json")) == 0
    table = pd.read_csv(tmp_path / "s.tsv", sep="\t")
    assert table.loc[table["subset"] == "all", "n"].unique().tolist() == [len(rows)]
    out[3] = "private"
    assert command("score", reference, out, str(tmp_path / "m.json")) == 1


@pytest.fixture(scope="module")
def public_files(shared_data, tmp_path_factory):
    """Submissions of five teams and the organisers' sample, as they were handed in: JSON by pos."""
    folder = tmp_path_factory.mktemp("teams")
    table = pd.read_csv(shared_data / "leaderboard" / "public_predictions.tsv.gz", sep="\t").set_index("pos")
    for team in table.columns.drop("measured_maude"):
        numbers = {str(pos): value for pos, value in table[team].items()}
        (folder / f"{team}.json").write_text(json.dumps(numbers))
    lists = shared_data / "expression" / "dream" / "public_leaderboard_ids"
    return sorted(map(str, folder.glob("*.json"))), ["--truth", f"{lists}/ground.json.gz", "--public", str(lists)]


def test_public_leaderboard(public_files, tmp_path):
    files, where = public_files
    out = ["--output", str(tmp_path / "s.tsv"), "--leaderboard", str(tmp_path / "b.tsv"), "--interval-draws", "0"]
    assert main(["score", *files, *where, "--part", "public", *out]) == 0
    board = pd.read_csv(tmp_path / "b.tsv", sep="\t")
    assert board["model"].tolist() == [
        "autosome.org",
        "BHI",
        "Unlock_DNA",
        "Camformers",
        "The_Dream_Team",
        "organiser_random_sample",
    ]
    assert board["place"].tolist() == [1, 2, 3, 4, 5, 6]
    first = board.loc[0, ["pearson_score", "spearman_score", "pearson_squared", "spearman"]]
    assert first.astype(float).round(3).tolist() == [0.829, 0.860, 0.952, 0.979]
    second = board.loc[1, ["pearson_score", "spearman_score", "pearson_squared", "spearman"]]
    assert second.astype(float).round(3).tolist() == [0.799, 0.839, 0.934, 0.970]


def test_rank_writes_all_tables(reference, submission, tmp_path):
    rng = np.random.default_rng(1)
    for name, noise in (("good", 0.3), ("fair", 1.5), ("bad", 6.0)):
        noisy = submission.assign(value=submission[1] + rng.normal(0, noise, len(submission)))
        noisy[[0, "value"]].to_csv(tmp_path / f"{name}.tsv", sep="\t", header=False, index=False)
    files = [str(tmp_path / f"{name}.tsv") for name in ("bad", "fair", "good")]
    names = ("scores", "ranks", "comparisons", "bootstrap")
    for threads in ("1", "2"):
        folder = tmp_path / threads
        out = ["--output", str(folder / "ranking.tsv"), "--draws", "100", "--share", "0.5", "--threads", threads]
        out += [text for name in names for text in (f"--{name}", str(folder / f"{name}.tsv"))]
        assert command("rank", reference, out, *files) == 0
    ranking = pd.read_csv(tmp_path / "1" / "ranking.tsv", sep="\t")
    assert ranking["model"].tolist() == ["good", "fair", "bad"]
    assert ranking["probability_best"].sum() == pytest.approx(1)
    comparisons = pd.read_csv(tmp_path / "1" / "comparisons.tsv", sep="\t")
    assert set(comparisons["subset"]) == {"total", "all", *SUBSETS}
    assert comparisons.groupby(["subset", "metric"]).size().eq(3).all()
    for name in ("ranking", *names):
        one, two = ((tmp_path / t / f"{name}.tsv").read_bytes() for t in ("1", "2"))
        assert one == two


def refused(capsys, reference, tmp_path, *files):
    capsys.readouterr()
    out = ["--output", str(tmp_path / "out.tsv")]
    assert command("score", reference, out, *map(str, files)) == 1
    assert not (tmp_path / "out.tsv").exists()
    return capsys.readouterr().err


def edited(tmp_path, reference, name, change):
    lines = (reference / "submission.tsv").read_text().splitlines()
    (tmp_path / name).write_text("\n".join(change(lines)) + "\n")
    return tmp_path / name


def replace(line, text):
    return lambda lines: [*lines[: line - 1], text(lines[line - 1]), *lines[line:]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replace(3, lambda x: x.split("\t")[0] + "\tabc"), "row 3, column \"2\": 'abc'; expected a finite number"),
        (replace(5, lambda x: x.split("\t")[0] + "\tnan"), "row 5, column \"2\": 'nan'; expected a finite number"),
        (replace(5, lambda x: x.split("\t")[0] + "\t-inf"), "row 5, column \"2\": '-inf'; expected a finite number"),
        (replace(7, lambda x: x.replace("\t", " ")), "row 7: 1 tab-separated fields; expected a sequence, a tab"),
        (replace(7, lambda x: x + "\t1"), "row 7: 3 tab-separated fields"),
        (replace(9, lambda x: "N" + x[1:]), 'row 9, column "1": sequence \'NGCATT'),
        (lambda lines: lines[:-2], "row 299: 298 rows; expected 300"),
        (lambda lines: [*lines[:4], *lines[5:]], "row 5: 299 rows; expected 300"),
        (lambda lines: ["sequence\tvalue", *lines], "these tables have no header"),
        (lambda lines: sorted(lines), "in another order"),
        (lambda lines: [*lines[:10], lines[0], *lines[11:]], "(given more than once)"),
        (lambda lines: [], "the file has no rows"),
    ],
)
def test_bad_tables(capsys, reference, tmp_path, change, message):
    file = edited(tmp_path, reference, "bad.tsv", change)
    text = refused(capsys, reference, tmp_path, file)
    assert message in text
    assert str(file) in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"0": 1, "0": 2}', 'column "0": this key is given more than once'),
        ('{"0": NaN}', 'column "0": NaN; expected a finite number'),
        ('{"0": -Infinity}', 'column "0": -Infinity; expected a finite number'),
        ('{"0": "0.5"}', 'column "0": "0.5"; expected a finite number'),
        ('{"0": true}', 'column "0": true; expected a finite number'),
        ('{"0": [0.5, 1]}', 'column "0": [0.5, 1]; expected a finite number'),
        ('{"-1": 1}', 'column "-1": expected a key that is a row number'),
        ('{"01": 1}', 'column "01": expected a key that is a row number'),
        ('{"0": 1}', "rows have no prediction"),
        ('{"300": 1}', '1 keys are no row of the ground truth, e.g. "300"'),
        ('{"0": 1,\n "1": }', "row 2: not valid JSON"),
        ("[1, 2]", "holds a list; expected a JSON object"),
    ],
)
def test_bad_json(capsys, reference, tmp_path, text, message):
    (tmp_path / "bad.json").write_text(text)
    assert message in refused(capsys, reference, tmp_path, tmp_path / "bad.json")


def test_all_problems_of_all_files_at_once(capsys, reference, tmp_path):
    first = edited(tmp_path, reference, "first.tsv", replace(2, lambda x: x.split("\t")[0] + "\tx"))
    (tmp_path / "second.json").write_text('{"0": null, "7": 1, "7": 2}')
    many = edited(tmp_path, reference, "many.tsv", lambda lines: [x.split("\t")[0] + "\t?" for x in lines])
    text = refused(capsys, reference, tmp_path, first, tmp_path / "second.json", many, tmp_path / "absent.json")
    for expected in ("first.tsv row 2", 'second.json, column "0"', 'second.json, column "7"', "absent.json: file not"):
        assert expected in text
    assert "many.tsv: 290 more of this kind" in text


def test_names_must_differ(capsys, reference, tmp_path):
    file = reference / "submission.tsv"
    assert "a model 'submission' is given twice" in refused(capsys, reference, tmp_path, file, file)
    assert "--interval-draws: -1" in refused(capsys, reference, tmp_path, file, "--interval-draws", "-1")
    assert "is not a folder" in refused(capsys, reference, tmp_path, file, "--public", str(tmp_path / "none"))


def test_tables_need_sequences_in_the_truth(capsys, tmp_path, reference):
    truth = pd.read_csv(reference / "ground_truth.tsv", sep="\t", header=None)[1]
    (tmp_path / "ground.json").write_text(json.dumps({str(pos): value for pos, value in truth.items()}))
    arguments = ["--truth", str(tmp_path / "ground.json"), "--output", str(tmp_path / "s.tsv")]
    assert main(["score", str(reference / "submission.tsv"), *arguments]) == 1
    assert "can only be checked against a ground truth with sequences" in capsys.readouterr().err


def test_subsets_beyond_the_truth(capsys, tmp_path, reference):
    short = tmp_path / "short.tsv"
    short.write_text("\n".join((reference / "ground_truth.tsv").read_text().splitlines()[:50]))
    arguments = ["--truth", str(short), "--subsets", str(reference), "--output", str(tmp_path / "s.tsv")]
    assert main(["score", str(short), *arguments]) == 1
    assert "expected rows 0 to 49" in capsys.readouterr().err


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.permutations(range(12)), data=st.data())
def test_order_of_json_keys_does_not_matter(tmp_path, rows, data):
    number = st.floats(-1e6, 1e6, allow_nan=False)
    truth = data.draw(st.lists(number, min_size=12, max_size=12, unique=True))
    predicted = data.draw(st.lists(number, min_size=12, max_size=12))
    (tmp_path / "t.json").write_text(json.dumps({str(i): v for i, v in enumerate(truth)}))
    (tmp_path / "a.json").write_text(json.dumps({str(i): v for i, v in enumerate(predicted)}))
    (tmp_path / "b.json").write_text(json.dumps({str(i): predicted[i] for i in rows}))
    out = ["--output", str(tmp_path / "s.tsv"), "--interval-draws", "0"]
    assert (
        main(["score", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--truth", f"{tmp_path}/t.json", *out]) == 0
    )
    found = values(tmp_path / "s.tsv")
    pd.testing.assert_series_equal(found["all", "a"], found["all", "b"])

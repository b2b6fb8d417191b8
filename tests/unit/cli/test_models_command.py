"""Bundles listed, shown and exported; what differs is said."""

import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cisflow.cli.main import main
from cisflow.code_digest import PACKAGE, code_hash
from cisflow.models.card import differences, list_bundles, model_card
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.predict import load_bundle
from cisflow.provenance import versions
from cisflow.training.bundle import read_bundle, write_bundle

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from expression_toys import NARROW, toy_table


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A results tree with one model and its scores."""
    root = tmp_path_factory.mktemp("results") / "demo"
    task = ExpressionTask(NARROW, toy_table(60), 1)
    torch.manual_seed(1)
    network = task.build_network()
    manifest = {
        "versions": versions("numpy", "torch"),
        "inputs": {"dataset": "ab" * 32},
        "settings": {"dataset": "promoters", "model": "narrow", "replicate": 1},
        "code": code_hash(PACKAGE.parent / "train_expression_model.py"),
        "device": "cpu",
        "training": {"parameters": 1234, "steps": 10, "best_step": 8, "best_selection": 0.5},
    }
    folder = root / "models" / "promoters" / "narrow" / "seed1"
    write_bundle(folder, network.state_dict(), task.recipe, pd.DataFrame({"step": [8]}), manifest)
    (root / "evaluation" / "promoters").mkdir(parents=True)
    scores = pd.DataFrame(
        {
            "model": ["narrow", "other"],
            "subset": "all",
            "metric": "pearson",
            "value": [0.61, 0.2],
            "low": 0.1,
            "high": 0.9,
        }
    )
    scores.to_csv(root / "evaluation" / "promoters" / "scores.tsv", sep="\t", index=False)
    return folder


def changed(folder, target, **manifest):
    bundle = read_bundle(folder)
    write_bundle(target, bundle.weights, bundle.recipe, bundle.history, {**bundle.manifest, **manifest})
    return target


def test_list(run, tmp_path, capsys):
    changed(run, tmp_path / "elsewhere", code="000000000000")
    table = list_bundles([run.parents[3], tmp_path])
    assert table["model"].tolist() == ["narrow", "narrow"]
    assert table["same_code"].tolist() == ["yes", "no"]
    assert table.loc[0, ["parameters", "steps", "selection"]].tolist() == [1234, 8, 0.5]
    assert main(["models", "list", str(tmp_path)]) == 0
    assert "elsewhere" in capsys.readouterr().out
    assert main(["models", "list", str(tmp_path / "absent")]) == 1


def test_differences_are_named(run, tmp_path):
    assert differences(read_bundle(run)) == []
    other = {"cisflow": "0.0.1", "python": versions()["python"], "torch": "1.13.0"}
    folder = changed(run, tmp_path / "b", versions=other, code="000000000000")
    first, second, third = differences(read_bundle(folder))
    assert first.startswith("cisflow 0.0.1 (here ")
    assert second.startswith("torch 1.13.0 (here ")
    assert third.startswith("training code 000000000000 (here ")
    assert "torch 1.13.0" in model_card(folder)


def test_card_has_scores_of_this_model_and_loads_in_three_lines(run, capsys):
    assert main(["models", "show", str(run)]) == 0
    card = capsys.readouterr().out
    assert "| all | pearson | 0.61 | 0.1 | 0.9 |" in card
    assert "0.2" not in card
    assert "parameters: 1,234" in card
    code = card.split("```python\n")[1].split("```")[0].replace("ACGT...", toy_table(5)["sequence"][0])
    found = {}
    exec(code.replace("model.predict(", "result = model.predict("), found)
    assert np.isfinite(found["result"]).all()


@pytest.mark.parametrize("name", ["mine", "mine.tar.gz"])
def test_export_predicts_the_same(run, tmp_path, name):
    output = tmp_path / name
    assert main(["models", "export", str(run), str(output)]) == 0
    if name.endswith(".gz"):
        again = tmp_path / "again.tar.gz"
        assert main(["models", "export", str(run), str(again)]) == 0
        with tarfile.open(output) as tar:
            assert sorted(tar.getnames())[0] == "mine/README.md"
            tar.extractall(tmp_path / "unpacked", filter="data")
        output = tmp_path / "unpacked" / "mine"
    sequences = toy_table(5)["sequence"].tolist()
    assert np.array_equal(load_bundle(output).predict(sequences), load_bundle(run).predict(sequences))
    assert '"mine"' in (output / "README.md").read_text()
    assert "| all | pearson | 0.61 |" in model_card(output)  # scores travel along
    assert json.loads((output / "manifest.json").read_text())["device"] == "cpu"
    assert main(["models", "export", str(run), str(tmp_path / name)]) == 1  # is there already


def test_folder_that_is_no_bundle(tmp_path):
    assert main(["models", "show", str(tmp_path)]) == 1
    assert main(["models", "export", str(tmp_path), str(tmp_path / "out")]) == 1
    assert list(tmp_path.iterdir()) == []

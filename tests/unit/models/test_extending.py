"""The worked example of docs/extending.md trains and predicts, and the page shows the code that was tested."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from cisflow.models.expression_task import ExpressionTask
from cisflow.models.metrics import pearson
from cisflow.models.predict import load_bundle
from cisflow.models.prix_fixe import complete_recipe
from cisflow.models.recipes import check_expression_recipe
from cisflow.models.train import train_expression_model
from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import toy_table

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = DOCS / "examples"


@pytest.fixture
def recipe(monkeypatch) -> dict:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield yaml.safe_load((EXAMPLES / "my_model.yaml").read_text())
    sys.modules.pop("my_parts", None)


def settings(recipe: dict) -> dict:
    return {
        "dataset": "toy",
        "model": "mine",
        "replicate": 1,
        "seed": 1,
        "recipe": recipe,
        "device": "cpu",
        "training": {"threads": 1, "save_every_seconds": 60},
    }


def test_example_trains_and_predicts(recipe, tmp_path):
    check_expression_recipe(recipe)
    table = toy_table(300)
    table.to_parquet(tmp_path / "toy.parquet")
    train_expression_model(tmp_path / "toy.parquet", tmp_path / "b", tmp_path / "s", settings(recipe), "code")
    bundle = read_bundle(tmp_path / "b")
    assert {name.split(".")[1] for name in bundle.weights if name.startswith("core.")} == {"layers", "mix"}
    assert bundle.history["training_loss"].iloc[-1] < 0.7 * bundle.history["training_loss"].iloc[0]
    validation = table[table["split"] == "validation"]
    prediction = load_bundle(tmp_path / "b").predict(validation["sequence"])
    assert pearson(prediction, validation["expression"].to_numpy()) > 0.5
    assert abs(prediction.mean() - validation["expression"].mean()) < 2


def test_parts_do_what_they_say(recipe):
    import my_parts

    task = ExpressionTask(recipe, toy_table(40), 1)
    assert isinstance(task.trainer, my_parts.HiddenBasesTrainer)
    batch, again = task.batch(3), ExpressionTask(recipe, toy_table(40), 1).batch(3)
    assert torch.equal(batch["codes"], again["codes"])
    plain = ExpressionTask(
        {**recipe, "training": {**recipe["training"], "trainer": {"name": "plain"}}}, toy_table(40), 1
    )
    hidden = batch["codes"] != plain.batch(3)["codes"]
    assert (batch["codes"][hidden] == 4).all()
    assert 0.02 < hidden.float().mean() < 0.08
    x = task.encoding.tensor(batch["codes"], batch["is_reverse"], batch["is_singleton"])
    assert x.shape[1] == task.encoding.n_channels == 6
    assert torch.equal(x[:, 5], x[:, 1] + x[:, 2])
    output = type("Output", (), {"expression": torch.tensor([0.0, 3.0, -60.0])})
    found = my_parts.LogCoshLoss()(output, torch.zeros(3))
    assert float(found) == pytest.approx(np.mean([0, np.log(np.cosh(3)), 60 - np.log(2)]), rel=1e-6)


def test_own_block_in_a_published_network(recipe):
    line = {"data": "autosome", "first": "bhi", "core": "autosome", "final": "autosome"}
    core = {"core": {"name": "my_parts:DilatedCore", "layers": 2}}
    mixed = complete_recipe({"task": "expression", "model": "network", "prix_fixe": line, "network": core})
    check_expression_recipe(mixed)
    network = ExpressionTask(mixed, toy_table(20), 1).build_network()
    assert type(network.core).__name__ == "DilatedCore"
    assert network.core.out_channels == 320


def test_a_part_that_is_not_there_is_told(recipe):
    recipe["network"]["core"] = {"name": "my_parts:DilatedCor"}
    with pytest.raises(InputError, match="core block 'my_parts:DilatedCor' cannot be imported"):
        ExpressionTask(recipe, toy_table(20), 1).build_network()


def test_page_shows_what_was_tested():
    page = (DOCS / "extending.md").read_text()
    files = {"python": (EXAMPLES / "my_parts.py").read_text(), "yaml": (EXAMPLES / "my_model.yaml").read_text()}
    shown = re.findall(r"```(python|yaml)\n(.*?)```", page, re.DOTALL)
    assert {kind for kind, _ in shown} == {"python", "yaml"}
    for kind, block in shown:
        assert block in files[kind] or "prix_fixe" in block, block

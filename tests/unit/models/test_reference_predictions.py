"""Bundles of the reference networks, shifted predictions, several heads, early stop."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from scipy.stats import norm

from cisflow.models.encoding import CODES, letter_codes
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.predict import load_bundle, predict_dataset
from cisflow.models.recipes import check_expression_recipe
from cisflow.models.reference.views import PredictionViews
from cisflow.models.train import train_expression_model
from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle, write_bundle

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import NARROW as PLAIN
from expression_toys import toy_table

RECIPES = Path(__file__).parents[3] / "config" / "recipes" / "reference"
NARROW = sorted((RECIPES / "narrow").glob("*.yaml"))
HEADS = ["expression", "expression_housekeeping"]


def train(recipe: dict, table: pd.DataFrame, folder: Path) -> Path:
    table.to_parquet(folder / "toy.parquet")
    settings = {"dataset": "toy", "model": "m", "replicate": 1, "seed": 1, "recipe": recipe, "device": "cpu"}
    settings["training"] = {"threads": 1, "save_every_seconds": 60}
    train_expression_model(folder / "toy.parquet", folder / "b", folder / "s", settings, "code")
    return folder / "b"


@pytest.mark.parametrize("path", NARROW, ids=lambda path: path.stem)
def test_a_bundle_predicts_what_the_network_says(path, tmp_path):
    recipe = yaml.safe_load(path.read_text())
    table = toy_table(20)
    task = ExpressionTask(recipe, table, 1)
    torch.manual_seed(1)
    network = task.build_network().eval()
    history = pd.DataFrame({"step": [1]})
    write_bundle(tmp_path / "b", network.state_dict(), task.recipe, history, {"code": "c"})
    model = load_bundle(tmp_path / "b")
    sequences = table["sequence"].tolist()
    codes = task.encoding.codes(sequences)
    strands = [codes, np.array([3, 2, 1, 0, 4], np.uint8)[codes[:, ::-1]]][: 1 + recipe["reverse_complement"]]
    views = PredictionViews(**recipe.get("prediction", {})).codes
    found = []
    for is_reverse in range(len(strands)):
        for view in views(codes):
            turned = view if is_reverse == 0 else np.array([3, 2, 1, 0, 4], np.uint8)[view[:, ::-1]]
            flags = torch.full((len(codes),), float(is_reverse)), torch.zeros(len(codes))
            with torch.no_grad():
                found.append(network(task.encoding.tensor(torch.from_numpy(turned.copy()), *flags)).expression.numpy())
    expected = task.scale.expression(np.mean(np.array(found, dtype=np.float64), axis=0))
    np.testing.assert_allclose(model.predict(sequences), expected, rtol=1e-5, atol=1e-6)
    # One by one as in company: nothing depends on the other sequences.
    np.testing.assert_allclose(model.predict(sequences[3:5]), expected[3:5], rtol=1e-5, atol=1e-6)


def test_shifts_on_the_plasmid():
    views = PredictionViews(shifts=[-2, 0, 1, 3], left_flank="CGATTCGAAC", right_flank="TCTTAATTAA")
    codes = letter_codes(["ACGTACGT"])[0][None]
    found = ["".join(CODES[c] for c in view[0]) for view in views.codes(codes)]
    assert found == ["GTACGTTC", "ACGTACGT", "CACGTACG", "AACACGTA"]


def test_mean_of_shifts_and_strands_and_its_quantile(tmp_path):
    recipe = yaml.safe_load((RECIPES / "narrow" / "deepgxp.yaml").read_text())
    table = toy_table(20)
    task = ExpressionTask(recipe, table, 1)
    torch.manual_seed(1)
    weights = task.build_network().state_dict()
    models = {}
    for name, prediction in (
        ("none", None),
        ("one", {"shifts": [1], "left_flank": "C"}),
        ("both", {"shifts": [0, 1], "left_flank": "C"}),
        ("flat", {"flatten": {"mean": 0.1, "sd": 2.0}}),
    ):
        given = {key: value for key, value in task.recipe.items() if key != "prediction"}
        given |= {} if prediction is None else {"prediction": prediction}
        check_expression_recipe(given)
        write_bundle(tmp_path / name, weights, given, pd.DataFrame({"step": [1]}), {})
        models[name] = load_bundle(tmp_path / name).predict(table["sequence"].tolist())
    assert not np.allclose(models["none"], models["one"])
    np.testing.assert_allclose(models["both"], (models["none"] + models["one"]) / 2)
    scale = task.recipe["standardise"]
    standardised = (models["none"] - scale["mean"]) / scale["sd"]
    np.testing.assert_allclose(models["flat"], norm.cdf(standardised, 0.1, 2.0))


def two_heads() -> dict:
    recipe = yaml.safe_load((RECIPES / "narrow" / "deepstarr.yaml").read_text())
    recipe["network"]["final"]["heads"] = 2
    recipe |= {"heads": HEADS, "loss": {"name": "sum_of_heads", "each": {"name": "mse"}, "weights": [1, 0.5]}}
    recipe["training"] |= {"batch_size": 16, "epochs": 30, "patience": 30}
    check_expression_recipe(recipe)
    return recipe


def two_measurements() -> pd.DataFrame:
    table = toy_table(120)
    return table.assign(expression_housekeeping=5 - table["expression"] / 4)


def test_several_heads_from_training_to_predictions(tmp_path):
    table = two_measurements()
    bundle = train(two_heads(), table, tmp_path)
    history = read_bundle(bundle).history
    assert history["training_loss"].iloc[-1] < history["training_loss"].iloc[0]
    names = [f"{metric}.{head}" for head in HEADS for metric in ("pearson", "spearman", "mse")]
    assert set(names) <= set(history.columns)
    means = history[[f"mse.{head}" for head in HEADS]].mean(axis=1)
    np.testing.assert_allclose(history["mse"], means)
    np.testing.assert_allclose(history["selection"], -means)
    predictions = predict_dataset({1: bundle}, tmp_path / "toy.parquet", "m", "cpu", 1)
    other = predictions["prediction.expression_housekeeping"]
    model = load_bundle(bundle)
    heads = model.predict_heads(table["sequence"])
    np.testing.assert_allclose(heads[:, 0], predictions["prediction"])
    np.testing.assert_allclose(heads[:, 1], other)
    assert np.corrcoef(other, table["expression_housekeeping"])[0, 1] > 0.3


def test_loss_of_several_heads():
    task = ExpressionTask(two_heads(), two_measurements(), 1)
    torch.manual_seed(0)
    network = task.build_network().eval()
    batch = task.batch(0)
    flags = batch["is_reverse"], batch["is_singleton"]
    values = network(task.encoding.tensor(batch["codes"], *flags)).heads
    errors = ((values.detach() - batch["targets"]) ** 2).mean(dim=0)
    assert float(task.loss(network, batch).detach()) == pytest.approx(float((errors * torch.tensor([1, 0.5])).sum()))
    np.testing.assert_allclose(batch["targets"][:, 1], 5 - batch["targets"][:, 0] / 4, rtol=1e-5)


def test_heads_that_do_not_fit():
    table = two_measurements()
    with pytest.raises(InputError, match='column "expression_housekeeping": missing column'):
        ExpressionTask(two_heads(), toy_table(20), 1, "d.parquet")
    table.loc[3, "expression_housekeeping"] = np.nan
    with pytest.raises(InputError, match="1 values of split 'train' are not finite"):
        ExpressionTask(two_heads(), table, 1)
    recipe = two_heads()
    recipe["loss"]["weights"] = [1]
    with pytest.raises(InputError, match="1 weights for 2 heads"):
        ExpressionTask(recipe, two_measurements(), 1)
    recipe = two_heads()
    del recipe["heads"]
    with pytest.raises(InputError, match="2 weights for 0 heads"):
        ExpressionTask(recipe, two_measurements(), 1)
    recipe = two_heads()
    recipe["network"]["final"]["heads"] = 3
    with pytest.raises(InputError, match="2 columns, the final block has 3 heads"):
        ExpressionTask(recipe, two_measurements(), 1).build_network()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": ["a", "b"]}, "the first of them expression"),
        ({"heads": ["expression"]}, "a list of columns"),
        ({"heads": HEADS}, "'soft_labels' is for one head; expected `sum_of_heads`"),
        ({"heads": HEADS, "standardise": {}}, "no `standardise` beside `heads`"),
        ({"prediction": {"shift": [1]}}, "unknown key: 'shift'"),
        ({"prediction": {"shifts": [0.5]}}, "expected a list of integers"),
        ({"prediction": {"shifts": [2], "left_flank": "A"}}, "expected 2 or more of A, C, G, T, N"),
        ({"prediction": {"shifts": [-1]}}, "expected 1 or more of A, C, G, T, N"),
        ({"prediction": {"flatten": {"mean": 0}}}, 'column "prediction.flatten.sd": missing'),
        ({"training": {**PLAIN["training"], "selection": "r2"}}, "'r2' is not one of: pearson, mse"),
        ({"training": {**PLAIN["training"], "patience": 0}}, "expected a positive integer"),
    ],
)
def test_lines_of_a_recipe_that_do_not_fit(change, message):
    recipe = {**copy.deepcopy(PLAIN), **change}
    if "standardise" in change:
        recipe["loss"] = {"name": "sum_of_heads", "each": {"name": "mse"}, "weights": [1, 1]}
    with pytest.raises(InputError) as error:
        check_expression_recipe(recipe)
    assert message in str(error.value)


def test_training_ends_when_nothing_gets_better(tmp_path):
    recipe = copy.deepcopy(PLAIN)
    recipe["training"] |= {"epochs": 30, "patience": 2, "optimiser": {"name": "adamw", "learning_rate": 0.0}}
    recipe["training"]["schedule"] = {"name": "constant"}
    recipe["network"]["core"] = {"name": "bhi_core", "hidden": 4, "channels": 8}
    recipe["network"]["first"]["dropout"] = 0.0
    bundle = read_bundle(train(recipe, toy_table(100), tmp_path))
    # Weights never change: the first epoch stays the best, and two more follow.
    assert bundle.history["epoch"].tolist() == [1, 2, 3]
    steps = bundle.manifest["training"]
    assert steps["steps"] == 3 * steps["best_step"]

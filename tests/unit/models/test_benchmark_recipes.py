"""Recipes of the external benchmarks: published sizes and settings, orientation as a flag, several heads."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from cisflow.models.expression_task import ExpressionTask
from cisflow.models.kmer_ridge import fit_kmer_ridge
from cisflow.models.predict import load_bundle, predict_dataset
from cisflow.models.train import train_expression_model
from cisflow.training.bundle import read_bundle

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import toy_table

RECIPES = Path(__file__).parents[3] / "config" / "recipes"
HEADS = ["expression", "expression_housekeeping"]
#: Parameters and highest learning rate (Rafi et al. 2024).
PUBLISHED = {
    "lentimpra/dream_cnn": (1_945_857, 0.005),
    "lentimpra/dream_rnn": (4_203_393, 0.005),
    "lentimpra/dream_attn": (4_619_521, 0.001),
    "starrseq/dream_cnn": (1_962_754, 0.005),
    "starrseq/dream_rnn": (4_285_826, 0.005),
    "starrseq/dream_attn": (4_690_434, 0.001),
}
NARROW = sorted(path for name in ("lentimpra", "starrseq") for path in (RECIPES / name / "narrow").glob("*.yaml"))


def read(name: str) -> dict:
    return yaml.safe_load((RECIPES / f"{name}.yaml").read_text())


def elements(recipe: dict, n: int = 40) -> pd.DataFrame:
    """Elements of the length that the recipe is for, each in both orientations, with two measurements."""
    length = recipe["encoding"].get("length", 230)
    rng = np.random.default_rng(1)
    sequences = ["".join(rng.choice(list("ACGT"), length)) for _ in range(n)]
    high = np.array([sequence.count("GC") for sequence in sequences], float)
    return pd.DataFrame(
        {
            "element": [f"e{i // 2}{'_Reversed:' if i % 2 else ''}" for i in range(n)],
            "sequence": sequences,
            "expression": high,
            "expression_housekeeping": 3 - high / 2,
            "is_singleton": False,
            "is_reverse": np.arange(n) % 2 == 1,
            "split": np.where(np.arange(n) < 0.75 * n, "train", "validation"),
            "pos": -1,
        }
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes_and_training(name):
    recipe = read(name)
    parameters, rate = PUBLISHED[name]
    assert f"{parameters:,} parameters" in (RECIPES / f"{name}.yaml").read_text().splitlines()[0]
    task = ExpressionTask(recipe, elements(recipe), 1)
    network = task.build_network()
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == parameters
    assert task.encoding.n_channels == 5
    training = recipe["training"]
    assert (training["batch_size"], training["epochs"]) == (32, 80)
    assert training["schedule"] == {"name": "one_cycle", "max_learning_rate": rate}
    assert training["optimiser"] == {"name": "adamw", "weight_decay": 0.01}
    assert task.selection == ("mse" if name.startswith("starrseq") else "pearson")
    assert len(task.train_rows) == 30  # no reverse complements are made


def test_the_flag_of_an_element_reaches_training_validation_and_prediction(tmp_path):
    recipe = read("lentimpra/narrow/dream_cnn")
    recipe["training"] |= {"epochs": 2, "batch_size": 8}
    table = elements(recipe)
    task = ExpressionTask(recipe, table, 1)
    for step in range(3):
        expected = table["is_reverse"].to_numpy(float)[task.rows(step)]
        np.testing.assert_array_equal(task.batch(step)["is_reverse"].numpy(), expected)
        x = task.encoding.tensor(*(task.batch(step)[name] for name in ("codes", "is_reverse", "is_singleton")))
        np.testing.assert_array_equal(x[:, 4, 0].numpy(), expected)
    table.to_parquet(tmp_path / "d.parquet")
    settings = {"dataset": "d", "model": "m", "replicate": 1, "seed": 1, "recipe": recipe, "device": "cpu"}
    settings["training"] = {"threads": 1, "save_every_seconds": 60}
    train_expression_model(tmp_path / "d.parquet", tmp_path / "b", tmp_path / "s", settings, "code")
    model = load_bundle(tmp_path / "b")
    sequences, flags = table["sequence"].tolist(), table["is_reverse"].to_numpy()
    with torch.inference_mode():
        codes = torch.from_numpy(model.encoding.codes(sequences))
        x = model.encoding.tensor(codes, torch.from_numpy(flags.astype(np.float32)), torch.zeros(len(codes)))
        expected = model.network(x).expression.double().numpy()
    np.testing.assert_allclose(model.predict(sequences, is_reverse=flags), expected, rtol=1e-6)
    assert not np.allclose(model.predict(sequences)[flags], expected[flags])
    found = predict_dataset({1: tmp_path / "b"}, tmp_path / "d.parquet", "m", "cpu", 1)["prediction"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    history = read_bundle(tmp_path / "b").history.set_index("step")
    validation = (table["split"] == "validation").to_numpy()
    best = history["selection"].idxmax()
    r = np.corrcoef(expected[validation], table["expression"][validation])[0, 1]
    assert history["pearson"][best] == pytest.approx(r, abs=1e-6)


def test_turned_elements_have_the_opposite_flag():
    recipe = read("lentimpra/narrow/dream_cnn") | {"reverse_complement": True}
    table = elements(recipe)
    rows = ExpressionTask(recipe, table, 1).train_rows
    own = table["is_reverse"].to_numpy()[:30]
    np.testing.assert_array_equal(rows.take(np.arange(60))["is_reverse"], np.concatenate([own, ~own]))


@pytest.mark.parametrize("path", NARROW, ids=lambda path: str(path.relative_to(RECIPES)))
def test_narrow_recipes_take_a_step(path):
    recipe = yaml.safe_load(path.read_text())
    published = RECIPES / path.parts[-3] / path.name
    published = published if published.is_file() else RECIPES / "reference" / path.name
    names = [
        {part: block["name"] for part, block in r["network"].items()}
        for r in (recipe, yaml.safe_load(published.read_text()))
    ]
    assert names[0] == names[1]
    task = ExpressionTask(recipe, elements(recipe), 1)
    loss = task.loss(task.build_network(), task.batch(0))
    loss.backward()
    assert torch.isfinite(loss)


def test_heads_of_the_published_form_are_separate_copies():
    recipe = read("starrseq/narrow/dream_cnn")
    task = ExpressionTask(recipe, elements(recipe), 1)
    network = task.build_network().eval()
    x = torch.randn(3, 5, 249)
    values = network(x).heads
    hidden = network.core(network.first(x))
    for head, block in enumerate(network.final.heads):
        by_hand = block.linear(block.mapper[0](hidden).mean(dim=2)).squeeze(1)
        torch.testing.assert_close(values[:, head], by_hand)
    assert not torch.equal(values[:, 0], values[:, 1])


def test_ridge_of_several_heads_is_that_of_each_head():
    recipe = {"k": 3, "pool_strands": True, "alphas": [1]}
    table = elements({"encoding": {"length": 60}}, 80)
    together, history = fit_kmer_ridge({**recipe, "heads": HEADS}, table)
    for i, head in enumerate(HEADS):
        alone, own = fit_kmer_ridge(recipe, table.assign(expression=table[head]))
        torch.testing.assert_close(together["coefficients"][:, i], alone["coefficients"], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(together["intercept"][i], alone["intercept"], rtol=1e-9, atol=1e-12)
        assert history[f"pearson.{head}"][0] == pytest.approx(own["pearson"][0])
    assert history["training_loss"][0] > own["training_loss"][0]


def test_a_ridge_with_heads_predicts_them_all(tmp_path):
    table = toy_table(100).assign(expression_housekeeping=lambda t: 5 - t["expression"] / 4)
    table.to_parquet(tmp_path / "d.parquet")
    recipe = read("starrseq/kmer_ridge") | {"k": 3}
    settings = {"dataset": "d", "model": "m", "replicate": 1, "seed": 1, "recipe": recipe, "device": "cpu"}
    settings["training"] = {"threads": 1, "save_every_seconds": 60}
    train_expression_model(tmp_path / "d.parquet", tmp_path / "b", tmp_path / "s", settings, "code")
    found = predict_dataset({1: tmp_path / "b"}, tmp_path / "d.parquet", "m", "cpu", 1)
    assert {"prediction", "prediction.expression_housekeeping"} <= set(found.columns)
    heads = load_bundle(tmp_path / "b").predict_heads(table["sequence"].tolist())
    assert heads.shape == (100, 2)
    np.testing.assert_allclose(heads[:, 1], found["prediction.expression_housekeeping"])

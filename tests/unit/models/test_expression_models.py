"""Training and prediction of expression models: batches, recipes, bundles, the k-mer baseline."""

from __future__ import annotations

import copy
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cisflow.models.expression_task import ExpressionTask
from cisflow.models.metrics import agreement, pearson
from cisflow.models.predict import SHARD_BLOCK, load_bundle, predict_dataset, shard_rows
from cisflow.models.prix_fixe import cells, complete_recipe
from cisflow.models.recipes import check_expression_recipe
from cisflow.models.train import train_expression_model
from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle, write_bundle
from cisflow.training.optimisers import OPTIMISERS

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import NARROW, toy_table

RECIPES = Path(__file__).parents[3] / "config" / "recipes"
EXPRESSION_RECIPES = sorted(
    path for path in RECIPES.rglob("*.yaml") if yaml.safe_load(path.read_text())["task"] == "expression"
)
NETWORK_RECIPES = [path for path in EXPRESSION_RECIPES if yaml.safe_load(path.read_text())["model"] == "network"]
GRID = [path for path in NETWORK_RECIPES if path.parent.name == "prix_fixe"]
REFERENCE = [path for path in NETWORK_RECIPES if "reference" in path.relative_to(RECIPES).parts]
BENCHMARKS = [path for path in NETWORK_RECIPES if path.relative_to(RECIPES).parts[0] in ("lentimpra", "starrseq")]
DEMO_RECIPES = [path for path in NETWORK_RECIPES if path.parent.name == "demo"]


def changed(recipe: dict, **changes) -> dict:
    recipe = copy.deepcopy(recipe)
    for key, value in changes.items():
        recipe[key] = {**recipe[key], **value} if isinstance(value, dict) else value
    return recipe


def settings(recipe: dict, **changes) -> dict:
    return {
        "dataset": "toy",
        "model": "narrow",
        "replicate": 1,
        "seed": 2022,
        "recipe": recipe,
        "device": "cpu",
        "training": {"threads": 1, "save_every_seconds": 10},
        **changes,
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "toy.parquet"
    toy_table().to_parquet(path)
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, dataset) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    train_expression_model(dataset, folder / "seed1", folder / "state", settings(NARROW), "code")
    return folder / "seed1"


def test_batch_is_a_pure_function_of_the_step():
    table = toy_table()
    one, other = ExpressionTask(NARROW, table, 5), ExpressionTask(NARROW, table, 5)
    in_order = [one.batch(step) for step in range(25)]
    for step in (24, 3, 9, 10, 0):
        batch = other.batch(step)
        assert all(torch.equal(batch[name], in_order[step][name]) for name in batch)
    different = ExpressionTask(NARROW, table, 6).batch(0)
    assert not torch.equal(different["codes"], in_order[0]["codes"])


def test_a_pass_shows_every_row_of_both_strands_once():
    task = ExpressionTask(changed(NARROW, training={"batch_size": 40}), toy_table(), 5)
    assert task.steps_per_epoch == 4
    assert task.n_steps == 16
    batches = [task.batch(step) for step in range(8)]
    rows = {
        (tuple(codes.tolist()), float(flag))
        for batch in batches
        for codes, flag in zip(batch["codes"], batch["is_reverse"], strict=True)
    }
    assert len(rows) == 320
    assert sum(float(batch["is_reverse"].sum()) for batch in batches) == 160


def test_rows_carry_targets_and_flags_of_their_sequence():
    table = toy_table()
    task = ExpressionTask(NARROW, table, 5)
    train = table[table["split"] == "train"]
    codes = task.encoding.codes(train["sequence"])
    batch = task.batch(2)
    for i in range(32):
        strand = batch["codes"][i].numpy()
        if batch["is_reverse"][i]:
            strand = np.array([3, 2, 1, 0, 4], dtype=np.uint8)[strand[::-1]]
        row = int(np.flatnonzero((codes == strand).all(axis=1))[0])
        expected = task.loss_function.targets(train["expression"].to_numpy()[[row]])
        assert torch.equal(batch["targets"][i], expected[0])
        assert batch["is_singleton"][i] == float(train["is_singleton"].iloc[row])


def test_one_strand_only():
    task = ExpressionTask(changed(NARROW, reverse_complement=False), toy_table(), 5)
    assert len(task.train_rows) == 160
    assert float(task.batch(0)["is_reverse"].sum()) == 0


def test_batch_is_never_larger_than_the_table():
    task = ExpressionTask(changed(NARROW, training={"batch_size": 1024}), toy_table(20), 5)
    assert task.steps_per_epoch == 1
    assert len(task.batch(3)["codes"]) == 32


def test_validation_takes_strands_as_rows_with_true_flags():
    task = ExpressionTask(changed(NARROW, training={"validation_batch_size": 7}), toy_table(), 5)
    seen = []

    class Probe(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(1))

        def forward(self, x):
            seen.append(x)
            return type("Output", (), {"expression": x[:, 0].sum(dim=1)})

    metrics = task.validate(Probe())
    x = torch.cat(seen)
    validation = toy_table().query("split == 'validation'")
    assert x.shape == (80, 6, 110)
    assert x[:, 4, 0].tolist() == [0.0] * 40 + [1.0] * 40
    assert x[:, 5, 0].tolist() == validation["is_singleton"].astype(float).tolist() * 2
    both = np.tile(validation["expression"].to_numpy(), 2)
    expected = agreement(x[:, 0].sum(dim=1).double().numpy(), both)
    assert metrics == expected
    assert set(metrics) == {"selection", "pearson", "spearman", "mse"}


# Cells of the grid are built at full size in test_prix_fixe.py, reference networks and benchmarks in their own tests.
@pytest.mark.parametrize(
    "path",
    sorted({*NETWORK_RECIPES} - {*GRID} - {*REFERENCE} - {*BENCHMARKS}),
    ids=lambda p: str(p.relative_to(RECIPES)),
)
def test_every_recipe_makes_a_network(path):
    recipe = complete_recipe(yaml.safe_load(path.read_text()), str(path))
    check_expression_recipe(recipe)
    table = toy_table(20, recipe["loss"].get("bins", 18))
    table["sequence"] = table["sequence"].str[: recipe["encoding"].get("length")]
    task = ExpressionTask(recipe, table, 1)
    network = task.build_network()
    OPTIMISERS.make(recipe["training"]["optimiser"], network.parameters())
    assert task.n_steps == recipe["training"]["epochs"]


def test_every_cell_that_works_has_a_recipe():
    named = {path.stem: complete_recipe(yaml.safe_load(path.read_text())) for path in GRID}
    expected = {
        cell.code: complete_recipe({"task": "expression", "model": "network", "prix_fixe": vars(cell)})
        for cell in cells()
        if cell.refusal is None
    }
    assert named == expected


def test_published_recipes_have_the_published_sizes_and_training():
    expected = {"dream_cnn": (1933970, 0.005), "dream_rnn": (4130578, 0.005), "dream_attn": (4539410, 0.001)}
    for name, (parameters, rate) in expected.items():
        recipe = yaml.safe_load((RECIPES / f"{name}.yaml").read_text())
        network = ExpressionTask(recipe, toy_table(20), 1).build_network()
        assert sum(p.numel() for p in network.parameters()) == parameters
        training = recipe["training"]
        assert (training["batch_size"], training["epochs"]) == (1024, 80)
        assert training["schedule"] == {"name": "one_cycle", "max_learning_rate": rate}
        assert training["optimiser"] == {"name": "adamw", "weight_decay": 0.01}


@pytest.mark.parametrize("path", DEMO_RECIPES, ids=lambda p: p.stem)
def test_demo_recipes_learn_within_a_few_steps(path, tmp_path):
    recipe = yaml.safe_load(path.read_text())
    published = yaml.safe_load((RECIPES / path.name).read_text())
    assert {k: v["name"] for k, v in recipe["network"].items()} == {
        k: v["name"] for k, v in published["network"].items()
    }
    recipe = changed(recipe, training={"epochs": 10, "batch_size": 32})
    table = toy_table(120)
    table.to_parquet(tmp_path / "toy.parquet")
    train_expression_model(tmp_path / "toy.parquet", tmp_path / "b", tmp_path / "s", settings(recipe), "code")
    loss = read_bundle(tmp_path / "b").history["training_loss"]
    assert loss.iloc[-1] < 0.95 * loss.iloc[0]


def test_trained_network_predicts_and_is_reproducible(bundle, dataset, tmp_path, caplog):
    train_expression_model(dataset, tmp_path / "again", tmp_path / "state", settings(NARROW), "code")
    for name in ("weights.safetensors", "history.tsv", "recipe.yaml", "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (bundle / name).read_bytes()
    train_expression_model(dataset, tmp_path / "other", tmp_path / "state", settings(NARROW, replicate=2), "code")
    assert (tmp_path / "other" / "history.tsv").read_bytes() != (bundle / "history.tsv").read_bytes()
    manifest = read_bundle(bundle).manifest
    assert manifest["settings"] == {"dataset": "toy", "model": "narrow", "replicate": 1, "seed": 2022}
    assert list(manifest["inputs"]) == ["dataset"]
    assert manifest["device"] == "cpu"


def test_prediction_is_the_mean_of_both_strands_without_the_singleton_flag(bundle):
    model = load_bundle(bundle)
    sequences = toy_table(5)["sequence"].tolist()
    codes = model.encoding.codes(sequences)
    task = ExpressionTask(NARROW, toy_table(), 1)
    expected = []
    for reverse in (0, 1):
        rows = np.array([3, 2, 1, 0, 4], dtype=np.uint8)[codes[:, ::-1]] if reverse else codes
        flags = torch.full((5,), float(reverse)), torch.zeros(5)
        with torch.no_grad():
            expected.append(model.network(task.encoding.tensor(torch.from_numpy(rows), *flags)).expression.numpy())
    np.testing.assert_allclose(model.predict(sequences), np.mean(expected, axis=0), rtol=1e-6)
    np.testing.assert_array_equal(model.predict(sequences), model.predict([s.lower() for s in sequences]))
    assert model.predict([]).shape == (0,)


def test_both_strands_of_an_element_have_one_prediction(tmp_path):
    """Where the sequence fills the encoding: its reverse complement, marked as such, is the same double strand."""
    recipe = changed(NARROW, encoding={"name": "pad", "length": 110})
    task = ExpressionTask(recipe, toy_table(60), 1)
    torch.manual_seed(1)
    frame = pd.DataFrame({"step": [1]})
    write_bundle(tmp_path / "b", task.build_network().state_dict(), task.recipe, frame, {"settings": {}})
    model = load_bundle(tmp_path / "b")
    sequences = toy_table(5)["sequence"].tolist()
    assert {len(sequence) for sequence in sequences} == {110}
    others = [sequence[::-1].translate(str.maketrans("ACGT", "TGCA")) for sequence in sequences]
    forward, reverse = model.predict(sequences), model.predict(others, is_reverse=np.ones(5))
    np.testing.assert_allclose(forward, reverse, rtol=1e-6)
    assert np.abs(forward - model.predict(others)).max() > 0  # the mark is seen


def test_dataset_predictions_have_a_row_per_element(bundle, dataset, tmp_path):
    table = toy_table()
    table.loc[table.index[-3:], "split"] = "test"
    table.loc[table.index[-3:], "pos"] = [0, 1, 2]
    table.loc[table.index[-3:], "expression"] = np.nan
    table.to_parquet(tmp_path / "d.parquet")
    found = predict_dataset({2: bundle, 10: bundle}, tmp_path / "d.parquet", "narrow", "cpu", 1)
    assert list(found.columns) == ["element", "pos", "split", "prediction", "seed2", "seed10"]
    assert found["element"].tolist() == table["element"].tolist()
    assert found["pos"].tolist() == table["pos"].tolist()
    assert (found["prediction"] == found["seed2"]).all()
    assert np.isfinite(found["prediction"]).all()


@given(st.integers(0, 40_000), st.integers(1, 30))
def test_shards_take_whole_blocks_of_consecutive_rows(rows, shards):
    parts = [shard_rows(rows, shard, shards) for shard in range(shards)]
    assert parts[0].start == 0
    assert parts[-1].stop == rows
    assert all(before.stop == after.start for before, after in pairwise(parts))
    assert all(part.start % SHARD_BLOCK == 0 or part.start == rows for part in parts)


@pytest.mark.parametrize("model", ["narrow", "kmer_ridge"])
def test_any_number_of_shards_gives_the_same_predictions(bundle, dataset, tmp_path, monkeypatch, model):
    # Blocks as small as these take the batches of the network with them; those of the regression are their own.
    monkeypatch.setattr("cisflow.models.predict.BATCH", 32)
    monkeypatch.setattr("cisflow.models.predict.SHARD_BLOCK", 64)
    monkeypatch.setattr("cisflow.models.kmer_ridge.CHUNK", 64)
    if model == "kmer_ridge":
        recipe = yaml.safe_load((RECIPES / "kmer_ridge.yaml").read_text())
        bundle = tmp_path / "seed1"
        train_expression_model(dataset, bundle, tmp_path / "state", settings(recipe), "code")
    table = toy_table(210)
    table.loc[[5, 70, 71], "sequence"] = "ACGT" * 60  # longer than the network takes
    table.to_parquet(tmp_path / "d.parquet")
    whole = predict_dataset({1: bundle}, tmp_path / "d.parquet", model, "cpu", 1)
    for shards in (3, 6):
        parts = [
            predict_dataset({1: bundle}, tmp_path / "d.parquet", model, "cpu", 1, (shard, shards))
            for shard in range(shards)
        ]
        assert [len(part) % 64 for part in parts if len(part) % 64] == [210 % 64]
        assert sum(len(part) > 0 for part in parts) > 2
        joined = pd.concat([part for part in parts if len(part)], ignore_index=True)
        pd.testing.assert_frame_equal(joined, whole, check_exact=True)


def test_block_by_dotted_path():
    recipe = changed(NARROW, network={"first": {"name": "cisflow.models.autosome:AutosomeFirst", "channels": 8}})
    network = ExpressionTask(recipe, toy_table(20), 1).build_network()
    assert type(network.first).__name__ == "AutosomeFirst"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"network": {"first": {"name": "bhi_frist"}}},
            r"first block 'bhi_frist' is not one of.*did you mean 'bhi_first'",
        ),
        ({"network": {"first": {"name": "bhi_first", "width": 8}}}, r"its settings are: channels, kernels, dropout"),
        ({"network": {"first": {"name": "bhi_first", "channels": 9}}}, r"9 channels cannot be shared equally"),
        ({"network": {"first": {"name": "autosome_first", "kernel": 8}}}, r"kernel 8 is even"),
        ({"network": {"final": {"name": "autosome_final", "bins": 10}}}, r"loss has 18 bins, the final block has 10"),
        ({"network": {"final": {"name": "regression_final"}}}, r"loss has 18 bins, the final block has no bins"),
        ({"loss": {"name": "kl"}}, r"loss 'kl' is not one of: .*huber, .*mse, .*soft_labels"),
        ({"loss": {"bins": 10}}, r"outside 0 to 9"),
    ],
)
def test_recipes_that_do_not_fit_are_told(changes, message):
    with pytest.raises(InputError, match=message):
        ExpressionTask(changed(NARROW, **changes), toy_table(20), 1).build_network()


def test_regression_for_other_scales(tmp_path):
    table = toy_table()
    table["expression"] = table["expression"] / 5 - 2
    table.to_parquet(tmp_path / "z.parquet")
    recipe = changed(NARROW, loss={"name": "mse"}, encoding={"name": "pad"}, training={"epochs": 12})
    recipe["network"]["final"] = {"name": "regression_final", "hidden": 8}
    del recipe["loss"]["bins"]
    train_expression_model(tmp_path / "z.parquet", tmp_path / "b", tmp_path / "s", settings(recipe), "code")
    history = read_bundle(tmp_path / "b").history
    assert history["training_loss"].iloc[-1] < history["training_loss"].iloc[0]
    assert load_bundle(tmp_path / "b").predict(["ACGT" * 20]).shape == (1,)


def test_bad_datasets_are_told(tmp_path):
    table = toy_table(20)
    table.drop(columns=["split", "is_singleton"]).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(
        InputError, match=r'2 problems.*column "is_singleton": missing column.*column "split"'.replace(".*", "(?s:.*)")
    ):
        train_expression_model(tmp_path / "a.parquet", tmp_path / "b", tmp_path / "s", settings(NARROW), "code")
    table.assign(expression=[np.nan, *table["expression"][1:]]).to_parquet(tmp_path / "c.parquet")
    with pytest.raises(InputError, match=r'row 2, column "expression": nan is not a finite number'):
        train_expression_model(tmp_path / "c.parquet", tmp_path / "b", tmp_path / "s", settings(NARROW), "code")
    table[table["split"] == "train"].to_parquet(tmp_path / "d.parquet")
    with pytest.raises(InputError, match="0 rows of split 'validation'"):
        train_expression_model(tmp_path / "d.parquet", tmp_path / "b", tmp_path / "s", settings(NARROW), "code")
    recipe = changed(NARROW, model="cnn")
    with pytest.raises(InputError, match="model 'cnn' is not one of: network, kmer_ridge"):
        train_expression_model(tmp_path / "c.parquet", tmp_path / "b", tmp_path / "s", settings(recipe), "code")


def test_all_problems_of_a_recipe_are_told_at_once():
    recipe = changed(NARROW, training={"batch_size": 0, "epochs": "many", "learning_rate": 1}, reverse_complement=1)
    del recipe["loss"], recipe["network"]["core"]
    with pytest.raises(InputError) as error:
        check_expression_recipe(recipe, "r.yaml")
    assert [str(problem) for problem in error.value.problems] == [
        'r.yaml, column "loss": missing',
        "r.yaml, column \"training.learning_rate\": unknown key: 'learning_rate' is not one of: batch_size, epochs, "
        "optimiser, schedule, steps_per_epoch, patience, selection, validation_batch_size, clip_gradient_norm, "
        "clip_gradient_value, tf32, trainer, ...",
        'r.yaml, column "network.core": missing',
        'r.yaml, column "training.batch_size": 0: expected a positive integer',
        "r.yaml, column \"training.epochs\": 'many': expected a positive integer",
        'r.yaml, column "reverse_complement": 1: expected true or false',
    ]
    ridge = {"task": "expression", "model": "kmer_ridge", "k": 12, "pool_strands": "yes", "alphas": [1, -1]}
    with pytest.raises(
        InputError, match=r"(?s)12: expected 1 to 8.*-1: expected a positive number.*'yes': expected true"
    ):
        check_expression_recipe(ridge)


def test_other_bundles_are_refused(bundle, tmp_path):
    for path in bundle.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    recipe = changed(NARROW, network={"core": {"name": "autosome_core", "widths": [16], "expansion": 2}})
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(InputError, match="weights do not fit the recipe"):
        load_bundle(tmp_path)
    (tmp_path / "recipe.yaml").write_text("task: contacts\n")
    with pytest.raises(InputError, match="no expression model"):
        load_bundle(tmp_path)


def test_agreement_with_pandas():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=30).round(1), rng.normal(size=30).round(1)
    found = agreement(x, y)
    frame = pd.DataFrame({"x": x, "y": y})
    assert found["pearson"] == pytest.approx(frame.corr().iloc[0, 1])
    assert found["spearman"] == pytest.approx(frame.corr("spearman").iloc[0, 1])
    assert np.isnan(pearson(np.ones(5), np.arange(5.0)))

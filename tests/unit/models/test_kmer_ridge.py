"""The k-mer baseline: counts, pooling of strands, the regression itself, its bundle."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from cisflow.models.encoding import letter_codes
from cisflow.models.kmer_ridge import fit_kmer_ridge, kmer_counts, kmer_features, predict_kmer_ridge
from cisflow.models.metrics import pearson
from cisflow.models.predict import load_bundle
from cisflow.models.train import train_expression_model
from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import ADAPTER, MOTIF, RIGHT, toy_table

RECIPES = Path(__file__).parents[3] / "config" / "recipes"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "toy.parquet"
    toy_table().to_parquet(path)
    return path


def settings(recipe: dict, model: str) -> dict:
    job = {"dataset": "toy", "model": model, "replicate": 1, "seed": 2022, "recipe": recipe, "device": "cpu"}
    return {**job, "training": {"threads": 1, "save_every_seconds": 10}}


def test_kmer_features_pool_reverse_complements():
    features = kmer_features(2, pool_strands=True)
    assert features.max() + 1 == 10
    assert kmer_features(3, pool_strands=True).max() + 1 == 32
    assert (kmer_features(3, pool_strands=False) == np.arange(64)).all()

    def number(kmer):
        return int(np.polyval(letter_codes([kmer])[0], 4))

    assert features[number("AC")] == features[number("GT")]
    assert features[number("AC")] != features[number("CA")]


def test_kmer_counts():
    features = kmer_features(2, pool_strands=True)
    codes = letter_codes(["NACGTACA"])[0].reshape(1, -1)
    counts = kmer_counts(codes, 2, features)[0]
    numbers = {kmer: features[int(np.polyval(letter_codes([kmer])[0], 4))] for kmer in ("AC", "CG", "TA", "CA")}
    assert {kmer: counts[n] for kmer, n in numbers.items()} == {"AC": 3, "CG": 1, "TA": 1, "CA": 1}
    assert counts.sum() == 6
    assert kmer_counts(codes[:, :1], 2, features).sum() == 0


def test_kmer_ridge_is_the_ridge_regression():
    table = toy_table(150)
    recipe = {"k": 3, "pool_strands": True, "alphas": [1, 100]}
    weights, history = fit_kmer_ridge(recipe, table)
    features = kmer_features(3, True)
    train, validation = table[table["split"] == "train"], table[table["split"] == "validation"]
    codes = {
        name: np.stack([letter_codes([s])[0] for s in t["sequence"]]) for name, t in (("t", train), ("v", validation))
    }
    x, y = kmer_counts(codes["t"], 3, features), train["expression"].to_numpy()
    mean = x.mean(axis=0)
    found = []
    for alpha in (1, 100):
        coefficients = np.linalg.solve(
            (x - mean).T @ (x - mean) + alpha * np.eye(x.shape[1]), (x - mean).T @ (y - y.mean())
        )
        predicted = (kmer_counts(codes["v"], 3, features) - mean) @ coefficients + y.mean()
        found.append(pearson(predicted, validation["expression"].to_numpy()))
        mse = np.mean(((x - mean) @ coefficients + y.mean() - y) ** 2)
        row = history[history["alpha"] == alpha].iloc[0]
        assert row["selection"] == pytest.approx(found[-1], rel=1e-8)
        assert row["training_loss"] == pytest.approx(mse, rel=1e-8)
        if found[-1] == max(found):
            best = predicted
    np.testing.assert_allclose(predict_kmer_ridge(recipe, weights, validation["sequence"].tolist()), best, rtol=1e-8)


def test_kmer_ridge_bundle(dataset, tmp_path):
    recipe = yaml.safe_load((RECIPES / "kmer_ridge.yaml").read_text())
    recipe["k"] = 4
    for folder in ("a", "b"):
        train_expression_model(dataset, tmp_path / folder, tmp_path / "s", settings(recipe, model="ridge"), "code")
    assert (tmp_path / "a" / "weights.safetensors").read_bytes() == (
        tmp_path / "b" / "weights.safetensors"
    ).read_bytes()
    model = load_bundle(tmp_path / "a")
    more, less = model.predict([ADAPTER + MOTIF * 3 + "ACGTTGCAGC" + RIGHT, ADAPTER + "CAGTTGCAAT" * 3 + RIGHT])
    assert more > less
    reverse = str.maketrans("ACGT", "TGCA")
    sequences = toy_table(10)["sequence"].tolist()
    flipped = [s.translate(reverse)[::-1] for s in sequences]
    np.testing.assert_allclose(model.predict(sequences), model.predict(flipped), rtol=1e-12)
    history = read_bundle(tmp_path / "a").history
    assert "step" not in history
    assert len(history) == len(recipe["alphas"])


def test_kmer_ridge_refuses_constant_expression():
    table = toy_table(20).assign(expression=1.0)
    with pytest.raises(InputError, match="is constant"):
        fit_kmer_ridge({"k": 2, "pool_strands": True, "alphas": [1]}, table)

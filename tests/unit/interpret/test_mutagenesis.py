"""In-silico mutagenesis and attributions: exact on every encoding, right on models that are known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cisflow.evaluation.subsets import Subset
from cisflow.interpret import mutagenesis
from cisflow.interpret.agreement import agreement
from cisflow.interpret.attribution import attribute, tensor_sources
from cisflow.interpret.choice import choose_sequences, measured_variants, varying_span
from cisflow.interpret.effects import EFFECTS, position_scores
from cisflow.interpret.mutagenesis import saturation_mutagenesis, substitutions
from cisflow.models.blocks import Output
from cisflow.models.encoding import ENCODINGS, letter_codes
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.predict import load_bundle
from cisflow.models.reference.views import PredictionViews
from cisflow.problems import InputError
from cisflow.training.bundle import write_bundle

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from expression_toys import NARROW, toy_table

RECIPES = Path(__file__).parents[3] / "config" / "recipes"
REFERENCE = [RECIPES / "reference" / "narrow" / f"{name}.yaml" for name in ("legnet", "mprann", "glove_cnn")]
DNA = st.text("ACGT", min_size=1, max_size=40)


def untrained(recipe: dict, folder: Path, table: pd.DataFrame):
    task = ExpressionTask(recipe, table, 1)
    torch.manual_seed(1)
    network = task.build_network()
    write_bundle(folder / "b", network.state_dict(), task.recipe, pd.DataFrame({"step": [1]}), {"code": "c"})
    return load_bundle(folder / "b")


def effects(models, sequences, *span) -> pl.DataFrame:
    return pl.concat(saturation_mutagenesis(models, sequences, *span))


class Linear:
    """Prediction = sum of the weight of each base."""

    def __init__(self, weights: np.ndarray):
        self.weights = weights

    def predict(self, sequences):
        table = {base: i for i, base in enumerate("ACGT")}
        return np.array([sum(self.weights[i, table[b]] for i, b in enumerate(s) if b in table) for s in sequences])


@given(st.text("ACGTN", min_size=1, max_size=30), st.integers(0, 30), st.integers(-5, 30))
def test_every_substitution_once(sequence, start, end):
    position, new, mutants = substitutions(sequence, start, end)
    expected = [
        (i, b, sequence[:i] + b + sequence[i + 1 :])
        for i in range(len(sequence))[start:end]
        for b in "ACGT"
        if sequence[i] not in ("N", b)
    ]
    assert list(zip(position, map(chr, new), mutants, strict=True)) == expected


@given(st.lists(DNA, min_size=1, max_size=4, unique=True))
@settings(max_examples=30)
def test_linear_model_gives_its_weights(texts):
    weights = np.random.default_rng(0).normal(size=(40, 4))
    found = effects({"m": [Linear(weights)]}, {t: t for t in texts}).to_pandas()
    assert len(found) == 3 * sum(map(len, texts))
    at = found["position"].to_numpy()
    new, old = (weights[at, [" ACGT".index(b) - 1 for b in found[c]]] for c in ("substitution", "base"))
    np.testing.assert_allclose(found["effect"], new - old, atol=1e-9)
    scores = position_scores(pl.from_pandas(found)).to_pandas()
    own = weights[scores["position"], ["ACGT".index(b) for b in scores["base"]]]
    np.testing.assert_allclose(scores["score"], 4 / 3 * (weights[scores["position"]].mean(axis=1) - own), atol=1e-9)


def test_replicates_are_averaged():
    first, second = (np.random.default_rng(i).normal(size=(4, 4)) for i in (1, 2))
    both = effects({"m": [Linear(first), Linear(second)]}, {"a": "ACGT"})
    mean = effects({"m": [Linear((first + second) / 2)]}, {"a": "ACGT"})
    np.testing.assert_allclose(both["effect"], mean["effect"], atol=1e-12)


@pytest.mark.parametrize("path", [None, *REFERENCE], ids=lambda path: path.stem if path else "plasmid")
def test_network_effects_are_those_of_single_mutants(path, tmp_path):
    table = toy_table(20)
    model = untrained(yaml.safe_load(path.read_text()) if path else NARROW, tmp_path, table)
    sequence = table["sequence"][0]
    found = effects({"m": [model]}, {"a": sequence}, 20, 22)
    assert found.schema == pl.Schema(EFFECTS)
    assert found["position"].to_list() == np.repeat(range(20, 22), 3).tolist()
    reference = model.predict([sequence])[0]
    for row in found.iter_rows(named=True):
        mutant = sequence[: row["position"]] + row["substitution"] + sequence[row["position"] + 1 :]
        alone = model.predict([mutant])[0]
        assert row["prediction"] == pytest.approx(alone, rel=2e-6, abs=2e-6)
        assert row["effect"] == pytest.approx(alone - reference, abs=4e-6 * max(1, abs(reference)))


def test_blocks_do_not_change_the_result(tmp_path, monkeypatch):
    table = toy_table(20)
    model = untrained(NARROW, tmp_path, table)
    sequences = dict(zip(table["element"][:5], table["sequence"][:5], strict=True))
    at_once = effects({"m": [model]}, sequences, 17, 40)
    monkeypatch.setattr(mutagenesis, "BLOCK", 100)
    one_by_one = list(saturation_mutagenesis({"m": [model]}, sequences, 17, 40))
    assert len(one_by_one) == 5
    one_by_one = pl.concat(one_by_one)
    assert one_by_one.drop("prediction", "effect").equals(at_once.drop("prediction", "effect"))
    np.testing.assert_allclose(one_by_one["effect"], at_once["effect"], atol=5e-6)


def test_lengths_without_prediction_are_named(tmp_path):
    model = untrained(yaml.safe_load((RECIPES / "reference/narrow/mprann.yaml").read_text()), tmp_path, toy_table(20))
    with pytest.raises(InputError, match="'short' of 5 bases"):
        effects({"m": [model]}, {"short": "ACGTA"})


ENCODED = [
    ({"name": "plasmid"}, (78, 142)),
    ({"name": "pad", "length": 60}, (1, 60)),
    ({"name": "random_flanks", "seed": 3}, (80, 130)),
    ({"name": "two_strands"}, (31, 130)),
    ({"name": "between_adapters", "width": 50}, (50, 50)),
    ({"name": "between_adapters", "width": 50}, (80, 80)),
]


@pytest.mark.parametrize(("recipe", "lengths"), ENCODED, ids=lambda v: v["name"] if isinstance(v, dict) else None)
def test_positions_say_which_base_a_code_shows(recipe, lengths):
    draws = np.random.default_rng(0)
    encoding = ENCODINGS.make(recipe)
    texts = ["".join(draws.choice(list("ACGT"), n)) for n in draws.integers(lengths[0], lengths[1] + 1, 20)]
    texts = ["TGCATTTTTTTCACATC"[: len(t)] + t[17:] for t in texts]
    codes, positions = encoding.codes(texts), encoding.positions(texts)
    assert positions.shape == codes.shape
    for text, row, shown in zip(texts, codes, positions, strict=True):
        own = shown >= 0
        assert own.any()
        np.testing.assert_array_equal(letter_codes([text])[0][shown[own]], row[own])
        assert len(set(shown[own])) == own.sum()
    if recipe["name"] != "random_flanks":  # its flanks depend on the whole sequence
        mutants = [t[:40] + {"A": "C"}.get(t[40], "A") + t[41:] for t in texts if len(t) > 40]
        kept = [i for i, t in enumerate(texts) if len(t) > 40]
        changed = encoding.codes(mutants) != codes[kept]
        np.testing.assert_array_equal(changed, positions[kept] == 40)


def test_columns_of_the_input_are_traced_to_codes():
    two, between = ENCODINGS.make({"name": "two_strands", "width": 7}), {"name": "between_adapters", "width": 5}
    np.testing.assert_array_equal(tensor_sources(two, 7), [*range(7), *range(6, -1, -1)])
    np.testing.assert_array_equal(tensor_sources(ENCODINGS.make(between), 5), [-1] * 15 + [*range(5)] + [-1] * 15)


class _LinearNetwork(torch.nn.Module):
    """Sum over the network input times weights that are drawn by their shape."""

    def forward(self, x):
        weight = torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(1))
        return Output((x * weight).sum(dim=(1, 2)))


SHIFTS = {"shifts": [-2, 0, 3], "left_flank": "ACGTACGT", "right_flank": "TTGCA"}
LINEAR = [
    ({"name": "plasmid", "length": 110}, SHIFTS),
    ({"name": "plasmid"}, {}),
    ({"name": "pad", "length": 120}, {}),
    ({"name": "random_flanks"}, {}),
    ({"name": "two_strands"}, {}),
    ({"name": "between_adapters", "width": 110}, {}),
]


@pytest.mark.parametrize(("encoding", "views"), LINEAR, ids=lambda v: v.get("name"))
@pytest.mark.parametrize("both_strands", [True, False])
def test_attributions_of_a_linear_network_are_its_position_scores(encoding, views, both_strands, tmp_path):
    table = toy_table(20)
    model = untrained(NARROW, tmp_path, table)
    model.network, model.encoding = _LinearNetwork(), ENCODINGS.make(encoding)
    model.views = PredictionViews(**views)
    model.recipe = {**model.recipe, "reverse_complement": both_strands}
    sequences = {"a": table["sequence"][0], "b": table["sequence"][1][:60] + "N" + table["sequence"][1][61:]}
    found, checks = attribute({"m": [model]}, sequences, steps=2)
    scores = position_scores(effects({"m": [model]}, sequences))
    both = scores.join(found, on=["model", "id", "position"], how="left")
    assert len(both) == 219
    assert both["score"].abs().max() > 0.5
    for method in ("gradient_x_input", "integrated_gradients"):
        np.testing.assert_allclose(both[method], -0.75 * both["score"], atol=2e-5)
    np.testing.assert_allclose(checks["delta"], 0, atol=1e-4)
    np.testing.assert_allclose(checks["prediction"], model.predict(list(sequences.values())), atol=1e-5)


@pytest.mark.parametrize("path", [None, *REFERENCE[1:]], ids=lambda path: path.stem if path else "plasmid")
def test_integrated_gradients_add_up(path, tmp_path):
    table = toy_table(20)
    recipe = yaml.safe_load(path.read_text()) if path else NARROW
    model = untrained(recipe, tmp_path, table)
    sequences = dict(zip(table["element"][:2], table["sequence"][:2], strict=True))
    found, checks = attribute({"m": [model]}, sequences, steps=40)
    assert found["position"].to_list() == 2 * list(range(110))
    np.testing.assert_allclose(checks["delta"], checks["attributed"] - checks["prediction"] + checks["baseline"])
    if "flatten" not in recipe.get("prediction", {}):
        np.testing.assert_allclose(checks["prediction"], model.predict(list(sequences.values())), rtol=1e-5, atol=1e-5)
    if recipe["network"]["first"]["name"] == "glove_first":  # looks words up: no gradient leads through it
        assert (checks["attributed"] == 0).all()
    else:
        change = (checks["prediction"] - checks["baseline"]).abs()
        assert (checks["delta"].abs() < 0.05 * change.max() + 1e-4).all()


def test_models_without_gradients_and_encodings_without_positions(tmp_path):
    found, checks = attribute({"m": [Linear(np.ones((4, 4)))]}, {"a": "ACGT"})
    assert found.is_empty()
    assert checks.is_empty()
    model = untrained(NARROW, tmp_path, toy_table(20))
    model.encoding = object()
    with pytest.raises(InputError, match="has no `positions`"):
        attribute({"m": [model]}, {"a": "ACGT"})


def test_agreement_of_models_and_methods():
    draws = np.random.default_rng(0)
    first, second = draws.normal(size=(2, 30, 4))
    models = {"a": [Linear(first)], "b": [Linear(3 * first)], "c": [Linear(second)]}
    profiles = position_scores(effects(models, {"x": "ACGTA" * 6, "y": "G" * 30}))
    profiles = profiles.with_columns(gradient_x_input=-pl.col("score") + 1, integrated_gradients=pl.col("score"))
    found = agreement(profiles).to_pandas().set_index(["kind", "first", "second", "id"])["pearson"].sort_index()
    np.testing.assert_allclose(found["models", "a", "b"], 1)
    assert (found["models", "b", "c"].abs() < 0.6).all()
    np.testing.assert_allclose(found["methods", "a", "gradient_x_input"], 1)
    np.testing.assert_allclose(found["methods", "c", "integrated_gradients"], -1)
    constant = profiles.with_columns(score=pl.lit(0.0))
    assert agreement(constant)["pearson"].is_null().all()


@given(st.lists(DNA, min_size=2, max_size=6), DNA, DNA)
def test_varying_span_leaves_out_what_is_the_same(middles, left, right):
    texts = [left + middle + right for middle in middles]
    start, end = varying_span(texts)
    if len(set(texts)) == 1:
        assert (start, end) == (0, None)
        return
    assert start >= len(left)
    assert len({t[:start] for t in texts}) == 1
    assert len({t[len(t[:end]) :] for t in texts}) == 1
    assert len({t[: start + 1] for t in texts}) > 1


def test_measured_variants_and_choice():
    test = pd.DataFrame(
        {
            "element": list("abcdef"),
            "sequence": ["AAAA", "AACA", "ACCA", "AAAAC", "TTTT", "TTTG"],
            "expression": [1.0, 3.0, 5.0, 7.0, 9.0, 9.5],
            "pos": [3, 0, 1, 2, 5, 4],
        }
    )
    pairs = Subset("SNVs", "pairs", 1.0, np.array([[0, 3], [1, 3], [2, 3], [1, 0], [4, 5], [99, 3], [0, 3]]))
    found = measured_variants(test, [pairs])
    rows = {tuple(r) for r in found.itertuples(index=False)}
    assert rows == {("a", 2, "C", 2.0), ("b", 1, "C", 2.0), ("e", 3, "G", 0.5)}
    assert list(choose_sequences(test, found, 4)) == ["b", "a", "e", "f"]
    assert list(choose_sequences(test, measured_variants(test, []), 2)) == ["f", "e"]

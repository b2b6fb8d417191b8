"""Encodings, trainers, schedules and targets of the second and third teams."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cisflow.models import team_encodings
from cisflow.models.blocks import Output
from cisflow.models.encoding import PlasmidEncoding, reverse_complement
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.losses import HuberLoss, MeanSquaredError
from cisflow.models.predict import NetworkModel
from cisflow.models.prix_fixe import Cell, complete_recipe
from cisflow.models.recipes import check_expression_recipe
from cisflow.models.target_scale import TargetScale
from cisflow.models.team_encodings import FLANK_LEFT, FLANK_RIGHT, RandomFlanksEncoding, TwoStrandsEncoding
from cisflow.models.trainers import BothStrandsTrainer, MaskedNucleotidesTrainer
from cisflow.models.unlockdna import masked_nucleotide_loss
from cisflow.problems import InputError
from cisflow.training.bundle import Bundle
from cisflow.training.schedules import SCHEDULES

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import ADAPTER, RIGHT, toy_table

CELL = {team: {"prix_fixe": dict.fromkeys(("data", "first", "core", "final"), team)} for team in ("bhi", "unlockdna")}
TINY = {
    "bhi": {
        "first": {"channels": 8, "dropout": 0.0},
        "core": {"hidden": 4, "channels": 8, "branch_dropout": 0.0, "dropout": 0.0},
        "final": {"hidden": 16},
    },
    "unlockdna": {
        "first": {"channels": 8},
        "core": {"blocks": 1, "kernel": 5, "dropout": 0.0},
        "final": {"dropout": 0.0},
    },
}


def tiny(team: str, **more) -> dict:
    return complete_recipe({**CELL[team], "network": TINY[team], "training": {"batch_size": 12, "epochs": 50}, **more})


def as_text(codes: np.ndarray) -> str:
    return "".join("AGCTN"[code] for code in codes)


def test_tokens_of_both_strands_golden(golden):
    stored = json.loads((golden / "dream" / "encoding_golden.json").read_text())
    text = {row["source_row"]: row["input"] for row in stored["autosome"] if row["rev"] == 0}
    encoding = TwoStrandsEncoding()
    assert encoding.usable(list(text.values())).tolist() == [
        row in {r["source_row"] for r in stored["unlockdna"]} for row in text
    ]
    for row in stored["unlockdna"]:
        codes = torch.from_numpy(encoding.codes([text[row["source_row"]]]))
        tokens = encoding.tokens(codes)
        assert tokens[0].tolist() == row["tokens200"]
        x = encoding.tensor(codes, torch.zeros(1), torch.zeros(1))
        assert x.shape == (1, 6, 200)
        assert x.dtype == torch.float32
        assert x[0].argmax(dim=0).tolist() == row["tokens200"]
        assert (x.sum(dim=1) == 1).all()


def test_promoters_outside_the_width_are_left_out_and_get_no_prediction(caplog):
    table = toy_table(40)
    long = ADAPTER + "A" * 101 + RIGHT
    table.loc[[3, 39], "sequence"] = long
    with caplog.at_level("INFO"):
        task = ExpressionTask(tiny("unlockdna"), table, 1)
    assert (len(task.train_rows), len(task.validation_rows)) == (31, 7)
    assert "1 of 32 rows are not for this encoding: left out" in caplog.text
    network = task.build_network()
    model = NetworkModel(Bundle(Path(), network.state_dict(), task.recipe, pd.DataFrame(), {}))
    prediction = model.predict(table["sequence"])
    assert np.flatnonzero(np.isnan(prediction)).tolist() == [3, 39]
    with pytest.raises(InputError, match=r'row 3, column "sequence": sequence of 131 bases; expected 31 to 130'):
        TwoStrandsEncoding().codes([table["sequence"][0], long])
    with pytest.raises(InputError, match="expected 31 to 130"):
        TwoStrandsEncoding().codes([ADAPTER + RIGHT])


@given(st.lists(st.text("ACGTN", min_size=73, max_size=142), min_size=1, max_size=8))
def test_random_flanks(sequences):
    rows = RandomFlanksEncoding().codes(sequences)
    for text, codes in zip(sequences, rows, strict=True):
        missing = max(110 - len(text), 0)
        found = as_text(codes)
        left = {0, missing // 2, missing}
        possible = {FLANK_LEFT[len(FLANK_LEFT) - m :] + text[:110] + FLANK_RIGHT[: missing - m] for m in left}
        assert found in possible
    alone = np.concatenate([RandomFlanksEncoding().codes([text]) for text in sequences])
    np.testing.assert_array_equal(alone, rows)


def test_sides_of_the_flanks_come_in_the_published_shares(monkeypatch):
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGT"), 100)) for _ in range(6000)]
    rows = RandomFlanksEncoding().codes(sequences)
    starts = np.array([as_text(row).index(text) for row, text in zip(rows, sequences, strict=True)])
    shares = [(starts == m).mean() for m in (0, 10, 5)]
    assert shares == pytest.approx([0.333, 0.667 * 0.334, 0.667 * 0.666], abs=0.02)
    other = RandomFlanksEncoding(seed=1).codes(sequences)
    independent = 0.333**2 + (0.667 * 0.334) ** 2 + (0.667 * 0.666) ** 2
    assert (rows == other).all(axis=1).mean() == pytest.approx(independent, abs=0.02)
    monkeypatch.setattr(team_encodings, "CHUNK", 1000)
    np.testing.assert_array_equal(RandomFlanksEncoding().codes(sequences), rows)
    with pytest.raises(InputError, match=r'row 3, column "sequence": sequence of 72 bases; expected at least 73'):
        RandomFlanksEncoding().codes([sequences[0], sequences[1][:72]])


def test_each_step_of_bhi_sees_both_strands():
    task = ExpressionTask(tiny("bhi"), toy_table(40), 1)
    assert len(task.train_rows) == len(task.train_rows.codes) == 32
    network = task.build_network().eval()
    batch = task.batch(0)
    assert not batch["is_reverse"].any()
    x = task.encoding.tensor(batch["codes"], batch["is_reverse"], batch["is_singleton"])
    with torch.no_grad():
        found = float(task.loss(network, batch))
        strands = [network(strand) for strand in (x, x.flip(1, 2))]
        losses = [float(HuberLoss()(strand, batch["targets"])) for strand in strands]
    assert found == pytest.approx(sum(losses) / 2, rel=1e-6)
    assert not torch.allclose(strands[0].expression, strands[1].expression, rtol=1e-5, atol=0)
    with pytest.raises(InputError, match="the trainer `both_strands` reads the reverse complement too"):
        ExpressionTask(tiny("bhi", reverse_complement=False), toy_table(40), 1)


def test_strand_flag_of_the_other_strand():
    seen = []

    def network(x):
        seen.append(x)
        return Output(x.sum(dim=(1, 2)))

    encoding = PlasmidEncoding()
    trainer = BothStrandsTrainer(encoding, MeanSquaredError(), 1)
    codes = encoding.codes(toy_table(3)["sequence"])
    rows = {"codes": codes, "is_reverse": np.zeros(3, np.float32), "is_singleton": np.zeros(3, np.float32)}
    trainer.loss(network, trainer.batch(rows, torch.zeros(3), 0))
    other = encoding.tensor(torch.from_numpy(reverse_complement(codes)), torch.ones(3), torch.zeros(3))
    assert torch.equal(seen[1], other)


def test_hidden_nucleotides():
    task = ExpressionTask(tiny("unlockdna"), toy_table(400), 1)
    seen = []

    class Probe(torch.nn.Module):
        def forward(self, x):
            seen.append(x)
            return Output(x[:, 0].sum(dim=1), nucleotide_logits=x * 2)

    batch = task.batch(3)
    found = float(task.loss(Probe(), batch))
    tokens = task.encoding.tokens(batch["codes"])
    shown = seen[0].argmax(dim=1)
    hidden = shown == 5
    assert torch.equal(shown[~hidden], tokens[~hidden])
    assert not (tokens[hidden] == 4).any()
    assert hidden.sum() / (tokens != 4).sum() == pytest.approx(0.2, abs=0.03)
    assert not torch.equal(hidden[:, :100], hidden[:, 100:].flip(1))  # strands are hidden independently
    expected = torch.nn.functional.mse_loss(seen[0][:, 0].sum(dim=1), batch["targets"])
    expected = expected + masked_nucleotide_loss(seen[0] * 2, tokens, hidden.float())
    assert found == pytest.approx(float(expected), rel=1e-6)
    assert torch.equal(batch["hidden"], ExpressionTask(tiny("unlockdna"), toy_table(400), 1).batch(3)["hidden"])
    assert not torch.equal(batch["hidden"], task.batch(4)["hidden"])


def test_masked_training_that_cannot_work_is_told():
    with pytest.raises(InputError, match="'masked_nucleotides': needs an encoding that gives tokens"):
        ExpressionTask(tiny("unlockdna", encoding={"name": "pad", "length": 120}), toy_table(20), 1)
    with pytest.raises(ValueError, match=r"ratio 1.2: expected 0 to 1"):
        MaskedNucleotidesTrainer(TwoStrandsEncoding(), MeanSquaredError(), 1, ratio=1.2)
    network = {**TINY["unlockdna"], "final": {"name": "regression_final"}}
    task = ExpressionTask(tiny("unlockdna", network=network), toy_table(20), 1)
    with pytest.raises(InputError, match="needs a final block that predicts nucleotides"):
        task.loss(task.build_network(), task.batch(0))


def test_standardised_targets():
    table = toy_table(60)
    train = table[table["split"] == "train"]["expression"].to_numpy()
    task = ExpressionTask(tiny("bhi"), table, 1)
    assert task.recipe["standardise"] == {"mean": 11.0, "sd": pytest.approx(train.std())}
    batch = task.batch(0)
    assert float(batch["targets"].mean()) < 0
    everything = ExpressionTask(tiny("bhi", training={"batch_size": 48, "epochs": 1}), table, 1).batch(0)["targets"]
    assert sorted(everything.tolist()) == pytest.approx(sorted((train - 11) / train.std()), rel=1e-5)
    unlockdna = ExpressionTask(tiny("unlockdna"), table, 1)
    assert unlockdna.scale.mean == pytest.approx(train.mean())
    scale = TargetScale(3.0, 2.0)
    assert scale.expression(scale.targets(np.array([7.0]))).tolist() == [7.0]
    with pytest.raises(InputError, match="all training rows have the same value"):
        ExpressionTask(tiny("unlockdna"), table.assign(expression=3.0), 1)


def test_standardise_lines_are_checked():
    recipe = tiny("bhi", standardise={"mean": "high", "sd": 0, "by": 1})
    with pytest.raises(InputError) as error:
        check_expression_recipe(recipe)
    assert [problem.column for problem in error.value.problems] == [
        "standardise.by",
        "standardise.sd",
        "standardise.mean",
    ]
    labels = complete_recipe({"prix_fixe": vars(Cell("bhi", "bhi", "bhi", "autosome")), "standardise": {}})
    with pytest.raises(InputError, match="`soft_labels` needs expression on the scale of the bins"):
        check_expression_recipe(labels)


def _weight_and_optimiser() -> tuple[torch.nn.Parameter, torch.optim.Optimizer]:
    weight = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    return weight, torch.optim.Adam([weight], lr=1e-14, betas=(0.9, 0.98), eps=1e-9)


def test_warm_up_and_inverse_square_root():
    weight, optimiser = _weight_and_optimiser()
    schedule = SCHEDULES.make({"name": "noam", "width": 256, "warm_up": 40}, optimiser, 100)
    rates = []
    for _ in range(100):
        rates.append(optimiser.param_groups[0]["lr"])
        weight.grad = torch.ones_like(weight)
        optimiser.step()
        schedule.after_step()
    assert rates[0] == 1e-14
    expected = [256**-0.5 * min(n**-0.5, n * 40**-1.5) for n in range(1, 100)]
    assert rates[1:] == pytest.approx(expected, rel=1e-12)
    assert max(rates) == rates[40]


def test_second_step_on_momentum_alone():
    """By hand: Adam with the second gradient zero, at the new rate."""
    weight, optimiser = _weight_and_optimiser()
    schedule = SCHEDULES.make({"name": "noam", "width": 4, "warm_up": 10, "momentum_step": True}, optimiser, 100)
    first = second = 0.0
    value, rate, count = 1.0, 1e-14, 0
    for n, gradient in enumerate([0.5, -2.0, 1.0], start=1):
        weight.grad = torch.full_like(weight, gradient)
        optimiser.step()
        optimiser.zero_grad()
        schedule.after_step()
        for g, lr in ((gradient, rate), (0.0, 0.5 * min(n**-0.5, n * 10**-1.5))):
            count += 1
            first, second = 0.9 * first + 0.1 * g, 0.98 * second + 0.02 * g * g
            value -= lr * (first / (1 - 0.9**count)) / (math.sqrt(second / (1 - 0.98**count)) + 1e-9)
        rate = lr
        assert weight.item() == pytest.approx(value, rel=1e-12)
        assert weight.grad is None


def test_stretched_cosine():
    weight, optimiser = _weight_and_optimiser()
    optimiser.param_groups[0]["lr"] = 0.0015
    schedule = SCHEDULES.make({"name": "cosine", "stretch": 4}, optimiser, 10)
    for _ in range(10):
        weight.grad = torch.ones_like(weight)
        optimiser.step()
        schedule.after_step()
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.0015 * (1 + math.cos(math.pi / 4)) / 2)

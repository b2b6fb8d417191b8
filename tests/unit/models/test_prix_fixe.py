"""The 81 combinations of the teams' parts: names, refusals, sizes, settings, and one training step of each."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import torch
import yaml

from cisflow.models.encoding import ENCODINGS
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.network import SequenceNetwork
from cisflow.models.predict import load_bundle
from cisflow.models.prix_fixe import TEAMS, Cell, cells, complete_recipe, read_cell
from cisflow.models.recipes import check_expression_recipe
from cisflow.models.train import train_expression_model
from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle
from cisflow.training.numerics import reproducible_numerics
from cisflow.training.optimisers import OPTIMISERS
from cisflow.training.schedules import SCHEDULES

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import toy_table

RECIPES = Path(__file__).parents[3] / "config" / "recipes"
COMPATIBLE = [cell for cell in cells() if cell.refusal is None]
REFUSED = [cell for cell in cells() if cell.refusal is not None]
SHOWN = {"Autosome": "autosome", "BHI": "bhi", "UnlockDNA": "unlockdna"}

NARROW = {
    "autosome_first": {"channels": 8, "kernel": 5},
    "bhi_first": {"channels": 8},
    "unlockdna_first": {"channels": 8},
    "autosome_core": {"widths": [8, 8], "expansion": 2},
    "bhi_core": {"hidden": 6, "channels": 8},
    "unlockdna_core": {"blocks": 1, "kernel": 5},
    "bhi_final": {"hidden": 16},
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with reproducible_numerics(1):
        yield


def line(cell: Cell) -> dict[str, str]:
    return {"data": cell.data, "first": cell.first, "core": cell.core, "final": cell.final}


def recipe_of(cell: Cell, **more) -> dict:
    return {"task": "expression", "model": "network", "prix_fixe": line(cell), **more}


def test_grid_of_the_published_run(golden):
    rows = [row.split("\t") for row in (golden / "dream" / "prixfixe_grid.tsv").read_text().splitlines()[1:]]
    found = []
    for cell in cells():
        size = ""
        if cell.refusal is None:
            recipe = complete_recipe(recipe_of(cell))
            check_expression_recipe(recipe)
            encoding = ENCODINGS.make(recipe["encoding"])
            with torch.device("meta"):
                network = SequenceNetwork(recipe["network"], encoding.n_channels, encoding.length)
            size = str(sum(p.numel() for p in network.parameters()))
        found.append([cell.code, *line(cell).values(), "no" if cell.refusal else "yes", size])
    assert found == [[row[0], *(SHOWN[name] for name in row[1:5]), *row[5:7]] for row in rows]
    assert [cell.number for cell in cells()] == list(range(81))
    assert (len(COMPATIBLE), len(REFUSED)) == (45, 36)


@pytest.mark.parametrize("cell", REFUSED, ids=lambda cell: cell.code)
def test_what_does_not_fit_is_refused_with_the_reason(cell):
    with pytest.raises(InputError) as error:
        complete_recipe(recipe_of(cell), "r.yaml")
    message = str(error.value)
    assert message.startswith(f'r.yaml, column "prix_fixe": combination {cell.code} does not work: ')
    assert "nucleotides" in message
    assert "expected final: unlockdna" in message or "expected data: unlockdna" in message


def narrow_recipe(cell: Cell, **training) -> dict:
    network = complete_recipe(recipe_of(cell))["network"]
    narrow = {part: NARROW.get(block["name"], {}) for part, block in network.items()}
    return complete_recipe(recipe_of(cell, network=narrow, training=training))


@pytest.mark.parametrize("cell", COMPATIBLE, ids=lambda cell: cell.code)
def test_one_step_of_each(cell):
    task = ExpressionTask(narrow_recipe(cell, batch_size=12, epochs=100), toy_table(16), 1)
    torch.manual_seed(1)
    network = task.build_network().train()
    optimiser = OPTIMISERS.make(task.recipe["training"]["optimiser"], network.parameters())
    schedule = SCHEDULES.make(task.recipe["training"]["schedule"], optimiser, task.n_steps)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    loss = task.loss(network, task.batch(0))
    assert 0 < float(loss.detach()) < 1000
    loss.backward()
    reached = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().max() > 1e-6}
    assert len(reached) > 0.6 * len(before)
    optimiser.step()
    optimiser.zero_grad()
    schedule.after_step()
    # UnlockDNA's first rate is 1e-14; there, only weights near zero can move.
    moved = {name for name, p in network.named_parameters() if not torch.equal(p, before[name])}
    assert moved >= reached or cell.data == "unlockdna"
    with torch.no_grad():
        metrics = task.validate(network.eval())
    assert set(metrics) == {"selection", "pearson", "spearman", "mse"}
    assert metrics["mse"] < 500


@pytest.mark.parametrize("team", TEAMS)
def test_training_of_a_teams_own_cell_from_end_to_end(team, tmp_path):
    table = toy_table(120)
    table.to_parquet(tmp_path / "toy.parquet")
    recipe = narrow_recipe(Cell(team, team, team, team), batch_size=16, epochs=4, schedule={"name": "constant"})
    recipe["training"]["optimiser"] = {"name": "adamw", "learning_rate": 0.003}
    settings = {"dataset": "toy", "model": "m", "replicate": 1, "seed": 1, "recipe": recipe, "device": "cpu"}
    settings["training"] = {"threads": 1, "save_every_seconds": 60}
    train_expression_model(tmp_path / "toy.parquet", tmp_path / "b", tmp_path / "s", settings, "code")
    bundle = read_bundle(tmp_path / "b")
    assert bundle.history["training_loss"].iloc[-1] < bundle.history["training_loss"].iloc[0]
    assert ("standardise" in bundle.recipe) == (team != "autosome")
    if team != "autosome":
        train = table[table["split"] == "train"]["expression"]
        mean = 11 if team == "bhi" else train.mean()
        assert bundle.recipe["standardise"] == {"mean": pytest.approx(mean), "sd": pytest.approx(train.std(ddof=0))}
    prediction = load_bundle(tmp_path / "b").predict(table["sequence"])
    assert 0 < prediction.mean() < 17  # on the scale of the measurements


@pytest.mark.parametrize("name", ["dream_cnn", "dream_rnn", "dream_attn"])
def test_the_three_dream_models_are_cells_of_the_grid(name):
    code = {"dream_cnn": "0_1_0_0", "dream_rnn": "0_1_1_0", "dream_attn": "0_0_2_0"}[name]
    cell = next(cell for cell in cells() if cell.code == code)
    filled = complete_recipe(recipe_of(cell, training={"batch_size": 1024}))
    del filled["note"], filled["training"]["trainer"]
    published = yaml.safe_load((RECIPES / f"{name}.yaml").read_text())
    assert filled == published


def test_published_settings_of_the_teams():
    def of(data, final):
        return complete_recipe(recipe_of(Cell(data, "autosome", "autosome", final)))

    assert of("bhi", "bhi")["standardise"] == {"mean": 11.0}
    assert "standardise" not in of("bhi", "autosome")
    assert "standardise" not in of("autosome", "bhi")
    assert of("autosome", "bhi")["loss"] == {"name": "huber", "delta": 1.0}
    assert of("bhi", "autosome")["training"]["trainer"] == {"name": "both_strands"}
    training = of("unlockdna", "unlockdna")["training"]
    assert (training["clip_gradient_norm"], training["clip_gradient_value"]) == (1.0, 0.5)
    assert training["trainer"]["ratio"] == 0.2


def test_every_line_of_a_recipe_comes_before_the_published_one():
    cell = Cell("bhi", "bhi", "bhi", "bhi")
    recipe = recipe_of(
        cell,
        note="mine",
        network={"core": {"hidden": 8}, "final": {"name": "regression_final"}},
        training={"batch_size": 64, "optimiser": {"name": "sgd", "learning_rate": 0.1}},
    )
    given = copy.deepcopy(recipe)
    filled = complete_recipe(recipe)
    assert recipe == given
    assert "prix_fixe" not in filled
    assert filled["note"] == "mine"
    assert filled["network"]["core"] == {
        "name": "bhi_core",
        "hidden": 8,
        "channels": 320,
        "kernels": [9, 15],
        "branch_dropout": 0.2,
        "dropout": 0.5,
    }
    assert filled["network"]["final"] == {"name": "regression_final"}
    assert filled["training"]["optimiser"] == {"name": "sgd", "learning_rate": 0.1}
    # The period of the cosine is counted in sequences: as many times longer as a batch has sequences.
    assert filled["training"]["schedule"] == {"name": "cosine", "stretch": 64}
    assert complete_recipe(filled) == filled
    own = complete_recipe(recipe_of(cell, training={"schedule": {"stretch": 1}}))
    assert own["training"]["schedule"]["stretch"] == 1


def test_all_problems_of_a_line_are_told_at_once():
    with pytest.raises(InputError) as error:
        read_cell({"data": "autosom", "first": "bhi", "last": "bhi", "core": 1}, "r.yaml")
    assert [str(p) for p in error.value.problems] == [
        'r.yaml, column "prix_fixe.final": missing; expected one of: autosome, bhi, unlockdna',
        "r.yaml, column \"prix_fixe.data\": team 'autosom' is not one of: autosome, bhi, unlockdna "
        "(did you mean 'autosome'?)",
        "r.yaml, column \"prix_fixe.last\": unknown key: 'last' is not one of: data, first, core, final "
        "(did you mean 'data'?)",
        'r.yaml, column "prix_fixe.core": team 1 is not one of: autosome, bhi, unlockdna',
    ]
    with pytest.raises(InputError, match="expected a mapping with the keys data, first, core, final"):
        read_cell("0_1_0_0")
    assert TEAMS == ("autosome", "bhi", "unlockdna")


def test_page_of_the_models_has_the_sizes_of_the_grid(golden):
    page = (RECIPES.parents[1] / "docs" / "methods" / "models.md").read_text()
    rows = [row.split("\t") for row in (golden / "dream" / "prixfixe_grid.tsv").read_text().splitlines()[1:]]
    size = {row[0]: f"{int(row[6]):,}" for row in rows if row[5] == "yes"}
    columns = [("autosome", "autosome"), ("autosome", "bhi"), ("bhi", "autosome"), ("bhi", "bhi")]
    columns.append(("unlockdna", "unlockdna"))
    for first in TEAMS:
        for core in TEAMS:
            sizes = [size[Cell(data, first, core, final).code] for data, final in columns]
            assert f"| `{first}`, `{core}` | {' | '.join(sizes)} |" in page

"""Published weights by name: round trip of the golden networks, and what does not fit."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from cisflow.cli.main import main
from cisflow.models.import_weights import import_weights, read_state
from cisflow.models.predict import load_bundle
from cisflow.problems import InputError
from cisflow.training.numerics import reproducible_numerics

sys.path.insert(0, str(Path(__file__).parent))
from expression_toys import ADAPTER, RIGHT
from golden_networks import ALL, DREAM, build, fill, inputs

OWN_CELL = {"prixfixe_autosome": "autosome", "prixfixe_bhi": "bhi", "prixfixe_unlockdna": "unlockdna"}
SEQUENCE = ADAPTER + "ACGTTGCA" * 10 + RIGHT


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with reproducible_numerics(1):
        yield


def recipe_for(name: str, folder: Path) -> str:
    """Recipe of a golden network: its name, or a file that names its Prix Fixe cell."""
    if name in DREAM:
        return name
    team = OWN_CELL[name]
    recipe = {
        "task": "expression",
        "model": "network",
        "prix_fixe": dict.fromkeys(("data", "first", "core", "final"), team),
    }
    if team == "bhi":  # the golden network has the wider first block of the submission
        recipe["network"] = {"first": {"channels": 512}}
    (folder / "cell.yaml").write_text(yaml.safe_dump(recipe))
    return str(folder / "cell.yaml")


@pytest.mark.parametrize("name", ALL)
def test_round_trip_to_golden_outputs(name, golden, tmp_path):
    network = build(name)
    fill(network, "B")
    names = [line.split("\t")[1] for line in (golden / "dream" / f"{name}_state.tsv").read_text().splitlines()[1:]]
    published = dict(zip(names, network.state_dict().values(), strict=True))
    torch.save(published, tmp_path / "model_best.pth")
    arguments = ["--recipe", recipe_for(name, tmp_path), "--output", str(tmp_path / "bundle")]
    assert main(["import-weights", str(tmp_path / "model_best.pth"), *arguments]) == 0
    model = load_bundle(tmp_path / "bundle")
    expected = json.loads((golden / "dream" / f"{name}_golden.json").read_text())["recipes"]["B"]["float32"]
    with torch.no_grad():
        output = model.network(inputs(name, "B")[1])
    np.testing.assert_allclose(output.expression.numpy(), expected["scalar"], rtol=0, atol=2e-5)
    assert np.isfinite(model.predict([SEQUENCE])).all()


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    network = build("dream_rnn")
    fill(network, "B")
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_safetensors_and_checkpoints_of_other_programs(state, tmp_path):
    save_file(state, tmp_path / "a.safetensors")
    wrapped = {f"module.{name}": t.double() if t.is_floating_point() else t for name, t in state.items()}
    torch.save({"epoch": 3, "model_state_dict": wrapped}, tmp_path / "b.pt")
    recipe = Path(__file__).parents[3] / "config" / "recipes" / "dream_rnn.yaml"
    for number, file in enumerate(("a.safetensors", "b.pt")):
        import_weights(tmp_path / file, recipe, tmp_path / str(number))
        weights = load_bundle(tmp_path / str(number)).network.state_dict()
        assert all(torch.equal(weights[name], state[name]) for name in state)


def test_everything_that_does_not_fit_is_told_at_once(state, tmp_path, capsys):
    changed = {name: tensor.clone() for name, tensor in state.items()}
    del changed["core.lstm.weight_hh_l0"]
    changed["core.lstm.weight_ih_l0"] = torch.zeros(1280, 512)
    changed["head.weight"] = torch.zeros(3)
    changed["final.mapper.0.bias"][2] = torch.nan
    changed["final.bins"] = torch.zeros(18)
    torch.save(changed, tmp_path / "w.pt")
    assert (
        main(["import-weights", str(tmp_path / "w.pt"), "--recipe", "dream_rnn", "--output", str(tmp_path / "b")]) == 1
    )
    found = capsys.readouterr().err
    for line in (
        "tensors that do not fit the recipe: 5 (18 of its 19 names are in the file)",
        'column "core.lstm.weight_hh_l0": missing; expected 1280 x 320 (float32)',
        'column "head.weight": unexpected: the recipe\'s network has no such tensor; found 3 (float32)',
        'column "core.lstm.weight_ih_l0": found 1280 x 512 (float32), expected 1280 x 320 (float32)',
        'column "final.mapper.0.bias": 1 of 18 numbers are not finite',
        'column "final.bins": found 18 (float32), expected 18 (int64)',
    ):
        assert line in found
    assert not (tmp_path / "b").exists()


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path(self.target),))

    def __init__(self, target: Path):
        self.target = str(target)


@pytest.mark.parametrize("writer", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, protocol=2))])
def test_no_code_of_the_file_is_run(writer, tmp_path):
    writer({"first.weight": torch.zeros(2), "extra": Trap(tmp_path / "touched")}, tmp_path / "w.pt")
    with pytest.raises(InputError, match="would run code from it, which is refused"):
        read_state(tmp_path / "w.pt")
    assert not (tmp_path / "touched").exists()


def test_other_files_are_refused(state, tmp_path):
    with pytest.raises(InputError, match="file not found"):
        read_state(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("no weights")
    with pytest.raises(InputError, match=r"text\.pt"):
        read_state(tmp_path / "text.pt")
    (tmp_path / "a.safetensors").write_bytes(b"xx")
    with pytest.raises(InputError, match=r"cannot be read as \.safetensors weights"):
        read_state(tmp_path / "a.safetensors")
    torch.save([torch.zeros(2)], tmp_path / "list.pt")
    with pytest.raises(InputError, match="holds list, expected tensors by name"):
        read_state(tmp_path / "list.pt")
    torch.save({"a": torch.zeros(2), "epoch": 3}, tmp_path / "mixed.pt")
    with pytest.raises(InputError, match='column "epoch": int, expected a tensor'):
        read_state(tmp_path / "mixed.pt")
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(InputError, match="file not found; expected a recipe"):
        import_weights(tmp_path / "w.pt", tmp_path / "none.yaml", tmp_path / "b")
    recipes = Path(__file__).parents[3] / "config" / "recipes"
    with pytest.raises(InputError, match="'kmer_ridge': expected network"):
        import_weights(tmp_path / "w.pt", recipes / "kmer_ridge.yaml", tmp_path / "b")
    with pytest.raises(InputError, match="expected the recipe of an expression model"):
        import_weights(tmp_path / "w.pt", recipes / "orca_1mb.yaml", tmp_path / "b")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").touch()
    with pytest.raises(InputError, match="already there; expected a new or empty folder"):
        import_weights(tmp_path / "w.pt", recipes / "dream_rnn.yaml", tmp_path / "b")

"""Released weights of contact models by name: outputs of the imported networks, and what does not fit."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from cisflow.cli.main import main
from cisflow.models.cascade import predict_ladder
from cisflow.models.cascade_network import without_first_stage_parts
from cisflow.models.contact_networks import build_network
from cisflow.models.contact_predict import load_contact_model
from cisflow.models.contact_settings import contact_settings
from cisflow.models.import_contact_weights import import_contact_weights, part_names, published_files
from cisflow.problems import InputError
from cisflow.training.bundle import read_bundle
from cisflow.training.numerics import reproducible_numerics
from conftest import CHECKOUT

ENCODER = {"widths": [6, 8], "pools": [10, 20], "kernel_size": 3}
DECODER = {"channels": 6, "middle": 4, "head": 3, "dilations": [1, 2]}
SHARED = {
    "task": "contacts",
    "model": "network",
    "training": {
        "batch_size": 2,
        "steps": 4,
        "steps_per_validation": 2,
        "optimiser": {"name": "sgd", "learning_rate": 0.01},
        "schedule": {"name": "constant"},
    },
    "validation": {"windows": 3},
    "evaluation": {"step_bins": 4},
}
FIRST = {
    **SHARED,
    "window": {"bins": 8, "bin_size": 200},
    "network": {"name": "orca_1mb", **ENCODER, **DECODER},
}
CASCADE = {"name": "orca_cascade", **ENCODER, **DECODER, "dilations_1m": [1, 2], "steps": 1}
SECOND = {
    **SHARED,
    "start_from": "first",
    "window": {"bins": 8, "bin_size": 200, "levels": 2},
    "network": CASCADE,
}
RECIPES = {
    "first": FIRST,
    "second": SECOND,
    "third": {
        **SECOND,
        "window": {"bins": 8, "bin_size": 400, "levels": 2},
        "network": {**CASCADE, "coarse_steps": 1, "frozen": ["net0", "net"]},
    },
    "hctnoc": {**SECOND, "network": {**CASCADE, "way_back": False, "finest_term": False}},
    "outputs": {
        **SECOND,
        "network": {**CASCADE, "way_back": False, "finest_term": False, "outputs": 3, "output": 2},
    },
}
#: Names of the files of each model.
FILES = {
    "second": {"net0": "orca_x.net0", "net": "orca_x.net", "d3200": "orca_x.d3200", "d1600": "orca_x.d1600"},
    "third": {
        "net0": "orca_x.net0",
        "net": "orca_x.net",
        "net1": "orca_x_256m.net",
        "d6400": "orca_x_256m.d6400",
        "d3200": "orca_x_256m.d3200",
    },
}
FILES["hctnoc"] = FILES["outputs"] = FILES["second"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with reproducible_numerics(1):
        yield


def random_network(recipe, profiles=0, seed=0):
    """Network with running statistics and scales away from their start."""
    torch.manual_seed(seed)
    network = build_network(contact_settings(recipe), profiles).eval()
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) + 0.5 if "running_var" in name else 0.3 * torch.randn_like(tensor))
    return network


def save_parts(name, network, folder, prefix="module.", profile_head=True):
    """Write a network as the released files are: one per part, ``net0`` as the whole first-stage network."""
    for part, place in part_names(network).items():
        state = network.get_submodule(place).state_dict()
        if part == "net0" and profile_head and any(key.startswith("final.") for key in state):
            state |= random_network(FIRST, profiles=2, seed=9).state_dict() | state
        torch.save({prefix + key: tensor for key, tensor in state.items()}, folder / f"{FILES[name][part]}.statedict")


def write_recipe(name, folder, recipe=None):
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(recipe or RECIPES[name]))
    return str(folder / f"{name}.yaml")


def codes(recipe, seed=1):
    return np.random.default_rng(seed).integers(0, 5, contact_settings(recipe).window.length).astype(np.uint8)


@pytest.mark.parametrize("profiles", [0, 2])
def test_network_of_the_first_stage(tmp_path, profiles):
    """Prefixed twice, with the counter of the averaging, as the released file is."""
    network = random_network(FIRST, profiles)
    state = {f"module.module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"n_averaged": torch.tensor(7), **state}, tmp_path / "orca_h1esc.net0.statedict")
    arguments = [str(tmp_path / "orca_h1esc.net0.statedict"), "--recipe", write_recipe("first", tmp_path)]
    assert main(["import-weights", *arguments, "--output", str(tmp_path / "bundle")]) == 0
    model = load_contact_model(tmp_path / "bundle")
    batch = torch.from_numpy(codes(FIRST))[None]
    given, found = (one.encode(batch) for one in (network, model.network))
    assert torch.equal(network.decode(given), model.network.decode(found))
    if profiles:
        assert torch.equal(network.final_1d(given), model.network.final_1d(found))
    assert np.isfinite(model.predict(codes(FIRST))).all()
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    assert manifest["settings"] == {"imported": True, "profiles": [f"track{k + 1}" for k in range(profiles)]}
    assert set(manifest["inputs"]) == {"weights net0", "recipe"}


@pytest.mark.parametrize(("name", "as_stem"), [*((name, True) for name in FILES), ("third", False)])
def test_networks_of_several_files(tmp_path, name, as_stem):
    network = random_network(RECIPES[name])
    save_parts(name, network, tmp_path, profile_head=name != "hctnoc")
    given = [str(tmp_path / "orca_x")] if as_stem else sorted(map(str, tmp_path.glob("*.statedict")))
    arguments = ["--recipe", write_recipe(name, tmp_path), "--output", str(tmp_path / "bundle")]
    assert main(["import-weights", *given, *arguments]) == 0
    model, recipe = load_contact_model(tmp_path / "bundle"), RECIPES[name]
    ladder = contact_settings(recipe).window.ladder
    offsets = np.array([0, 2 * ladder.bin_sizes[0]])
    expected = np.stack([1.0 / (1.0 + np.abs(np.subtract.outer(np.arange(8), np.arange(8)))) for _ in ladder.levels])
    wanted = predict_ladder(network, codes(recipe), offsets, expected)
    trans = np.zeros(expected.shape, dtype=bool)
    found = model.predict_levels(codes(recipe), [offsets], [expected], [trans])[0]
    output = recipe["network"].get("output", 0)
    np.testing.assert_array_equal(found, wanted[:, output])
    assert wanted.shape[1] == recipe["network"].get("outputs", 1)
    assert len(np.unique(wanted[0, :, 0, 0])) == wanted.shape[1]
    assert "start_from" not in read_bundle(tmp_path / "bundle").recipe
    assert "start_from" in recipe


def test_a_whole_cascade_in_one_file_and_files_named_by_hand(tmp_path):
    network = random_network(SECOND)
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    import_contact_weights([str(tmp_path / "mine.pt")], write_recipe("second", tmp_path), tmp_path / "a")
    save_parts("second", network, tmp_path, prefix="")
    named = []
    for k, (part, file) in enumerate(FILES["second"].items()):
        (tmp_path / f"{file}.statedict").rename(tmp_path / f"{k}.pt")
        named.append(f"{part}={tmp_path / str(k)}.pt")
    import_contact_weights(named, tmp_path / "second.yaml", tmp_path / "b")
    for bundle in ("a", "b"):
        weights = read_bundle(tmp_path / bundle).weights
        assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())
        assert len(weights) == len(network.state_dict())


#: Published module of each part, see tests/golden/orca/README.md.
MODULES = {"net0": "Net", "net": "Encoder2", "net1": "Encoder3"}


def published_names(golden, part):
    """Shape and type of every tensor of a released file, from the reference tables."""
    table = pd.read_csv(golden / "orca" / f"{MODULES.get(part, 'Decoder')}_state.tsv", sep="\t")
    shapes = table["shape"].astype(str).map(lambda text: [] if text == "scalar" else [int(n) for n in text.split("x")])
    return dict(zip(table["key"], zip(shapes, table["dtype"], strict=True), strict=True))


@pytest.mark.parametrize(
    ("recipe", "levels"), [("orca_32mb", [32, 16, 8, 4, 2, 1]), ("orca_256mb", [256, 128, 64, 32])]
)
def test_parts_of_the_published_size_have_the_published_names(recipe, levels, golden):
    with torch.device("meta"):
        network = build_network(contact_settings(yaml.safe_load(read(recipe)), recipe), 0)
    parts = part_names(network)
    assert [part for part in parts if part.startswith("d")] == [f"d{level}" for level in levels]
    for part, place in parts.items():
        expected = network.get_submodule(place).state_dict()
        given = without_first_stage_parts(published_names(golden, part), expected)
        found = {name: (list(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in expected.items()}
        assert found == given


def test_the_published_first_stage_with_its_32_tracks(golden, tmp_path):
    names = published_names(golden, "net0")
    state = {
        f"module.module.{name}": torch.full(shape, number, dtype=getattr(torch, dtype))
        for number, (name, (shape, dtype)) in enumerate(names.items())
    }
    torch.save(state, tmp_path / "orca_hff.net0.statedict")
    import_contact_weights([str(tmp_path / "orca_hff")], CHECKOUT / "config/recipes/orca_1mb.yaml", tmp_path / "b")
    bundle = read_bundle(tmp_path / "b")
    assert all((bundle.weights[name] == number).all() for number, name in enumerate(names))
    assert bundle.manifest["training"]["parameters"] == 4_790_325
    assert len(bundle.manifest["settings"]["profiles"]) == 32


def read(recipe):
    return (CHECKOUT / "config" / "recipes" / f"{recipe}.yaml").read_text()


def test_everything_that_does_not_fit_is_told_at_once(tmp_path, capsys):
    save_parts("second", random_network(SECOND), tmp_path)
    net0 = torch.load(tmp_path / "orca_x.net0.statedict", weights_only=True)
    del net0["module.conv1.0.weight"]
    torch.save(net0 | {"module.more": torch.zeros(2)}, tmp_path / "orca_x.net0.statedict")
    level = torch.load(tmp_path / "orca_x.d1600.statedict", weights_only=True)
    level["module.final.3.weight"] = torch.zeros(2, 3, 1, 1)
    level["module.final.3.bias"][0] = torch.inf
    torch.save(level, tmp_path / "orca_x.d1600.statedict")
    arguments = ["--recipe", write_recipe("second", tmp_path), "--output", str(tmp_path / "b")]
    assert main(["import-weights", str(tmp_path / "orca_x"), *arguments]) == 1
    told = capsys.readouterr().err
    for line in (
        'orca_x.net0.statedict, column "conv1.0.weight": missing; expected 6 x 6 x 3 (float32)',
        'orca_x.net0.statedict, column "more": unexpected',
        'orca_x.d1600.statedict, column "final.3.weight": found 2 x 3 x 1 x 1 (float32), expected 1 x 3 x 1 x 1',
        'orca_x.d1600.statedict, column "final.3.bias": 1 of 1 numbers are not finite',
    ):
        assert line in told
    assert "orca_x.net.statedict, column" not in told
    assert not (tmp_path / "b").exists()


def test_files_that_name_no_part_and_parts_without_a_file_are_told(tmp_path, capsys):
    parts = ["net0", "net", "d32", "d16"]
    with pytest.raises(InputError) as raised:
        published_files(["a/orca_x.net0.statedict", "b/orca_x.net0.statedict", "some.pt", "d8=c.pt"], parts)
    told = str(raised.value)
    assert "b/orca_x.net0.statedict: net0 is given by a/orca_x.net0.statedict as well" in told
    assert "some.pt: which part of the network is it?" in told
    assert "c.pt: for part 'd8' is not one of: net0, net, d32, d16" in told
    assert 'column "d16": no file; expected one named *.d16.statedict, or d16=FILE' in told
    save_parts("second", random_network(SECOND), tmp_path)
    (tmp_path / "orca_x.net.statedict").write_bytes(b"")
    (tmp_path / "orca_x.d1600.statedict").write_bytes(b"xx")
    arguments = ["--recipe", write_recipe("second", tmp_path), "--output", str(tmp_path / "b")]
    assert main(["import-weights", str(tmp_path / "orca_x"), *arguments]) == 1
    told = capsys.readouterr().err
    assert "orca_x.net.statedict" in told
    assert "orca_x.d1600.statedict" in told


class Trap:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (type(self.target).touch, (self.target,))


def test_no_code_of_the_files_is_run(tmp_path):
    content = {"lconv1.0.weight": torch.zeros(2), "extra": Trap(tmp_path / "touched")}
    torch.save(content, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(content, protocol=2))
    for file in ("a.pt", "b.pt"):
        with pytest.raises(InputError, match="would run code from it, which is refused"):
            import_contact_weights([str(tmp_path / file)], write_recipe("first", tmp_path), tmp_path / "b")
    assert not (tmp_path / "touched").exists()


def test_other_recipes_are_refused(tmp_path):
    (tmp_path / "w.pt").touch()
    baseline = {key: FIRST[key] for key in ("task", "window", "validation", "evaluation")} | {"model": "mean_map"}
    with pytest.raises(InputError, match="'mean_map': expected network"):
        import_contact_weights([str(tmp_path / "w.pt")], write_recipe("b", tmp_path, baseline), tmp_path / "b")
    wrong = {**SECOND, "network": {**CASCADE, "outputs": 2, "output": 2}}
    with pytest.raises(InputError, match=r"network.output.*2; expected 0 to 1, one of the 2 outputs"):
        import_contact_weights([str(tmp_path / "w.pt")], write_recipe("c", tmp_path, wrong), tmp_path / "b")
    several = [str(tmp_path / "w.pt")] * 2
    assert main(["import-weights", *several, "--recipe", "dream_rnn", "--output", str(tmp_path / "b")]) == 1

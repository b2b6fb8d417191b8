"""Recipes of the three stages: sizes, and what is told before any job starts."""

from __future__ import annotations

import copy

import pytest
import torch
import yaml

from cisflow.models.contact_networks import build_network
from cisflow.models.contact_settings import contact_settings, reading_mb
from cisflow.problems import InputError
from cisflow.settings.stage_checks import (
    BUNDLE_FILES,
    assembly_problems,
    recipe_problems,
    start_problems,
    start_row,
    start_seed,
)
from cisflow.settings.views import views_of
from conftest import CHECKOUT

RECIPES = CHECKOUT / "config" / "recipes"
#: Recipe, parameters that learn, all parameters, length of an input.
STAGES = {
    "orca_1mb": (4_769_429, 4_769_429, 1_000_000),
    "orca_32mb": (25_173_651 - 4_769_429, 25_173_651, 32_000_000),
    "orca_256mb": (22_459_860 - 3_338_880 - 5_912_320, 22_459_860, 256_000_000),
    "orca_32mb_hctnoc": (20_787_582 - 3_338_880, 20_787_582, 32_000_000),
    "demo/orca_1mb_zoom": (None, None, 1_024_000),
    "yeast/orca_256kb": (None, None, 256_000),
    "yeast/orca_1024kb": (None, None, 1_024_000),
}


def read(name):
    return yaml.safe_load((RECIPES / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", STAGES)
def test_recipes_build_their_networks(name):
    settings = contact_settings(read(name), name)
    with torch.device("meta"):
        network = build_network(settings, 0)
    learning, total, length = STAGES[name]
    assert settings.window.length == length
    counts = [p.numel() for p in network.parameters() if p.requires_grad], [p.numel() for p in network.parameters()]
    if total is not None:
        assert [sum(numbers) for numbers in counts] == [learning, total]
    assert sum(counts[0]) > 0


@pytest.mark.parametrize(
    ("earlier", "later"), [("demo/orca_1mb", "demo/orca_1mb_zoom"), ("yeast/orca", "yeast/orca_256kb")]
)
def test_narrow_stages_take_over_the_encoder_of_the_one_before(earlier, later):
    from cisflow.models.cascade_network import load_earlier_stage

    network, before = (build_network(contact_settings(read(name)), 1) for name in (later, earlier))
    assert load_earlier_stage(network, before.state_dict(), earlier) == ("net0",)
    assert all(network.net0.state_dict()[name].equal(t) for name, t in before.state_dict().items() if "1d" not in name)


def test_third_stage_of_yeast_takes_over_two_encoders():
    from cisflow.models.cascade_network import load_earlier_stage

    network, before = (build_network(contact_settings(read(f"yeast/orca_{size}kb")), 0) for size in (1024, 256))
    assert load_earlier_stage(network, before.state_dict(), "256") == ("net0", "net")


def row(model, recipe, seeds=(1,)):
    return {"model": model, "dataset": "m", "recipe": recipe, "seeds": list(seeds)}


ROWS = [row("orca", "a.yaml", (1, 2)), row("zoom", "b.yaml", (2, 3)), row("baseline", "c.yaml")]


def recipes(**changes):
    found = {"a.yaml": read("yeast/orca"), "b.yaml": read("yeast/orca_256kb"), "c.yaml": read("distance_only")}
    return {name: {**recipe, **changes.get(name[0], {})} for name, recipe in found.items()}


def told(found, tmp_path):
    names = [recipe.get("start_from") for recipe in found.values()]
    return [str(p) for p in start_problems(ROWS, found, {name: tmp_path / str(name) for name in names if name})]


def test_start_of_a_replicate_is_the_same_replicate_or_the_first():
    earlier = start_row(recipes()["b.yaml"], ROWS)
    assert earlier["model"] == "orca"
    assert [start_seed(earlier, seed) for seed in (2, 3)] == [2, 1]
    assert start_row({"start_from": "elsewhere"}, ROWS) is None
    assert start_row({}, ROWS) is None


def test_models_to_start_from_are_checked_before_any_job(tmp_path):
    assert told(recipes(), tmp_path) == []
    (found,) = told(recipes(b={"start_from": "orka"}), tmp_path)
    assert "'orka' (did you mean 'orca'?) is neither a model of map m (orca, baseline) nor a folder with" in found
    (tmp_path / "orka").mkdir()
    for name in BUNDLE_FILES:
        (tmp_path / "orka" / name).write_text("")
    assert told(recipes(b={"start_from": "orka"}), tmp_path) == []
    assert "has no network to start from" in told(recipes(b={"start_from": "baseline"}), tmp_path)[0]
    circle = told(recipes(a={"start_from": "zoom"}), tmp_path)
    assert any("'zoom' itself starts, in the end, from 'orca'" in line for line in circle)
    other = recipes()
    other["b.yaml"] = copy.deepcopy(other["b.yaml"])
    other["b.yaml"]["network"]["widths"] = [12, 16, 16, 24, 32]
    assert (
        "'orca' has network.widths [12, 16, 16, 24, 24], this recipe has [12, 16, 16, 24, 32]"
        in told(other, tmp_path)[0]
    )


def test_a_network_that_keeps_its_weights_needs_no_training(tmp_path):
    found = recipes()
    found["b.yaml"] = {key: value for key, value in found["b.yaml"].items() if key != "training"}
    found["b.yaml"]["start_from"] = "bundle"
    assert recipe_problems(ROWS, found) == []
    assert "is neither a model of map m (orca, baseline) nor a folder with" in told(found, tmp_path)[0]
    settings = contact_settings(found["b.yaml"])
    assert settings.training is None
    assert reading_mb(settings, 2000) == 0
    del found["b.yaml"]["start_from"]
    assert any("training.optimiser" in str(problem) for problem in recipe_problems(ROWS, found))


def test_problems_of_recipes_carry_their_file():
    found = recipes(b={"window": {"bins": 63, "bin_size": 2000, "levels": 2}, "training": {"batch_size": 0}})
    text = [str(p) for p in recipe_problems(ROWS, found)]
    assert 'b.yaml, column "training.batch_size": 0; expected a whole number, 1 or more' in text
    assert not any(line.startswith(("a.yaml", "c.yaml")) for line in text)
    assert recipe_problems(ROWS, recipes()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": {"levels": 2, "bins": 7, "bin_size": 8}}, "window.bins.*7; expected an even number"),
        ({"validation": {"zoom": [1, 2]}}, r"validation.zoom.*\[1, 2\]; expected 1 numbers from 0 to 4"),
        ({"validation": {"zoom": 3}}, "validation.zoom.*3; expected a list of whole numbers"),
        (
            {"evaluation": {"step_bins": 4, "assemblies": 3}},
            "evaluation.assemblies.*needs inputs of several chromosomes",
        ),
        ({"assembly": {}, "evaluation": {"step_bins": 3}}, "step_bins.*3; expected a multiple of 2"),
        ({"assembly": {"random_length_probability": 0.5}, "evaluation": {"step_bins": 4}}, "assembly.longest.*missing"),
        ({"training": {"loss_over": "some"}}, "training.loss_over.*'some' is not one of: measured, all"),
        ({"start_from": 3}, "start_from.*3; expected the name of a model"),
    ],
)
def test_settings_of_levels_that_do_not_fit(changes, message):
    recipe = {**read("yeast/orca_256kb"), "window": {"bins": 8, "bin_size": 8, "levels": 2}}
    recipe |= {
        key: {**recipe.get(key, {}), **value} if isinstance(value, dict) else value for key, value in changes.items()
    }
    with pytest.raises(InputError, match=message):
        contact_settings(recipe)


def test_contacts_between_chromosomes_need_two_of_them():
    maps = {"m": {"test_chromosomes": "chr1", "_row": 2}}
    asked = {"b.yaml": {"evaluation": {"assemblies": 5}}}
    (found,) = assembly_problems(maps, ROWS[1:2], asked, "maps.tsv")
    place = 'maps.tsv row 2, column "test_chromosomes"'
    assert str(found) == f"{place}: 'chr1'; expected two or more: b.yaml asks for contacts between them"
    maps["m"]["test_chromosomes"] = "chr1,chr2"
    assert assembly_problems(maps, ROWS[1:2], asked, "maps.tsv") == []


def test_memory_grows_with_the_window():
    first, second, third = (contact_settings(read(name)) for name in ("orca_1mb", "orca_32mb", "orca_256mb"))
    sizes = [reading_mb(first, 1000), reading_mb(second, 4000), reading_mb(third, 32_000)]
    assert sizes == sorted(sizes)
    assert sizes[2] < 64_000


def test_models_with_equal_windows_are_one_view():
    found = recipes()
    found["d.yaml"] = {**found["c.yaml"], "windows_of": "zoom"}
    rows = [*ROWS, row("zoom_baseline", "d.yaml")]
    views = views_of("m", rows, found, 2000)
    assert [view.name for view in views] == ["m", "m.zoom"]
    assert [[one["model"] for one in view.rows] for view in views] == [["orca", "baseline"], ["zoom", "zoom_baseline"]]
    assert recipe_problems(rows, found) == []
    found["d.yaml"]["windows_of"] = "zooom"
    assert any("'zooom' is not one of: orca, zoom" in str(p) for p in recipe_problems(rows, found))

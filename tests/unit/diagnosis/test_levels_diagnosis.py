"""Diagnosis of models of several levels: windows, ceilings and the one window by level; verdicts that name it."""

import json

import numpy as np
import pandas as pd
import pytest
from diagnosis_toys import SimulatedMap, history, scores_of
from unit.contact_models.small_map import STUDY, TEST, VALIDATION, write_small_map

from cisflow.contacts.ladder import LadderReader
from cisflow.contacts.targets import ContactMap
from cisflow.diagnosis import overfit
from cisflow.diagnosis.assess import PANELS, assess_contact_model
from cisflow.diagnosis.looks import SeveralLevels, by_role
from cisflow.diagnosis.measure import diagnose_map
from cisflow.diagnosis.overfit import overfit_window
from cisflow.diagnosis.training_curve import CurveReading
from cisflow.diagnosis.verdicts import Findings, conclusion, contact_verdicts
from cisflow.evaluation.contact_evaluation import with_ceiling
from cisflow.evaluation.contact_predictions import PredictedMaps
from cisflow.files import read_table, write_table
from cisflow.models.contact_settings import contact_settings
from cisflow.models.contact_train import ContactFiles
from cisflow.models.ladder_predict import predict_inputs

TABLES = ("ceiling", "by_window", "by_distance", "targets", "histogram")
LEVELS = (80_000, 160_000)
SECOND = {
    "task": "contacts",
    "model": "network",
    "window": {"bins": 8, "bin_size": 200, "levels": 2, "shift": 7, "max_missing": 0.5},
    "network": {
        "name": "orca_cascade",
        **{"widths": [8, 8], "pools": [10, 20], "kernel_size": 3, "dilations_1m": [1, 2], "steps": 1},
        **{"channels": 8, "middle": 4, "head": 5, "dilations": [1, 2]},
    },
    "training": {
        "batch_size": 2,
        "steps": 4,
        "steps_per_validation": 2,
        "optimiser": {"name": "adam", "learning_rate": 0.01},
        "schedule": {"name": "constant"},
    },
    "validation": {"windows": 3, "max_missing": 0.4},
    "evaluation": {"step_bins": 1, "zoom": [1]},
}
THIRD = {
    **SECOND,
    "window": {"bins": 8, "bin_size": 400, "levels": 2, "shift": 9, "max_missing": 0.5},
    "assembly": {},
    "network": {**SECOND["network"], "coarse_steps": 1},
    "evaluation": {"step_bins": 2, "assemblies": 3, "shortest": 1000, "longest": 2000},
}
RECIPE = {
    **SECOND,
    "window": {"bins": 40, "bin_size": 2000, "levels": 2},
    "evaluation": {"step_bins": 40},
    "validation": {"windows": 3},
}


def diagnosed(files, recipe, held_out, folder):
    """Tables of the diagnosis of a map, by name."""
    settings = {"map": "a", "replicate": None, "seed": 1, "draws": 50, "windows": 12}
    settings |= {"validation_chromosomes": held_out[0], "test_chromosomes": held_out[1]}
    outputs = {name: folder / f"{name}.tsv" for name in TABLES}
    diagnose_map(files, None, contact_settings(recipe), settings, outputs)
    return {name: read_table(path) for name, path in outputs.items()}, outputs


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("levels")
    one = SimulatedMap(folder, 300_000)
    return {"contacts": one.cool, "expected": one.expected}


@pytest.fixture(scope="module")
def by_level(simulated, tmp_path_factory):
    return diagnosed(simulated, RECIPE, (["chr1"], ["chr2"]), tmp_path_factory.mktemp("by_level"))


def test_top_level_is_diagnosed_as_a_model_of_that_one_level(by_level, simulated, tmp_path):
    tables, _ = by_level
    one = {**RECIPE, "window": {"bins": 40, "bin_size": 4000}, "evaluation": {"step_bins": 20}}
    alone, _ = diagnosed(simulated, one, (["chr1"], ["chr2"]), tmp_path)
    for name, keys in {"ceiling": ["source", "split", "metric"], "by_distance": ["distance_low"]}.items():
        table = tables[name]
        assert set(table["level"]) == set(LEVELS)
        top, same = (t.set_index(keys) for t in (table[table["level"] == LEVELS[1]], alone[name]))
        columns = ["between", "quarters", "full_depth"]
        np.testing.assert_allclose(top.loc[same.index, columns], same[columns], atol=1e-5)
    assert len(tables["by_window"]) == 2 * len(alone["by_window"])
    top = tables["targets"].query(f"level == {LEVELS[1]}").drop(columns=["kind", "role", "chromosome"])
    np.testing.assert_allclose(top, alone["targets"].drop(columns=["kind", "role", "chromosome"]), rtol=1e-5)


def test_bins_of_coarser_levels_hold_more_contacts_and_less_noise(by_level):
    ceiling = by_level[0]["ceiling"].query("split == 'test' and metric == 'pearson'").set_index("level")["ceiling"]
    assert ceiling[LEVELS[1]] > ceiling[LEVELS[0]] > 0
    share = by_level[0]["histogram"].groupby(["level", "role"])["share"].sum()
    assert len(share) == 2 * 2  # no chromosome is left for training
    np.testing.assert_allclose(share, 1, atol=0.02)


class Silent:
    """A model that predicts nothing in particular."""

    def predict_levels(self, codes, zooms, expected, trans):
        return np.zeros((len(zooms), *expected[0].shape), dtype=np.float32)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    write_small_map(folder, lengths=STUDY, gaps=True)
    return folder


@pytest.mark.parametrize("recipe", [SECOND, THIRD], ids=["one chromosome", "several"])
def test_windows_and_entries_are_those_of_the_evaluation(small, recipe):
    settings = contact_settings(recipe)
    contact_map = ContactMap(small / "map.cool", small / "expected.npz")
    looks = SeveralLevels(settings, contact_map, 5)
    lengths = by_role(contact_map.chromosomes, VALIDATION, TEST)["test"]
    read = looks.reader(contact_map)
    found = [here for one in looks.inputs(lengths, 1000) for here in read(one)]
    files = ContactFiles(small / "map.cool", small / "expected.npz", small / "genome.fa")
    reader = files.ladder_reader(settings)
    assert isinstance(reader, LadderReader)
    given = predict_inputs({1: Silent()}, settings, reader, lengths, "silent", 5)
    names = PredictedMaps.__dataclass_fields__
    given |= {"seeds": np.array([1]), "max_missing": settings.evaluation.max_missing_in_bin}
    maps = PredictedMaps(**{name: given[name] for name in names if name in given})
    levels = len(maps.levels)
    assert len(found) == levels * len(maps.start)
    assert {here.kind for here in found} == set(maps.kinds)
    for k, here in enumerate(found):
        window, level = divmod(k, levels)
        assert here.level == maps.levels[level]
        assert here.start == maps.start[window, level]
        np.testing.assert_array_equal(here.counted, maps.scored(level)[window])


def test_contacts_between_chromosomes_have_a_ceiling_of_their_own(small, tmp_path):
    tables, _ = diagnosed(
        {"contacts": small / "map.cool", "expected": small / "expected.npz"}, THIRD, (VALIDATION, TEST), tmp_path
    )
    ceiling = tables["ceiling"]
    assert set(ceiling["kind"]) == {"cis", "trans"}
    assert set(ceiling.query("kind == 'trans'")["split"]) == {"test"}  # there is one chromosome for validation
    targets = tables["targets"].set_index(["kind", "level", "role", "chromosome"])
    assert ("trans", 3200, "test", "all") in targets.index
    assert ("cis", 3200, "test", "chrC") in targets.index
    assert set(tables["by_distance"]["level"]) == {3200, 6400}
    places = ceiling[["kind", "level", "metric"]].drop_duplicates()
    summary = with_ceiling(places.assign(model="m", value=0.1), ceiling)
    expected = ceiling.query("split == 'test'").set_index(["kind", "level", "metric"])["ceiling"]
    found = summary.set_index(["kind", "level", "metric"])["ceiling"]
    np.testing.assert_array_equal(found.sort_index(), expected.sort_index())


def test_one_window_is_learnt_at_every_level(small, tmp_path):
    files = ContactFiles(small / "map.cool", small / "expected.npz", small / "genome.fa")
    job = {"map": "small", "model": "second", "seed": 3, "device": "cpu", "threads": 1, "steps": 150}
    job |= {"validation_chromosomes": VALIDATION, "test_chromosomes": TEST}
    table = overfit_window(files, tmp_path / "one.tsv", {**job, "recipe": SECOND}, "c0de")
    last = table[table["step"] == table["step"].max()].set_index("level")
    assert list(last.index) == [3200, 1600]
    assert (last["pearson"] >= overfit.ENOUGH).all()
    assert last.index.size == table["level"].nunique() == 2
    assert table["step"].max() < 150
    earlier = table[table["step"] < table["step"].max()]
    assert (earlier.groupby("step")["pearson"].min() < overfit.ENOUGH).all()


def findings(ceiling=(0.8, 0.8), orca=(0.6, 0.6), one_window=(0.97, 0.97), rise=(0.0, 0.0), trans=None):
    places = [("cis", level) for level in LEVELS] + ([("trans", LEVELS[0])] if trans else [])
    rows, scores = [], []
    for (kind, level), top, reached in zip(
        places, [*ceiling, *([trans[0]] if trans else [])], [*orca, *([trans[1]] if trans else [])], strict=True
    ):
        row = {"source": "halves", "split": "test", "kind": kind, "level": level, "metric": "pearson"}
        rows.append(row | {"full_depth": top**2, "ceiling": top, "low": top, "high": top})
        scores.append(scores_of(level, orca=reached, distance_only=0.1).assign(kind=kind))
    targets = pd.DataFrame({"kind": "cis", "level": LEVELS, "role": "training", "chromosome": "all", "missing": 0.1})
    learnt = pd.DataFrame({"step": 100, "level": LEVELS, "pearson": one_window})
    curves = {level: CurveReading(16, 0.4, 1.0, up, 0.0, 0.0) for level, up in zip(LEVELS, rise, strict=True)}
    references = {"distance_only": "distance_only"}
    return Findings("orca", "toy", pd.DataFrame(rows), targets, learnt, curves, pd.concat(scores), references)


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, "ok", "limited by nothing"),
        ({"one_window": (0.97, 0.5)}, "fail", "At 160 kb: the network does not learn even one window (r = 0.50"),
        ({"ceiling": (0.3, 0.8)}, "warn", "At 80 kb: the map is too shallow at this bin size"),
        ({"ceiling": (0.3, 0.2)}, "fail", "use larger bins, or a map with more contacts. Likewise at 160 kb."),
        ({"orca": (0.05, 0.6)}, "warn", "At 80 kb: on the test windows orca (r = 0.050, interval from 0.050) is no"),
        ({"orca": (0.05, 0.6), "rise": (0, 0.1)}, "warn", "None of the usual reasons"),
        ({"orca": (0.6, 0.05), "rise": (0, 0.1)}, "warn", "At 160 kb: the validation correlation rose by 0.100"),
        ({"trans": (0.7, 0.05)}, "warn", "At 80 kb, between chromosomes: on the test windows orca"),
    ],
)
def test_the_conclusion_names_level_and_limit(changes, verdict, words):
    found = conclusion(contact_verdicts(findings(**changes)), "orca")
    assert found[0] == verdict
    assert words in found[1]


def test_verdicts_are_given_for_every_level():
    verdicts = contact_verdicts(findings())
    for check in (
        "ceiling of the map",
        "missing entries",
        "one window by heart",
        "still rising",
        "share of the ceiling",
    ):
        assert [v.bin for v in verdicts if v.check == check] == ["80 kb", "160 kb"]


def test_page_of_several_levels(by_level, tmp_path):
    _, paths = by_level
    tables = {name: paths[name] for name in ("ceiling", "by_distance", "targets", "histogram")}
    scores = [scores_of(level, orca=0.3, distance_only=0.04) for level in LEVELS]
    write_table(pd.concat(scores), tmp_path / "scores.tsv")
    course = history(np.linspace(0, 0.3, 8)).assign(**{f"pearson_{level}": np.linspace(0, 0.3, 8) for level in LEVELS})
    write_table(course, tmp_path / "history.tsv")
    write_table(pd.DataFrame([{f"pearson_{level}": 0.05 for level in LEVELS}]), tmp_path / "baseline.tsv")
    learnt = [{"step": s, "level": level, "pearson": s / 21} for s in (10, 20) for level in LEVELS]
    write_table(pd.DataFrame(learnt), tmp_path / "one_window.tsv")
    tables |= {"scores": tmp_path / "scores.tsv"}
    names, kinds = {"run": "r", "map": "toy", "model": "orca"}, {"distance_only": "distance_only"}
    given = ({"seed 1": tmp_path / "history.tsv"}, {"distance_only": tmp_path / "baseline.tsv"}, names, kinds, tmp_path)
    figures = {panel: tmp_path / f"toy.orca.{panel}.svg" for panel in PANELS}
    outputs = (figures, tmp_path / "toy.orca.verdict.tsv", tmp_path / "toy.orca.html")
    assess_contact_model(tables, *given, *outputs)
    assert "set diagnosis.overfit_steps_several_levels" in (tmp_path / "toy.orca.html").read_text()
    assess_contact_model(tables | {"one_window": tmp_path / "one_window.tsv"}, *given, *outputs)
    page = (tmp_path / "toy.orca.html").read_text()
    assert page.count("<figure>") == 4
    assert "at the finest of the levels 80 kb, 160 kb" in page
    verdicts = read_table(tmp_path / "toy.orca.verdict.tsv")
    assert verdicts["sentence"].iloc[0].startswith("At 160 kb: orca reaches 38% of the correlation")
    assert set(verdicts["bin"].dropna()) == {"80 kb", "160 kb"}
    for panel in PANELS:
        assert (tmp_path / f"toy.orca.{panel}.png").stat().st_size > 8_000
        assert "level" in json.loads((tmp_path / f"toy.orca.{panel}.json").read_text())["title"]
    drawn = read_table(tmp_path / "toy.orca.learning.tsv")
    expected = {(what, level) for what in ("one window", "seed 1", "ceiling", "distance_only") for level in LEVELS}
    assert set(zip(drawn["what"], drawn["level"], strict=True)) == expected

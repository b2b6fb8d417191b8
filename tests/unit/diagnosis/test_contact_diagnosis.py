"""One window learnt by heart, course of a training, verdicts and page of a contact model."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from diagnosis_toys import SimulatedMap, history, scores_of
from unit.contact_models.contact_toys import RECIPE, TRAIN, VALIDATION, toy_reader

from cisflow.contacts.windows import Window
from cisflow.diagnosis import overfit
from cisflow.diagnosis.assess import PANELS, assess_contact_model
from cisflow.diagnosis.looks import LevelMap, OneLevel, by_role, spread
from cisflow.diagnosis.measure import _open_replicate, diagnose_map
from cisflow.diagnosis.overfit import OneWindowTask, overfit_window, without_extras
from cisflow.diagnosis.target_statistics import target_tables
from cisflow.diagnosis.training_curve import CurveReading, read_curves
from cisflow.diagnosis.verdicts import Findings, conclusion, contact_verdicts
from cisflow.figures.diagnosis import draw_bounds, plot_learning
from cisflow.figures.style import new_figure
from cisflow.files import read_table, write_table
from cisflow.models.contact_settings import contact_settings
from cisflow.models.contacts_task import ContactsTask
from cisflow.problems import InputError

JOB = {"map": "toy", "model": "orca", "seed": 3, "validation_chromosomes": ["chr3"], "test_chromosomes": ["chr2"]}
JOB |= {"device": "cpu", "threads": 1}


class ToyFiles:
    """Files that are read as the toy map."""

    exclude = start = None

    def __init__(self, change=lambda codes: codes):
        self.change = change

    def reader(self, settings):
        reader = toy_reader(settings)
        codes = reader.genome.codes
        reader.genome.codes = lambda *place: self.change(codes(*place))
        return reader


def test_a_sound_network_learns_one_window_by_heart_and_stops(tmp_path):
    table = overfit_window(ToyFiles(), tmp_path / "one.tsv", {**JOB, "recipe": RECIPE, "steps": 200}, "c0de")
    assert table["pearson"].iloc[-1] >= overfit.ENOUGH
    assert table["step"].iloc[-1] < 200
    assert list(table.columns) == ["step", "level", "training_loss", "pearson", "mse", "predicted_sd", "missing"]
    pd.testing.assert_frame_equal(read_table(tmp_path / "one.tsv"), table, check_exact=False)
    assert [path.name for path in tmp_path.iterdir()] == ["one.tsv"]


def test_a_network_without_learning_rate_does_not(tmp_path):
    still = {**RECIPE, "training": {**RECIPE["training"], "optimiser": {"name": "adam", "learning_rate": 1e-9}}}
    table = overfit_window(ToyFiles(), tmp_path / "one.tsv", {**JOB, "recipe": still, "steps": 40}, "c0de")
    assert table["pearson"].max() < 0.9
    assert table["step"].iloc[-1] == 40


def test_a_network_that_gets_no_sequence_does_not(tmp_path):
    """All positions look alike: the toy's blocks cannot be told from each other."""
    files = ToyFiles(lambda codes: np.zeros_like(codes))
    table = overfit_window(files, tmp_path / "one.tsv", {**JOB, "recipe": RECIPE, "steps": 60}, "c0de")
    assert table["pearson"].max() < 0.9


def test_the_one_window_is_a_training_window_and_always_the_same():
    settings = contact_settings({**RECIPE, "training": without_extras(RECIPE["training"], 50)})
    reader = toy_reader(settings)
    drawn = []
    read = reader.read
    reader.read = lambda window: drawn.append(window) or read(window)
    task = OneWindowTask(ContactsTask(settings, reader, TRAIN, VALIDATION, 7, 7), 7)
    assert {window.chromosome for window in drawn} <= set(TRAIN)
    assert len(drawn) == overfit.CANDIDATES
    for name in ("codes", "targets"):
        torch.testing.assert_close(task.batch(0)[name], task.batch(9)[name], equal_nan=True)
    shares = [float(np.isnan(read(window).target).mean()) for window in drawn]
    assert task.missing == {1600: pytest.approx(min(shares))}


def test_what_the_check_keeps_of_a_recipe():
    training = {**RECIPE["training"], "averaging": {"name": "equal"}, "accumulate": 2, "clip_gradient_norm": 1.0}
    kept = without_extras(training, 100)
    assert kept["batch_size"] == 1
    assert kept["schedule"] == {"name": "constant"}
    assert kept["optimiser"] == training["optimiser"]
    assert kept["clip_gradient_norm"] == 1.0
    assert not {"averaging", "accumulate"} & set(kept)


def test_rising_curves_are_told_from_flat_and_from_falling_ones():
    rising = read_curves([history(np.linspace(0, 0.4, 16))] * 2)
    assert rising.late_rise == pytest.approx(0.4 / 15 * 4, rel=0.2)
    assert rising.fall == pytest.approx(0)
    assert rising.best_at == 1
    flat = read_curves([history(0.3 + 0.001 * np.cos(np.arange(20)))])
    assert abs(flat.late_rise) < 0.002
    peak = [*np.linspace(0, 0.4, 6), *np.linspace(0.38, 0.2, 10)]
    falling = read_curves([history(peak, np.linspace(1, 0.2, 16))])
    assert falling.fall > 0.15
    assert falling.loss_fall > 0.5
    assert falling.best_at == pytest.approx(6 / 16)
    short = read_curves([history([0.1, 0.2])])
    assert short.best == pytest.approx(0.2)
    assert np.isnan(short.late_rise)


def ceiling_of(value, low=None):
    row = {"source": "halves", "split": "test", "kind": "cis", "level": 100, "bin_size": 1, "metric": "pearson"}
    row |= {
        "between": value,
        "quarters": value,
        "exponent": 0.0,
        "full_depth": value**2,
        "ceiling": value,
        "spearman_brown": value,
    }
    row |= {"low": value - 0.05, "high": value + 0.05, "n_windows": 9}
    return pd.DataFrame([row, {**row, "split": "validation"}])


KINDS = {"distance_only": "distance_only", "linear": "composition"}


def findings(
    ceiling=0.8,
    one_window=0.97,
    curve=(16, 0.4, 1.0, 0.0, 0.0, 0.0),
    missing=0.1,
    orca=0.6,
    baseline=0.1,
    composition=None,
):
    place = {"kind": "cis", "level": 100}
    targets = pd.DataFrame([{**place, "role": "training", "chromosome": "all", "missing": missing}])
    learnt = {"step": [50, 100], "level": 100, "pearson": [0.3, one_window]}
    table = None if one_window is None else pd.DataFrame(learnt)
    scores = scores_of(orca=orca, distance_only=baseline, linear=np.nan if composition is None else composition)
    return Findings("orca", "toy", ceiling_of(ceiling), targets, table, {100: CurveReading(*curve)}, scores, KINDS)


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, "ok", "limited by nothing"),
        ({"ceiling": 0.3}, "fail", "too shallow at this bin size"),
        ({"ceiling": 0.55}, "warn", "shallow at this bin size: from two halves"),
        ({"one_window": 0.4}, "fail", "does not learn even one window (r = 0.40 after 100 steps)"),
        ({"one_window": np.nan}, "fail", "does not learn even one window"),
        ({"orca": 0.11, "curve": (16, 0.1, 1, 0.05, 0, 0)}, "warn", "more steps are likely to help"),
        ({"orca": 0.11, "curve": (16, 0.1, 0.4, -0.05, 0.1, 0.5)}, "warn", "few data for this network"),
        ({"orca": 0.05, "missing": 0.5}, "warn", "50% of the entries of the training windows are missing"),
        ({"orca": 0.05}, "warn", "the network learns one window, the training neither rises nor overfits. What"),
        ({"orca": 0.05, "curve": (3, 0.1, 1, np.nan, np.nan, np.nan)}, "warn", "had too few validations to say"),
        ({"orca": 0.2, "composition": 0.3}, "warn", "not learnt even what is that easy to learn. None of the usual"),
        ({"orca": 0.2, "composition": 0.3}, "warn", "the sequence does say something about the map"),
        ({"orca": 0.08, "composition": 0.3}, "warn", "(linear) reaches r = 0.300"),
        ({"orca": 0.6, "composition": 0.3}, "ok", "limited by nothing"),
        ({"orca": 0.2}, "warn", "reaches 25% of the correlation that a perfect model would have"),
    ],
)
def test_the_conclusion_names_the_limit(changes, verdict, words):
    found = conclusion(contact_verdicts(findings(**changes)), "orca")
    assert found[0] == verdict
    assert words in found[1]


def test_the_order_of_reasons_is_that_of_the_work():
    """A network that cannot learn one window is mended first, whatever the map."""
    verdicts = contact_verdicts(findings(ceiling=0.2, one_window=0.1, orca=0.0))
    assert "does not learn even one window" in conclusion(verdicts, "orca")[1]
    verdicts = contact_verdicts(findings(one_window=None))
    assert "one window by heart" not in {v.check for v in verdicts}


def test_a_model_below_its_baseline_fails_that_check():
    verdicts = {v.check: v for v in contact_verdicts(findings(orca=0.1, baseline=0.2))}
    assert verdicts["better than the baseline"].verdict == "fail"
    assert "is no better than distance_only (r = 0.200)" in verdicts["better than the baseline"].sentence
    wide = findings(orca=0.3, baseline=0.2)
    wide.scores["low"] = 0.15
    verdicts = {v.check: v for v in contact_verdicts(wide)}
    assert "not clearly better than" in verdicts["better than the baseline"].sentence


def test_target_tables_count_what_is_missing():
    rng = np.random.default_rng(0)
    target = rng.normal(size=(20, 20))
    target[3] = target[:, 3] = np.nan
    own = np.ones((20, 20), dtype=bool)
    maps = [LevelMap("cis", name, 0, 40, 2, k * target, own, own) for k, name in enumerate(("chr1", "chr2"), 1)]
    statistics, histogram = target_tables([("training", maps[0]), ("test", maps[1])])
    rows = statistics.set_index(["role", "chromosome"])
    assert rows.loc[("training", "chr1"), "entries"] == 210
    assert rows.loc[("training", "chr1"), "missing"] == pytest.approx(20 / 210)
    assert rows.loc[("test", "all"), "sd"] == pytest.approx(2 * rows.loc[("training", "all"), "sd"])
    assert histogram.groupby("role")["share"].sum().to_numpy() == pytest.approx(1, abs=0.02)


def test_windows_of_each_role_are_spread_over_its_chromosomes():
    lengths = {"chr1": 1000, "chr2": 400, "chr3": 50, "chr4": 300}
    recipe = {**RECIPE, "window": {"bins": 10, "bin_size": 10}, "evaluation": {"step_bins": 5}}
    looks = OneLevel(contact_settings(recipe))
    found = {role: looks.inputs(part, 5) for role, part in by_role(lengths, ["chr2"], ["chr3"]).items()}
    assert {w.chromosome for w in found["training"]} == {"chr1", "chr4"}
    assert found["training"][0] == Window("chr1", 0)
    assert len(found["training"]) == 5
    assert [w.start for w in found["validation"]] == [0, 100, 150, 200, 300]
    assert found["test"] == []
    assert spread([], 3) == []


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Diagnosis of a simulated map with a replicate."""

    folder = tmp_path_factory.mktemp("measured")
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    one, other = SimulatedMap(folder / "a", 200_000), SimulatedMap(folder / "b", 200_000, again=1)
    recipe = {**RECIPE, "window": {"bins": 40, "bin_size": 2000}}
    checked = contact_settings(recipe)
    settings = {"map": "a", "replicate": "b", "seed": 1, "draws": 100, "windows": 10}
    settings |= {"validation_chromosomes": ["chr1"], "test_chromosomes": ["chr2"]}
    outputs = {name: folder / f"{name}.tsv" for name in ("ceiling", "by_window", "by_distance", "targets", "histogram")}
    pair = {"contacts": other.cool, "expected": other.expected}
    diagnose_map({"contacts": one.cool, "expected": one.expected}, pair, checked, settings, outputs)
    return outputs


def test_replicate_and_halves_agree_about_the_ceiling(measured):
    table = read_table(measured["ceiling"]).set_index(["source", "split", "metric"])
    assert set(table.index.get_level_values("source")) == {"halves", "replicate b"}
    for split in ("validation", "test"):
        halves = table.loc[("halves", split, "pearson")]
        assert halves["ceiling"] == pytest.approx(table.loc[("replicate b", split, "pearson"), "ceiling"], abs=0.1)
    windows = read_table(measured["by_window"])
    assert len(windows) == 2 * 2 * 2 * 10
    assert read_table(measured["by_distance"])["noise_variance"].between(0, 1).all()


def test_replicates_must_be_of_the_same_genome(tmp_path):

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = SimulatedMap(tmp_path / "a", 20_000, length=200_000)
    other = SimulatedMap(tmp_path / "b", 20_000, length=201_000)
    with pytest.raises(InputError, match="map 'b' differs in resolution or chromosomes"):
        _open_replicate(one.contact_map, {"contacts": other.cool, "expected": other.expected}, "b")


def test_page_says_what_limits_the_model(measured, tmp_path):
    tables = {name: measured[name] for name in ("ceiling", "by_distance", "targets", "histogram")}
    write_table(scores_of(80_000, orca=0.05, distance_only=0.04), tmp_path / "scores.tsv")
    write_table(history(0.05 + 0.01 * np.cos(np.arange(12))), tmp_path / "history.tsv")
    write_table(pd.DataFrame([{"selection": 0.06}]), tmp_path / "baseline.tsv")
    one_window = pd.DataFrame({"step": [10, 20], "level": 80_000, "pearson": [0.5, 0.96]})
    write_table(one_window, tmp_path / "one_window.tsv")
    tables |= {"scores": tmp_path / "scores.tsv", "one_window": tmp_path / "one_window.tsv"}
    figures = {panel: tmp_path / f"toy.orca.{panel}.svg" for panel in PANELS}
    names = {"run": "r", "map": "toy", "model": "orca"}
    kinds = {"distance_only": "distance_only"}
    baseline = {"distance_only": tmp_path / "baseline.tsv"}
    outputs = (figures, tmp_path / "toy.orca.verdict.tsv", tmp_path / "toy.orca.html")
    assess_contact_model(tables, {"seed 1": tmp_path / "history.tsv"}, baseline, names, kinds, tmp_path, *outputs)
    page = (tmp_path / "toy.orca.html").read_text()
    assert "Diagnosis of orca on map toy" in page
    assert page.count("<figure>") == 4
    verdicts = read_table(tmp_path / "toy.orca.verdict.tsv")
    assert verdicts["check"].iloc[0] == "conclusion"
    assert "not clearly better than distance_only" in verdicts["sentence"].iloc[0]
    assert verdicts.set_index("check").loc["one window by heart", "verdict"] == "ok"
    for panel in PANELS:
        assert (tmp_path / f"toy.orca.{panel}.png").stat().st_size > 8_000
        assert "toy, orca" in json.loads((tmp_path / f"toy.orca.{panel}.json").read_text())["title"]
    drawn = read_table(tmp_path / "toy.orca.ceiling.tsv")
    assert {"perfect model", "perfect model, by replicate b", "orca", "distance_only"} <= set(drawn["what"])
    plot_learning(None, {}, {}, "toy, orca", tmp_path / "empty.svg")
    assert read_table(tmp_path / "empty.tsv").empty


def test_names_of_level_lines_never_lie_on_each_other():
    figure, axis = new_figure(3.8, 3.2)
    axis.set_ylim(-0.05, 1.02)
    draw_bounds(axis, {"ceiling": 0.85, "mean_map": 0.101, "distance_only": 0.096, "shuffled": 0.3})
    assert len(axis.get_lines()) == 4
    figure.canvas.draw()
    boxes = {text.get_text(): text.get_window_extent() for text in axis.texts}
    assert set(boxes) == {"distance_only, mean_map", "shuffled", "ceiling"}
    found = list(boxes.values())
    assert not any(a.overlaps(b) for i, a in enumerate(found) for b in found[:i])
    plt.close(figure)

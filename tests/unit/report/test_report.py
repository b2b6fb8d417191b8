"""The report holds what it was given, escapes text, and needs nothing from outside."""

import json

import pandas as pd
import pytest

from cisflow.figures.style import new_figure, save_figure
from cisflow.files import write_json, write_table, write_text
from cisflow.report.build import ReportInput, build_report
from cisflow.report.tables import format_cell, funnel_table


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A small results tree of a run."""
    monkeypatch.chdir(tmp_path)
    write_text("run: demo\nseed: 1\n", "results/demo/settings.yaml")
    for name, count in (("bin0", 100), ("bin1", 50)):
        funnel = pd.DataFrame(
            {"library": "lib", "bin": name, "step": ["reads", "merged"], "count": [count, count - 10]}
        )
        write_table(funnel, f"results/demo/reads/lib/{name}.funnel.tsv")
    figure, axes = new_figure()
    axes.plot([1, 2], [3, 4])
    save_figure(
        figure, pd.DataFrame({"x": [1]}), "results/demo/figures/reads/lib.funnel.svg", "Reads <kept>", "135 of 150."
    )
    ranking = {"head": "expression", "rank": 1, "model": "cnn", "mean_rank": 1.25, "rank_low": 1, "rank_high": 2}
    write_table(
        pd.DataFrame([{**ranking, "pearson_score": 0.8, "spearman_score": 0.7}]),
        "results/demo/evaluation/d/ranking.tsv",
    )
    folder = "results/demo/models/d/cnn/seed1/"
    write_text("task: expression\nnote: narrow form\n", folder + "recipe.yaml")
    training = {"parameters": 1234567, "steps": 10, "best_selection": 0.5}
    write_json({"versions": {"cisflow": "9", "torch": "2"}, "training": training}, folder + "manifest.json")
    return ReportInput(
        settings="results/demo/settings.yaml",
        figures=["results/demo/figures/reads/lib.funnel.svg"],
        funnels=["results/demo/reads/lib/bin0.funnel.tsv", "results/demo/reads/lib/bin1.funnel.tsv"],
        rankings=["results/demo/evaluation/d/ranking.tsv"],
        manifests=[folder + "manifest.json"],
        recipes=[folder + "recipe.yaml"],
    )


def test_report_shows_what_it_was_given(results):
    build_report(results, "results/demo", "results/demo/report.html", {"cisflow": "1"})
    with open("results/demo/report.html") as handle:
        page = handle.read()
    assert "Reads &lt;kept&gt;" in page
    assert "135 of 150." in page
    assert "1,234,567" in page
    assert "narrow form" in page
    assert "first is cnn (mean rank 1.25" in page
    assert "<td>9</td>" in page  # the model was made with another version than this run's
    assert "data:image/svg+xml;base64," in page
    assert 'src="http' not in page


def test_leakage_of_every_dataset_is_shown(results):
    """Those that are split once, and those that are cross-validated."""
    for name, splits in (("datasets/once.", ("train", "test")), ("cross_validation/folded/", ("1", "2"))):
        table = pd.DataFrame({"split": splits, "rows": 10, "rows_after": [0, 7]})
        results.leakage = [*results.leakage, f"results/demo/{name}leakage.tsv"]
        write_table(table, results.leakage[-1])
    build_report(results, "results/demo", "results/demo/report.html", {"cisflow": "1"})
    with open("results/demo/report.html") as handle:
        section = handle.read().split('<h2 id="datasets">')[1].split("<h2")[0]
    for title in ("Leakage between splits, once", "Leakage between splits, folded"):
        assert title in section
    assert section.count(">7</td>") == 2


def test_report_is_the_same_bytes_twice(results):
    for name in ("a.html", "b.html"):
        build_report(results, "results/demo", name, {"cisflow": "1"})
    with open("a.html", "rb") as a, open("b.html", "rb") as b:
        assert a.read() == b.read()


def test_funnel_sums_over_bins_in_the_order_of_the_steps(results):
    table = funnel_table(results.funnels)
    assert table["step"].tolist() == ["reads", "merged"]
    assert table["count"].tolist() == [150, 130]


def test_figure_files_are_equal_between_runs(tmp_path):
    for name in ("a", "b"):
        figure, axes = new_figure()
        axes.plot([1, 2], [3, 4], label="x")
        axes.legend()
        save_figure(figure, pd.DataFrame({"x": [1.5]}), tmp_path / f"{name}.svg", "t", "c")
    for suffix in (".svg", ".png", ".tsv", ".json"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text()) == {"title": "t", "caption": "c"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234, "1,234"), (0.123456, "0.1235"), (float("nan"), ""), (None, ""), (True, "yes"), (12345.0, "12,345")],
)
def test_cells(value, text):
    assert format_cell(value) == text

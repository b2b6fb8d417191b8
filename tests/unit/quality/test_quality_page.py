"""The page of a library holds its verdict and figures, says what is missing, and needs nothing from outside."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from sorted_toys import bins_sheet, funnel, good_counts

from cisflow.figures.style import new_figure, save_figure
from cisflow.files import read_table, write_text
from cisflow.quality.assess import assess
from cisflow.quality.bins import profile_groups
from cisflow.quality.library import gather
from cisflow.quality.verdict import COLUMNS
from cisflow.report.build import ReportInput, build_report

PANELS = ("bins", "ranks", "saturation", "profiles", "expression")
SETTINGS = {
    "bin_weights": "depth", "pseudocount": 10, "limits": [-4, 4], "optimum": "global", "abundance": "mean",
    "interval": 0.95,
}  # fmt: skip


def assessed(folder, counts, bins, *, reads=True, replicate=False):
    """Assess a library in ``folder``; returns its page and its verdict."""
    results = folder / "results" / "toy"
    extra = {}
    for name in ("reads/toy.funnel", "expression/sample.maude.concordance"):
        figure, axes = new_figure(2, 2)
        axes.plot([1, 2])
        save_figure(figure, pd.DataFrame({"x": [1]}), results / f"figures/{name}.svg", f"Title of {name}", "Caption.")
        extra[name.split("/")[0]] = results / f"figures/{name}.svg"
    library = gather(
        "toy",
        counts,
        {**SETTINGS, "bins": bins},
        {},
        funnel(len(bins)) if reads else None,
        np.concatenate([counts[[row["bin"] for row in bins]].sum(axis=1), np.ones(500, int)]) if reads else None,
    )
    assess(
        library,
        "toy",
        1,
        results,
        {panel: results / f"figures/quality/toy.{panel}.svg" for panel in PANELS},
        results / "quality/toy.verdict.tsv",
        results / "quality/toy.html",
        [extra["expression"]] if replicate else [],
        extra["reads"] if reads else None,
    )
    return (results / "quality/toy.html").read_text(), read_table(results / "quality/toy.verdict.tsv")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    return folder, *assessed(folder, good_counts(elements=800), bins_sheet(), replicate=True)


def test_page_begins_with_the_verdict_and_holds_every_panel(good):
    folder, page, table = good
    assert "Library toy looks good: every check passed." in page
    assert "Would more reads help?" in page
    assert page.count("<figure>") == len(PANELS) + 2
    assert page.count("data:image/") == len(PANELS) + 2
    assert "Title of reads/toy.funnel" in page
    assert "Title of expression/sample.maude.concordance" in page
    assert "There is no replicate" not in page
    assert page.count("Good: ") >= len(PANELS)
    assert list(table.columns) == list(COLUMNS)
    assert set(table["verdict"]) == {"ok"}
    for panel in PANELS:
        for suffix in ("svg", "png", "tsv", "json"):
            assert (folder / f"results/toy/figures/quality/toy.{panel}.{suffix}").stat().st_size > 0


def test_page_needs_nothing_from_outside(good):
    page = good[1]
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "<script" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_page_and_figures_are_the_same_bytes_twice(good, tmp_path):
    folder, page, _ = good
    again, _ = assessed(tmp_path, good_counts(elements=800), bins_sheet(), replicate=True)
    assert again == page
    for panel in PANELS:
        name = f"results/toy/figures/quality/toy.{panel}.tsv"
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_counts_without_reads_gates_and_replicates(tmp_path):
    bins = [row | {"lower_quantile": None, "upper_quantile": None} for row in bins_sheet(5)]
    page, table = assessed(tmp_path, good_counts(elements=400, n_bins=5).assign(bin02=0), bins, reads=False)
    assert "Do not use library toy before this is settled: bin bin02 has no reads" in page
    assert "There is no replicate of this library" in page
    assert "there is no funnel of its reads" in page
    assert "There is no comparison with MAUDE" in page
    assert 'class="verdict fail"' in page
    assert set(table.loc[table["verdict"] != "ok", "check"]) == {"bin empty"}


def test_numbers_of_the_figures(good):
    folder = good[0]
    counts = good_counts(elements=800)
    names = [row["bin"] for row in bins_sheet()]
    drawn = {panel: read_table(folder / f"results/toy/figures/quality/toy.{panel}.tsv") for panel in PANELS}
    assert drawn["bins"]["reads"].tolist() == counts[names].sum().tolist()
    assert drawn["bins"]["elements"].tolist() == (counts[names] > 0).sum().tolist()
    reads = np.sort(counts[names].sum(axis=1).to_numpy())[::-1]
    ranks = drawn["ranks"].set_index("rank")
    assert ranks.loc[[1, 10, 100], "cumulative_share"].tolist() == pytest.approx(
        [reads[:k].sum() / reads.sum() for k in (1, 10, 100)]
    )
    assert np.allclose(drawn["profiles"][names].sum(axis=1), 1)
    assert np.all(np.diff(drawn["profiles"]["expression"]) >= 0)
    curve = drawn["saturation"]
    here = curve[(curve["of"] == "elements") & (curve["reads"] == reads.sum())]["value"]
    assert here.tolist() == pytest.approx([np.count_nonzero(reads)] * 2)
    histogram = drawn["expression"][drawn["expression"]["panel"] == "expression"]
    assert histogram["elements"].sum() == np.count_nonzero(reads)
    caption = json.loads((folder / "results/toy/figures/quality/toy.saturation.json").read_text())["caption"]
    assert "twice the reads would show about" in caption


def test_profiles_of_reads_without_order_show_no_band():
    counts = np.random.default_rng(1).poisson(0.4, (3000, 6))
    profiles, _, used = profile_groups(counts, np.arange(6.0), 1)
    assert 0 < used < 3000
    thirds = np.array_split(profiles, 3)
    assert np.abs(thirds[0].mean(axis=0) - thirds[2].mean(axis=0)).max() < 0.05


def test_profiles_need_two_reads():
    profiles, middle, used = profile_groups(np.eye(4, dtype=int), np.arange(4.0), 1)
    assert profiles.shape == (0, 4)
    assert middle.size == used == 0


def test_report_of_the_run_shows_the_verdict_and_links_to_the_page(good, monkeypatch):
    monkeypatch.chdir(good[0])
    write_text("run: toy\nseed: 1\n", "results/toy/settings.yaml")
    given = ReportInput("results/toy/settings.yaml", verdicts=["results/toy/quality/toy.verdict.tsv"])
    build_report(given, "results/toy", "results/toy/report.html", {"cisflow": "1"})
    page = (good[0] / "results/toy/report.html").read_text()
    assert "Library toy looks good: every check passed." in page
    assert 'href="quality/toy.html"' in page

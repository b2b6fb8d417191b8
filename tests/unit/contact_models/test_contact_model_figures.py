"""Figures of contact models: drawings and tables at one level, several, and between chromosomes."""

import json

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from predicted_toys import BINS, LEVELS, distance_only, made_up, save

from cisflow.contacts.regions import Region, parse_region
from cisflow.evaluation.contact_evaluation import evaluate_contacts, with_ceiling
from cisflow.evaluation.contact_predictions import read_predictions
from cisflow.evaluation.contact_windows import chosen_windows, window_of_region
from cisflow.figures.contact_ladders import plot_ladder, plot_predicted_maps
from cisflow.figures.contact_panels import Column, draw_columns
from cisflow.figures.contact_profiles import density_figure, distance_figure
from cisflow.figures.contact_ranking import contact_ranking_figures
from cisflow.figures.contact_scores import level_scores_figure, window_scores_figure
from cisflow.figures.contact_tracks import Tracks, lanes
from cisflow.figures.style import CONTACT_CMAP
from cisflow.files import read_table
from cisflow.problems import InputError


def inside(figure):
    """Whether all that is drawn lies on the figure."""
    figure.canvas.draw()
    drawn, frame = figure.get_tightbbox(), figure.bbox_inches
    return drawn.x0 > -0.02 and drawn.y0 > -0.02 and drawn.x1 < frame.x1 + 0.02 and drawn.y1 < frame.y1 + 0.02


@pytest.fixture(scope="module", params=["levels", "one", "trans"])
def evaluated(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    levels = LEVELS if request.param != "one" else LEVELS[-1:]
    shape = {"levels": levels, "kind": "trans" if request.param == "trans" else "cis"}
    good = made_up(0.3, **shape)
    paths = save(folder, good=good, poor=made_up(1.5, model_seed=2, **shape), distance_only=distance_only(good))
    return paths, evaluate_contacts(paths, 100, 1, "toy")


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracks")
    genes = [
        f"{c}\t{300 * k}\t{300 * k + 200}\tgene{k}\t0\t{'+-'[k % 2]}\n" for c in ("chr9", "chr10") for k in range(99)
    ]
    (folder / "genes.bed").write_text("".join(genes))
    with pyBigWig.open(str(folder / "CTCF.bw"), "w") as file:
        file.addHeader([("chr9", 100_000), ("chr10", 100_000)])
        for chromosome in ("chr9", "chr10"):
            file.addEntries(chromosome, 0, values=list(np.arange(500.0)), span=100, step=100)
    return Tracks(folder / "genes.bed", [folder / "genes.bed"], [folder / "CTCF.bw"])


def test_colours_and_missing_entries_are_those_of_the_field():
    stops = ["#ffffe2", "#ffe9ab", "#fecc76", "#fe9f4c", "#fe6134", "#eb1f23", "#bb0026", "#710027", "#290027"]
    for place, colour in zip(np.linspace(0, 1, 9), stops, strict=True):
        expected = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        np.testing.assert_allclose(CONTACT_CMAP(place)[:3], expected, atol=0.02)
    assert CONTACT_CMAP(np.ma.masked_all(1))[0][:3] == pytest.approx([0xAA / 255] * 3)


def test_scores_densities_and_distance_laws(evaluated):
    _, tables = evaluated
    trans = "trans" in set(tables["summary"]["kind"])
    figure, table, caption = window_scores_figure(tables["scores"], tables["summary"])
    assert inside(figure)
    assert set(table["seed"].astype(str)) == {"mean"}
    figure, table, caption = level_scores_figure(tables["summary"], tables["chromosomes"])
    assert inside(figure)
    assert set(table["chromosome"]) == ({"all"} if trans else {"all", "chr9", "chr10"})
    value = table[(table["model"] == "good") & (table["metric"] == "pooled_pearson") & (table["chromosome"] == "all")]
    assert f"{value['value'].iloc[-1]:.3f}" in caption
    figure, table, caption = density_figure(tables["density"], tables["summary"])
    assert inside(figure)
    entries = tables["summary"].drop_duplicates(["model", "level"]).set_index(["model", "level"])["n"]
    pd.testing.assert_series_equal(
        table.groupby(["model", "level"])["n"].sum(), entries.sort_index(), check_dtype=False
    )
    figure, table, caption = distance_figure(tables["distance"])
    assert inside(figure)
    assert table.empty == trans
    if trans:
        return
    rows = table[(table["series"] == "distance_only") & (table["level"] == LEVELS[-1])].set_index("distance")
    np.testing.assert_allclose(rows["mean"], -np.log1p(rows.index / 100), atol=1e-5)
    np.testing.assert_allclose(rows["contacts"], np.exp(rows["mean"]) / (rows.index / 100 + 1) / 100, rtol=1e-5)


def test_ceilings_are_in_the_summary_and_drawn(evaluated):
    _, tables = evaluated
    plain, finest = tables["summary"], int(tables["summary"]["level"].min())
    assert plain["ceiling"].isna().all()
    row = {"source": "halves", "split": "test", "kind": "cis", "level": finest, "metric": "pearson", "ceiling": 0.7}
    rows = [row, row | {"metric": "pooled_pearson"}, row | {"source": "replicate other", "ceiling": 0.8}]
    rows.append(row | {"split": "validation", "ceiling": 0.9})
    summary = with_ceiling(plain[plain.columns[:-3]], pd.DataFrame(rows).assign(low=0.6, high=0.85))
    pd.testing.assert_frame_equal(summary[plain.columns[:-3]], plain[plain.columns[:-3]])
    found = summary[summary["ceiling"].notna()]
    figures = (window_scores_figure(tables["scores"], summary), level_scores_figure(summary, tables["chromosomes"]))
    lines = [line for figure, _, _ in figures for axis in figure.axes for line in axis.lines if line.is_dashed()]
    dashed = [line for line in lines if line.get_ydata()[0] != 0]  # without the lines of no correlation
    if "trans" in set(plain["kind"]):
        assert found.empty
        assert not dashed
        return
    assert found.groupby("metric")["ceiling"].unique().map(list).to_dict() == {
        "pearson": [0.8],
        "pooled_pearson": [0.7],
    }
    assert set(found["model"]) == set(plain["model"])
    assert sorted(line.get_ydata()[0] for line in dashed) == [0.7, 0.8]
    assert "0.800 (0.600 to 0.850)" in figures[0][2]
    assert "0.700 (0.600 to 0.850)" in figures[1][2]
    assert all(inside(figure) for figure, _, _ in figures)


def test_ranking(evaluated):
    _, tables = evaluated
    ranking, ranks = contact_ranking_figures(tables["bootstrap"], tables["ranking"], tables["comparisons"])
    assert inside(ranking[0])
    assert inside(ranks[0])
    assert "First: good, best in 100%" in ranking[2]
    assert "better than 2 of the 2 others" in ranking[2]
    assert set(ranks[1]["by"]) == {"pearson", "distance_subtracted"}


def test_predicted_maps_and_ladders(evaluated, tracks, tmp_path):
    paths, tables = evaluated
    predictions = read_predictions({name: paths[name] for name in ("good", "distance_only")})
    found, scores = predictions["good"], tables["scores"]
    chosen = chosen_windows(scores, found, "good")
    prefix = "trans_" if found.kinds == ["trans"] else ""
    assert list(chosen) == [f"{prefix}{name}" for name in ("best", "median", "worst")]
    plot_predicted_maps(predictions, scores, chosen, tracks, "toy", tmp_path / "maps.svg")
    table = read_table(tmp_path / "maps.tsv")
    part = table[(table["column"] == f"{prefix}best") & (table["track"] == "map")]
    i, j = np.triu_indices(BINS)
    window, finest = chosen[f"{prefix}best"], len(found.levels) - 1
    np.testing.assert_allclose(part["good"], found.mean()[window, finest][i, j], atol=6e-4)
    np.testing.assert_allclose(part["observed"], found.measured(finest)[window][i, j], atol=6e-4)
    assert part["start"].iloc[0] == found.start[window, finest]
    assert part["end"].iloc[1] == part["start"].iloc[0] + 100
    assert (set(table["track"]) == {"map"}) if prefix else (set(table["track"]) == {"map", "genes", "CTCF"})
    plot_ladder(predictions, scores, f"{prefix}best", window, tracks, "toy", tmp_path / "ladder.svg", limits=None)
    table = read_table(tmp_path / "ladder.tsv")
    assert table["column"].drop_duplicates().tolist() == ["2.4 kb", "4.8 kb", "9.6 kb"][: len(found.levels)]
    assert ("borders between chromosomes" in json.loads((tmp_path / "ladder.json").read_text())["caption"]) == bool(
        prefix
    )
    assert (tmp_path / "ladder.png").stat().st_size > 10_000


def test_borders_lie_where_the_chromosome_changes_and_predictions_are_shaded_where_nothing_was_measured():
    far = np.arange(6) >= 4
    observed = np.where(far[:, None] != far, 0.5, np.nan)
    column = Column("a", "a", Region("x", 600, 1200), {"model": np.ones((6, 6)), "observed": observed})
    assert column.borders().tolist() == []
    column = Column(**{**vars(column), "between": far[:, None] != far})
    assert column.borders().tolist() == [1000]
    names = np.repeat(["chr1", "chr2"], [2, 4])  # a bin on the border belongs to both
    mixed = Column(**{**vars(column), "between": np.zeros((6, 6), dtype=bool), "bin_chromosome": names})
    assert mixed.borders().tolist() == [800]
    figure, table = draw_columns([column], Tracks(), (-1, 2))
    shades = [axis.images[1].get_array()[..., 3] for axis in figure.axes if len(axis.images) == 2]
    assert len(shades) == 1
    np.testing.assert_array_equal(shades[0] > 0, np.isnan(observed))
    assert set(table["chromosome"]) == {"x"}


def test_genes_are_packed_without_overlap():
    start, end = np.array([0, 1, 2, 5, 6.0]), np.array([4, 3, 8, 7, 9.0])
    assert lanes(start, end, 3).tolist() == [0, 1, 2, 0, 1]
    assert lanes(start, end, 2).tolist() == [0, 1, -1, 0, 1]


def test_regions_choose_the_window_that_shows_them_best(evaluated):
    paths, _ = evaluated
    found = read_predictions(paths)["good"]
    if found.kinds == ["trans"]:
        return
    finest = found.start[:, -1]
    wanted = Region("chr10", int(finest[5]) + 700, int(finest[5]) + 1700)
    assert window_of_region(found, wanted) == 5
    with pytest.raises(InputError, match=r"no test window holds chr10:0-900,000; windows of .* cover chr9:.*chr10:"):
        window_of_region(found, Region("chr10", 0, 900_000))
    with pytest.raises(InputError, match="no test window holds chr1:"):
        window_of_region(found, Region("chr1", 0, 10))


def test_regions_are_read():
    assert parse_region("chr9:94,904,000-126_904_000") == Region("chr9", 94_904_000, 126_904_000)
    assert Region("chr9", 1000, 20_000).name == "chr9_1000_20000"
    for text in ("chr9", "chr9:5-5", "chr9:a-b", "chr9:5"):
        with pytest.raises(ValueError, match="expected"):
            parse_region(text)

"""Cross-validated datasets side by side: every fold, mean, test and size is drawn, one colour per model."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cisflow.evaluation.cross_validation import paired_tests, summary_table
from cisflow.figures.benchmarks import benchmarks_figure, benchmarks_of, read_sizes


def made(models, folds, seed):
    rng, rows = np.random.default_rng(seed), []
    for fold in range(folds):
        level = rng.normal(0.5, 0.05)
        for place, model in enumerate(models):
            for metric in ("pearson", "spearman", "mse"):
                value = level - 0.03 * place + rng.normal(0, 0.01)
                head = {"model": model, "head": "expression", "fold": str(fold), "n": 50, "models": 9}
                rows.append({**head, "metric": metric, "value": value})
    return pd.DataFrame(rows)


DATASETS = {"human": (("rnn", "cnn", "mprann"), 6), "fly": (("cnn", "rnn", "deepstarr"), 5), "single": (("rnn",), 3)}


@pytest.fixture(scope="module")
def tables():
    return {name: made(*shape, seed) for seed, (name, shape) in enumerate(DATASETS.items())}


@pytest.mark.parametrize("names", [["human", "fly"], ["single"], ["human", "fly", "single"]])
def test_figure(tables, names):
    benchmarks = [
        b for n in names for b in benchmarks_of(n, tables[n], summary_table(tables[n]), paired_tests(tables[n]))
    ]
    sizes = pd.DataFrame(
        [{"dataset": n, "model": m, "parameters": 10 ** (4 + i)} for n in names for i, m in enumerate(DATASETS[n][0])]
    )
    figure, table, caption = benchmarks_figure(benchmarks, sizes)
    figure.canvas.draw()
    drawn, frame = figure.get_tightbbox(), figure.bbox_inches
    panels = [panel for panel in figure.axes if panel.axison]
    plt.close(figure)
    assert (drawn.x0 > -0.02, drawn.y0 > -0.02) == (True, True)
    assert (drawn.x1 < frame.x1 + 0.02, drawn.y1 < frame.y1 + 0.02) == (True, True)
    assert [panel.get_title() for panel in panels] == [*names, "size of the models"]
    colours = {}
    for panel, name in zip(panels, names, strict=False):
        models, folds = DATASETS[name]
        summary = summary_table(tables[name]).query("metric == 'pearson'")
        order = [text.get_text() for text in panel.get_xticklabels()]
        assert order == summary["model"].tolist()
        points = [c for c in panel.collections if len(c.get_offsets()) == folds]
        for model, drawn_points in zip(order, points, strict=True):
            own = tables[name].query("model == @model and metric == 'pearson'")["value"]
            np.testing.assert_allclose(np.sort(drawn_points.get_offsets()[:, 1]), np.sort(own))
            colour = tuple(drawn_points.get_facecolor()[0])
            assert colours.setdefault(model, colour) == colour
        assert len(panel.texts) == len(models) * (len(models) - 1) // 2
        assert f"{name} ({folds} folds): {order[0]}" in caption
    bars = [round(bar.get_height()) for bar in panels[-1].patches]
    assert sorted(bars) == sorted(sizes["parameters"])
    kinds = table.groupby("kind").size()
    assert kinds["parameters"] == len(sizes)
    assert kinds["fold"] == sum(len(m) * k for m, k in (DATASETS[n] for n in names))
    assert set(table["metric"].dropna()) == {"pearson"}


def test_measurements_of_one_dataset_are_panels_of_their_own():
    models = ("cnn", "ridge")
    parts = [made(models, 5, seed).assign(head=head) for seed, head in enumerate(("expression", "hk"))]
    table = pd.concat(parts, ignore_index=True)
    labels = {"expression": "Dev", "hk": "Hk"}
    benchmarks = benchmarks_of("fly", table, summary_table(table), paired_tests(table), labels)
    sizes = pd.DataFrame([{"dataset": "fly", "model": m, "parameters": 10} for m in models])
    figure, drawn, caption = benchmarks_figure(benchmarks, sizes)
    titles = [panel.get_title() for panel in figure.axes]
    plt.close(figure)
    assert titles == ["fly, Dev", "fly, Hk", "size of the models"]
    assert "fly, Hk (5 folds)" in caption
    folds = drawn[drawn["kind"] == "fold"]
    assert folds.groupby("head").size().to_dict() == {"expression": 10, "hk": 10}


def test_sizes_come_from_the_manifests(tmp_path):
    part = tmp_path / "cross_validation" / "human" / "test0" / "rnn" / "part1"
    path = part / "validation1.seed1" / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"training": {"parameters": 12}}))
    assert read_sizes([part]).to_dict("records") == [{"dataset": "human", "model": "rnn", "parameters": 12}]


def test_figure_of_the_sample():
    """The scores of the real sample that the docs show give the docs' numbers."""
    docs = Path(__file__).parents[3] / "docs"
    shown = pd.read_csv(docs / "figures" / "starrseq_sample.tsv", sep="\t")
    folds = shown[shown["kind"] == "fold"].assign(fold=lambda t: t["fold"].astype(int).astype(str), models=10)
    scores = folds[["model", "head", "fold", "models", "metric", "value"]]
    metrics = {"pearson": True}
    summary, tests = summary_table(scores, metrics), paired_tests(scores, metrics)
    labels = {"expression": "Dev_log2_enrichment", "expression_housekeeping": "Hk_log2_enrichment"}
    sizes = shown[shown["kind"] == "parameters"].rename(columns={"value": "parameters"}).astype({"parameters": int})
    benchmarks = benchmarks_of("starrseq", scores, summary, tests, labels)
    figure, table, caption = benchmarks_figure(benchmarks, sizes[["dataset", "model", "parameters"]])
    plt.close(figure)
    assert caption == json.loads((docs / "figures" / "starrseq_sample.json").read_text())["caption"]
    drawn = shown[shown["kind"] == "test"]
    np.testing.assert_allclose(table[table["kind"] == "test"]["p_holm"].astype(float), drawn["p_holm"])
    page = (docs / "methods" / "evaluation.md").read_text()
    for row in summary.itertuples():
        assert f"{row.mean:.3f} ({row.low:.3f} to {row.high:.3f})" in page

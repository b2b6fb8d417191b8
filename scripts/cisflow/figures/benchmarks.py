"""Figure of external benchmarks: cross-validated datasets side by side, paired tests, and the size of the models.

Inputs: scores per fold, their means and tests, parameters. Outputs: a figure, the numbers that it draws, its caption.
Source of the content: Rafi et al. 2024, figure 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from cisflow.figures.cross_validation import draw_folds, draw_tests, drawn_tests, name_models
from cisflow.figures.style import PALETTE, new_figure, short_number

#: Metrics that get a panel, with the label of its axis.
PANELS = {"pearson": "Pearson r on the test fold"}
#: Panels side by side.
MOST_COLUMNS = 3
#: Opacity of the bars of the first and the last dataset.
FIRST_SHADE, LAST_SHADE = 1.0, 0.4


@dataclass(frozen=True)
class Benchmark:
    """One panel: a metric of the models of a cross-validated dataset, for one of its measurements.

    Attributes
    ----------
    dataset : str
    metric : str
        As in the tables.
    label : str
        Of the axis.
    head, title : str
        Measurement as in the tables, and what stands above the panel.
    scores, summary, comparisons : DataFrame
        See :mod:`cisflow.evaluation.cross_validation`; rows of other metrics and measurements are left aside.
    """

    dataset: str
    metric: str
    label: str
    head: str
    title: str
    scores: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame

    def of_metric(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Scores, summary and tests of the metric and measurement."""
        tables = (self.scores, self.summary, self.comparisons)
        return tuple(t[(t["metric"] == self.metric) & (t["head"] == self.head)] for t in tables)


def benchmarks_of(
    dataset: str,
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    comparisons: pd.DataFrame,
    labels: Mapping[str, str] | None = None,
) -> list[Benchmark]:
    """Panels of a cross-validated dataset: the metrics of :data:`PANELS` that its tables have, by measurement.

    ``labels`` names the measurements (by head) where there are several.
    """
    heads = list(summary["head"].unique())
    found = []
    for head in heads:
        title = dataset if len(heads) == 1 else f"{dataset}, {(labels or {}).get(head, head)}"
        metrics = set(summary[summary["head"] == head]["metric"])
        found += [
            Benchmark(dataset, metric, label, head, title, scores, summary, comparisons)
            for metric, label in PANELS.items()
            if metric in metrics
        ]
    return found


def read_sizes(parts: Iterable[str | Path]) -> pd.DataFrame:
    """Parameters of the models of cross-validations.

    Parameters
    ----------
    parts : iterable of path
        Folders of trainings, ``cross_validation/{dataset}/test{fold}/{model}/part{n}``, one for each model.

    Returns
    -------
    DataFrame
        ``dataset, model, parameters``.
    """
    rows = []
    for part in map(Path, parts):
        manifest = min(part.glob("*/manifest.json"))
        parameters = json.loads(manifest.read_text(encoding="utf-8"))["training"]["parameters"]
        rows.append({"dataset": part.parts[-4], "model": part.parts[-2], "parameters": int(parameters)})
    return pd.DataFrame(rows)


def _draw_parameters(panel: Axes, sizes: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """Bars of the models, one per dataset, the number above each model's largest."""
    models, datasets = list(colours), sizes["dataset"].drop_duplicates().tolist()
    shades = np.linspace(FIRST_SHADE, LAST_SHADE, len(datasets)) if len(datasets) > 1 else [FIRST_SHADE]
    width = 0.8 / len(datasets)
    for i, dataset in enumerate(datasets):
        own = sizes[sizes["dataset"] == dataset]
        places = own["model"].map(models.index).to_numpy() - 0.4 + width * (i + 0.5)
        bars = {"color": [colours[model] for model in own["model"]], "alpha": shades[i]}
        panel.bar(places, own["parameters"], width=0.92 * width, linewidth=0, **bars)
    for place, model in enumerate(models):
        largest = sizes.loc[sizes["model"] == model, "parameters"].max()
        beside = {"ha": "center", "va": "bottom", "fontsize": 7, "textcoords": "offset points"}
        panel.annotate(f"{largest:,}", (place, largest), (0, 1), **beside)
    panel.set_ylim(top=1.08 * sizes["parameters"].max())
    panel.yaxis.set_major_formatter(FuncFormatter(short_number))
    name_models(panel, models)
    panel.set_xlim(-0.6, len(models) - 0.4)
    panel.set(ylabel="parameters", title="size of the models")


def benchmarks_figure(benchmarks: Sequence[Benchmark], sizes: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Draw all benchmarks side by side: folds, means with intervals, paired tests, and parameters.

    Parameters
    ----------
    benchmarks : sequence of Benchmark
    sizes : DataFrame
        ``dataset, model, parameters``.

    Returns
    -------
    figure, table, caption
        The table has ``dataset, head, metric, kind`` (fold, mean, test, parameters), ``model, other`` (the worse model
        of a test), ``fold, value, low, high, p_value, p_holm, p_corrected``.
    """
    order = list(dict.fromkeys(model for b in benchmarks for model in b.of_metric()[1]["model"]))
    colours = {model: PALETTE[i % len(PALETTE)] for i, model in enumerate(order)}
    n = len(benchmarks) + 1
    columns = min(n, MOST_COLUMNS)
    rows = -(-n // columns)
    width = max(2.6, 1.1 + 0.62 * len(order))
    figure, panels = new_figure(width * columns, 3.9 * rows, nrows=rows, ncols=columns, squeeze=False)
    parts, told = [], []
    for panel, benchmark in zip(panels.flat, benchmarks, strict=False):
        scores, summary, tests = benchmark.of_metric()
        models = summary["model"].tolist()
        draw_folds(panel, scores, summary, benchmark.label, colours)
        shown = drawn_tests(tests, models[0])
        draw_tests(panel, shown, models)
        panel.set_title(benchmark.title)
        head = {"dataset": benchmark.dataset, "head": benchmark.head, "metric": benchmark.metric}
        parts.append(scores[["model", "fold", "value"]].assign(kind="fold", **head))
        parts.append(
            summary[["model", "mean", "low", "high"]].rename(columns={"mean": "value"}).assign(kind="mean", **head)
        )
        renamed = shown.rename(columns={"better": "model", "worse": "other", "difference": "value"})
        parts.append(renamed.assign(kind="test", **head))
        best = summary.iloc[0]
        folds = int(best["folds"])
        told.append(f"{benchmark.title} ({folds} folds): {best['model']} {best['mean']:.3f} ({best['low']:.3f} to "
                    f"{best['high']:.3f})")  # fmt: skip
    _draw_parameters(panels.flat[len(benchmarks)], sizes, colours)
    for panel in list(panels.flat)[n:]:
        panel.set_axis_off()
    parts.append(sizes.rename(columns={"parameters": "value"}).assign(kind="parameters"))
    names = ["dataset", "head", "metric", "kind", "model", "other", "fold", "value", "low", "high", "p_value", "p_holm"]
    table = pd.concat([part.reindex(columns=[*names, "p_corrected"]) for part in parts if len(part)], ignore_index=True)
    several = sizes.groupby("dataset").ngroups > 1
    caption = (
        "Cross-validated benchmarks. Points: a test fold, predicted by the mean of models that never saw it; lines "
        "join a "
        "fold. Diamonds: mean over the folds with its 95 % interval (Student's t). Highest means: "
        + "; ".join(told)
        + ". "
        "Brackets: two-sided paired t-tests over the folds, p-values adjusted over all pairs of models of a benchmark "
        "(Holm); training sets of the folds overlap, so that they are too small (the table has corrected ones). Last "
        "panel: trained parameters"
        + (", one bar per dataset in the order of the panels, the number is the largest." if several else ".")
    )
    return figure, table, caption

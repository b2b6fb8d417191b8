"""Figure of a nested cross-validation: scores per test fold, and paired tests between models.

Inputs: scores per fold, their means and the tests. Outputs: a figure, the numbers that it draws, and its caption.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cisflow.figures.style import GREY, PALETTE, new_figure

LABELS = {"pearson": "Pearson r", "spearman": "Spearman rho"}
#: More tests than this are left to the table; the ones of the best model come first.
MOST_TESTS = 6
#: Names of models with more letters together touch each other under the narrowest panel.
MOST_LETTERS = 22


def _p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def name_models(panel: Axes, models: list[str]) -> None:
    """Write the names of the models under the panel, slanted where they are many or long."""
    crowded = len(models) > 3 or sum(map(len, models)) > MOST_LETTERS
    slanted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    panel.set_xticks(range(len(models)), models, **slanted)


def draw_folds(
    panel: Axes,
    scores: pd.DataFrame,
    summary: pd.DataFrame,
    ylabel: str,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Draw points and lines of the folds, and the mean of each model with its interval.

    Parameters
    ----------
    panel : Axes
    scores, summary : DataFrame
        See :func:`folds_figure`; of one head and metric. Models stand in the order of the summary.
    ylabel : str
    colours : mapping of str to colour, optional
        Of the models; by their order when None.
    """
    models = summary["model"].tolist()
    colours = colours or {model: PALETTE[place % len(PALETTE)] for place, model in enumerate(models)}
    wide = scores.pivot(index="fold", columns="model", values="value")[models]
    places = np.arange(len(models))
    panel.plot(places, wide.to_numpy().T, color=GREY, linewidth=0.8, alpha=0.5, zorder=1)
    for place, model in zip(places, models, strict=True):
        points = {"s": 20, "color": colours[model], "alpha": 0.75, "linewidth": 0}
        panel.scatter(np.full(len(wide), place), wide[model], zorder=2, **points)
    half = summary["high"] - summary["mean"]
    panel.errorbar(
        places + 0.16,
        summary["mean"],
        yerr=half,
        fmt="D",
        color="black",
        markersize=5,
        capsize=3,
        zorder=3,
        linewidth=1.2,
    )
    name_models(panel, models)
    panel.set_xlim(-0.5, len(models) - 0.5)
    panel.set(ylabel=ylabel)


def drawn_tests(tests: pd.DataFrame, best: str) -> pd.DataFrame:
    """Tests of a metric that are drawn: those of the best model first, :data:`MOST_TESTS` of them."""
    with_best = (tests["better"] == best) | (tests["worse"] == best)
    return pd.concat([tests[with_best], tests[~with_best]])[:MOST_TESTS]


def draw_tests(panel: Axes, tests: pd.DataFrame, models: list[str]) -> None:
    """Draw brackets between models, with the adjusted p-value of their difference, above the points.

    Parameters
    ----------
    panel : Axes
        Its limits are those of the points.
    tests : DataFrame
        ``better, worse, p_holm``, see :func:`drawn_tests`.
    models : list of str
        In the order of the drawing.
    """
    low, high = panel.get_ylim()
    panel.set_yticks([tick for tick in panel.get_yticks() if low <= tick <= high])  # none beside the brackets
    step = 0.11 * (high - low)
    for level, test in enumerate(tests.itertuples()):
        left, right = sorted((models.index(test.better), models.index(test.worse)))
        height = high + step * (level + 0.3)
        panel.plot(
            [left, left, right, right], [height - 0.2 * step, height, height, height - 0.2 * step], "k", linewidth=0.9
        )
        panel.annotate(_p_text(test.p_holm), ((left + right) / 2, height), (0, 1), textcoords="offset points",
                       ha="center", va="bottom", fontsize=8)  # fmt: skip
    panel.set_ylim(low, high + step * (len(tests) + 0.6))


def _best_sentence(summary: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """The model with the highest mean Pearson r, for each measurement."""
    parts = []
    for head in summary["head"].unique():
        best = summary[(summary["metric"] == "pearson") & (summary["head"] == head)].iloc[0]
        named = f"{labels.get(head, head)}: " if summary["head"].nunique() > 1 else ""
        parts.append(f"{named}{best['model']}, {best['mean']:.3f} ({best['low']:.3f} to {best['high']:.3f})")
    return "Highest mean Pearson r: " + "; ".join(parts) + ". "


def folds_figure(
    scores: pd.DataFrame, summary: pd.DataFrame, comparisons: pd.DataFrame, labels: Mapping[str, str] | None = None
) -> tuple[Figure, pd.DataFrame, str]:
    """Draw the scores of all models on every test fold, a row of panels for each measurement.

    Parameters
    ----------
    scores : DataFrame
        See :func:`cisflow.evaluation.cross_validation.fold_scores`.
    summary : DataFrame
        See :func:`cisflow.evaluation.cross_validation.summary_table`.
    comparisons : DataFrame
        See :func:`cisflow.evaluation.cross_validation.paired_tests`.
    labels : mapping of str to str, optional
        Names of the measurements for the titles of the panels, by head.

    Returns
    -------
    figure, table, caption
        The table has ``head, metric, model, kind`` (fold, mean), ``fold, value, low, high``.
    """
    labels, heads = labels or {}, scores["head"].unique().tolist()
    n_models = scores["model"].nunique()
    colours = {model: PALETTE[i % len(PALETTE)] for i, model in enumerate(summary["model"].unique())}
    size = max(6.4, 2.6 + 1.7 * n_models), 3.9 * len(heads)
    figure, rows = new_figure(*size, nrows=len(heads), ncols=len(LABELS), squeeze=False)
    parts = []
    for head, metric, panel in zip(np.repeat(heads, len(LABELS)), [*LABELS] * len(heads), rows.flat, strict=True):
        own, means, tests = (
            table[(table["head"] == head) & (table["metric"] == metric)] for table in (scores, summary, comparisons)
        )
        draw_folds(panel, own, means, f"{LABELS[metric]} on the test fold", colours)
        if len(heads) > 1:
            panel.set_title(labels.get(head, head))
        models = means["model"].tolist()
        draw_tests(panel, drawn_tests(tests, models[0]), models)
        parts.append(own[["head", "metric", "model", "fold", "value"]].assign(kind="fold"))
        means = means[["head", "metric", "model", "mean", "low", "high"]]
        parts.append(means.rename(columns={"mean": "value"}).assign(kind="mean"))
    folds = int(summary["folds"].iloc[0])
    averaged = " or ".join(map(str, sorted(scores["models"].unique())))
    more = n_models * (n_models - 1) // 2 > MOST_TESTS
    caption = (
        f"Each point is one of {folds} test folds, predicted by the mean of {averaged} models that never saw it; "
        "lines join the same fold. Diamonds: mean over the folds with its 95 % interval (Student's t). "
        + _best_sentence(summary, labels)
        + "Brackets: two-sided paired t-tests over the folds, p-values adjusted over all pairs of models (Holm)"
        + (f"; the first {MOST_TESTS} pairs are drawn" if more else "")
        + ". Training sets of the folds overlap, so that these p-values are too small; comparisons.tsv has corrected "
        "ones."
    )
    table = pd.concat(parts, ignore_index=True)[["head", "metric", "model", "kind", "fold", "value", "low", "high"]]
    return figure, table, caption

"""Figure of the models stage: the course of training.

Inputs: histories of bundles (``history.tsv``). Outputs: training loss and validation metric against optimiser steps.
Both arms use it; what loss and metric are is said by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure

SEED_STYLES = ("-", "--", ":", "-.")
#: More models than this: colours along a map, legend beside the panels, and no number of each in the caption.
MOST_TOLD, ROWS_OF_LEGEND = 12, 24
BASELINE_STYLES = ((0, (1, 1)), (0, (4, 2)), (0, (6, 2, 1, 2)))


def _table(histories: Mapping[tuple[str, int], pd.DataFrame]) -> pd.DataFrame:
    parts = []
    for (model, seed), history in histories.items():
        part = history.assign(model=model, seed=seed)
        part["is_best"] = np.arange(len(part)) == part["selection"].fillna(-np.inf).argmax()
        columns = ["model", "seed", "step", "epoch", "learning_rate", "training_loss", "selection", "is_best"]
        parts.append(part.reindex(columns=columns))
    return pd.concat(parts, ignore_index=True)


def _ordered_colours(table: pd.DataFrame) -> tuple[list[str], dict[str, object]]:
    """Models and their colours: as given, or where they are many, best first along a colour map."""
    models = table["model"].drop_duplicates().tolist()
    if len(models) <= MOST_TOLD:
        return models, {model: PALETTE[i % len(PALETTE)] for i, model in enumerate(models)}
    best = table[table["is_best"]].groupby("model")["selection"].mean().reindex(models)
    models = best.sort_values(ascending=False, kind="stable").index.tolist()
    return models, dict(zip(models, matplotlib.colormaps["viridis"](np.linspace(0, 0.95, len(models))), strict=True))


def _sentence(table: pd.DataFrame, metric: str) -> str:
    best = table[table["is_best"]]
    if best["model"].nunique() > MOST_TOLD:
        means = best.groupby("model")["selection"].mean().sort_values(ascending=False, kind="stable")
        ends = ", ".join(f"{model} {value:.3f}" for model, value in means.head(3).items())
        return f"Best {metric} of {len(means)} models: {ends} to {means.index[-1]} {means.iloc[-1]:.3f}."
    shown = []
    for model, rows in best.groupby("model", sort=False):
        values = rows["selection"]
        spread = f" (range {values.min():.3f} to {values.max():.3f})" if len(values) > 1 else ""
        shown.append(f"{model} {values.mean():.3f}{spread}")
    return f"Best {metric}: " + ", ".join(shown) + "."


def plot_learning_curves(
    histories: Mapping[tuple[str, int | str], pd.DataFrame],
    svg: str | Path,
    *,
    name: str,
    loss: str = "training loss",
    metric: str = "validation Pearson r",
    lines: str = "seeds",
) -> None:
    """Draw training loss and validation metric of all models of a dataset or map.

    Parameters
    ----------
    histories : mapping of (model, seed or fold) to DataFrame
        Columns ``step``, ``training_loss`` and ``selection``. A model without ``step`` was fitted in one go: its best
        validation metric is drawn as a level line.
    svg : path
        Name of the drawing; PNG, TSV and JSON lie beside it.
    name : str
        Dataset or map, for the title.
    loss, metric : str
        Axis labels, with units where there are any.
    lines : str
        What the lines of one model are, e.g. ``"folds"``.
    """
    table = _table(histories)
    models, colours = _ordered_colours(table)
    trained = [model for model in models if table.loc[table["model"] == model, "step"].notna().any()]
    fitted = [model for model in models if model not in trained]
    many = len(models) > MOST_TOLD
    figure, (left, right) = new_figure(*((11.5, 4.6) if many else (7.6, 3.4)), ncols=2)
    for (model, seed), rows in table[table["step"].notna()].groupby(["model", "seed"], sort=False):
        nth = sorted(s for m, s in histories if m == model).index(seed)
        style = {"color": colours[model], "linestyle": SEED_STYLES[nth % len(SEED_STYLES)], "linewidth": 1.3}
        if len(rows) == 1:
            style["marker"] = "."
        left.plot(rows["step"], rows["training_loss"], **style)
        right.plot(rows["step"], rows["selection"], **style)
        best = rows[rows["is_best"]]
        circle = {"color": colours[model], "markeredgecolor": "white", "markersize": 4 if many else 6}
        right.plot(best["step"], best["selection"], "o", zorder=3, **circle)
    for i, model in enumerate(fitted):
        level = table.loc[(table["model"] == model) & table["is_best"], "selection"].mean()
        right.axhline(level, color=colours[model], linestyle=BASELINE_STYLES[i % len(BASELINE_STYLES)], linewidth=1.3)
    left.set(xlabel="optimiser steps", ylabel=loss.replace(" (", "\n("), title="training")
    right.set(xlabel="optimiser steps", ylabel=metric, title="validation")
    for axes in (left, right):
        axes.margins(x=0.02)
        axes.ticklabel_format(axis="x", style="plain")
    if not trained:
        left.text(0.5, 0.5, "no model was trained in steps", transform=left.transAxes, ha="center", color=GREY)
        left.set(xticks=[], yticks=[])
        right.set(xticks=[])
    handles = [Line2D([], [], color=colours[model], label=model) for model in trained]
    handles += [
        Line2D([], [], color=colours[model], linestyle=BASELINE_STYLES[i % len(BASELINE_STYLES)], label=model)
        for i, model in enumerate(fitted)
    ]
    if trained:
        handles.append(
            Line2D([], [], color=GREY, marker="o", markeredgecolor="white", linestyle="none", label="kept network")
        )
    if many:
        columns = -(-len(handles) // ROWS_OF_LEGEND)
        figure.legend(handles=handles, loc="outside right center", ncols=columns, fontsize=7, handlelength=1.2)
    else:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5))
    caption = (
        f"{_sentence(table, metric)} Left: {loss}, mean over the steps since the validation before. Right: {metric} "
        "after each epoch; the circle is the network that was kept. "
    )
    if table.groupby("model")["seed"].nunique().reindex(trained).max() > 1:
        caption += f"Line styles are {lines} of one model. "
    if many:
        caption += "Models stand in the order of their best metric, and so do the colours. "
    if fitted:
        caption += "Level lines are models that are fitted in one go. "
    caption += (
        "Good training falls on the left and rises to a plateau on the right; a right-hand curve that still climbs at "
        "the end asks for more epochs, one that falls while the left falls on means overfitting (the circle is then "
        "early)."
    )
    save_figure(figure, table, svg, f"Learning curves: {name}", caption)

"""Figures of contact models: predicted maps beside the observed one, and scores over windows.

Inputs: predictions (:class:`cisflow.evaluation.contact_predictions.PredictedMaps`), score tables.
Outputs: figures with table and caption.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from cisflow.contacts.agreement import score_windows
from cisflow.evaluation.contact_predictions import PredictedMaps
from cisflow.figures.style import CONTACT_CMAP, GREY, PALETTE, new_figure, save_figure

RANKING_METRIC = "pearson_distance_subtracted"
METRIC_LABELS = {
    "pearson": "all entries",
    RANKING_METRIC: "mean per distance subtracted",
}
PANEL = 2.35  # inches
Predictions = Mapping[str, PredictedMaps]


def chosen_windows(scores: pd.DataFrame) -> dict[str, int]:
    """Rows of the windows with the best, the median and the worst score; fewer names when there are fewer windows.

    The score is the correlation after subtracting the mean per distance; where it is undefined, the plain one.
    """
    score = scores[RANKING_METRIC]
    ranked = (score if score.notna().any() else scores["pearson"]).dropna().sort_values(kind="stable")
    if not len(ranked):
        return {"first": 0}
    picked = {"best": ranked.index[-1], "median": ranked.index[len(ranked) // 2], "worst": ranked.index[0]}
    return {name: int(row) for k, (name, row) in enumerate(picked.items()) if row not in list(picked.values())[:k]}


def plot_predicted_maps(predictions: Predictions, map_name: str, svg: str | Path) -> None:
    """Draw observed and predicted maps of the best, the median and the worst test window of the first model.

    Parameters
    ----------
    predictions : mapping of str to mapping
        By model, in the order of the rows; replicates are averaged.
    map_name : str
    svg : path
    """
    first = next(iter(predictions))
    found = predictions[first]
    finest = int(np.argmin(found.levels))
    mean = {model: one.mean()[:, finest] for model, one in predictions.items()}
    observed, bin_size = found.scored(finest), int(found.bin_size[finest])
    scores = {model: score_windows(predicted, observed) for model, predicted in mean.items()}
    chosen = chosen_windows(scores[first])
    low, high = np.nanpercentile(observed[list(chosen.values())], [1, 99])
    rows = {"observed": observed, **mean}
    figure, axes = new_figure(
        PANEL * len(chosen) + 1.2,
        PANEL * len(rows) + 0.5,
        nrows=len(rows),
        ncols=len(chosen),
        squeeze=False,
        sharex="col",
        sharey="col",
    )
    bins = observed.shape[-1]
    for column, (rank, window) in enumerate(chosen.items()):
        chromosome, start = str(found.chromosome[window]), int(found.start[window, finest])
        left, right = start / 1e6, (start + bins * bin_size) / 1e6
        for row, (name, maps) in enumerate(rows.items()):
            axis = axes[row, column]
            image = axis.imshow(
                np.ma.masked_invalid(maps[window]),
                cmap=CONTACT_CMAP,
                vmin=low,
                vmax=high,
                extent=(left, right, right, left),
                interpolation="nearest",
            )
            axis.xaxis.set_major_locator(MaxNLocator(3))
            axis.yaxis.set_major_locator(MaxNLocator(3))
            if row == 0:
                axis.set_title(f"{rank} window, {chromosome}")
            else:
                axis.set_title(_agreement(scores[name].iloc[window]), fontsize=8)
            if column == 0:
                axis.set_ylabel(f"{name}\nposition (Mb)")
            if row == len(rows) - 1:
                axis.set_xlabel(f"{chromosome} position (Mb)")
    bar = figure.colorbar(image, ax=axes, shrink=0.5, aspect=30, extend="both")
    bar.set_label("ln(observed / expected contacts)")
    centre = scores[first].iloc[chosen.get("median", next(iter(chosen.values())))]
    caption = (
        f"Map {map_name}: observed contacts of test windows of {bins * bin_size / 1e3:,.0f} kb (first row) and what "
        f"each model predicts from the sequence alone (rows below). Of {len(observed)} windows on held-out "
        f"chromosomes these are the best, the median and the worst by the correlation of {first} after subtracting "
        f"the mean per distance ({_range(scores[first])}). Titles: Pearson correlation with the observed map, plain "
        f"and after that subtraction. Both strands are averaged; one colour scale (1st to 99th percentile of the "
        f"observed windows shown); grey: not measured. A good model shows the blocks and corners of the observed map "
        f"at the same places (median window: {_agreement(centre)}); a model of distance alone cannot show any."
    )
    save_figure(figure, _map_table(rows, chosen, found, finest), svg, f"Predicted contact maps, {map_name}", caption)


def _agreement(scores: pd.Series) -> str:
    adjusted = scores[RANKING_METRIC]
    plain = f"r {scores['pearson']:.2f}"
    return f"{plain}, distance removed {adjusted:.2f}" if np.isfinite(adjusted) else plain


def _range(scores: pd.DataFrame) -> str:
    values = scores[RANKING_METRIC].dropna()
    if not len(values):
        return "undefined"
    return f"{values.max():.2f}, {values.median():.2f} and {values.min():.2f}"


def _map_table(
    rows: Mapping[str, np.ndarray], chosen: Mapping[str, int], found: PredictedMaps, level: int
) -> pd.DataFrame:
    """Upper triangles of the maps drawn, one row per pair of bins."""
    bin_size = int(found.bin_size[level])
    i, j = np.triu_indices(found.bins)
    tables = []
    for rank, window in chosen.items():
        start = int(found.start[window, level])
        table = pd.DataFrame(
            {
                "window": rank,
                "chromosome": str(found.chromosome[window]),
                "start1": start + i * bin_size,
                "start2": start + j * bin_size,
            }
        )
        tables.append(table.assign(**{name: np.round(maps[window][i, j], 4) for name, maps in rows.items()}))
    return pd.concat(tables, ignore_index=True)


def plot_contact_scores(scores: pd.DataFrame, summary: pd.DataFrame, map_name: str, svg: str | Path) -> None:
    """Draw the correlation of each test window for every model, plain and with the mean per distance subtracted.

    Parameters
    ----------
    scores, summary : DataFrame
        See :mod:`cisflow.evaluation.contacts`.
    map_name : str
    svg : path
    """
    models = list(dict.fromkeys(summary["model"]))
    finest = summary["level"].min()
    scores, summary = scores[scores["level"] == finest], summary[summary["level"] == finest]
    drawn = scores[(scores["seed"].astype(str) == "mean") & scores["metric"].isin(METRIC_LABELS)]
    figure, axes = new_figure(1.6 + 1.5 * len(models) * 2, 3.6, ncols=2, sharey=True)
    rng = np.random.Generator(np.random.PCG64(0))  # horizontal scatter only
    for axis, (metric, label) in zip(axes, METRIC_LABELS.items(), strict=True):
        axis.axhline(0, color=GREY, linewidth=0.8)
        for k, model in enumerate(models):
            values = drawn[(drawn["model"] == model) & (drawn["metric"] == metric)]["value"].dropna().to_numpy()
            row = summary[(summary["model"] == model) & (summary["metric"] == metric)].iloc[0]
            colour = PALETTE[k % len(PALETTE)]
            if not len(values):
                axis.text(k, 0.02, "undefined:\nno variation\nat a distance", ha="center", va="bottom", fontsize=7)
                continue
            axis.scatter(k + rng.uniform(-0.28, 0.02, len(values)), values, s=14, color=colour, alpha=0.55, linewidth=0)
            axis.errorbar(
                k + 0.2,
                row["value"],
                yerr=[[row["value"] - row["low"]], [row["high"] - row["value"]]],
                fmt="o",
                color="black",
                markersize=5,
                capsize=3,
            )
            axis.annotate(
                f"{row['value']:.2f}", (k + 0.2, row["value"]), (7, 0), textcoords="offset points", va="center"
            )
        axis.set_xticks(range(len(models)), models)
        axis.set_xlim(-0.6, len(models) - 0.3)
        axis.set_title(label)
    axes[0].set_ylabel("Pearson correlation with the observed map")
    save_figure(
        figure,
        drawn.reset_index(drop=True),
        svg,
        f"Contact scores, {map_name}",
        _score_caption(models, drawn, summary, map_name),
    )


def _score_caption(models: list[str], drawn: pd.DataFrame, summary: pd.DataFrame, map_name: str) -> str:
    parts = []
    for model in models:
        rows = summary[summary["model"] == model].set_index("metric")
        numbers = [
            f"{rows.loc[metric, 'value']:.3f} ({rows.loc[metric, 'low']:.3f} to {rows.loc[metric, 'high']:.3f})"
            if np.isfinite(rows.loc[metric, "value"])
            else "undefined"
            for metric in METRIC_LABELS
        ]
        parts.append(f"{model} {numbers[0]}, with the mean per distance subtracted {numbers[1]}")
    n_windows = drawn[["chromosome", "start"]].drop_duplicates().shape[0]
    return (
        f"Map {map_name}: agreement of predicted and observed contacts, ln(observed / expected), on {n_windows} "
        f"windows of the held-out chromosomes; one coloured dot per window, black: mean over windows with its 95% "
        f"bootstrap interval (too narrow where windows overlap). Left: all entries. Right: after subtracting the mean "
        f"of each diagonal, which removes all that distance alone explains; a model of distance alone has nothing left "
        f"there. Means: {'; '.join(parts)}. 1 is perfect, 0 is chance; a sequence model is of use when it stands "
        f"clearly above 0 on the right."
    )

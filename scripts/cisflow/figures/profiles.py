"""Figures of profile models: profiles of example regions, counts, and scores over the chromosome folds.

Inputs: score tables of :mod:`cisflow.evaluation.profile_tables`, predictions of the test peaks, observed counts.
Outputs: figures, the numbers that they draw, and their captions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cisflow.evaluation.intervals import with_interval
from cisflow.evaluation.profile_tables import BASELINE, BIAS, MODEL, observed_counts, read_fold
from cisflow.figures.cross_validation import draw_tests, drawn_tests, name_models
from cisflow.figures.style import GREY, PALETTE, draw_density, new_figure

MOST_POINTS = 1500  # more than these are drawn as density
MOST_COLUMNS = 4
LABELS = {"count_pearson": "Pearson r of ln(1 + count)", "profile_similarity": "1 - median Jensen-Shannon distance"}
BASELINE_NAMES = {
    "shuffled": "own counts shuffled",
    "mean_profile": "mean training profile",
    "bias": "bias model alone",
}
BASELINE_STYLES = {"shuffled": ":", "mean_profile": "--", "bias": "-."}
Drawn = tuple[Figure, pd.DataFrame, str]


def _networks(summary: pd.DataFrame) -> list[str]:
    """Names of the trained networks, best first."""
    return list(dict.fromkeys(summary.loc[summary["kind"] == MODEL, "model"]))


def chosen_regions(regions: pd.DataFrame, model: str) -> dict[str, pd.Series]:
    """Rows of the best, the median and the worst test region of a model by its Jensen-Shannon distance."""
    own = regions[(regions["model"] == model) & regions["jensen_shannon"].notna()]
    own = own.sort_values("jensen_shannon", kind="stable", ignore_index=True)
    places = {"best": 0, "median": len(own) // 2, "worst": len(own) - 1}
    return {
        name: own.iloc[place]
        for k, (name, place) in enumerate(places.items())
        if place not in list(places.values())[:k]
    }


def example_profiles_figure(
    regions: pd.DataFrame,
    summary: pd.DataFrame,
    paths: Mapping[str, Mapping[str, str | Path]],
    counts: str | Path,
    assay: str,
) -> Drawn:
    """Draw observed and predicted cuts of the best, the median and the worst test region of the first model.

    Parameters
    ----------
    regions, summary : DataFrame
        See :func:`cisflow.evaluation.profile_tables.assay_tables`.
    paths : mapping of str to mapping of str to path
        Predictions by fold and model.
    counts : path
        ``counts.npy`` of the assay.
    assay : str

    Returns
    -------
    figure, table, caption
        The table has ``region, chromosome, offset`` (bp from the summit), ``observed``, ``{model}`` (expected cuts) and
        ``{model}.bias`` (the bias model's profile with the same total).
    """
    names = _networks(summary)[:MOST_COLUMNS]
    bias = next(iter(summary.loc[summary["kind"] == BIAS, "model"]))
    chosen = chosen_regions(regions, names[0])
    figure, axes = new_figure(
        1.0 + 3.1 * len(names),
        0.9 + 1.75 * len(chosen),
        nrows=len(chosen),
        ncols=len(names),
        squeeze=False,
        sharey="row",
    )
    distances = regions.set_index(["model", "fold", "region"])["jensen_shannon"]
    folds = {str(row["fold"]): None for row in chosen.values()}
    found = {fold: {name: read_fold(paths[fold][name]) for name in (*names, bias)} for fold in folds}
    tables = []
    for i, (rank, row) in enumerate(chosen.items()):
        predictions = found[str(row["fold"])]
        place = int(np.flatnonzero(predictions[bias]["rows"] == row["region"])[0])
        length = predictions[bias]["probabilities"].shape[1]
        observed = observed_counts(counts, np.array([row["region"]]), length)[0]
        offset = np.arange(length) - length // 2
        table = pd.DataFrame({"region": rank, "chromosome": row["chromosome"], "position": row["position"] + offset})
        table = table.assign(offset=offset, observed=observed)
        for j, name in enumerate(names):
            axis, own = axes[i, j], predictions[name]
            total = np.expm1(own["log_counts"][:, place].mean(dtype=np.float64))
            expected = own["probabilities"][place] * total
            alone = predictions[bias]["probabilities"][place] * total
            table[name], table[f"{name}.bias"] = np.round(expected, 4), np.round(alone, 4)
            axis.fill_between(offset, observed, step="mid", color="#C8C8C8", linewidth=0)
            axis.plot(offset, alone, color="black", linewidth=0.6, linestyle=(0, (3, 1.5)), alpha=0.75)
            axis.plot(offset, expected, color=PALETTE[j], linewidth=1.0)
            axis.margins(x=0)
            distance = distances.loc[(name, row["fold"], row["region"])]
            axis.set_title(f"{name}, distance {distance:.2f}" if i else f"{name}\ndistance {distance:.2f}", fontsize=8)
            if i == len(chosen) - 1:
                axis.set_xlabel("bp from the summit")
            if j == 0:
                axis.set_ylabel(f"{rank} region\ncuts per base")
        tables.append(table)
    handles = [Patch(color="#C8C8C8", label="observed")]
    handles += [Line2D([], [], color=PALETTE[j], label=f"{name}, expected") for j, name in enumerate(names)]
    handles.append(
        Line2D([], [], color="black", linestyle=(0, (3, 1.5)), linewidth=0.8, label="bias model alone, same total")
    )
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), fontsize=8)
    n = int((regions["model"] == names[0]).sum())
    values = ", ".join(
        f"{rank} {row['jensen_shannon']:.2f} ({row['chromosome']}:{row['position']:,})" for rank, row in chosen.items()
    )
    caption = (
        f"Assay {assay}: observed cuts (grey) and what the models expect from sequence alone (lines: predicted profile "
        f"times predicted count), for the best, the median and the worst of {n:,} test peaks by the Jensen-Shannon "
        f"distance of {names[0]} between observed and predicted profile ({values}; 0 is perfect, 0.83 the largest). "
        "Dashed: the profile of the bias model alone, scaled to the same total: what the enzyme would do on closed "
        "chromatin. A good model follows the observed outline where the bias alone does not."
    )
    return figure, pd.concat(tables, ignore_index=True), caption


def profile_counts_figure(regions: pd.DataFrame, scores: pd.DataFrame, summary: pd.DataFrame, assay: str) -> Drawn:
    """Draw predicted against observed counts of all test peaks, one panel per model.

    Parameters
    ----------
    regions, scores, summary : DataFrame
        See :func:`cisflow.evaluation.profile_tables.assay_tables`.
    assay : str

    Returns
    -------
    figure, table, caption
        The table has ``model, fold, chromosome, position, observed, predicted`` (ln(1 + count)).
    """
    names = [*_networks(summary), *summary.loc[summary["kind"] == BIAS, "model"].unique()]
    drawn = regions[regions["model"].isin(names)]
    columns = min(len(names), MOST_COLUMNS)
    n_rows = -(-len(names) // columns)
    figure, axes = new_figure(0.6 + 2.7 * columns, 0.4 + 2.7 * n_rows, nrows=n_rows, ncols=columns, squeeze=False)
    low = float(min(drawn["observed"].min(), drawn["predicted"].min()))
    high = float(max(drawn["observed"].max(), drawn["predicted"].max()))
    pad = 0.04 * (high - low)
    means = summary[summary["metric"] == "count_pearson"].set_index("model")["mean"]
    for k, (axis, name) in enumerate(zip(axes.flat, names, strict=False)):
        own = drawn[drawn["model"] == name]
        axis.plot([low, high], [low, high], color=GREY, linewidth=0.8, zorder=0)
        if len(own) > MOST_POINTS:
            draw_density(axis, own["observed"].to_numpy(), own["predicted"].to_numpy())
        else:
            colour = "black" if name not in _networks(summary) else PALETTE[k % len(PALETTE)]
            axis.scatter(own["observed"], own["predicted"], s=9, alpha=0.55, color=colour, linewidth=0)
        axis.set(xlim=(low - pad, high + pad), ylim=(low - pad, high + pad), aspect="equal")
        axis.set_title(f"{BASELINE_NAMES.get(name, name)}\nr = {means[name]:.2f}", fontsize=9)
        axis.set_xlabel("observed ln(1 + count)")
        axis.set_ylabel("predicted ln(1 + count)" if k % columns == 0 else "")
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    folds = scores["fold"].nunique()
    text = ", ".join(f"{BASELINE_NAMES.get(name, name)} {means[name]:.3f}" for name in names)
    over = f"mean over {folds} folds" if folds > 1 else "test chromosomes"
    caption = (
        f"Assay {assay}: total cuts of {len(drawn) // len(names):,} test peaks, predicted by models that did not see "
        f"their chromosome, against the observed ones. Pearson r ({over}): {text}. Grey: equality. The bias model was "
        "trained on regions without peak and knows nothing of open chromatin; a network is of use when it stands "
        "clearly above it."
    )
    table = drawn[["model", "fold", "chromosome", "position", "observed", "predicted"]].reset_index(drop=True)
    return figure, table, caption


def _draw_scores(panel: Axes, scores: pd.DataFrame, summary: pd.DataFrame, models: list[str]) -> None:
    """Folds with their bootstrap intervals, joined over the models, and means with intervals."""
    folds = list(dict.fromkeys(scores["fold"]))
    shifts = np.linspace(-0.2, 0.1, len(folds)) if len(folds) > 1 else np.zeros(1)
    own = scores.set_index(["fold", "model"])
    for fold, shift in zip(folds, shifts, strict=True):
        rows = own.loc[fold].loc[models]
        places = np.arange(len(models)) + shift
        panel.plot(places, rows["value"], color=GREY, linewidth=0.7, alpha=0.45, zorder=1)
        for place, (_, row), k in zip(places, rows.iterrows(), range(len(models)), strict=True):
            bars = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
            colour = PALETTE[k % len(PALETTE)]
            panel.errorbar(
                place, row["value"], yerr=bars, fmt="o", color=colour, markersize=3.5, linewidth=0.8, zorder=2
            )
    if len(folds) > 1:
        means = summary.set_index("model").loc[models]
        bars = [means["mean"] - means["low"], means["high"] - means["mean"]]
        places = np.arange(len(models)) + 0.25
        panel.errorbar(
            places, means["mean"], yerr=bars, fmt="D", color="black", markersize=4.5, capsize=3, linewidth=1.2
        )
    name_models(panel, models)
    panel.set_xlim(-0.5, len(models) - 0.4)


def profile_scores_figure(scores: pd.DataFrame, summary: pd.DataFrame, comparisons: pd.DataFrame, assay: str) -> Drawn:
    """Draw the scores of all models on every fold, beside the bias model and the baselines.

    Parameters
    ----------
    scores, summary, comparisons : DataFrame
        See :func:`cisflow.evaluation.profile_tables.assay_tables`.
    assay : str

    Returns
    -------
    figure, table, caption
        The table has ``metric, model, kind, fold`` (empty: mean over the folds), ``value, low, high``.
    """
    models = _networks(summary)
    figure, panels = new_figure(max(6.8, 3.0 + 1.7 * len(models)), 4.0, ncols=len(LABELS))
    means = summary[summary["metric"].isin(list(LABELS))]
    levels: dict[str, Line2D] = {}
    for panel, (metric, label) in zip(panels, LABELS.items(), strict=True):
        own = scores[(scores["metric"] == metric) & (scores["kind"] == MODEL)]
        _draw_scores(panel, own, means[means["metric"] == metric], models)
        others = means[(means["metric"] == metric) & (means["kind"] != MODEL)]
        for name, value in zip(others["model"], others["mean"], strict=True):
            style = {"color": "black", "linestyle": BASELINE_STYLES.get(name, "-."), "linewidth": 1.0}
            panel.axhline(value, zorder=0, **style)
            levels[name] = Line2D([], [], label=BASELINE_NAMES.get(name, name), **style)
        panel.set_ylabel(label)
        panel.margins(y=0.08)
        tests = comparisons[comparisons["metric"] == metric] if len(comparisons) else comparisons
        if len(tests):
            draw_tests(panel, drawn_tests(tests, models[0]), models)
    figure.legend(handles=list(levels.values()), loc="outside lower center", ncols=len(levels), fontsize=8)
    columns = ["metric", "model", "kind", "fold", "value", "low", "high"]
    parts = [scores[scores["metric"].isin(list(LABELS))][columns]]
    if summary["folds"].max() > 1:
        parts.append(means.rename(columns={"mean": "value"}).assign(fold="")[columns])
    return figure, pd.concat(parts, ignore_index=True), _scores_caption(scores, summary, models, assay)


def _scores_caption(scores: pd.DataFrame, summary: pd.DataFrame, models: list[str], assay: str) -> str:
    values = summary.set_index(["model", "metric"])

    def said(name: str, metric: str) -> str:
        row = values.loc[(name, metric)]
        return f"{BASELINE_NAMES.get(name, name)} {with_interval(row['mean'], row['low'], row['high'])}"

    def listed(metric: str, wanted: Callable[[str], bool]) -> str:
        names = list(dict.fromkeys(summary.loc[summary["kind"].map(wanted) & (summary["metric"] == metric), "model"]))
        return "; ".join(said(name, metric) for name in names)

    folds = int(summary["folds"].max())
    several = (
        f"Each point is one of {folds} folds with its 95 % bootstrap interval over test peaks; lines join a fold. "
        "Diamonds: mean over the folds with its 95 % interval (Student's t). Brackets: two-sided paired t-tests over "
        "the folds, adjusted over all pairs (Holm); training sets overlap, so that these p-values are too small; "
        "comparisons.tsv has corrected ones. "
    )
    once = "Points: the test chromosomes, with the 95 % bootstrap interval over test peaks. "
    lowest = listed("profile_similarity", lambda kind: kind in (BASELINE, BIAS))
    return (
        f"Assay {assay}: how well models predict the counts (left) and the profiles (right) of peaks on chromosomes "
        f"that they did not see. {several if folds > 1 else once}"
        f"Counts: {listed('count_pearson', lambda kind: kind == MODEL)}. "
        f"Profiles: {listed('profile_similarity', lambda kind: kind == MODEL)}. Level lines, profiles: {lowest}. "
        "Higher is better on both sides. Even the true rates would not reach 1 on the right, because few cuts fall on "
        "each base."
    )

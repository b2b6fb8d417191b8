"""Figures of the diagnosis of a contact model: ceiling, noise by distance, targets, learning.

Inputs: tables of ``diagnosis/{map}/{model}.*`` and scores. Outputs: figures with table and caption.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from cisflow.evaluation.intervals import with_interval
from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure, short_number

METRICS = {"pearson": "all entries", "pearson_distance_subtracted": "mean per distance subtracted"}
ROLE_COLOURS = {"training": PALETTE[0], "validation": PALETTE[1], "test": PALETTE[2]}
CEILING_COLOUR = PALETTE[2]
#: Level lines nearer than this (in correlation) have one place for their names.
SIDE_BY_SIDE = 0.06


def ceiling_rows(ceiling: pd.DataFrame, scores: pd.DataFrame, split: str = "test") -> pd.DataFrame:
    """Rows of the figure of the ceiling: ``metric, what, kind, value, low, high``, ceilings first, then models."""
    found = ceiling[(ceiling["split"] == split) & ceiling["metric"].isin(METRICS)]
    found = found[found["level"] == found["level"].min()]
    rows = []
    for row in found.itertuples():
        halves = row.source == "halves"
        name = "perfect model" if halves else f"perfect model, by {row.source}"
        rows.append([row.metric, name, "ceiling", row.ceiling, row.low, row.high])
        if halves:
            rows.append([row.metric, "two halves of the map", "parts", row.between, np.nan, np.nan])
            rows.append([row.metric, "perfect model, Spearman-Brown", "parts", row.spearman_brown, np.nan, np.nan])
    scored = scores[scores["metric"].isin(METRICS)]
    if "level" in scored and len(scored):
        scored = scored[scored["level"] == scored["level"].min()]
    rows += [[r.metric, r.model, "model", r.value, r.low, r.high] for r in scored.itertuples()]
    return pd.DataFrame(rows, columns=["metric", "what", "kind", "value", "low", "high"])


def draw_bounds(axis: Axes, bounds: Mapping[str, float]) -> None:
    """Draw level lines, the ceiling in its colour, each with its name; those of lines side by side share a place.

    Parameters
    ----------
    axis : Axes
    bounds : mapping of float by name
        Pearson correlations.
    """
    places: list[tuple[float, list[str]]] = []
    for name, value in sorted(bounds.items(), key=lambda bound: bound[1]):
        axis.axhline(value, color=CEILING_COLOUR if name == "ceiling" else GREY, linestyle="--", linewidth=1.2)
        if places and value - places[-1][0] < SIDE_BY_SIDE:
            places[-1] = (value, [*places[-1][1], name])
        else:
            places.append((value, [name]))
    where = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right"}
    for highest, names in places:
        axis.annotate(", ".join(names), (1, highest), (-2, 2), fontsize=7, **where)


def plot_ceiling(ceiling: pd.DataFrame, scores: pd.DataFrame, label: str, svg: str | Path) -> None:
    """Draw the ceiling of the test windows above the scores of the models.

    Parameters
    ----------
    ceiling : DataFrame
        See :func:`cisflow.diagnosis.ceiling.ceiling_table`.
    scores : DataFrame
        ``contact_summary.tsv``.
    label : str
        Map and model, for the title.
    svg : path
    """
    rows = ceiling_rows(ceiling, scores)
    names = list(dict.fromkeys(rows["what"]))
    figure, axes = new_figure(7.6, 1.0 + 0.34 * max(len(names), 3), ncols=2, sharex=True, sharey=True)
    colours = {"ceiling": CEILING_COLOUR, "parts": GREY, "model": PALETTE[0]}
    for axis, (metric, title) in zip(axes, METRICS.items(), strict=True):
        axis.axvline(0, color=GREY, linewidth=0.8)
        for row in rows[rows["metric"] == metric].itertuples():
            if not np.isfinite(row.value):
                axis.text(0.02, names.index(row.what), "undefined", va="center", fontsize=7, color=GREY)
                continue
            error = [[row.value - row.low], [row.high - row.value]] if np.isfinite(row.low) else None
            axis.errorbar(
                row.value,
                names.index(row.what),
                xerr=error,
                fmt="o" if row.kind != "parts" else "D",
                color=colours[row.kind],
                markerfacecolor="white" if row.kind == "parts" else colours[row.kind],
                markersize=5,
                capsize=3,
            )
            axis.annotate(
                f"{row.value:.2f}",
                (row.value, names.index(row.what)),
                (0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )
        axis.set_title(title)
        axis.set_xlabel("Pearson correlation")
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.4, -0.7)
    top = ceiling[(ceiling["split"] == "test") & (ceiling["source"] == "halves") & (ceiling["metric"] == "pearson")]
    numbers = ""
    if len(top):
        row = top.iloc[0]
        numbers = (
            f" Two halves of the contacts agree with r = {row['between']:.3f}, two quarters with "
            f"{row['quarters']:.3f}, so two maps of full depth would with {row['full_depth']:.3f}, "
            f"and a perfect model with one of them with {with_interval(row['ceiling'], row['low'], row['high'])}."
        )
    save_figure(
        figure,
        rows,
        svg,
        f"Ceiling and scores, {label}",
        "How well any model could do on the test windows (green), and how well the models did (blue); lines: 95 % "
        "bootstrap intervals over windows."
        + numbers
        + " Grey: the two halves as they are, and the textbook correction, "
        "which promises too much for maps that are smoothed the more the shallower they are. Models far below the "
        "green point have room; models near it do not.",
    )


def plot_noise(by_distance: pd.DataFrame, label: str, svg: str | Path) -> None:
    """Draw the variance of the targets by distance, split into signal and noise.

    Parameters
    ----------
    by_distance : DataFrame
        See :func:`cisflow.diagnosis.ceiling.distance_table`.
    label, svg
        See :func:`plot_ceiling`.
    """
    table = by_distance[by_distance["level"] == by_distance["level"].min()] if len(by_distance) else by_distance
    figure, (left, right) = new_figure(7.6, 3.0, ncols=2, sharex=True)
    if len(table):
        edges = [*table["distance_low"], table["distance_high"].iloc[-1]]
        first = max(table["distance_high"].iloc[0] / 2, 1)
        edges[0] = first
        noise, variance = table["noise_variance"], table["variance"]
        left.stairs(noise, edges, fill=True, color=GREY, alpha=0.7, label="noise")
        left.stairs(variance, edges, baseline=noise, fill=True, color=PALETTE[0], alpha=0.7, label="signal")
        right.stairs(table["full_depth"], edges, baseline=None, color=PALETTE[2], linewidth=2)
        left.legend()
    left.set_xscale("log")
    for axis in (left, right):
        axis.set_xlabel("distance (bp)")
        axis.xaxis.set_major_formatter(FuncFormatter(short_number))
    left.set_ylabel("variance of ln(observed / expected)")
    left.set_ylim(bottom=0)
    right.set_ylabel("correlation of two full maps")
    right.set_ylim(min(0.0, float(table["full_depth"].min()) if len(table) else 0.0), 1)
    total = float((table["variance"] * table["n"]).sum()) if len(table) else float("nan")
    noisy = float((table["noise_variance"] * table["n"]).sum()) / total if total else float("nan")
    save_figure(
        figure,
        table,
        svg,
        f"Noise by distance, {label}",
        "Left: variance of the targets among pairs of bins that are as far apart (mean of each distance subtracted), "
        "and the part of it that two halves of the contacts do not share; the first class is the diagonal. Right: "
        f"expected correlation of two maps of full depth. Over all distances {noisy:.0%} of the variance is noise. "
        "Where the right curve is near 0 there is nothing to learn at this depth and bin size.",
    )


def plot_targets(statistics: pd.DataFrame, histogram: pd.DataFrame, label: str, svg: str | Path) -> None:
    """Draw the distribution of the targets by role, and spread and missing entries by chromosome.

    Parameters
    ----------
    statistics, histogram : DataFrame
        See :func:`cisflow.diagnosis.target_statistics.target_tables`.
    label, svg
        See :func:`plot_ceiling`.
    """
    figure, axes = new_figure(9.2, 3.2, ncols=3, width_ratios=[1.2, 1, 1])
    for role, part in histogram.groupby("role", sort=False):
        edges = [*part["low"], part["high"].iloc[-1]]
        axes[0].stairs(part["share"], edges, color=ROLE_COLOURS[role], label=role, linewidth=1.5)
    axes[0].set_xlabel("ln(observed / expected)")
    axes[0].set_ylabel("share of entries")
    axes[0].legend(fontsize=8)
    rows = statistics[statistics["chromosome"] != "all"].reset_index(drop=True)
    place = np.arange(len(rows))
    for axis, column, name in ((axes[1], "sd", "standard deviation"), (axes[2], "missing", "share of missing entries")):
        axis.barh(place, rows[column], color=[ROLE_COLOURS[role] for role in rows["role"]], height=0.75)
        axis.set_yticks(place, rows["chromosome"] if axis is axes[1] else [""] * len(rows), fontsize=7)
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.set_xlabel(name)
    axes[2].set_xlim(left=0)
    axes[2].xaxis.set_major_locator(MaxNLocator(4))
    axes[2].xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    together = statistics[statistics["chromosome"] == "all"].set_index("role")
    parts = [
        f"{role}: {row['windows']:.0f} windows, sd {row['sd']:.2f}, {row['missing']:.0%} missing"
        for role, row in together.iterrows()
    ]
    save_figure(
        figure,
        statistics,
        svg,
        f"Targets, {label}",
        f"Targets of windows that tile the chromosomes ({'; '.join(parts)}). The three distributions should lie on "
        "each other: a model is chosen and tested on chromosomes that were like those it learnt from.",
    )


def plot_learning(
    one_window: pd.DataFrame | None,
    histories: Mapping[str, pd.DataFrame],
    levels: Mapping[str, float],
    label: str,
    svg: str | Path,
) -> None:
    """Draw how one window is learnt by heart, and the validation score along the training between its bounds.

    Parameters
    ----------
    one_window : DataFrame or None
        ``overfit.tsv``.
    histories : mapping of DataFrame by name
        ``history.tsv`` by seed.
    levels : mapping of float by name
        Horizontal lines of the right panel: validation ceiling and baselines.
    label, svg
        See :func:`plot_ceiling`.
    """
    figure, (left, right) = new_figure(7.6, 3.2, ncols=2, sharey=True)
    left.set_xlabel("optimiser step")
    left.set_title("one training window")
    if one_window is None:
        left.text(0.5, 0.5, "not run\n(diagnosis.overfit_steps: 0)", ha="center", transform=left.transAxes, color=GREY)
    else:
        left.plot(one_window["step"], one_window["pearson"], marker="o", markersize=4, color=PALETTE[3])
    left.set_ylabel("Pearson correlation")
    right.set_title("validation windows")
    right.set_xlabel("optimiser step")
    parts = []
    for k, (name, history) in enumerate(histories.items()):
        right.plot(history["step"], history["selection"], color=PALETTE[k % len(PALETTE)], linewidth=1.3, label=name)
        parts.append(history.assign(what=name)[["what", "step", "selection"]].rename(columns={"selection": "pearson"}))
    draw_bounds(right, levels)
    for name, value in levels.items():
        parts.append(pd.DataFrame({"what": [name], "step": [np.nan], "pearson": [value]}))
    if histories:
        right.legend(fontsize=7)
    for axis in (left, right):
        axis.axhline(0, color=GREY, linewidth=0.8)
        axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axis.xaxis.set_major_formatter(FuncFormatter(short_number))
    low = min([0.0, *(float(h["selection"].min()) for h in histories.values())])
    left.set_ylim(low - 0.05, 1.02)
    if one_window is not None:
        parts.insert(0, one_window.assign(what="one window")[["what", "step", "pearson"]])
    save_figure(
        figure,
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["what", "step", "pearson"]),
        svg,
        f"Learning, {label}",
        "Left: correlation with a single training window while the network is trained on that window alone; it must "
        "come close to 1, else network, optimiser or data are at fault. Right: mean correlation with the validation "
        "windows along the training, between what knows no sequence (grey) and the ceiling of the validation "
        "windows (green). A curve that still rises asks for more steps; one that falls after a "
        "peak asks for more data or a smaller network.",
    )

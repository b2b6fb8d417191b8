"""Figures of the diagnosis of a contact model of several levels: ceiling, noise by distance, targets, learning.

One small panel per level, the finest first, or levels along the axis. Inputs and outputs as of
:mod:`cisflow.figures.diagnosis`, which draws models of one level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

from cisflow.contacts.regions import length_name
from cisflow.evaluation.intervals import with_interval
from cisflow.figures.diagnosis import CEILING_COLOUR, METRICS, ROLE_COLOURS, draw_bounds
from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure, short_number

WHERE = {"cis": "within chromosomes", "trans": "between chromosomes"}
PARTS_COLOUR = GREY
MODEL_COLOURS = tuple(colour for colour in PALETTE if colour != CEILING_COLOUR)
LINES = ("-", "--", ":", "-.")  # of levels, once the colours are used up
MOST_COLUMNS = 4


def _grid(panels: int, height: float = 2.5, **shared: object) -> tuple[Figure, list[Axes]]:
    """Figure with so many panels in rows of up to four."""
    columns = min(panels, MOST_COLUMNS) if panels != MOST_COLUMNS + 1 else 3
    rows = -(-panels // columns)
    figure, axes = new_figure(
        2.6 * columns + 0.4, height * rows + 0.4, nrows=rows, ncols=columns, squeeze=False, **shared
    )
    for unused in axes.ravel()[panels:]:
        unused.axis("off")
    return figure, list(axes.ravel()[:panels])


def _look(k: int) -> dict[str, object]:
    return {"color": PALETTE[k % len(PALETTE)], "linestyle": LINES[k // len(PALETTE) % len(LINES)]}


def ceiling_rows(ceiling: pd.DataFrame, scores: pd.DataFrame, split: str = "test") -> pd.DataFrame:
    """Rows of the figure of the ceiling: ``kind, level, metric, what, mark, value, low, high``; the finest level first.

    ``mark``: ``ceiling``, ``parts`` (two halves as they are, the textbook correction) or ``model``.
    """
    rows = []
    for row in ceiling[(ceiling["split"] == split) & ceiling["metric"].isin(METRICS)].itertuples():
        place, halves = [row.kind, row.level, row.metric], row.source == "halves"
        name = "perfect model" if halves else f"perfect model, by {row.source}"
        rows.append([*place, name, "ceiling", row.ceiling, row.low, row.high])
        if halves:
            rows.append([*place, "two halves of the map", "parts", row.between, np.nan, np.nan])
            rows.append([*place, "perfect model, Spearman-Brown", "parts", row.spearman_brown, np.nan, np.nan])
    scored = scores[scores["metric"].isin(METRICS)]
    rows += [[r.kind, r.level, r.metric, r.model, "model", r.value, r.low, r.high] for r in scored.itertuples()]
    table = pd.DataFrame(rows, columns=["kind", "level", "metric", "what", "mark", "value", "low", "high"])
    return table.sort_values(["kind", "level"], kind="stable", ignore_index=True)


def plot_ceiling(ceiling: pd.DataFrame, scores: pd.DataFrame, label: str, svg: str | Path) -> None:
    """Draw the ceilings of the test windows and the scores of the models by level.

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
    kinds, levels = list(dict.fromkeys(rows["kind"])), sorted(rows["level"].unique())
    named = rows.drop_duplicates("what").set_index("what")["mark"]
    models = [what for what, mark in named.items() if mark == "model"]
    tops = [what for what, mark in named.items() if mark == "ceiling"]
    series = [*tops, *models]
    moves = dict(zip(series, np.linspace(-0.3, 0.3, len(series)) if len(series) > 1 else [0.0], strict=True))
    width = 1.2 + (0.45 + 0.16 * len(series)) * len(levels)
    figure, axes = new_figure(
        max(2 * width, 6.4), 2.9 * len(kinds) + 0.5, nrows=len(kinds), ncols=2, sharey=True, squeeze=False
    )
    for line, kind in zip(axes, kinds, strict=True):
        for axis, (metric, title) in zip(line, METRICS.items(), strict=True):
            axis.axhline(0, color=GREY, linewidth=0.8)
            here = rows[(rows["kind"] == kind) & (rows["metric"] == metric) & rows["value"].notna()]
            for what, part in here.groupby("what", sort=False):
                _mark(axis, part, levels, str(what), str(named[what]), moves, models)
            axis.set_title(title if len(kinds) == 1 else f"{WHERE[kind]},\n{title}")
            axis.set_xticks(range(len(levels)), [length_name(level) for level in levels])
            for edge in range(1, len(levels)):
                axis.axvline(edge - 0.5, color=GREY, linewidth=0.6, linestyle=":")
            axis.set_xlim(-0.55, len(levels) - 0.45)
            axis.set_xlabel("level")
        line[0].set_ylabel("Pearson correlation")
    marks = {text: mark for axis in axes.ravel() for mark, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    ordered = [what for what in [*series, *named.index] if what in marks]
    ordered = list(dict.fromkeys(ordered))
    figure.legend([marks[what] for what in ordered], ordered, loc="outside lower center", ncols=3, fontsize=8)
    numbers = [
        f"{length_name(r.level)}{'' if r.kind == 'cis' else ' between chromosomes'} "
        f"{with_interval(r.value, r.low, r.high)}"
        for r in rows[(rows["what"] == (tops or [""])[0]) & (rows["metric"] == "pearson")].itertuples()
    ]
    save_figure(
        figure,
        rows,
        svg,
        f"Ceiling and scores by level, {label}",
        "How well any model could do on the test windows of each level (green), and how well the models did; lines: "
        f"95 % bootstrap intervals over windows. Perfect model, all entries: {', '.join(numbers)}. Grey: two "
        "halves of the contacts as they are (diamonds), and the textbook correction (crosses), which promises too much "
        "for maps that are smoothed the more the shallower they are. A model far below green at a level has room. "
        "Models without a mark on the right do not vary at a distance.",
    )


def _mark(
    axis: Axes,
    part: pd.DataFrame,
    levels: Sequence[int],
    what: str,
    mark: str,
    moves: Mapping[str, float],
    models: Sequence[str],
) -> None:
    place = np.array([levels.index(level) for level in part["level"]])
    if mark == "parts":
        textbook = "Spearman" in what
        axis.plot(
            place + min(moves.values()),
            part["value"],
            "x" if textbook else "D",
            color=PARTS_COLOUR,
            mfc="white",
            ms=5,
            label=what,
        )
        return
    error = np.maximum([part["value"] - part["low"], part["high"] - part["value"]], 0)
    colour = CEILING_COLOUR if mark == "ceiling" else MODEL_COLOURS[models.index(what) % len(MODEL_COLOURS)]
    replicate = mark == "ceiling" and what != "perfect model"
    look = {"fmt": "s" if replicate else "o", "color": colour, "ms": 5, "capsize": 3, "label": what}
    axis.errorbar(place + moves[what], part["value"], yerr=error, **look)


def plot_noise(by_distance: pd.DataFrame, label: str, svg: str | Path) -> None:
    """Draw the variance of the targets by distance at each level, split into signal and noise.

    Parameters
    ----------
    by_distance : DataFrame
        See :func:`cisflow.diagnosis.ceiling.distance_table`.
    label, svg
        See :func:`plot_ceiling`.
    """
    levels = sorted(by_distance["level"].unique()) if len(by_distance) else []
    figure, axes = _grid(len(levels) + 1)
    shares, last = [], axes[-1]
    for k, (axis, level) in enumerate(zip(axes, levels, strict=False)):
        table = by_distance[by_distance["level"] == level]
        edges = [max(table["distance_high"].iloc[0] / 2, 1), *table["distance_high"]]
        noise, variance = table["noise_variance"], table["variance"]
        axis.stairs(noise, edges, fill=True, color=GREY, alpha=0.7, label="noise")
        axis.stairs(variance, edges, baseline=noise, fill=True, color=PALETTE[0], alpha=0.7, label="signal")
        axis.set_title(length_name(level))
        axis.set_ylim(bottom=0)
        last.stairs(table["full_depth"], edges, baseline=None, linewidth=1.8, label=length_name(level), **_look(k))
        total = float((variance * table["n"]).sum())
        shares.append(f"{length_name(level)} {float((noise * table['n']).sum()) / total:.0%}" if total else "")
    for axis in axes:
        axis.set_xscale("log")
        axis.set_xlabel("distance (bp)")
        axis.xaxis.set_major_formatter(FuncFormatter(short_number))
        axis.xaxis.set_minor_formatter(NullFormatter())
    columns = axes[0].get_gridspec().ncols
    for axis in axes[:-1:columns]:
        axis.set_ylabel("variance of ln(obs / exp)")
    last.set_ylabel("r of two full maps")
    last.set_ylim(min(0.0, float(by_distance["full_depth"].min()) if len(by_distance) else 0.0), 1)
    if levels:
        axes[0].legend(fontsize=8)
        last.legend(fontsize=7, title="level", title_fontsize=7)
    save_figure(
        figure,
        by_distance,
        svg,
        f"Noise by distance and level, {label}",
        "By level: variance of the targets among pairs of bins that are as far apart (mean of each distance "
        "subtracted), and the part of it that two halves of the contacts do not share; the first class is the "
        "diagonal. Last panel: expected correlation of two maps of full depth. Share of noise over all distances: "
        f"{', '.join(filter(None, shares))}. Where that curve is near 0 there is nothing to learn at this depth and "
        "bin size; coarser levels have deeper bins.",
    )


def plot_targets(statistics: pd.DataFrame, histogram: pd.DataFrame, label: str, svg: str | Path) -> None:
    """Draw the distribution of the targets by level and role, and spread and missing entries by chromosome.

    Parameters
    ----------
    statistics, histogram : DataFrame
        See :func:`cisflow.diagnosis.target_statistics.target_tables`.
    label, svg
        See :func:`plot_ceiling`.
    """
    places = list(histogram[["kind", "level"]].drop_duplicates().itertuples(index=False, name=None))
    levels = sorted(histogram["level"].unique())
    figure, axes = _grid(len(places) + 2)
    for axis, (kind, level) in zip(axes, places, strict=False):
        here = histogram[(histogram["kind"] == kind) & (histogram["level"] == level)]
        for role, part in here.groupby("role", sort=False):
            edges = [*part["low"], part["high"].iloc[-1]]
            axis.stairs(part["share"], edges, color=ROLE_COLOURS[role], label=role, linewidth=1.4)
        axis.set_title(length_name(level) if kind == "cis" else f"{length_name(level)}, between", fontsize=9)
        axis.set_xlabel("ln(observed / expected)", fontsize=8)
    for axis in axes[: len(places) : axes[0].get_gridspec().ncols]:
        axis.set_ylabel("share of entries")
    axes[0].legend(fontsize=7)
    within = statistics[statistics["kind"] == "cis"]
    moves = dict(zip(ROLE_COLOURS, (-0.22, 0.0, 0.22), strict=True))
    for axis, column, name in ((axes[-2], "sd", "standard deviation"), (axes[-1], "missing", "missing entries")):
        for role, part in within.groupby("role", sort=False):
            place = np.array([levels.index(level) for level in part["level"]]) + moves[role]
            alone = (part["chromosome"] != "all").to_numpy()
            axis.plot(place[alone], part[column][alone], "o", color=ROLE_COLOURS[role], ms=3.5, alpha=0.5, mew=0)
            axis.plot(place[~alone], part[column][~alone], "_", color=ROLE_COLOURS[role], ms=11, mew=2)
        axis.set_xticks(
            range(len(levels)), [length_name(level) for level in levels], rotation=45, ha="right", fontsize=7
        )
        axis.set_xlim(-0.5, len(levels) - 0.5)
        axis.set_title(name, fontsize=9)
        axis.margins(y=0.1)
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_locator(MaxNLocator(4))
    axes[-1].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    finest = within[(within["chromosome"] == "all") & (within["level"] == min(levels))].set_index("role")
    parts = [
        f"{role}: {row['windows']:.0f} windows, sd {row['sd']:.2f}, {row['missing']:.0%} missing"
        for role, row in finest.iterrows()
    ]
    save_figure(
        figure,
        statistics,
        svg,
        f"Targets by level, {label}",
        f"Targets of windows that tile the chromosomes, by level ({length_name(min(levels))}: {'; '.join(parts)}). The "
        "three distributions of a level should lie on each other: a model is chosen and tested on chromosomes that "
        "were like those it learnt from. Last two panels: dots are chromosomes, bars all of a role together.",
    )


def plot_learning(
    one_window: pd.DataFrame | None,
    histories: Mapping[str, pd.DataFrame],
    bounds: Mapping[int, Mapping[str, float]],
    label: str,
    svg: str | Path,
) -> None:
    """Draw how one window is learnt by heart, and the validation score of every level along the training.

    Parameters
    ----------
    one_window : DataFrame or None
        ``one_window.tsv``.
    histories : mapping of DataFrame by name
        ``history.tsv`` by seed.
    bounds : mapping of mapping of float
        By level (bp) and name, horizontal lines: validation ceiling and baselines.
    label, svg
        See :func:`plot_ceiling`.
    """
    levels = sorted(bounds)
    figure, axes = _grid(len(levels) + 1, sharey=True)
    parts = [] if one_window is None else [one_window.assign(what="one window")[["what", "level", "step", "pearson"]]]
    axes[0].set_title("one training window", fontsize=9)
    if one_window is None:
        axes[0].text(0.5, 0.5, "not tried", ha="center", transform=axes[0].transAxes, color=GREY)
        axes[0].tick_params(axis="x", bottom=False, labelbottom=False)
    else:
        for k, level in enumerate(levels):
            part = one_window[one_window["level"] == level]
            axes[0].plot(part["step"], part["pearson"], marker="o", ms=3, label=length_name(level), **_look(k))
        axes[0].legend(fontsize=7)
    lowest = 0.0
    for axis, level in zip(axes[1:], levels, strict=True):
        axis.set_title(f"validation, {length_name(level)}", fontsize=9)
        for k, (name, history) in enumerate(histories.items()):
            values = history[f"pearson_{level}"]
            axis.plot(
                history["step"],
                values,
                marker="o",
                ms=2,
                color=MODEL_COLOURS[k % len(MODEL_COLOURS)],
                lw=1.3,
                label=name,
            )
            parts.append(pd.DataFrame({"what": name, "level": level, "step": history["step"], "pearson": values}))
            lowest = min(lowest, float(values.min()))
        draw_bounds(axis, bounds[level])
        for name, value in bounds[level].items():
            parts.append(pd.DataFrame({"what": [name], "level": [level], "step": [np.nan], "pearson": [value]}))
    if histories:
        axes[1].legend(fontsize=7)
    for axis in axes:
        axis.axhline(0, color=GREY, linewidth=0.8)
        axis.set_xlabel("optimiser step", fontsize=8)
        axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        axis.xaxis.set_major_formatter(FuncFormatter(short_number))
    for axis in axes[:: axes[0].get_gridspec().ncols]:
        axis.set_ylabel("Pearson correlation")
    axes[0].set_ylim(lowest - 0.05, 1.02)
    save_figure(
        figure,
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["what", "level", "step", "pearson"]),
        svg,
        f"Learning by level, {label}",
        "First panel: correlation with a single training window at every level while the network is trained on that "
        "window alone; it must come close to 1, else network, optimiser or data are at fault. Others: mean correlation "
        "with the validation windows of a level along the training, between what knows no sequence (grey) and the "
        "ceiling of the validation windows (green). A curve that still rises asks for more steps; one that falls after "
        "a peak asks for more data or a smaller network.",
    )

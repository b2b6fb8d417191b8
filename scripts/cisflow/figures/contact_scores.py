"""Figures of the scores of contact models: every test window, and every level by chromosome.

Inputs: ``contact_scores.tsv``, ``contact_summary.tsv``, ``contact_chromosomes.tsv``. Outputs: figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cisflow.contacts.regions import length_name
from cisflow.evaluation.contact_sums import MEAN
from cisflow.evaluation.intervals import with_interval
from cisflow.figures.style import GREY, PALETTE, new_figure

METRICS = {"pearson": "all entries", "pearson_distance_subtracted": "mean per distance subtracted"}
POOLED = {f"pooled_{metric}": label for metric, label in METRICS.items()}
WHERE = {"cis": "within chromosomes", "trans": "between chromosomes"}
ALL = "all"
SPREAD = 0.36  # half the width that the models of one place take


def _places(n_models: int) -> np.ndarray:
    """Displacement of each model around a place on the axis."""
    return np.linspace(-SPREAD, SPREAD, n_models) if n_models > 1 else np.zeros(1)


def _colour(k: int) -> str:
    return PALETTE[k % (len(PALETTE) - 1)]


def window_scores_figure(scores: pd.DataFrame, summary: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Correlation of each test window for every model and level, plain and with the mean per distance subtracted.

    Parameters
    ----------
    scores, summary : DataFrame
        See :mod:`cisflow.evaluation.contacts`.

    Returns
    -------
    figure, table, caption
        The table is the part of ``scores`` that is drawn.
    """
    models = list(dict.fromkeys(summary["model"]))
    levels, kinds = sorted(summary["level"].unique()), list(dict.fromkeys(summary["kind"]))
    drawn = scores[(scores["seed"].astype(str) == MEAN) & scores["metric"].isin(METRICS)].reset_index(drop=True)
    one = len(levels) == 1
    width = max(1.6 + 1.5 * len(models), 3.2) if one else 1.3 + (0.5 + 0.34 * len(models)) * len(levels)
    figure, axes = new_figure(2 * width, 3.4 * len(kinds) + 0.3, nrows=len(kinds), ncols=2, sharey=True, squeeze=False)
    rng = np.random.Generator(np.random.PCG64(0))  # horizontal scatter only
    moves = np.arange(len(models)) if one else _places(len(models))
    width_of_dots = 0.16 if one else min(0.6 * SPREAD / len(models), 0.1)
    for row, kind in zip(axes, kinds, strict=True):
        for axis, (metric, label) in zip(row, METRICS.items(), strict=True):
            axis.axhline(0, color=GREY, linewidth=0.8)
            for k, model in enumerate(models):
                for place, level in enumerate(levels):
                    at = moves[k] + (0 if one else place)
                    keys = {"model": model, "kind": kind, "metric": metric, "level": level}
                    values = _rows(drawn, keys)["value"].dropna().to_numpy()
                    if len(values):
                        jitter = at + rng.uniform(-width_of_dots, width_of_dots, len(values))
                        axis.scatter(jitter, values, s=14 if one else 7, color=_colour(k), alpha=0.5, linewidth=0)
                        _mean(axis, at + (0.26 if one else 0), _rows(summary, keys).iloc[0], with_number=one)
                    elif one:
                        text = "undefined:\nno variation\nat a distance"
                        axis.text(at, 0.02, text, ha="center", va="bottom", fontsize=7)
            places = [0] if one else range(len(levels))
            for place, level in zip(places, levels, strict=True):
                keys = {"kind": kind, "metric": metric, "level": level}
                _ceiling(
                    axis, _rows(summary, keys), (-0.5, len(models) - 0.4) if one else (place - 0.45, place + 0.45), one
                )
            ticks = (models, len(models)) if one else ([length_name(level) for level in levels], len(levels))
            axis.set_xticks(range(ticks[1]), ticks[0])
            axis.set_xlim(-0.55, ticks[1] - (0.35 if one else 0.45))
            axis.set_title(label if len(kinds) == 1 else f"{WHERE[kind]}, {label}")
        row[0].set_ylabel("Pearson r with the observed map")
    if not one:
        _legend(figure, models)
        figure.supxlabel("level", fontsize=9)
    return figure, drawn, _window_caption(models, levels, kinds, drawn, summary)


def _rows(table: pd.DataFrame, keys: dict[str, object]) -> pd.DataFrame:
    return table[np.logical_and.reduce([table[name] == value for name, value in keys.items()])]


def _mean(axis: Axes, at: float, row: pd.Series, with_number: bool) -> None:
    error = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
    axis.errorbar(at, row["value"], yerr=np.maximum(error, 0), fmt="o", color="black", markersize=4, capsize=2.5)
    if with_number:
        place = {"textcoords": "offset points", "va": "center", "fontsize": 8}
        axis.annotate(f"{row['value']:.2f}", (at, row["value"]), (6, 0), **place)


def _ceiling(axis: Axes, rows: pd.DataFrame, across: tuple[float, float], named: bool) -> None:
    """Dashed line at what a perfect model would reach, with its interval shaded, where it was measured."""
    known = rows[rows["ceiling"].notna()]
    if known.empty:
        return
    value, low, high = known.iloc[0][["ceiling", "ceiling_low", "ceiling_high"]]
    if named:
        axis.text(across[0], value, " perfect model", va="bottom", fontsize=7)
    axis.plot(across, [value, value], color="black", linestyle="--", linewidth=1, zorder=1)
    axis.fill_between(across, low, high, color=GREY, alpha=0.2, linewidth=0, zorder=0)


def _ceiling_caption(summary: pd.DataFrame, metric: str) -> str:
    """What the dashed lines are, with the numbers of a metric; empty where there are none."""
    rows = summary[(summary["metric"] == metric) & summary["ceiling"].notna()]
    numbers = [
        f"{length_name(row.level)}{'' if row.kind == 'cis' else f' {WHERE[row.kind]}'} "
        f"{with_interval(row.ceiling, row.ceiling_low, row.ceiling_high)}"
        for row in rows.drop_duplicates(["kind", "level"]).sort_values(["kind", "level"]).itertuples()
    ]
    if not numbers:
        return ""
    return (
        " Dashed: what a perfect model would reach, since the observed map is noisy, with its 95 % interval (grey): "
        f"{', '.join(numbers)}."
    )


def _legend(figure: Figure, models: Sequence[str]) -> None:
    marks = [figure.axes[0].scatter([], [], s=20, color=_colour(k)) for k in range(len(models))]
    figure.legend(marks, models, loc="outside upper center", ncols=min(len(models), 6), fontsize=8)


def _in_words(row: pd.Series) -> str:
    return with_interval(row["value"], row["low"], row["high"])


def _window_caption(
    models: Sequence[str], levels: Sequence[int], kinds: Sequence[str], drawn: pd.DataFrame, summary: pd.DataFrame
) -> str:
    finest = levels[0]
    parts = []
    for model in models:
        keys = {"model": model, "kind": kinds[0], "level": finest}
        rows = _rows(summary, keys).set_index("metric")
        plain, adjusted = (_in_words(rows.loc[metric]) for metric in METRICS)
        parts.append(f"{model} {plain}, with the mean per distance subtracted {adjusted}")
    windows = drawn["window"].nunique()
    blocks = int(_rows(summary, {"kind": kinds[0], "level": finest})["n_blocks"].max())
    return (
        f"Agreement of predicted and observed contacts, ln(observed / expected), on {windows} windows of the held-out "
        "chromosomes; one coloured dot per window, black: mean over windows with its 95 % bootstrap interval (windows "
        f"that overlap are drawn together: {blocks} blocks at {length_name(finest)}). Left: all entries. Right: after "
        "subtracting the mean of each diagonal, which removes all that distance alone explains; a model of distance "
        f"alone has nothing left there. Means at {length_name(finest)}: {'; '.join(parts)}. 1 is perfect, 0 is chance; "
        "a sequence model is of use when it stands clearly above 0 on the right."
    ) + _ceiling_caption(summary, "pearson")


def level_scores_figure(summary: pd.DataFrame, chromosomes: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Pooled correlation by chromosome and level: one panel per level, the finest left.

    Parameters
    ----------
    summary, chromosomes : DataFrame
        See :func:`cisflow.evaluation.contacts.summary_table` and ``chromosome_table``.

    Returns
    -------
    figure, table, caption
        The table has ``model, chromosome`` (``all``: every window, where there are several chromosomes), ``kind,
        level, metric, value, low, high, n_windows, n_blocks, n``.
    """
    together = summary if chromosomes["chromosome"].nunique() > 1 else summary[summary["kind"] == "trans"]
    parts = [part for part in (together.assign(chromosome=ALL), chromosomes) if len(part)]
    table = pd.concat(parts, ignore_index=True)
    table = table[table["metric"].isin(POOLED)][chromosomes.columns].reset_index(drop=True)
    models, levels = list(dict.fromkeys(table["model"])), sorted(table["level"].unique())
    names = sorted(dict.fromkeys(table["chromosome"]), key=lambda name: name != ALL)
    rows = [(kind, metric) for kind in dict.fromkeys(summary["kind"]) for metric in POOLED]
    figure, axes = new_figure(
        max(1.0 + (0.5 + 0.3 * len(names) * max(1.0, 0.45 * len(models))) * len(levels), 5.0),
        2.3 * len(rows) + 0.6,
        nrows=len(rows),
        ncols=len(levels),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    moves = _places(len(models)) * 0.8
    for number, (line, (kind, metric)) in enumerate(zip(axes, rows, strict=True)):
        for axis, level in zip(line, levels, strict=True):
            axis.axhline(0, color=GREY, linewidth=0.8)
            if names[0] == ALL:
                axis.axvline(0.5, color=GREY, linewidth=0.6, linestyle=":")
            for k, model in enumerate(models):
                part = _rows(table, {"kind": kind, "metric": metric, "level": level, "model": model})
                part = part.set_index("chromosome").reindex(names)
                value, low, high = (part[column].to_numpy(dtype=float) for column in ("value", "low", "high"))
                known = np.isfinite(value)
                error = np.maximum(np.vstack([value - low, high - value])[:, known], 0)
                place = np.arange(len(names))[known] + moves[k]
                axis.errorbar(place, value[known], yerr=error, fmt="o", ms=4, capsize=2, color=_colour(k), lw=1)
            _ceiling(
                axis,
                _rows(summary, {"kind": kind, "metric": metric, "level": level}),
                (-0.6, len(names) - 0.4),
                axis is line[0],
            )
            axis.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
            axis.set_xlim(-0.6, len(names) - 0.4)
            if number == 0:
                axis.set_title(length_name(level))
        where = f"{WHERE[kind]}\n" if len(rows) > len(POOLED) else ""
        line[0].set_ylabel(f"{where}r, {POOLED[metric]}".replace("mean per distance", "distance"), fontsize=8)
    _legend(figure, models)
    best = _rows(summary, {"metric": "pooled_pearson", "kind": rows[0][0]})
    numbers = [
        f"{model} " + ", ".join(f"{length_name(r.level)} {r.value:.3f}" for r in part.sort_values("level").itertuples())
        for model, part in best.groupby("model", sort=False)
    ]
    caption = (
        "Pearson correlation over all entries of the test windows, by level (columns, the finest left) and chromosome"
        f"{' (left of the dotted line: all)' if names[0] == ALL else ''}, with 95 % bootstrap intervals over blocks of "
        f"windows. All entries: {'; '.join(numbers)}. Second row: after subtracting the mean of every diagonal; models "
        "without points there do not vary at a distance. Chromosomes that differ more than their intervals say that "
        "the model does not carry over equally; one block of windows gives no interval."
    ) + _ceiling_caption(summary, "pooled_pearson")
    return figure, table, caption


def difference_figure(table: pd.DataFrame, names: tuple[str, str]) -> tuple[Figure, pd.DataFrame, str]:
    """How well the difference between two maps is predicted, per level.

    Parameters
    ----------
    table : DataFrame
        See :func:`cisflow.evaluation.contact_differences.difference_table`.
    names : (str, str)
        Of the maps.

    Returns
    -------
    figure, table, caption
        The table is the one given.
    """
    kind = table["kind"].iloc[0]
    shown = {"pooled_pearson": "Pearson r of the differences", "auroc_sign": "AUROC of the sign, top 1 %"}
    models, levels = list(dict.fromkeys(table["model"])), sorted(table["level"].unique())
    width = 1.4 + (0.5 + 0.3 * len(models)) * len(levels)
    figure, axes = new_figure(max(2 * width, 5.0), 3.2, ncols=2)
    moves = _places(len(models)) * 0.8
    for axis, (metric, label), chance in zip(axes, shown.items(), (0.0, 0.5), strict=True):
        axis.axhline(chance, color=GREY, linewidth=0.8)
        for k, model in enumerate(models):
            part = _rows(table, {"kind": kind, "metric": metric, "model": model}).set_index("level").reindex(levels)
            value, low, high = (part[column].to_numpy(dtype=float) for column in ("value", "low", "high"))
            error = np.maximum(np.vstack([value - low, high - value]), 0)
            axis.errorbar(
                np.arange(len(levels)) + moves[k], value, yerr=error, fmt="o", ms=4, capsize=2, color=_colour(k)
            )
        axis.set_xticks(range(len(levels)), [length_name(level) for level in levels])
        axis.set_xlim(-0.6, len(levels) - 0.4)
        axis.set(ylabel=label, xlabel="level")
    _legend(figure, models)
    numbers = []
    for model in models:
        rows = _rows(table, {"kind": kind, "level": levels[0], "model": model}).set_index("metric")
        numbers.append(f"{model} r {_in_words(rows.loc['pooled_pearson'])}, AUROC {_in_words(rows.loc['auroc_sign'])}")
    caption = (
        f"Difference between the maps {names[0]} and {names[1]}, contacts {WHERE[kind]}: observed against predicted, "
        "over all entries that both maps measured. Left: Pearson correlation. Right: among the one percent of entries "
        "that differ most, how well the predicted difference tells which map has more contacts. Bars: 95 % bootstrap "
        f"intervals over blocks of windows; grey: chance. At {length_name(levels[0])}: {'; '.join(numbers)}. Two maps "
        "of one cell type have no difference to predict; noise alone keeps r below 1."
    )
    return figure, table, caption

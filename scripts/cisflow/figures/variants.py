"""Effects of a set of variants: impact on contact maps by kind and level, effects on expression by model.

Inputs: table of effects, counts by status. Outputs: figures with table and caption.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cisflow.contacts.regions import length_name
from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure
from cisflow.variants.expression import PREDICTED

#: Variants that are named in the list of the strongest.
MOST_NAMED = 12
MARKERS = "osD^vP*X"


def _refusals(statuses: pd.DataFrame) -> str:
    """How many alleles were predicted, and why the others were not."""
    known = dict(zip(statuses["status"], statuses["alleles"], strict=True))
    predicted, total = known.pop(PREDICTED, 0), int(statuses["alleles"].sum())
    text = f"{predicted:,} of {total:,} alleles were predicted"
    reasons = "; ".join(f"{status} {number:,}" for status, number in known.items())
    return f"{text} (others: {reasons})." if reasons else f"{text}."


def _empty(axis: Axes) -> None:
    axis.text(0.5, 0.5, "no variant was predicted", ha="center", va="center", transform=axis.transAxes)
    axis.set_axis_off()


def plot_contact_effects(effects: pd.DataFrame, statuses: pd.DataFrame, name: str, svg: str | Path) -> None:
    """Draw the impact of every variant by level, and the strongest by name.

    Parameters
    ----------
    effects : DataFrame
        Columns of :data:`cisflow.variants.contact_effects.COLUMNS`.
    statuses : DataFrame
        ``status, alleles``.
    name : str
        Of the set.
    svg : path
    """
    rows = effects[(effects["status"] == PREDICTED) & effects["impact"].notna()]
    keys = ["item", "id", "kind", "model", "level"]
    # Of the places of a variant that are looked at, the one that changes most stands for it.
    impact = rows.sort_values("impact").groupby(keys, sort=False, as_index=False).last()
    impact = impact.sort_values(["model", "item", "level"], kind="stable")[[*keys, "view", "impact", "low", "high"]]
    levels, kinds = sorted(impact["level"].unique()), sorted(impact["kind"].unique())
    figure, (left, right) = new_figure(9.0, 4.2, ncols=2, width_ratios=[1, 1.15])
    if impact.empty:
        _empty(left)
        right.set_axis_off()
    else:
        _draw_levels(left, impact, levels, kinds)
        _draw_strongest(right, impact, levels[0], kinds)
    first = impact[impact["level"] == levels[0]] if levels else impact
    best = first.loc[first["impact"].idxmax()] if len(first) else None
    strongest = (
        ""
        if best is None
        else (
            f" The largest impact at {length_name(levels[0])} is {best['impact']:.3g} ({best['id']}, {best['kind']}, "
            f"{best['model']})."
        )
    )
    caption = (
        f"Structural variants of {name}: impact on predicted contact maps, the mean absolute change of the log ratio "
        f"on the row of the junction, beside the same bases of the reference. {_refusals(statuses)}{strongest} Left: "
        "one mark per variant and model at each level, bars: medians by kind. Right: the strongest at the finest "
        "level, bars where there are replicates: 95 % interval of their mean. What counts as strong depends on the "
        "model: compare with variants that should do nothing."
    )
    save_figure(figure, impact, svg, f"Impact of structural variants, {name}", caption)


def _draw_levels(axis: Axes, impact: pd.DataFrame, levels: list[int], kinds: list[str]) -> None:
    width = 0.8 / len(kinds)
    for number, kind in enumerate(kinds):
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        for place, level in enumerate(levels):
            values = np.sort(impact.loc[(impact["kind"] == kind) & (impact["level"] == level), "impact"].to_numpy())
            if not len(values):
                continue
            middle = place - 0.4 + width * (number + 0.5)
            spread = middle + (np.linspace(-0.3, 0.3, len(values)) * width if len(values) > 1 else np.zeros(1))
            axis.plot(spread, values, marker, color=colour, markersize=4, alpha=0.75, markeredgewidth=0)
            if len(values) > 1:
                ends = [middle - 0.4 * width, middle + 0.4 * width]
                axis.plot(ends, [np.median(values)] * 2, color=colour, linewidth=1.6)
        axis.plot([], [], marker, color=colour, markersize=5, label=kind)
    axis.set_xticks(range(len(levels)), [length_name(level) for level in levels])
    axis.set(xlabel="level", ylabel="impact (|change of ln(observed / expected)|)", xlim=(-0.5, len(levels) - 0.5))
    axis.set_ylim(bottom=0)
    axis.ticklabel_format(axis="y", scilimits=(-2, 4))
    axis.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3, columnspacing=1.0)


def _draw_strongest(axis: Axes, impact: pd.DataFrame, level: int, kinds: list[str]) -> None:
    finest = impact[impact["level"] == level]
    order = finest.groupby("item")["impact"].max().sort_values(ascending=False).index[:MOST_NAMED]
    models = list(dict.fromkeys(finest["model"]))
    names = finest.drop_duplicates("item").set_index("item")
    for number, model in enumerate(models):
        part = finest[finest["model"] == model].set_index("item").reindex(order)
        y = np.arange(len(order)) + (number - (len(models) - 1) / 2) * 0.22
        colours = [PALETTE[kinds.index(kind) % len(PALETTE)] for kind in names.loc[order, "kind"]]
        errors = np.clip(np.stack([part["impact"] - part["low"], part["high"] - part["impact"]]).astype(float), 0, None)
        axis.errorbar(part["impact"], y, xerr=np.nan_to_num(errors), fmt="none", ecolor=GREY, linewidth=1)
        axis.scatter(part["impact"], y, c=colours, marker=MARKERS[number % len(MARKERS)], s=26, zorder=3)
        if len(models) > 1:
            axis.scatter([], [], c=GREY, marker=MARKERS[number % len(MARKERS)], s=26, label=model)
    shown = [str(names.loc[item, "id"]) for item in order]
    shown = [text if text not in (".", "") else f"allele {item}" for text, item in zip(shown, order, strict=True)]
    axis.set_yticks(range(len(order)), [text if len(text) < 26 else f"{text[:24]}..." for text in shown], fontsize=7)
    axis.set_ylim(len(order) - 0.5, -0.5)
    axis.set(xlabel=f"impact, {length_name(level)}")
    axis.set_xlim(left=0)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.ticklabel_format(axis="x", scilimits=(-2, 4))
    if len(models) > 1:
        axis.legend(fontsize=7, loc="lower right")


def plot_expression_effects(effects: pd.DataFrame, statuses: pd.DataFrame, name: str, svg: str | Path) -> None:
    """Draw the effects of variants on expression: one panel per model, and the effects ranked.

    Parameters
    ----------
    effects : DataFrame
        Columns of :data:`cisflow.variants.expression.COLUMNS`.
    statuses, name, svg
        See :func:`plot_contact_effects`.
    """
    rows = effects[(effects["status"] == PREDICTED) & effects["difference"].notna()]
    models = list(dict.fromkeys(rows["model"]))
    figure, axes = new_figure(3.4 * (max(len(models), 1) + 1), 3.5, ncols=max(len(models), 1) + 1, squeeze=False)
    *panels, last = axes[0]
    if rows.empty:
        _empty(panels[0])
        last.set_axis_off()
    for number, (model, panel) in enumerate(zip(models, panels, strict=bool(models))):
        part, colour = rows[rows["model"] == model], PALETTE[number % len(PALETTE)]
        both = part[["reference", "alternative"]].to_numpy()
        ends = both.min(), both.max()
        panel.plot(ends, ends, color=GREY, linewidth=0.8)
        panel.plot(
            part["reference"], part["alternative"], "o", color=colour, markersize=3, alpha=0.6, markeredgewidth=0
        )
        panel.set(xlabel="reference, predicted", ylabel="variant, predicted", title=model)
        panel.set_box_aspect(1)
        ranked = part.sort_values("difference")
        rank = np.linspace(0, 100, len(ranked)) if len(ranked) > 1 else np.array([50.0])
        last.plot(rank, ranked["difference"], color=colour, linewidth=1.6, label=model)
        if ranked["low"].notna().any():
            last.fill_between(rank, ranked["low"].astype(float), ranked["high"].astype(float), color=colour, alpha=0.2)
    if models:
        last.axhline(0, color=GREY, linewidth=0.8)
        last.set(xlabel="variants, ranked (%)", ylabel="variant - reference")
        last.legend(fontsize=7)
    sizes = ", ".join(
        f"{model} {rows.loc[rows['model'] == model, 'difference'].abs().median():.3g}" for model in models
    )
    caption = (
        f"Variants of {name}: predicted expression of each allele against that of the reference sequence, by model, "
        f"and the differences ranked. {_refusals(statuses)} Median absolute effect: {sizes or 'none'}. Points off the "
        "diagonal are variants with an effect; shaded, where there are replicates: 95 % interval of their mean."
    )
    columns = ["line", "chromosome", "position", "alternative_allele", "sequence", "model"]
    table = rows[[*columns, "reference", "alternative", "difference", "low", "high"]]
    save_figure(figure, table, svg, f"Effects of variants, {name}", caption)

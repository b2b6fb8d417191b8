"""Figures of what models see in sequences: effects of substitutions base by base, and how far models agree.

Inputs: effects of the mutagenesis, measured variants, correlations of profiles. Outputs: figures with their tables and
captions.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator

from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure

BASES = "ACGT"
LETTER_COLOURS = {"A": PALETTE[2], "C": PALETTE[0], "G": PALETTE[1], "T": PALETTE[3]}
EFFECT_CMAP = "RdBu_r"
MARKERS = "osD^vP*X"
#: Share of the width of a base that its letter takes, and inches per base.
LETTER_WIDTH, INCHES_PER_BASE = 0.92, 0.105
METHOD_NAMES = {"gradient_x_input": "gradient x input", "integrated_gradients": "integrated gradients"}


def _letter_paths() -> dict[str, Path]:
    """Outlines of the four letters in a box of width and height 1."""
    paths = {}
    for base in BASES:
        outline = TextPath((0, 0), base, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold"))
        box = outline.get_extents()
        paths[base] = Path((outline.vertices - [box.x0, box.y0]) / [box.width, box.height], outline.codes)
    return paths


def draw_logo(panel: Axes, position: np.ndarray, bases: list[str], heights: np.ndarray) -> None:
    """Draw one letter per position, from the zero line up or (upside down) down.

    Parameters
    ----------
    panel : Axes
    position : int array, (n,)
    bases : list of str
    heights : float array, (n,)
    """
    paths = _letter_paths()
    for base, colour in LETTER_COLOURS.items():
        chosen = [i for i, b in enumerate(bases) if b == base and heights[i] != 0]
        if not chosen:
            continue
        vertices = [
            paths[base].vertices * [LETTER_WIDTH, heights[i]] + [position[i] - LETTER_WIDTH / 2, 0] for i in chosen
        ]
        codes = np.tile(paths[base].codes, len(chosen))
        panel.add_patch(PathPatch(Path(np.concatenate(vertices), codes), facecolor=colour, linewidth=0))
    panel.axhline(0, color=GREY, linewidth=0.5)


def mutagenesis_figure(effects: pd.DataFrame, variants: pd.DataFrame | None = None) -> tuple[Figure, pd.DataFrame, str]:
    """Logo and heat map of the substitutions of one sequence, model above model; measured variants below.

    Parameters
    ----------
    effects : DataFrame
        ``model``, ``id``, ``position``, ``base``, ``substitution``, ``effect`` of one sequence.
    variants : DataFrame, optional
        ``position``, ``substitution`` and, where known, ``measured`` of variants of that sequence. Marked by boxes;
        those that were measured are compared with the predictions in a panel of their own.

    Returns
    -------
    figure, table, caption
        The table has the effects drawn, ``position_score`` (mean of the three substitutions) and ``measured``.
    """
    models = effects["model"].drop_duplicates().tolist()
    table = effects[["model", "id", "position", "base", "substitution", "effect"]].copy()
    table["position_score"] = table.groupby(["model", "position"])["effect"].transform("mean")
    variants = pd.DataFrame(columns=["position", "substitution", "measured"]) if variants is None else variants
    marked = variants.reindex(columns=["position", "substitution", "measured"]).assign(variant=True)
    marked = marked.astype({"position": table["position"].dtype, "measured": float})
    table = table.merge(marked, on=["position", "substitution"], how="left")
    table["variant"] = table["variant"].eq(True)
    shown = table[table["measured"].notna()]
    ratios = [1.25, 0.75] * len(models) + ([1.4] if len(shown) else [])
    first, last = table["position"].min(), table["position"].max()
    width = 2.4 + INCHES_PER_BASE * max(last - first + 1, 40)
    figure, panels = new_figure(
        width, 0.5 + 0.85 * sum(ratios), nrows=len(ratios), sharex=True, height_ratios=ratios, squeeze=False
    )
    panels = panels[:, 0]
    largest = max(table["effect"].abs().max(), 1e-12)
    scores = table.drop_duplicates(["model", "position"])
    lowest, highest = min(0, -scores["position_score"].max()), max(0, -scores["position_score"].min())
    image = None
    for i, model in enumerate(models):
        logo, heat = panels[2 * i], panels[2 * i + 1]
        own, rows = scores[scores["model"] == model], table[table["model"] == model]
        draw_logo(logo, own["position"].to_numpy(), own["base"].tolist(), -own["position_score"].to_numpy())
        logo.set_ylim(lowest - 0.05 * (highest - lowest) - 1e-9, highest + 0.05 * (highest - lowest) + 1e-9)
        logo.set_title(model, loc="left")
        logo.tick_params(bottom=False)
        logo.spines["bottom"].set_visible(False)
        grid = np.full((4, last - first + 1), np.nan)
        grid[[BASES.index(b) for b in rows["substitution"]], rows["position"] - first] = rows["effect"]
        frame = (first - 0.5, last + 0.5, 3.5, -0.5)
        norm = TwoSlopeNorm(0, -largest, largest)
        image = heat.imshow(grid, cmap=EFFECT_CMAP, norm=norm, aspect="auto", extent=frame, interpolation="none")
        heat.set_facecolor("#CCCCCC")
        heat.set_yticks(range(4), list(BASES), fontsize=6)
        heat.tick_params(length=0)
        heat.spines[:].set_visible(False)
        for row in rows[rows["variant"]].itertuples():
            corner = (row.position - 0.5, BASES.index(row.substitution) - 0.5)
            heat.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=1.1, clip_on=False))
    figure.supylabel("what the base adds\n(minus mean effect of substitutions)", fontsize=9)
    if len(shown):
        _draw_measured(panels[-1], shown, models)
    panels[-1].set_xlabel("position in the sequence (bp, 0-based)")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    panels[-1].set_xlim(first - 0.5, last + 0.5)
    bar = figure.colorbar(image, ax=panels[: 2 * len(models)], fraction=0.02, pad=0.01, aspect=30)
    bar.set_label("effect of a substitution on\npredicted expression")
    caption = (
        f"In-silico mutagenesis of {effects['id'].iloc[0]}. Every base from {first} to {last} was replaced by the "
        "three others. Letters: minus the mean change of the prediction: a base that raises expression points up. "
        "Heat map: the change for each base put in; the sequence's own base is grey. Models that learned the same "
        "grammar show the same letters."
    )
    if table["variant"].any():
        n = len(shown.drop_duplicates(["position", "substitution"]))
        caption += f" Boxes mark variants; {n} of them were measured." + (
            " Below: measured and predicted changes." if n else ""
        )
    return figure, table, caption


def _draw_measured(panel: Axes, shown: pd.DataFrame, models: list[str]) -> None:
    """Measured changes of variants, and on an axis of its own (scales may differ) the change each model predicts."""
    panel.axhline(0, color=GREY, linewidth=0.5)
    measured = shown.drop_duplicates(["position", "substitution"])
    panel.vlines(measured["position"], 0, measured["measured"], color="black", linewidth=0.8)
    panel.scatter(measured["position"], measured["measured"], marker="_", s=70, color="black", label="measured")
    beside = panel.twinx()
    beside.spines["right"].set_visible(True)
    for i, model in enumerate(models):
        own = shown[shown["model"] == model]
        aside = 0.8 * ((i + 1) / (len(models) + 1) - 0.5)
        look = {"marker": MARKERS[i % len(MARKERS)], "color": PALETTE[i % 7], "s": 14, "linewidth": 0, "alpha": 0.85}
        beside.scatter(own["position"] + aside, own["effect"], label=model, **look)
    for axis, column in ((panel, "measured"), (beside, "effect")):
        reach = 1.15 * max(shown[column].abs().max(), 1e-12)
        axis.set_ylim(-reach, reach)
    panel.set_ylabel("measured change", fontsize=8)
    beside.set_ylabel("predicted change", fontsize=8)
    panel.set_title("variants", loc="left")
    handles = [*panel.get_legend_handles_labels()[0], *beside.get_legend_handles_labels()[0]]
    beside.legend(
        handles, ["measured", *models], loc="lower right", bbox_to_anchor=(1, 1), ncols=len(handles), fontsize=7
    )


def agreement_figure(
    agreement: pd.DataFrame, models: list[str], checks: pd.DataFrame | None = None
) -> tuple[Figure, pd.DataFrame, str]:
    """Heat map of how far the models' profiles agree, and the second opinion of gradients on each model.

    Parameters
    ----------
    agreement : DataFrame
        See :func:`cisflow.interpret.agreement.agreement`.
    models : list of str
        In the order of the drawing.
    checks : DataFrame, optional
        See :func:`cisflow.interpret.attribution.attribute`: what the integrated gradients leave over, for the caption.

    Returns
    -------
    figure, table, caption
        The table has mean and range of the correlations over the sequences.
    """
    groups = agreement.dropna(subset="pearson").groupby(["kind", "first", "second"], sort=False)["pearson"]
    table = groups.agg(sequences="size", mean="mean", low="min", high="max").reset_index()
    methods, pairs = (table[table["kind"] == kind] for kind in ("methods", "models"))
    size = 0.62 * max(len(models), 3)
    widths = ([size + 0.6] if len(pairs) else []) + ([2.4] if len(methods) else [])
    figure, panels = new_figure(
        1.8 + (sum(widths) or 2.4), 1.2 + size, ncols=max(len(widths), 1), width_ratios=widths or None, squeeze=False
    )
    if len(pairs):
        _draw_pairs(panels[0, 0], pairs, models)
    if len(methods):
        _draw_methods(panels[0, -1], methods, models)
    if table.empty:
        panels[0, 0].text(0.5, 0.5, "one model without gradients:\nnothing to compare", ha="center", va="center")
        panels[0, 0].set_axis_off()
    sequences = agreement["id"].nunique()
    caption = f"Agreement over {sequences} sequences."
    if len(pairs):
        caption += (
            " Heat map: Pearson r between the position scores of two models along a sequence, mean and range over the "
            "sequences; 1 means that they see the same bases."
        )
    if len(methods):
        caption += (
            " Points: r between the position scores and the attributions of gradients of the same model (bar: range; "
            "models that are no networks have none); near 1 the two methods tell of the same bases."
        )
    return figure, table, caption + _delta_sentence(checks)


def _delta_sentence(checks: pd.DataFrame | None) -> str:
    """How well the integrated gradients add up, in words; nothing without gradients."""
    if checks is None or checks.empty:
        return ""
    change = (checks["prediction"] - checks["baseline"]).abs().groupby(checks["model"], sort=False).mean()
    delta = checks["delta"].abs().groupby(checks["model"], sort=False).agg(["mean", "max"])
    told = [
        f"{name} {row['mean']:.2g} (at most {row['max']:.2g}) of {change[name]:.3g}" for name, row in delta.iterrows()
    ]
    return (
        " What the integrated gradients leave over of the change from the baseline (delta), mean: "
        + "; ".join(told)
        + "."
    )


def _draw_pairs(panel: Axes, pairs: pd.DataFrame, models: list[str]) -> None:
    """Heat map of the correlations between models."""
    n = len(models)
    grid = np.full((n, n), np.nan)
    for row in pairs.itertuples():
        i, j = models.index(row.first), models.index(row.second)
        grid[i, j] = grid[j, i] = row.mean
        colour = "white" if row.mean > 0.65 else "black"
        text = f"{row.mean:.2f}\n{row.low:.2f} to {row.high:.2f}"
        for place in ((i, j), (j, i)):
            panel.text(*place, text, ha="center", va="center", fontsize=6.5, color=colour)
    panel.set_facecolor("#E8E8E8")
    image = panel.imshow(grid, cmap="Blues", vmin=0, vmax=1)
    extend = "min" if pairs["mean"].min() < 0 else "neither"
    panel.figure.colorbar(image, ax=panel, fraction=0.045, pad=0.02, extend=extend)
    panel.set_xticks(range(n), models, rotation=30, ha="right")
    panel.set_yticks(range(n), models)
    panel.set_title("position scores of two models\n(mean Pearson r, range over sequences)", fontsize=9)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)


def _draw_methods(panel: Axes, methods: pd.DataFrame, models: list[str]) -> None:
    """Correlations of the mutagenesis with the attributions of each model."""
    for i, (method, rows) in enumerate(methods.groupby("second", sort=False)):
        place = np.array([models.index(m) for m in rows["first"]]) + (i - 0.5) * 0.24
        span = np.abs(rows[["low", "high"]].to_numpy().T - rows["mean"].to_numpy())
        look = {"fmt": MARKERS[i], "color": PALETTE[i], "markersize": 4, "linewidth": 1}
        panel.errorbar(rows["mean"], place, xerr=span, label=METHOD_NAMES[method], **look)
    panel.set_ylim(len(models) - 0.5, -0.5)
    panel.set_yticks(range(len(models)), models)
    panel.set_xlim(min(0, methods["low"].min() - 0.05), 1.02)
    panel.set_xlabel("Pearson r with the mutagenesis")
    panel.legend(loc="lower left", bbox_to_anchor=(0, 1.0), fontsize=7)


def save_interpretation(
    effects: pd.DataFrame,
    variants: pd.DataFrame | None,
    agreement: pd.DataFrame,
    svgs: tuple[str, str],
    label: str = "",
    checks: pd.DataFrame | None = None,
) -> None:
    """Draw and save both figures.

    Parameters
    ----------
    effects, variants : DataFrame
        See :func:`mutagenesis_figure`; of one sequence.
    agreement, checks : DataFrame
        See :func:`agreement_figure`.
    svgs : tuple of path
        Mutagenesis, agreement.
    label : str
        Name of the dataset for titles.
    """
    models = effects["model"].drop_duplicates().tolist()
    behind = f", {label}" if label else ""
    drawn = (mutagenesis_figure(effects, variants), agreement_figure(agreement, models, checks))
    titles = (f"In-silico mutagenesis of {effects['id'].iloc[0]}{behind}", f"What the models agree on{behind}")
    for (figure, table, caption), svg, title in zip(drawn, svgs, titles, strict=True):
        save_figure(figure, table, svg, title, caption)

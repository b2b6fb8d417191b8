"""Figures of the Prix Fixe grid: heat maps of both scores over all 81 combinations, and what each part does.

Inputs: scores of the combinations of a run. Outputs: figures with their tables and captions.
Source of the content: Rafi et al. 2024, figure 2b and 2c.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from cisflow.evaluation.grid import METRICS, pairs_of_part, part_tests
from cisflow.figures.style import GREY, PALETTE, new_figure
from cisflow.models.prix_fixe import PARTS, TEAMS, cells

TEAM_NAMES = {"autosome": "Autosome.org", "bhi": "BHI", "unlockdna": "UnlockDNA"}
SHORT_NAMES = {"autosome": "Auto.", "bhi": "BHI", "unlockdna": "Unlock"}
PART_NAMES = {"data": "data and trainer", "first": "first block", "core": "core block", "final": "final block"}
METRIC_NAMES = {"pearson_score": "Pearson Score", "spearman_score": "Spearman Score"}
TEAM_COLOURS = dict(zip(TEAMS, (PALETTE[0], PALETTE[1], PALETTE[2]), strict=True))
HATCH, NOT_RUN, FRAME = "////", "#D9D9D9", PALETTE[3]
SIZE = len(TEAMS) ** 2


def _place(cell: object) -> tuple[int, int]:
    """Row (data, first) and column (core, final) of a combination."""
    number = {part: TEAMS.index(getattr(cell, part)) for part in PARTS}
    return 3 * number["data"] + number["first"], 3 * number["core"] + number["final"]


def _draw_grid(panel: Axes, table: pd.DataFrame, metric: str) -> object:
    """Heat map of a score; combinations that cannot exist are hatched, those not in the run grey."""
    values = np.full((SIZE, SIZE), np.nan)
    known = table.set_index("cell")[metric]
    for cell in cells():
        row, column = _place(cell)
        if cell.refusal is not None:
            look = {"facecolor": "white", "edgecolor": "#B5B5B5", "hatch": HATCH, "linewidth": 0}
            panel.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **look))
        elif cell.code not in known.index:
            panel.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=NOT_RUN, linewidth=0))
        else:
            values[row, column] = known[cell.code]
    low, high = np.nanmin(values), np.nanmax(values)
    room = max(0.02 * (high - low), 0.002)
    image = panel.imshow(values, cmap="viridis", vmin=low - room, vmax=high + room, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            colour = "black" if (value - low) / max(high - low, 1e-12) > 0.6 else "white"
            panel.text(column, row, f"{value:.3f}", ha="center", va="center", fontsize=7, color=colour)
    row, column = np.unravel_index(np.nanargmax(values), values.shape)
    frame = {"fill": False, "edgecolor": FRAME, "linewidth": 2.4, "zorder": 4, "clip_on": False}
    panel.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **frame))
    for edge in (2.5, 5.5):
        panel.axhline(edge, color="white", linewidth=3)
        panel.axvline(edge, color="white", linewidth=3)
    panel.set_xticks(range(SIZE), [SHORT_NAMES[TEAMS[i % 3]] for i in range(SIZE)], fontsize=8, rotation=40)
    panel.set_yticks(range(SIZE), [SHORT_NAMES[TEAMS[i % 3]] for i in range(SIZE)], fontsize=8)
    for i, team in enumerate(TEAMS):
        beside = {"fontsize": 8, "ha": "center", "va": "center", "fontweight": "bold"}
        panel.text(3 * i + 1, -0.85, TEAM_NAMES[team], **beside)
        panel.text(-1.95, 3 * i + 1, TEAM_NAMES[team], rotation=90, **beside)
    panel.set_title(METRIC_NAMES[metric], pad=46)
    panel.text(4, -1.45, "core block", ha="center", va="center", fontsize=8)
    panel.set_xlabel("final block (within each core block)")
    panel.text(-2.45, 4, "data and trainer", rotation=90, ha="center", va="center", fontsize=8)
    panel.set_ylabel("first block", fontsize=8, labelpad=1)
    panel.yaxis.set_label_coords(-0.035, 1.03)
    panel.yaxis.label.set(rotation=0, ha="right")
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
    panel.set(xlim=(-0.5, SIZE - 0.5), ylim=(SIZE - 0.5, -0.5))
    return image


def grid_figure(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Heat maps of both total scores over the 81 combinations.

    Parameters
    ----------
    table : DataFrame
        See :func:`cisflow.evaluation.grid.grid_table`.

    Returns
    -------
    figure, table, caption
        The table has a row per combination: ``cell, data, first, core, final, state`` (trained, not in this run, cannot
        exist), ``reason`` and what the table of the grid says of it.
    """
    figure, panels = new_figure(12.4, 5.6, ncols=2)
    for panel, metric in zip(panels, METRICS, strict=True):
        image = _draw_grid(panel, table, metric)
        figure.colorbar(image, ax=panel, shrink=0.75, pad=0.02, aspect=25)
    kinds = [Patch(facecolor="white", edgecolor="#B5B5B5", hatch=HATCH, linewidth=0, label="parts do not fit")]
    compatible = [cell for cell in cells() if cell.refusal is None]
    trained = set(table["cell"])
    if len(trained) < len(compatible):
        kinds.append(Patch(facecolor=NOT_RUN, label="not in this run"))
    kinds.append(Patch(facecolor="none", edgecolor=FRAME, linewidth=2, label="highest"))
    figure.legend(handles=kinds, loc="outside lower center", ncols=3, fontsize=8)
    best = {metric: table.loc[table[metric].idxmax()] for metric in METRICS}
    told = "; ".join(
        f"{METRIC_NAMES[metric]} {row[metric]:.3f} ({row[f'{metric}_low']:.3f} to {row[f'{metric}_high']:.3f}) of "
        f"{row['cell']} (" + ", ".join(TEAM_NAMES[row[part]] for part in PARTS) + ")"
        for metric, row in best.items()
    )
    caption = (
        f"{len(trained)} of the {len(compatible)} combinations of data and trainer (rows, bold), first block (rows), "
        "core "
        "block (columns, bold) and final block (columns) that fit together; the "
        f"{SIZE * SIZE - len(compatible)} others are hatched. Highest: {told}; 95 % intervals over the test items. "
        "Each "
        "panel has a colour scale of its own. Neighbours within the interval of each other are not apart."
    )
    rows = [
        {
            "cell": cell.code,
            **{part: getattr(cell, part) for part in PARTS},
            "state": "cannot exist" if cell.refusal else ("trained" if cell.code in trained else "not in this run"),
            "reason": cell.refusal or "",
        }
        for cell in cells()
    ]
    drawn = pd.DataFrame(rows).merge(table.drop(columns=list(PARTS)), on="cell", how="left")
    return figure, drawn, caption


def _p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _draw_part(
    panel: Axes, table: pd.DataFrame, pairs: pd.DataFrame, tests: pd.DataFrame, part: str, metric: str
) -> None:
    """Scores by the team of a part: boxes, points, lines between combinations that are otherwise the same."""
    teams = [team for team in TEAMS if (table[part] == team).any()]
    lines = pairs[pairs["same_final"] & (pairs["metric"] == metric)]
    for row in lines.itertuples():
        one, two = teams.index(row.first_team), teams.index(row.second_team)
        if two - one == 1:
            panel.plot([one, two], [row.first_value, row.second_value], color=GREY, linewidth=0.6, alpha=0.6, zorder=1)
    values = [table.loc[table[part] == team, metric].to_numpy() for team in teams]
    boxes = panel.boxplot(values, positions=range(len(teams)), widths=0.5, showfliers=False, patch_artist=True,
                          medianprops={"color": "black"}, zorder=2)  # fmt: skip
    for box, team in zip(boxes["boxes"], teams, strict=True):
        box.set(facecolor=TEAM_COLOURS[team], alpha=0.35, linewidth=0.8)
    for place, (team, own) in enumerate(zip(teams, values, strict=True)):
        panel.scatter(np.full(len(own), place), own, s=13, color=TEAM_COLOURS[team], linewidth=0, zorder=3)
    drawn = tests[tests["metric"] == metric]
    low, high = panel.get_ylim()
    step = 0.12 * (high - low)
    panel.set_yticks([tick for tick in panel.get_yticks() if low <= tick <= high])
    for level, test in enumerate(drawn.itertuples()):
        left, right = teams.index(test.first_team), teams.index(test.second_team)
        height = high + step * (level + 0.3)
        ends = [height - 0.2 * step, height, height, height - 0.2 * step]
        panel.plot([left, left, right, right], ends, color="black", linewidth=0.9)
        mark = "" if test.same_final else "*"
        panel.annotate(f"{_p_text(test.p_holm)}{mark} (n = {test.pairs})", ((left + right) / 2, height), (0, 1),
                       textcoords="offset points", ha="center", va="bottom", fontsize=7)  # fmt: skip
    panel.set_ylim(low, high + step * (len(drawn) + 0.6))
    panel.set_xticks(range(len(teams)), [TEAM_NAMES[team] for team in teams], fontsize=8)
    panel.set_xlim(-0.5, len(teams) - 0.5)


def parts_figure(table: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Scores by the team of each part, on combinations that are otherwise the same, with paired tests.

    Parameters
    ----------
    table : DataFrame
        See :func:`cisflow.evaluation.grid.grid_table`.

    Returns
    -------
    figure, table, caption
        The table has the tests (:func:`cisflow.evaluation.grid.part_tests`, ``kind`` test) and the pairs behind them
        (``kind`` pair: ``others, first_value, second_value``).
    """
    figure, panels = new_figure(12.0, 6.6, nrows=len(METRICS), ncols=len(PARTS), sharex="col")
    parts = []
    for column, part in enumerate(PARTS):
        pairs = pairs_of_part(table, part)
        tests = part_tests(pairs)
        parts += [tests.assign(kind="test"), pairs.assign(kind="pair")]
        for panel, metric in zip(panels[:, column], METRICS, strict=True):
            _draw_part(panel, table, pairs, tests, part, metric)
        panels[0, column].set_title(PART_NAMES[part])
    for panel, metric in zip(panels[:, 0], METRICS, strict=True):
        panel.set_ylabel(METRIC_NAMES[metric])
    order = ["kind", "part", "metric", "first_team", "second_team", "same_final", "pairs", "difference", "low", "high"]
    order += ["t", "df", "p_value", "p_wilcoxon", "p_holm", "others", "first_value", "second_value"]
    found = pd.concat([frame.reindex(columns=order) for frame in parts if len(frame)] or parts[:1], ignore_index=True)
    found = found.reindex(columns=order).astype({"pairs": "Int64", "df": "Int64"})
    trainers = found[(found["kind"] == "test") & (found["part"] == "data") & (found["metric"] == "pearson_score")]
    told = [
        f"{TEAM_NAMES[row.first_team]} minus {TEAM_NAMES[row.second_team]} {row.difference:+.3f} ({row.low:+.3f} to "
        f"{row.high:+.3f}, {row.pairs} pairs, {_p_text(row.p_holm)})"
        for row in trainers.itertuples()
    ]
    caption = (
        f"Scores of {len(table)} combinations by the team of each part; grey lines join combinations that differ in "
        "that "
        "part alone (drawn between neighbouring boxes). Boxes: median, quartiles, and the furthest points within 1.5 "
        "times "
        "their distance. Brackets: two-sided paired t-tests over such pairs, adjusted over the pairs of teams (Holm); "
        "n "
        "counts the pairs. * UnlockDNA's data and trainer exist with its own final block only: pairs have the same "
        "first "
        "and core block, and the other team's value is the mean over its final blocks."
        + (f" Data and trainer, Pearson Score: {'; '.join(told)}." if told else "")
        + " The pairs share blocks and test items, so that p-values tell how consistent a difference is within this "
        "grid."
    )
    return figure, found, caption

"""Figure of model size against score: all models of a dataset, and the front that no smaller model reaches.

Inputs: total scores and parameters of models. Outputs: a figure, the numbers that it draws, and its caption.
Source of the content: Rafi et al. 2024, figure 2d and 2e.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cisflow.evaluation.grid import METRICS, pareto_front
from cisflow.figures.labels import label_points
from cisflow.figures.prix_fixe import METRIC_NAMES, TEAM_COLOURS, TEAM_NAMES
from cisflow.figures.style import GREY, PALETTE, new_figure, short_number
from cisflow.models.prix_fixe import TEAMS, Cell

#: More models than this: only those on the front are named.
MOST_NAMED = 12
CORE_MARKERS = {"autosome": "o", "bhi": "s", "unlockdna": "^"}
#: Models that are no Prix Fixe combination.
OTHER = {"color": PALETTE[4], "marker": "D"}


def _look(cell: Cell | None) -> dict[str, str]:
    """Colour by data and trainer, marker by core block."""
    return OTHER if cell is None else {"color": TEAM_COLOURS[cell.data], "marker": CORE_MARKERS[cell.core]}


def _steps(front: np.ndarray, end: float) -> np.ndarray:
    """Corners (k, 2) of the steps through the points of a front (n, 2), drawn on to the end of the panel."""
    x = np.append(np.repeat(front[:, 0], 2)[1:], end)
    return np.column_stack([x, np.repeat(front[:, 1], 2)])


def _draw_scores(panel: Axes, table: pd.DataFrame, metric: str, cells: Mapping[str, Cell]) -> np.ndarray:
    """Points with intervals and the front as steps; returns the places of the models on the front."""
    value, size = table[metric].to_numpy(), table["parameters"].to_numpy()
    front = pareto_front(size, value)
    error = np.vstack([value - table[f"{metric}_low"], table[f"{metric}_high"] - value]).clip(min=0)
    panel.errorbar(size, value, yerr=error, fmt="none", ecolor=GREY, elinewidth=0.7, alpha=0.7, zorder=1)
    for place, model in enumerate(table["model"]):
        edge = {"edgecolors": "black", "linewidths": 0.9} if place in front else {"linewidths": 0}
        panel.scatter(size[place], value[place], s=30, zorder=3, **_look(cells.get(model)), **edge)
    panel.set_xscale("log")
    panel.margins(x=0.12, y=0.12)
    if size.max() < 3 * size.min():
        panel.set_xlim(size.min() / 2, 2 * size.max())
    end = panel.get_xlim()[1]
    steps = _steps(np.column_stack([size, value])[front], end)
    panel.plot(*steps.T, color="black", linewidth=1, linestyle="--", zorder=2)
    panel.set_xlim(right=end)
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(FuncFormatter(short_number))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set(xlabel="parameters (log scale)", ylabel=METRIC_NAMES[metric])
    return front


def _legend(table: pd.DataFrame, cells: Mapping[str, Cell]) -> list[Line2D]:
    point = {"linestyle": "none", "markersize": 5}
    found = [cells[model] for model in table["model"] if model in cells]
    handles = [
        Line2D([], [], marker="o", color=TEAM_COLOURS[team], label=f"data and trainer {TEAM_NAMES[team]}", **point)
        for team in TEAMS
        if any(cell.data == team for cell in found)
    ]
    handles += [
        Line2D([], [], marker=CORE_MARKERS[team], color=GREY, label=f"core {TEAM_NAMES[team]}", **point)
        for team in TEAMS
        if any(cell.core == team for cell in found)
    ]
    if len(found) < len(table):
        handles.append(Line2D([], [], label="other models" if found else "models", **OTHER, **point))
    handles.append(Line2D([], [], color="black", linestyle="--", linewidth=1, label="best at no more parameters"))
    return handles


def parameters_figure(table: pd.DataFrame, cells: Mapping[str, Cell]) -> tuple[Figure, pd.DataFrame, str]:
    """Both total scores against the number of parameters.

    Parameters
    ----------
    table : DataFrame
        See :func:`cisflow.evaluation.grid.scores_of_models`.
    cells : mapping of str to Cell
        The models that are Prix Fixe combinations.

    Returns
    -------
    figure, table, caption
        The table is the one given, with ``cell`` and, for both scores, whether the model is on the front.
    """
    table = table.reset_index(drop=True)
    drawn = table.assign(cell=[cells[m].code if m in cells else "" for m in table["model"]])
    figure, panels = new_figure(11.0, 4.8, ncols=2)
    fronts = {}
    for panel, metric in zip(panels, METRICS, strict=True):
        fronts[metric] = _draw_scores(panel, table, metric, cells)
        drawn[f"on_front_{metric.removesuffix('_score')}"] = np.isin(np.arange(len(table)), fronts[metric])
    handles = _legend(table, cells)
    figure.legend(
        handles=handles, loc="outside lower center", ncols=4 if len(handles) > 4 else len(handles), fontsize=8
    )
    figure.canvas.draw()  # the layout is final before names are placed
    figure.set_layout_engine("none")
    for panel, metric in zip(panels, METRICS, strict=True):
        named = np.arange(len(table)) if len(table) <= MOST_NAMED else fronts[metric]
        places = table.iloc[named]
        points = table[["parameters", metric]].to_numpy(np.float64)
        ends = table[[f"{metric}_low", f"{metric}_high"]].to_numpy()
        lines = [
            np.column_stack([np.repeat(size, 2), low_high]) for size, low_high in zip(points[:, 0], ends, strict=True)
        ]
        lines.append(_steps(points[fronts[metric]], panel.get_xlim()[1]))
        names = places["model"].tolist()
        label_points(panel, places["parameters"], places[metric], names, avoid=points, lines=lines)
    told = [
        f"{METRIC_NAMES[metric]}: "
        + ", ".join(f"{table['model'][i]} ({table['parameters'][i]:,}; {table[metric][i]:.3f})" for i in fronts[metric])
        for metric in METRICS
    ]
    caption = (
        f"{len(table)} models; 95 % intervals over the test items. Dashed: the best score with so many parameters or "
        "fewer; "
        f"models on that front have a black edge{' and a name' if len(table) > MOST_NAMED else ''}. "
        + "; ".join(told)
        + ". A steep front says that size pays; a flat one that small models do as well."
    )
    return figure, drawn, caption

"""Figure of the speed of models: time of a training step, throughput at growing batches, memory.

Inputs: seconds of every repeat and their summary. Outputs: a figure, the numbers that it draws, and its caption.
Source of the content: Rafi et al. 2024 (box plots over repeats).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from cisflow.figures.style import GREY, PALETTE, new_figure, short_number

#: Why batches stopped growing: marker of the last batch, and what it means.
LIMIT_MARKERS = {
    "largest": ("o", "largest batch asked for"),
    "time": (">", "stopped: time"),
    "memory": ("s", "stopped: memory allowed"),
    "error": ("X", "stopped: out of memory"),
}
LINES = ("-", "--", ":", "-.")


def _boxes(panel: Axes, values: list[np.ndarray], places: np.ndarray, colours: list[str], width: float) -> None:
    """Horizontal boxes of repeats."""
    drawn = panel.boxplot(values, positions=places, widths=width, orientation="horizontal", patch_artist=True,
                          medianprops={"color": "black"}, flierprops={"markersize": 2.5, "marker": "o"},
                          manage_ticks=False)  # fmt: skip
    for box, colour in zip(drawn["boxes"], colours, strict=True):
        box.set(facecolor=colour, alpha=0.55, linewidth=0.8)


def _scale(axis: Axis, values: np.ndarray) -> None:
    """Log scale where the values differ by more than a factor of five."""
    if values.max() > 5 * values.min():
        getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if values.max() < 300 * values.min() else (1,)))
        axis.set_major_formatter(FuncFormatter(short_number))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.axes.set(**{f"{axis.axis_name}lim": (0, 1.08 * values.max())})


def _best_batches(forward: pd.DataFrame) -> pd.DataFrame:
    """Batch size with the highest median throughput of each model."""
    return forward.loc[forward.groupby("model", sort=False)["sequences_per_second"].idxmax()].set_index("model")


def _draw_growth(panel: Axes, forward: pd.DataFrame, colours: dict[str, str]) -> None:
    """Throughput by batch size, with the reason why it ends."""
    for i, (model, colour) in enumerate(colours.items()):
        own = forward[forward["model"] == model]
        look = {"color": colour, "linestyle": LINES[i // len(PALETTE) % len(LINES)], "linewidth": 1.3}
        panel.plot(own["batch_size"], own["sequences_per_second"], label=model, **look)
        span = [own["sequences_per_second_low"], own["sequences_per_second_high"]]
        panel.vlines(own["batch_size"], *span, color=colour, linewidth=2.2, alpha=0.6)
        last, end = own.iloc[-1], {"s": 30, "color": colour, "zorder": 3}
        panel.scatter(last["batch_size"], last["sequences_per_second"], marker=LIMIT_MARKERS[last["limit"]][0], **end)
    panel.set_xscale("log", base=2)
    _scale(panel.yaxis, forward["sequences_per_second"].to_numpy())
    sizes = np.sort(forward["batch_size"].unique())
    panel.xaxis.set_major_locator(FixedLocator(sizes[:: max(1, len(sizes) // 6)]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:.0f}"))
    panel.set(xlabel="sequences per batch", ylabel="sequences per second", title="forward pass, growing batches")
    reasons = [limit for limit in LIMIT_MARKERS if (forward["limit"] == limit).any()]
    handles = panel.get_legend_handles_labels()[0]
    for marker, label in (LIMIT_MARKERS[reason] for reason in reasons):
        handles.append(Line2D([], [], color=GREY, marker=marker, linestyle="none", label=label))
    panel.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7)


def speed_figure(repeats: pd.DataFrame, summary: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Draw training steps, throughput and memory of all models.

    Parameters
    ----------
    repeats, summary : DataFrame
        See :func:`cisflow.models.speed.measure_speed`.

    Returns
    -------
    figure, table, caption
        The table is the summary.
    """
    models = summary["model"].drop_duplicates().tolist()
    n, places = len(models), np.arange(len(models))
    colours = {model: PALETTE[i % len(PALETTE)] for i, model in enumerate(models)}
    figure, panels = new_figure(14.0, max(3.4, 1.5 + 0.34 * n), ncols=4, width_ratios=[1, 1, 0.7, 1.2])
    training, forward = (repeats[repeats["kind"] == kind] for kind in ("training", "forward"))
    best = _best_batches(summary[summary["kind"] == "forward"])
    batch = int(training["batch_size"].iloc[0])
    at_best = forward[forward["batch_size"] == forward["model"].map(best["batch_size"])]
    boxes = (
        (training, "seconds_per_batch", 1000, f"ms per step of {batch} sequences", "training step"),
        (at_best, "sequences_per_second", 1, "sequences per second", "forward pass, best batch"),
    )
    for panel, (found, column, factor, label, title) in zip(panels, boxes, strict=False):
        values = [factor * found.loc[found["model"] == model, column].to_numpy() for model in models]
        _boxes(panel, values, places, list(colours.values()), 0.6)
        _scale(panel.xaxis, np.concatenate(values))
        panel.set(xlabel=label, title=title)
    for kind, offset, alpha in (("training", -0.18, 0.9), ("forward", 0.18, 0.45)):
        own = summary[summary["kind"] == kind].groupby("model")["peak_memory_mb"].max().reindex(models)
        bars = {"height": 0.34, "color": list(colours.values()), "alpha": alpha, "linewidth": 0}
        panels[2].barh(places + offset, own / 1000, **bars)
    panels[2].set(xlabel="peak memory (GB)\nfull: training, pale: forward", title="memory")
    size = summary.drop_duplicates("model").set_index("model")["parameters"]
    names = [f"{model}\n({size[model]:,})" for model in models]
    for panel, shown in zip(panels[:3], (names, [f"{best['batch_size'][m]}" for m in models], [""] * n), strict=True):
        panel.set_yticks(places, shown, fontsize=8)
        panel.set_ylim(n - 0.5, -0.5)
    panels[1].set_ylabel("sequences per batch", fontsize=8)
    _draw_growth(panels[3], summary[summary["kind"] == "forward"], colours)
    return figure, summary, _caption(summary, batch)


def _caption(summary: pd.DataFrame, batch: int) -> str:
    first = summary.iloc[0]
    steps = summary[summary["kind"] == "training"]
    fastest = steps.loc[steps["seconds_per_batch"].idxmin()]
    forward = summary[summary["kind"] == "forward"]
    most = forward.loc[forward["sequences_per_second"].idxmax()]
    on_cpu = first["device"] == "cpu"
    threads = f", {first['threads']} thread{'s' if first['threads'] > 1 else ''}" if on_cpu else ""
    memory = "of the process, libraries included" if on_cpu else "of the GPU"
    return (
        f"Measured on {first['device_name']}{threads}. Training: {int(first['repeats'])} repeats of "
        f"{int(first['batches'])} steps (supply, forward, backward, optimiser), mean of each repeat; parameters in "
        f"brackets. Fastest: {fastest['model']}, {1000 * fastest['seconds_per_batch']:.3g} ms per step of {batch}. "
        "Forward: network in evaluation mode on encoded sequences, batches doubled up to a limit (end marker), median "
        f"and quartiles of the repeats. Highest: {most['model']}, {most['sequences_per_second']:,.0f} sequences per "
        f"second in batches of {int(most['batch_size'])}. Memory: the highest {memory}. Other work on the machine "
        "widens "
        "the boxes and moves them."
    )

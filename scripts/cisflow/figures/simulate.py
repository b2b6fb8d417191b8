"""Figure of a simulated library: what went into the workflow.

Inputs: truth and bins of a simulated library.
Outputs: a figure with its numbers and caption, see :func:`cisflow.figures.style.save_figure`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cisflow.figures.style import GREY, PALETTE, new_figure, save_figure


def _histogram(panel: str, edges: np.ndarray, counts: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"panel": panel, "name": "", "from": edges[:-1], "to": edges[1:], "count": counts})


def simulated_library(truth: pd.DataFrame, bins: pd.DataFrame, library: str, svg: str | Path) -> None:
    """Draw the true expression of a library with its gates, reads per element, and cells and reads of the bins.

    Parameters
    ----------
    truth : DataFrame
        ``standardised`` and ``reads`` of every element.
    bins : DataFrame
        ``bin, role, lower_gate, upper_gate, cells, reads``; gates in standard deviations of all cells.
    library : str
        Name for title and caption.
    svg : path
        Output; PNG, TSV and JSON get the same stem.
    """
    figure, axes = new_figure(8.4, 5.4, nrows=2, ncols=2)
    expression, reads, labels = truth["standardised"].to_numpy(), truth["reads"].to_numpy(), bins["bin"].tolist()
    gates = np.unique(bins[["lower_gate", "upper_gate"]].to_numpy())
    gates = gates[np.isfinite(gates)]

    margin = max(np.ptp(expression), 1e-6) / 100
    edges = np.linspace(expression.min() - margin, expression.max() + margin, 51)
    elements = np.histogram(expression, edges)[0]
    axes[0, 0].stairs(elements, edges, fill=True, color=PALETTE[0])
    for gate in gates:
        axes[0, 0].axvline(gate, color=GREY, linewidth=0.6, zorder=0)
    axes[0, 0].set(
        xlabel="True mean expression (SD of all cells)", ylabel="Elements", title="Elements and gates (grey)"
    )

    with_reads = reads[reads > 0]
    powers = np.arange(np.floor(np.log2(with_reads.min())), np.ceil(np.log2(with_reads.max() + 1)) + 0.25, 0.5)
    read_edges = np.unique(np.round(2.0**powers))  # whole numbers: no bar between 1 and 2 reads
    depths = np.histogram(with_reads, read_edges)[0]
    axes[0, 1].stairs(depths, read_edges, fill=True, color=PALETTE[2])
    axes[0, 1].set_xscale("log", base=2)
    axes[0, 1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0, 1].set(xlabel="Read pairs", ylabel="Elements", title="Read pairs per element")

    places = np.arange(len(labels))
    for axis, column, colour, unit in (
        (axes[1, 0], "cells", PALETTE[1], "Cells"),
        (axes[1, 1], "reads", PALETTE[2], "Read pairs"),
    ):
        axis.bar(places, bins[column], color=colour)
        axis.set_xticks(places, labels, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
        axis.set(ylabel=unit, title=f"{unit} per bin", xlim=(-0.7, len(labels) - 0.3))
    for axis in axes.ravel():
        axis.yaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))

    table = pd.concat(
        [
            _histogram("elements", edges, elements),
            pd.DataFrame({"panel": "gates", "from": gates, "to": gates}),
            _histogram("reads per element", read_edges, depths),
            *(
                pd.DataFrame({"panel": f"{column} per bin", "name": labels, "count": bins[column]})
                for column in ("cells", "reads")
            ),
        ],
        ignore_index=True,
    )
    table["count"] = table["count"].astype("Int64")
    is_sorted = bins["role"] == "sorted"
    between = expression.std()
    caption = (
        f"Simulated library {library}: {len(truth):,} elements, {bins['cells'][is_sorted].sum():,} sorted cells, "
        f"{bins['reads'][is_sorted].sum():,} read pairs. Top left: true mean expression of the elements; its standard "
        f"deviation is {between:.2f} of that of all cells, the rest is noise between cells; grey: sorting gates. "
        f"Top right: read pairs per element, median {np.median(reads):,.0f}; {int((reads == 0).sum()):,} elements have "
        "none. Bottom: cells and read pairs of the bins; reads follow cells but for the depth of each bin. Elements "
        "should spread over nearly all gates."
    )
    save_figure(figure, table, svg, f"Simulated library {library}", caption)

"""Figure of the concordance of replicates.

Inputs: the combined table of a sample and its table of concordance. Outputs: the figure with its numbers and caption.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.figures.expression import NAMES
from cisflow.figures.style import GREY, PALETTE, draw_density, new_figure, save_figure

UNITS = {"bin-mean": "bins", "maude": "SD of the cells"}
#: Cells of the density across a panel, and pairs of replicates that are drawn.
CELLS, MOST_PAIRS = 45, 6


def plot_concordance(table: pd.DataFrame, concordance: pd.DataFrame, sample: str, method: str, svg: str | Path) -> None:
    """Draw every pair of replicates as a density with the identity and the fitted line.

    Parameters
    ----------
    table : DataFrame
        Combined table with ``expression_{library}`` of each replicate.
    concordance : DataFrame
        See :func:`cisflow.expression.concordance.concordance_table`.
    sample, method : str
        Names for title and caption.
    svg : path
        Output; PNG, TSV and JSON get the same stem.
    """
    drawn = concordance.head(MOST_PAIRS)
    columns = min(3, len(drawn))
    rows = -(-len(drawn) // columns)
    figure, panels = new_figure(3.4 * columns + 0.8, 3.0 * rows + 0.1, nrows=rows, ncols=columns, squeeze=False)
    values = table[[f"expression_{name}" for name in pd.unique(drawn[["first", "second"]].to_numpy().ravel())]]
    low, high = float(values.min().min()), float(values.max().max())
    margin = max(high - low, 1e-6) / 40
    extent = (low - margin, high + margin)
    for panel, pair in zip(panels.flat, drawn.itertuples(), strict=False):
        both = table[[f"expression_{pair.first}", f"expression_{pair.second}"]].dropna().to_numpy()
        if len(both):
            draw_density(panel, *both.T, (*extent, *extent), CELLS, shrink=0.75)
        ends = np.array(extent)
        panel.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label="identity")
        if np.isfinite(pair.slope):
            panel.plot(
                ends,
                pair.slope * ends + pair.offset,
                color=PALETTE[3],
                linewidth=1,
                label=f"fit, slope {pair.slope:.2f}",
            )
        panel.set(
            xlim=extent, ylim=extent, aspect="equal", xlabel=f"{pair.first} ({UNITS[method]})",
            ylabel=f"{pair.second} ({UNITS[method]})",
            title=f"r {pair.pearson:.3f}, rho {pair.spearman:.3f}, n {pair.n:,}",
        )  # fmt: skip
        panel.legend(loc="upper left", fontsize=8)
    for panel in list(panels.flat)[len(drawn) :]:
        panel.set_axis_off()
    worst = concordance.loc[concordance["pearson"].idxmin()] if concordance["pearson"].notna().any() else None
    caption = (
        f"Replicates of sample {sample}, {NAMES[method]}: {len(concordance)} "
        f"{'pair' if len(concordance) == 1 else 'pairs'} on the elements that both have. "
    )
    if worst is not None:
        r, slope = (
            f"{worst[c]:.3f} ({worst[c + '_low']:.3f} to {worst[c + '_high']:.3f})" for c in ("pearson", "slope")
        )
        caption += (
            f"Lowest agreement: {worst['first']} and {worst['second']}, Pearson r = {r} (95 % interval), Spearman "
            f"rho = {worst['spearman']:.3f}, Deming slope {slope}, offset {worst['offset']:.2f}. "
        )
    if len(concordance) > len(drawn):
        caption += f"The first {len(drawn)} pairs are drawn; the table has all. "
    caption += (
        "Good replicates lie along the dashed line of identity. A slope other than 1 or an offset means that the "
        "replicates are on different scales, which their mean would mix; scatter is noise, and with it the ceiling of "
        "any model."
    )
    title = f"Concordance of the replicates, sample {sample} ({NAMES[method]})"
    save_figure(figure, concordance, svg, title, caption)

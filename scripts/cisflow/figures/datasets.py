"""Figure of a dataset: rows per split, their expression, and leakage before and after.

Inputs: a dataset and its leakage table. Outputs: a figure, the numbers that it draws, and its caption.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cisflow.figures.style import GREY, PALETTE, new_figure

COLOURS = {"train": PALETTE[0], "validation": PALETTE[1], "test": PALETTE[2]}
BINS = 40


def _draw_rows(panel: Axes, counts: pd.Series) -> None:
    places = np.arange(len(counts))
    panel.barh(places, counts.to_numpy(), color=[COLOURS[name] for name in counts.index], height=0.65)
    for place, count in zip(places, counts, strict=True):
        panel.annotate(f"{count:,}", (count, place), (4, 0), textcoords="offset points", va="center")
    panel.set_yticks(places, counts.index)
    panel.set_xlim(0, 1.3 * max(counts.max(), 1))
    panel.locator_params(axis="x", nbins=3)
    panel.xaxis.set_major_formatter("{x:,.0f}")
    panel.invert_yaxis()
    panel.set(xlabel="rows", title="Rows per split")


def _densities(rows: pd.DataFrame, scale: str) -> pd.DataFrame:
    """Histograms of expression on common bins, as shares of each split's rows."""
    edges = np.histogram_bin_edges(rows["expression"], bins=BINS)
    parts = []
    for split, part in rows.groupby("split", sort=False):
        share = np.histogram(part["expression"], bins=edges)[0] / len(part)
        centre = (edges[:-1] + edges[1:]) / 2
        parts.append(pd.DataFrame({"panel": scale, "split": split, "x": centre, "value": share}))
    return pd.concat(parts, ignore_index=True)


def _draw_expression(panel: Axes, density: pd.DataFrame, title: str) -> None:
    for split, part in density.groupby("split", sort=False):
        panel.step(part["x"], 100 * part["value"], where="mid", color=COLOURS[split], label=split, linewidth=1.4)
    panel.set(xlabel="expression (scale of its own table)", ylabel="rows of the split (%)", title=title)
    panel.set_ylim(bottom=0)
    panel.legend(fontsize=8)


def _draw_leakage(panel: Axes, leakage: pd.DataFrame, label_of_rows: str) -> None:
    places, width = np.arange(len(leakage)), 0.36
    for offset, column, colour, label in (
        (-0.5, "rows_before", GREY, "plain random split"),
        (0.5, "rows_after", PALETTE[3], "this split"),
    ):
        values = leakage[column].to_numpy()
        at = places + offset * width
        panel.barh(at, values, height=width, color=colour, label=label)
        for place, value in zip(at, values, strict=True):
            panel.annotate(f"{value:,}", (value, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    panel.set_yticks(places, leakage["second"] + "\nnear " + leakage["first"])
    panel.set_xlim(0, 1.3 * max(leakage[["rows_before", "rows_after"]].to_numpy().max(), 1))
    panel.locator_params(axis="x", nbins=4, integer=True)
    panel.xaxis.set_major_formatter("{x:,.0f}")
    panel.set_ylim(len(leakage) + 0.35, -0.6)
    panel.legend(fontsize=8, loc="lower right", ncols=2, columnspacing=1.0, handlelength=1.2)
    panel.set(xlabel=label_of_rows, title="Leakage between splits")


def split_figure(
    rows: pd.DataFrame, leakage: pd.DataFrame, max_distance: int, own_test: bool, homology_score: int | None = None
) -> tuple[Figure, pd.DataFrame, str]:
    """Draw the splits of a dataset.

    Parameters
    ----------
    rows : DataFrame
        ``split`` and ``expression`` of every row.
    leakage : DataFrame
        See :func:`cisflow.datasets.build.leakage_table`.
    max_distance : int
        Edit distance that counts as near-identical, for the axis.
    own_test : bool
        Whether the test rows come from a table or library of their own: their expression may then be on another scale
        and gets a panel of its own.
    homology_score : int, optional
        Local alignment score from which on sequences are homologous, when the split is by homology.

    Returns
    -------
    figure, table, caption
        The table has ``panel, split, x, value``: rows, share of rows per bin of expression, and leaked rows and pairs.
    """
    there = [name for name in COLOURS if (rows["split"] == name).any()]
    rows = rows.assign(split=pd.Categorical(rows["split"], there, ordered=True)).sort_values("split", kind="stable")
    rows["split"] = rows["split"].astype(str)
    counts = rows["split"].value_counts().reindex(there)
    apart = own_test and len(there) > 1
    scales = [[name for name in there if name != "test"], ["test"]] if apart else [there]
    densities = [_densities(rows[rows["split"].isin(names)], " and ".join(names)) for names in scales]
    if apart:
        figure, panels = new_figure(8.4, 5.4, nrows=2, ncols=2)
    else:
        figure, panels = new_figure(9.8, 2.9, ncols=3)
    panels = panels.ravel()
    _draw_rows(panels[0], counts)
    for panel, density in zip(panels[1:-1], densities, strict=True):
        _draw_expression(panel, density, f"Expression: {', '.join(dict.fromkeys(density['split']))}")
    related, within = "near-identical", f"rows with a sequence within {max_distance} edits"
    meaning = f"Near-identical means within {max_distance} substitutions, inserted or deleted bases on either strand. "
    if homology_score is not None:
        related, within = "homologous", "rows with a homologous sequence"
        meaning = (
            f"Homologous means a local alignment of score {homology_score} or more, or within {max_distance} edits, on "
            "either strand. "
        )
    _draw_leakage(panels[-1], leakage, within)
    removed = int(leakage["removed"].sum())
    total = {when: int(leakage[f"pairs_{when}"].sum()) for when in ("before", "after")}
    caption = (
        f"{', '.join(f'{count:,} {name}' for name, count in counts.items())} rows. {meaning}"
        f"A plain random split of the same sizes leaves {total['before']:,} such pairs of sequences between splits, "
        f"this one {total['after']:,}"
        + (f"; {removed:,} training rows near a test sequence were taken out" if removed else "")
        + f". Last panel: rows of a split that have a {related} sequence in another; 0 is what you want, "
        "as scores on such rows reward memory. Training and validation should have the same expression"
        + ("; test rows have a source and scale of their own." if apart else ".")
    )
    table = [pd.DataFrame({"panel": "rows", "split": counts.index, "x": np.nan, "value": counts.to_numpy(float)})]
    table += densities
    for column in ("rows_before", "rows_after", "pairs_before", "pairs_after"):
        names = leakage["second"] + " near " + leakage["first"]
        table.append(
            pd.DataFrame({"panel": column, "split": names, "x": np.nan, "value": leakage[column].astype(float)})
        )
    return figure, pd.concat(table, ignore_index=True), caption

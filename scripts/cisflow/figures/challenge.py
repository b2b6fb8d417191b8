"""Figures of a prediction challenge: ranks by both scores, gaps between models, changes of expression within pairs.

Inputs: bootstrap, ranking, scores and the numbers that they come from. Outputs: figures with their tables and captions.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from cisflow.evaluation.ranking import Evaluation, rank_distribution
from cisflow.figures.evaluation import SCORE_LABELS
from cisflow.figures.style import GREY, PALETTE, new_figure

LOW, HIGH = 0.025, 0.975
#: Shares of draws are written into the cells for so many models at most.
MOST_WITH_NUMBERS = 12
#: More models than this get narrower cells.
MOST_WIDE = 24
#: Exponent of the colour scale: small shares stay visible where there are many models.
SHADE = 0.6
#: Models below this share of the best total score say nothing about the gap between good models.
LEAST_SHARE_OF_BEST = 0.5
#: Models drawn beside the measurement, and cells of the histograms.
MOST_CURVES, CELLS = 5, 41
#: Histograms of fewer pairs have half as many cells.
FEW_PAIRS = 1000
#: Room for a line of the legend, in powers of ten of the density.
ROOM_PER_LINE = 0.28
#: Histograms end at this quantile of the largest change.
WIDEST = 0.999


def rank_distribution_figure(
    bootstrap: pd.DataFrame, ranking: pd.DataFrame, labels: Mapping[str, str] = SCORE_LABELS
) -> tuple[Figure, pd.DataFrame, str]:
    """Share of the draws in which each model came at each rank, by each of two scores.

    Parameters
    ----------
    bootstrap, ranking : DataFrame
        See :mod:`cisflow.evaluation.ranking`.
    labels : mapping of str to str
        Names of the scores, as in :func:`cisflow.evaluation.ranking.score_names`, in words.

    Returns
    -------
    figure, table, caption
        The table is :func:`cisflow.evaluation.ranking.rank_distribution` of the two scores.
    """
    models = ranking["model"].tolist()
    n = len(models)
    table = rank_distribution(bootstrap)
    table = table[table["by"] != "both"].reset_index(drop=True)
    size = 0.42 if n <= MOST_WITH_NUMBERS else 0.26 if n <= MOST_WIDE else 0.15
    figure, panels = new_figure(2.6 + 2 * size * max(n, 4), 1.4 + size * n, ncols=2, sharey=True)
    draws = bootstrap["draw"].nunique()
    image = None
    for panel, by in zip(panels, labels, strict=True):
        shares = np.zeros((n, n))
        part = table[table["by"] == by]
        # A tie of two models is a rank between two whole ones and counts half for each.
        for place in (np.floor(part["rank"]), np.ceil(part["rank"])):
            rows = part["model"].map({m: i for i, m in enumerate(models)}).to_numpy()
            np.add.at(shares, (rows, place.to_numpy(int) - 1), part["share"].to_numpy() / 2)
        frame = (0.5, n + 0.5, n - 0.5, -0.5)
        image = panel.imshow(shares, cmap="Blues", norm=PowerNorm(SHADE, 0, 1), aspect="auto", extent=frame)
        ranks = bootstrap[f"{by}_rank"].groupby(bootstrap["model"])
        low, mean, high = (v.loc[models].to_numpy() for v in (ranks.quantile(LOW), ranks.mean(), ranks.quantile(HIGH)))
        below = np.arange(n) + (0.33 if n <= MOST_WITH_NUMBERS else 0)
        panel.hlines(below, low, high, color=PALETTE[3], linewidth=1.4, label="95 % of the draws")
        panel.scatter(mean, below, marker="D", s=12, color=PALETTE[3], zorder=3, label="mean")
        if n <= MOST_WITH_NUMBERS:
            for (row, column), share in np.ndenumerate(shares):
                if share >= 0.005:
                    colour = "white" if share > 0.45 else "black"
                    panel.text(
                        column + 1, row - 0.05, f"{share:.0%}", ha="center", va="center", fontsize=7, color=colour
                    )
        panel.set(title=f"by {labels[by]}", xlabel="rank in a draw (1 = best)")
        panel.set_yticks(range(n), models, fontsize=9 if n <= MOST_WIDE else 7)
        panel.xaxis.set_major_locator(FixedLocator(range(1, n + 1, 1 if n <= MOST_WITH_NUMBERS else 3)))
        panel.spines[:].set_visible(False)
        panel.tick_params(length=0)
    figure.colorbar(image, ax=panels, label="share of the draws", shrink=0.8, aspect=15)
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=7, loc="outside lower center", ncols=2)
    first = ranking["model"].iloc[0]
    caption = (
        f"How often each model came at each rank in {draws:,} bootstrap draws, by each of the two scores; models in "
        f"the final order ({first} first). Orange: mean rank and the range of 95 % of the draws. A dark diagonal means "
        "that the order hardly depends on which test items are chosen. The table has the interval of every share."
    )
    return figure, table, caption


def gaps_figure(scores: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Gap between the best and the worst model on every subset, by r squared and by rho.

    Parameters
    ----------
    scores : DataFrame
        See :func:`cisflow.evaluation.ranking.score_table`.

    Returns
    -------
    figure, table, caption
        The table has ``metric, subset, model, value, low, high`` and ``gap_percent`` of the subset: best minus worst in
        percent of the best.
    """
    total = scores[scores["metric"] == "pearson_score"].set_index("model")["value"]
    kept = total.index[total >= LEAST_SHARE_OF_BEST * total.max()]
    drawn = scores[scores["metric"].isin(["pearson_squared", "spearman"]) & scores["model"].isin(kept)]
    table = drawn[["metric", "subset", "model", "value", "low", "high"]].reset_index(drop=True)
    of_subset = table.groupby(["metric", "subset"])["value"]
    best, worst = of_subset.transform("max"), of_subset.transform("min")
    table["gap_percent"] = (100 * (best - worst) / best).where(best > 0)
    subsets = table["subset"].unique()
    figure, panels = new_figure(8.2, 1.3 + 0.36 * len(subsets), ncols=2, sharey=True)
    for panel, (metric, label) in zip(panels, (("pearson_squared", "r squared"), ("spearman", "rho")), strict=True):
        for place, subset in enumerate(subsets):
            part = table[(table["metric"] == metric) & (table["subset"] == subset)].sort_values("value")
            ends = part["value"].iloc[[0, -1]]
            panel.plot(ends, [place, place], color=GREY, linewidth=5, alpha=0.45, solid_capstyle="butt", zorder=1)
            dots = {"s": 14, "color": PALETTE[0], "linewidths": 0}
            panel.scatter(part["value"], np.full(len(part), place), **dots, zorder=3, label="a model")
            best = part.iloc[-1]
            interval = {"color": PALETTE[3], "linewidth": 1.6, "label": "95 % interval of the best"}
            panel.hlines(place + 0.24, best["low"], best["high"], **interval, zorder=2)
            gap = part["gap_percent"].iloc[0]
            shown = "n/a" if np.isnan(gap) else f"{gap:.1f} %"
            panel.text(1.02, place, shown, transform=panel.get_yaxis_transform(), va="center", fontsize=8)
        panel.set(xlabel=label)
        panel.text(1.02, -0.6, "gap", transform=panel.get_yaxis_transform(), va="bottom", fontsize=8)
        panel.set_yticks(range(len(subsets)), subsets)
        panel.set_ylim(len(subsets) - 0.5, -0.5)
        panel.set_xlim(min(0.0, table["value"].min() - 0.02), 1.0)
        panel.grid(axis="x", alpha=0.3)
    shown = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
    figure.legend(shown.values(), shown.keys(), loc="outside upper center", ncols=2, fontsize=8)
    of_r = table[table["metric"] == "pearson_squared"].drop_duplicates("subset").dropna(subset="gap_percent")
    left_out = [m for m in total.index if m not in kept]
    note = ""
    if len(kept) > 1 and len(of_r):
        widest = of_r.loc[of_r["gap_percent"].idxmax()]
        note = f" The widest gap in r squared is on {widest['subset']} ({widest['gap_percent']:.1f} %)."
    out = f" Left out, with less than half of the best Pearson Score: {', '.join(left_out)}." if left_out else ""
    caption = (
        f"Scores of {len(kept)} model{'s' if len(kept) > 1 else ''} on every subset. Gap: best minus worst in percent "
        f"of the best.{note}{out} Whether two models differ beyond the choice of test items is told by the paired "
        "tests in comparisons.tsv."
    )
    return figure, table, caption


def changes_figure(evaluation: Evaluation, order: list[str] | None = None) -> tuple[Figure, pd.DataFrame, str]:
    """Distribution of measured and predicted changes of expression within the pairs of each subset.

    Parameters
    ----------
    evaluation : Evaluation
        Its first subset is all rows. Without a subset of pairs the figure says so.
    order : list of str, optional
        Models, best first; the first few are drawn.

    Returns
    -------
    figure, table, caption
        The table has ``subset, series, change_low, change_high`` (edges of the cell), ``pairs, density, sd`` (standard
        deviation of the changes of the series); changes in standard deviations of the series over all rows.
    """
    pairs = [s for s in evaluation.scored if s.subset.kind == "pairs"]
    if not pairs:
        return _no_pairs()
    whole = evaluation.scored[0]
    chosen = (order or evaluation.models)[:MOST_CURVES]
    figure, panels = new_figure(3.5 * len(pairs) + 0.4, 3.5, ncols=len(pairs), squeeze=False)
    parts, spread = [], []
    for panel, s in zip(panels[0], pairs, strict=True):
        series = {"measured": s.measured / whole.measured.std()}
        for model in chosen:
            column = evaluation.models.index(model)
            scale = whole.predicted[:, column].std()
            series[model] = s.predicted[:, column] / (scale if scale > 0 else 1.0)
        limit = max(np.quantile(np.abs(v), WIDEST) for v in series.values()) or 1.0
        edges = np.linspace(-limit, limit, (CELLS if len(s.measured) >= FEW_PAIRS else CELLS // 2) + 1)
        for i, (name, values) in enumerate(series.items()):
            counts, _ = np.histogram(values.clip(-limit, limit), edges)
            density = counts / counts.sum() / np.diff(edges)
            label = f"{name} (SD {values.std():.2f})"
            if name == "measured":
                panel.stairs(density, edges, fill=True, color=GREY, alpha=0.5, label=label)
            else:
                panel.stairs(density, edges, color=PALETTE[i - 1], linewidth=1.3, label=label)
            cells = {"change_low": edges[:-1], "change_high": edges[1:], "pairs": counts, "density": density}
            parts.append(pd.DataFrame({"subset": s.subset.name, "series": name, **cells, "sd": values.std()}))
        spread.append(f"{s.subset.name} {series['measured'].std():.2f}")
        panel.set_yscale("log")
        panel.set_ylim(top=panel.get_ylim()[1] * 10 ** (ROOM_PER_LINE * len(series)))
        panel.legend(fontsize=7, loc="upper left", handlelength=1.2)
        panel.set_title(f"{s.subset.name} ({len(s.measured):,} pairs)")
    break_ = "\n" if len(pairs) == 1 else " "
    figure.supxlabel(f"change of expression within the pair{break_}(standard deviations of all rows)", fontsize=9)
    panels[0][0].set_ylabel("density (log scale)")
    caption = (
        "Changes of expression within pairs: measured (grey) and predicted (lines). Each series is divided by its own "
        f"standard deviation over all rows, for models predict on scales of their own. SD of the measured changes: "
        f"{'; '.join(spread)}. Measured changes contain the noise of two measurements, so that a good model's line is "
        "somewhat narrower than the grey area; a much narrower one plays changes down. The outermost cells hold what "
        "lies beyond them."
    )
    return figure, pd.concat(parts, ignore_index=True), caption


def _no_pairs() -> tuple[Figure, pd.DataFrame, str]:
    text = "No subset of pairs has three or more measured items."
    figure, panel = new_figure(5, 1)
    panel.set_axis_off()
    panel.text(0.5, 0.5, text, ha="center", va="center")
    columns = ["subset", "series", "change_low", "change_high", "pairs", "density", "sd"]
    return figure, pd.DataFrame(columns=columns), text

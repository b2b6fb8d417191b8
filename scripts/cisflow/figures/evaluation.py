"""Figures of the evaluation: rank distributions, scores per subset, predictions against measurements.

Inputs: ``bootstrap.parquet``, ``ranking.tsv``, ``scores.tsv`` and the predictions of a dataset. Outputs: figures.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cisflow.evaluation.ranking import Evaluation
from cisflow.evaluation.scoring import pearson, spearman
from cisflow.figures.style import PALETTE, new_figure

#: Bins per axis of the density of predictions against measurements.
DENSITY_BINS = 60
COLUMNS = 4


def ranking_figure(bootstrap: pd.DataFrame, ranking: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Distribution of each model's rank over the bootstrap draws, and its two total scores with intervals.

    Returns
    -------
    figure, table, caption
        The table has one row per model and rank: ``model, rank, share_of_draws``.
    """
    models = ranking["model"].tolist()
    both = bootstrap.assign(rank=(bootstrap["pearson_rank"] + bootstrap["spearman_rank"]) / 2)
    shares = both.groupby("model")["rank"].value_counts(normalize=True).rename("share_of_draws").reset_index()
    shares = shares.set_index("model").loc[models].reset_index().sort_values(["model", "rank"], kind="stable")
    figure, (ranks, scores) = new_figure(
        9.0, 1.4 + 0.38 * len(models), ncols=2, sharey=True, gridspec_kw={"width_ratios": [3, 2]}
    )
    y = {model: i for i, model in enumerate(models)}
    ranks.scatter(
        shares["rank"],
        shares["model"].map(y),
        s=320 * shares["share_of_draws"],
        color=PALETTE[0],
        alpha=0.55,
        linewidth=0,
    )
    positions = np.arange(len(models))
    low, high, mean = (ranking[c].to_numpy() for c in ("rank_low", "rank_high", "mean_rank"))
    ranks.hlines(positions, low, high, color=PALETTE[0], linewidth=1.2)
    ranks.scatter(mean, positions, marker="|", s=130, color="black", zorder=3, label="mean rank")
    ranks.set(xlabel="rank in a draw (1 = best); area = share of draws", yticks=positions, yticklabels=models)
    ranks.set_xlim(0.5, len(models) + 0.5)
    ranks.set_ylim(len(models) - 0.4, -0.6)
    ranks.legend(loc="lower left" if len(models) > 1 else "best", fontsize=8)
    for offset, metric, colour, label in (
        (-0.12, "pearson_score", PALETTE[3], "Pearson Score"),
        (0.12, "spearman_score", PALETTE[2], "Spearman Score"),
    ):
        value = ranking[metric].to_numpy()
        error = np.vstack([value - ranking[f"{metric}_low"], ranking[f"{metric}_high"] - value]).clip(min=0)
        scores.errorbar(value, positions + offset, xerr=error, fmt="o", ms=4, color=colour, label=label, capsize=2)
    scores.set(xlabel="total score with 95 % interval")
    scores.legend(loc="best", fontsize=8)
    best = ranking.iloc[0]
    caption = (
        f"{bootstrap['draw'].nunique():,} bootstrap draws. First: {best['model']}, best in "
        f"{best['probability_best']:.0%} of the draws (mean rank {best['mean_rank']:.2f}; 95 % of the "
        f"draws between {best['rank_low']:g} and {best['rank_high']:g}). Left: share of draws at each "
        "rank (mean of the ranks by both scores), "
        "line = 95 % of the draws. Models whose lines overlap are not clearly apart. Right: total scores on all test "
        "items with intervals from drawing items with replacement."
    )
    return figure, shares.reset_index(drop=True), caption


def subset_scores_figure(scores: pd.DataFrame) -> tuple[Figure, pd.DataFrame, str]:
    """Heat maps of Pearson r and Spearman rho: models by subsets.

    Returns
    -------
    figure, table, caption
        The table is the part of ``scores`` that is drawn.
    """
    drawn = scores[scores["metric"].isin(["pearson", "spearman"])]
    models, subsets = drawn["model"].unique(), drawn["subset"].unique()
    width, height = 2.6 + 1.16 * len(subsets), 1.5 + 0.34 * len(models)
    figure, panels = new_figure(width, height, ncols=2, sharey=True)
    kinds = drawn.drop_duplicates("subset").set_index("subset")
    for panel, (metric, label) in zip(panels, (("pearson", "Pearson r"), ("spearman", "Spearman rho")), strict=True):
        grid = drawn[drawn["metric"] == metric].pivot(index="model", columns="subset", values="value")
        values = grid.loc[models, subsets].to_numpy()
        image = panel.imshow(values, vmin=0, vmax=1, cmap="cividis", aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            text = "n/a" if np.isnan(value) else f"{value:.2f}"
            colour = "black" if value > 0.6 else "white"
            panel.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)
        names = [f"{s} ({'pairs' if kinds.kind[s] == 'pairs' else 'n'} {kinds.n[s]:,})" for s in subsets]
        panel.set_xticks(range(len(subsets)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
        panel.set_yticks(range(len(models)), models)
        panel.set_title(label)
        panel.spines[:].set_visible(False)
        panel.tick_params(length=0)
    figure.colorbar(image, ax=panels, label="correlation with the measurement", shrink=0.9, pad=0.01)
    top = drawn[drawn["metric"] == "pearson"]
    best = top.loc[top.groupby("subset", sort=False)["value"].idxmax().dropna()]
    where = "; ".join(f"{row.subset}: {row.model} {row.value:.2f}" for row in best.itertuples())
    caption = (
        f"Best Pearson r per subset: {where}. For pairs (SNVs, motif perturbation, motif tiling) the difference within "
        "the pair is predicted. Brighter is better; intervals are in the table."
    )
    return figure, drawn.reset_index(drop=True), caption


def predictions_figure(evaluation: Evaluation) -> tuple[Figure, pd.DataFrame, str]:
    """Density of predictions against measurements, one panel per model, over all test rows.

    Returns
    -------
    figure, table, caption
        The table has the counts of the density: ``model, predicted, measured, n`` (centres of the cells).
    """
    whole = evaluation.scored[0]
    r, rho = pearson(whole.measured, whole.predicted), spearman(whole.measured, whole.predicted)
    columns = min(COLUMNS, len(evaluation.models))
    rows = -(-len(evaluation.models) // columns)
    figure, panels = new_figure(
        2.6 * columns + 0.4, 2.6 * rows + 0.3, nrows=rows, ncols=columns, squeeze=False, sharey=True
    )
    parts = []
    for i, (panel, model) in enumerate(zip(panels.flat, evaluation.models, strict=False)):
        counts, x_edges, y_edges = np.histogram2d(whole.predicted[:, i], whole.measured, bins=DENSITY_BINS)
        shown = np.where(counts > 0, counts, np.nan).T
        panel.pcolormesh(x_edges, y_edges, shown, cmap="viridis", norm="log", rasterized=True)
        panel.set_title(f"{model}\nr {r[i]:.3f}, rho {rho[i]:.3f}", fontsize=9)
        centre_x, centre_y = (x_edges[1:] + x_edges[:-1]) / 2, (y_edges[1:] + y_edges[:-1]) / 2
        at = np.nonzero(counts)
        part = {"model": model, "predicted": centre_x[at[0]], "measured": centre_y[at[1]], "n": counts[at].astype(int)}
        parts.append(pd.DataFrame(part))
    for panel in list(panels.flat)[len(evaluation.models) :]:
        panel.set_axis_off()
    figure.supxlabel("prediction (each model's own scale)", fontsize=9)
    figure.supylabel("measured expression", fontsize=9)
    caption = (
        f"{len(whole.measured):,} test rows; colour is the number of rows per cell on a log scale, dark to light. "
        + "; ".join(f"{m}: r {a:.3f}" for m, a in zip(evaluation.models, r, strict=True))
        + ". Predictions and measurements may be on different scales: only the shape of the cloud counts. A good model "
        "gives a narrow rising band."
    )
    return figure, pd.concat(parts, ignore_index=True), caption

"""Figures of the evaluation: rank distributions, scores per subset, predictions against measurements.

Inputs: ``bootstrap.parquet``, ``ranking.tsv``, ``scores.tsv`` and the predictions of a dataset. Outputs: figures.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from cisflow.evaluation.ranking import Evaluation
from cisflow.evaluation.scoring import pearson, spearman
from cisflow.figures.style import GREY, PALETTE, new_figure

#: Bins per axis of the density of predictions against measurements.
DENSITY_BINS = 60
#: Panels side by side, and their size in inches, for few and for many models.
FEW, MANY = (4, 2.6), (6, 1.85)
MOST_OF_FEW = 12
#: Names of the two scores in words.
SCORE_LABELS = {"pearson": "Pearson Score", "spearman": "Spearman Score"}
#: Name of the row of noise ceilings among the models.
CEILING = "noise ceiling"


def _row_height(n_models: int) -> float:
    """Inches per model in figures with one row per model."""
    return 0.4 if n_models <= 12 else 0.29


def _draw_rank_histograms(panel: Axes, ranks: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """One small histogram per model; returns the shares of draws that are drawn."""
    parts = []
    for place, model in enumerate(models):
        values, draws = np.unique(ranks.loc[ranks["model"] == model, "rank"], return_counts=True)
        share = draws / draws.sum()
        height = 0.8 * share / share.max()
        panel.bar(values, -height, bottom=place + 0.4, width=0.46, color=PALETTE[0], alpha=0.55, linewidth=0)
        parts.append(pd.DataFrame({"model": model, "quantity": "share_of_draws", "rank": values, "value": share}))
    return pd.concat(parts, ignore_index=True)


def _ceiling_of(ceiling: pd.DataFrame | None, subset: str) -> pd.Series | None:
    """Row of a table of noise ceilings; None where nothing is known."""
    if ceiling is None or ceiling.empty:
        return None
    rows = ceiling[ceiling["subset"] == subset]
    return rows.iloc[0] if len(rows) and np.isfinite(rows["pearson"].iloc[0]) else None


def _ceiling_sentence(row: pd.Series, what: str) -> str:
    return (
        f" A model that knew every true value would reach {what} {row['pearson']:.3f} ({row['pearson_low']:.3f} to "
        f"{row['pearson_high']:.3f}) and {what.replace('Pearson r', 'Spearman rho').replace('Pearson', 'Spearman')} "
        f"{row['spearman']:.3f}, because the measurements carry noise (noise ceiling from {row['source']})."
    )


def ranking_figure(
    bootstrap: pd.DataFrame,
    ranking: pd.DataFrame,
    ceiling: pd.DataFrame | None = None,
    labels: Mapping[str, str] = SCORE_LABELS,
) -> tuple[Figure, pd.DataFrame, str]:
    """Distribution of each model's rank over the bootstrap draws, and its total scores with intervals.

    Parameters
    ----------
    bootstrap, ranking : DataFrame
        See :mod:`cisflow.evaluation.ranking`.
    ceiling : DataFrame, optional
        See :func:`cisflow.evaluation.ceiling.dataset_ceilings`; drawn as a line with its interval where it has rows.
    labels : mapping of str to str
        Names of the two scores, as in :func:`cisflow.evaluation.ranking.score_names`, in words.

    Returns
    -------
    figure, table, caption
        The table has ``model, quantity, rank, value, low, high``: the share of draws at each rank, the mean rank and
        the total scores with their intervals.
    """
    models = ranking["model"].tolist()
    ranks = bootstrap[["model"]].assign(rank=np.mean([bootstrap[f"{name}_rank"] for name in labels], axis=0))
    figure, (left, right) = new_figure(
        9.0, 1.2 + _row_height(len(models)) * len(models), ncols=2, sharey=True, width_ratios=[3, 2]
    )
    tables = [_draw_rank_histograms(left, ranks, models)]
    places = np.arange(len(models))
    low, high, mean = (ranking[c].to_numpy() for c in ("rank_low", "rank_high", "mean_rank"))
    left.hlines(places, low, high, color="black", linewidth=1.2, label="95 % of the draws")
    left.scatter(mean, places, marker="D", s=22, color="black", zorder=3, label="mean")
    left.set(xlabel="rank in a draw (1 = best)", yticks=places, yticklabels=models)
    left.set_xlim(0.5, len(models) + 0.5)
    left.set_ylim(len(models) - 0.4, -0.6)
    left.xaxis.set_major_locator(FixedLocator(range(1, len(models) + 1, max(1, len(models) // 10))))
    tables.append(
        pd.DataFrame(
            {"model": models, "quantity": "mean_rank", "rank": np.nan, "value": mean, "low": low, "high": high}
        )
    )
    for offset, colour, (name, label) in zip((-0.14, 0.14), (PALETTE[3], PALETTE[2]), labels.items(), strict=True):
        metric = f"{name}_score"
        value, low, high = (ranking[metric + suffix].to_numpy() for suffix in ("", "_low", "_high"))
        error = np.vstack([value - low, high - value]).clip(min=0)
        right.errorbar(value, places + offset, xerr=error, fmt="o", ms=4, color=colour, label=label, capsize=2)
        drawn = {"model": models, "quantity": metric, "rank": np.nan, "value": value, "low": low, "high": high}
        tables.append(pd.DataFrame(drawn))
    top = _ceiling_of(ceiling, "total")
    if top is not None:
        for metric, colour in (("pearson", PALETTE[3]), ("spearman", PALETTE[2])):
            right.axvspan(top[f"{metric}_low"], top[f"{metric}_high"], color=colour, alpha=0.18, linewidth=0)
            right.axvline(top[metric], color=colour, linestyle="--", linewidth=1)
            drawn = {"quantity": f"{metric}_ceiling", "value": top[metric]}
            tables.append(pd.DataFrame([drawn | {"low": top[f"{metric}_low"], "high": top[f"{metric}_high"]}]))
        right.plot([], [], color=GREY, linestyle="--", linewidth=1, label="noise ceiling")
    right.set(xlabel="total score with 95 % interval")
    shown = [panel.get_legend_handles_labels() for panel in (left, right)]
    handles, labels = (first + second for first, second in zip(*shown, strict=True))
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8)
    best = ranking.iloc[0]
    caption = (
        f"{bootstrap['draw'].nunique():,} bootstrap draws. First: {best['model']}, best in "
        f"{best['probability_best']:.0%} of the draws (mean rank {best['mean_rank']:.2f}; 95 % of the draws between "
        f"{best['rank_low']:g} and {best['rank_high']:g}). Left: how often each model came at each rank (mean of its "
        "ranks by both scores; bars relative to its most frequent rank). Models whose lines overlap are not clearly "
        "apart. Right: total scores on all test items, with intervals from drawing items with replacement."
    )
    if top is not None:
        caption += _ceiling_sentence(top, "a Pearson Score of") + " Dashed lines with bands."
    return figure, pd.concat(tables, ignore_index=True), caption


def _ceiling_rows(ceiling: pd.DataFrame, subsets: np.ndarray) -> pd.DataFrame:
    """Noise ceilings as rows of a table of scores."""
    known = ceiling.set_index("subset").reindex(subsets)
    parts = [
        pd.DataFrame(
            {
                "model": CEILING,
                "subset": subsets,
                "kind": known["kind"].to_numpy(),
                "n": known["n"].to_numpy(),
                "metric": metric,
                "value": known[metric].to_numpy(dtype=float),
                "low": known[f"{metric}_low"].to_numpy(dtype=float),
                "high": known[f"{metric}_high"].to_numpy(dtype=float),
            }
        )
        for metric in ("pearson", "spearman")
    ]
    return pd.concat(parts, ignore_index=True)


def _best_first(scores: pd.DataFrame) -> np.ndarray:
    """Models by falling Pearson Score; models without one stay where they are, at the end."""
    total = scores[scores["metric"] == "pearson_score"].set_index("model")["value"]
    models = pd.Series(scores["model"].unique())
    return models[np.argsort(-models.map(total).to_numpy(np.float64), kind="stable")].to_numpy()


def subset_scores_figure(scores: pd.DataFrame, ceiling: pd.DataFrame | None = None) -> tuple[Figure, pd.DataFrame, str]:
    """Heat maps of Pearson r and Spearman rho: models, best Pearson Score first, by subsets.

    Parameters
    ----------
    scores : DataFrame
        See :func:`cisflow.evaluation.ranking.score_table`.
    ceiling : DataFrame, optional
        See :func:`cisflow.evaluation.ceiling.dataset_ceilings`; drawn as the first row where it has rows.

    Returns
    -------
    figure, table, caption
        The table is the part of ``scores`` that is drawn.
    """
    drawn = scores[scores["metric"].isin(["pearson", "spearman"])]
    models, subsets = _best_first(scores), drawn["subset"].unique()
    kinds = drawn.drop_duplicates("subset").set_index("subset")
    top = drawn[drawn["metric"] == "pearson"]
    with_ceiling = ceiling is not None and not ceiling.empty
    if with_ceiling:
        drawn = pd.concat([_ceiling_rows(ceiling, subsets), drawn], ignore_index=True)
        models = np.append([CEILING], models)
    width, height = 2.0 + 0.95 * len(subsets), 1.5 + _row_height(len(models)) * len(models)
    figure, panels = new_figure(width, height, ncols=2, sharey=True)
    for panel, (metric, label) in zip(panels, (("pearson", "Pearson r"), ("spearman", "Spearman rho")), strict=True):
        grid = drawn[drawn["metric"] == metric].pivot(index="model", columns="subset", values="value")
        values = grid.loc[models, subsets].to_numpy()
        panel.imshow(values, vmin=0, vmax=1, cmap="cividis", aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            text = "n/a" if np.isnan(value) else f"{value:.2f}"
            colour = "white" if value < 0.55 else "black"
            panel.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)
        names = [f"{s}\n({kinds.n[s]:,} {'pairs' if kinds.kind[s] == 'pairs' else 'rows'})" for s in subsets]
        panel.set_xticks(range(len(subsets)), names, rotation=55, ha="right", rotation_mode="anchor", fontsize=8)
        panel.set_yticks(range(len(models)), models)
        panel.set_title(label)
        panel.spines[:].set_visible(False)
        panel.tick_params(length=0)
        if with_ceiling:
            panel.axhline(0.5, color="white", linewidth=4)
    best = top.loc[top.groupby("subset", sort=False)["value"].idxmax().dropna()]
    where = "; ".join(f"{row.subset}: {row.model} {row.value:.2f}" for row in best.itertuples())
    caption = (
        f"Best Pearson r per subset: {where}. For pairs (SNVs, motif perturbation, motif tiling) the difference within "
        "the pair is predicted. Colour runs from 0 (dark) to 1 (bright); intervals are in the table."
    )
    if with_ceiling:
        known = ceiling[ceiling["subset"].isin(subsets)].dropna(subset=["pearson"])
        caption += (
            " First row: noise ceiling, what a model that knew every true value would reach on these measurements, in "
            "Pearson r: "
            + "; ".join(
                f"{r.subset} {r.pearson:.2f} ({r.pearson_low:.2f} to {r.pearson_high:.2f})" for r in known.itertuples()
            )
            + "."
        )
    return figure, drawn.reset_index(drop=True), caption


def predictions_figure(evaluation: Evaluation, ceiling: pd.DataFrame | None = None) -> tuple[Figure, pd.DataFrame, str]:
    """Density of predictions against measurements, one panel per model, over all test rows.

    Parameters
    ----------
    evaluation : Evaluation
    ceiling : DataFrame, optional
        See :func:`cisflow.evaluation.ceiling.dataset_ceilings`; told above the panels where it has rows.

    Returns
    -------
    figure, table, caption
        The table has the counts of the density: ``model, predicted, measured, n`` (centres of the cells).
    """
    whole = evaluation.scored[0]
    r, rho = pearson(whole.measured, whole.predicted), spearman(whole.measured, whole.predicted)
    most, size = FEW if len(evaluation.models) <= MOST_OF_FEW else MANY
    columns = min(most, len(evaluation.models))
    rows = -(-len(evaluation.models) // columns)
    figure, panels = new_figure(
        size * columns + 0.6, size * rows + 0.3, nrows=rows, ncols=columns, squeeze=False, sharey=True
    )
    parts = []
    for i, (panel, model) in enumerate(zip(panels.flat, evaluation.models, strict=False)):
        counts, x_edges, y_edges = np.histogram2d(whole.predicted[:, i], whole.measured, bins=DENSITY_BINS)
        shown = np.where(counts > 0, counts, np.nan).T
        panel.pcolormesh(x_edges, y_edges, shown, cmap="viridis", norm="log", rasterized=True)
        panel.set_title(f"{model}\nr {r[i]:.3f}, rho {rho[i]:.3f}", fontsize=3.4 * size)
        panel.tick_params(labelsize=8)
        centre_x, centre_y = (x_edges[1:] + x_edges[:-1]) / 2, (y_edges[1:] + y_edges[:-1]) / 2
        at = np.nonzero(counts)
        part = {"model": model, "predicted": centre_x[at[0]], "measured": centre_y[at[1]], "n": counts[at].astype(int)}
        parts.append(pd.DataFrame(part))
    for panel in list(panels.flat)[len(evaluation.models) :]:
        panel.set_axis_off()
    figure.supxlabel("prediction (each model's own scale)", fontsize=9)
    figure.supylabel("measured expression", fontsize=9)
    order = np.argsort(-np.nan_to_num(r), kind="stable")
    named = [f"{evaluation.models[m]} {r[m]:.3f}" for m in order]
    values = "; ".join(named) if len(named) <= MOST_OF_FEW else f"from {named[0]} to {named[-1]}"
    caption = (
        f"{len(whole.measured):,} test rows; colour is the number of rows per cell on a log scale, dark to light. "
        f"Pearson r: {values}. Predictions and measurements may be on different scales: only the shape of the cloud "
        "counts. A good model gives a narrow rising band."
    )
    top = _ceiling_of(ceiling, whole.subset.name)
    if top is not None:
        figure.suptitle(
            f"noise ceiling: r {top['pearson']:.3f} ({top['pearson_low']:.3f} to {top['pearson_high']:.3f}), "
            f"rho {top['spearman']:.3f}",
            fontsize=9,
        )
        caption += _ceiling_sentence(top, "Pearson r")
    return figure, pd.concat(parts, ignore_index=True), caption

"""Figures of the stage expression: what was estimated, and for simulated libraries how well.

Inputs: a table of expression (and the truth of a simulated library).
Outputs: figures with their numbers and captions, see :func:`cisflow.figures.style.save_figure`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cisflow.figures.style import GREY, PALETTE, draw_density, new_figure, save_figure
from cisflow.problems import InputError, Problem
from cisflow.statistics import spearman

UNITS = {"bin-mean": "bins", "maude": "SD of the cell population"}
NAMES = {"bin-mean": "bin-weighted mean", "maude": "MAUDE"}
#: Columns of the simulated truth that each estimate is on the scale of.
TRUTH_COLUMN = {"bin-mean": "expression", "maude": "standardised"}
PSEUDOCOUNTS = "Pseudocounts draw estimates with few reads towards 0, and their scatter with them. "
#: Width of the histogram's bars for the bin mean, so that whole bins are in the middle of a bar.
BIN_STEP = 0.25


def _read_classes(n_reads: np.ndarray) -> np.ndarray:
    """Lower end of each element's class of reads: 0, 1, 2, 4, 8, ..."""
    return np.where(n_reads > 0, 2 ** np.floor(np.log2(np.maximum(n_reads, 1))), 0).astype(np.int64)


def _class_name(low: int) -> str:
    return str(low) if low < 2 else f"{low:,}-{2 * low - 1:,}"


def _histogram_edges(values: np.ndarray, method: str) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    if method == "bin-mean" and high - low < 40:
        return np.arange(np.floor(low) - BIN_STEP / 2, np.ceil(high) + BIN_STEP, BIN_STEP)
    margin = max(high - low, 1e-6) / 200
    return np.linspace(low - margin, high + margin, 61)


def _by_reads(table: pd.DataFrame) -> pd.DataFrame:
    """Elements per class of reads, and percentiles of their standard errors."""
    classes = _read_classes(table["n_reads"].to_numpy())
    grouped = table.assign(reads_from=classes).groupby("reads_from")["standard_error"]
    result = grouped.quantile([0.05, 0.5, 0.95]).unstack()
    result.columns = ["standard_error_p5", "standard_error_median", "standard_error_p95"]
    result.insert(0, "elements", grouped.size())
    return result.reset_index()


def plot_distribution(table: pd.DataFrame, library: str, method: str, svg: str | Path) -> None:
    """Draw the distribution of expression, of reads per element and of the standard error.

    Parameters
    ----------
    table : DataFrame
        Expression of a library: ``expression``, ``n_reads``, ``is_singleton``, ``standard_error``.
    library, method : str
        Names for title and caption.
    svg : path
        Output; PNG, TSV and JSON get the same stem.
    """
    if table.empty:
        raise InputError(Problem(f"expression of library {library}", "there are no elements to draw"))
    expression, single = table["expression"].to_numpy(), table["is_singleton"].to_numpy(dtype=bool)
    edges = _histogram_edges(expression, method)
    several, one = np.histogram(expression[~single], edges)[0], np.histogram(expression[single], edges)[0]
    classes = _by_reads(table)

    figure, axes = new_figure(9.6, 3.2, ncols=3, width_ratios=[1.5, 1, 1])
    centres, width = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    axes[0].bar(centres, several, width, color=PALETTE[0], label="reads in several bins")
    axes[0].bar(centres, one, width, bottom=several, color=PALETTE[1], label="reads in one bin")
    axes[0].set(xlabel=f"Expression ({UNITS[method]})", ylabel="Elements", title="Expression")
    axes[0].set_ylim(0, 1.18 * (several + one).max())  # room for the legend
    axes[0].legend(loc="upper left", ncols=2, fontsize=8, borderaxespad=0.1, columnspacing=1.0)
    places = np.arange(len(classes))
    names = [_class_name(low) for low in classes["reads_from"]]
    axes[1].bar(places, classes["elements"], color=GREY)
    axes[1].set(ylabel="Elements", title="Reads in sorted bins")
    middle = classes["standard_error_median"].to_numpy()
    spread = np.abs(classes[["standard_error_p5", "standard_error_p95"]].to_numpy().T - middle)
    axes[2].errorbar(places, middle, spread, fmt="o", color=PALETTE[0], capsize=2, markersize=4)
    axes[2].set(ylabel=f"Standard error ({'SD' if method == 'maude' else 'bins'})", title="Uncertainty")
    axes[2].set_ylim(bottom=0)
    for axis in axes[1:]:
        axis.set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor")
        axis.set_xlabel("Reads per element")
        axis.set_xlim(-0.6, len(classes) - 0.4)
    for axis in axes[:2]:
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))

    quartiles = np.quantile(expression, [0.25, 0.5, 0.75])
    caption = (
        f"{len(table):,} elements of library {library}, {NAMES[method]}. Left: distribution of expression, median "
        f"{quartiles[1]:.2f} (middle half {quartiles[0]:.2f} to {quartiles[2]:.2f}) {UNITS[method]}; "
        f"{single.mean():.1%} of the elements have all reads in one bin. Middle: reads per element, median "
        f"{np.median(table['n_reads']):,.0f}. Right: standard error by reads, median and 5th to 95th percentile of the "
        f"elements of a class; it should fall with reads. Overall median {table['standard_error'].median():.3g}."
    )
    if "at_limit" in table:
        caption += (
            f" {int(table['at_limit'].sum()):,} elements lie at a limit of the estimate and have no standard error."
        )
    drawn = pd.concat(
        [
            pd.DataFrame(
                {
                    "panel": "expression",
                    "from": edges[:-1],
                    "to": edges[1:],
                    "elements": several + one,
                    "elements_in_one_bin": one,
                }
            ),
            classes.rename(columns={"reads_from": "from"}).assign(
                panel="reads", to=np.maximum(classes["reads_from"] * 2 - 1, 0)
            ),
        ],
        ignore_index=True,
    )
    title = f"Expression of library {library} ({NAMES[method]})"
    save_figure(figure, drawn, svg, title, caption)


def match_truth(
    table: pd.DataFrame, truth: pd.DataFrame, method: str, distal_flank: str = "", proximal_flank: str = ""
) -> tuple[pd.DataFrame, int, int]:
    """Join estimates to the simulated truth by sequence.

    Parameters
    ----------
    table : DataFrame
        Expression of a library with ``sequence``.
    truth : DataFrame
        ``sequence``, ``expression``, and ``standardised`` for maude.
    distal_flank, proximal_flank : str
        Flanks that were cut off the reads and have to be cut off the true sequences too.

    Returns
    -------
    matched : DataFrame
        ``element``, ``truth``, ``estimate``, ``standard_error``, ``n_reads``.
    missed : int
        True elements without an estimate.
    false : int
        Estimated elements whose sequence is not in the truth.

    Raises
    ------
    InputError
        When the truth is not on the scale of the estimate or fewer than three sequences match.
    """
    column = TRUTH_COLUMN[method]
    if column not in truth:
        raise InputError(Problem("truth", f"missing column; needed to judge {method}", column=column))
    sequences = truth["sequence"].str.removeprefix(distal_flank).str.removesuffix(proximal_flank)
    known = pd.DataFrame({"sequence": sequences, "truth": truth[column].to_numpy()}).drop_duplicates("sequence")
    matched = table.rename(columns={"expression": "estimate"}).merge(known, on="sequence", how="inner")
    if len(matched) < 3:
        raise InputError(
            Problem("truth", f"only {len(matched)} of {len(table):,} estimated sequences are among the true sequences")
        )
    columns = ["element", "truth", "estimate", "standard_error", "n_reads"]
    return matched[columns], len(known) - len(matched), len(table) - len(matched)


def _correlation(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Pearson's r with its 95 % interval (Fisher's z)."""
    r = float(np.corrcoef(x, y)[0, 1])
    if len(x) < 4 or not abs(r) < 1:
        return r, r, r
    half = 1.96 / np.sqrt(len(x) - 3)
    return r, float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))


def _scatter_by_reads(matched: pd.DataFrame, error: np.ndarray) -> pd.DataFrame:
    """Root mean square of the errors and of the standard errors per class of reads; 95 % interval of the former."""
    usable = matched["standard_error"].notna().to_numpy()
    rows = []
    for low, index in matched[usable].groupby(_read_classes(matched["n_reads"].to_numpy())[usable]).indices.items():
        square = error[usable][index] ** 2
        predicted = matched["standard_error"].to_numpy()[usable][index] ** 2
        mean = square.mean()
        half = 1.96 * square.std(ddof=1) / np.sqrt(len(square)) if len(square) > 1 else np.nan
        rows.append(
            {
                "reads_from": int(low),
                "elements": len(index),
                "scatter": np.sqrt(mean),
                "scatter_low": np.sqrt(max(mean - half, 0.0)) if half == half else np.nan,
                "scatter_high": np.sqrt(mean + half) if half == half else np.nan,
                "rms_standard_error": np.sqrt(predicted.mean()),
            }
        )
    return pd.DataFrame(rows)


def plot_recovery(
    table: pd.DataFrame,
    truth: pd.DataFrame,
    library: str,
    method: str,
    svg: str | Path,
    distal_flank: str = "",
    proximal_flank: str = "",
) -> None:
    """Draw estimates against the truth of a simulated library.

    Parameters
    ----------
    table, truth, distal_flank, proximal_flank
        See :func:`match_truth`.
    library, method : str
        Names for title and caption.
    svg : path
        Output; PNG, TSV (one row per matched element) and JSON get the same stem.
    """
    matched, missed, false = match_truth(table, truth, method, distal_flank, proximal_flank)
    x, y = matched["truth"].to_numpy(), matched["estimate"].to_numpy()
    r, r_low, r_high = _correlation(x, y)
    rho = spearman(x, y)
    slope, intercept = np.polyfit(x, y, 1)
    off_fit = y - (slope * x + intercept)
    inside = (np.abs(off_fit) <= 1.96 * matched["standard_error"])[matched["standard_error"].notna()]

    figure, axes = new_figure(8.0, 3.8, ncols=2, width_ratios=[1.2, 1])
    low, high = min(x.min(), y.min()), max(x.max(), y.max())
    margin = 0.03 * (high - low)
    extent = (low - margin, high + margin)
    draw_density(axes[0], x, y, (*extent, *extent))
    ends = np.array([low, high])
    axes[0].plot(ends, ends, color=GREY, linestyle="--", label="identity")
    axes[0].plot(ends, slope * ends + intercept, color=PALETTE[3], label=f"fit, slope {slope:.2f}")
    unit = "SD of the cells" if method == "maude" else "bins"
    axes[0].set(
        xlim=extent, ylim=extent, xlabel=f"True expression ({unit})", ylabel=f"Estimate ({unit})", aspect="equal",
        title=f"r = {r:.3f}, n = {len(matched):,}",
    )  # fmt: skip
    for ruler in (axes[0].xaxis, axes[0].yaxis):
        ruler.set_major_locator(MaxNLocator(6, integer=True))
    axes[0].legend(loc="upper left", fontsize=8)
    classes = _scatter_by_reads(matched, off_fit)
    places = np.arange(len(classes))
    rms = classes["scatter"].to_numpy()
    interval = np.abs(classes[["scatter_low", "scatter_high"]].to_numpy().T - rms)
    axes[1].errorbar(
        places, rms, interval, fmt="o", color=PALETTE[0], capsize=2, markersize=4, label="scatter around the fit"
    )
    axes[1].plot(
        places, classes["rms_standard_error"], "s--", color=PALETTE[1], markersize=4, label="standard error given"
    )
    axes[1].set_xticks(
        places, [_class_name(low) for low in classes["reads_from"]], rotation=60, ha="right", rotation_mode="anchor"
    )
    axes[1].set(xlabel="Reads per element", ylabel=f"Root mean square ({unit})", title="Uncertainty by reads")
    axes[1].set_ylim(bottom=0)
    axes[1].legend(fontsize=8)

    n_truth = len(matched) + missed
    caption = (
        f"Library {library}, {NAMES[method]}, against the simulated truth: Pearson r = {r:.3f} "
        f"(95 % interval {r_low:.3f} to {r_high:.3f}), Spearman rho = {rho:.3f}, n = {len(matched):,}; fitted slope "
        f"{slope:.2f}. {len(matched):,} of {n_truth:,} true elements ({len(matched) / n_truth:.1%}) have an estimate; "
        f"{false:,} estimated elements ({false / len(table):.1%}) are no true sequence. Left: points should follow the "
        "dashed line of identity; a slope other than 1 means another scale. Right: scatter around the fit (root "
        "mean square, with 95 % interval) and the standard errors given, by reads. They agree when standard errors are "
        "honest; more scatter means a bent relation. "
        f"{PSEUDOCOUNTS if method == 'maude' else ''}"
        f"{inside.mean():.1%} of the estimates lie within 1.96 standard errors of the line."
    )
    title = f"Estimate and truth, library {library} ({NAMES[method]})"
    save_figure(figure, matched, svg, title, caption)

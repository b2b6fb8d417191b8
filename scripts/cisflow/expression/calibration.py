"""Do intervals hold what they should, as often as they say? Answered on a simulated library.

Purpose: coverage of the intervals against their nominal level and by reads. Inputs: counts as estimated, the simulated
truth, cells and gates. Outputs: a table of coverage. What is covered is the value that the same method gives with
unlimited cells and reads (:mod:`cisflow.expression.limiting_values`): an interval is about chance, not about what the
method assumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cisflow.expression.abundance import abundance_from_bins
from cisflow.expression.bin_mean import estimate_bin_mean
from cisflow.expression.bin_model import BinModel, bin_model_from_quantiles
from cisflow.expression.limiting_values import limiting_bin_means, limiting_maude_means
from cisflow.expression.maude import estimate_maude
from cisflow.problems import InputError, Problem
from cisflow.statistics import beta_quantile

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
#: Lower ends of the classes of reads.
READ_CLASSES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def bin_probabilities(truth: pd.DataFrame, bins: pd.DataFrame) -> np.ndarray:
    """Probability that a cell of each element is sorted into each bin.

    The cells of an element are normal around its mean. In standard deviations of all cells, their variance is 1 minus
    the variance of the means over the cells.

    Parameters
    ----------
    truth : DataFrame
        ``standardised``, ``cells``.
    bins : DataFrame
        ``lower_gate``, ``upper_gate`` of the sorted bins, in standard deviations of all cells.

    Returns
    -------
    float64 ndarray, shape (n, n_bins)
    """
    mean, cells = truth["standardised"].to_numpy(), truth["cells"].to_numpy(dtype=float)
    spread = np.sqrt(max(1 - np.cov(mean, aweights=cells, ddof=0), 1e-6))
    lower, upper = (bins[f"{side}_gate"].to_numpy(dtype=float) for side in ("lower", "upper"))
    return ndtr((upper - mean[:, None]) / spread) - ndtr((lower - mean[:, None]) / spread)


def _intervals(
    reads: np.ndarray, unsorted: np.ndarray | None, rows: list[dict], settings: dict, method: str, level: float
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Ends of the intervals, as the reads give them and as reported."""
    cells = np.array([row["cells"] for row in rows if row["role"] == "sorted"], dtype=float)
    chosen = [row for row in rows if row["role"] == "sorted"]
    if method == "bin-mean":
        shares = np.array([row["upper_quantile"] - row["lower_quantile"] for row in chosen])
        positions = [row["position"] for row in chosen]
        found = estimate_bin_mean(reads, positions, settings["bin_weights"], cells, shares=shares, interval=level)
        return {"reads": (found.low, found.high)}
    model = _model(chosen)
    rule = settings["abundance"] if unsorted is None else "measured"
    given = (
        unsorted if unsorted is not None else abundance_from_bins(reads, model.share if rule == "weighted" else None)
    )
    loose = [float(row["cells"]) for row in rows if row["role"] == "unsorted"]
    estimate = estimate_maude(
        reads,
        given,
        None,
        model,
        settings["pseudocount"],
        settings["limits"],
        settings["optimum"],
        cells=cells,
        abundance_rule=rule,
        unsorted_cells=sum(loose) or None,
        interval=level,
    )
    return {"reads": (estimate.reads_low, estimate.reads_high), "reported": (estimate.low, estimate.high)}


def _model(rows: Sequence[dict]) -> BinModel:
    return bin_model_from_quantiles(
        [row["bin"] for row in rows],
        [row["lower_quantile"] for row in rows],
        [row["upper_quantile"] for row in rows],
    )


def _share(inside: np.ndarray) -> dict[str, Any]:
    """Share that is covered, with its 95 % interval (Clopper and Pearson)."""
    n, k = inside.size, int(inside.sum())
    low = beta_quantile(0.025, k, n - k + 1) if k else 0.0
    high = beta_quantile(0.975, k + 1, n - k) if k < n else 1.0
    return {"n": n, "covered": k / n, "covered_low": low, "covered_high": high}


def coverage_table(
    counts: pd.DataFrame, truth: pd.DataFrame, bins: pd.DataFrame, settings: dict[str, Any], method: str
) -> pd.DataFrame:
    """Coverage of the intervals of a simulated library.

    Parameters
    ----------
    counts : DataFrame
        ``sequence`` and one column of reads per bin.
    truth : DataFrame
        ``sequence``, ``standardised``, ``cells``; sequences as in ``counts``.
    bins : DataFrame
        ``bin``, ``lower_gate``, ``upper_gate``, ``cells`` of the simulated library.
    settings : dict
        As in :func:`cisflow.expression.estimate.estimate_expression`, with ``cells`` of the bins.
    method : str
        ``bin-mean`` or ``maude``.

    Returns
    -------
    DataFrame
        ``interval`` (``reads``: what the reads allow; ``reported``: extended to the estimate), ``level``,
        ``reads_from`` (0: all elements), ``n``, ``covered``, ``covered_low``, ``covered_high``.

    Raises
    ------
    InputError
        When no sequence of the counts is in the truth.
    """
    rows = settings["bins"]
    sorted_names = [row["bin"] for row in rows if row["role"] == "sorted"]
    unsorted_names = [row["bin"] for row in rows if row["role"] == "unsorted"]
    reads = counts[sorted_names].to_numpy()
    unsorted = counts[unsorted_names].to_numpy().sum(axis=1).astype(float) if unsorted_names else None
    known = truth.drop_duplicates("sequence").set_index("sequence")
    judged = counts["sequence"].isin(known.index).to_numpy() & (reads.sum(axis=1) > 0)
    if not judged.any():
        raise InputError(Problem("truth", "none of the estimated sequences is among the true sequences"))
    gates = bins.set_index("bin")
    probability = bin_probabilities(truth, gates.loc[sorted_names])
    probability = pd.DataFrame(probability, index=truth["sequence"])
    probability = probability[~probability.index.duplicated()].loc[counts["sequence"][judged]].to_numpy()
    totals, cells = reads.sum(axis=0), gates["cells"][sorted_names].to_numpy(dtype=float)
    chosen = [row for row in rows if row["role"] == "sorted"]
    if method == "bin-mean":
        shares = np.array([row["upper_quantile"] - row["lower_quantile"] for row in chosen])
        positions = np.array([row["position"] for row in chosen], dtype=float)
        value = limiting_bin_means(probability, totals, cells, positions, settings["bin_weights"], shares)
    elif unsorted is None:
        value = limiting_maude_means(
            probability, totals, cells, _model(chosen), settings["abundance"], settings["limits"]
        )
    else:
        grown = gates["cells"][unsorted_names].to_numpy(dtype=float).sum()
        value = limiting_maude_means(
            probability,
            np.append(totals, unsorted.sum()),
            np.append(cells, grown),
            _model(chosen),
            "measured",
            settings["limits"],
        )
    found = []
    n_reads = reads.sum(axis=1)[judged]
    classes = np.array(READ_CLASSES)[np.searchsorted(READ_CLASSES, n_reads, side="right") - 1]
    for level in sorted({*LEVELS, settings["interval"]}):
        for name, (low, high) in _intervals(reads, unsorted, rows, settings, method, level).items():
            inside = (low[judged] <= value) & (value <= high[judged])
            keys = {"interval": name, "level": level}
            found.append({**keys, "reads_from": 0, **_share(inside)})
            found += [{**keys, "reads_from": int(c), **_share(inside[classes == c])} for c in np.unique(classes)]
    return pd.DataFrame(found)

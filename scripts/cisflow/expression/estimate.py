"""From a table of counts per element to a table of expression.

Purpose: what the rule ``estimate_expression`` does. Inputs: counts of a library and its settings (config section
``estimate`` and the rows of the bins sheet). Outputs: the table of expression and what each filter let through.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from cisflow.expression.abundance import abundance_from_bins
from cisflow.expression.bin_mean import estimate_bin_mean
from cisflow.expression.bin_model import bin_model_from_quantiles
from cisflow.expression.count_checks import checked_counts
from cisflow.expression.maude import estimate_maude
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem, not_one_of

METHODS = ("bin-mean", "maude")


def _numbers(bins: list[dict[str, Any]], column: str) -> np.ndarray:
    return np.array([np.nan if row.get(column) is None else float(row[column]) for row in bins])


def _bin_mean(counts: np.ndarray, bins: list[dict], settings: dict, elements: np.ndarray, where: str) -> pd.DataFrame:
    shares = _numbers(bins, "upper_quantile") - _numbers(bins, "lower_quantile")
    result = estimate_bin_mean(
        counts,
        _numbers(bins, "position"),
        settings["bin_weights"],
        _numbers(bins, "cells"),
        [row["bin"] for row in bins],
        elements,
        where,
        shares=shares if np.isfinite(shares).all() else None,
        interval=settings["interval"],
    )
    return pd.DataFrame(
        {
            "expression": result.expression,
            "expression_low": result.low,
            "expression_high": result.high,
            "n_reads": result.n_reads,
            "is_singleton": result.is_singleton,
            "standard_error": result.standard_error,
        }
    )


def _total_cells(bins: list[dict[str, Any]]) -> float | None:
    """Cells of all bins together; None where one is unknown or there is none."""
    cells = _numbers(bins, "cells")
    return float(cells.sum()) if cells.size and np.isfinite(cells).all() and cells.sum() > 0 else None


def _maude(
    counts: np.ndarray,
    unsorted: np.ndarray | None,
    bins: list[dict],
    unsorted_bins: list[dict],
    settings: dict,
    elements: np.ndarray,
    where: str,
) -> pd.DataFrame:
    model = bin_model_from_quantiles(
        [row["bin"] for row in bins], _numbers(bins, "lower_quantile"), _numbers(bins, "upper_quantile")
    )
    if unsorted is None:
        logger.info("No unsorted sample: abundance is the %s of the relative abundances in the bins",
                    {"mean": "mean", "weighted": "cell-weighted mean"}[settings["abundance"]])  # fmt: skip
        abundance = abundance_from_bins(counts, model.share if settings["abundance"] == "weighted" else None)
    else:
        abundance = unsorted.astype(float)
    result = estimate_maude(
        counts,
        abundance,
        None,
        model,
        settings["pseudocount"],
        settings["limits"],
        settings["optimum"],
        cells=_numbers(bins, "cells"),
        elements=elements,
        where=where,
        abundance_rule=settings["abundance"] if unsorted is None else "measured",
        unsorted_cells=_total_cells(unsorted_bins),
        interval=settings["interval"],
    )
    return pd.DataFrame(
        {
            "expression": result.mean,
            "expression_low": result.low,
            "expression_high": result.high,
            "n_reads": counts.sum(axis=1),
            "is_singleton": (counts > 0).sum(axis=1) == 1,
            "standard_error": result.standard_error,
            "pseudocount_share": result.pseudocount_share,
            "log_likelihood": result.log_likelihood,
            "log_likelihood_ratio": result.log_likelihood_ratio,
            "z": result.z,
            "at_limit": result.at_limit,
            "no_information": result.no_information,
        }
    )


def with_cells(bins: list[dict[str, Any]], sorted_cells: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Rows of the bins sheet with the cells that a simulated library was sorted with.

    Parameters
    ----------
    bins : list of dict
        Rows of the bins sheet.
    sorted_cells : DataFrame, optional
        ``bin``, ``cells``; None leaves the rows as they are.

    Returns
    -------
    list of dict
    """
    if sorted_cells is None:
        return bins
    known = dict(zip(sorted_cells["bin"], sorted_cells["cells"], strict=True))
    return [{**row, "cells": float(known[row["bin"]])} for row in bins]


def estimate_expression(
    counts: pd.DataFrame, settings: dict[str, Any], library: str, method: str, where: str = "counts"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimate the expression of every element of a library.

    Parameters
    ----------
    counts : DataFrame
        ``element``, ``sequence`` and one integer column per bin.
    settings : dict
        ``bin_weights``, ``pseudocount``, ``limits``, ``optimum``, ``abundance``, ``interval`` and ``bins``: one dict
        per bin with ``bin``, ``role``, ``position``, ``lower_quantile``, ``upper_quantile``, ``cells``. Reads of
        unsorted bins are the abundance of maude; the bin mean does not use them.
    library : str
        Name for the funnel.
    method : str
        ``bin-mean`` or ``maude``.
    where : str
        What to call the table in messages.

    Returns
    -------
    table : DataFrame
        ``element``, ``sequence``, ``expression``, ``expression_low``, ``expression_high`` (interval of level
        ``interval``), ``n_reads`` (reads in sorted bins), ``is_singleton`` (all of them in one bin),
        ``standard_error``; with maude also ``pseudocount_share``, ``log_likelihood``, ``log_likelihood_ratio``, ``z``,
        ``at_limit``, ``no_information``. Elements in the order of ``counts``, without those that have no estimate.
    funnel : DataFrame
        ``library``, ``method``, ``step``, ``count``.

    Raises
    ------
    InputError
        Missing columns or bad values.
    """
    if method not in METHODS:
        raise InputError(Problem("method", not_one_of(method, METHODS)))
    sorted_bins = [row for row in settings["bins"] if row["role"] == "sorted"]
    unsorted_bins = [row for row in settings["bins"] if row["role"] == "unsorted"]
    unsorted_names = [row["bin"] for row in unsorted_bins]
    sorted_names = [row["bin"] for row in sorted_bins]
    needed = ["element", "sequence", *sorted_names, *unsorted_names]
    if missing := [c for c in needed if c not in counts]:
        raise InputError([Problem(where, "missing column", column=c) for c in missing])
    elements = counts["element"].to_numpy()
    reads = checked_counts(counts[sorted_names].to_numpy(), sorted_names, elements, where)
    unsorted = None
    if unsorted_names:
        unsorted = checked_counts(counts[unsorted_names].to_numpy(), unsorted_names, elements, where).sum(axis=1)
    seen = reads.sum(axis=1)
    if method == "maude" and unsorted is not None:
        seen = seen + unsorted
    (kept,) = np.nonzero(seen > 0)
    if not kept.size:
        raise InputError(Problem(where, "no element has reads"))
    reads, elements = reads[kept], elements[kept]
    if method == "bin-mean":
        estimates = _bin_mean(reads, sorted_bins, settings, elements, where)
    else:
        abundance = None if unsorted is None else unsorted[kept]
        estimates = _maude(reads, abundance, sorted_bins, unsorted_bins, settings, elements, where)
    table = pd.concat([counts[["element", "sequence"]].iloc[kept].reset_index(drop=True), estimates], axis=1)
    known = table["expression"].notna()
    steps = [("elements", len(counts)), ("with reads", kept.size), ("with an estimate", int(known.sum()))]
    for (_, before), (step, after) in pairwise(steps):
        if before > after:
            logger.warning("%s of %s elements left out; kept: %s", f"{before - after:,}", f"{before:,}", step)
    funnel = pd.DataFrame(steps, columns=["step", "count"])
    funnel.insert(0, "method", method)
    funnel.insert(0, "library", library)
    return table[known].reset_index(drop=True), funnel

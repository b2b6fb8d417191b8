"""Small sorted libraries for the tests: good ones, and the same with one fault."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from cisflow.simulate.sorting import sort_library

N_BINS = 12


def bins_sheet(n_bins: int = N_BINS) -> list[dict]:
    """Rows of a bins sheet with gates at equal distances on the scale of expression."""
    edges = norm.cdf(np.concatenate([[-np.inf], np.linspace(-1.8, 1.8, n_bins - 1), [np.inf]]))
    return [
        {
            "bin": f"bin{b:02d}",
            "role": "sorted",
            "position": float(b),
            "lower_quantile": float(edges[b]),
            "upper_quantile": float(edges[b + 1]),
            "cells": None,
        }
        for b in range(n_bins)
    ]


def good_counts(
    elements: int = 2000, reads: float = 24, cells: float = 30, seed: int = 1, n_bins: int = N_BINS
) -> pd.DataFrame:
    """Counts of a library without fault."""
    rng = np.random.default_rng(seed)
    bins = bins_sheet(n_bins)
    found = sort_library(
        rng, rng.normal(0, 2.5, elements), bins, cells_per_element=cells, abundance_spread=0.6, cell_noise=1.5,
        total_reads=round(elements * reads), library="toy",
    )  # fmt: skip
    table = pd.DataFrame(found.reads, columns=[row["bin"] for row in bins])
    table.insert(0, "sequence", [format(i, "012b").replace("0", "A").replace("1", "C") for i in range(elements)])
    table.insert(0, "element", [f"e{i}" for i in range(elements)])
    return table


def funnel(n_bins: int = N_BINS, **shares: float) -> pd.DataFrame:
    """Reads' funnel in which each bin passes the given share of a step (``b03_merged=0.3``), else 0.97."""
    rows = []
    for b in range(n_bins):
        count = 10_000
        rows.append(("toy", f"bin{b:02d}", "read pairs", count))
        for step in ("merged", "flanks found", "length kept", "without N"):
            count = round(count * shares.get(f"b{b:02d}_{step.split()[0]}", 0.97))
            rows.append(("toy", f"bin{b:02d}", step, count))
        rows.append(("toy", f"bin{b:02d}", "unique sequences", count // 5))
    return pd.DataFrame(rows, columns=["library", "bin", "step", "count"])

"""How well the checks of the quality report hold on simulated libraries.

Purpose: the numbers of docs/methods/quality.md. Inputs: none. Outputs: two tables on standard output: how often the
interval of the extrapolation holds what more reads show, and how often exchanged bins are found and good ones accused.

    python benchmarks/quality.py [--runs 40]
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from cisflow.problems import InputError
from cisflow.quality.bin_order import check_bin_order
from cisflow.quality.saturation import extrapolate, frequencies
from cisflow.randomness import generator
from cisflow.simulate.sorting import sort_library

FOLDS = (2, 3, 5)


def saturation(runs: int) -> pd.DataFrame:
    """Share of intervals that hold the truth, relative error and relative width, by depth and spread of abundance."""
    rows = []
    for spread in (0.4, 0.8, 1.5):
        for depth in (0.3, 1, 3, 10, 24):
            inside, error, width = (np.zeros((runs, len(FOLDS))) for _ in range(3))
            for run in range(runs):
                rng = generator(run, "saturation", spread, depth)
                abundance = np.exp(spread * rng.standard_normal(5000))
                rate = depth * abundance / abundance.mean()
                reads = rng.poisson(rate)
                guess = extrapolate(frequencies(reads), FOLDS)
                true = np.array([np.count_nonzero((reads > 0) | (rng.poisson(rate * (k - 1)) > 0)) for k in FOLDS])
                inside[run] = (guess.low <= true) & (true <= guess.high)
                error[run] = (guess.elements - true) / true
                width[run] = (guess.high - guess.low) / true
            for i, fold in enumerate(FOLDS):
                rows.append(
                    {
                        "spread": spread,
                        "depth": depth,
                        "fold": fold,
                        "coverage": inside[:, i].mean(),
                        "mean_error": error[:, i].mean(),
                        "mean_width": width[:, i].mean(),
                    }
                )
    return pd.DataFrame(rows)


def _sorted_reads(rng: np.random.Generator, n_bins: int, elements: int, reads: float, humps: bool) -> np.ndarray:
    """Reads of a library of one or two humps of expression, sorted into bins of equal shares of the cells."""
    edges = np.linspace(0, 1, n_bins + 1)
    bins = [
        {"bin": f"bin{b}", "role": "sorted", "position": b, "lower_quantile": edges[b], "upper_quantile": edges[b + 1]}
        for b in range(n_bins)
    ]
    expression = rng.normal(0, 3, elements)
    if humps:
        expression = np.where(rng.random(elements) < 0.5, -4, 4) + rng.normal(0, 0.7, elements)
    return sort_library(
        rng, expression, bins, cells_per_element=max(5, reads), abundance_spread=0.8, cell_noise=1.5,
        total_reads=round(elements * reads), library="benchmark",
    ).reads  # fmt: skip


def order(runs: int) -> pd.DataFrame:
    """Good libraries accused, and random exchanges of two bins found and named."""
    rows = []
    for humps in (False, True):
        for n_bins in (4, 6, 12, 18):
            for elements, reads in ((300, 10), (3000, 3), (10_000, 24)):
                strongest, accused, found, named, tried = 0.0, 0, 0, 0, 0
                for run in range(runs):
                    rng = generator(run, "order", humps, n_bins, elements)
                    try:
                        counts = _sorted_reads(rng, n_bins, elements, reads, humps)
                    except InputError:  # a bin is left without reads
                        continue
                    tried += 1
                    good = check_bin_order(counts)
                    strongest, accused = max(strongest, good.strongest), accused + good.contradicted
                    pair = sorted(rng.choice(n_bins, 2, replace=False).tolist())
                    counts[:, pair] = counts[:, pair[::-1]]
                    bad = check_bin_order(counts)
                    found, named = found + bad.contradicted, named + (tuple(pair) in bad.swaps)
                rows.append(
                    {
                        "humps": 1 + humps,
                        "bins": n_bins,
                        "elements": elements,
                        "reads": reads,
                        "libraries": tried,
                        "accused": accused,
                        "strongest": strongest,
                        "found": found,
                        "named": named,
                    }
                )
    return pd.DataFrame(rows)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=40, help="simulated libraries of each kind")
    runs = parser.parse_args().runs
    for table in (saturation(runs), order(max(1, runs // 4))):
        print(table.round(4).to_string(index=False), end="\n\n")


if __name__ == "__main__":
    main()

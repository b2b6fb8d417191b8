"""Time the MAUDE estimate on a simulated library, and the R package on the same table.

    python benchmarks/maude.py --elements 10000 --bins 18
    python benchmarks/maude.py --elements 1000 --rscript PATH_TO_MAUDE    # folder that holds R/*.R of the R package

Prints CPU seconds (user + system, without reading files, compiling or starting), elements per CPU second and the ratio,
and with the R package the largest difference between the means. Needs Rscript for the second form; the first compares
with a stored baseline.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cisflow.expression.abundance import abundance_from_bins
from cisflow.expression.bin_mean import estimate_bin_mean
from cisflow.expression.bin_model import BinModel, bin_model_from_quantiles
from cisflow.expression.maude import estimate_maude
from cisflow.randomness import generator

#: Elements per CPU second of the R package on this benchmark (--elements 1000 --rscript): the faster of two runs,
#: R 4.2.2, MAUDE 0.99.4, on two cores of an AMD EPYC; the slower made 120.
R_BASELINE, R_BASELINE_DATE = 134, "2026-11-21"

R_PROGRAM = """
arguments <- commandArgs(trailingOnly = TRUE)
for (file in list.files(file.path(arguments[1], "R"), pattern = "[.][Rr]$", full.names = TRUE)) source(file)
counts <- read.delim(arguments[2], check.names = FALSE)
bins <- read.delim(arguments[3])
spent <- system.time(
    result <- suppressWarnings(suppressMessages(findGuideHits(counts, bins, sortBins = as.character(bins$Bin))))
)
cat(sprintf("%.3f\\n", spent[["user.self"]] + spent[["sys.self"]]))
write.table(format(result$mean, digits = 17), arguments[4], quote = FALSE, row.names = FALSE, col.names = FALSE)
"""


def simulate(
    n: int, n_bins: int, reads_per_element: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, BinModel]:
    """Counts, abundance and controls of a library whose bins hold equal shares of the cells."""
    random = generator(seed, "benchmark", "maude", n, n_bins)
    edges = np.linspace(0, 1, n_bins + 1)
    bins = bin_model_from_quantiles([f"b{b:02d}" for b in range(n_bins)], edges[:-1], edges[1:])
    mean, within = random.normal(0, 0.8, (n, 1)), 0.6
    share = ndtr((bins.upper_z - mean) / within) - ndtr((bins.lower_z - mean) / within)
    counts = random.poisson(reads_per_element * share * random.gamma(2, 0.5, (n, 1)))
    return counts, abundance_from_bins(counts), np.arange(n) < n // 10, bins


def report(name: str, n: int, seconds: float) -> None:
    """Print one line of the result."""
    print(f"{name:<34}{n:>9,} elements {seconds:>10.3f} CPU s {n / seconds:>14,.0f} elements per CPU s")


def cpu_seconds(function, repeats: int) -> float:
    """Least CPU time of some calls."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        spent.append(time.process_time() - start)
    return min(spent)


def time_r(folder: str, counts: np.ndarray, abundance: np.ndarray, control: np.ndarray, bins: BinModel):
    """CPU seconds and means of the R package."""
    with tempfile.TemporaryDirectory() as scratch:
        table = pd.DataFrame(counts, columns=list(bins.names)).assign(NS=abundance, NT=control)
        table["NT"] = table["NT"].map({True: "TRUE", False: "FALSE"})
        edges = pd.DataFrame(
            {
                "Bin": bins.names,
                "binStartQ": bins.lower_quantile,
                "binEndQ": bins.upper_quantile,
                "binStartZ": bins.lower_z,
                "binEndZ": bins.upper_z,
            }
        ).replace({np.inf: "Inf", -np.inf: "-Inf"})
        files = [str(Path(scratch) / name) for name in ("run.R", "counts.tsv", "bins.tsv", "means.txt")]
        Path(files[0]).write_text(R_PROGRAM)
        table.to_csv(files[1], sep="\t", index=False)
        edges.to_csv(files[2], sep="\t", index=False)
        done = subprocess.run(
            ["Rscript", "--vanilla", files[0], str(Path(folder).resolve()), *files[1:]], capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"The R package failed:\n{done.stderr}")
        return float(done.stdout.split()[-1]), np.loadtxt(files[3])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elements", type=int, default=10_000)
    parser.add_argument("--bins", type=int, default=18)
    parser.add_argument("--reads", type=float, default=120, help="mean reads per element")
    parser.add_argument("--repeats", type=int, default=3, help="repeats of our estimate; the fastest counts")
    parser.add_argument("--seed", type=int, default=2022)
    parser.add_argument("--rscript", metavar="FOLDER", help="folder of the R package MAUDE (holds R/*.R)")
    given = parser.parse_args()

    counts, abundance, control, bins = simulate(given.elements, given.bins, given.reads, given.seed)
    estimate_maude(counts[:20], abundance[:20], control[:20], bins)
    estimate_maude(counts[:20], abundance[:20], control[:20], bins, optimum="r")
    positions = np.arange(given.bins)
    estimate_bin_mean(counts[:20], positions)
    print(f"{given.elements:,} elements x {given.bins} bins, {counts.sum(axis=1).mean():.0f} reads per element")
    rates = {}
    for name, function in (
        ("cisflow maude", lambda: estimate_maude(counts, abundance, control, bins)),
        ("cisflow maude, local search of R", lambda: estimate_maude(counts, abundance, control, bins, optimum="r")),
        ("cisflow bin mean", lambda: estimate_bin_mean(counts, positions)),
    ):
        seconds = cpu_seconds(function, given.repeats)
        rates[name] = given.elements / seconds
        report(name, given.elements, seconds)
    if given.rscript is None:
        print(
            f"R package: not given (--rscript FOLDER); stored baseline of {R_BASELINE_DATE}: {R_BASELINE} elements per "
            f"CPU s; cisflow maude / baseline = {rates['cisflow maude'] / R_BASELINE:,.0f}"
        )
    elif shutil.which("Rscript") is None:
        print("R package: given, but there is no Rscript on the path")
    else:
        seconds, means = time_r(given.rscript, counts, abundance, control, bins)
        report("R package", given.elements, seconds)
        print(f"cisflow maude / R package = {rates['cisflow maude'] * seconds / given.elements:,.0f}")
        ours = estimate_maude(counts, abundance, control, bins).mean
        print(f"largest difference between the means: {np.abs(ours - means).max():.2g}")


if __name__ == "__main__":
    main()

"""Calibration of the intervals on libraries simulated as in the demo, and what the intervals cost.

Purpose: the numbers of docs/methods/expression.md. Cells and reads are simulated, without sequencing errors and
clusters. Usage: python benchmarks/intervals.py
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import yaml

from cisflow.expression.abundance import abundance_from_bins
from cisflow.expression.bin_mean import estimate_bin_mean
from cisflow.expression.bin_model import bin_model_from_quantiles
from cisflow.expression.calibration import coverage_table
from cisflow.expression.dispersion import estimate_dispersion
from cisflow.expression.estimate import with_cells
from cisflow.expression.maude import estimate_maude
from cisflow.settings.study import read_study
from cisflow.simulate.library import SimulatedLibrary, simulate_library

CHECKOUT = Path(__file__).resolve().parents[1]
FLANKS = {"distal": "TGCATTTTTTTCACATC", "proximal": "GGTTACGGCTGTT"}


def _simulated(library: str, kind: str, bins: list[dict], config: dict) -> SimulatedLibrary:
    simulation, prefix = config["simulation"], "" if kind == "random" else "designed_"
    element = "promoter" if kind == "random" else "element"
    amounts = {
        "promoters": simulation["promoters"],
        "reads_per_element": simulation[f"{prefix}reads_per_{element}"],
        "cells_per_element": simulation["cells_per_promoter" if kind == "random" else "designed_cells_per_element"],
        "cell_noise": simulation["cell_noise"],
    }
    return simulate_library(library, kind, config["seed"], FLANKS, bins, amounts)


def main() -> None:
    """Print coverage, dispersion and times."""
    config = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text())
    study = read_study(config, CHECKOUT / "workflow" / "schemas", CHECKOUT)
    for library, row in study.libraries.items():
        made = _simulated(library, row["kind"], study.bins[library], config)
        rows = with_cells(study.bins[library], made.bins)
        names = [b["bin"] for b in rows]
        reads, cells = made.bin_reads[names].to_numpy(), np.array([b["cells"] for b in rows])
        mean = estimate_bin_mean(reads, [b["position"] for b in rows], cells=cells).expression
        for label, known in (("cells known", cells), ("cells unknown", None)):
            seen = estimate_dispersion(reads, np.arange(len(rows)), mean, known)
            print(f"{library}, {label}: inflation {seen.inflation.mean():.2f}, amplification {seen.amplification:.4f}")
        for method in study.methods(library):
            settings = {**config["estimate"], "bins": rows}
            counts = made.bin_reads.assign(sequence=made.truth["sequence"])
            table = coverage_table(counts, made.truth, made.bins, settings, method)
            overall = table[table["reads_from"] == 0].pivot(index="interval", columns="level", values="covered")
            print(f"{library}, {method}: share covered by level\n{overall.round(3).to_string()}")
        model = bin_model_from_quantiles(names, *([b[f"{s}_quantile"] for b in rows] for s in ("lower", "upper")))
        start = time.process_time()
        estimate_maude(reads, abundance_from_bins(reads), None, model, cells=cells, abundance_rule="mean")
        print(f"{library}: maude with intervals, {len(reads):,} elements: {time.process_time() - start:.2f} CPU s")


if __name__ == "__main__":
    main()

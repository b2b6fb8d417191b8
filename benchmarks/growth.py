"""Time and memory of the stages at three sizes a factor of ten apart, with the exponent of growth.

    python benchmarks/growth.py > growth.md

Each measurement is a process of its own: CPU seconds (user + system, programs that it starts included, without
compiling and without making the input) and peak resident memory. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from maude import simulate
from reads import cpu_seconds, read_settings
from simulated_pairs import DISTAL, LETTERS, PROXIMAL, write_pairs

from cisflow.clusters.methods import cluster_library
from cisflow.clusters.near_identical import near_identical_pairs
from cisflow.contacts.coarsegrain import adaptive_coarsegrain
from cisflow.expression.bin_mean import estimate_bin_mean
from cisflow.expression.maude import estimate_maude
from cisflow.randomness import generator
from cisflow.reads.count import count_reads
from cisflow.reads.ragged import Sequences

Work = Callable[[], Any]
#: Methods of clustering, as in the config.
BOWTIE2 = {"method": "bowtie2", "seed_mismatches": 1, "seed_length": 18, "bowtie2_options": ""}
PIECES = {"method": "pieces", "max_distance": 5}


def _random_letters(rows: int, length: int) -> list[str]:
    letters = LETTERS[generator(1, "growth", rows).integers(0, 4, (rows, length))]
    return [row.tobytes().decode() for row in letters]


def _reads(pairs: int, folder: Path) -> Work:
    write_pairs(pairs, pairs // 24 + 1, folder)
    read1, read2 = ([folder / f"R{mate}.fastq.gz"] for mate in (1, 2))
    return lambda: count_reads(read1, read2, read_settings())


def _clusters(sequences: int, folder: Path, settings: dict[str, Any] = BOWTIE2) -> Work:
    flanked = [DISTAL + s + PROXIMAL for s in _random_letters(sequences, 80)]
    pooled = pl.DataFrame({"sequence": flanked}).with_columns(reads=pl.lit(1, pl.UInt64))
    return lambda: cluster_library(pooled, "library", settings, (17, 13))


def _pieces(sequences: int, folder: Path) -> Work:
    return _clusters(sequences, folder, PIECES)


def _bin_mean(elements: int, folder: Path) -> Work:
    counts = simulate(elements, 18, 120, 1)[0]
    return lambda: estimate_bin_mean(counts, np.arange(18))


def _maude(elements: int, folder: Path) -> Work:
    counts, abundance, control, bins = simulate(elements, 18, 120, 1)
    return lambda: estimate_maude(counts, abundance, control, bins)


def _near_identical(sequences: int, folder: Path) -> Work:
    rows = Sequences.from_series(pl.Series(_random_letters(sequences, 110)))
    return lambda: near_identical_pairs(rows, 3)


def _coarsegrain(bins: int, folder: Path) -> Work:
    counts = generator(1, "growth", bins).poisson(2.0, (bins, bins)).astype(float)
    counts += counts.T
    return lambda: adaptive_coarsegrain(counts / 4, counts)


#: Stage: how its input is made, unit, sizes (the smallest compiles the code first).
STAGES: dict[str, tuple[Callable[[int, Path], Work], str, tuple[int, int, int]]] = {
    "merge and count": (_reads, "read pairs", (20_000, 200_000, 2_000_000)),
    "cluster (Bowtie2)": (_clusters, "unique sequences", (2_000, 20_000, 200_000)),
    "cluster (pieces)": (_pieces, "unique sequences", (10_000, 100_000, 1_000_000)),
    "bin-weighted mean": (_bin_mean, "elements x 18 bins", (10_000, 100_000, 1_000_000)),
    "MAUDE": (_maude, "elements x 18 bins", (2_000, 20_000, 200_000)),
    "near-identical pairs": (_near_identical, "sequences", (10_000, 100_000, 1_000_000)),
    "coarse-graining": (_coarsegrain, "bins on a side", (100, 1_000, 10_000)),
}


def measure(stage: str, size: int) -> dict[str, float]:
    """Measure one stage at one size in this process."""
    make, _, sizes = STAGES[stage]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(max(sizes[0] // 10, 20), folder)()  # compiles
        cpu, wall, _ = cpu_seconds(make(size, folder))
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"cpu": cpu, "wall": wall, "peak_mb": peak / 1024}


def main() -> None:
    """Measure all stages, or one with --one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", nargs=2, metavar=("STAGE", "SIZE"), help="measure this only and print JSON")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one[0], int(given.one[1]))))
        return
    print("| stage | size | CPU s | peak MB | exponent of CPU |")
    print("| --- | --- | --- | --- | --- |")
    for stage, (_, unit, sizes) in STAGES.items():
        before = None
        for size in sizes:
            command = [sys.executable, __file__, "--one", stage, str(size)]
            result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            exponent = f"{math.log10(result['cpu'] / before):.2f}" if before else ""
            row = (stage, f"{size:,} {unit}", f"{result['cpu']:.3f}", f"{result['peak_mb']:,.0f}", exponent)
            print("| " + " | ".join(row) + " |", flush=True)
            before = result["cpu"]


if __name__ == "__main__":
    main()

"""Time merging and counting of simulated pairs and the clustering of their sequences, and vsearch on the same files.

    python benchmarks/reads.py --pairs 200000 --sequences 50000

Prints CPU seconds (user + system, of this process and the programs that it starts; without compiling) and the share of
pairs whose merged sequence is the simulated one. vsearch (pairs merged with the same overlaps, then dereplicated) is
run when it is installed.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cisflow.clusters.methods import cluster_library
from cisflow.randomness import generator
from cisflow.reads.count import ReadSettings, count_reads

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
SETTINGS = ReadSettings(f"{DISTAL} {{variable:48-112}} {PROXIMAL}", 40, 15, 0.75, 2, True, "forward")
CLUSTER = {"method": "bowtie2", "seed_mismatches": 1, "seed_length": 18, "bowtie2_options": ""}
LETTERS = np.frombuffer(b"ACGT", np.uint8)
READ_LENGTH = 76


def simulate_amplicons(n: int, n_promoters: int, error: float, random: np.random.Generator) -> np.ndarray:
    """Amplicons with substitution errors, uint8 letters of shape (n, 110)."""
    flanks = [np.frombuffer(flank.encode(), np.uint8) for flank in (DISTAL, PROXIMAL)]
    promoters = LETTERS[random.integers(0, 4, (n_promoters, 80))]
    chosen = promoters[random.integers(0, n_promoters, n)]
    whole = np.hstack([np.broadcast_to(flanks[0], (n, 17)), chosen, np.broadcast_to(flanks[1], (n, 13))])
    wrong = random.random(whole.shape) < error
    return np.where(wrong, LETTERS[random.integers(0, 4, whole.shape)], whole)


def write_fastq(reads: np.ndarray, path: Path) -> None:
    """Write reads (uint8 letters, one row each) with quality I as gzip FASTQ."""
    quality = "I" * reads.shape[1]
    text = "".join(f"@r{i}\n{row.tobytes().decode()}\n+\n{quality}\n" for i, row in enumerate(reads))
    path.write_bytes(gzip.compress(text.encode(), 1, mtime=0))


def cpu_seconds(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU and wall seconds of a call, with the programs that it starts, and its result."""

    def used() -> float:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    cpu, wall = used(), time.perf_counter()
    result = function()
    return used() - cpu, time.perf_counter() - wall, result


def line(what: str, n: int, unit: str, cpu: float, wall: float, note: str = "") -> None:
    """Print one line of the result."""
    print(
        f"{what:<34}{n:>10,} {unit:<10}{cpu:>8.2f} CPU s {wall:>8.2f} s wall {n / cpu:>12,.0f} {unit} per CPU s {note}"
    )


def run_vsearch(read1: Path, read2: Path, folder: Path) -> Path:
    """Merge and dereplicate with vsearch at the overlaps 25 to 55; returns the FASTA of unique sequences."""
    merge = f"vsearch --threads 1 --fastq_mergepairs {read1} --reverse {read2} --fastaout {folder}/merged.fa"
    merge += " --fastq_minovlen 25 --fastq_minmergelen 97 --fastq_maxmergelen 127 --fastq_maxdiffpct 25 --quiet"
    unique = f"vsearch --threads 1 --derep_fulllength {folder}/merged.fa --output {folder}/unique.fa --sizeout --quiet"
    for command in (merge, unique):
        subprocess.run(command.split(), check=True, capture_output=True)
    return folder / "unique.fa"


def main() -> None:
    """Run the comparison from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200_000)
    parser.add_argument("--sequences", type=int, default=50_000)
    options = parser.parse_args()
    random = generator(1, "benchmark", "reads")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        amplicons = simulate_amplicons(options.pairs, options.pairs // 24 + 1, 0.001, random)
        turned = (3 - np.searchsorted(LETTERS, amplicons))[:, ::-1]
        read1, read2 = folder / "R1.fastq.gz", folder / "R2.fastq.gz"
        write_fastq(amplicons[:, :READ_LENGTH], read1)
        write_fastq(LETTERS[turned[:, :READ_LENGTH]], read2)
        few = [folder / f"few_{path.name}" for path in (read1, read2)]
        write_fastq(amplicons[:10, :READ_LENGTH], few[0])
        write_fastq(LETTERS[turned[:10, :READ_LENGTH]], few[1])
        count_reads(few[:1], few[1:], SETTINGS)  # compiles
        cpu, wall, counts = cpu_seconds(lambda: count_reads([read1], [read2], SETTINGS))
        truth = pl.Series("sequence", [row.tobytes().decode() for row in amplicons]).value_counts(name="true")
        right = counts.table.join(truth, on="sequence").select(pl.min_horizontal("reads", "true").sum()).item()
        line("merge and count", options.pairs, "pairs", cpu, wall, f"{100 * right / options.pairs:.2f} % as simulated")
        if shutil.which("vsearch"):
            cpu, wall, _ = cpu_seconds(lambda: run_vsearch(read1, read2, folder))
            line("vsearch, merge and dereplicate", options.pairs, "pairs", cpu, wall)
        unique = np.unique(simulate_amplicons(3 * options.sequences, options.sequences // 2, 0.004, random), axis=0)
        unique = unique[random.permutation(len(unique))[: options.sequences]]
        pooled = pl.DataFrame({"sequence": [row.tobytes().decode() for row in unique]}).with_columns(
            reads=pl.lit(1, pl.UInt64)
        )
        cluster_library(pooled[:10], "few", CLUSTER, (17, 13))  # compiles
        cpu, wall, found = cpu_seconds(lambda: cluster_library(pooled, "lib", CLUSTER, (17, 13)))
        note = f"{len(found.elements):,} elements"
        line("cluster with Bowtie2", len(pooled), "sequences", cpu, wall, note)


if __name__ == "__main__":
    main()

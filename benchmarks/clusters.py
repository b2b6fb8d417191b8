"""Clusters of random libraries: what they cost beside Bowtie2 itself, and how well each method finds the promoters.

    python benchmarks/clusters.py cost --sequences 1000000
    python benchmarks/clusters.py agreement --output docs/figures/clusters_agreement.svg
    python benchmarks/clusters.py distance

``cost`` clusters one simulated library with both methods and runs bowtie2-build and bowtie2 on the same sequences with
the same options, output to /dev/null: CPU seconds (user + system, programs that are started included) and their ratio.

``agreement`` simulates reads of a library at three error rates and compares the clusters with the promoters that the
reads come from. Of all pairs of different sequences:

- missed merges: pairs of one promoter that lie in different clusters, of the pairs of one promoter;
- false merges: pairs of different promoters that lie in one cluster, of the pairs in one cluster;
- in common: pairs that both methods put in one cluster, of those that either does.

Intervals: 95 %, promoters drawn with replacement; where nothing is missed, up to 3 / promoters (rule of three).
vsearch (--cluster_fast) is a third method when it is installed.

``distance`` shows what the method ``pieces`` misses at several distances, and its CPU seconds.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import yaml

from cisflow.clusters.bowtie import find_bowtie2, write_fasta
from cisflow.clusters.methods import cluster_library, piece_clusters
from cisflow.clusters.self_alignment import AlignmentSettings, self_alignment_options
from cisflow.figures.style import PALETTE, new_figure, save_figure
from cisflow.randomness import generator

DISTAL, PROXIMAL = b"TGCATTTTTTTCACATC", b"GGTTACGGCTGTT"
FLANKS = (len(DISTAL), len(PROXIMAL))
CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"
DEFAULTS = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["cluster"]
METHODS: dict[str, dict[str, Any]] = {name: DEFAULTS | {"method": name} for name in ("bowtie2", "pieces")}
ERRORS = (0.001, 0.005, 0.02)  # substitutions per base
INDELS = 0.1  # inserted, and as many deleted, bases of the variable part per substitution
FLANK_MISMATCHES = 2  # reads with more in a flank are not counted
IDENTITY = 0.93  # vsearch, of the amplicon: eight differences, about what Bowtie2 takes
DRAWS = 1000
LETTERS = np.frombuffer(b"ACGT", np.uint8)


def cpu_seconds(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU and wall seconds of a call, with the programs that it starts, and its result."""

    def used() -> float:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    cpu, wall = used(), time.perf_counter()
    result = function()
    return used() - cpu, time.perf_counter() - wall, result


def as_texts(letters: np.ndarray) -> pl.Series:
    """Rows of letters (uint8) as strings."""
    return pl.Series("sequence", np.ascontiguousarray(letters).view(f"S{letters.shape[1]}").ravel().astype(str))


def amplicons(variable: np.ndarray) -> np.ndarray:
    """Variable parts between the flanks."""
    flanks = [np.broadcast_to(np.frombuffer(f, np.uint8), (len(variable), len(f))) for f in (DISTAL, PROXIMAL)]
    return np.hstack([flanks[0], variable, flanks[1]])


def unique_library(n: int) -> pl.DataFrame:
    """``n`` unique sequences: 70 % promoters, 30 % single-base errors of them; ``sequence``, ``reads``."""
    random = generator(1, "benchmark", "clusters", n)
    variable = LETTERS[random.integers(0, 4, (n, 80))]
    first = n - int(0.3 * n)
    variable[first:] = variable[random.choice(first, n - first, replace=False)]
    rows, place = np.arange(first, n), random.integers(0, 80, n - first)
    step = random.integers(1, 4, n - first)
    variable[rows, place] = LETTERS[(np.searchsorted(LETTERS, variable[rows, place]) + step) % 4]
    reads = np.where(np.arange(n) < first, 20, 1).astype(np.uint64)
    return pl.DataFrame([as_texts(amplicons(variable)), pl.Series("reads", reads)])


def run_bowtie2(sequences: pl.Series, threads: int) -> tuple[float, float]:
    """CPU and wall seconds of bowtie2-build and bowtie2 with the published options."""
    aligner, builder = find_bowtie2()
    with tempfile.TemporaryDirectory() as folder:
        fasta, index = f"{folder}/sequences.fa", f"{folder}/index"
        write_fasta(sequences, fasta)
        build = [builder, "--quiet", "--threads", str(threads), fasta, index]
        align = [aligner, *self_alignment_options(AlignmentSettings(), *FLANKS), "-p", str(threads), "-x", index]

        def both() -> None:
            subprocess.run(build, check=True, capture_output=True)
            subprocess.run([*align, "-U", fasta], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        return cpu_seconds(both)[:2]


def cost(n: int, threads: int) -> None:
    """Measure and print what clustering costs."""
    pooled = unique_library(n)
    for settings in METHODS.values():
        cluster_library(pooled.head(50), "few", settings, FLANKS)  # compiles
    alone = run_bowtie2(pooled["sequence"], threads)
    print("| what | CPU s | of bowtie2 alone | wall s | elements |")
    print("| --- | --- | --- | --- | --- |")
    print(f"| bowtie2-build and bowtie2 alone | {alone[0]:.1f} | 1 | {alone[1]:.1f} | |", flush=True)
    for name, settings in METHODS.items():
        cpu, wall, found = cpu_seconds(lambda s=settings: cluster_library(pooled, "lib", s, FLANKS, threads))
        ratio = f"{cpu / alone[0]:.3f}"
        print(f"| method {name} | {cpu:.1f} | {ratio} | {wall:.1f} | {len(found.elements):,} |", flush=True)


def sequenced_library(promoters: int, depth: float, error: float) -> tuple[pl.DataFrame, np.ndarray]:
    """Unique sequences of simulated reads (``sequence``, ``reads``), and the promoter that each comes from."""
    random = generator(1, "benchmark", "clusters", promoters, error)
    reads = random.poisson(depth * random.lognormal(-0.125, 0.5, promoters))
    source = np.repeat(np.arange(promoters), reads)
    whole = amplicons(LETTERS[random.integers(0, 4, (promoters, 80))])[source]
    wrong = random.random(whole.shape) < error
    in_flanks = np.maximum(wrong[:, : FLANKS[0]].sum(axis=1), wrong[:, -FLANKS[1] :].sum(axis=1))
    whole[wrong] = LETTERS[(np.searchsorted(LETTERS, whole[wrong]) + random.integers(1, 4, int(wrong.sum()))) % 4]
    copies = np.ones(whole.shape, np.int64)
    kind = random.random((len(whole), 80)) / (error * INDELS)
    copies[:, FLANKS[0] : -FLANKS[1]] += np.where(kind < 1, -1, np.where(kind < 2, 1, 0))
    flat = np.repeat(whole.ravel(), copies.ravel())
    inserted = (np.cumsum(copies.ravel()) - 1)[copies.ravel() == 2]
    flat[inserted] = LETTERS[random.integers(0, 4, len(inserted))]
    ends = np.cumsum(copies.sum(axis=1))
    text = flat.tobytes().decode()
    texts = [text[a:b] for a, b in zip(np.r_[0, ends[:-1]], ends, strict=True)]
    table = pl.DataFrame({"sequence": texts, "source": source}).filter(pl.Series(in_flanks <= FLANK_MISMATCHES))
    pooled = table.group_by("sequence").agg(reads=pl.len().cast(pl.UInt64), source=pl.col("source").min())
    pooled = pooled.sort("sequence")
    return pooled.select("sequence", "reads"), pooled["source"].to_numpy()


def run_vsearch(pooled: pl.DataFrame) -> np.ndarray:
    """Clusters of vsearch --cluster_fast, in the order of the table."""
    with tempfile.TemporaryDirectory() as folder:
        write_fasta(pooled["sequence"], f"{folder}/sequences.fa")
        command = f"vsearch --cluster_fast {folder}/sequences.fa --id {IDENTITY} --uc {folder}/clusters.uc --threads 1"
        subprocess.run(command.split(), check=True, capture_output=True)
        lines = [line.split("\t") for line in Path(f"{folder}/clusters.uc").read_text().splitlines()]
    labels = np.empty(len(pooled), np.int64)
    for kind, cluster, *_, name, _ in lines:
        if kind in "SH":
            labels[int(name)] = int(cluster)
    return labels


def labels_of(pooled: pl.DataFrame, name: str) -> np.ndarray:
    """Clusters by one method, in the order of the table."""
    if name == "vsearch":
        return run_vsearch(pooled)
    members = cluster_library(pooled, "lib", METHODS[name], FLANKS).members
    joined = pooled.join(members.select("sequence", "element"), on="sequence", maintain_order="left")
    return joined["element"].cast(pl.Categorical).to_physical().to_numpy().astype(np.int64)


def pairs_within(*labels: np.ndarray) -> int:
    """Pairs of rows that agree in every labelling."""
    sizes = pl.DataFrame({str(i): column for i, column in enumerate(labels)}).group_by(pl.all()).len()["len"]
    sizes = sizes.cast(pl.Int64).to_numpy()
    return int((sizes * (sizes - 1) // 2).sum())


def pairs_per_promoter(source: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of each promoter's sequences, and those of them that lie in one cluster."""
    promoters, place = np.unique(source, return_inverse=True)
    size = np.bincount(place)
    parts = pl.DataFrame({"p": place, "c": labels}).group_by("p", "c").len()
    n = parts["len"].cast(pl.Int64).to_numpy()
    together = np.bincount(parts["p"].to_numpy(), n * (n - 1) // 2, len(promoters))
    return size * (size - 1) // 2, together


def interval(part: np.ndarray, whole: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of sum(part) / sum(whole), rows drawn with replacement; 0 to 3 / rows where part is 0."""
    if not part.any():
        return 0.0, 3 / int((whole > 0).sum())
    random = generator(1, "benchmark", "clusters", "interval")
    drawn = random.multinomial(len(part), np.full(len(part), 1 / len(part)), DRAWS)
    low, high = np.quantile((drawn @ part) / (drawn @ whole), [0.025, 0.975])
    return float(low), float(high)


def agreement(promoters: int, depth: float) -> pd.DataFrame:
    """Compare the methods with the truth at each error rate; one row per rate and method, shares in percent."""
    names = [*METHODS, *(["vsearch"] if shutil.which("vsearch") else [])]
    few = sequenced_library(20, 5, 0.001)[0]
    for name in names:
        labels_of(few, name)  # compiles
    rows = []
    for error in ERRORS:
        pooled, source = sequenced_library(promoters, depth, error)
        first = None
        for name in names:
            cpu, _, labels = cpu_seconds(lambda pooled=pooled, name=name: labels_of(pooled, name))
            first = labels if first is None else first
            whole, together = pairs_per_promoter(source, labels)
            missed, joined = whole - together, pairs_within(labels)
            both = pairs_within(first, labels)
            low, high = interval(missed, whole)
            rows.append(
                {
                    "substitutions": 100 * error,
                    "method": name,
                    "sequences": len(pooled),
                    "promoters": len(whole),
                    "elements": len(np.unique(labels)),
                    "true_pairs": int(whole.sum()),
                    "missed": 100 * missed.sum() / whole.sum(),
                    "missed_low": 100 * low,
                    "missed_high": 100 * high,
                    "false": 100 * (joined - together.sum()) / joined,
                    "in_common": 100 * both / (pairs_within(first) + joined - both),
                    "cpu_seconds": cpu,
                }
            )
    return pd.DataFrame(rows)


def print_distances(promoters: int, depth: float) -> None:
    """Print what ``pieces`` misses at several distances."""
    piece_clusters(sequenced_library(20, 5, 0.001)[0]["sequence"], 3, FLANKS)  # compiles
    print("| substitutions | distance | missed merges | reads outside the cluster of their promoter | CPU s |")
    print("| --- | --- | --- | --- | --- |")
    for error in (0.001, 0.005, 0.01, 0.02):
        pooled, source = sequenced_library(promoters, depth, error)
        for distance in (2, 3, 4, 5, 6, 8):
            cpu, _, labels = cpu_seconds(lambda p=pooled, d=distance: piece_clusters(p["sequence"], d, FLANKS))
            whole, together = pairs_per_promoter(source, labels)
            parts = pooled.select("reads", promoter=pl.Series(source), cluster=pl.Series(labels))
            parts = parts.group_by("promoter", "cluster").agg(pl.col("reads").sum())
            largest = parts.group_by("promoter").agg(pl.col("reads").max())["reads"].sum()
            missed, outside = 1 - together.sum() / whole.sum(), 1 - largest / pooled["reads"].sum()
            print(f"| {100 * error:g} % | {distance} | {100 * missed:.3f} % | {100 * outside:.3f} % | {cpu:.2f} |")


def draw(table: pd.DataFrame, svg: str, caption: str) -> None:
    """Missed merges, false merges and CPU seconds by error rate."""
    figure, axes = new_figure(9.0, 2.9, ncols=3)
    for i, (name, part) in enumerate(table.groupby("method", sort=False)):
        x = np.arange(len(part)) + 0.12 * (i - 1)
        bars = [part["missed"] - part["missed_low"], part["missed_high"] - part["missed"]]
        marks = {"color": PALETTE[i], "marker": "os^"[i], "linestyle": "none", "label": name}
        axes[0].errorbar(x, part["missed"], bars, capsize=2, **marks)
        axes[1].plot(x, part["false"], **marks)
        axes[2].plot(x, part["cpu_seconds"], **marks)
    labels = ("missed merges (% of true pairs)", "false merges (% of joined pairs)", "CPU time (s)")
    for axis, label in zip(axes, labels, strict=True):
        axis.set(xlabel="substitution errors (% per base)", ylabel=label)
        axis.set_xticks(range(len(ERRORS)), [f"{100 * error:g}" for error in ERRORS])
        axis.set_xlim(-0.4, len(ERRORS) - 0.6)
    for axis in axes[:2]:  # linear up to 0.01 %, then logarithmic
        axis.set_yscale("symlog", linthresh=0.01)
        axis.set(
            ylim=(-0.003, 100), yticks=(ticks := (0, 0.01, 0.1, 1, 10, 100)), yticklabels=[f"{t:g}" for t in ticks]
        )
        axis.minorticks_off()
    axes[2].set_yscale("log")
    axes[1].legend(loc="upper left")
    save_figure(figure, table, svg, "Clusters against the simulated truth", caption)


def print_table(table: pd.DataFrame) -> None:
    """Print the comparison in Markdown."""
    print("| substitutions | method | unique sequences | elements | missed merges | false merges | in common | CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in table.to_dict("records"):
        missed = f"{row['missed']:.3f} % [{row['missed_low']:.3f}, {row['missed_high']:.3f}]"
        common = "" if row["method"] == "bowtie2" else f"{row['in_common']:.3f} %"
        print(
            f"| {row['substitutions']:g} % | {row['method']} | {row['sequences']:,} | {row['elements']:,} | {missed} "
            f"| {row['false']:.3f} % | {common} | {row['cpu_seconds']:.2f} |"
        )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    costs = commands.add_parser("cost", help="CPU time beside Bowtie2 alone")
    costs.add_argument("--sequences", type=int, default=1_000_000)
    costs.add_argument("--threads", type=int, default=2)
    compared = commands.add_parser("agreement", help="clusters against the simulated truth")
    compared.add_argument("--output", default="build/clusters_agreement.svg", help="figure; its table lies beside it")
    distances = commands.add_parser("distance", help="what the method pieces misses at several distances")
    for command, promoters in ((compared, 3000), (distances, 2000)):
        command.add_argument("--promoters", type=int, default=promoters)
        command.add_argument("--depth", type=float, default=10, help="mean reads per promoter")
    given = parser.parse_args()
    if given.command == "distance":
        print_distances(given.promoters, given.depth)
        return
    if given.command == "cost":
        cost(given.sequences, given.threads)
        return
    table = agreement(given.promoters, given.depth)
    print_table(table)
    caption = (
        f"{given.promoters:,} simulated promoters, {given.depth:g} reads each on average, with inserted and with "
        f"deleted bases at {INDELS:g} of the rate of substitutions. Missed merges: pairs of sequences of one promoter "
        "in different clusters; false merges: pairs of different promoters in one cluster. Bars: 95 % intervals over "
        "promoters. Good is low in all panels."
    )
    draw(table, given.output, caption)


if __name__ == "__main__":
    main()

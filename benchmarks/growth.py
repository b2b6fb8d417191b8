"""Time, memory and disk of the stages at three sizes a factor of ten apart, with the exponents of growth.

    python benchmarks/growth.py                         # all stages: half an hour on a quiet machine
    python benchmarks/growth.py --stage "merge and count"

Input is made by one process and written to files; another one reads them, works and writes the result. Measured of the
second: CPU seconds (user + system, programs that it starts included, start-up of Python and compiling not), peak
resident memory (start-up included, about 250 MB) and bytes of the result. Prints a table in Markdown.
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
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from contacts import BIN, random_fasta, write_map
from maude import simulate
from reads import cpu_seconds, read_settings
from simulated_pairs import DISTAL, LETTERS, PROXIMAL, write_pairs

from cisflow.clusters.designed import assign_to_ordered
from cisflow.clusters.elements import Elements, count_elements, pool
from cisflow.clusters.methods import cluster_library
from cisflow.clusters.near_identical import near_identical_pairs
from cisflow.clusters.ordered import ordered_library
from cisflow.contacts.coarsegrain import adaptive_coarsegrain
from cisflow.contacts.prepare import prepare_map
from cisflow.expression.bin_mean import estimate_bin_mean
from cisflow.expression.bin_model import bin_model_from_quantiles
from cisflow.expression.maude import estimate_maude
from cisflow.quality.assess import assess
from cisflow.quality.library import read_library
from cisflow.randomness import generator
from cisflow.reads.count import count_runs, write_bin
from cisflow.reads.ragged import Sequences

#: Methods of clustering, as in the config.
BOWTIE2 = {"method": "bowtie2", "seed_mismatches": 1, "seed_length": 18, "bowtie2_options": ""}
PIECES = {"method": "pieces", "max_distance": 5}
FLANKS = (len(DISTAL), len(PROXIMAL))
BINS, READS_PER_ELEMENT = 18, 120
PANELS = ("bins", "ranks", "saturation", "profiles", "expression")
CHECKOUT = Path(__file__).parents[1]
MUTANTS = 4  # other sequences of each designed one


def _letters(rows: int, length: int) -> np.ndarray:
    return LETTERS[generator(1, "growth", rows, length).integers(0, 4, (rows, length))]


def _texts(letters: np.ndarray) -> pl.Series:
    return pl.Series("sequence", np.ascontiguousarray(letters).view(f"S{letters.shape[1]}").ravel().astype(str))


def _amplicons(variable: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"sequence": variable}).select(
        pl.format(f"{DISTAL}{{}}{PROXIMAL}", "sequence").alias("sequence")
    )


def make_pairs(pairs: int, folder: Path) -> None:
    """FASTQ of 2 x 76 pairs, 24 of each promoter."""
    write_pairs(pairs, pairs // 24 + 1, folder)


def merge_and_count(folder: Path) -> Path:
    """Rule count_reads."""
    settings, output = read_settings(), folder / "counts.parquet"
    runs, rows = count_runs([folder / "R1.fastq.gz"], [folder / "R2.fastq.gz"], settings, folder)
    write_bin(runs, rows, settings, output)
    return output


def make_promoters(sequences: int, folder: Path) -> None:
    """Counts of different promoters in one bin."""
    table = _amplicons(_texts(_letters(sequences, 80))).sort("sequence")
    table.with_columns(reads=pl.lit(1, pl.UInt32)).write_parquet(folder / "bin.parquet")


def _write(elements: Elements, folder: Path) -> Path:
    elements.elements.write_parquet(folder / "elements.parquet")
    elements.members.write_parquet(folder / "members.parquet")
    return folder / "members.parquet"


def cluster_bowtie2(folder: Path) -> Path:
    """Rule cluster_sequences with Bowtie2."""
    return _write(cluster_library(pool([folder / "bin.parquet"]), "library", BOWTIE2, FLANKS), folder)


def cluster_pieces(folder: Path) -> Path:
    """Rule cluster_sequences with pieces."""
    return _write(cluster_library(pool([folder / "bin.parquet"]), "library", PIECES, FLANKS), folder)


def make_designed(elements: int, folder: Path) -> None:
    """Ordered sequences, and reads of them of which four in five have one or two wrong bases."""
    random, ordered = generator(1, "growth", "designed", elements), _letters(elements, 80)
    names = pl.Series("id", [f"e{i}" for i in range(elements)])
    pl.DataFrame([names, _texts(ordered)]).write_csv(folder / "ordered.tsv", separator="\t", include_header=False)
    read = np.repeat(ordered, MUTANTS + 1, axis=0)
    for _ in range(2):
        wrong = np.flatnonzero(np.arange(len(read)) % (MUTANTS + 1) > 0)
        read[wrong, random.integers(0, 80, len(wrong))] = LETTERS[random.integers(0, 4, len(wrong))]
    table = _amplicons(_texts(read)).unique().sort("sequence")
    table.with_columns(reads=pl.lit(1, pl.UInt32)).write_parquet(folder / "bin.parquet")


def align_designed(folder: Path) -> Path:
    """Rule align_designed."""
    ordered = ordered_library(folder / "ordered.tsv", read_settings())
    return _write(assign_to_ordered(pool([folder / "bin.parquet"]), ordered, FLANKS, 3, "library"), folder)


def make_clustered(sequences: int, folder: Path) -> None:
    """Clustered sequences, four to an element, each with reads in three of the bins."""
    random = generator(1, "growth", "elements", sequences)
    table = _amplicons(_texts(_letters(sequences, 80))).sort("sequence")
    width = len(str(sequences))
    element = pl.format("library_{}", (pl.int_range(pl.len()) // 4).cast(pl.String).str.zfill(width))
    members = table.with_columns(element=element, reads=pl.lit(3, pl.UInt64), match=pl.lit("member"))
    members.write_parquet(folder / "members.parquet")
    members.unique("element", keep="first", maintain_order=True).select("element", "sequence").write_parquet(
        folder / "elements.parquet"
    )
    for b in range(BINS):
        here = table.filter(pl.Series(random.random(sequences) < 3 / BINS))
        here.with_columns(reads=pl.lit(1, pl.UInt32)).write_parquet(folder / f"{b}.parquet")


def count_in_bins(folder: Path) -> Path:
    """Rule count_elements."""
    found = Elements(pl.read_parquet(folder / "members.parquet"), pl.read_parquet(folder / "elements.parquet"))
    counts, _ = count_elements(found, {f"bin{b}": folder / f"{b}.parquet" for b in range(BINS)}, "library", "random")
    counts.write_parquet(folder / "counts.parquet")
    return folder / "counts.parquet"


def make_counts(elements: int, folder: Path) -> None:
    """Counts per element and bin, and the abundance."""
    counts, abundance, control, _ = simulate(elements, BINS, READS_PER_ELEMENT, 1)
    np.savez(folder / "counts.npz", counts=counts, abundance=abundance, control=control)


def bin_mean(folder: Path) -> Path:
    """Rule estimate_expression, weighted mean."""
    given = np.load(folder / "counts.npz")
    found = estimate_bin_mean(given["counts"], np.arange(BINS))
    pl.DataFrame({"mean": found.expression, "error": found.standard_error}).write_parquet(folder / "out.parquet")
    return folder / "out.parquet"


def maude(folder: Path) -> Path:
    """Rule estimate_expression, MAUDE."""
    given, edges = np.load(folder / "counts.npz"), np.linspace(0, 1, BINS + 1)
    bins = bin_model_from_quantiles([f"b{b:02d}" for b in range(BINS)], edges[:-1], edges[1:])
    found = estimate_maude(given["counts"], given["abundance"], given["control"], bins)
    pl.from_pandas(found.to_frame()).write_parquet(folder / "out.parquet")
    return folder / "out.parquet"


def near_identical(folder: Path) -> Path:
    """Pairs within three edits, for the split."""
    rows = Sequences.from_series(pl.read_parquet(folder / "bin.parquet")["sequence"])
    found = near_identical_pairs(rows, 3)
    np.save(folder / "pairs.npy", found.first)
    return folder / "pairs.npy"


def make_library(elements: int, folder: Path) -> None:
    """Counts of a library as the quality report reads them."""
    counts, _, _, _ = simulate(elements, BINS, READS_PER_ELEMENT, 1)
    names = {"element": [f"e{i}" for i in range(elements)], "sequence": _texts(_letters(elements, 80))}
    table = pl.DataFrame(names | {f"b{b:02d}": counts[:, b].astype(np.int64) for b in range(BINS)})
    table.write_parquet(folder / "counts.parquet")


def quality(folder: Path) -> Path:
    """Rule assess_quality; both estimates are computed in it."""
    edges = np.linspace(0, 1, BINS + 1)
    bins = [
        {
            "bin": f"b{b:02d}",
            "role": "sorted",
            "position": b,
            "lower_quantile": edges[b],
            "upper_quantile": edges[b + 1],
        }
        for b in range(BINS)
    ]
    settings = yaml.safe_load((CHECKOUT / "config" / "config.yaml").read_text(encoding="utf-8"))["estimate"]
    library = read_library(
        "library", folder / "counts.parquet", {**settings, "bins": [row | {"cells": None} for row in bins]}, {}
    )
    figures = {name: folder / f"library.{name}.svg" for name in PANELS}
    assess(library, "growth", 1, folder, figures, folder / "verdict.tsv", folder / "page.html")
    return folder / "page.html"


def make_contacts(pixels: int, folder: Path) -> None:
    """Cooler of 1-kb bins, 100 pixels to a bin, and its genome."""
    bins = max(pixels // 100, 1000)
    lengths = {"chr1": BIN * bins * 8 // 10, "chr2": BIN * bins // 10, "chr3": BIN * bins // 10}
    write_map(folder, lengths, pixels)
    random_fasta(folder / "genome.fa", lengths)


def prepare(folder: Path) -> Path:
    """A map summed to bins four times as wide, checked and balanced."""
    target, quality = folder / "out.cool", folder / "quality.tsv"
    held_out = {"validation": ["chr2"], "test": ["chr3"]}
    prepare_map(folder / "map.cool", folder / "genome.fa", 4 * BIN, target, quality, **held_out)
    return target


def make_map(bins: int, folder: Path) -> None:
    """Dense contact map."""
    counts = generator(1, "growth", "map", bins).poisson(2.0, (bins, bins)).astype(float)
    np.save(folder / "map.npy", counts + counts.T)


def coarsegrain(folder: Path) -> Path:
    """Adaptive coarse-graining of one map."""
    counts = np.load(folder / "map.npy")
    np.save(folder / "out.npy", adaptive_coarsegrain(counts / 4, counts))
    return folder / "out.npy"


@dataclass(frozen=True)
class Stage:
    """A stage: how its input is made, what is measured, the unit of its size and the smallest of the three sizes."""

    make: Callable[[int, Path], None]
    work: Callable[[Path], Path]
    unit: str
    smallest: int

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Three sizes a factor of ten apart."""
        return self.smallest, 10 * self.smallest, 100 * self.smallest


STAGES = {
    "merge and count": Stage(make_pairs, merge_and_count, "read pairs", 50_000),
    "cluster (Bowtie2)": Stage(make_promoters, cluster_bowtie2, "unique sequences", 3_000),
    "cluster (pieces)": Stage(make_promoters, cluster_pieces, "unique sequences", 20_000),
    "align to ordered": Stage(make_designed, align_designed, "ordered sequences, five times as many read", 1_000),
    "count elements": Stage(make_clustered, count_in_bins, "unique sequences, 18 bins", 20_000),
    "bin-weighted mean": Stage(make_counts, bin_mean, "elements x 18 bins", 10_000),
    "MAUDE": Stage(make_counts, maude, "elements x 18 bins", 5_000),
    "quality report": Stage(make_library, quality, "elements x 18 bins", 5_000),
    "near-identical pairs": Stage(make_promoters, near_identical, "sequences", 10_000),
    "prepare map": Stage(make_contacts, prepare, "pixels of 1 kb", 200_000),
    "coarse-graining": Stage(make_map, coarsegrain, "bins on a side", 100),
}


def work(stage: str, folder: Path, small: Path) -> None:
    """Measure one stage in this process and print the numbers as JSON; ``small`` holds an input to compile on."""
    STAGES[stage].work(small)
    cpu, _, output = cpu_seconds(lambda: STAGES[stage].work(folder))
    # kilobytes; of the started programs the largest one
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"cpu": cpu, "peak_mb": peak / 1024, "disk_mb": output.stat().st_size / 1e6}))


def measure(stage: str, size: int) -> dict[str, float]:
    """Make the input and measure, in a process each."""
    with tempfile.TemporaryDirectory() as name:
        folders = []
        for what, rows in (("small", max(STAGES[stage].smallest // 10, 20)), ("whole", size)):
            folders.append(Path(name) / what)
            folders[-1].mkdir()
            subprocess.run([sys.executable, __file__, "--make", stage, str(rows), folders[-1]], check=True)
        command = [sys.executable, __file__, "--work", stage, folders[1], folders[0]]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure all stages, or some with --stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", action="append", choices=STAGES, help="measure this one; may be given several times")
    parser.add_argument("--make", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        STAGES[given.make[0]].make(int(given.make[1]), Path(given.make[2]))
        return
    if given.work:
        work(given.work[0], Path(given.work[1]), Path(given.work[2]))
        return
    print("| stage | size | CPU s | exponent | peak MB | result, MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in given.stage or STAGES:
        before = None
        for size in STAGES[name].sizes:
            result = measure(name, size)
            exponent = f"{math.log10(result['cpu'] / before):.2f}" if before else ""
            row = (
                name if before is None else "",
                f"{size:,} {STAGES[name].unit}" if before is None else f"{size:,}",
                f"{result['cpu']:.3g}",
                exponent,
                f"{result['peak_mb']:,.0f}",
                f"{result['disk_mb']:,.3g}",
            )
            print("| " + " | ".join(row) + " |", flush=True)
            before = result["cpu"]


if __name__ == "__main__":
    main()

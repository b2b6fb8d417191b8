"""What shards cost and bring: a stage of the workflow as 1, 2, 4 and 8 shards, through Snakemake on this machine.

    python benchmarks/shards.py                               # all stages, two cores: some 15 minutes
    python benchmarks/shards.py --stage predictions --shards 1 2

Input of the stage is made first and not measured. Measured is `snakemake --cores N` for the stage's result alone:
seconds by the clock, CPU seconds (user + system) of Snakemake and of all its jobs, and the number of jobs. "Planning"
is such a call with nothing left to do, of which every row has one. Every shard is a process that starts Python and its
libraries, as on a cluster. Results are compared byte by byte with those of one shard. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml
from growth import _amplicons, _letters, _texts, make_designed
from reads import cpu_seconds
from simulated_pairs import DISTAL, PROXIMAL, write_pairs

from cisflow.randomness import generator

CHECKOUT = Path(__file__).parents[1]
ROOT = "results/shards"
READ_PAIRS, PROMOTERS, ORDERED, ROWS, DRAWS = 10_000_000, 80_000, 80_000, 60_000, 40_000
RECIPE = {
    "task": "expression",
    "model": "network",
    "encoding": {"name": "plasmid", "length": 150},
    "reverse_complement": True,
    "network": {
        "first": {"name": "bhi_first", "channels": 64, "kernels": [9, 15], "dropout": 0.1},
        "core": {"name": "autosome_core", "widths": [64, 64], "kernel": 7, "expansion": 2, "squeeze": 4},
        "final": {"name": "autosome_final", "bins": 18},
    },
    "loss": {"name": "soft_labels", "bins": 18},
    "training": {
        "batch_size": 1024,
        "epochs": 1,
        "optimiser": {"name": "adamw"},
        "schedule": {"name": "constant"},
    },
}


def write_fasta_reads(sequences: pl.Series, path: Path) -> None:
    """Merged reads as FASTQ, one of each sequence."""
    quality = "I" * 200
    text = (f"@r{i}\n{sequence}\n+\n{quality[: len(sequence)]}\n" for i, sequence in enumerate(sequences))
    path.write_text("".join(text))


def make_reads(folder: Path) -> None:
    """Read pairs of one bin."""
    write_pairs(READ_PAIRS, READ_PAIRS // 24 + 1, folder)


def make_random(folder: Path) -> None:
    """Merged reads of different promoters."""
    write_fasta_reads(_amplicons(_texts(_letters(PROMOTERS, 80)))["sequence"], folder / "random.fastq")


def make_ordered(folder: Path) -> None:
    """Ordered sequences, and merged reads of which four in five have one or two wrong bases."""
    make_designed(ORDERED, folder)
    write_fasta_reads(pl.read_parquet(folder / "bin.parquet")["sequence"], folder / "designed.fastq")


def make_table(folder: Path) -> None:
    """Promoters with the share of G and C in them as expression, and noise."""
    letters = _letters(ROWS, 80)
    share = ((letters == ord("G")) | (letters == ord("C"))).mean(axis=1)
    noise = generator(1, "shards", "noise").normal(0, 1, ROWS)
    table = _amplicons(_texts(letters)).with_columns(expression=pl.Series((share * 17 + noise).clip(0, 17)))
    table.with_row_index("element").with_columns(pl.format("e{}", "element").alias("element")).write_csv(
        folder / "data.tsv", separator="\t"
    )


@dataclass(frozen=True)
class Stage:
    """A stage, what makes its input, the setting of its shards, its result and what that is made of."""

    make: object
    section: str
    result: str
    before: tuple[str, ...]
    size: str


STAGES = {
    "reads": Stage(make_reads, "reads", "reads/pairs/all.parquet", (), f"{READ_PAIRS:,} read pairs (gzip)"),
    "alignment, random library": Stage(
        make_random,
        "cluster",
        "clusters/random.members.parquet",
        ("reads/random/all.parquet", "reads/random/few.parquet"),
        f"{PROMOTERS:,} sequences",
    ),
    "alignment, designed library": Stage(
        make_ordered,
        "cluster",
        "clusters/designed.members.parquet",
        ("reads/designed/all.parquet", "reads/designed/few.parquet"),
        f"{ORDERED:,} ordered sequences, {5 * ORDERED:,} read",
    ),
    "predictions": Stage(
        make_table,
        "prediction",
        "predictions/data/cnn.parquet",
        ("models/data/cnn/seed1/weights.safetensors",),
        f"{ROWS:,} sequences, a network",
    ),
    "bootstrap": Stage(
        make_table,
        "ranking",
        "evaluation/data/bootstrap.parquet",
        ("predictions/data/cnn.parquet",),
        f"{DRAWS:,} draws of a tenth of {round(0.4 * ROWS):,} rows",
    ),
}


def write_study(folder: Path) -> Path:
    """Config and sheets of a study that has the inputs of all stages."""
    sheets = {
        "libraries": "library\tkind\tsource\tordered_sequences\tmethods\n"
        "pairs\trandom\tfastq\t\tbin-mean\nrandom\trandom\tfastq\t\tbin-mean\n"
        "designed\tdesigned\tfastq\tordered.tsv\tbin-mean\n",
        "bins": "library\tbin\trole\tposition\n"
        + "".join(f"{name}\tall\tsorted\t0\n{name}\tfew\tsorted\t1\n" for name in ("pairs", "random", "designed")),
        "reads": "library\tbin\tread1\tread2\npairs\tall\tR1.fastq.gz\tR2.fastq.gz\n"
        "random\tall\trandom.fastq\t\ndesigned\tall\tdesigned.fastq\t\n"
        # The smallest second bin that a library can have.
        + "".join(f"{name}\tfew\t{name}.few.fastq\t\n" for name in ("pairs", "random", "designed")),
        "datasets": "dataset\ttrain_table\ndata\tdata.tsv\n",
        "models": "model\tdataset\trecipe\tseeds\ncnn\tdata\tcnn.yaml\t1\n",
    }
    for name, text in sheets.items():
        (folder / f"{name}.tsv").write_text(text)
    (folder / "cnn.yaml").write_text(yaml.safe_dump(RECIPE, sort_keys=False))
    # Sheets name files that a single stage does not need: they must be there, not more.
    for name in ("R1.fastq.gz", "R2.fastq.gz", "random.fastq", "designed.fastq", "ordered.tsv", "data.tsv"):
        (folder / name).touch()
    for name in ("pairs", "random", "designed"):
        write_fasta_reads(_amplicons(_texts(_letters(10, 80)))["sequence"], folder / f"{name}.few.fastq")
    config = {
        "run": "shards",
        "device": "cpu",
        "data_dir": str(folder),
        "sheets": {name: f"{name}.tsv" for name in sheets} | {"contact_maps": None},
        "reads": {"check_reads": 0, "structure": f"{DISTAL} {{variable:48-112}} {PROXIMAL}"},
        "split": {"validation": 0.1, "test": 0.4, "method": "random"},
        "ranking": {"draws": DRAWS},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(config))
    return folder / "study.yaml"


def run(folder: Path, cores: int, targets: Sequence[str], overlay: str = "{}") -> str:
    """Make files of the study; returns what Snakemake printed."""
    (folder / "overlay.yaml").write_text(overlay)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "snakemake", "-s", str(CHECKOUT / "Snakefile"), "--directory", str(folder)]
    command += ["--cores", str(cores), "--configfile", str(folder / "study.yaml"), str(folder / "overlay.yaml")]
    command += ["--", *(f"{ROOT}/{target}" for target in targets)]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout + done.stderr


def measure(name: str, shards: list[int], cores: int) -> list[str]:
    """Rows of the table of one stage."""
    stage, rows = STAGES[name], []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_study(folder)
        stage.make(folder)
        if stage.before:
            run(folder, cores, stage.before)
        first = None
        for number in shards:
            result = folder / ROOT / stage.result
            shutil.rmtree(result.parent, ignore_errors=True)
            overlay = f"{stage.section}: {{shards: {number}}}\n"
            cpu, wall, said = cpu_seconds(lambda overlay=overlay: run(folder, cores, [stage.result], overlay))
            jobs = int(re.search(r"(\d+) of \1 steps \(100%\) done", said)[1])
            digest = hashlib.sha256(result.read_bytes()).hexdigest()
            first = first or (wall, cpu, digest)
            same = "yes" if digest == first[2] else "NO"
            rows.append(
                f"| {name + ', ' + stage.size if number == shards[0] else ''} | {number} | {jobs} | {wall:.0f} | "
                f"{first[0] / wall:.2f} | {cpu:.0f} | {cpu / first[1]:.2f} | {same} |"
            )
            print(rows[-1], flush=True)
        cpu, wall, _ = cpu_seconds(lambda: run(folder, cores, [stage.result], overlay))
        print(f"  (planning alone: {wall:.1f} s, {cpu:.1f} CPU s)", flush=True)
    return rows


def main() -> None:
    """Measure what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--shards", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    print("| stage | shards | jobs | s | speed-up | CPU s | of one job's | same bytes |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in given.stage:
        measure(name, given.shards, given.cores)


if __name__ == "__main__":
    main()

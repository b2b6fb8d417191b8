"""What shards cost and bring: a stage of the workflow as 1, 2, 4 and 8 shards, through Snakemake on this machine.

    python benchmarks/shards.py                               # all stages, two cores
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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from growth import _amplicons, _letters, _texts, make_designed
from reads import cpu_seconds
from simulated_pairs import DISTAL, PROXIMAL, write_pairs

from cisflow.randomness import generator

CHECKOUT = Path(__file__).parents[1]
ROOT = "results/shards"
#: Rows of the table that is predicted, and of whose test rows draws are made.
ROWS = 60_000
#: Rows of the table that the models of variants are trained on: what they have learnt costs nothing here.
FEW_ROWS = 4_000
CONSTRUCTS = 256
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


def make_reads(pairs: int, folder: Path) -> None:
    """Read pairs of one bin."""
    write_pairs(pairs, pairs // 24 + 1, folder)


def make_random(promoters: int, folder: Path) -> None:
    """Merged reads of different promoters."""
    write_fasta_reads(_amplicons(_texts(_letters(promoters, 80)))["sequence"], folder / "random.fastq")


def make_ordered(elements: int, folder: Path) -> None:
    """Ordered sequences, and merged reads of which four in five have one or two wrong bases."""
    make_designed(elements, folder)
    write_fasta_reads(pl.read_parquet(folder / "bin.parquet")["sequence"], folder / "designed.fastq")


def make_table(rows: int, folder: Path) -> None:
    """Promoters with the share of G and C in them as expression, and noise."""
    letters = _letters(rows, 80)
    share = ((letters == ord("G")) | (letters == ord("C"))).mean(axis=1)
    noise = generator(1, "shards", "noise").normal(0, 1, rows)
    table = _amplicons(_texts(letters)).with_columns(expression=pl.Series((share * 17 + noise).clip(0, 17)))
    table.with_row_index("element").with_columns(pl.format("e{}", "element").alias("element")).write_csv(
        folder / "data.tsv", separator="\t"
    )


def change_study(folder: Path, section: str, changes: dict[str, object]) -> None:
    """Other settings in a section of the config."""
    study = yaml.safe_load((folder / "study.yaml").read_text())
    study[section] = study.get(section, {}) | changes
    (folder / "study.yaml").write_text(yaml.safe_dump(study))


def make_draws(draws: int, folder: Path) -> None:
    """The table, predicted by ridge regressions on k-mers; the number of draws is a setting."""
    make_table(ROWS, folder)
    recipe = yaml.safe_load((CHECKOUT / "config/recipes/kmer_ridge.yaml").read_text())
    names = []
    for k in range(2, 6):
        names.append(f"ridge{k}")
        (folder / f"ridge{k}.yaml").write_text(yaml.safe_dump(recipe | {"k": k}))
    rows = "".join(f"{name}\tdata\t{name}.yaml\t1\n" for name in names)
    (folder / "models.tsv").write_text(f"model\tdataset\trecipe\tseeds\n{rows}")
    change_study(folder, "ranking", {"draws": draws})


def make_alleles(alleles: int, folder: Path) -> None:
    """Constructs and substitutions in them, every base of a place by another; the number of shards is a column."""
    make_table(FEW_ROWS, folder)
    letters = _letters(CONSTRUCTS, 80)
    table = _amplicons(_texts(letters)).with_columns(id=pl.format("c{}", pl.int_range(CONSTRUCTS)))
    table.select("id", "sequence").write_csv(folder / "constructs.tsv", separator="\t", include_header=False)
    # Spread over the constructs as evenly as they go, one place after the other.
    number = np.arange(alleles)
    construct, place = number % CONSTRUCTS, number // CONSTRUCTS
    reference = letters[construct, place]
    other = np.array(list(b"CGTA"), np.uint8)[np.searchsorted(np.array(list(b"ACGT"), np.uint8), reference)]
    order = np.lexsort((place, construct))
    text = "".join(
        f"c{construct[k]}\t{len(DISTAL) + place[k] + 1}\tv{k}\t{chr(reference[k])}\t{chr(other[k])}\t.\t.\t.\n"
        for k in order
    )
    header = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (folder / "alleles.vcf").write_text(header + text)
    change_study(folder, "sheets", {"variants": "variants.tsv"})


def column_of_shards(parts: int, folder: Path) -> None:
    """The variants sheet with so many shards."""
    sheet = f"variants\tdataset\tvcf\tconstructs\tshards\nalleles\tdata\talleles.vcf\tconstructs.tsv\t{parts}\n"
    (folder / "variants.tsv").write_text(sheet)


@dataclass(frozen=True)
class Stage:
    """A stage: how its input is made and how large, the setting of its shards, its result and what that is made of.

    Without a section of the config, the number of shards is a column of the variants sheet.
    """

    make: Callable[[int, Path], None]
    number: int
    size: str
    section: str | None
    result: str
    before: tuple[str, ...]


STAGES = {
    "reads": Stage(make_reads, 10_000_000, "read pairs (gzip)", "reads", "reads/pairs/all.parquet", ()),
    "alignment, random library": Stage(
        make_random,
        80_000,
        "sequences",
        "cluster",
        "clusters/random.members.parquet",
        ("reads/random/all.parquet", "reads/random/few.parquet"),
    ),
    "alignment, designed library": Stage(
        make_ordered,
        80_000,
        "ordered sequences, five times as many read",
        "cluster",
        "clusters/designed.members.parquet",
        ("reads/designed/all.parquet", "reads/designed/few.parquet"),
    ),
    "predictions": Stage(
        make_table,
        ROWS,
        "sequences, a network",
        "prediction",
        "predictions/data/cnn.parquet",
        ("models/data/cnn/seed1/weights.safetensors",),
    ),
    "bootstrap": Stage(
        make_draws,
        400_000,
        f"draws of a tenth of {round(0.4 * ROWS):,} rows, four models",
        "ranking",
        "evaluation/data/bootstrap.parquet",
        tuple(f"predictions/data/ridge{k}.parquet" for k in range(2, 6)),
    ),
    "variants": Stage(
        make_alleles,
        16_384,
        f"alleles in {CONSTRUCTS} constructs, a network",
        None,
        "variants/alleles/effects.parquet",
        ("models/data/cnn/seed1/weights.safetensors",),
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
        "sheets": {name: f"{name}.tsv" for name in sheets}
        | dict.fromkeys(("contact_maps", "designs", "variants", "screens", "queries")),
        "reads": {"check_reads": 0, "structure": f"{DISTAL} {{variable:48-112}} {PROXIMAL}"},
        "split": {"validation": 0.1, "test": 0.4, "method": "random"},
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


def measure(name: str, shards: list[int], cores: int, scale: float) -> None:
    """Print the rows of one stage."""
    stage = STAGES[name]
    number = round(scale * stage.number)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_study(folder)
        stage.make(number, folder)
        if stage.section is None:
            column_of_shards(1, folder)
        if stage.before:
            run(folder, cores, stage.before)
        first = None
        for parts in shards:
            result = folder / ROOT / stage.result
            shutil.rmtree(result.parent, ignore_errors=True)
            overlay = f"{stage.section}: {{shards: {parts}}}\n" if stage.section else "{}"
            if stage.section is None:
                column_of_shards(parts, folder)
            cpu, wall, said = cpu_seconds(lambda overlay=overlay: run(folder, cores, [stage.result], overlay))
            jobs = int(re.search(r"(\d+) of \1 steps \(100%\) done", said)[1])
            digest = hashlib.sha256(result.read_bytes()).hexdigest()
            first = first or (wall, cpu, digest)
            same = "yes" if digest == first[2] else "NO"
            label = f"{name}, {number:,} {stage.size}" if parts == shards[0] else ""
            print(
                f"| {label} | {parts} | {jobs} | {wall:.0f} | {first[0] / wall:.2f} | {cpu:.0f} | "
                f"{cpu / first[1]:.2f} | {same} |",
                flush=True,
            )
        cpu, wall, _ = cpu_seconds(lambda: run(folder, cores, [stage.result], overlay))
        print(f"| | planning alone | 0 | {wall:.0f} | | {cpu:.0f} | | |", flush=True)


def main() -> None:
    """Measure what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--shards", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--scale", type=float, default=1, help="size of the input as a multiple of the default")
    given = parser.parse_args()
    print("| stage | shards | jobs | s | speed-up | CPU s | of one job's | same bytes |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in given.stage:
        measure(name, given.shards, given.cores, given.scale)


if __name__ == "__main__":
    main()

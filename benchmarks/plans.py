"""Time and memory that Snakemake takes to plan large studies: sorted libraries, 18 bins each, reads in shards.

python benchmarks/plans.py                      # 2, 16 and 160 libraries: some 600, 5,000 and 50,000 jobs
python benchmarks/plans.py --libraries 16

Nothing is run: FASTQ files are empty, ``snakemake -n`` plans every job from them to the report. CPU seconds (user and
system) and peak memory of that process; the exponent is that of CPU time against the row before.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
BINS = 18


def write_study(folder: Path, libraries: int, shards: int) -> Path:
    """Sheets and empty FASTQ files of a study; returns its config."""
    bins = ["library\tbin\trole\tposition\tlower_quantile\tupper_quantile"]
    reads = ["library\tbin\tread1\tread2"]
    sheet = ["library\tkind\tsource\tmethods"]
    (folder / "fastq").mkdir()
    for number in range(libraries):
        library = f"library{number:04d}"
        sheet.append(f"{library}\trandom\tfastq\tbin-mean")
        for b in range(BINS):
            bins.append(f"{library}\tbin{b:02d}\tsorted\t{b}\t{b / BINS:.6f}\t{(b + 1) / BINS:.6f}")
            mates = [f"fastq/{library}.bin{b:02d}_R{mate}.fastq" for mate in (1, 2)]
            reads.append(f"{library}\tbin{b:02d}\t" + "\t".join(mates))
            for mate in mates:
                (folder / mate).touch()
    for name, lines in (("libraries", sheet), ("bins", bins), ("reads", reads)):
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    config = folder / "study.yaml"
    config.write_text(
        "run: large\nsheets: {libraries: libraries.tsv, bins: bins.tsv, reads: reads.tsv, datasets: null, "
        "contact_maps: null, models: null, designs: null, variants: null, screens: null, queries: null}\n"
        f"reads: {{shards: {shards}}}\n"
    )
    return config


def measure(libraries: int, shards: int) -> tuple[int, float, float]:
    """Jobs planned, CPU seconds and peak memory (MB) of one plan."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write_study(folder, libraries, shards)
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--configfile", str(config)]
        with (folder / "said").open("w") as said:
            process = subprocess.Popen(
                [*command, "-s", str(CHECKOUT / "Snakefile"), "--directory", str(folder)],
                cwd=CHECKOUT,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            _, status, used = os.wait4(process.pid, 0)
        text = (folder / "said").read_text()
        if status:
            raise SystemExit(text[-3000:])
        return (
            int(re.search(r"^total +(\d+)$", text, re.MULTILINE)[1]),
            used.ru_utime + used.ru_stime,
            used.ru_maxrss / 1000,
        )


def main() -> None:
    """Print a row per size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--libraries", type=int, nargs="+", default=[2, 16, 160])
    parser.add_argument("--shards", type=int, default=16, help="jobs that count a bin's reads; default: 16")
    given = parser.parse_args()
    print("| libraries | jobs | CPU s | exponent | peak MB |\n| --- | --- | --- | --- | --- |")
    before = None
    for libraries in given.libraries:
        jobs, seconds, megabytes = measure(libraries, given.shards)
        exponent = f"{math.log(seconds / before[1]) / math.log(jobs / before[0]):.2f}" if before else ""
        print(f"| {libraries:,} | {jobs:,} | {seconds:,.1f} | {exponent} | {megabytes:,.0f} |", flush=True)
        before = jobs, seconds


if __name__ == "__main__":
    main()

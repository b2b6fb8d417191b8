"""Cores, hours, memory, disk and jobs of studies too large to run here, from measured growth.

python benchmarks/projection.py        # rewrites the tables of docs/scaling.md between the two marks

Measurements are rows of benchmarks/measured.tsv: the largest size that was run and the one before. Processor time grows
with the exponent between the two where that is above 1.05, else in proportion (as where one size was run); memory
beyond the libraries' own and results grow in proportion. Studies and how they are spread over jobs are below.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "scaling.md"
MARKS = ("<!-- made by python benchmarks/projection.py -->", "<!-- end of what is made -->")
#: Exponents up to this are taken for 1: timings vary.
PROPORTIONAL = 1.05


@dataclass(frozen=True)
class Measured:
    """Growth of a stage: processor time (s), peak memory and result (MB) of its largest measured size."""

    unit: str
    size: float
    cpu_seconds: float
    exponent: float
    peak_mb: float
    fixed_mb: float
    result_mb: float | None

    def hours(self, size: float) -> float:
        """Processor hours for a size."""
        return self.cpu_seconds * (size / self.size) ** self.exponent / 3600

    def memory_gb(self, size: float) -> float:
        """Peak memory (GB) of one job for a size."""
        return (self.fixed_mb + (self.peak_mb - self.fixed_mb) * size / self.size) / 1000

    def result_gb(self, size: float) -> float | None:
        """Size of the result (GB)."""
        return None if self.result_mb is None else self.result_mb * size / self.size / 1000


@dataclass(frozen=True)
class Step:
    """A stage of a study: measurement, size, jobs that share it and their threads, bound of their memory (GB).

    ``again_seconds`` is what every further job spends on a unit that is not its own.
    """

    what: str
    size: float
    jobs: int = 1
    threads: int = 1
    bound_gb: float | None = None
    again_seconds: float = 0.0
    told: str = ""


BINS = 18
#: Sorted library; four shards of a bin are as many as pay: each reads the whole FASTQ (python benchmarks/reads.py).
READS = [
    Step("merge and count", 1e10, BINS * 4, bound_gb=1.3, again_seconds=0.55e-6, told="18 bins x 4 shards, 1 GB each"),
    Step("cluster (pieces)", 1e8, told="in place of Bowtie2"),
    Step("cluster (Bowtie2)", 1e8, jobs=50, threads=8, told="`cluster.shards: 50`"),
    Step("count elements", 1e8),
    Step("bin-weighted mean", 1e8),
    Step("MAUDE", 1e8),
]
#: A deep Micro-C map: 2 x 10^9 pixels at 1 kb (assumed); chr9 and chr10 (272 Mb) tested in windows half a window apart.
MAP = [
    Step("prepare map", 2e9, told="one bin size; memory without the bound of `contacts.memory_mb`"),
    Step("balance", 2e9, told="of that, balancing; from disk with less `contacts.memory_mb`"),
    Step("predict 1 Mb, published size", 2 * 272 * 2, told="544 windows, both strands, of one model"),
    Step("predict 32 Mb, published size", 2 * 17 * 2, told="34 windows, both strands, of one model"),
]
#: Two alleles on two strands for each variant.
VARIANTS = [
    Step("predict DREAM-CNN, published size", 4e6, told="of one model"),
    Step("predict 1 Mb, published size", 4e6, jobs=1000, told="of one model; `shards: 1000`"),
    Step("predict 32 Mb, published size", 4e6, jobs=1000, told="of one model; `shards: 1000`"),
]
STUDIES = {
    "10 billion reads, 100 million promoters": READS,
    "A human map at 1 kb": MAP,
    "A million variants": VARIANTS,
}


def read_measured(path: Path = HERE / "measured.tsv") -> dict[str, Measured]:
    """Measurements by stage."""
    found = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            size, cpu, exponent = float(row["size"]), float(row["cpu_seconds"]), 1.0
            if row["size_before"]:
                exponent = math.log(cpu / float(row["cpu_before"])) / math.log(size / float(row["size_before"]))
            result = float(row["result_mb"]) if row["result_mb"] else None
            growth = exponent if exponent > PROPORTIONAL else 1.0
            memory = float(row["peak_mb"]), float(row["fixed_mb"])
            found[row["what"]] = Measured(row["unit"], size, cpu, growth, *memory, result)
    return found


def _number(value: float | None) -> str:
    return "" if value is None else f"{float(f'{value:.2g}'):,g}" if value < 100 else f"{float(f'{value:.3g}'):,.0f}"


def _power(size: float) -> str:
    exponent = math.floor(math.log10(size))
    factor = size / 10**exponent
    return f"{size:,.0f}" if size < 1e5 else f"{f'{factor:g} x ' if factor != 1 else ''}10^{exponent}"


def projection(measured: dict[str, Measured]) -> str:
    """Tables of all studies."""
    lines = []
    for title, steps in STUDIES.items():
        lines += [
            f"### {title}",
            "",
            "| stage | input | CPU hours | jobs x threads | hours | memory of a job, GB | result, GB | |",
        ]
        lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for step in steps:
            of = measured[step.what]
            hours, cores = of.hours(step.size), step.jobs * step.threads
            hours += step.again_seconds * (step.jobs // BINS - 1) * step.size / 3600 if step.again_seconds else 0
            memory = step.bound_gb or of.memory_gb(step.size)
            cells = [
                step.what,
                f"{_power(step.size)} {of.unit}",
                _number(hours),
                f"{step.jobs:,}" + (f" x {step.threads}" if step.threads > 1 else ""),
                _number(hours / cores),
                _number(memory),
                _number(of.result_gb(step.size)),
                step.told,
            ]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines).rstrip()


def with_projection(page: str) -> str:
    """The page with the tables between the marks made anew."""
    before, rest = page.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return f"{before}{MARKS[0]}\n\n{projection(read_measured())}\n\n{MARKS[1]}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_projection(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

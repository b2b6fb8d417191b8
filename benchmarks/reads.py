"""Read pairs to counts of unique sequences: CPU time beside vsearch, FLASH, fastp and bbmerge, in one run.

    python benchmarks/reads.py                     # 2,000,000 pairs, plain and gzip
    python benchmarks/reads.py --pairs 200000 --only plain

Every measurement is a whole process: its user and system seconds, start-up included. The other programs only merge, so
the fastest counting of their output is added (polars, or DuckDB where it can be imported); they neither look for the
flanks nor filter. Recovered: share of the pairs whose merged sequence is exactly the fragment that was simulated. Plain
Python versions of the published rule run on a few pairs, and their time per pair is extrapolated. Programs that are not
installed are left out, and said so.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

OVERLAPS = (25, 55)  # 40 +- 15, as the published rule
LENGTHS = (97, 127)  # of merged pairs of 2 x 76 bases
PYTHON_PAIRS = 10_000
BBMERGE = ("bbmerge.sh", "/usr/share/bbmap/bbmerge.sh")  # on the path, or where Debian has it


def cpu_seconds(function: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU and wall seconds of a call, with the programs that it starts, and its result."""

    def used() -> float:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    cpu, wall = used(), time.perf_counter()
    result = function()
    return used() - cpu, time.perf_counter() - wall, result


def read_settings(rule: str = "published", shards: int = 1) -> Any:
    """Settings of the library that is simulated."""
    from simulated_pairs import DISTAL, PROXIMAL

    from cisflow.reads.count import ReadSettings

    structure = f"{DISTAL} {{variable:48-112}} {PROXIMAL}"
    return ReadSettings(structure, 40, 15, 0.75, 2, True, "forward", merge_rule=rule, shards=shards)


def count_here(rule: str, read1: str, read2: str, table: str, shards: str = "1") -> None:
    """Child process: what the rule count_reads does."""
    from cisflow.reads.count import count_runs, write_bin

    settings = read_settings(rule, int(shards))
    with tempfile.TemporaryDirectory() as folder:
        runs, funnel = count_runs([read1], [read2], settings, folder)
        write_bin(runs, funnel, settings, table)


def count_polars(text: str, lines: str, table: str) -> None:
    """Child process: count the second line of every record of FASTA (2 lines) or FASTQ (4 lines)."""
    import polars as pl

    rows = pl.read_csv(text, has_header=False, new_columns=["sequence"], separator="\x01", quote_char=None)
    rows.gather_every(int(lines), 1).group_by("sequence").agg(reads=pl.len()).write_parquet(table)


def count_duckdb(text: str, lines: str, table: str) -> None:
    """Child process: the same with DuckDB."""
    import duckdb

    duckdb.sql("set threads to 1")
    rows = f"read_csv('{text}', header=false, delim='\x01', quote='', columns={{'sequence': 'varchar'}})"
    records = f"select sequence, row_number() over () as line from {rows}"
    counts = f"select sequence, count(*)::uinteger as reads from ({records}) where line % {lines} = 2 % {lines}"
    duckdb.sql(f"copy ({counts} group by sequence) to '{table}' (format parquet)")


def _plain_place(text: str, flank: str, start: int) -> int:
    """Leftmost place from ``start`` on with the fewest substitutions, up to 2, or -1."""
    best, place = 3, -1
    for here in range(start, len(text) - len(flank) + 1):
        wrong = sum(a != b for a, b in zip(text[here:], flank, strict=False))
        if wrong < best:
            best, place = wrong, here
    return place


def _plain_amplicon(merged: str) -> str:
    """What is counted of a merged pair; empty where flanks, length or an N forbid it."""
    from simulated_pairs import DISTAL, PROXIMAL

    start = _plain_place(merged, DISTAL, 0)
    stop = _plain_place(merged, PROXIMAL, start + len(DISTAL)) if start >= 0 else -1
    amplicon = merged[start : stop + len(PROXIMAL)]
    right = stop >= 0 and 48 <= stop - start - len(DISTAL) <= 112 and "N" not in amplicon
    return amplicon if right else ""


def count_plain_python(read1: str, read2: str, pairs: str, table: str, flanks: str = "") -> None:
    """Child process: the published rule, one pair at a time, and a dictionary."""
    import polars as pl

    complement = str.maketrans("ACGTN", "TGCAN")
    counts: dict[str, int] = {}
    with open(read1, encoding="ascii") as first, open(read2, encoding="ascii") as second:
        for _ in range(int(pairs)):
            bases1, quality1 = [next(first).rstrip() for _ in range(4)][1::2]
            bases2, quality2 = [next(second).rstrip() for _ in range(4)][1::2]
            bases2, quality2 = bases2[::-1].translate(complement), quality2[::-1]
            for overlap in (40 + sign * shift for shift in range(16) for sign in (-1, 1)):
                offset = len(bases1) - overlap
                equal = sum(a == b for a, b in zip(bases1[offset:], bases2, strict=False))
                if equal / overlap > 0.75:
                    rows = zip(bases1[offset:], quality1[offset:], bases2, quality2, strict=False)
                    middle = "".join(a if qa > qb else b for a, qa, b, qb in rows)
                    merged = bases1[:offset] + middle + bases2[overlap:]
                    counted = _plain_amplicon(merged) if flanks else merged
                    if counted:
                        counts[counted] = counts.get(counted, 0) + 1
                    break
    pl.DataFrame({"sequence": list(counts), "reads": list(counts.values())}).write_parquet(table)


CHILDREN = {f.__name__: f for f in (count_here, count_polars, count_duckdb, count_plain_python)}


def measured(*command: str | Path) -> float:
    """CPU seconds (user + system) of a program and of those that it starts."""
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(map(str, command))}\n{errors.decode()[-2000:]}")
    return usage.ru_utime + usage.ru_stime


def child(function: Callable[..., None], *arguments: str | Path) -> float:
    """CPU seconds of one of the functions above in a process of its own."""
    return measured(sys.executable, __file__, "--child", function.__name__, *arguments)


def mergers(read1: Path, read2: Path, folder: Path) -> dict[str, tuple[list[str | Path], Path, int]]:
    """Programs that merge pairs: command, file of merged sequences, lines of its records."""
    low, high = OVERLAPS
    bbmerge = next((path for path in map(shutil.which, BBMERGE) if path), None)
    vsearch = f"vsearch --threads 1 --quiet --fasta_width 0 --fastq_minovlen {low} --fastq_maxdiffpct 25"
    vsearch += f" --fastq_minmergelen {LENGTHS[0]} --fastq_maxmergelen {LENGTHS[1]} --fastq_mergepairs"
    fastp = f"fastp -w 1 -A -Q -L -G --overlap_len_require {low} --overlap_diff_limit {high // 4}"
    fastp += f" --overlap_diff_percent_limit 25 -j {folder}/fastp.json -h {folder}/fastp.html --merge"
    flash = f"flash -t 1 -q -m {low} -M {high} -x 0.25 -d {folder} -o flash"
    commands = {
        "vsearch": ([*vsearch.split(), read1, "--reverse", read2, "--fastaout", folder / "v.fa"], folder / "v.fa", 2),
        "FLASH": ([*flash.split(), read1, read2], folder / "flash.extendedFrags.fastq", 4),
        "fastp": ([*fastp.split(), "-i", read1, "-I", read2, "--merged_out", folder / "f.fq"], folder / "f.fq", 4),
        "bbmerge": (
            ["bash", bbmerge or "", f"in={read1}", f"in2={read2}", f"out={folder}/b.fq", "t=1", "ow=t", "-Xmx1g"],
            folder / "b.fq",
            4,
        ),
    }
    installed = {name: bool(shutil.which(name.lower())) for name in commands} | {"bbmerge": bool(bbmerge)}
    for name in [name for name in commands if not installed[name]]:
        print(f"{name} is not installed and left out")
    return {name: command for name, command in commands.items() if installed[name]}


def recovered(table: Path, truth: Any, pairs: int) -> float:
    """Share of pairs whose sequence is exactly the simulated one."""
    import polars as pl

    joined = pl.read_parquet(table).join(truth, on="sequence")
    return joined.select(pl.min_horizontal("reads", "true").sum()).item() / pairs


def compare(pairs: int, read1: Path, read2: Path, folder: Path, truth: Any) -> dict[str, tuple[float, float, str]]:
    """CPU seconds, recovered share and a note for every way, by name."""
    table = folder / "counts.parquet"
    results = {}
    for rule in ("published", "best"):
        seconds = child(count_here, rule, read1, read2, table)
        results[f"cisflow, {rule}"] = (seconds, recovered(table, truth, pairs), "flanks checked too")
    seconds = child(count_here, "published", read1, read2, table, "1000")
    results["cisflow, a shard of 1,000"] = (seconds, float("nan"), "reading of the whole files, hardly more")
    counters = [count_polars]
    try:
        import duckdb  # noqa: F401

        counters.append(count_duckdb)
    except ImportError:
        pass
    for name, (command, text, lines) in mergers(read1, read2, folder).items():
        merging = measured(*command)
        counting = min((child(counter, text, str(lines), table), counter.__name__) for counter in counters)
        note = f"merging {merging:.2f} + {counting[1].removeprefix('count_')} {counting[0]:.2f}"
        results[name] = (merging + counting[0], recovered(table, truth, pairs), note)
        text.unlink()
    return results


def main() -> None:
    """Run the comparison from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2_000_000)
    parser.add_argument("--only", choices=("plain", "gzip"), help="one kind of file only")
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        CHILDREN[given.child[0]](*given.child[1:])
        return
    os.environ["POLARS_MAX_THREADS"] = "1"
    from simulated_pairs import write_pairs

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = write_pairs(given.pairs, given.pairs // 7 + 1, folder, given.only != "plain")
        few = folder / "few"
        few.mkdir()
        write_pairs(100, 10, few, packed=False)
        for rule in ("published", "best"):
            child(count_here, rule, few / "R1.fastq", few / "R2.fastq", few / "t")  # compiles
        start_up = child(count_here, "published", few / "R1.fastq", few / "R2.fastq", few / "t")
        print(f"{given.pairs:,} pairs of 2 x 76 bases; start-up of cisflow, in its times below: {start_up:.2f} CPU s")
        n_python = min(PYTHON_PAIRS, given.pairs)
        plain = [folder / f"R{mate}.fastq" for mate in (1, 2)]
        start_python = child(count_plain_python, *plain, "1", few / "t")
        python = {}
        for name, flanks in (("merge and count", ""), ("the same with flanks, length and N", "flanks")):
            seconds = child(count_plain_python, *plain, str(n_python), few / "t", flanks) - start_python
            python[name] = seconds * given.pairs / n_python
        for kind in (given.only,) if given.only else ("plain", "gzip"):
            files = [folder / f"R{mate}.fastq{'.gz' if kind == 'gzip' else ''}" for mate in (1, 2)]
            results = compare(given.pairs, *files, folder, truth)
            print(f"\n| {kind} FASTQ | CPU s | times cisflow, published | recovered % | |")
            print("| --- | ---: | ---: | ---: | --- |")
            ours = results["cisflow, published"][0]
            for way, (cpu, share, note) in results.items():
                right = "" if math.isnan(share) else f"{100 * share:.3f}"
                print(f"| {way} | {cpu:.2f} | {cpu / ours:.2f} | {right} | {note} |")
            for name, cpu in python.items():
                note = f"plain files, {n_python:,} pairs, extrapolated"
                print(f"| Python, one pair at a time, {name} | {cpu:.1f} | {cpu / ours:.1f} | | {note} |", flush=True)


if __name__ == "__main__":
    main()

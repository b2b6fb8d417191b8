"""Contact maps beside cooler, cooltools and a float32 memory map of the genome: CPU time, memory, equality.

    python benchmarks/contacts.py                              # coarsen, balance, supply, genome at small sizes
    python benchmarks/contacts.py coarsen --sizes 250 1000 8000
    python benchmarks/contacts.py balance --sizes 500000 5000000
    python benchmarks/contacts.py supply --sizes 1000 8000     # bins of a window
    python benchmarks/contacts.py genome --sizes 12 120        # Mb

Each pair is measured in one run on the same input; every measurement is a process of its own with one thread. CPU
seconds are user + system of the work alone, after one run that compiles, medians of ``--repeats``. Memory is the peak
of the process less what it held after its imports and its input were there.

supply: what a training step needs of a window, ready for the network: target (250 x 250 bins) and bases as codes.
The plain route fetches the balanced and the raw matrix by cooler, coarse-grains by cooltools, averages and takes the
log ratio by numpy, and reads the bases by pyfaidx.
genome: the original's cache is a float32 memory map (4 x length).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cooler
import numpy as np
import pandas as pd

from cisflow.contacts.balance import balance_map
from cisflow.contacts.coarsegrain import adaptive_coarsegrain
from cisflow.contacts.coolers import write_cooler, write_weights
from cisflow.contacts.expected import compute_expected
from cisflow.contacts.genome import Genome, one_hot_ACGT
from cisflow.contacts.reader import WindowReader
from cisflow.contacts.rows import add_rows
from cisflow.contacts.targets import ContactMap, background
from cisflow.contacts.two_bit import write_two_bit
from cisflow.contacts.windows import Window

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
BINS = 250  # of a target, as in Orca
BIN = 1000  # bp
WINDOW_BP = 1_000_000  # of a read of the genome
SIZES = {"coarsen": [250, 1000], "balance": [200_000, 2_000_000], "supply": [1000], "genome": [12]}
UNITS = {"coarsen": "bins", "balance": "pixels", "supply": "bins", "genome": "Mb"}


def peak_mb() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(work: Callable[[], Any], repeats: int, warm: Callable[[], Any] | None = None) -> dict[str, float]:
    """Median CPU seconds, and growth of the peak memory, of a function; ``warm`` runs before (the function itself)."""
    before = peak_mb()
    (warm or work)()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return {"cpu": float(np.median(seconds)), "mb": peak_mb() - before}


def random_fasta(path: Path, lengths: dict[str, int], seed: int = 0) -> None:
    """Random bases with a stretch of N at the begin of each chromosome."""
    rng = np.random.default_rng(seed)
    with open(path, "wb") as handle:
        for name, length in lengths.items():
            bases = np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, length, dtype=np.uint8)]
            bases[: length // 100] = ord("N")
            handle.write(f">{name}\n".encode())
            handle.write(b"\n".join(bases[first : first + 60].tobytes() for first in range(0, length, 60)) + b"\n")


def random_pixels(n_bins: int, wanted: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Some ``wanted`` pixels: nine in ten contacts by distance (about 1 / d), one anywhere; bins of unequal "
    "visibility."""
    rng = np.random.default_rng(seed)
    visible = np.exp(rng.normal(0, 0.3, n_bins))
    visible[rng.random(n_bins) < 0.03] = 0
    cumulated = np.cumsum(visible) / visible.sum()
    keys = np.empty(0, dtype=np.int64)
    counts = np.empty(0, dtype=np.int64)
    while len(keys) < wanted:
        n = max(wanted // 2, 100_000)
        one = np.searchsorted(cumulated, rng.random(n))
        far = np.exp(rng.random(n) * np.log(n_bins)).astype(np.int64) - 1
        two = np.where(rng.random(n) < 0.1, np.searchsorted(cumulated, rng.random(n)), one + far)
        kept = (two < n_bins) & (visible[np.minimum(two, n_bins - 1)] > rng.random(n))
        low, high = np.minimum(one, two)[kept], np.maximum(one, two)[kept]
        joined, place = np.unique(np.concatenate([keys, low * n_bins + high]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, np.ones(len(low))])).astype(np.int64)
        keys = joined
    return keys // n_bins, keys % n_bins, counts.astype(np.int32)


def write_map(folder: Path, lengths: dict[str, int], wanted: int) -> None:
    """A cooler of random pixels."""
    bins = cooler.binnify(pd.Series(lengths), BIN)
    write_cooler(folder / "map.cool", bins, [random_pixels(len(bins), wanted)])


# Each part: how its input is made, and the two works that are compared, of which each returns what must be equal.


def make_coarsen(size: int, folder: Path) -> None:
    rng = np.random.default_rng(1)
    distance = np.abs(np.subtract.outer(np.arange(size, dtype=np.int32), np.arange(size, dtype=np.int32)))
    counts = np.triu(rng.poisson(60 / (distance + 1)))
    counts = (counts + np.triu(counts, 1).T).astype(float)
    weights = rng.uniform(0.5, 2, size) * 1e-3
    weights[rng.random(size) < 0.05] = np.nan
    np.save(folder / "counts.npy", counts)
    np.save(folder / "balanced.npy", counts * np.outer(weights, weights))


def coarsen(folder: Path, size: int, ours: bool, repeats: int) -> dict[str, float]:
    counts, balanced = np.load(folder / "counts.npy"), np.load(folder / "balanced.npy")
    if ours:
        result = measured(lambda: adaptive_coarsegrain(balanced, counts), repeats)
        np.save(folder / "ours.npy", adaptive_coarsegrain(balanced, counts))
        return result
    from cooltools.lib import numutils

    # It changes its inputs where their size is a power of two; the sizes here are none.
    result = measured(lambda: numutils.adaptive_coarsegrain(balanced, counts, max_levels=12), repeats)
    np.save(folder / "theirs.npy", numutils.adaptive_coarsegrain(balanced, counts, max_levels=12))
    return result


def make_balance(size: int, folder: Path) -> None:
    n_bins = max(500, int(np.sqrt(size) * 3))
    share = n_bins // 4 * BIN
    write_map(folder, {f"chr{k}": share for k in range(1, 5)}, size)


def balance(folder: Path, size: int, ours: bool, repeats: int) -> dict[str, float]:
    path = folder / "map.cool"
    if ours:
        result = measured(lambda: balance_map(path, "map", 10**6), repeats)
        weights = balance_map(path, "map", 10**6).weights
    else:
        clr = cooler.Cooler(str(path))
        result = measured(lambda: cooler.balance_cooler(clr), 1, warm=lambda: None)
        weights = cooler.balance_cooler(clr)[0]
    np.save(folder / ("ours.npy" if ours else "theirs.npy"), weights)
    return result


def make_supply(size: int, folder: Path) -> None:
    # Three windows long, and on average 10 % of a window's pixels filled, as in a map of 1 kb with a billion contacts.
    lengths = {"chr1": int(size * 1.3) * BIN}
    n_bins = lengths["chr1"] // BIN
    write_map(folder, lengths, int(0.1 * n_bins**2 / 2))
    weights = np.random.default_rng(2).uniform(0.5, 2, n_bins) * 1e-3
    weights[np.random.default_rng(3).random(n_bins) < 0.03] = np.nan
    write_weights(folder / "map.cool", weights, {})
    add_rows(folder / "map.cool")
    compute_expected(*(folder / name for name in ("map.cool", "e.npz", "law.tsv", "by.tsv")))
    with np.load(folder / "e.npz") as curves:  # far distances without contacts do not cut the curve of this benchmark
        curve = np.interp(np.arange(n_bins), np.arange(len(curves["log_expected"])), curves["log_expected"])
    np.savez(folder / "e.npz", log_expected=curve, resolution=BIN)
    random_fasta(folder / "g.fa", lengths)
    write_two_bit(folder / "g.fa", folder / "g.2bit")
    import pyfaidx

    pyfaidx.Faidx(str(folder / "g.fa"))


def supply(folder: Path, size: int, ours: bool, repeats: int) -> dict[str, float]:
    factor, starts = size // BINS, [k * size // 20 * BIN for k in range(5)]
    if ours:
        contacts = ContactMap(folder / "map.cool", folder / "e.npz")
        reader = WindowReader(contacts, Genome(folder / "g.2bit"), BINS, factor * BIN)

        def read(start: int) -> tuple[np.ndarray, np.ndarray]:
            data = reader.read(Window("chr1", start))
            return data.target, data.codes
    else:
        import pyfaidx
        from cooltools.lib import numutils

        clr, fasta = cooler.Cooler(str(folder / "map.cool")), pyfaidx.Fasta(str(folder / "g.fa"))
        with np.load(folder / "e.npz") as curves:
            expected = background(curves["log_expected"], size, factor)
        eps = expected.min()
        lookup = np.full(256, 4, dtype=np.uint8)
        lookup[[ord(base) for base in "ACGT"]] = range(4)

        def read(start: int) -> tuple[np.ndarray, np.ndarray]:
            region = f"chr1:{start}-{start + size * BIN}"
            balanced = clr.matrix(balance=True).fetch(region)
            counts = clr.matrix(balance=False).fetch(region).astype(float)
            smoothed = numutils.adaptive_coarsegrain(balanced, counts, max_levels=12)
            observed = np.nanmean(np.nanmean(smoothed.reshape(BINS, factor, BINS, factor), axis=3), axis=1)
            bases = str(fasta["chr1"][start : start + size * BIN]).upper().encode()
            target = np.log((observed + eps) / (expected + eps)).astype(np.float32)
            return target, lookup[np.frombuffer(bases, np.uint8)]

    result = measured(lambda: [read(start) for start in starts], repeats, warm=lambda: read(starts[0]))
    target, codes = read(starts[1])
    np.save(folder / ("ours.npy" if ours else "theirs.npy"), np.append(target.ravel(), codes.astype(np.float32)))
    return {"cpu": result["cpu"] / len(starts), "mb": result["mb"]}


def make_genome(size: int, folder: Path) -> None:
    lengths = {f"chr{k}": size * 1_000_000 // 4 for k in range(1, 5)}
    random_fasta(folder / "g.fa", lengths)
    np.save(folder / "lengths.npy", list(lengths.values()))


def build_float32(fasta: Path, target: Path) -> None:
    """The original's cache: one-hot float32 (4, length), unknown bases a quarter."""
    genome = Genome(fasta)
    array = np.lib.format.open_memmap(target, "w+", np.float32, (4, sum(genome.lengths.values())))
    first = 0
    for name, length in genome.lengths.items():
        array[:, first : first + length] = one_hot_ACGT(genome.codes(name, 0, length))
        first += length
    array.flush()


def genome(folder: Path, size: int, ours: bool, repeats: int) -> dict[str, float]:
    target = folder / ("g.2bit" if ours else "g.npy")
    build = write_two_bit if ours else build_float32
    start = time.process_time()
    build(folder / "g.fa", target)
    built = time.process_time() - start
    chromosome = int(np.load(folder / "lengths.npy")[0])
    places = np.random.default_rng(4).integers(0, chromosome - WINDOW_BP, 20)
    before = _resident_mb()
    if ours:
        encoded = Genome(target)

        def read() -> Any:
            return [one_hot_ACGT(encoded.codes("chr1", int(p), int(p) + WINDOW_BP)) for p in places]

        def codes() -> Any:
            return [encoded.codes("chr1", int(p), int(p) + WINDOW_BP) for p in places]
    else:
        array = np.load(target, mmap_mode="r")

        def read() -> Any:
            return [np.array(array[:, p : p + WINDOW_BP]) for p in places]

        codes = read
    result = measured(read, repeats)
    only_codes = measured(codes, repeats)
    np.save(folder / ("ours.npy" if ours else "theirs.npy"), read()[0])
    return {
        "cpu": result["cpu"] / len(places),
        "mb": _resident_mb() - before,
        "codes": only_codes["cpu"] / len(places),
        "built": built,
        "disk": target.stat().st_size / 1e6,
    }


def _resident_mb() -> float:
    """Pages of files that this process has mapped and touched."""
    with open("/proc/self/status", encoding="ascii") as handle:
        return int(next(line for line in handle if line.startswith("RssFile")).split()[1]) / 1024


PARTS = {
    "coarsen": (make_coarsen, coarsen),
    "balance": (make_balance, balance),
    "supply": (make_supply, supply),
    "genome": (make_genome, genome),
}


def difference(folder: Path) -> str:
    """How far the two results are apart, relative to the other program's."""
    ours, theirs = (np.load(folder / f"{name}.npy").astype(float) for name in ("ours", "theirs"))
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return "missing values differ"
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.nanmax(np.abs(np.where(ours == theirs, 0, ours / theirs - 1)))
    return "identical" if apart == 0 else f"{apart:.0e} apart"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--sizes", type=int, nargs="+", help="bins, pixels, bins of a window, or Mb of a genome")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", nargs=3, metavar=("STEP", "SIZE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.child:
        step, size, folder = options.child[0], int(options.child[1]), Path(options.child[2])
        make, work = PARTS[options.part]
        found = make(size, folder) if step == "make" else work(folder, size, step == "ours", options.repeats)
        print(json.dumps(found))
        return
    print("| part | size | CPU ms, ours | the other's | ratio | MB, ours | the other's | results |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for part in PARTS if options.part == "all" else [options.part]:
        for size in options.sizes or SIZES[part]:
            with tempfile.TemporaryDirectory() as folder:
                found = {}
                for step in ("make", "theirs", "ours"):
                    command = [sys.executable, __file__, part, "--repeats", str(options.repeats)]
                    command += ["--child", step, str(size), folder]
                    done = subprocess.run(
                        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **ONE_THREAD}
                    )
                    found[step] = json.loads(done.stdout.splitlines()[-1])
                ours, theirs = found["ours"], found["theirs"]
                row = [part, f"{size:,} {UNITS[part]}", *(f"{1000 * one['cpu']:,.4g}" for one in (ours, theirs))]
                row += [f"{theirs['cpu'] / ours['cpu']:.1f}", *(f"{one['mb']:,.0f}" for one in (ours, theirs))]
                print("|", " | ".join([*row, difference(Path(folder))]), "|", flush=True)
                if part == "genome":
                    for name, one in (("2bit", ours), ("float32", theirs)):
                        print(
                            f"{name}: {one['disk']:,.1f} MB on disk, built in {one['built']:.2f} CPU s; a window of 1 "
                            f"Mb as codes {1000 * one['codes']:.2f} ms, as float32 {1000 * one['cpu']:.2f} ms"
                        )


if __name__ == "__main__":
    main()

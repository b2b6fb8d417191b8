"""Time the read check on simulated pairs.

    python benchmarks/read_check.py --pairs 100000

Prints the CPU seconds (user + system, without compiling) that one file of pairs takes, and the verdict.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from cisflow.randomness import generator
from cisflow.reads.check import Lane, check_lane
from cisflow.reads.count import ReadSettings
from cisflow.simulate.sequencing import write_read_pairs

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
SETTINGS = ReadSettings(f"{DISTAL} {{variable:48-112}} {PROXIMAL}", 40, 15, 0.75, 2, True, "forward")


def main() -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100_000)
    pairs = parser.parse_args().pairs
    random = generator(1, "benchmark", "read check")
    codes = random.integers(0, 4, (pairs // 24 + 1, 110)).astype(np.uint8)
    codes[:, : len(DISTAL)] = ["ACGT".index(base) for base in DISTAL]
    codes[:, -len(PROXIMAL) :] = ["ACGT".index(base) for base in PROXIMAL]
    reads = np.bincount(random.integers(0, len(codes), pairs), minlength=len(codes))
    with tempfile.TemporaryDirectory() as name:
        files = Path(name) / "R1.fastq.gz", Path(name) / "R2.fastq.gz"
        write_read_pairs(random, codes, reads, files, name="pair", substitution_error=0.001)
        lane = Lane("bin", 1, *map(str, files))
        check_lane(lane, SETTINGS, 1000)  # compiles
        start = time.process_time()
        row, _ = check_lane(lane, SETTINGS, pairs)
        seconds = time.process_time() - start
    print(f"{pairs:,} pairs of 2 x 76: {seconds:.2f} CPU s, {row['verdict']}, {100 * row['kept']:.2f} % kept")


if __name__ == "__main__":
    main()

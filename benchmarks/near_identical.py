"""Search for near-identical sequences beside comparing all with all, same sequences, same machine, one run.

Inputs: none (random 80-mers between constant flanks, of slightly different length, with planted near-copies).
Outputs: CPU seconds of each, and their ratio; all with all is measured on a part and extrapolated by the pairs.
Run: python benchmarks/near_identical.py [--sequences 100000] [--distance 3] [--peer-sequences 3000]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from cisflow.clusters.edits import edits_up_to
from cisflow.clusters.near_identical import near_identical_pairs
from cisflow.reads.ragged import Sequences

LEFT, RIGHT = b"TGCATTTTTTTCACATC", b"GGTTACGGCTGTT"
#: Every so many sequences a near-copy follows: one substitution, one deleted base.
EVERY = 10


def make_sequences(n: int) -> Sequences:
    """Amplicons with variable parts of 76 to 84 bases."""
    rng = np.random.default_rng(1)
    length = rng.integers(76, 85, n)
    letters = np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, (n, 84))]
    parts = []
    for i in range(n):
        part = letters[i, : length[i]].tobytes()
        if i % EVERY == 1:
            part = parts[-1][len(LEFT) : -len(RIGHT)]
            part = part[:40] + b"A" + part[41:60] + part[61:]
        parts.append(LEFT + part + RIGHT)
    sizes = np.array([len(part) for part in parts])
    return Sequences(np.frombuffer(b"".join(parts), np.uint8), np.cumsum(sizes) - sizes, sizes)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=100_000)
    parser.add_argument("--distance", type=int, default=3)
    parser.add_argument("--peer-sequences", type=int, default=3000, help="sequences compared all with all")
    given = parser.parse_args()
    sequences = make_sequences(given.sequences)
    near_identical_pairs(sequences.take(slice(0, 100)), given.distance)  # compile
    start = time.process_time()
    pairs = near_identical_pairs(sequences, given.distance)
    ours = time.process_time() - start
    first, second = np.triu_indices(given.peer_sequences, 1)
    start = time.process_time()
    edits_up_to(sequences, sequences, first, second, given.distance)
    per_pair = (time.process_time() - start) / len(first)
    peer = per_pair * given.sequences * (given.sequences - 1) / 2
    print(f"{given.sequences:,} sequences, up to {given.distance} edits, both strands: {len(pairs):,} pairs")
    print(f"cisflow:      {ours:.1f} CPU s")
    print(f"all with all: {peer:,.0f} CPU s, one strand ({given.peer_sequences:,} sequences measured)")
    print(f"ratio:        {peer / ours:,.0f}")


if __name__ == "__main__":
    main()

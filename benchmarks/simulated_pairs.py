"""Read pairs of a random promoter library, made fast, for the benchmarks.

Inputs: how many pairs. Outputs: two FASTQ files and the sequences that the pairs were made of.

Every base has a quality that falls towards the end of a read and scatters, and is wrong with exactly the probability
that this quality states. The files show the quality in four steps (37, 25, 11, 2), as sequencers of today do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from isal import igzip

from cisflow.randomness import generator
from cisflow.reads.ragged import COMPLEMENT

DISTAL, PROXIMAL = "TGCATTTTTTTCACATC", "GGTTACGGCTGTT"
LETTERS = np.frombuffer(b"ACGT", np.uint8)
READ_LENGTH = 76
#: Variable parts of a random library: most as designed, some with insertions or deletions.
LENGTHS, SHARES = (78, 79, 80, 81), (0.03, 0.10, 0.82, 0.05)
#: Least quality of each step, the quality shown, and its character.
STEPS = ((30, "F"), (20, ":"), (10, ","), (0, "#"))
N_BELOW = 2.5  # a base of lower quality is an N
PIECE = 100_000


def _fragments(n: int, random: np.random.Generator) -> np.ndarray:
    """Different amplicons: rows of letters, zeros behind the end."""
    fragments = np.zeros((n, len(DISTAL) + max(LENGTHS) + len(PROXIMAL)), np.uint8)
    fragments[:, : len(DISTAL)] = np.frombuffer(DISTAL.encode(), np.uint8)
    lengths = random.choice(LENGTHS, n, p=SHARES)
    for length in LENGTHS:
        rows, end = lengths == length, len(DISTAL) + length
        fragments[rows, len(DISTAL) : end] = LETTERS[random.integers(0, 4, (int(rows.sum()), length))]
        fragments[rows, end : end + len(PROXIMAL)] = np.frombuffer(PROXIMAL.encode(), np.uint8)
    return fragments


def _sequenced(bases: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Bases with errors, and the characters of their qualities."""
    place = np.arange(bases.shape[1], dtype=np.float32) / bases.shape[1]
    scatter = random.standard_exponential(bases.shape, np.float32)
    quality = np.maximum(40 - 10 * place**2 - scatter * (1.5 + 4 * place), 2)
    wrong = random.random(bases.shape, np.float32) < 10 ** (-quality / 10)
    code = np.searchsorted(LETTERS, bases[wrong])
    bases = bases.copy()
    bases[wrong] = LETTERS[(code + random.integers(1, 4, len(code))) % 4]
    bases[quality < N_BELOW] = ord("N")
    shown = np.full(bases.shape, ord(STEPS[-1][1]), np.uint8)
    for least, letter in STEPS[::-1]:
        shown[quality >= least] = ord(letter)
    return bases, shown


def _records(first: int, mate: int, bases: np.ndarray, shown: np.ndarray) -> bytes:
    """FASTQ text; the names hold the number of the pair."""
    name = np.frombuffer(f"@SIM:7:FLOWCELL:1:1101:00000000 {mate}:N:0:ACGTAC\n".encode(), np.uint8)
    digits = (first + np.arange(len(bases)))[:, None] // 10 ** np.arange(7, -1, -1) % 10 + ord("0")
    text = np.empty((len(bases), len(name) + 2 * bases.shape[1] + 4), np.uint8)
    text[:, : len(name)] = name
    text[:, 23:31] = digits
    rest = text[:, len(name) :]
    rest[:, : bases.shape[1]] = bases
    rest[:, bases.shape[1] : -bases.shape[1] - 1] = np.frombuffer(b"\n+\n", np.uint8)
    rest[:, -bases.shape[1] - 1 : -1] = shown
    rest[:, -1] = ord("\n")
    return text.tobytes()


def write_pairs(n: int, n_fragments: int, folder: Path, packed: bool = True, seed: int = 1) -> pl.DataFrame:
    """Write ``R1.fastq`` and ``R2.fastq`` and, on request, the same packed as ``.fastq.gz``.

    Parameters
    ----------
    n : int
        Pairs.
    n_fragments : int
        Different amplicons that they are drawn from.
    folder : path
    packed : bool
    seed : int

    Returns
    -------
    polars.DataFrame
        ``sequence``, ``true`` (pairs made of it).
    """
    random = generator(seed, "benchmark", "pairs", n)
    fragments = _fragments(n_fragments, random)
    length = np.count_nonzero(fragments, axis=1)
    ends = np.empty((n_fragments, READ_LENGTH), np.uint8)
    for value in np.unique(length):
        rows = length == value
        ends[rows] = COMPLEMENT[fragments[rows, value - READ_LENGTH : value][:, ::-1]]
    chosen = random.integers(0, n_fragments, n)
    for mate, bases in ((1, fragments[:, :READ_LENGTH]), (2, ends)):
        path = folder / f"R{mate}.fastq"
        with open(path, "wb") as plain, igzip.open(f"{path}.gz" if packed else "/dev/null", "wb") as gz:
            for first in range(0, n, PIECE):
                text = _records(first, mate, *_sequenced(bases[chosen[first : first + PIECE]], random))
                plain.write(text)
                if packed:
                    gz.write(text)
    numbers, counts = np.unique(chosen, return_counts=True)
    texts = [fragments[i, : length[i]].tobytes().decode() for i in numbers]
    return pl.DataFrame({"sequence": texts, "true": counts})

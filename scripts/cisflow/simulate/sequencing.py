"""Read pairs of amplicons, with qualities and errors, as FASTQ.

Inputs: amplicons as codes and the number of read pairs of each. Outputs: two gzip FASTQ files.
Read 1 starts at the 5' end of the amplicon; read 2 is the other strand, from the 3' end. All reads of a file have the
same length in bytes, so that a block of records is one matrix.
"""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from cisflow.files import atomic_path
from cisflow.simulate.bases import LETTERS, PADDING

READ_LENGTH = 76
#: Quality values that the base caller gives, and how the bases without the best one share the others.
QUALITIES = np.array([36, 32, 27, 21, 14])
LOWER_SHARES = np.array([0.48, 0.25, 0.15, 0.12])
#: Share of bases with the best quality at the first and at the last cycle of read 1 and read 2.
BEST_SHARES = ((0.97, 0.86), (0.96, 0.78))
#: A base drawn at random is wrong in three of four cases: no error rate is higher.
MOST_ERRORS = 0.75
PHRED_OFFSET = 33
BLOCK = 10_000


def _level_shares(read: int) -> np.ndarray:
    """Share of each quality at each cycle of read 0 or 1; float64, (cycles, qualities)."""
    best = np.linspace(*BEST_SHARES[read], READ_LENGTH)
    return np.column_stack([best, (1 - best)[:, None] * LOWER_SHARES])


def error_rates(substitution_error: float) -> np.ndarray:
    """Chance of a wrong base at each quality.

    Parameters
    ----------
    substitution_error : float
        Mean over all bases of both reads.

    Returns
    -------
    float64 array, (qualities,)
        In proportion to 10^(-quality / 10), bounded by 3/4.
    """
    used = np.concatenate([_level_shares(0), _level_shares(1)]).mean(axis=0)
    nominal = 10.0 ** (-QUALITIES / 10)
    low, high = 0.0, 10.0**4
    for _ in range(100):
        middle = (low + high) / 2
        if used @ np.minimum(middle * nominal, MOST_ERRORS) < substitution_error:
            low = middle
        else:
            high = middle
    return np.minimum(low * nominal, MOST_ERRORS)


def read_ends(amplicons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Error-free read 1 and read 2 of every amplicon.

    Parameters
    ----------
    amplicons : uint8 array, (n, width)
        Codes with the 3' ends in the last column.

    Returns
    -------
    tuple of uint8 arrays, (n, 76)

    Raises
    ------
    ValueError
        An amplicon is shorter than a read.
    """
    n, width = amplicons.shape
    starts = (amplicons == PADDING).sum(axis=1)
    if width - starts.max() < READ_LENGTH:
        raise ValueError(f"an amplicon of {width - starts.max()} bp is shorter than a read of {READ_LENGTH}")
    cycles = np.arange(READ_LENGTH)
    return amplicons[np.arange(n)[:, None], starts[:, None] + cycles], 3 - amplicons[:, width - 1 - cycles]


def sequence_block(
    rng: np.random.Generator, ends: np.ndarray, read: int, rates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw qualities and errors.

    Parameters
    ----------
    rng : Generator
    ends : uint8 array, (n, 76)
        Codes of error-free reads.
    read : int
        0 for read 1, 1 for read 2.
    rates : float64 array
        From :func:`error_rates`.

    Returns
    -------
    bases, qualities : uint8 arrays, (n, 76)
        Codes, and 0-based places in :data:`QUALITIES`.
    """
    steps = np.cumsum(_level_shares(read), axis=1)[:, :-1].astype(np.float32)
    draws = rng.random(ends.shape, dtype=np.float32)
    levels = np.zeros(ends.shape, dtype=np.uint8)
    for level in range(steps.shape[1]):
        levels += draws > steps[:, level]
    wrong = np.flatnonzero(rng.random(ends.shape, dtype=np.float32) < rates.astype(np.float32)[levels])
    bases = ends.copy()
    bases.flat[wrong] = (bases.flat[wrong] + rng.integers(1, 4, size=len(wrong), dtype=np.uint8)) % 4
    return bases, levels


def _records(prefix: bytes, digits: int, numbers: np.ndarray, bases: np.ndarray, levels: np.ndarray) -> bytes:
    """Text of FASTQ records with names ``prefix`` and a number of fixed width."""
    n = len(numbers)
    parts = [
        np.broadcast_to(np.frombuffer(prefix, dtype=np.uint8), (n, len(prefix))),
        (numbers[:, None] // 10 ** np.arange(digits - 1, -1, -1) % 10 + ord("0")).astype(np.uint8),
        np.broadcast_to(np.frombuffer(b"\n", dtype=np.uint8), (n, 1)),
        LETTERS[bases],
        np.broadcast_to(np.frombuffer(b"\n+\n", dtype=np.uint8), (n, 3)),
        (QUALITIES + PHRED_OFFSET).astype(np.uint8)[levels],
        np.broadcast_to(np.frombuffer(b"\n", dtype=np.uint8), (n, 1)),
    ]
    return np.concatenate(parts, axis=1).tobytes()


def write_read_pairs(
    rng: np.random.Generator,
    amplicons: np.ndarray,
    reads: np.ndarray,
    paths: tuple[str | Path, str | Path],
    *,
    name: str,
    substitution_error: float,
) -> None:
    """Sequence amplicons into two FASTQ files, in random order.

    Parameters
    ----------
    rng : Generator
    amplicons : uint8 array, (n, width)
        Codes with the 3' ends in the last column.
    reads : int array, (n,)
        Read pairs of each amplicon.
    paths : tuple of path
        Files of read 1 and read 2; gzip without time stamp.
    name : str
        Reads are named ``@sim:<name>:<number>``, the same in both files, numbers from 1 with leading zeros.
    substitution_error : float
        Mean chance of a wrong base.
    """
    ends, rates = read_ends(amplicons), error_rates(substitution_error)
    order = rng.permutation(np.repeat(np.arange(len(reads)), reads))
    prefix, digits = f"@sim:{name}:".encode(), len(str(len(order)))
    with ExitStack() as stack:
        files = []
        for path in paths:
            raw = stack.enter_context(open(stack.enter_context(atomic_path(path)), "wb"))
            files.append(
                stack.enter_context(gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0))
            )
        for first in range(0, len(order), BLOCK):
            chosen = order[first : first + BLOCK]
            numbers = first + 1 + np.arange(len(chosen))
            for read, file in enumerate(files):
                bases, levels = sequence_block(rng, ends[read][chosen], read, rates)
                file.write(_records(prefix, digits, numbers, bases, levels))

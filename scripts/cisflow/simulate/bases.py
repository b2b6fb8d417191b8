"""DNA as arrays of small numbers.

Inputs: strings, or draws of a generator. Outputs: uint8 arrays with A 0, C 1, G 2, T 3 and 4 beside the sequence.
Sequences of different length stand in one matrix with their 3' ends in the last column.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LETTERS = np.frombuffer(b"ACGT", dtype=np.uint8)
PADDING = 4
_CODES = np.full(256, 255, dtype=np.uint8)
_CODES[LETTERS] = np.arange(4)


def encode(sequences: Sequence[str]) -> np.ndarray:
    """Turn strings of A, C, G, T into codes.

    Parameters
    ----------
    sequences : sequence of str
        Not empty.

    Returns
    -------
    uint8 array, (n, longest)
        Shorter sequences have :data:`PADDING` on the left.

    Raises
    ------
    ValueError
        Another letter than A, C, G, T.
    """
    lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
    width = int(lengths.max())
    codes = np.full((len(sequences), width), PADDING, dtype=np.uint8)
    letters = _CODES[np.frombuffer("".join(sequences).encode("ascii"), dtype=np.uint8)]
    if (letters == 255).any():
        raise ValueError("expected only A, C, G and T")
    codes[np.arange(width) >= (width - lengths)[:, None]] = letters
    return codes


def decode(codes: np.ndarray) -> list[str]:
    """Turn codes into strings; see :func:`encode`."""
    lengths = (codes != PADDING).sum(axis=1)
    text = LETTERS[codes[codes != PADDING]].tobytes().decode("ascii")
    ends = np.cumsum(lengths)
    return [text[end - length : end] for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]


def reverse_complement(sequence: str) -> str:
    """The other strand of a sequence of A, C, G, T."""
    return sequence.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def random_bases(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Sequences with equal base frequencies; uint8 codes, (n, length)."""
    return rng.integers(0, 4, size=(n, length), dtype=np.uint8)


def with_flanks(variable: np.ndarray, distal: str, proximal: str) -> np.ndarray:
    """Put constant flanks around the variable parts.

    Parameters
    ----------
    variable : uint8 array, (n, longest)
        Codes, 3' ends in the last column.
    distal, proximal : str
        Sequence before and after the variable part.

    Returns
    -------
    uint8 array, (n, len(distal) + longest + len(proximal))
        Amplicons, 3' ends in the last column.
    """
    n, width = variable.shape
    amplicons = np.full((n, len(distal) + width + len(proximal)), PADDING, dtype=np.uint8)
    amplicons[:, len(distal) : len(distal) + width] = variable
    if proximal:
        amplicons[:, len(distal) + width :] = encode([proximal])
    if distal:
        starts = len(distal) + (variable == PADDING).sum(axis=1)
        columns = starts[:, None] - len(distal) + np.arange(len(distal))
        amplicons[np.arange(n)[:, None], columns] = encode([distal])
    return amplicons

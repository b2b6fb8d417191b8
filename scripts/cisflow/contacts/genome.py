"""Genome sequence as numbers.

Inputs: a 2bit file, or a FASTA file, plain or compressed with gzip or bgzip. Outputs: bases of any interval as small
integers, and one-hot sequences. A 2bit file is memory-mapped (0.25 bytes per base, shared by processes); FASTA is held
in memory at one byte per base. No index file is needed, and nothing is written beside the user's file.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from cisflow.contacts.fasta import BASES, UNKNOWN, Fasta
from cisflow.contacts.two_bit import TwoBit, is_two_bit
from cisflow.problems import InputError, Problem

__all__ = ["BASES", "UNKNOWN", "Genome", "one_hot_ACGT", "reverse_complement"]

_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Bases of the other strand, in its reading direction; uint8 (..., length), see :meth:`Genome.codes`."""
    return _COMPLEMENT[codes[..., ::-1]]


def one_hot_ACGT(codes: np.ndarray) -> np.ndarray:
    """One-hot sequence, channels in the order A, C, G, T.

    Parameters
    ----------
    codes : uint8 array, (length,)
        A, C, G, T = 0 to 3, unknown = 4.

    Returns
    -------
    float32 array, (4, length)
        An unknown base is 0.25 in every channel.
    """
    encoded = np.empty((4, len(codes)), dtype=np.float32)
    for base in range(4):
        np.equal(codes, base, out=encoded[base])
    encoded[:, codes == UNKNOWN] = 0.25
    return encoded


class Genome:
    """A genome, on disk (2bit) or in memory (FASTA).

    Parameters
    ----------
    path : path
        2bit (recognised by its content), or FASTA: plain text, gzip (``.gz``) or bgzip (``.gz``, ``.bgz``). The name of
        a FASTA record ends at the first blank.
    chromosomes : collection of str, optional
        Keep the bases of these records only; ``lengths`` still has all.

    Attributes
    ----------
    lengths : dict of str to int
        Length (bp) of every record, in the order of the file.

    Raises
    ------
    InputError
        When the file is missing or of neither format, holds a name twice, or lacks one of ``chromosomes``.
    """

    def __init__(self, path: str | Path, chromosomes: Collection[str] | None = None):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(Problem(str(path), "file not found; expected a FASTA or 2bit file"))
        self._source = TwoBit(path) if is_two_bit(path) else Fasta(path, chromosomes)
        self.lengths = self._source.lengths
        absent = [name for name in chromosomes or () if name not in self.lengths]
        if absent:
            there = ", ".join(self.lengths)
            raise InputError(Problem(str(path), f"no record named {', '.join(absent)}; there are {there}"))

    def codes(self, chromosome: str, start: int, end: int) -> np.ndarray:
        """Bases of an interval.

        Parameters
        ----------
        chromosome : str
        start, end : int
            0-based, half-open; either may lie outside the chromosome.

        Returns
        -------
        uint8 array, (end - start,)
            A, C, G, T = 0 to 3 in either case; anything else, and positions outside the chromosome, = 4. An array of
            its own, which may be changed.
        """
        length = self.lengths[chromosome]
        low, high = min(max(start, 0), length), max(min(end, length), 0)
        if (low, high) == (start, end) and low < high:
            return self._source.codes(chromosome, start, end)
        window = np.full(end - start, UNKNOWN, dtype=np.uint8)
        if low < high:
            window[low - start : high - start] = self._source.codes(chromosome, low, high)
        return window

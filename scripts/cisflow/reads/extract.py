"""What is counted of each read: its variable part (or amplicon), UMI and barcode, cut out by the read structure.

Inputs: sequences and a :class:`~cisflow.reads.layout.ReadStructure`. Outputs: an :class:`Extracted` with one row per
sequence. The letters are shared with the input, not copied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from cisflow.reads.flanks import locate_parts
from cisflow.reads.layout import ReadStructure
from cisflow.reads.ragged import Sequences


@dataclass(frozen=True)
class Extracted:
    """Parts of n sequences; rows of ``counted``, ``umi`` and ``barcode`` mean nothing where ``found`` is False.

    Attributes
    ----------
    found : ndarray of bool, shape (n,)
        Whether all literals were found.
    length_ok : ndarray of bool, shape (n,)
        Whether they were found and the variable part has an allowed length.
    barcode_ok : ndarray of bool, shape (n,)
        Whether they were found and the barcode is the wanted one; equal to ``found`` where none is wanted.
    reverse : ndarray of bool, shape (n,)
        Whether they were found on the reverse complement.
    mismatches : ndarray of int64, shape (n,)
        Substitutions in all literals together.
    counted : Sequences
        n variable parts, with the two flanks as read where these are kept.
    umi, barcode : Sequences
        n of each; empty where the structure has none.
    """

    found: np.ndarray
    length_ok: np.ndarray
    barcode_ok: np.ndarray
    reverse: np.ndarray
    mismatches: np.ndarray
    counted: Sequences
    umi: Sequences
    barcode: Sequences


@njit(cache=True, nogil=True)
def _near(data, start, word, most, near):
    for i in range(len(start)):
        if not near[i]:
            continue
        substitutions = 0
        for k in range(word.size):
            substitutions += data[start[i] + k] != word[k]
        near[i] = substitutions <= most


def extract(
    sequences: Sequences,
    structure: ReadStructure,
    max_mismatches: int,
    both_strands: bool,
    keep_flanks: bool,
    barcode: str = "",
    barcode_mismatches: int = 0,
) -> Extracted:
    """Cut the parts of a read structure out of reads.

    Parameters
    ----------
    sequences : Sequences
        n merged amplicons or single reads.
    structure : ReadStructure
    max_mismatches : int
        Substitutions allowed in each literal.
    both_strands : bool
        Whether to search the reverse complement too.
    keep_flanks : bool
        Whether to count the variable part with the literals directly beside it.
    barcode : str
        Wanted barcode; ``""``: any.
    barcode_mismatches : int
        Substitutions allowed in it. Barcodes that differ in more than twice as many bases cannot both accept a read.

    Returns
    -------
    Extracted
    """
    located = locate_parts(sequences, structure.layout, max_mismatches, both_strands)
    length = located.stop - located.start
    fits = (length >= structure.min_variable_length) & (length <= structure.max_variable_length)
    before, after = structure.flank_lengths(keep_flanks)
    begin = located.sequences.start

    def part(first: np.ndarray, size: int) -> Sequences:
        return Sequences(located.sequences.data, begin + first, np.where(located.found, size, 0))

    codes = part(located.barcode, structure.barcode_length)
    barcode_ok = located.found.copy()
    if barcode:
        word = np.frombuffer(barcode.encode(), np.uint8)
        _near(codes.data, codes.start, word, barcode_mismatches, barcode_ok)
    return Extracted(
        found=located.found,
        length_ok=located.found & fits,
        barcode_ok=barcode_ok,
        reverse=located.reverse,
        mismatches=located.mismatches,
        counted=Sequences(
            located.sequences.data,
            begin + np.where(located.found, located.start - before, 0),
            np.where(located.found, length + before + after, 0),
        ),
        umi=part(located.umi, structure.umi_length),
        barcode=codes,
    )


def extract_pairs(
    read1: Sequences,
    read2: Sequences,
    structure: ReadStructure,
    max_mismatches: int,
    keep_flanks: bool,
    barcode: str = "",
    barcode_mismatches: int = 0,
) -> Extracted:
    """Cut the parts out of pairs that are not merged, each mate by its own side of the read structure.

    Parameters
    ----------
    read1, read2 : Sequences
        n each, as sequenced.
    structure : ReadStructure
        With a part for each mate.
    max_mismatches, keep_flanks, barcode, barcode_mismatches
        See :func:`extract`.

    Returns
    -------
    Extracted
        ``found`` where the literals of both mates were found; ``counted`` as sequenced in the mate that holds it.
    """
    sides = (replace(structure, other=None), structure.other)
    reads = (read1, read2) if structure.variable_mate == 1 else (read2, read1)
    own, other = (
        extract(
            mate,
            side,
            max_mismatches,
            False,
            keep_flanks,
            barcode if side.barcode_length else "",
            barcode_mismatches,
        )
        for mate, side in zip(reads, sides, strict=True)
    )
    return Extracted(
        found=own.found & other.found,
        length_ok=own.length_ok & other.found,
        barcode_ok=own.barcode_ok & other.barcode_ok,
        reverse=own.reverse,
        mismatches=own.mismatches + other.mismatches,
        counted=own.counted,
        umi=own.umi if sides[0].umi_length else other.umi,
        barcode=own.barcode if sides[0].barcode_length else other.barcode,
    )


def extract_reads(
    sequences: Sequences,
    mates: Sequences | None,
    structure: ReadStructure,
    max_mismatches: int,
    both_strands: bool,
    keep_flanks: bool,
    barcode: str = "",
    barcode_mismatches: int = 0,
) -> Extracted:
    """Cut the parts out of merged pairs or single reads (:func:`extract`), or of pairs (:func:`extract_pairs`).

    Parameters
    ----------
    sequences : Sequences
        Merged pairs or single reads, or read 1.
    mates : Sequences or None
        Read 2 of pairs that are not merged.
    structure, max_mismatches, both_strands, keep_flanks, barcode, barcode_mismatches
        See there.

    Returns
    -------
    Extracted
    """
    if mates is None:
        return extract(sequences, structure, max_mismatches, both_strands, keep_flanks, barcode, barcode_mismatches)
    return extract_pairs(sequences, mates, structure, max_mismatches, keep_flanks, barcode, barcode_mismatches)

"""Sequences that cannot be ordered or cloned: forbidden sites and long runs of one base.

Inputs: amplicons as codes. Outputs: which rows are refused; parts without them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cisflow.design.parts import Part, singles
from cisflow.simulate.bases import encode

#: Bases that a IUPAC letter stands for, as bits (A 1, C 2, G 4, T 8).
IUPAC = {
    "A": 1,
    "C": 2,
    "G": 4,
    "T": 8,
    "R": 5,
    "Y": 10,
    "S": 6,
    "W": 9,
    "K": 12,
    "M": 3,
    "B": 14,
    "D": 13,
    "H": 11,
    "V": 7,
    "N": 15,
}
_OTHER_STRAND = {bits: int(f"{bits:04b}"[::-1], 2) for bits in range(16)}


def holds_site(codes: np.ndarray, site: str) -> np.ndarray:
    """Whether sequences hold a site on either strand.

    Parameters
    ----------
    codes : uint8 array, (n, length)
        A 0, C 1, G 2, T 3.
    site : str
        IUPAC letters.

    Returns
    -------
    bool array, (n,)
    """
    bits = (1 << codes).astype(np.uint8)
    forward = [IUPAC[letter] for letter in site.upper()]
    starts = codes.shape[1] - len(forward) + 1
    found = np.zeros(len(codes), dtype=bool)
    if starts < 1:
        return found
    for masks in (forward, [_OTHER_STRAND[mask] for mask in reversed(forward)]):
        here = np.ones((len(codes), starts), dtype=bool)
        for offset, mask in enumerate(masks):
            here &= (bits[:, offset : offset + starts] & mask) != 0
        found |= here.any(axis=1)
    return found


def longest_run(codes: np.ndarray) -> np.ndarray:
    """Length of the longest run of one base in each sequence, int64 (n,)."""
    run = np.ones(len(codes), dtype=np.int64)
    longest = run.copy()
    for column in range(1, codes.shape[1]):
        run = np.where(codes[:, column] == codes[:, column - 1], run + 1, 1)
        np.maximum(longest, run, out=longest)
    return longest


def refused(variable: np.ndarray, left: str, right: str, forbidden: Sequence[str], most_in_a_run: int) -> np.ndarray:
    """Rows whose amplicon holds a forbidden site, or whose variable part a run that is too long.

    Parameters
    ----------
    variable : uint8 array, (n, length)
    left, right : str
        Flanks; sites that lie across a border count.
    forbidden : sequence of str
        IUPAC letters, both strands.
    most_in_a_run : int
        0: any run is fine.
    """
    n = len(variable)
    sides = [np.tile(encode([flank]), (n, 1)) if flank else np.empty((n, 0), np.uint8) for flank in (left, right)]
    amplicons = np.concatenate([sides[0], variable, sides[1]], axis=1)
    bad = np.zeros(n, dtype=bool)
    for site in forbidden:
        bad |= holds_site(amplicons, site)
    if most_in_a_run:
        bad |= longest_run(variable) > most_in_a_run
    return bad


def without(part: Part, bad: np.ndarray) -> Part:
    """Part without some rows; pairs that lose a member go as a whole, and references that no pair needs with them."""
    keep = ~bad
    if not part.paired:
        return singles([tag for tag, kept in zip(part.tags, keep, strict=True) if kept], part.variable[keep])
    whole = keep[part.alt] & keep[part.ref]
    alt, ref = part.alt[whole], part.ref[whole]
    needed = np.zeros(len(keep), dtype=bool)
    needed[alt] = needed[ref] = True
    place = np.cumsum(needed) - 1
    tags = [tag for tag, kept in zip(part.tags, needed, strict=True) if kept]
    return Part(tags, part.variable[needed], place[alt], place[ref])

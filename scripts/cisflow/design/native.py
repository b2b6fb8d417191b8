"""Tiles of native promoters.

Inputs: promoters of genes. Outputs: windows of one length, counted from the gene upstream. Source: the tags of the
published subset ``yeast_seqs`` (Rafi et al. 2024): 80 bases every 40, number 0 next to the gene, 11 per promoter.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cisflow.design.parts import Part, singles
from cisflow.simulate.bases import encode


def tiles(promoters: Iterable[tuple[str, str]], length: int, step: int = 40, number: int = 11) -> tuple[Part, int]:
    """Cut promoters into tiles.

    Parameters
    ----------
    promoters : iterable of (str, str)
        Name and bases on the strand of the gene, which follows behind the last base.
    length, step : int
        Bases of a tile, and between the ends of two.
    number : int
        Most tiles of a promoter.

    Returns
    -------
    part : Part
        Tags ``{name}.{k}``, ``k`` = 0 next to the gene.
    left_out : int
        Tiles that hold another letter than A, C, G, T.
    """
    tags, kept, left_out = [], [], 0
    for name, bases in promoters:
        for k in range(number):
            end = len(bases) - k * step
            if end < length:
                break
            tile = bases[end - length : end].upper()
            if set(tile) - set("ACGT"):
                left_out += 1
                continue
            tags.append(f"{name}.{k}")
            kept.append(tile)
    codes = encode(kept) if kept else np.empty((0, length), dtype=np.uint8)
    return singles(tags, codes), left_out

"""Pixels and normalisation vectors of .hic files, through hictk.

Inputs: a ``.hic`` file of versions 6 to 9. Outputs: pixels of the upper triangle in the order of the bins; weights.
hictkpy is imported where a file is read and no sooner: see :mod:`cisflow.contacts.hic_header`.
Source: Rossini & Paulsen 2024, Bioinformatics 40:btae408.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:  # checks before any job come here, too, and need not load cooler
    from cisflow.contacts.coolers import Pixels

WANTED = 4_000_000  # pixels in a block
MOST = 50_000_000  # pixels that a block can have if none is zero


def read_hic_pixels(path: str | Path, resolution: int, wanted: int = WANTED) -> Iterator[Pixels]:
    """Pixels of a .hic file in the order of a cooler.

    Parameters
    ----------
    path : path
    resolution : int
        Bin size (bp), one of the file's.
    wanted : int
        Pixels of a block, about; the file is read some rows at a time.

    Yields
    ------
    bin1, bin2 : int64 arrays
        0-based bins in the order of the file's chromosomes, ``bin1 <= bin2``, sorted.
    count : float64 array
    """
    import hictkpy

    file, rows = hictkpy.File(path, resolution), 1
    lengths = {str(name): int(length) for name, length in file.chromosomes().items()}
    names, n_bins = list(lengths), file.nbins()
    for number, name in enumerate(names):
        low, bins = 0, -(-lengths[name] // resolution)
        while low < bins:
            rows = max(1, min(rows, MOST // n_bins))
            edges = [low * resolution, min((low + rows) * resolution, lengths[name]), lengths[name]]
            # The rows with themselves, with what lies to their right, and with the chromosomes that follow.
            others = [f"{name}\t{begin}\t{end}" for begin, end in pairwise(edges) if end > begin]
            others += [f"{other}\t0\t{lengths[other]}" for other in names[number + 1 :]]
            block = pa.concat_tables(
                file.fetch(others[0], other, count_type="float64", query_type="BED").to_arrow() for other in others
            )
            bin1, bin2, count = (block[column].to_numpy() for column in ("bin1_id", "bin2_id", "count"))
            order = np.lexsort((bin2, bin1))
            yield bin1[order], bin2[order], count[order]
            low += rows
            rows = int(rows * min(4.0, max(wanted, 1) / max(len(order), 1)))


def hic_weights(path: str | Path, resolution: int, name: str) -> np.ndarray:
    """Normalisation vector of a .hic file as multiplicative weights; float64 (bins,), NaN where it has none."""
    import hictkpy

    weights = np.asarray(hictkpy.File(path, resolution).weights(name, divisive=False), dtype=np.float64)
    return np.where(np.isfinite(weights) & (weights > 0), weights, np.nan)

"""Pixels of a prepared map as they lie in memory: row by row, uncompressed, in the cooler itself.

Purpose: windows that cost no unpacking and no copy: the file is memory-mapped, and all processes share its pages.
Inputs: a cooler. Outputs: group ``cisflow`` in it, which other programs pass over: ``columns`` and ``counts`` (int32),
the upper triangle in the order of the cooler's own pixels; ``indexes/bin1_offset`` says where each row begins.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from cisflow.contacts.coolers import BLOCK

GROUP = "cisflow"
ALIGNMENT = 4096  # bytes; a memory page


def add_rows(path: str | Path) -> None:
    """Add the memory-mappable copy of the pixels to a cooler whose counts fit 32 bits.

    Parameters
    ----------
    path : path
        Single-resolution cooler of its own file, changed in place.
    """
    with h5py.File(path, "r+", alignment_threshold=ALIGNMENT, alignment_interval=ALIGNMENT) as handle:
        group, pixels = handle.create_group(GROUP), handle["pixels"]
        for name, source in (("columns", "bin2_id"), ("counts", "count")):
            copied = group.create_dataset(name, pixels[source].shape, dtype="<i4")
            for first in range(0, len(copied), BLOCK):
                copied[first : first + BLOCK] = pixels[source][first : first + BLOCK]


class MappedRows:
    """Rows of a cooler that has them memory-mappable. Copies in other processes map the file again.

    Parameters
    ----------
    path : path
        See :func:`add_rows`.

    Attributes
    ----------
    columns, counts : int32 array, (pixels,)
        Memory-mapped, not to be changed.
    """

    def __init__(self, path: str | Path):
        self.path = str(path)
        with h5py.File(path, "r") as handle:
            datasets = [handle[f"{GROUP}/{name}"] for name in ("columns", "counts")]
            places = [(dataset.id.get_offset(), len(dataset)) for dataset in datasets]
        self.columns, self.counts = (
            np.asarray(np.memmap(path, dtype="<i4", mode="r", offset=offset, shape=(n,)))
            if n
            else np.empty(0, dtype=np.int32)
            for offset, n in places
        )

    def __reduce__(self) -> tuple:
        return MappedRows, (self.path,)


def has_rows(path: str | Path, group: str) -> bool:
    """Whether a cooler that is the root of its file has memory-mappable rows."""
    if group != "/":
        return False
    with h5py.File(path, "r") as handle:
        return GROUP in handle

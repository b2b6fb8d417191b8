"""Cooler files: their pixels in blocks, and writing without time stamps.

Inputs: coolers of one resolution. Outputs: arrays and coolers.
The format is described by Abdennur & Mirny 2020, Bioinformatics 36:311-316.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import cooler
import h5py
import numpy as np
import pandas as pd

BLOCK = 10_000_000  # pixels
Pixels = tuple[np.ndarray, np.ndarray, np.ndarray]


def read_pixels(uri: str | Path, block: int = BLOCK) -> Iterator[Pixels]:
    """Pixels of a cooler in blocks, in the order of the file.

    Yields
    ------
    bin1, bin2 : int64 arrays
        0-based bins, ``bin1 <= bin2``.
    count : array
        As stored.
    """
    clr = cooler.Cooler(str(uri))
    with h5py.File(clr.filename, "r") as handle:
        pixels = handle[clr.root]["pixels"]
        for start in range(0, len(pixels["bin1_id"]), block):
            rows = slice(start, start + block)
            yield pixels["bin1_id"][rows], pixels["bin2_id"][rows], pixels["count"][rows]


def chromosome_offsets(clr: cooler.Cooler) -> np.ndarray:
    """First bin of every chromosome, and the number of bins; int64 (chromosomes + 1,)."""
    return np.concatenate([[0], np.cumsum([np.diff(clr.extent(name))[0] for name in clr.chromnames])]).astype(np.int64)


def write_cooler(
    path: str | Path,
    bins: pd.DataFrame,
    pixels: Iterable[Pixels],
    group: str = "",
    mode: str = "w",
    count_type: type = np.int32,
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a cooler whose bytes depend on its content alone (no creation date).

    Parameters
    ----------
    path : path
        The caller gives a temporary name, see :func:`cisflow.files.atomic_path`.
    bins : DataFrame
        ``chrom``, ``start``, ``end``; further numeric columns are written too.
    pixels : iterable of (bin1, bin2, count)
        Upper triangle, sorted by both bins.
    group : str
        Place in the file, e.g. ``/resolutions/1000``; empty for the root.
    mode : str
        ``w`` for a new file, ``a`` to add to one.
    count_type : type
        Of the counts in the file.
    metadata : mapping, optional
        Attribute ``metadata`` of the cooler, as JSON.
    """
    frames = (pd.DataFrame({"bin1_id": i, "bin2_id": j, "count": count}) for i, j, count in pixels)
    with TemporaryDirectory(prefix=".cooler.", dir=Path(path).parent) as folder:
        dated = f"{folder}/dated.cool"
        cooler.create_cooler(dated, bins, frames, dtypes={"count": count_type}, ordered=True, metadata=metadata)
        # A deleted attribute would leave its bytes in the file: the content is copied instead.
        with h5py.File(dated, "r") as source, h5py.File(path, mode) as handle:
            place = handle.require_group(group) if group else handle
            for name in ("chroms", "bins", "pixels", "indexes"):
                source.copy(name, place)
            place.attrs.update({key: value for key, value in source.attrs.items() if key != "creation-date"})


def write_weights(path: str | Path, weights: np.ndarray, attributes: Mapping[str, object]) -> None:
    """Add balancing weights to a cooler as bin column ``weight`` with the attributes that cooler itself would write."""
    with h5py.File(path, "r+") as handle:
        column = handle["bins"].create_dataset("weight", data=weights, compression="gzip", compression_opts=6)
        column.attrs.update(attributes)

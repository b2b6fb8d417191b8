"""What a file of contacts holds: coolers of any layout, .hic files and lists of pairs.

Purpose: cheap answers, for checks before any job: bin sizes, chromosomes, columns of weights. No pixel is read.
Inputs: a ``.cool``, ``.mcool``, ``.hic`` or ``.pairs`` (``.gz``) file. Outputs: a :class:`ContactFile`.
Sources: cooler (Abdennur & Mirny 2020, Bioinformatics 36:311-316); hic (Durand et al. 2016, Cell Systems 3:95-98), read
by hictk (Rossini & Paulsen 2024, Bioinformatics 40:btae408); pairs (4DN-DCIC, format version 1.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from cisflow.contacts.hic_header import read_hic_header
from cisflow.contacts.pairs_header import read_header
from cisflow.problems import InputError, Problem

HDF5, HIC = b"\x89HDF\r\n\x1a\n", b"HIC\0"
BIN_COLUMNS = ("chrom", "start", "end")
# Columns that hic2cool, cooler and hictk take to be divided by; all others of a cooler are multiplied with.
BASE = "base_resolution"  # column of the contact maps sheet
DIVISIVE = ("KR", "VC", "VC_SQRT", "SQRT_VC")


@dataclass(frozen=True)
class ContactFile:
    """A file of contacts.

    Attributes
    ----------
    path : str
    kind : str
        ``cooler``, ``hic`` or ``pairs``.
    addresses : mapping of int to str
        Bin size (bp) to address (``file::/group`` for coolers), rising; empty for pairs, which fit any bins.
    """

    path: str
    kind: str
    addresses: Mapping[int, str]

    def choose(self, resolution: int, base: int | None = None) -> tuple[int, int]:
        """Bin size to read for a bin size wanted.

        Parameters
        ----------
        resolution : int
            Bin size wanted (bp).
        base : int, optional
            Bin size to sum from, where the coarser ones of a file are not to be trusted.

        Returns
        -------
        (int, int)
            Bin size of the file, and how many of its bins make one bin of ``resolution`` (1: it is there as it stands;
            else the coarsest one that divides it).

        Raises
        ------
        InputError
            When no resolution of the file divides the one asked for, or the base is not there; lists what is there.
        """
        if self.kind == "pairs":
            return resolution, 1
        fitting = [size for size in self.addresses if resolution % size == 0]
        there = ", ".join(f"{size:,}" for size in self.addresses)
        if base is not None:
            if base not in self.addresses:
                raise InputError(Problem(self.path, f"no bins of {base:,} bp; there are {there}", column=BASE))
            fitting = [size for size in fitting if size == base]
            if not fitting:
                what = f"{base:,} bp do not divide {resolution:,} bp; expected a bin size that does"
                raise InputError(Problem(self.path, what, column=BASE))
        if not fitting:
            what = f"no resolution divides {resolution:,} bp; there are {there} bp: ask for one of them or a multiple"
            raise InputError(Problem(self.path, what, column="resolution"))
        return max(fitting), resolution // max(fitting)

    def chromosomes(self, resolution: int) -> dict[str, int]:
        """Lengths (bp) by name in the order of the file; ``resolution`` is one of its bin sizes."""
        if self.kind == "pairs":
            return dict(read_header(self.path).lengths)
        if self.kind == "hic":
            return dict(read_hic_header(self.path).chromosomes[resolution])
        try:
            with h5py.File(self.path, "r") as handle:
                chroms = handle[group_of(self.addresses[resolution])]["chroms"]
                names = [name.decode() if isinstance(name, bytes) else str(name) for name in chroms["name"][:]]
                return dict(zip(names, map(int, chroms["length"][:]), strict=True))
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            what = f"its table of chromosomes cannot be read, expected a cooler: {error}"
            raise InputError(Problem(self.path, what)) from None

    def weights(self, resolution: int) -> list[str]:
        """Names of the weights that the file has for one of its bin sizes."""
        if self.kind == "pairs":
            return []
        if self.kind == "hic":
            return list(read_hic_header(self.path).normalisations[resolution])
        with h5py.File(self.path, "r") as handle:
            return weight_columns(handle[group_of(self.addresses[resolution])]["bins"])


def group_of(address: str) -> str:
    """Group of a cooler in its file."""
    return address.partition("::")[2] or "/"


def weight_columns(bins: h5py.Group) -> list[str]:
    """Columns of numbers in a table of bins beside the bins themselves."""
    return [name for name in bins if name not in BIN_COLUMNS and np.issubdtype(bins[name].dtype, np.floating)]


def list_resolutions(path: str | Path) -> dict[int, str]:
    """Resolutions in a file with one or many coolers, whatever its layout.

    Parameters
    ----------
    path : path
        ``.cool`` or ``.mcool``; old files without the ``format`` attribute are found as well.

    Returns
    -------
    dict of int to str
        Bin size (bp) to address (``file::/group``), rising; coolers with bins of different sizes are left out.

    Raises
    ------
    InputError
        When the file is no HDF5 file, or holds no cooler with bins of one size.
    """
    groups: list[str] = []
    try:
        with h5py.File(path, "r") as handle:

            def collect(name: str, item: object) -> None:
                if isinstance(item, h5py.Group) and {"bins", "chroms", "indexes", "pixels"} <= set(item):
                    groups.append("/" + name)

            collect("", handle)
            handle.visititems(collect)
            sizes = [handle[group].attrs.get("bin-size") for group in groups]
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise InputError(Problem(str(path), f"cannot be read as HDF5, expected a cooler: {error}")) from None
    found: dict[int, str] = {}
    for size, group in sorted(zip(sizes, groups, strict=True), key=lambda pair: (len(pair[1]), pair[1])):
        if isinstance(size, int | np.integer) and size > 0:
            found.setdefault(int(size), f"{path}::{group}" if group != "/" else str(path))
    if not found:
        what = "holds no cooler" if not groups else "has bins of different sizes only"
        raise InputError(Problem(str(path), f"{what}; expected a cooler with bins of one size"))
    return dict(sorted(found.items()))


def open_contacts(path: str | Path) -> ContactFile:
    """Look into a file of contacts; the format is told by the content, not by the name.

    Raises
    ------
    InputError
        When the file is missing, of no known format, or broken.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(Problem(str(path), "file not found; expected a .cool, .mcool, .hic or .pairs file"))
    with open(path, "rb") as handle:
        start = handle.read(len(HDF5))
    if start == HDF5:
        return ContactFile(str(path), "cooler", list_resolutions(path))
    if start.startswith(HIC):
        return ContactFile(str(path), "hic", {size: str(path) for size in read_hic_header(path).chromosomes})
    read_header(path)
    return ContactFile(str(path), "pairs", {})

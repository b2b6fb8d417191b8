"""What a .hic file holds, read by a process of its own.

Purpose: importing hictkpy 1.4.0 starts a thread that keeps a core busy until its process ends, and the process that
plans a run lives as long as the run. Inputs: a ``.hic`` file. Outputs: a :class:`HicHeader`.
Source of the reader: Rossini & Paulsen 2024, Bioinformatics 40:btae408.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cisflow.problems import InputError, Problem
from cisflow.user_files import why_unreadable

BROKEN = 3  # exit status for a file that hictk refuses


@dataclass(frozen=True)
class HicHeader:
    """Contents of a .hic file.

    Attributes
    ----------
    chromosomes : dict of int to dict of str to int
        Bin size (bp), rising, to lengths (bp) by name in the order of the file.
    normalisations : dict of int to list of str
        Bin size (bp) to the names of its normalisation vectors.
    """

    chromosomes: dict[int, dict[str, int]]
    normalisations: dict[int, list[str]]


@functools.lru_cache(maxsize=64)
def _read(path: Path, modified: int, size: int) -> HicHeader:
    """The header of a file as it is now (``modified``, ns, and ``size``, bytes, are part of the question)."""
    child = subprocess.run(
        [sys.executable, "-m", "cisflow.contacts.hic_header", str(path)], capture_output=True, text=True, check=False
    )
    if child.returncode == BROKEN:
        raise InputError(Problem(str(path), f"cannot be read as a .hic file: {child.stderr.strip()}"))
    if child.returncode < 0:
        what = f"cannot be read as a .hic file: its reader was ended by signal {-child.returncode}"
        raise InputError(Problem(str(path), what))
    if child.returncode:
        raise RuntimeError(f"reading the header of {path} failed: {child.stderr.strip()}")
    chromosomes, normalisations = (
        {int(size): given for size, given in part.items()} for part in json.loads(child.stdout)
    )
    return HicHeader(chromosomes, normalisations)


def read_hic_header(path: str | Path) -> HicHeader:
    """Bin sizes, chromosomes and normalisation vectors of a .hic file.

    Raises
    ------
    InputError
        When the file cannot be read as one.
    """
    path = Path(path).absolute()
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(Problem(str(path), f"{why_unreadable(error)}; expected a .hic file")) from None
    return _read(path, state.st_mtime_ns, state.st_size)


def _main(path: str) -> int:
    import hictkpy

    try:
        sizes = sorted(map(int, hictkpy.MultiResFile(path).resolutions()))
        files = {size: hictkpy.File(path, size) for size in sizes}
        chromosomes = {
            size: {str(name): int(length) for name, length in file.chromosomes().items()}
            for size, file in files.items()
        }
        normalisations = {size: list(map(str, file.avail_normalizations())) for size, file in files.items()}
    except Exception as error:  # whatever the reader makes of a damaged file
        print(error, file=sys.stderr)
        return BROKEN
    print(json.dumps([chromosomes, normalisations]))
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))

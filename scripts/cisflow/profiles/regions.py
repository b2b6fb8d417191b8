"""Regions of an assay: peaks around their summits, and regions without peak.

Inputs: BED files; narrowPeak's tenth column is the distance of the summit from the start, other files are taken at the
middle of their intervals. Outputs: a table of positions. Coordinates are 0-based.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.contacts.intervals import read_bed
from cisflow.problems import Problem, did_you_mean

PEAK, NONPEAK = "peak", "nonpeak"
MOST_NAMES = 5


def read_regions(path: str | Path, kind: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Read the regions of a BED file.

    Parameters
    ----------
    path : path
        Plain or gzip.
    kind : {"peak", "nonpeak"}

    Returns
    -------
    table : DataFrame
        ``chromosome, start, end, position, kind``; ``position`` is the summit, or the middle where there is none.
    problems : list of Problem
    """
    if not Path(path).is_file():
        return _table(None, kind), [Problem(str(path), "file not found; expected a BED file")]
    bed, problems = read_bed(path, summits=True)
    if bed is not None and not len(bed) and not problems:
        problems.append(Problem(str(path), "no regions; expected one or more"))
    return _table(bed, kind), problems


def _table(bed: pd.DataFrame | None, kind: str) -> pd.DataFrame:
    if bed is None:
        bed = pd.DataFrame({"chromosome": pd.Series(dtype=str), "start": 0, "end": 0})
    middle = (bed["start"] + bed["end"]) // 2
    offset = bed["offset"] if "offset" in bed else pd.Series(-1, index=bed.index)
    position = np.where(offset >= 0, bed["start"] + offset, middle).astype(np.int64)
    return bed[["chromosome", "start", "end"]].assign(position=position, kind=kind).reset_index(drop=True)


def name_problems(table: pd.DataFrame, where: str, genome: Mapping[str, int]) -> list[Problem]:
    """Problems of chromosome names that the genome does not have."""
    unknown = [name for name in pd.unique(table["chromosome"]) if name not in genome]
    shown = ", ".join(f"{name!r}{did_you_mean(name, genome)}" for name in unknown[:MOST_NAMES])
    if not unknown:
        return []
    more = f" and {len(unknown) - MOST_NAMES} more" if len(unknown) > MOST_NAMES else ""
    return [Problem(where, f"chromosomes that the genome does not have: {shown}{more}", column="1")]


def fits(table: pd.DataFrame, width: int, lengths: Mapping[str, int]) -> np.ndarray:
    """Whether a window of ``width`` bp around the position lies inside its chromosome; bool (n,)."""
    start = table["position"].to_numpy() - width // 2
    ends = table["chromosome"].map(lengths).to_numpy()
    return (start >= 0) & (start + width <= ends)


def on_chromosomes(table: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """Rows on the given chromosomes."""
    return table[table["chromosome"].isin(list(names))].reset_index(drop=True)

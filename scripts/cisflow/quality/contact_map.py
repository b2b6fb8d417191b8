"""What is known of a prepared contact map, read once for its checks and figures.

Inputs: the files of a map under ``contacts/{map}/``. Outputs: a :class:`MapQuality`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cooler
import numpy as np
import pandas as pd

from cisflow.contacts.balance import IGNORED_DIAGONALS, row_sums
from cisflow.contacts.coolers import read_pixels
from cisflow.files import read_table

PER_DECADE = 12  # bins of log distance


@dataclass(frozen=True)
class MapQuality:
    """A prepared map with its tables.

    Attributes
    ----------
    name : str
    resolution : int
        Bin size (bp).
    bins : DataFrame
        ``chromosome``, ``start``, ``end``, ``contacts`` (raw, with one end or both in the bin), ``masked`` (bool) and
        ``row_sum`` (balanced contacts without the first two diagonals; NaN for masked bins).
    chromosomes : DataFrame
        ``quality.tsv`` by chromosome, without the row of the whole map.
    overall : Series
        That row.
    balancing : DataFrame
        ``iteration``, ``variance``; no rows for weights of the file.
    law, by_chromosome : DataFrame
        ``distance_law.tsv`` and ``distance_law_by_chromosome.tsv``.
    compartments, insulation : DataFrame
        See :mod:`cisflow.contacts.annotate`.
    test : sequence of str
        Test chromosomes, which figures show first.
    replicate : DataFrame or None
        ``distance_law.tsv`` of a replicate with bins of the same size.
    replicate_name : str
    """

    name: str
    resolution: int
    bins: pd.DataFrame
    chromosomes: pd.DataFrame
    overall: pd.Series
    balancing: pd.DataFrame
    law: pd.DataFrame
    by_chromosome: pd.DataFrame
    compartments: pd.DataFrame
    insulation: pd.DataFrame
    test: Sequence[str] = ()
    replicate: pd.DataFrame | None = None
    replicate_name: str = ""

    @property
    def reach(self) -> int:
        """How far the expected contacts reach (bp)."""
        return int(self.law["smoothed"].notna().sum()) * self.resolution

    def row_variation(self) -> float:
        """Standard deviation of the balanced row sums over their mean; NaN when all bins are masked."""
        sums = self.bins["row_sum"].dropna()
        return float(sums.std(ddof=0) / sums.mean()) if len(sums) else float("nan")

    def shown_chromosomes(self, most: int) -> list[str]:
        """Chromosomes for a figure: those for testing, then the longest, in the order of the map."""
        by_length = self.chromosomes.sort_values("length", ascending=False)["chromosome"]
        chosen = list(dict.fromkeys([*self.test, *by_length]))[:most]
        return [name for name in self.chromosomes["chromosome"] if name in chosen]


def binned_law(distance: np.ndarray, n_valid: np.ndarray, total: np.ndarray) -> pd.DataFrame:
    """Mean contacts in bins of log distance.

    Parameters
    ----------
    distance, n_valid, total : arrays, (distances,)
        Distance (bp), pairs of bins, and their contacts.

    Returns
    -------
    DataFrame
        ``index`` (bin of log distance), ``distance_bp``, ``n_valid``, ``expected``; bins without contacts are left out.
    """
    used = distance > 0
    index = np.floor(np.log10(distance[used]) * PER_DECADE).astype(int)
    sums = pd.DataFrame({"index": index, "far": distance[used] * n_valid[used]})
    sums = sums.assign(n_valid=n_valid[used], total=total[used]).groupby("index").sum()
    sums = sums[(sums["n_valid"] > 0) & (sums["total"] > 0)]
    return pd.DataFrame(
        {
            "distance_bp": sums["far"] / sums["n_valid"],
            "n_valid": sums["n_valid"],
            "expected": sums["total"] / sums["n_valid"],
        }
    ).reset_index()


def read_map_quality(
    name: str,
    files: dict[str, str | Path],
    test: Sequence[str] = (),
    replicate: str | Path | None = None,
    replicate_name: str = "",
) -> MapQuality:
    """Read a map and its tables.

    Parameters
    ----------
    name : str
        Name of the map.
    files : dict of path
        ``contacts`` (map.cool), ``quality``, ``balancing``, ``distance_law``, ``by_chromosome``, ``compartments``,
        ``insulation``.
    test : sequence of str
        Test chromosomes.
    replicate : path, optional
        Distance law of a replicate.
    replicate_name : str
    """
    clr = cooler.Cooler(str(files["contacts"]))
    weights = clr.bins()["weight"][:].to_numpy(dtype=np.float64)
    masked = np.isnan(weights)
    contacts, sums = row_sums(read_pixels(files["contacts"]), weights, IGNORED_DIAGONALS)
    bins = clr.bins()[["chrom", "start", "end"]][:].rename(columns={"chrom": "chromosome"})
    bins = bins.astype({"chromosome": str}).assign(contacts=contacts.astype(np.int64), masked=masked)
    table = read_table(files["quality"])
    other = read_table(replicate) if replicate else None
    if other is not None and other["distance_bp"].diff().min() != int(clr.binsize):
        other = None  # contacts per pair of bins compare between equal bins only
    return MapQuality(
        name,
        int(clr.binsize),
        bins.assign(row_sum=np.where(masked, np.nan, sums)),
        table.iloc[:-1],
        table.iloc[-1],
        *(
            read_table(files[key])
            for key in ("balancing", "distance_law", "by_chromosome", "compartments", "insulation")
        ),
        test=test,
        replicate=other,
        replicate_name=replicate_name,
    )

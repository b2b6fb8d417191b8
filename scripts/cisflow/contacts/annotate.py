"""Compartments and insulation of a prepared map, by cooltools.

Purpose: what the map shows beside its targets, for its quality page and for scores by kind of region.
Inputs: a prepared map and its genome. Outputs: ``compartments.tsv`` and ``insulation.tsv``.
Sources: eigenvectors of the observed over expected map (Lieberman-Aiden et al. 2009, Science 326:289-293), phased by GC
content; insulation score (Crane et al. 2015, Nature 523:240-244); both as in cooltools 0.7.1 (Open2C 2024, PLoS Comput
Biol 20:e1012067) with its defaults.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cooler
import cooltools
import numpy as np
import pandas as pd

from cisflow.contacts.balance import balance_map
from cisflow.contacts.coolers import write_weights
from cisflow.contacts.genome import Genome
from cisflow.files import write_table
from cisflow.joblog import logger
from cisflow.problems import InputError

COMPARTMENT_BP = 100_000  # bins of compartments, finer where chromosomes are short
BINS_PER_CHROMOSOME = 100  # of a chromosome of median length
WINDOWS = (5, 10, 25)  # bins of the insulation score's window
MOST_BINS = 500_000  # of the insulation score
EIGENVECTORS = 3
DECIMALS = 6  # of the eigenvectors
IGNORED = 2  # diagonals, as in balancing
COMPARTMENT_COLUMNS = ("chromosome", "start", "end", "gc", "E1", "E2", "E3")


def compartment_resolution(lengths: dict[str, int], resolution: int) -> int:
    """Bin size (bp) of the compartments: 100 kb, or less, so that a median chromosome has 100 bins; a multiple."""
    wanted = min(COMPARTMENT_BP, float(np.median(list(lengths.values()))) / BINS_PER_CHROMOSOME)
    return max(1, int(wanted // resolution)) * resolution


def insulation_resolution(lengths: dict[str, int], resolution: int) -> int:
    """Bin size (bp) of the insulation score: that of the map, or 2, 5, 10, 20 ... times it for very many bins."""
    total, steps = sum(lengths.values()), (step * 10**power for power in range(9) for step in (1, 2, 5))
    return next(step * resolution for step in steps if total / (step * resolution) <= MOST_BINS)


def gc_content(genome: Genome, chromosome: str, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Share of G and C among the known bases of intervals that follow each other; float64, NaN without known bases."""
    codes = genome.codes(chromosome, int(start[0]), int(end[-1]))
    known = np.concatenate([[0], np.cumsum(codes < 4)])
    strong = np.concatenate([[0], np.cumsum((codes == 1) | (codes == 2))])
    low, high = start - start[0], end - start[0]
    with np.errstate(invalid="ignore"):
        return (strong[high] - strong[low]) / (known[high] - known[low])


def at_resolution(cool: str | Path, resolution: int, folder: str | Path, memory_mb: int) -> cooler.Cooler:
    """A prepared map in larger bins, balanced anew; the map itself where it has that bin size."""
    clr = cooler.Cooler(str(cool))
    if int(clr.binsize) == resolution:
        return clr
    path = Path(folder) / f"{resolution}.cool"
    cooler.coarsen_cooler(clr.uri, str(path), resolution // int(clr.binsize), chunksize=10_000_000)
    write_weights(path, balance_map(path, f"{cool} at {resolution:,} bp", memory_mb).weights, {})
    return cooler.Cooler(str(path))


def compartments(clr: cooler.Cooler, genome: Genome) -> pd.DataFrame:
    """Eigenvectors of every chromosome.

    Parameters
    ----------
    clr : Cooler
        Balanced.
    genome : Genome
        With the names of the map.

    Returns
    -------
    DataFrame
        ``chromosome``, ``start``, ``end`` (bp), ``gc``, and ``E1`` to ``E3``, scaled by the root of their eigenvalue,
        signed so that they rise with the GC content; six decimals, NaN for masked bins.
    """
    bins = clr.bins()[["chrom", "start", "end"]][:]
    starts, ends = bins["start"].to_numpy(), bins["end"].to_numpy()
    content = np.full(len(bins), np.nan)
    for name in clr.chromnames:
        low, high = clr.extent(name)
        content[low:high] = gc_content(genome, name, starts[low:high], ends[low:high])
    track = bins.assign(gc=content)
    _, vectors = cooltools.eigs_cis(clr, phasing_track=track, n_eigs=EIGENVECTORS, ignore_diags=IGNORED)
    vectors = vectors.rename(columns={"chrom": "chromosome"}).assign(gc=content)
    # ARPACK starts from a random vector (scipy's eigsh draws a new one each time): the last digits differ between runs.
    names = [f"E{number + 1}" for number in range(EIGENVECTORS)]
    vectors[names] = vectors[names].round(DECIMALS) + 0.0  # no negative zero
    return vectors[list(COMPARTMENT_COLUMNS)].astype({"chromosome": str})


def insulation(clr: cooler.Cooler) -> pd.DataFrame:
    """Insulation score and boundaries at several windows.

    Parameters
    ----------
    clr : Cooler
        Balanced.

    Returns
    -------
    DataFrame
        ``window``, ``chromosome``, ``start``, ``end`` (bp), ``score`` (log2; low where few contacts cross),
        ``strength`` (prominence of minima, NaN elsewhere), ``boundary`` (bool); one row per bin and window.
    """
    windows = [size * int(clr.binsize) for size in WINDOWS]
    table = cooltools.insulation(clr, windows, ignore_diags=IGNORED, verbose=False)
    parts = [
        pd.DataFrame(
            {
                "window": window,
                "chromosome": table["chrom"].astype(str),
                "start": table["start"],
                "end": table["end"],
                "score": table[f"log2_insulation_score_{window}"],
                "strength": table[f"boundary_strength_{window}"],
                "boundary": table[f"is_boundary_{window}"].astype(bool),
            }
        )
        for window in windows
    ]
    return pd.concat(parts, ignore_index=True)


def _or_empty(what: str, work: Callable[[], pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """A table, or one without rows where the map has too little for it; the log says why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of dependencies about pandas, and of means of masked bins
            return work()
    except InputError as error:
        logger.warning("no %s: %s", what, error)
        return pd.DataFrame(columns=list(columns))


def annotate_map(cool: str | Path, genome: str | Path, tables: dict[str, str | Path], memory_mb: int) -> None:
    """Write compartments and insulation of a prepared map.

    Parameters
    ----------
    cool : path
        ``map.cool``.
    genome : path
        See :class:`~cisflow.contacts.genome.Genome`.
    tables : dict of path
        ``compartments`` and ``insulation``: written.
    memory_mb : int
        For pixels while coarser maps are balanced.
    """
    clr = cooler.Cooler(str(cool))
    lengths, base = {str(k): int(v) for k, v in clr.chromsizes.items()}, int(clr.binsize)
    with TemporaryDirectory(prefix=".annotate.", dir=Path(tables["compartments"]).parent) as folder:
        size = compartment_resolution(lengths, base)
        logger.info("compartments in bins of %s bp", f"{size:,}")
        found = _or_empty(
            "compartments",
            lambda: compartments(at_resolution(cool, size, folder, memory_mb), Genome(genome)),
            COMPARTMENT_COLUMNS,
        )
        write_table(found, tables["compartments"])
        size = insulation_resolution(lengths, base)
        logger.info("insulation in bins of %s bp", f"{size:,}")
        columns = ("window", "chromosome", "start", "end", "score", "strength", "boundary")
        found = _or_empty("insulation", lambda: insulation(at_resolution(cool, size, folder, memory_mb)), columns)
        write_table(found, tables["insulation"])

"""A simulated sorted reporter library, from its sequences to the reads of every bin.

Inputs: kind of library, seed, flanks, the rows of the bins sheet and the config's simulation settings.
Outputs: tables of elements, of reads per bin and of bins; for a designed library also the order and its subsets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cisflow.files import atomic_path, write_table
from cisflow.joblog import logger
from cisflow.progress import Progress
from cisflow.randomness import generator
from cisflow.simulate.bases import decode, encode, with_flanks
from cisflow.simulate.designed_library import DesignedLibrary, design_library
from cisflow.simulate.expression_law import true_expression
from cisflow.simulate.promoters import random_variable_parts
from cisflow.simulate.sequencing import write_read_pairs
from cisflow.simulate.sorting import SortedLibrary, sort_library

#: Standard deviation of log abundance between elements: transformants are drawn, oligos are synthesised alike.
ABUNDANCE_SPREAD = {"random": 0.8, "designed": 0.4}
#: Decimals of the truth: far below any measurement, far above rounding of the arithmetic.
DECIMALS = 6


@dataclass(frozen=True)
class SimulatedLibrary:
    """What is known of a simulated library.

    Attributes
    ----------
    truth : DataFrame
        ``element, sequence, expression, standardised, cells, reads``, one row per element.
    bin_reads : DataFrame
        ``element`` and one column of read pairs per bin.
    bins : DataFrame
        ``library, bin, role, position, lower_gate, upper_gate, cells, reads``; gates in standard deviations of all
        cells from their mean.
    design : DesignedLibrary or None
        Order and subsets of a designed library.
    """

    truth: pd.DataFrame
    bin_reads: pd.DataFrame
    bins: pd.DataFrame
    design: DesignedLibrary | None


def simulate_library(
    library: str,
    kind: str,
    seed: int,
    flanks: Mapping[str, str],
    bins: Sequence[Mapping[str, Any]],
    simulation: Mapping[str, Any],
    sample: str | None = None,
) -> SimulatedLibrary:
    """Simulate a library up to the number of reads per element and bin.

    Parameters
    ----------
    library : str
        Name; part of the seed of every draw.
    kind : str
        ``random`` or ``designed``.
    seed : int
        Seed of the run.
    flanks : mapping
        ``distal`` and ``proximal``.
    bins : sequence of dict
        See :func:`cisflow.simulate.sorting.check_bins`.
    simulation : mapping
        ``promoters`` (random libraries only), ``reads_per_element``, ``cells_per_element``, ``cell_noise``.
    sample : str, optional
        Replicates of one sample have the same elements; cells and reads are their own.

    Returns
    -------
    SimulatedLibrary

    Raises
    ------
    InputError
        Bins that cells cannot be sorted into, or that are left without reads.
    """
    rng = generator(seed, "simulate", sample or library, "sequences")
    design = None
    if kind == "designed":
        design = design_library(rng, flanks["distal"], flanks["proximal"])
        ids, amplicons = design.ids, design.amplicons
    else:
        variable = random_variable_parts(rng, simulation["promoters"])
        ids = [f"{library}{i:06d}" for i in range(len(variable))]
        amplicons = with_flanks(variable, flanks["distal"], flanks["proximal"])
    expression = true_expression(amplicons)
    sorted_library = sort_library(
        generator(seed, "simulate", library, "cells"),
        expression,
        bins,
        cells_per_element=simulation["cells_per_element"],
        abundance_spread=ABUNDANCE_SPREAD[kind],
        cell_noise=simulation["cell_noise"],
        total_reads=round(simulation["reads_per_element"] * len(ids)),
        library=library,
    )
    logger.info(
        "%s: %d elements, %d cells, %d read pairs",
        library,
        len(ids),
        sorted_library.cells.sum(),
        sorted_library.reads.sum(),
    )
    return _tables(library, ids, decode(amplicons), expression, bins, sorted_library, design)


def _tables(
    library: str,
    ids: list[str],
    sequences: list[str],
    expression: np.ndarray,
    bins: Sequence[Mapping[str, Any]],
    sorted_library: SortedLibrary,
    design: DesignedLibrary | None,
) -> SimulatedLibrary:
    gates, cells, reads = sorted_library.gates, sorted_library.cells, sorted_library.reads
    is_sorted = np.array([row["role"] == "sorted" for row in bins])
    truth = pd.DataFrame(
        {
            "element": ids,
            "sequence": sequences,
            "expression": gates.position_of(expression).round(DECIMALS),
            "standardised": ((expression - gates.mean) / gates.spread).round(DECIMALS),
            "cells": cells[:, is_sorted].sum(axis=1),
            "reads": reads[:, is_sorted].sum(axis=1),
        }
    )
    bin_reads = pd.DataFrame({"element": ids} | {row["bin"]: reads[:, i] for i, row in enumerate(bins)})
    edges = np.full((2, len(bins)), np.nan)
    edges[:, is_sorted] = ((np.array([gates.lower, gates.upper]) - gates.mean) / gates.spread).round(DECIMALS)
    bin_table = pd.DataFrame(
        {
            "library": library,
            "bin": [row["bin"] for row in bins],
            "role": [row["role"] for row in bins],
            "position": [row["position"] for row in bins],
            "lower_gate": edges[0],
            "upper_gate": edges[1],
            "cells": cells.sum(axis=0),
            "reads": reads.sum(axis=0),
        }
    )
    return SimulatedLibrary(truth, bin_reads, bin_table, design)


def write_design(design: DesignedLibrary, ordered: str | Path, subsets: Mapping[str, str | Path]) -> None:
    """Write a designed library as ordered, and its subsets in the challenge's layout.

    Parameters
    ----------
    design : DesignedLibrary
    ordered : path
        Tab-separated ``id, sequence``, no header.
    subsets : mapping
        File by the name of the subset; comma-separated, with an index column without a name first.
    """
    with atomic_path(ordered) as temporary:
        pd.DataFrame({"id": design.ids, "sequence": decode(design.amplicons)}).to_csv(
            temporary, sep="\t", header=False, index=False
        )
    for name, path in subsets.items():
        table = design.subsets[name].copy()
        table.insert(0, "", range(len(table)))
        write_table(table, path)


def sequence_library(
    truth: pd.DataFrame,
    bin_reads: pd.DataFrame,
    read1: Sequence[str | Path],
    read2: Sequence[str | Path],
    *,
    library: str,
    seed: int,
    substitution_error: float,
) -> None:
    """Write the read pairs of every bin.

    Parameters
    ----------
    truth : DataFrame
        With ``sequence``.
    bin_reads : DataFrame
        Rows as in ``truth``; ``element`` and one column of read pairs per bin.
    read1, read2 : sequence of path
        FASTQ files in the order of those columns.
    library : str
        Part of the names of the reads and of the seed.
    seed : int
        Seed of the run.
    substitution_error : float
        Mean chance of a wrong base.
    """
    amplicons = encode(truth["sequence"].tolist())
    names = [name for name in bin_reads if name != "element"]
    progress = Progress(f"sequence {library}", int(bin_reads[names].to_numpy().sum()), "read pairs")
    for name, *paths in zip(names, read1, read2, strict=True):
        reads = bin_reads[name].to_numpy()
        write_read_pairs(
            generator(seed, "simulate", library, "reads", name),
            amplicons,
            reads,
            (paths[0], paths[1]),
            name=f"{library}:{name}",
            substitution_error=substitution_error,
        )
        progress.advance(int(reads.sum()), note=name)

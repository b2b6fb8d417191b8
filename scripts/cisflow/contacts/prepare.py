"""Prepare a contact map: one resolution, chromosomes named and sized as in the genome, balanced.

Inputs: a ``.cool`` or ``.mcool`` file, the genome's FASTA, a rename table. Outputs: ``map.cool`` and ``quality.tsv``.
Nothing is written beside the input files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cooler
import numpy as np
import pandas as pd

from cisflow.contacts.balance import Balance, balance, in_memory
from cisflow.contacts.coolers import (
    Pixels,
    choose_resolution,
    chromosome_offsets,
    list_resolutions,
    read_pixels,
    write_cooler,
    write_weights,
)
from cisflow.contacts.genome import Genome
from cisflow.contacts.names import Chromosome, check_held_out, match_chromosomes, read_rename_table
from cisflow.contacts.quality import count_contacts, quality_table
from cisflow.contacts.rows import add_rows
from cisflow.files import atomic_path, write_table
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

MAX_PIXELS_IN_MEMORY = 300_000_000  # at 12 bytes; larger maps are read from disk at every iteration of balancing


def make_bins(chromosomes: Sequence[Chromosome], resolution: int) -> pd.DataFrame:
    """Table of bins; the last one of a chromosome ends with the genome's chromosome where that lies in it.

    Where the genome's chromosome ends in another bin (within the tolerance), the length in the map stays.
    """
    lengths = {}
    for chromosome in chromosomes:
        n_bins = -(-chromosome.cooler_length // resolution)
        same_last_bin = -(-chromosome.length // resolution) == n_bins
        lengths[chromosome.name] = chromosome.length if same_last_bin else chromosome.cooler_length
    return cooler.binnify(pd.Series(lengths), resolution)


def checked_pixels(blocks: Iterable[Pixels], n_bins: int, where: str) -> Iterator[Pixels]:
    """Pass pixels on after checking that they are raw counts of a sorted upper triangle; counts become int32.

    Raises
    ------
    InputError
        For counts that are negative, broken or not finite, pixels below the diagonal, and pixels out of order.
    """
    last = -1
    for bin1, bin2, count in blocks:
        whole = np.isfinite(count) & (count >= 0) & (count == np.rint(count))
        if not whole.all():
            value = count[~whole][0]
            raise InputError(
                Problem(where, f"a count is {value:g}; expected raw counts (whole numbers), not normalised ones")
            )
        if (count > np.iinfo(np.int32).max).any():
            raise InputError(Problem(where, f"a count is {count.max():g}; the largest that can be stored is 2^31 - 1"))
        position = bin1.astype(np.int64) * n_bins + bin2
        if (bin1 > bin2).any() or (np.diff(position, prepend=last) <= 0).any():
            raise InputError(
                Problem(where, "pixels are not a sorted upper triangle; run `cooler load` or `cooler merge` again")
            )
        if len(position):
            last = position[-1]
        yield bin1, bin2, count.astype(np.int32)


def select_pixels(blocks: Iterable[Pixels], new_bin: np.ndarray) -> Iterator[Pixels]:
    """Pixels between kept bins, with their new numbers (``new_bin``: -1 for bins that are dropped)."""
    for bin1, bin2, count in blocks:
        first, second = new_bin[bin1], new_bin[bin2]
        kept = (first >= 0) & (second >= 0)
        yield first[kept], second[kept], count[kept]


def file_weights(clr: cooler.Cooler, chromosomes: Sequence[Chromosome]) -> np.ndarray | None:
    """Weights of a file for the kept chromosomes; None when there are none, or a chromosome has none at all."""
    if "weight" not in clr.bins().columns:
        return None
    weights = [clr.bins()["weight"].fetch(c.cooler_name).to_numpy(dtype=np.float64) for c in chromosomes]
    empty = [c.name for c, values in zip(chromosomes, weights, strict=True) if not np.isfinite(values).any()]
    if empty:
        logger.info("the weights of the file are incomplete (none for %s): balancing anew", ", ".join(empty))
        return None
    return np.concatenate(weights)


def _write_map(clr: cooler.Cooler, chromosomes: Sequence[Chromosome], target: Path, where: str) -> int:
    """Write the kept chromosomes under their new names; returns the contacts of the input."""
    offsets = chromosome_offsets(clr)
    new_bin = np.full(offsets[-1], -1, dtype=np.int64)
    kept = [clr.chromnames.index(c.cooler_name) for c in chromosomes]
    start = 0
    for index in kept:
        size = offsets[index + 1] - offsets[index]
        new_bin[offsets[index] : offsets[index + 1]] = np.arange(start, start + size)
        start += size
    total = 0

    def counted() -> Iterator[Pixels]:
        nonlocal total
        for block in checked_pixels(read_pixels(clr.uri), int(offsets[-1]), where):
            total += int(block[2].sum(dtype=np.int64))
            yield block

    write_cooler(target, make_bins(chromosomes, int(clr.binsize)), select_pixels(counted(), new_bin))
    return total


def _balance(path: Path, where: str) -> Balance:
    offsets = chromosome_offsets(cooler.Cooler(str(path)))
    blocks = in_memory(read_pixels(path), MAX_PIXELS_IN_MEMORY, lambda: read_pixels(path))
    return balance(blocks, offsets, where)


def prepare_map(
    source: str | Path,
    genome: str | Path,
    resolution: int,
    target: str | Path,
    quality: str | Path,
    rename: str | Path | None = None,
    length_tolerance: int = 0,
    validation: Sequence[str] = (),
    test: Sequence[str] = (),
) -> None:
    """Prepare a contact map for training.

    Parameters
    ----------
    source : path
        ``.cool`` or ``.mcool``. The resolution is taken as it stands, or summed from the coarsest that divides it.
    genome : path
        FASTA, see :class:`~cisflow.contacts.genome.Genome`.
    resolution : int
        Bin size wanted (bp).
    target, quality : path
        Written: balanced cooler, and table of its quality (:func:`~cisflow.contacts.quality.quality_table`).
    rename : path, optional
        See :func:`~cisflow.contacts.names.read_rename_table`.
    length_tolerance : int
        Largest difference of a chromosome's length between map and genome (bp).
    validation, test : sequence of str
        Held-out chromosomes, which must be in the map.

    Raises
    ------
    InputError
        When the file has no fitting resolution, chromosomes do not match, counts are not raw, or balancing fails.

    Notes
    -----
    A complete column ``weight`` of the file is kept when the resolution is taken as it stands. Otherwise the map is
    balanced over the chromosomes that are kept.
    """
    target, where = Path(target), str(source)
    uri, factor = choose_resolution(source, resolution)
    base = cooler.Cooler(uri)
    if base.storage_mode != "symmetric-upper":
        raise InputError(Problem(where, f"storage mode is {base.storage_mode}; expected symmetric-upper"))
    renamed = read_rename_table(rename) if rename else {}
    lengths = {str(name): int(length) for name, length in base.chromsizes.items()}
    chromosomes = match_chromosomes(
        lengths, Genome(genome, chromosomes=()).lengths, list_resolutions(source), renamed, length_tolerance, where
    )
    check_held_out([c.name for c in chromosomes], validation, test, where)
    unused = sorted(set(renamed) - set(lengths))
    if unused:
        logger.info("the rename table has chromosomes that are not in the map: %s", ", ".join(unused))
    with atomic_path(target) as temporary:
        if factor > 1:
            logger.info("summing %d x %d bins of %s bp", factor, factor, f"{int(base.binsize):,}")
            with TemporaryDirectory(prefix=".coarse.", dir=target.parent) as folder:
                coarse = f"{folder}/coarse.cool"
                cooler.coarsen_cooler(uri, coarse, factor, chunksize=10_000_000)
                found = _write_map(cooler.Cooler(coarse), chromosomes, temporary, where)
        else:
            found = _write_map(base, chromosomes, temporary, where)
        weights = file_weights(base, chromosomes) if factor == 1 else None
        if weights is None:
            result = _balance(temporary, where)
            weights, origin = result.weights, "balanced here"
            iterations, variance = result.iterations, result.variance
            attributes = {"scale": result.scale, "var": variance, "converged": True, "cis_only": False}
        else:
            origin, iterations, variance, attributes = "of the file", None, None, {}
        write_weights(temporary, weights, attributes)
        add_rows(temporary)
        table = quality_table(count_contacts(temporary), origin, iterations, variance, found)
    write_table(table, quality)
    summary = table.iloc[-1]
    logger.info(
        "%s of %s contacts kept, %.1f %% within chromosomes; %d of %d bins masked; weights %s",
        f"{summary['contacts']:,}",
        f"{found:,}",
        100 * summary["cis_share"],
        summary["masked_bins"],
        summary["bins"],
        origin,
    )

"""Prepare a contact map: one resolution, chromosomes named and sized as in the genome, balanced.

Inputs: a ``.cool``, ``.mcool`` or ``.hic`` file or ``.pairs`` files, the genome, a rename table. Outputs: ``map.cool``,
``quality.tsv`` and ``balancing.tsv``. Nothing is written beside the input files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cooler
import numpy as np
import pandas as pd

from cisflow.contacts.balance import balance_map
from cisflow.contacts.coolers import Pixels, chromosome_offsets, read_pixels, write_cooler, write_weights
from cisflow.contacts.formats import ContactFile, open_contacts
from cisflow.contacts.genome import Genome
from cisflow.contacts.hic_files import read_hic_pixels
from cisflow.contacts.names import Chromosome, check_held_out, match_chromosomes, read_rename_table
from cisflow.contacts.pairs import bin_pairs
from cisflow.contacts.quality import count_contacts, quality_table
from cisflow.contacts.rows import add_rows
from cisflow.contacts.weights import given_weights, parse_weights, weights_problem
from cisflow.files import atomic_path, write_table
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem


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


def as_cooler(contacts: ContactFile, more: Sequence[str], resolution: int, memory_mb: int, folder: str) -> str:
    """Address of a cooler with the contacts of a file at one of its bin sizes, written to ``folder`` where it is none.

    Parameters
    ----------
    contacts : ContactFile
    more : sequence of str
        Further lists of pairs of the same experiment.
    resolution : int
        Bin size (bp).
    memory_mb : int
        For pairs in memory.
    folder : str
        For the cooler and for pairs that do not fit; removed by the caller.
    """
    if contacts.kind == "cooler":
        return contacts.addresses[resolution]
    bins = cooler.binnify(pd.Series(contacts.chromosomes(resolution)), resolution)
    if contacts.kind == "hic":
        pixels = read_hic_pixels(contacts.path, resolution)
    else:
        pixels, unmapped = bin_pairs([contacts.path, *more], resolution, memory_mb, folder)
        logger.info("pairs with a side that is not mapped, left out: %s", f"{unmapped:,}")
    write_cooler(f"{folder}/raw.cool", bins, checked_pixels(pixels, len(bins), contacts.path))
    return f"{folder}/raw.cool"


def prepare_map(
    source: str | Path | Sequence[str | Path],
    genome: str | Path,
    resolution: int,
    target: str | Path,
    quality: str | Path,
    rename: str | Path | None = None,
    length_tolerance: int = 0,
    validation: Sequence[str] = (),
    test: Sequence[str] = (),
    weights: str | None = None,
    memory_mb: int = 4000,
    balancing: str | Path | None = None,
    base_resolution: int | None = None,
) -> None:
    """Prepare a contact map for training.

    Parameters
    ----------
    source : path, or sequence of path
        ``.cool``, ``.mcool`` or ``.hic``: the resolution is taken as it stands, or summed from the coarsest that
        divides it. ``.pairs`` (several are added up): binned.
    genome : path
        See :class:`~cisflow.contacts.genome.Genome`.
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
    weights : str, optional
        See :func:`~cisflow.contacts.weights.parse_weights`.
    memory_mb : int
        For pixels while balancing, and for pairs while binning.
    balancing : path, optional
        Written: ``iteration``, ``variance``; no rows for weights of the file.
    base_resolution : int, optional
        Bin size of the file (bp) that others are summed from, instead of the coarsest that divides them.

    Raises
    ------
    InputError
        When the file has no fitting resolution, chromosomes do not match, counts are not raw, or balancing fails.

    Notes
    -----
    A complete column ``weight`` of the file is kept when the resolution is taken as it stands. Otherwise the map is
    balanced over the chromosomes that are kept.
    """
    first, *more = [str(path) for path in ([source] if isinstance(source, str | Path) else source)]
    target, wanted, contacts = Path(target), parse_weights(weights), open_contacts(first)
    base, factor = contacts.choose(resolution, base_resolution)
    problem = weights_problem(contacts, resolution, wanted, base_resolution)
    if problem:
        raise InputError(Problem(first, problem, column="weights"))
    renamed = read_rename_table(rename) if rename else {}
    lengths, sizes = contacts.chromosomes(base), list(contacts.addresses) or [resolution]
    chromosomes = match_chromosomes(
        lengths, Genome(genome, chromosomes=()).lengths, sizes, renamed, length_tolerance, first
    )
    check_held_out([c.name for c in chromosomes], validation, test, first)
    unused = sorted(set(renamed) - set(lengths))
    if unused:
        logger.info("the rename table has chromosomes that are not in the map: %s", ", ".join(unused))
    with atomic_path(target) as temporary, TemporaryDirectory(prefix=".raw.", dir=temporary.parent) as folder:
        uri = as_cooler(contacts, more, base, memory_mb, folder)
        storage = cooler.Cooler(uri).storage_mode
        if storage != "symmetric-upper":
            raise InputError(Problem(first, f"storage mode is {storage}; expected symmetric-upper"))
        if factor > 1:
            logger.info("summing %d x %d bins of %s bp", factor, factor, f"{base:,}")
            cooler.coarsen_cooler(uri, f"{folder}/coarse.cool", factor, chunksize=10_000_000)
            uri = f"{folder}/coarse.cool"
        found = _write_map(cooler.Cooler(uri), chromosomes, temporary, first)
        values = given_weights(contacts, base, wanted, chromosomes) if factor == 1 else None
        variances, attributes, origin = (), {}, f"{wanted.name} of the file".strip()
        if values is None:
            result = balance_map(temporary, first, memory_mb)
            values, variances, origin = result.weights, result.variances, "balanced here"
            attributes = result.attributes()
        write_weights(temporary, values, attributes)
        add_rows(temporary)
        last = variances[-1] if variances else None
        table = quality_table(count_contacts(temporary), origin, len(variances) or None, last, found)
    write_table(table, quality)
    if balancing:
        write_table(
            pd.DataFrame({"iteration": np.arange(1, len(variances) + 1), "variance": variances}, dtype=float).astype(
                {"iteration": int}
            ),
            balancing,
        )
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

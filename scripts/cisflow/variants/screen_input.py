"""What screens of contact maps are asked: regions and inserted sequences, read and checked without a model.

Inputs: regions as text or as a BED file, a FASTA file or table of sequences, lengths of chromosomes. Outputs: regions,
problems. The plan of a run and the screens themselves check with the same functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cisflow.contacts.regions import Region
from cisflow.problems import InputError, Problem, not_one_of

KINDS = ("disruption", "insertion")
#: Regions outside the genome that are told one by one.
SHOWN = 10


def read_regions(path: str | Path) -> list[Region]:
    """Regions of a BED file, in its order.

    Raises
    ------
    InputError
        With every faulty row, or when the file holds no region.
    """
    from cisflow.contacts.intervals import read_bed  # polars, which most plans have no use for

    table, problems = read_bed(path)
    if not problems and (table is None or table.empty):
        problems = [Problem(str(path), "holds no region; expected chromosome, start, end")]
    if problems or table is None:
        raise InputError(problems)
    return [Region(*row) for row in table.itertuples(index=False, name=None)]


def outside_problems(regions: Sequence[Region], lengths: Mapping[str, int], kind: str, where: str) -> list[Problem]:
    """Regions that do not lie in a genome.

    Parameters
    ----------
    regions : sequence of Region
    lengths : mapping of str to int
        Length (bp) of every chromosome.
    kind : {"disruption", "insertion"}
        Of an insertion only the first base of a region counts.
    where : str
        What the regions come from, in messages.
    """
    problems = []
    for region in regions:
        if region.chromosome not in lengths:
            problems.append(Problem(where, f"{region}: {not_one_of(region.chromosome, lengths)}"))
        elif (region.start + 1 if kind == "insertion" else region.end) > lengths[region.chromosome]:
            what = f"{region} reaches beyond {region.chromosome}, {lengths[region.chromosome]:,} bp"
            problems.append(Problem(where, what))
    more = len(problems) - SHOWN
    return problems[:SHOWN] + ([Problem(where, f"and {more:,} more regions like these")] if more > 0 else [])


def file_problems(
    kind: str,
    regions: str | Path | Sequence[Region] | None,
    sequences: str | Path | None,
    lengths: Mapping[str, int] | None,
    where: str,
) -> list[Problem]:
    """Problems of the files of a screen, before any job.

    Parameters
    ----------
    kind : {"disruption", "insertion"}
    regions : path or sequence of Region, optional
        BED file, or regions; None where they come from an earlier job.
    sequences : path, optional
    lengths : mapping of str to int, optional
        Of the chromosomes, where they are known.
    where : str
        What regions come from that are not of a file, in messages.
    """
    problems = []
    try:
        from_file = isinstance(regions, (str, Path))
        found = read_regions(regions) if from_file else regions or []
        problems += outside_problems(found, lengths, kind, str(regions) if from_file else where) if lengths else []
    except InputError as error:
        problems += error.problems
    try:
        if sequences is not None:
            from cisflow.clusters.ordered import read_ordered  # polars and numba, as above

            read_ordered(sequences)
    except InputError as error:
        problems += error.problems
    return problems

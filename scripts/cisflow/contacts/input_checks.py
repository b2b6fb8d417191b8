"""Checks of contact maps before any job: the files open, hold what is asked for, and fit their genome.

Inputs: rows of the contact maps sheet with their files. Outputs: problems, those of all maps at once.
Only headers, indexes and tables of chromosomes are read. The names of a genome are looked up where that is cheap (2bit,
an index beside the FASTA file, small files); otherwise its chromosomes are matched by the job that prepares the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cisflow.contacts.fasta import read_fasta
from cisflow.contacts.formats import ContactFile, open_contacts
from cisflow.contacts.names import check_held_out, match_chromosomes, read_rename_table
from cisflow.contacts.weights import parse_weights, weights_problem
from cisflow.problems import InputError, Problem

SMALL = 64_000_000  # bytes of a FASTA file that is read through (packed or not), in a second or two


@dataclass(frozen=True)
class MapFiles:
    """A contact map with its files, as the rules have it.

    Attributes
    ----------
    name, source : str
        ``source`` is ``cooler``, ``hic`` or ``pairs``.
    contacts : sequence of str
        Files; those that are not there are passed over (they may come from an earlier job).
    genome, rename : str or None
    resolutions : sequence of int
        Bin sizes (bp), the first is that of the sheet.
    base : int or None
        Bin size of the file that they are summed from.
    tolerance : int
        Largest difference of a chromosome's length (bp).
    weights : str or None
        As in the sheet.
    validation, test : sequence of str
        Held-out chromosomes.
    """

    name: str
    source: str
    contacts: Sequence[str]
    genome: str | None
    rename: str | None
    resolutions: Sequence[int]
    base: int | None
    tolerance: int
    weights: str | None
    validation: Sequence[str]
    test: Sequence[str]


def cheap_lengths(genome: str | Path | None) -> dict[str, int] | None:
    """Lengths (bp) by name of a genome, where they are to be had without reading a large file; else None."""
    path = Path(genome or "")
    if not path.is_file():
        return None
    index = path.with_name(path.name + ".fai")
    if path.suffix == ".2bit":
        from cisflow.contacts.two_bit import TwoBit  # compiles, which the other ways need not

        return TwoBit(path).lengths
    if index.is_file() and index.stat().st_mtime >= path.stat().st_mtime:
        rows = (line.split("\t") for line in index.read_text(encoding="utf-8").splitlines())
        return {row[0]: int(row[1]) for row in rows}
    if path.stat().st_size <= SMALL:
        return {name: length for name, length, _ in read_fasta(path, lambda name: False)}
    return None


def map_problems(given: MapFiles) -> list[Problem]:
    """Problems of one map: format, bin sizes, weights, chromosomes and what is held out; all at once."""
    problems: list[Problem] = []
    files = []
    for path in given.contacts:
        if not Path(path).is_file():
            continue
        try:
            files.append(open_contacts(path))
        except InputError as error:
            problems += error.problems
    for file in files:
        if file.kind != given.source:
            what = f"is a file of kind {file.kind}; expected {given.source}, the source of map {given.name}"
            problems.append(Problem(file.path, what))
    if problems or not files:
        return problems
    contacts, wanted = files[0], parse_weights(given.weights)
    for resolution in given.resolutions:
        try:
            contacts.choose(resolution, given.base)
            what = weights_problem(contacts, resolution, wanted, given.base)
            problems += [Problem(contacts.path, what, column="weights")] if what else []
        except InputError as error:
            problems += error.problems
    try:
        problems += _chromosome_problems(given, contacts.chromosomes(next(iter(contacts.addresses), 0)), contacts)
    except InputError as error:
        problems += error.problems
    return problems


def _chromosome_problems(given: MapFiles, lengths: dict[str, int], contacts: ContactFile) -> list[Problem]:
    renamed = read_rename_table(given.rename) if given.rename and Path(given.rename).is_file() else {}
    in_genome = cheap_lengths(given.genome)
    if in_genome is None:
        names = [renamed.get(name, name) for name in lengths if renamed.get(name, name)]
    else:
        sizes = list(contacts.addresses) or [given.resolutions[0]]
        matched = match_chromosomes(lengths, in_genome, sizes, renamed, given.tolerance, contacts.path)
        names = [chromosome.name for chromosome in matched]
    try:
        check_held_out(names, given.validation, given.test, contacts.path)
    except InputError as error:
        return error.problems
    return []

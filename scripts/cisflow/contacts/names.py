"""Chromosomes of a contact map and of a genome: names, lengths, and what is held out.

Inputs: lengths by name on both sides and a table that renames. Outputs: pairs, or one error with every mismatch and the
rename table that would mend it.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cisflow.problems import InputError, Problem, did_you_mean
from cisflow.user_files import read_text

COLUMNS = ("cooler_name", "genome_name")
_ROMAN = ((90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


@dataclass(frozen=True)
class Chromosome:
    """A chromosome that map and genome share.

    Attributes
    ----------
    cooler_name, name : str
        Name in the cooler and in the genome.
    cooler_length, length : int
        Length (bp) in the cooler and in the genome.
    """

    cooler_name: str
    name: str
    cooler_length: int
    length: int


def read_rename_table(path: str | Path) -> dict[str, str]:
    """Read a rename table.

    Parameters
    ----------
    path : path
        Tab-separated, columns ``cooler_name`` and ``genome_name``; an empty ``genome_name`` drops the chromosome.

    Returns
    -------
    dict of str to str
        Name in the genome (empty: dropped) by name in the cooler.

    Raises
    ------
    InputError
        For missing columns and for names that occur twice; all at once.
    """
    text = read_text(path, f"the tab-separated columns {' and '.join(COLUMNS)}")
    try:
        reader = csv.DictReader(text.splitlines(keepends=True), delimiter="\t", quoting=csv.QUOTE_NONE)
        header, rows = reader.fieldnames or [], list(reader)
    except csv.Error as error:
        raise InputError(Problem(str(path), f"not a tab-separated table: {error}")) from None
    absent = [column for column in COLUMNS if column not in header]
    if absent:
        what = f"no column {' or '.join(absent)}; expected the tab-separated columns {' and '.join(COLUMNS)}"
        raise InputError(Problem(str(path), what, row=1))
    names: dict[str, str] = {}
    problems: list[Problem] = []
    first_row: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows, start=2):
        source, target = ((row[column] or "").strip() for column in COLUMNS)
        for column, name in zip(COLUMNS, (source, target), strict=True):
            if name and (column, name) in first_row:
                problems.append(
                    Problem(str(path), f"{name!r} is in row {first_row[column, name]} as well", number, column)
                )
            first_row.setdefault((column, name), number)
        if source:
            names[source] = target
        elif target:
            problems.append(Problem(str(path), "empty; expected a chromosome of the map", number, "cooler_name"))
    if problems:
        raise InputError(problems)
    return names


def _roman(number: int) -> str:
    """Roman numeral of a number below 100."""
    text = ""
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        text += letters * count
    return text


def _spellings(name: str) -> set[str]:
    """Forms of a name under which it may be known elsewhere: without ``chr``, upper case, Roman for Arabic numbers."""
    bare = name.upper().removeprefix("CHROMOSOME").removeprefix("CHR").strip("_ ")
    forms = {bare}
    if bare.isdigit() and 0 < int(bare) < 100:
        forms |= {str(int(bare)), _roman(int(bare))}
    if bare in ("M", "MT", "MITO"):
        forms |= {"M", "MT", "MITO"}
    return forms


def _agree(in_map: int, in_genome: int, bin_sizes: Iterable[int], tolerance: int) -> bool:
    """Whether two lengths are the same, within the tolerance or because the last bin was rounded up."""
    rounded_up = any(in_map == -(-in_genome // size) * size for size in bin_sizes)
    return rounded_up or abs(in_map - in_genome) <= tolerance


def suggest_renames(
    in_map: Mapping[str, int], in_genome: Mapping[str, int], bin_sizes: Collection[int], tolerance: int
) -> dict[str, str]:
    """Partners in the genome for chromosomes of a map, where evident.

    Parameters
    ----------
    in_map, in_genome : mapping of str to int
        Lengths (bp) by name.
    bin_sizes : collection of int
        Bin sizes of the map's file (bp).
    tolerance : int
        Largest difference in length (bp).

    Returns
    -------
    dict of str to str
        By the spelling of the name (``chr2``, ``2``, ``chrII``), else by a length that only one chromosome has on each
        side; empty where nothing is evident.
    """
    suggested = {}
    for name in in_map:
        same = [other for other in in_genome if other == name]
        alike = [other for other in in_genome if _spellings(name) & _spellings(other)]
        candidates = same or alike
        if not candidates:
            candidates = [
                other for other, length in in_genome.items() if _agree(in_map[name], length, bin_sizes, tolerance)
            ]
        suggested[name] = candidates[0] if len(candidates) == 1 else ""
    taken = list(suggested.values())
    return {name: other if taken.count(other) == 1 else "" for name, other in suggested.items()}


def match_chromosomes(
    in_map: Mapping[str, int],
    in_genome: Mapping[str, int],
    bin_sizes: Collection[int],
    rename: Mapping[str, str] | None = None,
    tolerance: int = 0,
    where: str = "contact map",
) -> list[Chromosome]:
    """Pair the chromosomes of a map with those of a genome.

    Parameters
    ----------
    in_map, in_genome : mapping of str to int
        Lengths (bp) by name.
    bin_sizes : collection of int
        Bin sizes of the map's file (bp). A length that is the genome's, rounded up to whole bins of one of these sizes,
        agrees with it.
    rename : mapping of str to str, optional
        Name in the genome by name in the map; empty drops the chromosome. Names that are not there stay as they are;
        entries for chromosomes that the map does not have are not used.
    tolerance : int
        Largest difference in length (bp).
    where : str
        The map's file, for messages.

    Returns
    -------
    list of Chromosome
        In the order of the map.

    Raises
    ------
    InputError
        With every chromosome that has no partner or another length, and a rename table to start from.
    """
    rename = rename or {}
    pairs, problems, unmatched = [], [], False
    for name, length in in_map.items():
        partner = rename.get(name, name)
        if partner == "":
            continue
        if partner not in in_genome:
            unmatched = True
            named = f" (renamed to {partner!r})" if name in rename else ""
            problems.append(Problem(where, f"{name!r}{named} is no chromosome of the genome"))
        elif not _agree(length, in_genome[partner], bin_sizes, tolerance):
            difference = abs(length - in_genome[partner])
            problems.append(
                Problem(
                    where,
                    f"{name} has {length:,} bp, {partner} of the genome {in_genome[partner]:,} bp: {difference:,} bp "
                    f"apart, length_tolerance is {tolerance:,}",
                )
            )
        else:
            pairs.append(Chromosome(name, partner, length, in_genome[partner]))
    partners = [pair.name for pair in pairs]
    for pair in pairs:
        if partners.count(pair.name) > 1:
            problems.append(Problem(where, f"{pair.cooler_name} is one of several that become {pair.name}"))
    if not pairs and not problems:
        problems.append(Problem(where, "the rename table drops every chromosome of the map"))
    if unmatched:
        suggested = suggest_renames(in_map, in_genome, bin_sizes, tolerance)
        suggested |= {name: other for name, other in rename.items() if other in in_genome and name in in_map}
        table = "\n".join("\t".join(row) for row in [COLUMNS, *suggested.items()])
        problems.append(
            Problem(
                where,
                f"the genome has {', '.join(in_genome)}. A rename table for this map (column `rename` of the sheet "
                f"contact_maps; complete it where it is empty, or leave it empty to drop a chromosome):\n{table}",
            )
        )
    if problems:
        raise InputError(problems)
    return pairs


def check_held_out(
    chromosomes: Collection[str], validation: Iterable[str], test: Iterable[str], where: str = "contact_maps"
) -> None:
    """Check that held-out chromosomes are in the map and that some are left to train on.

    Parameters
    ----------
    chromosomes : collection of str
        Chromosomes of the prepared map.
    validation, test : iterable of str
        Held out for model selection and for evaluation.
    where : str
        The map, for messages.

    Raises
    ------
    InputError
        With every problem.
    """
    held_out = {"validation": list(validation), "test": list(test)}
    problems = []
    for role, names in held_out.items():
        column = f"{role}_chromosomes"
        if not names:
            problems.append(Problem(where, "empty; expected one chromosome or more", column=column))
        for name in names:
            if name not in chromosomes:
                what = f"{name!r} is not in the map, which has {', '.join(chromosomes)}"
                problems.append(Problem(where, what + did_you_mean(name, chromosomes), column=column))
    for name in sorted(set(held_out["validation"]) & set(held_out["test"])):
        problems.append(Problem(where, f"{name!r} is a validation chromosome as well", column="test_chromosomes"))
    if not problems and not set(chromosomes) - {*held_out["validation"], *held_out["test"]}:
        problems.append(Problem(where, "no chromosome is left for training"))
    if problems:
        raise InputError(problems)

"""Checks of the read structure against the sheets, before any job starts.

Inputs: the config and rows of the sheets. Outputs: problems.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from cisflow.problems import InputError, Problem
from cisflow.reads.structure import ReadStructure, parse_structure, strand_problems


def structure_problems(reads: dict[str, Any]) -> list[Problem]:
    """Faults of the config section ``reads`` that its schema cannot see."""
    try:
        structure = parse_structure(reads["structure"])
    except InputError as error:
        return error.problems
    return strand_problems(structure, reads["orientation"])


def simulated_problems(structure: ReadStructure, libraries: list[dict[str, Any]], shown: str) -> list[Problem]:
    """Simulated reads hold a variable part and its flanks, and nothing else."""
    what = "'simulated' reads have flanks and a variable part only, but reads.structure has more parts"
    wrong = [row for row in libraries if row["source"] == "simulated" and not structure.is_plain]
    return [Problem(shown, what, row["_row"], "source") for row in wrong]


def mate_problems(structure: ReadStructure, rows: list[dict[str, Any]], shown: str) -> list[Problem]:
    """Rows without a read 2 where the structure has a part for each mate."""
    what = "empty; required because reads.structure has a part for each mate"
    wrong = [row for row in rows if structure.other and row["read2"] is None]
    return [Problem(shown, what, row["_row"], "read2") for row in wrong]


def barcode_problems(
    structure: ReadStructure, max_mismatches: int, rows: list[dict[str, Any]], shown: str
) -> list[Problem]:
    """Barcodes that are missing, not expected, of the wrong length, or not to be told apart.

    Parameters
    ----------
    structure : ReadStructure
    max_mismatches : int
        Substitutions with which a read still has a barcode.
    rows : list of dict
        Rows of the reads sheet.
    shown : str
        Name of the sheet in messages.

    Returns
    -------
    list of Problem

    Notes
    -----
    With m substitutions allowed, two barcodes of one file must differ in 2 m + 1 bases or more: then no read can be
    near to both, and the nearest barcode within m is the only one.
    """
    length, problems = structure.barcode_length, []
    by_file: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        barcode = row["barcode"]
        if barcode is None and length:
            what = f"empty; required because reads.structure has {{barcode:{length}}}"
        elif barcode is not None and not length:
            what = (
                f"{barcode!r}: reads.structure has no barcode; add {{barcode:{len(barcode)}}} where it lies in the read"
            )
        elif barcode is not None and len(barcode) != length:
            what = f"{barcode!r} has {len(barcode)} bases; reads.structure has {{barcode:{length}}}"
        else:
            by_file.setdefault(row["read1"], []).append(row)
            continue
        problems.append(Problem(shown, what, row["_row"], "barcode"))
    for file, sharing in by_file.items():
        for before, row in combinations(sharing, 2):
            if not length:
                what = f"{file} is also the file of bin {before['bin']!r} (row {before['_row']})"
                problems.append(Problem(shown, what + "; expected one file per bin, or barcodes", row["_row"], "read1"))
                continue
            differ = sum(a != b for a, b in zip(before["barcode"], row["barcode"], strict=True))
            if differ <= 2 * max_mismatches:
                what = (
                    f"{row['barcode']!r} and {before['barcode']!r} of row {before['_row']} differ in {differ} bases "
                    f"and share the file {file}; with {max_mismatches} substitutions (reads.barcode_mismatches) "
                    f"they must differ in {2 * max_mismatches + 1} or more"
                )
                problems.append(Problem(shown, what, row["_row"], "barcode"))
    return problems

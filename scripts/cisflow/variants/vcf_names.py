"""Chromosomes of a VCF file that the genome knows under another name.

Purpose: call sets say ``1`` where the genome says ``chr1``, and none of their records should be refused for that.
Inputs: a VCF file, names of the genome, a rename table. Outputs: names of the genome by those of the file; one message
that tells what was translated, and one what the genome does not have.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from cisflow.joblog import logger
from cisflow.variants.vcf import BadLine, Record, read_records

PREFIX = "chr"
_MATE = re.compile(r"(?<=[\[\]])<?([^\[\]<>]+)>?(?=:\d+[\[\]])")
SHOWN = 10


def names_of(record: Record) -> set[str]:
    """Chromosomes that a record names: its own, and those of mates."""
    mates = {found[1] for alternative in record.alternatives if (found := _MATE.search(alternative))}
    return {record.chromosome, *mates} | ({record.info["CHR2"]} if record.info.get("CHR2") else set())


def translate(
    names: Collection[str], genome: Collection[str], rename: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Names of the genome for those of a file that differ.

    Parameters
    ----------
    names, genome : collection of str
        Of the file and of the genome.
    rename : mapping of str to str, optional
        Name in the genome by other name, as :func:`cisflow.contacts.names.read_rename_table` has it; empty ones are not
        used.

    Returns
    -------
    dict of str to str
        First by the rename table, else with or without ``chr`` in front; never to a name that the file itself uses, and
        nothing for names that are the genome's.
    """
    found = {}
    for name in names:
        if name in genome:
            continue
        other = name.removeprefix(PREFIX) if name.startswith(PREFIX) else PREFIX + name
        candidates = [(rename or {}).get(name, ""), other]
        fitting = [one for one in candidates if one in genome and one not in names]
        if fitting:
            found[name] = fitting[0]
    return found


def file_names(path: str | Path, genome: Collection[str], rename: Mapping[str, str] | None = None) -> dict[str, str]:
    """Names of the genome for those of a VCF file that differ, see :func:`translate`; told in one message."""
    used: dict[str, None] = {}
    for entry in read_records(path):
        if not isinstance(entry, BadLine):
            used |= dict.fromkeys(sorted(names_of(entry)))
    found = translate(used, genome, rename)
    unknown = [name for name in used if name not in genome and name not in found]
    if found:
        logger.info(
            "%s: chromosomes named otherwise in the genome: %s", path, _listed(f"{a} = {b}" for a, b in found.items())
        )
    if unknown:
        what = "%s: chromosomes that the genome does not have, under this name or with or without %s: %s; it has %s"
        logger.warning(what, path, PREFIX, _listed(unknown), _listed(genome))
    return found


def _listed(names: Collection[str]) -> str:
    names = list(names)
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")


def renamed(record: Record, names: Mapping[str, str]) -> Record:
    """A record with the names of the genome, also those of mates."""
    if not names:
        return record
    alternatives = tuple(
        _MATE.sub(lambda found: names.get(found[1], found[1]), alternative) for alternative in record.alternatives
    )
    mate = record.info.get("CHR2")
    info = record.info if mate is None else {**record.info, "CHR2": names.get(mate, mate)}
    chromosome = names.get(record.chromosome, record.chromosome)
    return replace(record, chromosome=chromosome, alternatives=alternatives, info=info)

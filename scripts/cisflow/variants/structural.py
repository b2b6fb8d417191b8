"""From a record of a VCF file to a rearranged chromosome.

Purpose: every alternative allele becomes a change that can be predicted, or is refused with the reason; none is lost.
Inputs: records, lengths of the chromosomes. Outputs: alleles with their junctions. Taken: alleles written as bases,
symbolic deletions, duplications, inversions and insertions, breakends in all four orientations, translocations in the
notation of Delly and Sniffles.
Source of the conventions: The Variant Call Format specification, version 4.5, sections 1.6 and 5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cisflow.variants.alleles import Allele, join_breakends
from cisflow.variants.vcf import Record

#: Bases, bracket, mate, bracket, bases: one of the two runs of bases is empty.
_BREAKEND = re.compile(r"([ACGTNacgtn]*)([\[\]])(.+):(\d+)([\[\]])([ACGTNacgtn]*)")
_BASES = re.compile(r"[ACGTN]+")
_SYMBOL = re.compile(r"<([^<>]+)>")
#: Which end of the first and of the second side is joined (INFO field CT), as signs of :func:`join_breakends`.
_CONNECTIONS = {"3to5": "+-", "5to3": "-+", "3to3": "++", "5to5": "--"}
_NAMES = {"DEL": "deletion", "DUP": "duplication", "INV": "inversion", "INS": "insertion"}


@dataclass(frozen=True)
class Change:
    """A structural variant.

    Attributes
    ----------
    kind : str
        ``deletion``, ``duplication``, ``inversion``, ``insertion``, ``replacement``, ``breakend``, ``segments``, or
        ``region`` (no change).
    allele : Allele
        The whole rearranged chromosome.
    reference_points : list of (str, int)
        Chromosome and position (0-based) in the reference that the change is looked at from: its two ends. Of breakends
        the positions as given, as in the published program; of bases replaced by as many others their middle.
    allele_points : list of int
        Positions along the allele that it is looked at from: every new junction; none for a region.
    texts : dict of str to str
        Bases of inserted texts by their name in the allele.
    """

    kind: str
    allele: Allele
    reference_points: list[tuple[str, int]]
    allele_points: list[int]
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """Why an allele is not predicted.

    Attributes
    ----------
    reason : str
        One of few sentences, so that refusals can be counted.
    detail : str
        The values behind it.
    """

    reason: str
    detail: str = ""


def of_interval(kind: str, chromosome: str, length: int, start: int, end: int) -> Change:
    """Deletion, duplication or inversion of an interval."""
    reference = Allele.reference(chromosome, length)
    ends = [(chromosome, start), (chromosome, end)]
    if kind == "deletion":
        return Change(kind, reference.delete(start, end), ends, [start])
    if kind == "duplication":
        return Change(kind, reference.duplicate(start, end), ends, [end])
    return Change(kind, reference.invert(start, end), ends, [start, end])


def _of_bases(record: Record, alternative: str, length: int) -> Change | Refusal:
    """An allele whose bases are written out; what both alleles share at their beginning and end is left out."""
    reference, start = record.reference, record.position - 1
    shared = 0
    while shared < min(len(reference), len(alternative)) and reference[shared] == alternative[shared]:
        shared += 1
    tail = 0
    while tail < min(len(reference), len(alternative)) - shared and reference[-1 - tail] == alternative[-1 - tail]:
        tail += 1
    removed = reference[shared : len(reference) - tail]
    added = alternative[shared : len(alternative) - tail]
    start += shared
    if not removed and not added:
        return Refusal("same as the reference", f"ALT is {alternative[:20]}")
    allele = Allele.reference(record.chromosome, length)
    if removed:
        allele = allele.delete(start, start + len(removed))
    name = f"line {record.line} {start}"
    if added:
        allele = allele.insert(start, len(added), name=name)
    kind = "replacement" if removed and added else "deletion" if removed else "insertion"
    points = [(record.chromosome, start)]
    if len(removed) == len(added):  # nothing is displaced: one place to look from
        start += len(removed) // 2
        points, junctions = [(record.chromosome, start)], [start]
    else:
        points += [(record.chromosome, start + len(removed))] if removed else []
        junctions = [start, start + len(added)] if added else [start]
    return Change(kind, allele, points, junctions, {name: added} if added else {})


def _joined(
    record: Record, sides: list[tuple[str, int]], orientations: str, added: str, lengths: Mapping[str, int]
) -> Change | Refusal:
    """Two sides joined, with bases between them that belong to neither."""
    (first, first_position), (second, second_position) = sides
    try:
        allele, junction = join_breakends(
            first, lengths[first], first_position, second, lengths[second], second_position, orientations
        )
    except ValueError as error:
        return Refusal("position outside its chromosome", str(error))
    texts, junctions = {}, [junction]
    if added:
        name = f"line {record.line} junction"
        allele = allele.insert(junction, len(added), name=name)
        texts, junctions = {name: added}, [junction, junction + len(added)]
    points = [(first, first_position), (second, second_position)]
    return Change("breakend", allele, points, junctions, texts)


def _of_breakend(record: Record, alternative: str, lengths: Mapping[str, int]) -> Change | Refusal:
    """A junction written with brackets."""
    found = _BREAKEND.fullmatch(alternative)
    if not found or found[2] != found[5] or bool(found[1]) == bool(found[6]):
        return Refusal("allele not understood", f"ALT is {alternative[:40]}")
    before, bracket, mate, mate_position, _, after = found.groups()
    mate = mate.strip("<>")
    if mate not in lengths:
        return Refusal("mate on a chromosome that the genome does not have", f"mate is {mate}")
    here, there = (record.chromosome, record.position), (mate, int(mate_position))
    # [p[ : the bases from p on are kept; ]p] : the bases up to p are kept.
    mate_sign = "-" if bracket == "[" else "+"
    if before:  # the bases up to this position come first, then those of the mate
        return _joined(record, [here, there], "+" + mate_sign, before[1:].upper(), lengths)
    return _joined(record, [there, here], mate_sign + "-", after[:-1].upper(), lengths)


def _of_translocation(record: Record, lengths: Mapping[str, int]) -> Change | Refusal:
    """A junction written as ``<TRA>`` or ``<BND>`` with fields CHR2, END (or POS2) and CT or STRANDS."""
    mate = record.info.get("CHR2", record.chromosome)
    position = record.number("POS2") or record.number("END")
    orientations = _CONNECTIONS.get(record.info.get("CT", ""))
    strands = record.info.get("STRANDS", "")[:2]
    if orientations is None and len(strands) == 2 and not set(strands) - set("+-"):
        orientations = strands
    if position is None or orientations is None:
        return Refusal("junction not fully described", "needs CHR2, END, and CT or STRANDS in INFO")
    if mate not in lengths:
        return Refusal("mate on a chromosome that the genome does not have", f"mate is {mate}")
    return _joined(record, [(record.chromosome, record.position), (mate, position)], orientations, "", lengths)


def _interval(record: Record, length: int) -> tuple[int, int] | Refusal:
    """Interval (0-based, half-open) of a symbolic allele: the bases behind POS, to END or SVLEN bases on."""
    end = record.number("END")
    if end is None and (size := record.number("SVLEN")) is not None:
        end = record.position + abs(size)
    if end is None:
        return Refusal("size not given", "neither END nor SVLEN in INFO")
    if end <= record.position:
        return Refusal("empty interval", f"POS {record.position}, END {end}")
    if end > length:
        return Refusal("position outside its chromosome", f"END {end}, but {record.chromosome} has {length} bp")
    return record.position, end


def read_change(record: Record, alternative: str, lengths: Mapping[str, int]) -> Change | Refusal:
    """Turn one alternative allele of a record into a rearranged chromosome.

    Parameters
    ----------
    record : Record
    alternative : str
        One of ``record.alternatives``.
    lengths : mapping of str to int
        Lengths (bp) of the chromosomes, named as in the file.

    Returns
    -------
    Change or Refusal

    Notes
    -----
    Symbolic alleles follow the specification: POS is the base in front of the change and END its last base, both
    1-based. An inversion turns the whole interval, also where the caller has seen one of its two junctions only.
    """
    if record.chromosome not in lengths:
        return Refusal("chromosome that the genome does not have", record.chromosome)
    length = lengths[record.chromosome]
    if not 1 <= record.position <= length:
        where = f"POS {record.position}, but {record.chromosome} has {length} bp"
        return Refusal("position outside its chromosome", where)
    if alternative in (".", "*", "<*>", "<NON_REF>"):
        return Refusal("no alternative allele", f"ALT is {alternative}")
    if _BASES.fullmatch(alternative):
        if record.position - 1 + len(record.reference) > length:
            return Refusal("position outside its chromosome", f"REF reaches beyond the end of {record.chromosome}")
        return _of_bases(record, alternative, length)
    if "[" in alternative or "]" in alternative:
        return _of_breakend(record, alternative, lengths)
    if alternative.startswith(".") or alternative.endswith("."):
        return Refusal("single breakend: the other side is not known", f"ALT is {alternative[:40]}")
    symbol = _SYMBOL.fullmatch(alternative)
    if not symbol:
        return Refusal("allele not understood", f"ALT is {alternative[:40]}")
    kind = symbol[1].split(":")[0].upper()
    if kind in ("TRA", "CTX", "BND"):
        return _of_translocation(record, lengths)
    if kind not in _NAMES:
        return Refusal("kind of variant that does not say what the chromosome looks like", f"ALT is {alternative[:40]}")
    if kind == "INS":
        bases = record.info.get("SEQ") or record.info.get("SVINSSEQ") or record.info.get("INSSEQ") or ""
        if not _BASES.fullmatch(bases.upper()):
            return Refusal("inserted bases not given", "ALT is <INS> without SEQ, SVINSSEQ or INSSEQ in INFO")
        return _of_bases(record, record.reference + bases.upper(), length)
    if record.info.get("CHR2", record.chromosome) != record.chromosome:
        return Refusal("interval over two chromosomes", f"CHR2 is {record.info['CHR2']}")
    found = _interval(record, length)
    return found if isinstance(found, Refusal) else of_interval(_NAMES[kind], record.chromosome, length, *found)

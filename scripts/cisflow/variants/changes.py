"""Changes of chromosomes written as text, and the stream of everything that is asked about.

Purpose: structural variants from the command line, from a list or from a VCF file, one after the other, none lost.
Inputs: texts such as ``del chr9:94904000-94910000``, a file of them, a VCF file; lengths of the chromosomes; the genome
for the check of REF. Outputs: :class:`Asked`, each with a change or the reason why there is none.
Coordinates are 0-based and half-open, except those of breakends, which are 1-based bases that belong to the kept side;
both as in the published program (Zhou 2022, Nature Genetics 54:725-734).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from cisflow.contacts.fasta import BASES
from cisflow.contacts.regions import parse_region
from cisflow.user_files import read_text
from cisflow.variants.alleles import Allele, Segment, from_segments, join_breakends
from cisflow.variants.structural import Change, Refusal, of_interval, read_change
from cisflow.variants.vcf import BadLine, read_records
from cisflow.variants.vcf_names import renamed

INTERVALS = {"del": "deletion", "dup": "duplication", "inv": "inversion"}
EXAMPLES = {
    "region": "region chr9:94904000-126904000",
    "del": "del chr9:94904000-94910000",
    "dup": "dup chr9:94904000-94910000",
    "inv": "inv chr9:94904000-94910000",
    "ins": "ins chr9:94904000 ACGTTGCA +",
    "break": "break chr1:85691449 chr5:89533745 +/+",
    "segments": "segments chr1:0-90000000:+ chr5:89533745-181538259:-",
}
_POINT = re.compile(r"([^\s:]+):([0-9][0-9,_]{0,17})")


@dataclass(frozen=True)
class Asked:
    """One change that is asked about.

    Attributes
    ----------
    line : int
        Of the VCF file or list; number of the option otherwise. 1-based.
    name : str
        ID, or the text itself.
    chromosome : str
    position : int or None
        1-based, as in the file; None where it is not told.
    allele : str
        Alternative allele, or the text.
    change : Change or Refusal
    """

    line: int
    name: str
    chromosome: str
    position: int | None
    allele: str
    change: Change | Refusal


def _point(text: str) -> tuple[str, int]:
    found = _POINT.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r}; expected chromosome:position")
    return found[1], int(re.sub("[,_]", "", found[2]))


def _length(chromosome: str, lengths: Mapping[str, int]) -> int:
    if chromosome not in lengths:
        raise ValueError(f"{chromosome!r} is no chromosome of the genome")
    return lengths[chromosome]


def of_allele(allele: Allele, position: int | None = None) -> Change:
    """Change of any rearranged chromosome, looked at from its junctions.

    Parameters
    ----------
    allele : Allele
        Of reference segments.
    position : int, optional
        Along the allele: look from here instead.
    """
    ends = list(pairwise(allele.segments))
    points = allele.breakpoints[1:-1] if position is None else [position]
    sides = [(s.source, s.end if s.strand == "+" else s.start) for s, _ in ends]
    sides += [(s.source, s.start if s.strand == "+" else s.end) for _, s in ends]
    if position is not None or not ends:
        points = points or [allele.length // 2]
        (here,) = allele.pieces(min(points[0], allele.length - 1), min(points[0], allele.length - 1) + 1)
        sides = [(here.source, here.start)]
    return Change("segments", allele, sorted(set(sides)), points)


def _of_segments(parts: Sequence[str], lengths: Mapping[str, int]) -> Change:
    position, segments = None, []
    for part in parts:
        if part.startswith("at="):
            if not re.fullmatch("[0-9]{1,15}", part[3:]):
                raise ValueError(f"{part!r}; expected at=POSITION")
            position = int(part[3:])
            continue
        region, separator, strand = part.rpartition(":")
        if not separator or strand not in ("+", "-"):
            region, strand = part, "+"
        segments.append(Segment(*parse_region(region), strand))
    allele = from_segments(segments, lengths)
    if not segments or (position is not None and not 0 <= position < allele.length):
        raise ValueError(f"expected segments, and at=POSITION inside of them ({allele.length} bp)")
    return of_allele(allele, position)


def parse_change(text: str, lengths: Mapping[str, int], name: str = "inserted") -> Change:
    """Read a change from text; :data:`EXAMPLES` has one of each kind.

    Parameters
    ----------
    text : str
    lengths : mapping of str to int
        Lengths (bp) of the chromosomes.
    name : str
        Of inserted bases in the allele.

    Raises
    ------
    ValueError
        When the text is no change of these chromosomes.
    """
    kind, *parts = text.split()
    if kind in INTERVALS or kind == "region":
        if len(parts) != 1:
            raise ValueError(f"expected one interval, as in {EXAMPLES[kind]!r}")
        region = parse_region(parts[0])
        length = _length(region.chromosome, lengths)
        if region.end > length:
            raise ValueError(f"{region} reaches beyond {region.chromosome}, which has {length:,} bp")
        if kind == "region":
            middle = (region.start + region.end) // 2
            whole = Allele.reference(region.chromosome, length)
            return Change(kind, whole, [(region.chromosome, middle)], [])
        if kind == "del" and region.end - region.start == length:
            raise ValueError(f"nothing would be left of {region.chromosome}")
        return of_interval(INTERVALS[kind], region.chromosome, length, region.start, region.end)
    if kind == "ins":
        bases = parts[1].upper() if len(parts) > 1 else ""
        strand = parts[2] if len(parts) > 2 else "+"
        if not bases or set(bases) - set("ACGTN") or strand not in ("+", "-") or len(parts) > 3:
            raise ValueError(f"expected position, bases and strand, as in {EXAMPLES[kind]!r}")
        chromosome, position = _point(parts[0])
        allele = Allele.reference(chromosome, _length(chromosome, lengths)).insert(position, len(bases), strand, name)
        return Change("insertion", allele, [(chromosome, position)], [position, position + len(bases)], {name: bases})
    if kind == "break":
        signs = parts[2].replace("/", "") if len(parts) == 3 else ""
        if len(parts) != 3:
            raise ValueError(f"expected two positions and their orientations, as in {EXAMPLES[kind]!r}")
        first, second = _point(parts[0]), _point(parts[1])
        sides = [(name, _length(name, lengths), position) for name, position in (first, second)]
        allele, junction = join_breakends(*sides[0], *sides[1], signs)
        return Change("breakend", allele, [first, second], [junction])
    if kind == "segments":
        return _of_segments(parts, lengths)
    raise ValueError(f"{kind!r} is no kind of change; expected one of {', '.join(EXAMPLES)}")


def read_changes(path: str | Path) -> list[tuple[int, str, str]]:
    """Read a list of changes: one per line, or name and change between a tab.

    Returns
    -------
    list of (int, str, str)
        Line, name, text. Empty lines and lines that begin with ``#`` are left out.

    Raises
    ------
    InputError
        When the file is missing or no text.
    """
    found = []
    for number, line in enumerate(read_text(path, "a list of changes").split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            name, separator, text = line.partition("\t")
            found.append((number, name.strip(), text.strip()) if separator else (number, line.strip(), line.strip()))
    return found


def asked_texts(texts: Sequence[tuple[int, str, str]], lengths: Mapping[str, int]) -> Iterator[Asked]:
    """Everything that texts ask about.

    Parameters
    ----------
    texts : sequence of (int, str, str)
        Number, name and text of each.
    lengths : mapping of str to int
    """
    for line, name, text in texts:
        try:
            change: Change | Refusal = (
                parse_change(text, lengths, f"line {line} inserted") if text else Refusal("no change")
            )
        except ValueError as error:
            change = Refusal("change not understood", str(error))
        chromosome, position = "", None
        if isinstance(change, Change):
            chromosome, position = change.reference_points[0]
        yield Asked(line, name, chromosome, None if position is None else position + 1, text, change)


def asked_vcf(
    path: str | Path,
    lengths: Mapping[str, int],
    fetch: Callable[[str, int, int], np.ndarray] | None = None,
    names: Mapping[str, str] | None = None,
) -> Iterator[Asked]:
    """Everything that a VCF file asks about: every alternative allele, and every line that is no record.

    Parameters
    ----------
    path : path
    lengths : mapping of str to int
    fetch : callable, optional
        Codes of a reference interval: alleles whose REF differs from the genome are refused. N fits everything.
    names : mapping of str to str, optional
        Names of the genome by those of the file, where they differ, see :mod:`cisflow.variants.vcf_names`.
    """
    for entry in read_records(path):
        if isinstance(entry, BadLine):
            yield Asked(entry.line, "", "", None, entry.text, Refusal(f"bad line: {entry.reason}"))
            continue
        record = renamed(entry, names or {})
        for alternative, allele in zip(record.alternatives, entry.alternatives, strict=True):
            change = read_change(record, alternative, lengths)
            if fetch is not None and isinstance(change, Change):
                there = fetch(record.chromosome, entry.position - 1, entry.position - 1 + len(entry.reference))
                shown = "".join((BASES + "N")[code] for code in there)
                if any(a != b and "N" not in (a, b) for a, b in zip(shown, entry.reference, strict=True)):
                    what = f"REF {entry.reference[:20]}, genome {shown[:20]}"
                    change = Refusal("REF differs from the genome", what)
            yield Asked(entry.line, entry.name, entry.chromosome, entry.position, allele, change)

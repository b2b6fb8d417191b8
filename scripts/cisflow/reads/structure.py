"""The read structure: one line that says what a read is made of.

Inputs: a line such as ``TGCATTTTTTTCACATC {variable:48-112} GGTTACGGCTGTT``. Outputs: its parts, and the groups in
which they are searched; or one :class:`~cisflow.problems.InputError` with every fault of the line and where it is.
Nothing here reads data or compiles code, because Snakemake parses the line again in every job.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from cisflow.problems import InputError, Problem, not_one_of

KEY = "reads.structure"
KINDS = ("variable", "umi", "barcode", "skip")
#: Letter of a group's pattern that any base matches.
ANY = "."
TOKEN = re.compile(r"(?P<blank>\s+)|(?P<literal>[ACGT](?:\s*[ACGT])*)|(?P<braced>\{[^{}]*\}?)|(?P<other>.)", re.DOTALL)
BRACED = re.compile(r"\{\s*(?P<kind>[A-Za-z_]+)\s*:\s*(?P<least>\d+)\s*(?:-\s*(?P<most>\d+)\s*)?\}")


@dataclass(frozen=True)
class Part:
    """One element of the line.

    Attributes
    ----------
    kind : str
        ``literal``, ``variable``, ``umi``, ``barcode`` or ``skip``.
    least, most : int
        Bases; equal for everything but a variable part or a skip given as a range.
    bases : str
        Of a literal.
    place : int
        0-based character of the line, for messages.
    """

    kind: str
    least: int
    most: int
    bases: str = ""
    place: int = 0

    @property
    def is_range(self) -> bool:
        """Whether the number of bases differs between reads."""
        return self.least != self.most


@dataclass(frozen=True)
class Group:
    """Parts at fixed distances of each other, searched as one.

    Attributes
    ----------
    pattern : str
        Bases of the literals, and ``.`` for every base of another part.
    gap_least, gap_most : int
        Bases between the group before (or the begin of the read) and this one; most is -1 where any number may be.
    """

    pattern: str
    gap_least: int
    gap_most: int

    @property
    def has_literal(self) -> bool:
        """Whether there is anything to search; other groups lie at an end of the read or of the variable part."""
        return self.pattern.strip(ANY) != ""


@dataclass(frozen=True)
class Layout:
    """How the parts of a read are found.

    Attributes
    ----------
    groups : tuple of Group
        In the order of the read.
    first_right : int
        Index of the first group behind the variable part.
    umi, barcode : (int, int, int)
        Group, place inside it (0-based) and length; group -1 where there is none.
    cut : int
        Bases of a variable part of fixed length that has no literal on one side or both, so that it ends where the
        length is reached; -1 where its ends are those of its neighbours or of the read.
    """

    groups: tuple[Group, ...]
    first_right: int
    umi: tuple[int, int, int]
    barcode: tuple[int, int, int]
    cut: int


@dataclass(frozen=True)
class ReadStructure:
    """What a read is made of; made by :func:`parse_structure`.

    Attributes
    ----------
    parts : tuple of Part
        In the order of the read.
    """

    parts: tuple[Part, ...]

    @property
    def _variable(self) -> int:
        return next(i for i, part in enumerate(self.parts) if part.kind == "variable")

    @property
    def distal_flank(self) -> str:
        """Literal directly before the variable part, or ``""``."""
        place = self._variable
        return self.parts[place - 1].bases if place else ""

    @property
    def proximal_flank(self) -> str:
        """Literal directly behind the variable part, or ``""``."""
        place = self._variable
        return self.parts[place + 1].bases if place + 1 < len(self.parts) else ""

    @property
    def min_variable_length(self) -> int:
        """Fewest bases of the variable part."""
        return self.parts[self._variable].least

    @property
    def max_variable_length(self) -> int:
        """Most bases of the variable part."""
        return self.parts[self._variable].most

    @property
    def umi_length(self) -> int:
        """Bases of the unique molecular identifier; 0 where there is none."""
        return sum(part.least for part in self.parts if part.kind == "umi")

    @property
    def barcode_length(self) -> int:
        """Bases of the in-line barcode; 0 where there is none."""
        return sum(part.least for part in self.parts if part.kind == "barcode")

    @property
    def has_literal(self) -> bool:
        """Whether any constant bases tell where the parts lie and which strand was read."""
        return any(part.kind == "literal" for part in self.parts)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but a variable part and its flanks."""
        return all(part.kind in ("literal", "variable") for part in self.parts)

    def flank_lengths(self, keep_flanks: bool) -> tuple[int, int]:
        """Bases of the flanks on counted sequences (0 and 0 without ``keep_flanks``)."""
        return (len(self.distal_flank), len(self.proximal_flank)) if keep_flanks else (0, 0)

    @property
    def layout(self) -> Layout:
        """How the parts are found."""
        place, variable = self._variable, self.parts[self._variable]
        left, right = list(self.parts[:place]), list(self.parts[place + 1 :])
        blocks, gaps = _blocks(left)
        right_blocks, right_gaps = _blocks(right[::-1])  # from the end of the read towards the variable part
        first_right = len(blocks)
        blocks += [block[::-1] for block in right_blocks[::-1]]
        gaps = [(0, -1), *gaps, (0, -1), *right_gaps[::-1]]
        groups = [
            Group("".join(part.bases or ANY * part.least for part in block), *gap)
            for block, gap in zip(blocks, gaps, strict=True)
        ]
        found = {"umi": (-1, 0, 0), "barcode": (-1, 0, 0)}
        for index, block in enumerate(blocks):
            offset = 0
            for part in block:
                if part.kind in found:
                    found[part.kind] = (index, offset, part.least)
                offset += part.least
        open_side = not all(any(part.kind == "literal" for part in side) for side in (left, right))
        cut = variable.least if open_side and not variable.is_range else -1
        return Layout(tuple(groups), first_right, found["umi"], found["barcode"], cut)


def _blocks(side: list[Part]) -> tuple[list[list[Part]], list[tuple[int, int]]]:
    """Parts of one side, outer end first, split where their distance differs between reads; and these distances.

    A block without a literal lies at the end of the read. A skip at the outer end ties the literal behind it to that
    end, so that it makes an empty block there.
    """
    blocks: list[list[Part]] = [[]]
    gaps = []
    first = side[: next((i for i, part in enumerate(side) if part.is_range), len(side))]
    ties = bool(first) and first[0].kind == "skip" and any(part.kind == "literal" for part in first)
    for i, part in enumerate(side):
        if part.is_range or (i == 0 and ties):
            gaps.append((part.least, part.most))
            blocks.append([])
        else:
            blocks[-1].append(part)
    return blocks, gaps


def _fault(line: str, place: int, what: str) -> Problem:
    return Problem("config", f"{what}\n      {line}\n      {' ' * place}^", column=KEY)


def _tokens(line: str) -> tuple[list[Part], list[Problem]]:
    parts, problems = [], []
    for token in TOKEN.finditer(line):
        text, place = token.group(), token.start()
        if token.lastgroup == "literal":
            bases = "".join(text.split())
            parts.append(Part("literal", len(bases), len(bases), bases, place))
        elif token.lastgroup == "braced":
            part, problem = _braced(line, text, place)
            parts += [part] if part else []
            problems += [problem] if problem else []
        elif text == "/":
            problems.append(_fault(line, place, "'/': a structure for each mate is not known; give one for the pair"))
        elif token.lastgroup == "other":
            why = "bases are written in capitals" if text in "acgt" else "expected A, C, G, T or a part in braces"
            problems.append(_fault(line, place, f"{text!r}: {why}"))
    return parts, problems


def _braced(line: str, text: str, place: int) -> tuple[Part | None, Problem | None]:
    """Part in braces, or what is wrong with it."""
    if not text.endswith("}"):
        return None, _fault(line, place, "this brace is not closed")
    match = BRACED.fullmatch(text)
    if not match:
        expected = "{variable:48-112}, {variable:80}, {umi:8}, {barcode:6}, {skip:3} or {skip:0-5}"
        return None, _fault(line, place, f"{text!r}: expected a part like {expected}")
    kind, least = match["kind"], int(match["least"])
    most = int(match["most"]) if match["most"] else least
    if kind not in KINDS:
        return None, _fault(line, match.start("kind") + place, f"unknown part: {not_one_of(kind, KINDS)}")
    if most < least:
        return None, _fault(line, match.start("least") + place, f"{least} is greater than {most}")
    if kind in ("umi", "barcode") and match["most"]:
        return None, _fault(line, match.start("least") + place, f"a {kind} needs one length, not a range")
    if most == 0 or (kind == "variable" and least == 0):
        return None, _fault(line, match.start("least") + place, f"a {kind} needs one base or more")
    return Part(kind, least, most, place=place), None


def _order_problems(line: str, parts: list[Part]) -> list[Problem]:
    """Parts that are missing, given twice, or whose place in a read cannot be known."""
    problems = []
    for kind in ("variable", "umi", "barcode"):
        places = [part.place for part in parts if part.kind == kind]
        problems += [_fault(line, place, f"a second {kind}; expected one") for place in places[1:]]
        if kind == "variable" and not places:
            problems.append(_fault(line, len(line), "no variable part; expected one, such as {variable:48-112}"))
    if problems:
        return problems
    variable = next(i for i, part in enumerate(parts) if part.kind == "variable")
    for side in (parts[:variable], parts[:variable:-1]):
        open_range = None
        for part in side:
            if part.kind == "literal":
                open_range = None
            elif part.is_range and open_range:
                what = "two skips of variable length without a literal between them; their border cannot be found"
                problems.append(_fault(line, part.place, what))
            elif part.is_range:
                open_range = part
        if open_range:
            what = "a skip of variable length next to the variable part; put literal bases between them"
            problems.append(_fault(line, open_range.place, what))
    return problems


@lru_cache(maxsize=64)
def parse_structure(line: str) -> ReadStructure:
    """Parse a read-structure line.

    Elements, from the begin of a read to its end, blanks between them optional:

    ``ACGT``
        constant bases (a literal)
    ``{variable:48-112}``, ``{variable:80}``
        the part that is counted; exactly one
    ``{umi:8}``
        unique molecular identifier
    ``{barcode:6}``
        in-line barcode that tells bins in one file apart
    ``{skip:3}``, ``{skip:0-5}``
        bases of no interest

    Parameters
    ----------
    line : str

    Returns
    -------
    ReadStructure

    Raises
    ------
    InputError
        With every fault and its place under the line: unknown or unclosed parts, letters other than A, C, G, T, no
        variable part or two, two UMIs or barcodes, lengths of 0, ranges that run backwards, and skips of variable
        length whose border cannot be found.
    """
    parts, problems = _tokens(line)
    problems = problems or _order_problems(line, parts)
    if problems:
        raise InputError(problems)
    return ReadStructure(tuple(parts))


def strand_problems(structure: ReadStructure, orientation: str) -> list[Problem]:
    """What keeps reads of either strand from being told apart (``orientation`` is ``forward`` or ``either``)."""
    if orientation == "forward" or structure.has_literal:
        return []
    what = f"'either' needs constant bases in {KEY} to tell the strand; add them, or use 'forward'"
    return [Problem("config", what, column="reads.orientation")]


def plain_structure(distal_flank: str, proximal_flank: str, least: int, most: int) -> ReadStructure:
    """Structure of a variable part of ``least`` to ``most`` bases between two flanks, either of which may be empty."""
    flanks = [Part("literal", len(bases), len(bases), bases) for bases in (distal_flank, proximal_flank)]
    parts = [flanks[0], Part("variable", least, most), flanks[1]]
    return ReadStructure(tuple(part for part in parts if part.most))

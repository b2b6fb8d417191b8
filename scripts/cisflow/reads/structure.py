"""The read structure: one line that says what a read is made of.

Inputs: a line such as ``TGCATTTTTTTCACATC {variable:48-112} GGTTACGGCTGTT``. Outputs: its parts, or one
:class:`~cisflow.problems.InputError` with every fault of the line and where it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cisflow.problems import InputError, Problem, not_one_of
from cisflow.reads.layout import Part, ReadStructure

KEY = "reads.structure"
KINDS = ("variable", "umi", "barcode", "skip")
#: Between the structures of read 1 and read 2 where pairs are not merged.
MATES = "/"
#: Bases that may follow the last part of a mate without a variable part.
ANY_NUMBER = 1 << 40
TOKEN = re.compile(r"(?P<blank>\s+)|(?P<literal>[ACGT](?:\s*[ACGT])*)|(?P<braced>\{[^{}]*\}?)|(?P<other>.)", re.DOTALL)
BRACED = re.compile(r"\{\s*(?P<kind>[A-Za-z_]+)\s*:\s*(?P<least>[0-9]{1,9})\s*(?:-\s*(?P<most>[0-9]{1,9})\s*)?\}")


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
        elif text == MATES:
            parts.append(Part(MATES, 0, 0, place=place))
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
    slashes = [part.place for part in parts if part.kind == MATES]
    problems = [_fault(line, place, "a second '/'; a pair has two mates") for place in slashes[1:]]
    if slashes and not all(_mates(parts)):
        problems.append(_fault(line, slashes[0], "nothing on one side of '/'; leave '/' out, or say what is there"))
    for kind in ("variable", "umi", "barcode"):
        places = [part.place for part in parts if part.kind == kind]
        problems += [_fault(line, place, f"a second {kind}; expected one") for place in places[1:]]
        if kind == "variable" and not places:
            problems.append(_fault(line, len(line), "no variable part; expected one, such as {variable:48-112}"))
    if problems:
        return problems
    for mate in _mates(parts):
        variable = next((i for i, part in enumerate(mate) if part.kind == "variable"), len(mate))
        for side in (mate[:variable], mate[:variable:-1]):
            problems += _skip_problems(line, side)
    return problems


def _mates(parts: list[Part]) -> list[list[Part]]:
    """Parts of each mate; one list where there is no ``/``."""
    mates: list[list[Part]] = [[]]
    for part in parts:
        if part.kind == MATES:
            mates.append([])
        else:
            mates[-1].append(part)
    return mates


def _skip_problems(line: str, side: list[Part]) -> list[Problem]:
    """Skips of variable length without a border, on one side of the variable part, from the end of the read inwards."""
    problems, open_range = [], None
    for part in side:
        if part.kind == "literal":
            open_range = None
        elif part.is_range and open_range:
            what = "two skips of variable length without a literal between them; their border cannot be found"
            problems.append(_fault(line, part.place, what))
        elif part.is_range:
            open_range = part
    if open_range:
        what = "a skip of variable length needs a literal between it and the variable part, or the end of the mate"
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
    ``/``
        between the structures of read 1 and read 2, each as sequenced, for pairs that are not merged

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
    mates = _mates(parts)
    if len(mates) == 1:
        return ReadStructure(tuple(parts))
    variable = next(i for i, mate in enumerate(mates) if any(part.kind == "variable" for part in mate))
    other = ReadStructure((*mates[1 - variable], Part("variable", 0, ANY_NUMBER)))
    return ReadStructure(tuple(mates[variable]), variable + 1, other)


def strand_problems(structure: ReadStructure, orientation: str) -> list[Problem]:
    """What keeps reads of either strand from being told apart (``orientation`` is ``forward`` or ``either``)."""
    if orientation == "forward":
        return []
    if structure.other:
        what = f"'either' is for merged pairs and single reads, but {KEY} has a part for each mate; use 'forward'"
        return [Problem("config", what, column="reads.orientation")]
    if structure.has_literal:
        return []
    what = f"'either' needs constant bases in {KEY} to tell the strand; add them, or use 'forward'"
    return [Problem("config", what, column="reads.orientation")]

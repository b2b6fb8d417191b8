"""What a read is made of, and how its parts are found: the model behind the read structure.

Inputs: the parts of a read in their order. Outputs: flanks, lengths, and the groups in which parts are searched.
Nothing here reads data or compiles code, because Snakemake loads it in every job.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Letter of a group's pattern that any base matches.
ANY = "."


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
    """What a read is made of; made by :func:`cisflow.reads.structure.parse_structure`.

    Attributes
    ----------
    parts : tuple of Part
        In the order of the read; of pairs that are not merged: of the mate with the variable part.
    variable_mate : int
        Mate with the variable part of pairs that are not merged (1 or 2); 0 for merged pairs and single reads.
    other : ReadStructure or None
        The other one of these mates, ended by a variable part of any length that means nothing.
    """

    parts: tuple[Part, ...]
    variable_mate: int = 0
    other: ReadStructure | None = None

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

    def _length(self, kind: str) -> int:
        own = sum(part.least for part in self.parts if part.kind == kind)
        return own + (self.other._length(kind) if self.other else 0)

    @property
    def umi_length(self) -> int:
        """Bases of the unique molecular identifier; 0 where there is none."""
        return self._length("umi")

    @property
    def barcode_length(self) -> int:
        """Bases of the in-line barcode; 0 where there is none."""
        return self._length("barcode")

    @property
    def has_literal(self) -> bool:
        """Whether any constant bases tell where the parts lie and which strand was read."""
        return any(part.kind == "literal" for part in self.parts)

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but a variable part and its flanks, in merged pairs or single reads."""
        return self.other is None and all(part.kind in ("literal", "variable") for part in self.parts)

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


def plain_structure(distal_flank: str, proximal_flank: str, least: int, most: int) -> ReadStructure:
    """Structure of a variable part of ``least`` to ``most`` bases between two flanks, either of which may be empty."""
    flanks = [Part("literal", len(bases), len(bases), bases) for bases in (distal_flank, proximal_flank)]
    parts = [flanks[0], Part("variable", least, most), flanks[1]]
    return ReadStructure(tuple(part for part in parts if part.most))

"""Regions of the genome as text and names, and lengths for people.

Inputs: text such as ``chr9:94,904,000-126,904,000``. Outputs: :class:`Region`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Windows that are drawn and exported for every map: by rank of their score.
RANKED = ("best", "median", "worst")
PATTERN = re.compile(r"([^:\s]+):([0-9][0-9,_]{0,17})-([0-9][0-9,_]{0,17})")


class Region(NamedTuple):
    """A stretch of a chromosome (bp, 0-based, half-open)."""

    chromosome: str
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.chromosome}:{self.start:,}-{self.end:,}"

    @property
    def name(self) -> str:
        """Name in file names: ``chr9_94904000_126904000``."""
        return f"{self.chromosome}_{self.start}_{self.end}"


def parse_region(text: str) -> Region:
    """Region of ``chromosome:start-end`` (0-based, half-open; commas in numbers are allowed).

    Raises
    ------
    ValueError
        When the text is not of that form, or the end does not follow the start.
    """
    found = PATTERN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r}; expected chromosome:start-end, e.g. chr9:94904000-126904000")
    start, end = (int(re.sub("[,_]", "", number)) for number in found.groups()[1:])
    if end <= start:
        raise ValueError(f"{text!r}; expected an end beyond the start")
    return Region(found[1], start, end)


def listed_regions(text: str) -> list[Region] | None:
    """Regions of a text such as ``chr5:400000-400500 chr5:1,200,000-1,200,500``; None when it is no such list.

    Raises
    ------
    ValueError
        When an end does not follow its start.
    """
    items = text.split()
    if not items or not all(PATTERN.fullmatch(item) for item in items):
        return None
    return [parse_region(item) for item in items]


def length_name(base_pairs: float) -> str:
    """Length for people: ``256 kb``, ``1.5 Mb``."""
    for size, unit in ((1e6, "Mb"), (1e3, "kb")):
        if base_pairs >= size:
            return f"{base_pairs / size:.4g} {unit}"
    return f"{base_pairs:.4g} bp"

"""Records of a VCF file, one by one, with what is wrong said line by line.

Purpose: call sets come from many programs, and one bad line must not cost the others. Inputs: VCF 4.x, plain or gzip.
Outputs: records in the order of the file; lines that are none, with the reason. Files of any size are streamed.
Positions stay 1-based here, as in the file; :mod:`cisflow.variants.structural` turns them into intervals.
Source of the format: The Variant Call Format specification, version 4.5.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cisflow.problems import InputError, Problem
from cisflow.user_files import GZIP_MAGIC, UNREADABLE

_BASES = re.compile(r"[ACGTNacgtn]+")
_POSITION = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class Record:
    """One line of a VCF file.

    Attributes
    ----------
    line : int
        1-based number in the file.
    chromosome : str
    position : int
        1-based.
    name : str
        ID, or ``.``.
    reference : str
        Upper-case bases (A, C, G, T, N).
    alternatives : tuple of str
        As they stand; bases in upper case.
    info : dict of str to str
        Flags have the value "".
    """

    line: int
    chromosome: str
    position: int
    name: str
    reference: str
    alternatives: tuple[str, ...]
    info: dict[str, str]

    def number(self, key: str) -> int | None:
        """First whole number of an INFO field; None when it is absent or no number."""
        try:
            return int(self.info[key].split(",")[0])
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True)
class BadLine:
    """A line that is no record.

    Attributes
    ----------
    line : int
    text : str
        Its beginning.
    reason : str
    """

    line: int
    text: str
    reason: str


def _parse(number: int, text: str) -> Record | BadLine:
    fields = text.split("\t")
    shown = text[:60]
    if len(fields) < 8:
        return BadLine(number, shown, f"{len(fields)} fields between tabs; expected 8 or more")
    chromosome, position, name, reference, alternatives, _, _, info = fields[:8]
    if not chromosome:
        return BadLine(number, shown, "CHROM is empty")
    if not _POSITION.fullmatch(position):
        return BadLine(number, shown, f"POS is {position!r}; expected a whole number")
    if not _BASES.fullmatch(reference):
        return BadLine(number, shown, f"REF is {reference[:20]!r}; expected bases (A, C, G, T, N)")
    parsed = tuple(alt.upper() if _BASES.fullmatch(alt) else alt for alt in alternatives.split(","))
    if any(not alt for alt in parsed):
        return BadLine(number, shown, "an alternative allele is empty")
    pairs = (entry.partition("=") for entry in info.split(";") if entry not in ("", "."))
    values = {key: value for key, _, value in pairs}
    return Record(number, chromosome, int(position), name, reference.upper(), parsed, values)


def read_records(path: str | Path) -> Iterator[Record | BadLine]:
    """Read a VCF file line by line.

    Parameters
    ----------
    path : path
        Plain text, gzip or bgzip, told by the content.

    Yields
    ------
    Record or BadLine
        In the order of the file; header lines and empty lines are left out.

    Raises
    ------
    InputError
        When the file is missing, cannot be unpacked or read as text, or does not begin as VCF files do.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(Problem(str(path), "file not found; expected a VCF file"))
    number = 0
    try:
        with open(path, "rb") as handle:
            packed = handle.read(2) == GZIP_MAGIC
        with (gzip.open if packed else open)(path, "rb") as handle:
            for number, line in enumerate(handle, 1):
                text = line.rstrip(b"\r\n").decode("utf-8-sig" if number == 1 else "utf-8")
                if number == 1 and not text.startswith(("##", "#CHROM\t")):
                    raise InputError(Problem(str(path), f"begins with {text[:30]!r}; expected a VCF header (#)", row=1))
                if text and not text.startswith("#"):
                    yield _parse(number, text)
    except UNREADABLE as error:
        raise InputError(Problem(str(path), f"cannot be read to its end: {error}", number + 1)) from None
    except UnicodeDecodeError as error:
        what = f"not a text file in UTF-8 (byte {error.object[error.start]:#04x}); expected VCF"
        raise InputError(Problem(str(path), what, number)) from None

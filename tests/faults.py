"""Faults that tests bring about, and the table of them in docs/faults.md.

A test module declares a :class:`Fault` for each of its tests, and asserts with :meth:`Fault.told` that the user is told
what the table says. ``python tests/faults.py`` writes the table from all test modules that declare faults; a test
compares it with the file. A module of another engine (``tests/workflow/test_*.py``) joins by declaring its own.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "faults.md"

INTRODUCTION = """# What happens when something breaks

Each row is a test that brings the fault about in a run from FASTQ files to scores (`tests/workflow/faults.yaml`), sees
that no file under a final name differs from that of an undisturbed run, does what the last column says, and
compares all tables with those of the undisturbed run, byte by byte. This page is written from the tests by
`python tests/faults.py`; the texts in quotes are those that the tests look for in what the run prints or logs. The loss
of a node is tried in a run of `tests/workflow/slurm.yaml` on a Slurm of the tests' own.
"""


@dataclass(frozen=True)
class Fault:
    """A row of the table.

    Attributes
    ----------
    name : str
        What breaks.
    happens : str
        What the run does.
    says : tuple of str
        Pieces of text that the user is shown; empty where nothing is to be said.
    mends : str
        What brings the run to its end.
    tried : str
        How the test brings it about, and how often.
    """

    name: str
    happens: str
    says: tuple[str, ...]
    mends: str
    tried: str

    def told(self, text: str) -> None:
        """Assert that a text has all that the user is to be shown."""
        missing = [piece for piece in self.says if piece not in text]
        assert not missing, f"not told: {missing} in\n{text[-6000:]}"


def modules() -> list[Path]:
    """Test modules that declare faults."""
    found = sorted(TESTS.rglob("test_*.py"))
    return [path for path in found if "from faults import" in path.read_text(encoding="utf-8")]


def document(found: list[Fault]) -> str:
    """Text of docs/faults.md."""
    lines = [INTRODUCTION, "| fault | what happens | what is said | what brings it to its end | test |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for fault in found:
        says = "<br>".join(f"“{piece}”" for piece in fault.says) or "nothing"
        lines.append(f"| {fault.name} | {fault.happens} | {says} | {fault.mends} | {fault.tried} |")
    return "\n".join(lines) + "\n"


def declared() -> list[Fault]:
    """Every fault that a test module declares at its top level, in the order of the modules and within them."""
    from faults import Fault as known  # the one class, also when this file runs as a program

    found = []
    for path in modules():
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))
        found += [value for value in vars(importlib.import_module(path.stem)).values() if isinstance(value, known)]
    return found


if __name__ == "__main__":
    DOCUMENT.write_text(document(declared()), encoding="utf-8")

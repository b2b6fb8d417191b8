"""docs/bad_input.md from the register: the real message of every wrong input.

Inputs: the cases. Outputs: the text of the document.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from bad_input import CASES, KINDS, Case
from conftest import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "bad_input.md"
MODULES = ("settings_cases", "reads_cases", "table_cases", "contact_cases", "model_cases", "question_cases")
INTRODUCTION = """\
# Wrong inputs and what is said about them

<!-- Made from tests/bad_input by `python tests/document_bad_input.py`; edit the cases, not this file. -->

Wrong input ends a job or a command with exit code 1 and one message that holds every problem: file, row (the first
line is 1), column, value, and what was expected. Settings and sheets are checked before any job. The messages below are
those of the tests (`tests/unit/core/test_bad_input_table.py`), which make each input and give it to the program.

What no case foresees: every parser is given damaged files and anything at all (`tests/unit/fuzz`; more of them with
`pytest -m slow tests/unit/fuzz`) and ends with a result or a message of this kind. Compiled loops over bytes are tried
on arrays between forbidden pages of memory, so that reading beyond an array ends the test.
"""
MOST_LINES = 8


def registered() -> None:
    """Load the modules that register cases."""
    for name in MODULES:
        importlib.import_module(f"bad_input.{name}")


def _cell(text: str) -> str:
    """A message as it is, as code in a cell of a table."""
    lines = text.replace("\t", "\\t").split("\n")
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"... and {len(lines) - MOST_LINES} more lines"]
    shown = [line.replace("\\", "\\\\").replace("|", "\\|") for line in lines]
    escaped = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in shown]
    for mark in "`*_{}[]#$":
        escaped = [line.replace(mark, f"\\{mark}") for line in escaped]
    return "<br>".join(line.replace("  ", "&nbsp; ") for line in escaped)


def bad_input_table(message: Callable[[Case], str]) -> str:
    """Text of the document; ``message`` gives what is said about a case."""
    lines = [INTRODUCTION]
    for kind, about in KINDS.items():
        lines += [f"## {kind}", "", f"{about[0].upper()}{about[1:]}.", "", "| wrong input | message |", "| --- | --- |"]
        lines += [f"| {one.what} | {_cell(message(one))} |" for one in CASES if one.kind == kind]
        lines.append("")
    return "\n".join(lines)

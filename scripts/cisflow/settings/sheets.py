"""Strict reader of the tab-separated sheets.

Inputs: a sheet and its schema. Outputs: one dict per row with typed values (empty cells are None), and problems with
file, row, column, value and what was expected.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cisflow.problems import Problem, did_you_mean
from cisflow.settings.schema import schema_problems
from cisflow.user_files import why_unreadable

#: Numbers as cells have them; Python's own conversion would also take 1_000, nan and digits of other scripts.
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")


def _typed(text: str, schema: dict[str, Any]) -> Any:
    """Convert a cell to the type of its column; text that does not convert stays text (the schema then objects)."""
    kind = schema.get("type")
    if kind == "integer" and INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and NUMBER.fullmatch(text):
        return float(text)
    return text


def read_sheet(path: str | Path, schema: dict[str, Any], shown: str) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Read a sheet strictly.

    Parameters
    ----------
    path : path
        Tab-separated file with a header; lines that start with ``#`` are comments.
    schema : dict
        JSON schema of one row.
    shown : str
        Name of the file in messages.

    Returns
    -------
    rows : list of dict
        Typed values by column, None for empty cells; key ``_row`` holds the line number.
    problems : list of Problem
        All problems, in the order of the lines.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        return [], [Problem(shown, f"{why_unreadable(error)}; expected a tab-separated sheet")]
    except UnicodeDecodeError as error:
        row = error.object.count(b"\n", 0, error.start) + 1
        what = f"not a UTF-8 text file (byte {error.object[error.start]:#04x}); save it as tab-separated text in UTF-8"
        return [], [Problem(shown, what, row)]
    lines = [(n, line.rstrip("\r")) for n, line in enumerate(text.split("\n"), 1)]
    lines = [(n, line) for n, line in lines if line.strip() and not line.startswith("#")]
    if not lines:
        return [], [Problem(shown, "the sheet is empty; expected a header and at least one row")]
    columns = [name.strip() for name in lines[0][1].split("\t")]
    known, required = schema["properties"], schema["required"]
    problems = []
    if len(columns) == 1 and len(required) > 1:
        guess = next((f" (it looks separated by {s!r})" for s in ",; " if s in columns[0]), "")
        return [], [Problem(shown, f"columns must be separated by tabs{guess}", row=lines[0][0])]
    for name in dict.fromkeys(columns):
        if name not in known:
            problems.append(Problem(shown, f"unknown column{did_you_mean(name, known)}", row=lines[0][0], column=name))
        elif columns.count(name) > 1:
            problems.append(Problem(shown, "this column is there more than once", row=lines[0][0], column=name))
    for name in required:
        if name not in columns:
            problems.append(Problem(shown, "missing column", row=lines[0][0], column=name))
    rows = []
    for number, line in lines[1:]:
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) > len(columns) and any(cells[len(columns) :]):
            problems.append(Problem(shown, f"{len(cells)} cells, but the header has {len(columns)}", row=number))
            continue
        cells += [""] * (len(columns) - len(cells))
        row = {c: _typed(v, known[c]) for c, v in zip(columns, cells, strict=False) if v != "" and c in known}
        for key, message in schema_problems(row, {**schema, "required": [c for c in required if c in columns]}):
            message = "empty; a value is required" if message.startswith("missing") else message
            problems.append(Problem(shown, message, row=number, column=key))
        rows.append({**dict.fromkeys(known), **row, "_row": number})
    if not rows and not problems:
        problems.append(Problem(shown, "the sheet has a header but no rows"))
    return rows, problems


def sound_cells(rows: list[dict[str, Any]], problems: list[Problem]) -> list[dict[str, Any]]:
    """Rows for further checks: faulty cells are empty, so that they are not told again under another name.

    None are left where the header, or a row as a whole, is at fault.
    """
    numbers = {row["_row"] for row in rows}
    columns: dict[int | None, set[str | None]] = {}
    for problem in problems:
        columns.setdefault(problem.row, set()).add(problem.column)
    if not set(columns) <= numbers:
        return []
    return [{**row, **{c: None for c in columns.get(row["_row"], ()) if c in row}} for row in rows]


def duplicates(rows: list[dict[str, Any]], columns: tuple[str, ...], shown: str) -> list[Problem]:
    """Problems for rows whose values in ``columns`` were there before."""
    seen: dict[tuple, int] = {}
    problems = []
    for row in rows:
        key = tuple(row[c] for c in columns)
        if key in seen:
            value = " / ".join(map(str, key))
            problems.append(
                Problem(
                    shown, f"{value!r} was already given in row {seen[key]}", row=row["_row"], column=", ".join(columns)
                )
            )
        seen.setdefault(key, row["_row"])
    return problems

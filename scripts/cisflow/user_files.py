"""Files that a user gives us, read whole: text, YAML, JSON and tables.

Purpose: one answer to everything that can be wrong before the content is looked at: no such file, a folder, a damaged
gzip file, bytes that are no UTF-8, YAML, JSON or a table that does not parse. Inputs: paths. Outputs: text, or what
the file holds; or one :class:`~cisflow.problems.InputError`.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.files import read_table
from cisflow.problems import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd

GZIP_MAGIC = b"\x1f\x8b"
#: What reading a file, and unpacking it, can end with.
UNREADABLE = (OSError, EOFError, zlib.error)


def why_unreadable(error: Exception) -> str:
    """What is wrong with a file, for messages; ``error`` is one of :data:`UNREADABLE`."""
    if isinstance(error, FileNotFoundError):
        return "file not found"
    if isinstance(error, IsADirectoryError):
        return "a folder, not a file"
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
        return "the gzip file is truncated or damaged"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def read_text(path: str | Path, what: str) -> str:
    """Text of a plain or gzip file (told by the content), without a byte order mark.

    Parameters
    ----------
    path : path
    what : str
        What the file should be, for messages.

    Raises
    ------
    InputError
        File missing, damaged, or not UTF-8.
    """
    try:
        data = Path(path).read_bytes()
        if data[:2] == GZIP_MAGIC:
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except UNREADABLE as error:
        raise InputError(Problem(str(path), f"{why_unreadable(error)}; expected {what}")) from None
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        told = f"not a text file in UTF-8 (byte {data[error.start]:#04x}); expected {what}"
        raise InputError(Problem(str(path), told, row)) from None


def _parsed(path: str | Path, what: str, parse: Callable[[str], Any], form: str) -> Any:
    text = read_text(path, what)
    try:
        return parse(text)
    except RecursionError:
        raise InputError(Problem(str(path), f"not valid {form}: nested too deeply; expected {what}")) from None
    except Exception as error:  # also what a number of 5,000 digits or a 13th month ends with
        row = getattr(error, "lineno", None)
        if (mark := getattr(error, "problem_mark", None)) is not None:
            row = mark.line + 1
        reason = getattr(error, "problem", None) or getattr(error, "msg", None) or str(error).strip().split("\n")[0]
        raise InputError(Problem(str(path), f"not valid {form} ({reason}); expected {what}", row)) from None


def read_yaml(path: str | Path, what: str) -> Any:
    """What a YAML file holds; nothing in it is executed.

    Raises
    ------
    InputError
        As :func:`read_text`; also when it does not parse.
    """
    import yaml

    return _parsed(path, what, yaml.safe_load, "YAML")


def read_json(path: str | Path, what: str, **options: Any) -> Any:
    """What a JSON file holds; ``options`` are those of :func:`json.loads`.

    Raises
    ------
    InputError
        As :func:`read_text`; also when it does not parse.
    """
    return _parsed(path, what, lambda text: json.loads(text, **options), "JSON")


def open_table(path: str, what: str, comment: str | None = None) -> pd.DataFrame:
    """Read a table in the format of its suffix.

    Parameters
    ----------
    path : str
    what : str
        What the table should be, for messages.
    comment : str, optional
        Lines of a text table that start so are left out.

    Raises
    ------
    InputError
        File missing, unreadable, without rows, or not a table.
    """
    options = {"comment": comment} if comment and Path(path).suffix != ".parquet" else {}
    try:
        table = read_table(path, **options)
    except FileNotFoundError:
        raise InputError(Problem(path, f"file not found; expected {what}")) from None
    except (*UNREADABLE, ValueError) as error:  # pandas' and pyarrow's errors of form are ValueErrors
        reason = str(error).strip().split("\n")[0]
        raise InputError(Problem(path, f"cannot be read as a table ({reason}); expected {what}")) from None
    if len(table.columns) == 1 and (other := next((s for s in "\t;," if s in str(table.columns[0])), "")):
        expected = "commas" if ".csv" in Path(path).suffixes else "tabs"
        told = f"columns must be separated by {expected} (it looks separated by {other!r}); expected {what}"
        raise InputError(Problem(path, told, 1))
    if table.empty:
        raise InputError(Problem(path, f"the table has no rows; expected {what}"))
    return table


def open_json(path: str, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    InputError
        File missing, or not a JSON object.
    """
    value = read_json(path, what)
    if not isinstance(value, dict):
        raise InputError(Problem(path, f"holds a {type(value).__name__}; expected an object: {what}"))
    return value

"""Tables that a user names on the command line.

Inputs: paths. Outputs: tables, or one :class:`~cisflow.problems.InputError` that names the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from cisflow.files import read_table
from cisflow.problems import InputError, Problem


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
    except (OSError, ValueError) as error:  # pandas' and pyarrow's errors of form are ValueErrors
        reason = str(error).strip().split("\n")[0]
        raise InputError(Problem(path, f"cannot be read as a table ({reason}); expected {what}")) from None
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
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(Problem(path, f"file not found; expected {what}")) from None
    except (OSError, ValueError) as error:
        raise InputError(Problem(path, f"not valid JSON ({error}); expected {what}")) from None
    if not isinstance(value, dict):
        raise InputError(Problem(path, f"holds a {type(value).__name__}; expected an object: {what}"))
    return value

"""Problems with what a user gave us, told all at once.

Purpose: one exception type and one form of message for every bad input: which file, row, column and
value, what was expected, and the nearest valid name.
Inputs: none. Outputs: :class:`InputError` with one line per problem.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Parameters
    ----------
    where : str
        File, sheet or config key.
    what : str
        What is wrong, with the offending value, and what was expected.
    row : int, optional
        1-based line number in the file (the header is line 1).
    column : str, optional
        Column or key inside ``where``.
    """

    where: str
    what: str
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        place = self.where
        if self.row is not None:
            place += f" row {self.row}"
        if self.column is not None:
            place += f', column "{self.column}"'
        return f"{place}: {self.what}"


class InputError(ValueError):
    """Bad input: carries every problem that was found, not only the first."""

    def __init__(self, problems: Iterable[Problem] | Problem | str):
        if isinstance(problems, (str, Problem)):
            problems = [problems]
        self.problems = list(problems)
        if len(self.problems) == 1:
            message = str(self.problems[0])
        else:
            lines = "\n".join(f"  {i}. {p}" for i, p in enumerate(self.problems, 1))
            message = f"{len(self.problems)} problems with the input:\n{lines}"
        super().__init__(message)


def did_you_mean(value: object, known: Iterable[object]) -> str:
    """Return `` (did you mean X?)`` for the nearest known name, or an empty string."""
    names = [str(k) for k in known]
    close = difflib.get_close_matches(str(value), names, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def not_one_of(value: object, known: Iterable[object]) -> str:
    """Message for a value outside a closed list: the list and the nearest member."""
    names = [str(k) for k in known]
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"{value!r} is not one of: {shown}{did_you_mean(value, names)}"

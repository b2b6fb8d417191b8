"""Verdicts as a table, and one sentence on the whole library.

Inputs: verdicts of the checks. Outputs: ``quality/{library}.verdict.tsv`` and the sentence at the top of the pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pandas as pd

OK, WARN, FAIL = "ok", "warn", "fail"
SEVERITY = {OK: 0, WARN: 1, FAIL: 2}
COLUMNS = ("check", "bin", "value", "threshold", "verdict", "sentence")


@dataclass(frozen=True)
class Verdict:
    """One row of ``quality/{library}.verdict.tsv``.

    Attributes
    ----------
    check : str
    bin : str
        Bin that it is about; empty: the whole library.
    value, threshold : float
        What was measured, and the value from which on it is warned about (for verdict fail: refused).
    verdict : {"ok", "warn", "fail"}
    sentence : str
    """

    check: str
    bin: str
    value: float
    threshold: float
    verdict: str
    sentence: str


def verdict_table(found: Sequence[Verdict]) -> pd.DataFrame:
    """Verdicts as a table with the columns ``COLUMNS``."""
    return pd.DataFrame([asdict(v) for v in found], columns=list(COLUMNS))


def overall(table: pd.DataFrame, library: str, what: str = "library") -> tuple[str, str]:
    """Worst verdict, and one sentence for the top of the page.

    Parameters
    ----------
    table : DataFrame
        See :func:`verdict_table`.
    library : str
        Name of what was checked.
    what : str
        What it is: a library, a map.

    Returns
    -------
    verdict, sentence : str
    """
    worst = max(table["verdict"], key=SEVERITY.__getitem__, default=OK)
    if worst == OK:
        return OK, f"{what.capitalize()} {library} looks good: every check passed."
    bad = table[table["verdict"] == worst]
    first = bad["sentence"].iloc[0]
    others = int((table["verdict"] != OK).sum()) - 1
    more = f" ({others} more below.)" if others else ""
    opening = {
        FAIL: f"Do not use {what} {library} before this is settled: ",
        WARN: f"{what.capitalize()} {library} can be used with care: ",
    }[worst]
    return worst, opening + first[0].lower() + first[1:] + more

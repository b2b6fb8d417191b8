"""Memory and time of jobs as functions of the size of their input, fitted to recorded benchmarks.

Purpose: what a scheduler is asked for, and what a plan expects. Inputs: benchmark files that Snakemake wrote with
``--benchmark-extended`` (the profiles set it). Outputs: a table with one row per rule, ``workflow/resources.tsv``.

A rule's peak memory and processor time are taken as a constant plus a multiple of the size of its input files, neither
below zero, least squares, the constant then raised until no recorded job lies above the line. Inputs of about one size,
or all of a few MB, say nothing of the multiple; it is 0 then, and the constant the largest that was seen. The line is
continued to ten times the largest recorded input; beyond, what the rule declares counts until larger runs are recorded.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.files import read_table
from cisflow.problems import InputError, Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COLUMNS = ("rule", "jobs", "largest_input_mb", "mb", "mb_per_input_mb", "cpu_seconds", "cpu_seconds_per_input_mb")
NEEDED = ("rule_name", "input_size_mb", "max_rss", "cpu_time")
#: What is asked for beside what was measured: other machines are slower, other data more varied.
MEMORY_MARGIN, MEMORY_MORE_MB = 1.5, 300
#: Inputs that a multiple is fitted to: the largest, MB, and how many times the smallest it must be.
SLOPE_FROM_MB, SLOPE_FROM_RANGE = 5.0, 3.0
REACH = 10.0
TIME_MARGIN, TIME_MORE_MINUTES = 4.0, 10


@dataclass(frozen=True)
class Need:
    """What jobs of a rule took.

    Attributes
    ----------
    largest_input_mb : float
        Largest recorded input.
    mb, mb_per_input_mb : float
        Peak memory in MB: constant, and per MB of input files (as they lie on disk).
    cpu_seconds, cpu_seconds_per_input_mb : float
        Processor time of all threads: constant, and per MB of input files.
    """

    largest_input_mb: float
    mb: float
    mb_per_input_mb: float
    cpu_seconds: float
    cpu_seconds_per_input_mb: float

    def _within(self, input_mb: float) -> float:
        return min(input_mb, REACH * self.largest_input_mb)

    def memory_mb(self, input_mb: float) -> float:
        """Peak memory to expect for an input, MB."""
        return self.mb + self.mb_per_input_mb * self._within(input_mb)

    def seconds(self, input_mb: float) -> float:
        """Processor time to expect for an input, seconds."""
        return self.cpu_seconds + self.cpu_seconds_per_input_mb * self._within(input_mb)

    def asked_mb(self, input_mb: float) -> int:
        """Memory to ask a scheduler for, MB."""
        return ceil(MEMORY_MARGIN * self.memory_mb(input_mb)) + MEMORY_MORE_MB

    def asked_minutes(self, input_mb: float) -> int:
        """Run time to ask a scheduler for, minutes; threads are not counted on."""
        return ceil(TIME_MARGIN * self.seconds(input_mb) / 60) + TIME_MORE_MINUTES


def fitted_line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Constant and slope, neither below zero, of a least-squares line.

    Parameters
    ----------
    x, y : float array, shape (n,)
    """
    import numpy as np
    from scipy.optimize import nnls

    # Points are weighted by their size: a job that takes hours must not outweigh the small ones, nor they it.
    weight = 1 / np.maximum(y, 1e-3 * y.max() + 1e-9)
    constant, slope = nnls(np.column_stack([np.ones_like(x), x]) * weight[:, None], y * weight)[0]
    return float(constant), float(slope)


def line_above(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """As :func:`fitted_line`, its constant raised until no point lies above the line.

    Without a slope where ``x`` is small or of about one size.
    """
    if x.max() < max(SLOPE_FROM_MB, SLOPE_FROM_RANGE * x.min()):
        return float(y.max()), 0.0
    slope = fitted_line(x, y)[1]
    return max(0.0, float((y - slope * x).max())), slope


def _sizes(text: str, path: Path) -> float:
    """Sum of the sizes in a benchmark's record of its input files, MB."""
    try:
        return float(sum(ast.literal_eval(text).values()))
    except (ValueError, SyntaxError, AttributeError):
        raise InputError(Problem(str(path), "a mapping of files to MB expected", column="input_size_mb")) from None


def read_benchmarks(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Read extended benchmark files, or all of them below folders.

    Returns
    -------
    DataFrame
        ``rule``, ``input_mb``, ``mb``, ``cpu_seconds``; jobs too short to be measured are left out.

    Raises
    ------
    InputError
        When there is none, or one was written without ``--benchmark-extended``.
    """
    import pandas as pd

    files: list[Path] = []
    for path in map(Path, paths):
        files += sorted(path.rglob("*.tsv")) if path.is_dir() else [path]
    rows, problems = [], []
    for file in files:
        table = read_table(file)
        if missing := [name for name in NEEDED if name not in table]:
            problems.append(Problem(str(file), f"no column {', '.join(missing)}; run with --benchmark-extended"))
            continue
        table = table.assign(mb=pd.to_numeric(table["max_rss"], errors="coerce"))
        table = table.assign(cpu_seconds=pd.to_numeric(table["cpu_time"], errors="coerce"))
        for row in table[table["mb"].notna() & table["cpu_seconds"].notna()].itertuples():
            rows.append((row.rule_name, _sizes(row.input_size_mb, file), row.mb, row.cpu_seconds))
    if not files:
        problems.append(Problem(", ".join(map(str, paths)), "no benchmark file (*.tsv)"))
    if problems:
        raise InputError(problems)
    return pd.DataFrame(rows, columns=["rule", "input_mb", "mb", "cpu_seconds"])


def fit_needs(benchmarks: pd.DataFrame) -> pd.DataFrame:
    """Fit the needs of every rule; takes what :func:`read_benchmarks` returns, gives a table of ``COLUMNS``."""
    import pandas as pd

    rows = []
    for rule, jobs in benchmarks.groupby("rule", sort=True):
        x = jobs["input_mb"].to_numpy(float)
        memory = line_above(x, jobs["mb"].to_numpy(float))
        time = line_above(x, jobs["cpu_seconds"].to_numpy(float))
        rows.append((rule, len(jobs), x.max(), *memory, *time))
    return pd.DataFrame(rows, columns=list(COLUMNS)).round(3)


def read_needs(path: str | Path) -> dict[str, Need]:
    """Needs by rule, of a table as :func:`fit_needs` makes it."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    header = lines[0].split("\t")
    if tuple(header) != COLUMNS:
        raise InputError(Problem(str(path), f"columns {', '.join(header)}; expected {', '.join(COLUMNS)}"))
    rows = [line.split("\t") for line in lines[1:]]
    return {row[0]: Need(*map(float, row[2:])) for row in rows}


def asking(rule: str, name: str, declared: Any, needs: Mapping[str, Need]) -> Callable[..., Any]:
    """A resource function for a rule: what it declares, or more where the input is large; doubled by each attempt.

    Parameters
    ----------
    rule : str
    name : {"mem_mb", "runtime"}
    declared : object
        Snakemake's resource of the rule, with ``evaluate`` and ``value``; its own growth by attempts is not counted
        twice.
    needs : mapping
        Needs by rule.
    """

    def ask(wildcards: Any, input: Any, threads: int, attempt: int) -> Any:
        least = declared.evaluate(wildcards, input=input, threads=threads, attempt=1).value
        if not isinstance(least, int):  # not known before its input is there
            return least
        need = needs.get(rule)
        # What rules say of jobs without input is all there is to say.
        if need is not None and input:
            size = input.size_mb
            least = max(least, need.asked_mb(size) if name == "mem_mb" else need.asked_minutes(size))
        return least * 2 ** (attempt - 1)

    return ask

"""Files of a run that are dated in the future, after a clock was set back or by one that is ahead.

Purpose: Snakemake fails a job whose output is dated before its input, and goes on failing it until the clock has caught
up. Inputs: the folder of a run. Outputs: the same files dated just before now, in the order that they had.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

logger = logging.getLogger("cisflow")

#: A job takes longer than this, so that its output is dated after an input that is no further ahead.
TOLERANCE_NS = 2_000_000_000


def date_back(folder: str | Path) -> int:
    """Date files below a folder that are dated in the future just before now; returns how many there were."""
    now = time.time_ns()
    dated = [(path.lstat().st_mtime_ns, path) for path in Path(folder).rglob("*") if path.is_file()]
    ahead = sorted(one for one in dated if one[0] > now)
    for place, (_, path) in enumerate(ahead):
        at = now - 1000 * (len(ahead) - place)
        os.utime(path, ns=(at, at))
    if ahead:
        logger.warning(
            "%s: %d files were dated in the future; they are dated now, in the same order", folder, len(ahead)
        )
    return len(ahead)


def date_back_inputs(paths: Iterable[str | Path]) -> None:
    """Where a file of a run that a job reads is dated in the future, date back all files of that run."""
    now = time.time_ns()
    runs = set()
    for path in map(Path, paths):
        of_run = not path.is_absolute() and len(path.parts) > 2 and path.parts[0] == "results"
        if of_run and path.exists() and path.lstat().st_mtime_ns > now + TOLERANCE_NS:
            runs.add(Path(*path.parts[:2]))
    for run in sorted(runs):
        date_back(run)

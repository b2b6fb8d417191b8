"""One log per job, with the traceback in it.

Purpose: the frame around every rule script. Inputs: Snakemake's job object. Outputs: the job's log file.
A bad input ends the job with its message alone; any other error keeps the whole traceback.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cisflow.problems import InputError

logger = logging.getLogger("cisflow")


def start_logging(path: str | Path | None = None) -> None:
    """Send cisflow's messages to stderr and, appended, to ``path`` (a retry keeps the first attempt's log)."""
    logger.setLevel(logging.INFO)
    logger.handlers.clear()
    logger.propagate = False
    formatter = logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S")
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if path is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, mode="a"))
    for handler in handlers:
        handler.setFormatter(formatter)
        logger.addHandler(handler)


@contextmanager
def job(snakemake: Any) -> Iterator[Any]:
    """Run the body of a rule script with logging; turn errors into a message in the log and exit code 1.

    Parameters
    ----------
    snakemake : object
        The job object that Snakemake puts into scripts (``input``, ``output``, ``params``, ``log``, ...).
    """
    start_logging(snakemake.log[0] if snakemake.log else None)
    try:
        yield snakemake
    except InputError as error:
        logger.error("Input error in rule %s: %s", snakemake.rule, error)
        sys.exit(1)
    except Exception:
        logger.error("Rule %s failed:\n%s", snakemake.rule, traceback.format_exc())
        sys.exit(1)

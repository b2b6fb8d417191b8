"""One log per job, with the traceback in it.

Purpose: the frame around every rule script. Inputs: Snakemake's job object. Outputs: the job's log file, and a record
of the files that it wrote, which the jobs that read them compare (:mod:`cisflow.made`). A bad input, a full disk, a
damaged file or a request to stop ends the job with its message alone; any other error keeps the whole traceback.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cisflow import made
from cisflow.clock import date_back_inputs
from cisflow.files import remove_partial
from cisflow.problems import InputError
from cisflow.storage import StorageError, storage_problem
from cisflow.training.stop import EXIT_CODE, StoppedError

logger = logging.getLogger("cisflow")


def start_logging(path: str | Path | None = None) -> None:
    """Send cisflow's messages to stderr and, appended, to ``path`` (a retry keeps the first attempt's log)."""
    logger.setLevel(logging.INFO)
    logger.handlers.clear()
    logger.propagate = False
    logging.raiseExceptions = False  # where the log lies on a full disk, the message still goes to stderr
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
    inputs, outputs = ([str(path) for path in paths] for paths in (snakemake.input, snakemake.output))
    try:
        made.check(inputs)
        date_back_inputs(inputs)
        made.forget(outputs)
        for path in outputs:
            remove_partial(path)
        yield snakemake
        made.note(outputs)
    except InputError as error:
        logger.error("Input error in rule %s: %s", snakemake.rule, error)
        sys.exit(1)
    except (StorageError, made.DamagedError) as error:
        logger.error("Rule %s: %s", snakemake.rule, error)
        sys.exit(1)
    except StoppedError as stopped:
        logger.warning("%s", stopped)
        sys.exit(EXIT_CODE)
    except Exception as error:
        told = next(filter(None, (storage_problem(error, folder) for folder in _written_folders(outputs))), None)
        logger.error("Rule %s failed:\n%s", snakemake.rule, traceback.format_exc())
        if told is not None:
            logger.error("Rule %s: %s", snakemake.rule, told)
        sys.exit(1)


def _written_folders(outputs: list[str]) -> list[Path]:
    """Folders that a job writes in: of its outputs, and for temporary files."""
    return [*dict.fromkeys(Path(path).parent for path in outputs), Path(tempfile.gettempdir())]

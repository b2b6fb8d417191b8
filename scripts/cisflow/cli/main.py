"""The command ``cisflow``: stages of the workflow one at a time, without Snakemake.

Inputs: command-line arguments. Outputs: what the command writes; exit code 0, 1 for bad input (one message with every
problem on stderr) or 2 for arguments that do not parse.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from cisflow import __version__
from cisflow.cli import (
    benchmark,
    calibrate,
    cluster,
    count,
    design,
    estimate,
    export_contacts,
    import_weights,
    ism,
    merge,
    models,
    plan,
    predict,
    rank,
    score,
    screen,
    serve,
    variants,
    verify,
)
from cisflow.joblog import logger, start_logging
from cisflow.problems import InputError
from cisflow.storage import StorageError

#: Commands in the order of the stages; each module has ``add_parser`` and sets ``run``.
COMMANDS = (
    merge,
    count,
    cluster,
    estimate,
    import_weights,
    models,
    plan,
    predict,
    score,
    rank,
    ism,
    variants,
    screen,
    design,
    export_contacts,
    serve,
    benchmark,
    verify,
    calibrate,
)


def build_parser() -> argparse.ArgumentParser:
    """Parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="cisflow",
        description="From sorted reporter libraries to expression: the stages of the workflow, one at a time. "
        "Tables are tab-separated, comma-separated or Parquet, by the suffix of their name.",
    )
    parser.add_argument("--version", action="version", version=f"cisflow {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the name of the program; those of the process when None.

    Returns
    -------
    int
        Exit code.
    """
    given = build_parser().parse_args(arguments)
    start_logging()
    try:
        given.run(given)
    except (InputError, StorageError) as error:
        logger.error("%s", error)
        return 1
    except KeyboardInterrupt:
        logger.error("interrupted; nothing was written")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``cisflow verify``: whether the files of a run are still what they were when it ended.

Inputs: the folder of a run. Outputs: what no longer matches its manifest, on the screen or as a table.
"""

from __future__ import annotations

import argparse

from cisflow.cli.options import example
from cisflow.problems import InputError, Problem


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "verify",
        help="what of a run no longer matches its manifest",
        description="Recompute the SHA-256 of every file of a run and compare it with manifest.json, which the run "
        "wrote when it ended. Exit code 1 when a file is changed, missing or new; another version of a package is told "
        "and changes nothing.",
        **example("cisflow verify results/demo\n  cisflow verify results/demo --output differences.tsv"),
    )
    parser.add_argument("folder", metavar="RUN", help="folder of the run, e.g. results/demo")
    parser.add_argument("--output", metavar="FILE", help="write the differences to a table")
    parser.add_argument("--threads", type=int, default=1, help="files hashed at the same time; default: 1")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.code_digest import library_hash
    from cisflow.files import write_table
    from cisflow.joblog import logger
    from cisflow.run_manifest import read_run_manifest, verify_run

    if given.threads < 1:
        raise InputError([Problem("--threads", f"{given.threads} given; expected 1 or more")])
    table = verify_run(given.folder, library_hash(), given.threads)
    if given.output:
        write_table(table, given.output)
    for row in table[table["state"] == "version"].itertuples():
        logger.info("%s: %s made the run, here is %s", row.file, row.recorded, row.found)
    of_files = table[table["state"] != "version"]
    if len(of_files):
        raise InputError([Problem(f"{given.folder}/{row.file}", row.state) for row in of_files.itertuples()])
    logger.info("%s: all %d files match", given.folder, len(read_run_manifest(given.folder)["files"]))

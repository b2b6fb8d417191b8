"""``cisflow calibrate``: memory and time of the rules, and sizes of their files, from finished runs.

Inputs: benchmark files written with ``--benchmark-extended``, or results of runs. Outputs: the table that jobs'
requests are made from; that of the sizes that a plan expects.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cisflow.cli.options import example
from cisflow.problems import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "calibrate",
        help="fit memory, time and disk of the workflow's rules to finished runs",
        description="Fit the peak memory and the processor time of every rule to the size of its input, from the "
        "benchmark files of finished runs (logs/<run>/benchmarks; the profiles have them written with sizes). Put in "
        "the place of workflow/resources.tsv, the table decides what jobs ask a scheduler for. With --results, fit the "
        "sizes of the files that rules write; in the place of workflow/disk.tsv, the table decides what disk a plan "
        "expects.",
        **example(
            "cisflow calibrate logs/small/benchmarks logs/large/benchmarks --output workflow/resources.tsv\n"
            "  cisflow calibrate --results results/small results/large --output workflow/disk.tsv"
        ),
    )
    parser.add_argument("benchmarks", nargs="*", metavar="PATH", help="benchmark files, or folders of them")
    parser.add_argument("--results", nargs="+", metavar="FOLDER", help="results of finished runs, results/<run>")
    parser.add_argument("--output", required=True, metavar="FILE", help="table to write")
    parser.set_defaults(run=run)


def fitted_sizes(results: Sequence[str]) -> pd.DataFrame:
    """Fit the sizes of the files of finished runs, each planned again with the settings that it recorded."""
    from functools import partial

    from cisflow.planning.jobs import plan_jobs
    from cisflow.planning.sizes import fit_sizes, measure, recorded_size

    problems = [
        Problem("--results", f"no settings.yaml in {folder}; expected the results of a finished run, results/<run>")
        for folder in results
        if not (Path(folder) / "settings.yaml").is_file()
    ]
    if problems:
        raise InputError(problems)
    rows = []
    for folder in map(Path, results):
        place = folder.resolve().parents[1]
        _, jobs = plan_jobs([folder / "settings.yaml"], {}, place)
        rows += measure(jobs, partial(recorded_size, folder=place))
    return fit_sizes(rows)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.files import write_table
    from cisflow.joblog import logger
    from cisflow.resources import fit_needs, read_benchmarks

    if bool(given.benchmarks) == bool(given.results):
        raise InputError(Problem("calibrate", "expected benchmark files or --results, one of them"))
    if given.results:
        sizes = fitted_sizes(given.results)
        write_table(sizes, given.output)
        logger.info("%d files of %d rules: %s", sizes["files"].sum(), sizes["rule"].nunique(), given.output)
        return
    benchmarks = read_benchmarks(given.benchmarks)
    needs = fit_needs(benchmarks)
    write_table(needs, given.output)
    logger.info("%d jobs of %d rules: %s", len(benchmarks), len(needs), given.output)

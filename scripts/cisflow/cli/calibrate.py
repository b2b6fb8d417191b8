"""``cisflow calibrate``: memory and time of the rules from the benchmarks of finished runs.

Inputs: benchmark files written with ``--benchmark-extended``. Outputs: the table that jobs' requests are made from.
"""

from __future__ import annotations

import argparse

from cisflow.cli.options import example


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "calibrate",
        help="fit memory and time of the workflow's rules to benchmarks",
        description="Fit the peak memory and the processor time of every rule to the size of its input, from the "
        "benchmark files of finished runs (logs/<run>/benchmarks; the profiles have them written with sizes). Put in "
        "the place of workflow/resources.tsv, the table decides what jobs ask a scheduler for.",
        **example("cisflow calibrate logs/small/benchmarks logs/large/benchmarks --output workflow/resources.tsv"),
    )
    parser.add_argument("benchmarks", nargs="+", metavar="PATH", help="benchmark files, or folders of them")
    parser.add_argument("--output", required=True, metavar="FILE", help="table to write")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.files import write_table
    from cisflow.joblog import logger
    from cisflow.resources import fit_needs, read_benchmarks

    benchmarks = read_benchmarks(given.benchmarks)
    needs = fit_needs(benchmarks)
    write_table(needs, given.output)
    logger.info("%d jobs of %d rules: %s", len(benchmarks), len(needs), given.output)

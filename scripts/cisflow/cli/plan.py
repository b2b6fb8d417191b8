"""``cisflow plan``: what a run will do, in words, before it starts.

Inputs: config files and keys as Snakemake takes them. Outputs: text on the screen or in a file. Nothing is run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cisflow.cli.options import CHECKOUT, example
from cisflow.problems import InputError, Problem
from cisflow.yaml_text import parse_yaml

#: What recorded jobs took, by rule, and how large their files are; `cisflow calibrate` writes both.
RECORDED = CHECKOUT / "workflow" / "resources.tsv"
SIZES = CHECKOUT / "workflow" / "disk.tsv"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "plan",
        help="what a run will do, in words: input, filters, models, jobs, time, memory and disk",
        description="Say in words what a run will do: the input that was found, filters, models, jobs by stage with "
        "what is done already, and the processor time, memory and disk to expect from recorded runs. Runs nothing.",
        **example(
            "cisflow plan\n"
            "  cisflow plan --cores 8 --configfile config/studies/my_study.yaml --config data_dir=/path/to/data"
        ),
    )
    parser.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help="overlays of the default config")
    parser.add_argument("--config", nargs="+", default=[], metavar="KEY=VALUE", help="keys that win over those")
    parser.add_argument(
        "--directory", default=".", metavar="FOLDER", help="working folder of the run; default: this one"
    )
    parser.add_argument("--cores", type=int, default=1, help="cores that jobs may use together; default: 1")
    parser.add_argument("--output", metavar="FILE", help="write the plan to a file instead")
    parser.set_defaults(run=run)


def planned_text(
    configfiles: Sequence[str | Path],
    overlay: Mapping[str, Any],
    folder: str | Path,
    cores: int,
    recorded: Path = RECORDED,
    sizes: Path = SIZES,
) -> str:
    """Plan of a run in words, see :func:`cisflow.planning.jobs.plan_jobs`."""
    from cisflow.planning.jobs import plan_jobs
    from cisflow.planning.sizes import read_sizes
    from cisflow.planning.words import plan_text
    from cisflow.resources import read_needs

    study, jobs = plan_jobs(configfiles, overlay, folder, cores)
    return plan_text(study, jobs, read_needs(recorded), read_sizes(sizes), folder, cores)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.files import write_text

    problems = [
        Problem("--config", f"{text!r}; expected KEY=VALUE, e.g. data_dir=/data")
        for text in given.config
        if "=" not in text
    ]
    problems += [Problem("--configfile", f"no file {path}") for path in given.configfile if not Path(path).is_file()]
    if given.cores < 1:
        problems.append(Problem("--cores", f"{given.cores} given; expected 1 or more"))
    if problems:
        raise InputError(problems)
    overlay = {key: parse_yaml(value) for key, value in (text.split("=", 1) for text in given.config)}
    text = planned_text(given.configfile, overlay, given.directory, given.cores)
    if given.output:
        write_text(text, given.output)
    else:
        sys.stdout.write(text)

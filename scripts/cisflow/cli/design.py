"""``cisflow design``: a test library of sequences that tell models apart.

Inputs: bundles, settings, native promoters. Outputs: a folder with the order sheet, ordered sequences, subset tables,
funnel and course of the genetic algorithms, on request figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cisflow.cli.bundles import add_device, add_models, named_bundles
from cisflow.cli.options import example
from cisflow.problems import InputError, Problem


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "design",
        help="design a test library: high, low, challenging, native, variants, motifs, random",
        description="Design a library as the test set of the Random Promoter DREAM Challenge was made "
        "(docs/methods/design.md). Each model makes its own sequences of high and low prediction; the first two are "
        "set against each other.",
        **example(
            "cisflow design cnn=models/dream_cnn/seed1 rnn=models/dream_rnn/seed1 --promoters upstream.fa \\\n"
            "    --settings config/designs/dream2022.yaml --output design --figures design/figures"
        ),
    )
    add_models(parser)
    parser.add_argument("--settings", metavar="YAML", help="settings of the design; the published ones without")
    parser.add_argument(
        "--promoters",
        metavar="FILE",
        help="native promoters, FASTA or table of id and sequence; on the strand of the gene, which follows behind",
    )
    parser.add_argument("--seed", type=int, default=2022, help="default: 2022")
    parser.add_argument("--output", required=True, metavar="FOLDER")
    parser.add_argument("--figures", metavar="FOLDER", help="output: drawings of the design")
    add_device(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.design.library import design_library, write_design
    from cisflow.design.settings import DesignSettings, read_design
    from cisflow.devices import choose_device
    from cisflow.figures.design import save_design
    from cisflow.interpret.tables import load_models
    from cisflow.joblog import logger
    from cisflow.models.predict_stream import read_sequences
    from cisflow.training.numerics import reproducible_numerics

    if given.seed < 0:
        raise InputError(Problem("--seed", f"{given.seed}; expected 0 or more"))
    settings = DesignSettings(**read_design(given.settings))
    promoters = list(read_sequences(given.promoters)) if given.promoters else []
    with reproducible_numerics(given.threads):
        models = load_models(named_bundles(given.models), choose_device(given.device))
        design = design_library(models, settings, promoters, given.seed)
    files = write_design(design, given.output)
    logger.info("%s: %s sequences; %s", given.output, f"{len(design.order):,}", ", ".join(files))
    if given.figures:
        svgs = tuple(Path(given.figures) / f"{name}.svg" for name in ("library", "evolution"))
        save_design(design.order, design.history, list(models), svgs)

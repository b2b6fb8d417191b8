"""``cisflow predict``: predicted expression or contact maps of any sequences; the model decides.

Inputs: bundles, and sequences or intervals of a genome. Outputs: a table, or a bigWig track; of contact models see
:mod:`cisflow.cli.contact_predict`.
"""

from __future__ import annotations

import argparse

from cisflow.cli import contact_predict
from cisflow.cli.bundles import add_device, add_models, named_bundles, task_of
from cisflow.cli.options import check_outputs, example
from cisflow.problems import InputError, Problem

TRACKS = (".bw", ".bigwig", ".bigWig")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "predict",
        help="predicted expression or contact maps of sequences",
        description="Predict sequences with trained models, block by block, so that memory does not grow with their "
        "number. Columns of the output: id, one per model (mean over bundles of one name), and one per bundle where "
        "there are several. Models of contacts: maps of windows around intervals, or of sequences as long as a window.",
        **example(
            "cisflow predict rnn=models/dream_rnn/seed1 cnn=models/dream_cnn/seed1 --sequences library.fa.gz \\\n"
            "    --output predictions.parquet",
            "cisflow predict models/orca/seed1 --genome hg38.2bit --intervals regions.bed --expected expected.npz \\\n"
            "    --output regions.mcool",
        ),
    )
    add_models(parser)
    parser.add_argument(
        "--sequences",
        metavar="FILE",
        help="FASTA, Parquet with columns id and sequence, or table of both without header; in the form that models "
        "were trained on",
    )
    parser.add_argument("--genome", metavar="FASTA", help="with --intervals")
    parser.add_argument("--intervals", metavar="BED", help="intervals of the genome to predict, with name and strand")
    parser.add_argument("--left", default="", metavar="BASES", help="constant bases in front of every sequence")
    parser.add_argument("--right", default="", metavar="BASES", help="constant bases behind every sequence")
    parser.add_argument(
        "--output",
        required=True,
        help="table, or bigWig (.bw) of the intervals, of one model; maps: .mcool, .cool, .npz",
    )
    parser.add_argument(
        "--expected",
        nargs="+",
        default=[],
        metavar="[NAME=]FILE",
        help="contact models: expected.npz of the model's map; those of several levels need it, of others it makes "
        "contacts of ratios",
    )
    add_device(parser)
    parser.set_defaults(run=run)


def _problems(given: argparse.Namespace, names: int, maps: bool) -> list[Problem]:
    problems = [Problem("--expected", "has no meaning for models of expression")] if given.expected and not maps else []
    if bool(given.sequences) == bool(given.genome or given.intervals):
        problems.append(Problem("options", "give --sequences, or --genome with --intervals"))
    elif not given.sequences and not (given.genome and given.intervals):
        problems.append(Problem("options", "--genome and --intervals belong together"))
    if given.output.endswith(TRACKS) and (given.sequences or names > 1):
        problems.append(Problem("--output", "a track is made of intervals, by one model"))
    for name in ("left", "right"):
        if set(getattr(given, name).upper()) - set("ACGTN"):
            problems.append(Problem(f"--{name}", f"{getattr(given, name)!r}; expected A, C, G, T or N"))
    return problems


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.contacts.genome import Genome
    from cisflow.devices import choose_device
    from cisflow.interpret.tables import load_models
    from cisflow.joblog import logger
    from cisflow.models.predict_stream import shown_sequences, write_predictions, write_track
    from cisflow.training.numerics import reproducible_numerics
    from cisflow.variants.sequences import intervals

    bundles = named_bundles(given.models)
    maps = task_of([folder for folders in bundles.values() for folder in folders]) == "contacts"
    if not maps and not given.output.endswith(TRACKS):
        check_outputs([given.output])
    if problems := _problems(given, len(bundles), maps):
        raise InputError(problems)
    if maps:
        contact_predict.run(given)
        return
    left, right = given.left.upper(), given.right.upper()
    with reproducible_numerics(given.threads):
        models = load_models(bundles, choose_device(given.device))
        places = intervals(given.intervals, given.genome) if given.intervals else []
        if given.output.endswith(TRACKS):
            write_track(
                next(iter(models.values())), places, Genome(given.genome, ()).lengths, given.output, left, right
            )
            return
        named = shown_sequences(given.sequences, places, left, right)
        number, without = write_predictions(models, named, given.output)
    logger.info(
        "%s sequences; %s without a prediction (a length that a model is not for)", f"{number:,}", f"{without:,}"
    )

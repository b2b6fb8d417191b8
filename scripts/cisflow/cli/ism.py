"""``cisflow ism``: in-silico saturation mutagenesis of any sequences with any trained models.

Inputs: bundles, sequences, on request variants. Outputs: the effect of every single-base substitution, and on request
profiles with attributions, their check, the agreement of the models, and figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from cisflow.cli.bundles import add_device, add_models, named_bundles
from cisflow.cli.options import check_outputs, example
from cisflow.problems import InputError, Problem
from cisflow.user_files import open_table

BASES = "ACGT"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "ism",
        help="effect of every single-base substitution on predicted expression",
        description="In-silico saturation mutagenesis: every base is replaced by the three others; effect = prediction "
        "of the mutant minus prediction of the sequence (docs/methods/evaluation.md). Columns of the output: model, "
        "id, position (0-based), base, substitution, prediction, effect.",
        **example(
            "cisflow ism rnn=models/dream_rnn/seed1 rnn=models/dream_rnn/seed2 cnn=models/dream_cnn/seed1 \\\n"
            "    --sequences promoters.fa --start 17 --end 97 --output effects.parquet --figures figures"
        ),
    )
    add_models(parser)
    parser.add_argument(
        "--sequences",
        required=True,
        metavar="FILE",
        help="FASTA, or table of id and sequence without header; in the form that the models were trained on",
    )
    parser.add_argument("--output", required=True, help="table of effects, written block by block")
    parser.add_argument("--start", type=int, default=0, help="first position to change, 0-based (default: 0)")
    parser.add_argument("--end", type=int, help="position behind the last to change; negative: from the end")
    parser.add_argument(
        "--steps",
        type=int,
        default=50,
        help="points of the integrated gradients in profiles, checks and agreement; 0: none (default: 50)",
    )
    parser.add_argument(
        "--profiles", metavar="FILE", help="output: score of every position, gradient x input, integrated gradients"
    )
    parser.add_argument(
        "--checks", metavar="FILE", help="output: what the integrated gradients of a sequence leave over (delta)"
    )
    parser.add_argument("--agreement", metavar="FILE", help="output: correlations between models and between methods")
    parser.add_argument(
        "--variants", metavar="FILE", help="table id, position, substitution and optional measured: marked in figures"
    )
    parser.add_argument(
        "--motifs", metavar="FILE", help="known motifs in MEME format, plain or gzip, to name what the models see"
    )
    parser.add_argument("--motif-matches", metavar="FILE", help="output: sites of the motifs and what they contribute")
    parser.add_argument("--p-value", type=float, default=1e-4, help="largest p-value of a site (default: 0.0001)")
    parser.add_argument("--figures", metavar="FOLDER", help="output: figures of one sequence and of the agreement")
    parser.add_argument("--draw", metavar="ID", help="sequence of the figure (default: the first)")
    add_device(parser)
    parser.set_defaults(run=run)


def _sequences(path: str) -> dict[str, str]:
    from cisflow.clusters.ordered import read_ordered

    table = read_ordered(path)
    return dict(zip(table["element"], table["sequence"], strict=True))


def _variants(path: str, sequences: dict[str, str]) -> pd.DataFrame:
    """Variants that are to be marked, checked against the sequences."""
    table = open_table(path, "variants: id, position, substitution")
    missing = [column for column in ("id", "position", "substitution") if column not in table]
    if missing:
        raise InputError([Problem(path, "missing column", row=1, column=column) for column in missing])
    problems = []
    for row, variant in enumerate(table.to_dict("records"), 2):
        sequence = sequences.get(str(variant["id"]))
        if sequence is None:
            problems.append(Problem(path, f"{variant['id']!r} is none of the sequences", row, "id"))
        elif not isinstance(variant["position"], int) or not 0 <= variant["position"] < len(sequence):
            what = f"{variant['position']!r}; expected a whole number from 0 to {len(sequence) - 1}"
            problems.append(Problem(path, what, row, "position"))
        elif variant["substitution"] not in set(BASES) - {sequence[variant["position"]]}:
            what = f"{variant['substitution']!r}; expected A, C, G or T, and not the sequence's own base"
            problems.append(Problem(path, what, row, "substitution"))
    if problems:
        raise InputError(problems)
    return table.astype({"id": str})


def _motif_problems(given: argparse.Namespace) -> list[Problem]:
    problems = []
    if given.motifs and not (given.motif_matches or given.figures):
        problems.append(Problem("--motifs", "give --motif-matches or --figures, where matches are written"))
    if given.motif_matches and not given.motifs:
        problems.append(Problem("--motif-matches", "needs --motifs"))
    if not 0 < given.p_value <= 1:
        problems.append(Problem("--p-value", f"{given.p_value}; expected a number above 0, at most 1"))
    return problems


def _motifs(given: argparse.Namespace, motifs: Any, profiles: Any, drawn: str) -> None:
    """Sites of known motifs, as a table and in the figure of a sequence."""
    from cisflow.figures.motif_matches import save_motifs
    from cisflow.files import write_table
    from cisflow.interpret.motif_scan import motif_matches, one_per_place

    matches = motif_matches(profiles, motifs, given.p_value)
    if given.motif_matches:
        write_table(matches, given.motif_matches)
    if given.figures:
        one = [rows.filter(rows["id"] == drawn) for rows in (profiles, matches)]
        tables = [rows.to_pandas() for rows in (*one, one_per_place(one[1]))]
        save_motifs(*tables, str(Path(given.figures) / "ism_motifs.svg"))


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.devices import choose_device
    from cisflow.figures.interpretation import save_interpretation
    from cisflow.files import write_table
    from cisflow.interpret.effects import effects_of
    from cisflow.interpret.meme import read_meme
    from cisflow.interpret.tables import interpret, load_models
    from cisflow.training.numerics import reproducible_numerics

    check_outputs([given.output, given.profiles, given.checks, given.agreement, given.motif_matches])
    sequences = _sequences(given.sequences)
    variants = _variants(given.variants, sequences) if given.variants else None
    drawn = given.draw or next(iter(sequences))
    problems = [Problem("--draw", f"{drawn!r} is none of the sequences")] if drawn not in sequences else []
    problems += [Problem("--steps", f"{given.steps}; expected 0 or more")] if given.steps < 0 else []
    problems += [Problem("--start", f"{given.start}; expected 0 or more")] if given.start < 0 else []
    problems += _motif_problems(given)
    if problems:
        raise InputError(problems)
    motifs = read_meme(given.motifs) if given.motifs else None
    tables = {"profiles": given.profiles, "checks": given.checks, "agreement": given.agreement}
    steps = given.steps if any(tables.values()) or given.figures else 0
    with reproducible_numerics(given.threads):
        models = load_models(named_bundles(given.models), choose_device(given.device))
        found = interpret(models, sequences, given.output, given.start, given.end, steps)
    for name, path in tables.items():
        if path:
            write_table(getattr(found, name), path)
    if given.figures:
        own = None if variants is None else variants[variants["id"] == drawn]
        svgs = tuple(str(Path(given.figures) / f"{name}.svg") for name in ("ism", "ism_agreement"))
        save_interpretation(
            effects_of(given.output, drawn), own, found.agreement.to_pandas(), svgs, checks=found.checks.to_pandas()
        )
    if motifs is not None:
        _motifs(given, motifs, found.profiles, drawn)

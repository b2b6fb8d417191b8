"""Structural variants in ``cisflow variants``: what contact models say of rearranged chromosomes.

Inputs: bundles of contact models, a genome, expected contacts, a VCF file or changes as text. Outputs: a table of
effects; on request maps, figures and a table of how many changes were predicted or not, and why.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from cisflow.cli.bundles import expected_by_model, named_bundles
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

#: Options that mean nothing to contact models.
OF_EXPRESSION = ("constructs", "intervals", "left", "right", "annotated")
#: Options that mean nothing to expression models.
OF_CONTACTS = ("change", "changes", "expected", "padding", "arrays", "figures", "save_every")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of contact models."""
    group = parser.add_argument_group("contact models")
    group.add_argument(
        "--change",
        action="append",
        default=[],
        metavar="TEXT",
        help="'region|del|dup|inv chr9:94904000-94910000' (0-based, half-open), 'ins chr9:94904000 ACGT [+|-]', "
        "'break chr1:85691449 chr5:89533745 +/+' (1-based bases of the kept sides; + keeps what lies left), "
        "'segments chr1:0-90000000:+ chr5:0-9000000:- [at=POSITION]'; may be given several times",
    )
    group.add_argument(
        "--changes", metavar="FILE", help="list of such texts, each after its name and a tab if it has one"
    )
    group.add_argument(
        "--expected",
        nargs="+",
        default=[],
        metavar="[NAME=]FILE",
        help="expected.npz of the model's map; models of several levels need it",
    )
    group.add_argument(
        "--padding", metavar="CHROMOSOME", help="fills up inputs of several chromosomes (default: the longest)"
    )
    group.add_argument("--arrays", metavar="FOLDER", help="output: maps of every change and model, .npz")
    group.add_argument("--figures", metavar="FOLDER", help="output: ladders of every change and model, .svg and .png")
    group.add_argument(
        "--save-every",
        type=float,
        metavar="SECONDS",
        help="how much work a killed run can lose (default: 30)",
    )


def wrong_options(given: argparse.Namespace, names: tuple[str, ...], task: str) -> list[Problem]:
    """Options that were given and mean nothing to models of a task."""
    return [
        Problem(f"--{name.replace('_', '-')}", f"has no meaning for models of {task}")
        for name in names
        if getattr(given, name)
    ]


def tell(counts: Mapping[str, int], output: str | None) -> None:
    """Log how many alleles have which status, and write the table where one is asked for."""
    import pandas as pd

    from cisflow.files import write_table
    from cisflow.variants.expression import status_table

    rows = status_table(counts)
    for row in rows:
        logger.info("%s: %s", row["status"], f"{row['alleles']:,}")
    if output:
        write_table(pd.DataFrame(rows, columns=["status", "alleles"]), Path(output))


def run(given: argparse.Namespace) -> None:
    """Predict changes with contact models."""
    from cisflow.devices import choose_device
    from cisflow.training.numerics import reproducible_numerics
    from cisflow.variants.contact_run import Changes, ContactInput, run_contact_variants

    problems = wrong_options(given, OF_EXPRESSION, "contacts")
    sources = [name for name in ("vcf", "changes", "change") if getattr(given, name)]
    if len(sources) != 1:
        problems.append(Problem("options", "give one of --vcf, --changes and --change"))
    if given.rename and not given.vcf:
        problems.append(Problem("--rename", "has no meaning without --vcf"))
    if not given.genome:
        problems.append(Problem("--genome", "contact models need the genome, FASTA or 2bit"))
    if problems:
        raise InputError(problems)
    bundles = named_bundles(given.models)
    shown = ContactInput(given.genome, bundles, expected_by_model(given.expected, list(bundles)), given.padding)
    changes = Changes(given.vcf, given.changes, given.change, given.rename)
    arrays = given.arrays or (f"{given.figures}/arrays" if given.figures else None)
    with reproducible_numerics(given.threads):
        device = choose_device(given.device)
        counts = run_contact_variants(
            shown,
            changes,
            given.output,
            given.state or f"{given.output}.parts",
            device,
            arrays,
            every_seconds=30.0 if given.save_every is None else given.save_every,
        )
    tell(counts, given.counts)
    if given.figures:
        from cisflow.figures.variant_ladders import plot_variant_ladders
        from cisflow.variants.ladders import Ladders

        for path in sorted(Path(arrays).glob("*.npz")):
            plot_variant_ladders(Ladders.read(path), Path(given.figures) / f"{path.stem}.svg")

"""``cisflow variants``: effects of variants on predicted expression or on predicted contact maps; the model decides.

Inputs: bundles, a VCF file, constructs or intervals of a genome; for contact models see
:mod:`cisflow.cli.contact_variants`. Outputs: a table of effects, on request the VCF file with the effects and a table
of how many alleles were predicted or not, and why.
"""

from __future__ import annotations

import argparse

from cisflow.cli import contact_variants
from cisflow.cli.bundles import add_device, add_models, named_bundles, task_of
from cisflow.cli.options import check_outputs, example
from cisflow.problems import InputError, Problem


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "variants",
        help="effect of variants on predicted expression or contact maps",
        description="Models of expression: predict reference and alternative of every allele of a VCF file in every "
        "sequence that it touches. Models of contacts: predict maps of reference and rearranged chromosome at all "
        "levels, of a VCF file with structural variants or of changes given as text (docs/methods/variants.md). "
        "Nothing is left out: alleles that cannot be predicted have a row with the reason.",
        **example(
            "cisflow variants rnn=models/dream_rnn/seed1 rnn=models/dream_rnn/seed2 --vcf calls.vcf.gz \\\n"
            "    --genome sacCer3.fa --intervals promoters.bed --left TGCATTTTTTTCACATC --right GGTTACGGCTGTT \\\n"
            "    --output effects.parquet --annotated calls.effects.vcf.gz\n"
            "  cisflow variants orca=models/orca_32mb/seed1 --genome hg38.2bit --expected expected.npz \\\n"
            "    --change 'del chr9:94904000-94910000' --output effects.tsv --figures ladders"
        ),
    )
    add_models(parser)
    parser.add_argument("--vcf", metavar="FILE", help="variants, plain or gzip")
    parser.add_argument(
        "--constructs",
        metavar="FILE",
        help="FASTA, or table of id and sequence without header; CHROM of the variants names a construct",
    )
    parser.add_argument("--genome", metavar="FASTA", help="with --intervals; for contact models FASTA or 2bit")
    parser.add_argument(
        "--intervals", metavar="BED", help="what the models are shown of the genome, with name and strand where given"
    )
    parser.add_argument("--left", default="", metavar="BASES", help="constant bases in front of every sequence")
    parser.add_argument("--right", default="", metavar="BASES", help="constant bases behind every sequence")
    parser.add_argument("--output", required=True, help="table of effects, written block by block")
    parser.add_argument("--annotated", metavar="FILE", help="output: the VCF file with the effects in INFO")
    parser.add_argument("--counts", metavar="FILE", help="output: alleles by status")
    parser.add_argument(
        "--rename",
        metavar="TABLE",
        help="names of chromosomes in the VCF file (cooler_name) and in the genome (genome_name) where they differ by "
        "more than chr in front",
    )
    parser.add_argument("--state", metavar="FOLDER", help="finished parts of an unfinished run (default: OUTPUT.parts)")
    contact_variants.add_options(parser)
    add_device(parser)
    parser.set_defaults(run=run)


def _problems(given: argparse.Namespace) -> list[Problem]:
    problems = contact_variants.wrong_options(given, contact_variants.OF_CONTACTS, "expression")
    if not given.vcf:
        problems.append(Problem("--vcf", "models of expression need a VCF file"))
    if bool(given.constructs) == bool(given.genome or given.intervals):
        problems.append(Problem("options", "give --constructs, or --genome with --intervals"))
    elif not given.constructs and not (given.genome and given.intervals):
        problems.append(Problem("options", "--genome and --intervals belong together"))
    if given.rename and given.constructs:
        problems.append(Problem("--rename", "has no meaning for constructs, which are named as they are"))
    for name in ("left", "right"):
        if set(getattr(given, name).upper()) - set("ACGTN"):
            problems.append(Problem(f"--{name}", f"{getattr(given, name)!r}; expected A, C, G, T or N"))
    if given.annotated and not given.annotated.endswith((".vcf", ".vcf.gz")):
        problems.append(Problem("--annotated", f"{given.annotated!r}; expected a name that ends in .vcf or .vcf.gz"))
    return problems


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    check_outputs([given.output, given.counts])
    if task_of([folder for folders in named_bundles(given.models).values() for folder in folders]) == "contacts":
        contact_variants.run(given)
    else:
        _run_expression(given)


def _run_expression(given: argparse.Namespace) -> None:
    from cisflow.devices import choose_device
    from cisflow.training.numerics import reproducible_numerics
    from cisflow.variants.expression_run import Shown, run_expression_variants

    if problems := _problems(given):
        raise InputError(problems)
    shown = Shown(given.constructs, given.intervals, given.genome, (given.left, given.right), given.rename)
    state = given.state or f"{given.output}.parts"
    with reproducible_numerics(given.threads):
        device = choose_device(given.device)
        counts = run_expression_variants(
            named_bundles(given.models), given.vcf, shown, given.output, state, device, given.annotated
        )
    contact_variants.tell(counts, given.counts)

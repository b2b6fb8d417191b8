"""``cisflow screen``: which bases contact maps depend on, and what inserted sequences do to them.

Inputs: bundles of contact models, a genome, regions or places and sequences. Outputs: a table; on request a figure and
bedGraph tracks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cisflow.cli.bundles import add_device, add_models, expected_by_model, named_bundles
from cisflow.cli.options import check_outputs, example
from cisflow.problems import InputError, Problem


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "screen",
        help="virtual screens of contact models: disrupted sites, inserted sequences",
        description="disruption: sites of a few bases are disrupted along regions; impact of each on the row of its "
        "bin. insertion: sequences are written into places; change of the coarsest map on the row of the place "
        "(activity towards a compartment). Both continue after a kill (docs/methods/variants.md).",
        **example(
            "cisflow screen orca=models/orca_1mb/seed1 --kind disruption --genome hg38.2bit \\\n"
            "    --region chr9:94904000-94914000 --together 20 --rounds 3 --forward --output impact.parquet\n"
            "  cisflow screen orca=models/orca_32mb/seed1 --kind insertion --genome hg38.2bit \\\n"
            "    --expected expected.npz --places places.bed --sequences segments.fa --output activity.parquet"
        ),
    )
    add_models(parser)
    parser.add_argument("--kind", required=True, choices=("disruption", "insertion"))
    parser.add_argument("--genome", required=True, metavar="FILE", help="FASTA or 2bit")
    parser.add_argument(
        "--expected", nargs="+", default=[], metavar="[NAME=]FILE", help="expected.npz of the model's map"
    )
    parser.add_argument("--exclude", metavar="BED", help="badly measured stretches, left out of the means")
    parser.add_argument("--output", required=True, help="table")
    parser.add_argument("--figure", metavar="SVG", help="output: tracks, with .png, .tsv and .json beside it")
    parser.add_argument("--state", metavar="FOLDER", help="finished parts of an unfinished run (default: OUTPUT.parts)")
    sites = parser.add_argument_group("disruption")
    sites.add_argument("--region", action="append", default=[], metavar="chr9:94904000-94914000")
    sites.add_argument("--width", type=int, default=10, help="bases of a site (default: 10)")
    sites.add_argument(
        "--method",
        choices=("draw", "shuffle", "mask"),
        default="draw",
        help="bases of random positions (published), the site's bases in another order, or unknown bases",
    )
    sites.add_argument("--together", type=int, default=1, help="sites disrupted at once (published: 20; default: 1)")
    sites.add_argument(
        "--rounds", type=int, default=1, help="times; the smallest impact counts (published: 3; default: 1)"
    )
    sites.add_argument("--forward", action="store_true", help="forward strand alone (published); models of one level")
    sites.add_argument("--bedgraph", metavar="FOLDER", help="output: one bedGraph per model and level")
    sites.add_argument("--seed", type=int, default=0)
    inserted = parser.add_argument_group("insertion")
    inserted.add_argument("--places", metavar="BED", help="bases from the start of each interval on are replaced")
    inserted.add_argument("--sequences", metavar="FILE", help="FASTA, or table of id and sequence")
    add_device(parser)
    parser.set_defaults(run=run)


def _problems(given: argparse.Namespace) -> list[Problem]:
    disruption = given.kind == "disruption"
    problems = []
    if disruption and not given.region:
        problems.append(Problem("--region", "the disruption screen needs one or more"))
    if not disruption and not (given.places and given.sequences):
        problems.append(Problem("options", "the insertion screen needs --places and --sequences"))
    wrong = ("places", "sequences") if disruption else ("region", "bedgraph", "forward")
    problems += [Problem(f"--{name}", f"has no meaning for {given.kind}") for name in wrong if getattr(given, name)]
    if given.figure and not given.figure.endswith(".svg"):
        problems.append(Problem("--figure", f"{given.figure!r}; expected a name that ends in .svg"))
    return problems


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.contacts.regions import parse_region
    from cisflow.devices import choose_device
    from cisflow.figures.contact_screens import plot_disruptions, plot_insertions
    from cisflow.files import read_table
    from cisflow.training.numerics import reproducible_numerics
    from cisflow.variants.contact_run import ContactInput
    from cisflow.variants.disruption_screen import Disruption
    from cisflow.variants.screen_input import read_regions
    from cisflow.variants.screen_run import DisruptionScreen, InsertionScreen, Screen, run_screen, write_bedgraphs

    check_outputs([given.output])
    problems, regions = _problems(given), []
    for text in given.region:
        try:
            regions.append(parse_region(text))
        except ValueError as error:
            problems.append(Problem("--region", str(error)))
    if problems:
        raise InputError(problems)
    bundles = named_bundles(given.models)
    expected = expected_by_model(given.expected, list(bundles))
    shown = ContactInput(given.genome, bundles, expected, forward_only=given.forward)
    state = given.state or f"{given.output}.parts"
    screen: Screen
    if given.kind == "disruption":
        rule = Disruption(given.width, given.method, given.together, given.rounds, given.seed)
        screen = DisruptionScreen(regions, rule)
    else:
        screen = InsertionScreen(read_regions(given.places), given.sequences)
    with reproducible_numerics(given.threads):
        run_screen(shown, screen, given.output, state, choose_device(given.device), given.exclude)
    if given.bedgraph:
        write_bedgraphs(read_table(given.output), Path(given.bedgraph))
    if given.figure:
        plot = plot_disruptions if given.kind == "disruption" else plot_insertions
        plot(read_table(given.output), given.figure)

"""``cisflow models``: list, show and export trained models.

Inputs: folders with bundles. Outputs: a table or a model card on the screen, or an export.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cisflow.cli.options import example
from cisflow.problems import InputError, Problem


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "models",
        help="list, show and export trained models",
        description="A trained model is a bundle: a folder with weights, recipe, course of the training and manifest.",
        **example(
            "cisflow models list results\n"
            "  cisflow models show results/demo/models/promoters/dream_rnn/seed1\n"
            "  cisflow models export results/demo/models/promoters/dream_rnn/seed1 dream_rnn.tar.gz"
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="bundles below folders, one line each")
    listed.add_argument("folders", nargs="*", default=["results"], metavar="FOLDER", help="default: results")
    listed.add_argument("--output", metavar="FILE", help="write the table to a file instead")
    shown = actions.add_parser("show", help="card of a model: what it is, made from what, scores, recipe")
    shown.add_argument("folder", metavar="BUNDLE")
    exported = actions.add_parser("export", help="bundle with card and scores, as a folder or .tar.gz")
    exported.add_argument("folder", metavar="BUNDLE")
    exported.add_argument("output", metavar="OUTPUT", help="a new folder, or a name that ends in .tar.gz")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.files import write_table
    from cisflow.joblog import logger
    from cisflow.models.card import export_bundle, list_bundles, model_card

    if given.action == "show":
        print(model_card(given.folder), end="")
    elif given.action == "export":
        logger.info("wrote %s: %s", given.output, ", ".join(export_bundle(given.folder, given.output)))
    else:
        absent = [folder for folder in given.folders if not Path(folder).is_dir()]
        if absent:
            raise InputError([Problem(folder, "no folder") for folder in absent])
        table = list_bundles(given.folders)
        if given.output:
            write_table(table, given.output)
        elif table.empty:
            logger.info("no bundles below %s", ", ".join(given.folders))
        else:
            print(table.to_string(index=False, na_rep=""))

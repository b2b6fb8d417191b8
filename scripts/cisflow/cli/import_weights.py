"""``cisflow import-weights``: published weights to a bundle.

Inputs: state dicts (PyTorch or safetensors) and the recipe of their network. Outputs: a bundle as training writes it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cisflow.cli.options import CHECKOUT, example
from cisflow.problems import InputError, Problem


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "import-weights",
        help="published weights to a model that predicts",
        description="Compare the tensors of state dicts by name and shape with the network of a recipe, tell every "
        "difference at once, and write a bundle. No code from a file is run: it must hold tensors only. Check that the "
        "licence of the weights allows your use: that of the released Orca models is for academic research only.",
        **example(
            "cisflow import-weights model_best.pth --recipe dream_rnn --output dream_rnn/",
            "cisflow import-weights models/orca_h1esc --recipe orca_32mb --output orca_h1esc_32mb/",
        ),
    )
    parser.add_argument(
        "weights",
        nargs="+",
        metavar="WEIGHTS",
        help="state dict: .safetensors, or as torch.save writes it. Contact models of several parts: the files under "
        "their published names (orca_h1esc.net0.statedict, ...), the common beginning of these names "
        "(models/orca_h1esc), or PART=FILE",
    )
    parser.add_argument(
        "--recipe",
        required=True,
        help="recipe of the network: a file, or a name in config/recipes, e.g. dream_rnn, prix_fixe/0_0_2_0, orca_1mb, "
        "orca_32mb, orca_32mb_hctnoc or orca_256mb",
    )
    parser.add_argument("--output", required=True, metavar="FOLDER", help="bundle; a new or empty folder")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.models.import_contact_weights import import_contact_weights
    from cisflow.models.import_weights import import_weights, load_recipe

    recipe = Path(given.recipe)
    named = CHECKOUT / "config" / "recipes" / f"{given.recipe}.yaml"
    if not recipe.is_file() and named.is_file():
        recipe = named
    if load_recipe(recipe)["task"] == "contacts":
        import_contact_weights(given.weights, recipe, given.output)
        return
    if len(given.weights) > 1:
        raise InputError(Problem("weights", f"{len(given.weights)} files; expected one for an expression model"))
    import_weights(given.weights[0], recipe, given.output)

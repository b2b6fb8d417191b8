"""``cisflow import-weights``: published weights to a bundle.

Inputs: a state dict (PyTorch or safetensors) and the recipe of its network. Outputs: a bundle as training writes it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cisflow.cli.options import CHECKOUT, example


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "import-weights",
        help="published weights to a model that predicts",
        description="Compare the tensors of a state dict by name and shape with the network of a recipe, tell every "
        "difference at once, and write a bundle. No code from the file is run: it must hold tensors only.",
        **example("cisflow import-weights model_best.pth --recipe dream_rnn --output dream_rnn/"),
    )
    parser.add_argument("weights", help="state dict: .safetensors, or as torch.save writes it")
    parser.add_argument(
        "--recipe",
        required=True,
        help="recipe of the network: a file, or a name in config/recipes, e.g. dream_rnn or prix_fixe/0_0_2_0",
    )
    parser.add_argument("--output", required=True, metavar="FOLDER", help="bundle; a new or empty folder")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.models.import_weights import import_weights

    recipe = Path(given.recipe)
    named = CHECKOUT / "config" / "recipes" / f"{given.recipe}.yaml"
    if not recipe.is_file() and named.is_file():
        recipe = named
    import_weights(given.weights, recipe, given.output)

"""``cisflow benchmark``: time of a training step, throughput and memory of networks of expression or profiles.

Inputs: recipes or bundles. Outputs: tables of the repeats and of their medians, and a figure.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from cisflow.cli.bundles import add_device, model_name
from cisflow.cli.options import CHECKOUT, add_section, check_outputs, example, section_settings
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.settings.speed import TASKS, is_measurable

RECIPES = CHECKOUT / "config" / "recipes"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "benchmark",
        help="time of a training step, throughput and memory of networks",
        description="Measure training steps as the training loop takes them, and forward passes in batches that are "
        "doubled up to the limit of the machine or a stated cap (docs/methods/training.md). Sequences are random: only "
        "shapes matter. Run it on a machine that does nothing else.",
        **example(
            "cisflow benchmark dream_cnn dream_rnn mine=my_recipe.yaml trained=models/dream_attn/seed1 \\\n"
            "    --output speed.tsv --repeats-table repeats.tsv --figures figures"
        ),
    )
    parser.add_argument(
        "models",
        nargs="+",
        metavar="[NAME=]MODEL",
        help="recipe of config/recipes by name (dream_rnn, prix_fixe/0_1_0_0), recipe file, or bundle",
    )
    parser.add_argument("--output", required=True, help="table: medians and quartiles per model and batch size")
    parser.add_argument("--repeats-table", metavar="FILE", help="output: one row per repeat")
    parser.add_argument("--figures", metavar="FOLDER", help="output: box plots, as speed.svg, .png, .tsv and .json")
    add_section(parser, "speed", leave_out=["measure"])
    add_device(parser)
    parser.set_defaults(run=run)


def _recipe_file(text: str) -> Path:
    """File of a recipe named by a bundle, a path, or its name in ``config/recipes``."""
    path = Path(text)
    if path.is_dir():
        return path / "recipe.yaml"
    return path if path.is_file() else RECIPES / f"{text.removesuffix('.yaml')}.yaml"


def named_recipes(given: list[str]) -> dict[str, dict[str, Any]]:
    """Complete recipes by name of the model.

    Parameters
    ----------
    given : list of str
        ``MODEL`` or ``NAME=MODEL``; without a name that of the recipe, or of the model that a bundle is of.

    Raises
    ------
    InputError
        With every argument that is no network of expression or profiles, and every name that occurs twice.
    """
    from cisflow.models.prix_fixe import complete_recipe
    from cisflow.models.profiles.settings import profile_settings
    from cisflow.models.recipes import check_expression_recipe
    from cisflow.user_files import read_yaml

    known = [path.relative_to(RECIPES).with_suffix("").as_posix() for path in sorted(RECIPES.rglob("*.yaml"))]
    found: dict[str, dict[str, Any]] = {}
    problems = []
    for text in given:
        before, _, after = text.rpartition("=")
        path = _recipe_file(after)
        if not path.is_file():
            problems.append(Problem("models", f"no bundle, file or recipe: {not_one_of(after, known)}"))
            continue
        recipe = read_yaml(path, "a recipe")
        name = before or (model_name(after) if Path(after).is_dir() else after.removesuffix(".yaml"))
        if name in found:
            problems.append(Problem("models", f"{name!r} is given twice; name one of them: NAME=MODEL"))
        if not isinstance(recipe, dict) or not is_measurable(recipe):
            problems.append(Problem(str(path), f"no network of task {' or '.join(TASKS)}: nothing to measure"))
            continue
        try:
            found[name] = complete_recipe(recipe, str(path)) if recipe["task"] == "expression" else recipe
            if recipe["task"] == "expression":
                check_expression_recipe(found[name], str(path))
            else:
                profile_settings(recipe, str(path))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    check_outputs([given.output, given.repeats_table])
    settings = section_settings(given, "speed")
    settings.pop("measure")
    recipes = named_recipes(given.models)

    from cisflow.devices import choose_device
    from cisflow.files import write_table
    from cisflow.models.speed import SpeedSettings, measure_speed

    def keep(repeats: pd.DataFrame, summary: pd.DataFrame) -> None:
        """Write what is known so far, so that a long measurement that is stopped leaves its finished models."""
        write_table(summary, given.output)
        if given.repeats_table:
            write_table(repeats, given.repeats_table)

    device = choose_device(given.device)
    repeats, summary = measure_speed(recipes, SpeedSettings(**settings), device, given.threads, keep)
    if given.figures:
        from cisflow.figures.speed import speed_figure
        from cisflow.figures.style import save_figure

        figure, table, caption = speed_figure(repeats, summary)
        save_figure(figure, table, Path(given.figures) / "speed.svg", "Speed of networks", caption)

"""The keys of an expression recipe, checked before anything is trained. Needs no torch.

Inputs: a recipe as read from YAML. Outputs: nothing, or one error with every problem of the recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cisflow.problems import InputError, Problem, not_one_of
from cisflow.training.options import OPTION_KEYS, option_problems

ALWAYS = ("task", "model")
REQUIRED = {
    "network": ("encoding", "network", "loss", "training"),
    "kmer_ridge": ("k", "pool_strands", "alphas"),
}
OPTIONAL = {
    "network": ("note", "reverse_complement", "standardise", "heads", "prediction"),
    "kmer_ridge": ("note", "heads"),
}
TRAINING = ("batch_size", "epochs", "optimiser", "schedule")
TRAINING_OPTIONAL = (
    "steps_per_epoch",
    "patience",
    "selection",
    "validation_batch_size",
    "clip_gradient_norm",
    "clip_gradient_value",
    "tf32",
    "trainer",
    *OPTION_KEYS,
)
SELECTIONS = ("pearson", "mse")
ONE_HEAD_LOSSES = ("soft_labels", "mse", "huber", "focal")
PREDICTION = ("shifts", "left_flank", "right_flank", "flatten")
BLOCKS = ("first", "core", "final")


def _keys(section: Any, required: tuple[str, ...], optional: tuple[str, ...], where: str, path: str) -> list[Problem]:
    if not isinstance(section, Mapping):
        return [Problem(where, f"{section!r}: expected a mapping", column=path.rstrip("."))]
    known = (*required, *optional)
    problems = [Problem(where, "missing", column=f"{path}{key}") for key in required if key not in section]
    problems += [
        Problem(where, f"unknown key: {not_one_of(key, known)}", column=f"{path}{key}")
        for key in section
        if key not in known
    ]
    return problems


def _number(section: Any, key: str, path: str, where: str, whole: bool) -> list[Problem]:
    value = section.get(key) if isinstance(section, Mapping) else None
    if value is None:
        return []
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or value <= 0:
        return [Problem(where, f"{value!r}: expected a positive {'integer' if whole else 'number'}", column=path + key)]
    return []


def _truth(section: Any, key: str, path: str, where: str) -> list[Problem]:
    value = section.get(key, True) if isinstance(section, Mapping) else True
    if isinstance(value, bool):
        return []
    return [Problem(where, f"{value!r}: expected true or false", column=path + key)]


def _standardise(recipe: Mapping[str, Any], where: str) -> list[Problem]:
    if "standardise" not in recipe:
        return []
    given = recipe["standardise"]
    problems = _keys(given, (), ("mean", "sd"), where, "standardise.")
    if isinstance(given, Mapping):
        problems += _number(given, "sd", "standardise.", where, whole=False)
        mean = given.get("mean", 0)
        if isinstance(mean, bool) or not isinstance(mean, int | float):
            problems.append(Problem(where, f"{mean!r}: expected a number", column="standardise.mean"))
    loss = recipe.get("loss")
    if isinstance(loss, Mapping) and loss.get("name") == "soft_labels":
        problems.append(
            Problem(
                where,
                "the loss `soft_labels` needs expression on the scale of the bins; leave `standardise` out",
                column="standardise",
            )
        )
    return problems


def _heads(recipe: Mapping[str, Any], where: str) -> list[Problem]:
    if "heads" not in recipe:
        return []
    heads = recipe["heads"]
    named = isinstance(heads, list) and all(isinstance(head, str) for head in heads)
    if not named or len(set(heads)) != len(heads) or len(heads) < 2 or heads[0] != "expression":
        expected = "a list of columns of the dataset, the first of them expression"
        return [Problem(where, f"{heads!r}: expected {expected}", column="heads")]
    loss = recipe.get("loss")
    if isinstance(loss, Mapping) and loss.get("name") in ONE_HEAD_LOSSES:
        return [Problem(where, f"{loss['name']!r} is for one head; expected `sum_of_heads`", column="loss.name")]
    if "standardise" in recipe:
        expected = "no `standardise` beside `heads`: there is one scale, for one head"
        return [Problem(where, f"expected {expected}", column="standardise")]
    return []


def _prediction(recipe: Mapping[str, Any], where: str) -> list[Problem]:
    if "prediction" not in recipe:
        return []
    given = recipe["prediction"]
    problems = _keys(given, (), PREDICTION, where, "prediction.")
    if not isinstance(given, Mapping):
        return problems
    shifts = given.get("shifts", [0])
    if not isinstance(shifts, list) or not shifts or not all(type(shift) is int for shift in shifts):
        problems.append(Problem(where, f"{shifts!r}: expected a list of integers", column="prediction.shifts"))
    else:
        for key, needed in (("left_flank", max(shifts)), ("right_flank", -min(shifts))):
            flank = given.get(key, "")
            if not isinstance(flank, str) or set(flank.upper()) - set("ACGTN") or len(flank) < needed:
                expected = f"expected {max(needed, 0)} or more of A, C, G, T, N for these shifts"
                problems.append(Problem(where, f"{flank!r}: {expected}", column=f"prediction.{key}"))
    if "flatten" in given:
        problems += _keys(given["flatten"], ("mean", "sd"), (), where, "prediction.flatten.")
        problems += _number(given["flatten"], "sd", "prediction.flatten.", where, whole=False)
    return problems


def check_expression_recipe(recipe: Mapping[str, Any], where: str = "recipe") -> None:
    """Check the keys of an expression recipe; blocks, losses and encodings check their own settings.

    Parameters
    ----------
    recipe : mapping
        Complete, see :func:`cisflow.models.prix_fixe.complete_recipe`.
    where : str
        File of the recipe for messages.

    Raises
    ------
    InputError
        With every missing or unknown key and every value of a wrong kind.
    """
    kind = recipe.get("model")
    if kind not in REQUIRED:
        raise InputError(Problem(where, f"model {not_one_of(kind, REQUIRED)}", column="model"))
    problems = _keys(recipe, (*ALWAYS, *REQUIRED[kind]), OPTIONAL[kind], where, "")
    if kind == "network":
        training = recipe.get("training", {})
        if "training" in recipe:
            problems += _keys(training, TRAINING, TRAINING_OPTIONAL, where, "training.")
        if "network" in recipe:
            problems += _keys(recipe["network"], BLOCKS, (), where, "network.")
        for key in ("batch_size", "epochs", "steps_per_epoch", "patience", "validation_batch_size"):
            problems += _number(training, key, "training.", where, whole=True)
        for key in ("clip_gradient_norm", "clip_gradient_value"):
            problems += _number(training, key, "training.", where, whole=False)
        problems += _truth(training, "tf32", "training.", where)
        problems += option_problems(training, where)
        problems += _truth(recipe, "reverse_complement", "", where)
        problems += _standardise(recipe, where)
        problems += _heads(recipe, where)
        problems += _prediction(recipe, where)
        selection = training.get("selection", "pearson") if isinstance(training, Mapping) else "pearson"
        if selection not in SELECTIONS:
            problems.append(Problem(where, not_one_of(selection, SELECTIONS), column="training.selection"))
    else:
        problems += _number(recipe, "k", "", where, whole=True)
        if isinstance(recipe.get("k"), int) and recipe["k"] > 8:
            problems.append(Problem(where, f"{recipe['k']}: expected 1 to 8", column="k"))
        alphas = recipe.get("alphas", [1])
        if not isinstance(alphas, list) or not alphas:
            problems.append(Problem(where, f"{alphas!r}: expected a list of positive numbers", column="alphas"))
        else:
            for alpha in alphas:
                problems += _number({"alphas": alpha}, "alphas", "", where, whole=False)
        problems += _truth(recipe, "pool_strands", "", where)
        problems += _heads(recipe, where)
    if problems:
        raise InputError(problems)

"""Prix Fixe: every combination of the three teams' data processor with trainer, first, core and final block.

Inputs: the line ``prix_fixe`` of a recipe. Outputs: the whole recipe with the published settings of each part, or the
reason why the parts do not fit. Needs no torch, so that a bad combination is refused before any job starts.
Source: Rafi et al. 2024 (the 81 combinations, 45 of them compatible) and the settings of the published grid run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from cisflow.problems import InputError, Problem, not_one_of

KEY = "prix_fixe"
#: In the order of the published cell codes 0, 1, 2.
TEAMS = ("autosome", "bhi", "unlockdna")
PARTS = ("data", "first", "core", "final")

ENCODINGS: dict[str, dict[str, Any]] = {
    "autosome": {"name": "plasmid", "length": 150},
    "bhi": {"name": "random_flanks", "length": 110},
    "unlockdna": {"name": "two_strands", "width": 100, "head": 17, "tail": 13},
}
BLOCKS: dict[str, dict[str, dict[str, Any]]] = {
    "first": {
        "autosome": {"name": "autosome_first", "channels": 256, "kernel": 7},
        "bhi": {"name": "bhi_first", "channels": 320, "kernels": [9, 15], "dropout": 0.2},
        "unlockdna": {"name": "unlockdna_first", "channels": 512, "kmer": 10},
    },
    "core": {
        "autosome": {
            "name": "autosome_core",
            "widths": [128, 128, 64, 64, 64, 64],
            "kernel": 7,
            "expansion": 4,
            "filters_per_group": 2,
            "squeeze": 4,
        },
        "bhi": {
            "name": "bhi_core",
            "hidden": 320,
            "channels": 320,
            "kernels": [9, 15],
            "branch_dropout": 0.2,
            "dropout": 0.5,
        },
        "unlockdna": {
            "name": "unlockdna_core",
            "blocks": 4,
            "kernel": 15,
            "heads": 4,
            "expansion": 4,
            "dropout": 0.1,
        },
    },
    "final": {
        "autosome": {"name": "autosome_final", "bins": 18},
        "bhi": {"name": "bhi_final", "hidden": 64},
        "unlockdna": {"name": "unlockdna_final", "positions": 32, "classes": 6, "dropout": 0.1},
    },
}
#: The final block decides the loss. UnlockDNA's trainer adds that of the hidden nucleotides.
LOSSES: dict[str, dict[str, Any]] = {
    "autosome": {"name": "soft_labels", "bins": 18, "shift": 0.5, "scale": 0.5},
    "bhi": {"name": "huber", "delta": 1.0},
    "unlockdna": {"name": "mse"},
}
#: The data processor decides the targets, unless the loss needs expression on the scale of the bins.
STANDARDISE: dict[str, dict[str, Any] | None] = {"autosome": None, "bhi": {"mean": 11.0}, "unlockdna": {}}
READS_BOTH_STRANDS = {"autosome": True, "bhi": True, "unlockdna": False}  # UnlockDNA's input holds both strands
#: Highest learning rate of the one-cycle schedule with and without attention in the core block.
MAX_LEARNING_RATE = {True: 0.001, False: 0.005}
TRAINING: dict[str, dict[str, Any]] = {
    "autosome": {
        "batch_size": 512,
        "epochs": 80,
        "trainer": {"name": "plain"},
        "optimiser": {"name": "adamw", "weight_decay": 0.01},
        "schedule": {"name": "one_cycle"},
    },
    "bhi": {
        "batch_size": 512,
        "epochs": 15,
        "trainer": {"name": "both_strands"},
        "optimiser": {"name": "adamw", "learning_rate": 0.0015, "weight_decay": 0.01},
        "schedule": {"name": "cosine"},
    },
    "unlockdna": {
        "batch_size": 256,
        "epochs": 20,
        "clip_gradient_norm": 1.0,
        "clip_gradient_value": 0.5,
        "trainer": {"name": "masked_nucleotides", "ratio": 0.2},
        "optimiser": {"name": "adam", "learning_rate": 1e-14, "betas": [0.9, 0.98], "eps": 1e-9},
        "schedule": {"name": "noam", "width": 256, "warm_up": 12500, "momentum_step": True},
    },
}


@dataclass(frozen=True)
class Cell:
    """One combination; each part is named by its team.

    Attributes
    ----------
    data : str
        Data processor and trainer.
    first, core, final : str
        Blocks.
    """

    data: str
    first: str
    core: str
    final: str

    @property
    def code(self) -> str:
        """Published name: ``data_first_core_final`` with 0 Autosome.org, 1 BHI, 2 UnlockDNA, e.g. ``0_1_0_0``."""
        return "_".join(str(TEAMS.index(getattr(self, part))) for part in PARTS)

    @property
    def number(self) -> int:
        """Published job number, 0 to 80."""
        return int(self.code.replace("_", ""), base=3)

    @property
    def refusal(self) -> str | None:
        """Why the parts do not work together; None when they do."""
        if self.data == "unlockdna" and self.final != "unlockdna":
            return (
                f"data and trainer of unlockdna hide nucleotides and learn to restore them, but the final block of "
                f"{self.final} predicts no nucleotides; expected final: unlockdna"
            )
        if self.final == "unlockdna" and self.data != "unlockdna":
            return (
                "the final block of unlockdna gives expression and nucleotides as a pair, but data and trainer of "
                f"{self.data} hide no nucleotides and take one prediction; expected data: unlockdna, or another final"
            )
        return None


def cells() -> Iterator[Cell]:
    """All 81 combinations in the order of their numbers."""
    return (Cell(*teams) for teams in product(TEAMS, repeat=len(PARTS)))


def read_cell(line: Any, where: str = "recipe") -> Cell:
    """Combination named by the line ``prix_fixe`` of a recipe.

    Raises
    ------
    InputError
        With every missing or unknown part and team, or with the reason why the parts do not fit.
    """
    if not isinstance(line, Mapping):
        raise InputError(Problem(where, f"{line!r}: expected a mapping with the keys {', '.join(PARTS)}", column=KEY))
    problems = [
        Problem(where, f"missing; expected one of: {', '.join(TEAMS)}", column=f"{KEY}.{part}")
        for part in PARTS
        if part not in line
    ]
    for part, team in line.items():
        if part not in PARTS:
            problems.append(Problem(where, f"unknown key: {not_one_of(part, PARTS)}", column=f"{KEY}.{part}"))
        elif team not in TEAMS:
            problems.append(Problem(where, f"team {not_one_of(team, TEAMS)}", column=f"{KEY}.{part}"))
    if problems:
        raise InputError(problems)
    cell = Cell(**line)
    if cell.refusal is not None:
        raise InputError(Problem(where, f"combination {cell.code} does not work: {cell.refusal}", column=KEY))
    return cell


def published_recipe(cell: Cell) -> dict[str, Any]:
    """Recipe of a compatible combination with the published settings of its parts."""
    training = dict(TRAINING[cell.data])
    if cell.data == "autosome":
        highest = MAX_LEARNING_RATE[cell.core == "unlockdna"]
        training["schedule"] = {**training["schedule"], "max_learning_rate": highest}
    recipe: dict[str, Any] = {
        "task": "expression",
        "model": "network",
        "encoding": ENCODINGS[cell.data],
        "reverse_complement": READS_BOTH_STRANDS[cell.data],
        "network": {part: BLOCKS[part][getattr(cell, part)] for part in ("first", "core", "final")},
        "loss": LOSSES[cell.final],
        "training": training,
    }
    standardise = STANDARDISE[cell.data]
    if standardise is not None and cell.final != "autosome":
        recipe["standardise"] = standardise
    return recipe


def _overlaid(below: Any, above: Any) -> Any:
    """Mappings key by key; a part that is named anew keeps no settings of the one it replaces."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    if "name" in above and above["name"] != below.get("name"):
        return dict(above)
    return {**below, **{key: _overlaid(below[key], value) if key in below else value for key, value in above.items()}}


def complete_recipe(recipe: Mapping[str, Any], where: str = "recipe") -> dict[str, Any]:
    """Replace the line ``prix_fixe`` by the published settings; every other line of the recipe comes before them.

    Parameters
    ----------
    recipe : mapping
        Unchanged when it has no such line.
    where : str
        File of the recipe for messages.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        See :func:`read_cell`.

    Notes
    -----
    BHI's published trainer counts the period of its cosine in sequences but steps it per batch, so that the rate hardly
    falls: ``schedule.stretch`` is the batch size unless the recipe says otherwise.

    Examples
    --------
    >>> line = {"data": "autosome", "first": "bhi", "core": "autosome", "final": "autosome"}
    >>> complete_recipe({"prix_fixe": line, "training": {"batch_size": 1024}})["training"]["batch_size"]
    1024
    """
    if KEY not in recipe:
        return dict(recipe)
    cell = read_cell(recipe[KEY], where)
    given = {key: value for key, value in recipe.items() if key != KEY}
    complete = _overlaid(published_recipe(cell), given)
    training = complete["training"]
    if cell.data == "bhi" and isinstance(training, Mapping):
        schedule = training.get("schedule")
        if isinstance(schedule, Mapping) and schedule.get("name") == "cosine" and "batch_size" in training:
            stretched = {"stretch": training["batch_size"], **schedule}
            complete["training"] = {**training, "schedule": stretched}
    complete.setdefault("note", f"Prix Fixe {cell.code}: " + ", ".join(f"{p} {getattr(cell, p)}" for p in PARTS))
    return complete

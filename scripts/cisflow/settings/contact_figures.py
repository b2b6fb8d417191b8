"""Which test windows of a contact map are drawn and exported, by the config and the recipes alone.

Inputs: section ``contact_figures`` of the config, recipes of the models of a map. Outputs: names of windows, regions,
problems.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from cisflow.contacts.regions import RANKED, parse_region
from cisflow.problems import Problem

#: Settings of a recipe that decide where its test windows lie.
SAME_WINDOWS = (
    ("window", "bins"),
    ("window", "bin_size"),
    ("window", "levels"),
    ("evaluation", "step_bins"),
    ("evaluation", "zoom"),
    ("evaluation", "assemblies"),
)


def shared_setting(recipes: Iterable[Mapping[str, Any]], section: str, key: str, default: Any) -> Any:
    """Value of a section that the models of a map share: that of the first recipe which has the section."""
    found = next((recipe[section] for recipe in recipes if isinstance(recipe.get(section), Mapping)), {})
    return found.get(key, default)


def regions_on(regions: Sequence[str], chromosomes: Collection[str]) -> list[str]:
    """Regions of the config that lie on the given chromosomes."""
    return [text for text in regions if parse_region(text).chromosome in chromosomes]


def drawn_windows(regions: Sequence[str], between: bool) -> list[str]:
    """Names of the windows that are drawn and exported, as :func:`cisflow.evaluation.contact_windows.chosen_windows`.

    Parameters
    ----------
    regions : sequence of str
        Of the map, see :func:`regions_on`.
    between : bool
        Whether there are windows of several chromosomes, too.
    """
    trans = [f"trans_{name}" for name in RANKED] if between else []
    return [*RANKED, *trans, *(parse_region(text).name for text in regions)]


def region_problems(regions: Sequence[str], chromosomes: Collection[str]) -> list[Problem]:
    """Regions that cannot be read, or lie on no test chromosome of any map."""
    problems = []
    for text in regions:
        try:
            region = parse_region(text)
        except ValueError as error:
            problems.append(Problem("config", str(error), column="contact_figures.regions"))
            continue
        if region.chromosome not in chromosomes:
            there = ", ".join(sorted(chromosomes)) or "none"
            message = f"{text!r} lies on no test chromosome of a contact map; these are {there}"
            problems.append(Problem("config", message, column="contact_figures.regions"))
    return problems


def comparable_maps(
    maps: Mapping[str, Mapping[str, Any]],
    genomes: Mapping[str, str],
    models: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> list[tuple[str, str]]:
    """Pairs of maps whose difference can be compared with predictions.

    Parameters
    ----------
    maps : mapping
        Rows of the contact maps sheet by name.
    genomes : mapping of str to str
        Name of the genome of each map.
    models : mapping of str to mapping
        By map the recipes of its models, by the name of the model.

    Returns
    -------
    list of (str, str)
        Maps of one genome with the same test chromosomes, the same windows and at least one model of the same name.
    """

    def windows(name: str) -> tuple[Any, ...]:
        chromosomes = sorted(part.strip() for part in (maps[name]["test_chromosomes"] or "").split(","))
        shared = [shared_setting(models[name].values(), section, key, None) for section, key in SAME_WINDOWS]
        return genomes.get(name), chromosomes, shared

    return [
        (first, second)
        for first, second in combinations([name for name in maps if models.get(name)], 2)
        if set(models[first]) & set(models[second]) and windows(first) == windows(second)
    ]

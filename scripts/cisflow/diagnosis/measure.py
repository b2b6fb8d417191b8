"""Diagnosis of a contact map before any model is blamed: ceiling, noise by distance, distribution of the targets.

Inputs: ``contacts/{map}/map.cool`` and ``expected.npz``, those of a replicate where there is one, a model's windows.
Outputs: ``diagnosis/{map}/{model}.ceiling.tsv``, ``.by_window.tsv``, ``.by_distance.tsv``, ``.targets.tsv``,
``.histogram.tsv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cisflow.contacts.regions import length_name
from cisflow.contacts.targets import ContactMap
from cisflow.diagnosis.ceiling import (
    WindowAgreement,
    agreement_of_parts,
    agreement_with_replicate,
    ceiling_table,
    distance_table,
    window_table,
)
from cisflow.diagnosis.looks import ROLES, LevelMap, Looks, by_role, looks_of
from cisflow.diagnosis.parts import part_maps
from cisflow.diagnosis.target_statistics import target_tables
from cisflow.files import write_table
from cisflow.joblog import logger
from cisflow.models.contact_settings import ContactSettings
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.randomness import generator, seed_for


class _Agreements:
    """Agreement of the parts of a map, and with its replicate, in the windows of a recipe."""

    def __init__(self, looks: Looks, contact_map: ContactMap, other: ContactMap | None, name: str, seed: int):
        self.read, self.name = looks.reader(contact_map), f"replicate {name}"
        self.halves, self.quarters = ([looks.reader(part) for part in of] for of in part_maps(contact_map, seed))
        self.other = [looks.reader(other)] if other is not None else []

    def of(self, role: str, one: Any) -> tuple[list[LevelMap], list[WindowAgreement]]:
        """Maps of an input, and the agreements in those that have an entry that counts."""
        whole = self.read(one)
        # One part after the other: an input of several chromosomes takes as much memory as all of its levels.
        halves, quarters, others = ([read(one) for read in of] for of in (self.halves, self.quarters, self.other))
        found = []
        for k, here in enumerate(whole):
            if not here.counts.any():
                continue
            place, counted = {"split": role, **here.place}, here.counted
            parts = (np.stack([part[k].target for part in of]) for of in (halves, quarters))
            found.append(agreement_of_parts(counted, *parts, **place))
            found += [agreement_with_replicate(counted, other[k].target, self.name, **place) for other in others]
        return whole, found


def _open_replicate(contact_map: ContactMap, replicate: Mapping[str, str | Path], name: str) -> ContactMap:
    other = ContactMap(replicate["contacts"], replicate["expected"])
    if other.resolution != contact_map.resolution or other.chromosomes != contact_map.chromosomes:
        raise InputError(
            Problem(
                "contact maps sheet",
                f"map {name!r} differs in resolution or chromosomes; expected a map of the same genome and resolution",
                column="replicate_of",
            )
        )
    return other


def diagnose_map(
    files: Mapping[str, str | Path],
    replicate: Mapping[str, str | Path] | None,
    checked: ContactSettings,
    settings: Mapping[str, Any],
    outputs: Mapping[str, str | Path],
) -> None:
    """Write the diagnosis of a contact map in the windows of a recipe.

    Parameters
    ----------
    files : mapping
        ``contacts`` (``map.cool``), ``expected`` (``expected.npz``).
    replicate : mapping or None
        The same files of a replicate.
    checked : ContactSettings
        Of the recipe.
    settings : mapping
        ``map``, ``replicate`` (name or None), ``seed``, ``draws`` (bootstrap), ``windows`` (at most so many inputs of
        each role), ``validation_chromosomes``, ``test_chromosomes``.
    outputs : mapping
        ``ceiling, by_window, by_distance, targets, histogram``: tables to write.

    Raises
    ------
    InputError
        When the replicate does not fit.
    """
    contact_map = ContactMap(files["contacts"], files["expected"])
    looks = looks_of(checked, contact_map, settings["seed"])
    lengths = by_role(contact_map.chromosomes, settings["validation_chromosomes"], settings["test_chromosomes"])
    inputs = {role: looks.inputs(lengths[role], settings["windows"]) for role in ROLES}
    other = _open_replicate(contact_map, replicate, settings["replicate"]) if replicate else None
    seed = seed_for(settings["seed"], settings["map"])
    agreements = _Agreements(looks, contact_map, other, settings["replicate"], seed)
    targets = [(ROLES[0], found) for one in inputs[ROLES[0]] for found in agreements.read(one)]
    found: list[WindowAgreement] = []
    progress = Progress("split contacts", sum(len(inputs[role]) for role in ROLES[1:]), "inputs")
    for role in ROLES[1:]:
        for one in inputs[role]:
            whole, of_parts = agreements.of(role, one)
            targets += [(role, here) for here in whole]
            found += of_parts
            progress.advance()
    progress.write()
    table = ceiling_table(found, settings["draws"], generator(settings["seed"], "ceiling", settings["map"]))
    statistics, histogram = target_tables(targets)
    write_table(table, outputs["ceiling"])
    write_table(window_table(found), outputs["by_window"])
    write_table(distance_table(found), outputs["by_distance"])
    write_table(statistics, outputs["targets"])
    write_table(histogram, outputs["histogram"])
    for row in table[table["metric"] == "pearson"].itertuples():
        logger.info(
            "ceiling from %s, %s windows of %s, %s: r %.3f (%.3f to %.3f); r between them %.3f",
            *(row.source, row.split, length_name(row.level), row.kind, row.ceiling, row.low, row.high, row.between),
        )

"""Diagnosis of a contact map before any model is blamed: ceiling, noise by distance, distribution of the targets.

Inputs: ``contacts/{map}/map.cool`` and ``expected.npz``, those of a replicate where there is one, the window of the
map's models. Outputs: ``diagnosis/{map}/ceiling.tsv``, ``ceiling_by_window.tsv``, ``ceiling_by_distance.tsv``,
``targets.tsv``, ``target_histogram.tsv``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cisflow.contacts.targets import ContactMap
from cisflow.contacts.windows import Window, tile
from cisflow.diagnosis.ceiling import (
    WindowAgreement,
    agreement_of_parts,
    agreement_with_replicate,
    ceiling_table,
    distance_table,
    window_table,
)
from cisflow.diagnosis.parts import part_maps
from cisflow.diagnosis.target_statistics import target_tables
from cisflow.files import write_table
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.randomness import generator, seed_for

ROLES = ("training", "validation", "test")


def spread(windows: Sequence[Window], most: int) -> list[Window]:
    """At most ``most`` of the windows, evenly spaced in their order."""
    if len(windows) <= most:
        return list(windows)
    return [windows[i] for i in np.linspace(0, len(windows) - 1, most).round().astype(int)]


def windows_by_role(
    lengths: Mapping[str, int], validation: Sequence[str], test: Sequence[str], length: int, step: int, most: int
) -> dict[str, list[Window]]:
    """Windows that tile the chromosomes of each role, ``most`` at most; none where all are shorter than a window."""
    names = {"validation": list(validation), "test": list(test)}
    names["training"] = [name for name in lengths if name not in {*validation, *test}]
    found = {}
    for role in ROLES:
        long_enough = {name: lengths[name] for name in names[role] if lengths[name] >= length}
        found[role] = spread(tile(long_enough, length, step), most) if long_enough else []
    return found


class _Diagnosis:
    def __init__(self, contact_map: ContactMap, settings: Mapping[str, Any]):
        window, evaluation = settings["window"], settings["evaluation"]
        self.contact_map, self.settings = contact_map, settings
        self.bin_size, self.bins = window.bin_size, window.bins
        self.factor = window.bin_size // contact_map.resolution
        self.n_fine = window.bins * self.factor
        self.max_missing = evaluation.max_missing_in_bin
        self.parts = part_maps(contact_map, seed_for(settings["seed"], settings["map"]))

    def place(self, role: str, window: Window) -> dict[str, object]:
        names = {"split": role, "chromosome": window.chromosome, "start": window.start}
        return names | {"level": self.bins * self.bin_size, "bin_size": self.bin_size}

    def without_sparse(self, window: Window, target: np.ndarray) -> np.ndarray:
        first = window.start // self.contact_map.resolution
        measured = np.isfinite(self.contact_map.weights[window.chromosome][first : first + self.n_fine])
        share = measured.reshape(-1, self.factor).mean(axis=1)
        return np.where(1 - np.outer(share, share) <= self.max_missing, target, np.nan)

    def target(self, contact_map: ContactMap, window: Window) -> np.ndarray:
        return contact_map.window_target(window.chromosome, window.start, self.n_fine, self.factor)

    def agreement(self, role: str, window: Window) -> WindowAgreement:
        whole = self.without_sparse(window, self.target(self.contact_map, window))
        halves, quarters = (np.stack([self.target(part, window) for part in parts]) for parts in self.parts)
        return agreement_of_parts(whole, halves, quarters, **self.place(role, window))

    def replicate(self, role: str, window: Window, other: ContactMap) -> WindowAgreement:
        whole = self.without_sparse(window, self.target(self.contact_map, window))
        name = f"replicate {self.settings['replicate']}"
        return agreement_with_replicate(whole, self.target(other, window), name, **self.place(role, window))

    def targets(self, windows: Mapping[str, Sequence[Window]]) -> Iterator[tuple[str, str, np.ndarray]]:
        for role, of_role in windows.items():
            for window in of_role:
                yield role, window.chromosome, self.target(self.contact_map, window)


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
    settings: Mapping[str, Any],
    outputs: Mapping[str, str | Path],
) -> None:
    """Write the diagnosis of a contact map.

    Parameters
    ----------
    files : mapping
        ``contacts`` (``map.cool``), ``expected`` (``expected.npz``).
    replicate : mapping or None
        The same files of a replicate.
    settings : mapping
        ``map``, ``replicate`` (name or None), ``seed``, ``draws`` (bootstrap), ``windows`` (at most so many of each
        role), ``window`` and ``evaluation`` (see :mod:`cisflow.models.contact_settings`), ``validation_chromosomes``,
        ``test_chromosomes``.
    outputs : mapping
        ``ceiling, by_window, by_distance, targets, histogram``: tables to write.

    Raises
    ------
    InputError
        When the replicate does not fit.
    """
    contact_map = ContactMap(files["contacts"], files["expected"])
    diagnosis = _Diagnosis(contact_map, settings)
    step = settings["evaluation"].step_bins * diagnosis.bin_size
    held_out = (settings["validation_chromosomes"], settings["test_chromosomes"])
    windows = windows_by_role(
        contact_map.chromosomes, *held_out, diagnosis.bins * diagnosis.bin_size, step, settings["windows"]
    )
    other = _open_replicate(contact_map, replicate, settings["replicate"]) if replicate else None
    found = []
    progress = Progress("split contacts", sum(len(windows[role]) for role in ROLES[1:]), "windows")
    for role in ROLES[1:]:
        for window in windows[role]:
            found.append(diagnosis.agreement(role, window))
            if other is not None:
                found.append(diagnosis.replicate(role, window, other))
            progress.advance()
    progress.write()
    table = ceiling_table(found, settings["draws"], generator(settings["seed"], "ceiling", settings["map"]))
    statistics, histogram = target_tables(diagnosis.targets(windows))
    write_table(table, outputs["ceiling"])
    write_table(window_table(found), outputs["by_window"])
    write_table(distance_table(found), outputs["by_distance"])
    write_table(statistics, outputs["targets"])
    write_table(histogram, outputs["histogram"])
    for row in table[table["metric"] == "pearson"].itertuples():
        logger.info(
            "ceiling from %s, %s windows: r %.3f (%.3f to %.3f); r between them %.3f",
            *(row.source, row.split, row.ceiling, row.low, row.high, row.between),
        )

"""Which windows of a map a diagnosis looks at, at one level or at several, and how they are read.

Inputs: checked settings of a contact recipe, lengths of chromosomes, a contact map (or parts of it). Outputs: lists of
inputs by role, and for each input its maps (:class:`LevelMap`). The windows of the test chromosomes are those that the
models are evaluated on. Coordinates are 0-based; ends are exclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from cisflow.contacts.evaluation_inputs import CIS, EvaluationInput
from cisflow.contacts.ladder import LadderReader
from cisflow.contacts.targets import ContactMap
from cisflow.contacts.windows import Window, tile
from cisflow.models.contact_settings import ContactSettings
from cisflow.models.ladder_predict import evaluation_inputs

ROLES = ("training", "validation", "test")
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class LevelMap:
    """The map of a window at one level.

    Attributes
    ----------
    kind : {"cis", "trans"}
        Whether contacts within a chromosome or between chromosomes count.
    chromosome : str
        Several joined by ``+`` in random assemblies.
    start, level, bin_size : int
        First base, bases covered, bases per bin.
    target : float32 array, (bins, bins)
        NaN where nothing was measured.
    own : bool array, (bins, bins)
        Entries of the kind.
    counts : bool array, (bins, bins)
        Those of them that were measured well enough for the evaluation.
    """

    kind: str
    chromosome: str
    start: int
    level: int
    bin_size: int
    target: np.ndarray
    own: np.ndarray
    counts: np.ndarray

    @property
    def place(self) -> dict[str, object]:
        """Where and what it is, by column of the tables."""
        return {name: getattr(self, name) for name in ("kind", "chromosome", "start", "level", "bin_size")}

    @property
    def counted(self) -> np.ndarray:
        """Target with NaN at every entry that does not count."""
        return np.where(self.counts, self.target, np.nan)


class Looks(Protocol):
    """Windows of a recipe."""

    def inputs(self, lengths: Mapping[str, int], most: int) -> list[Any]:
        """Inputs that cover chromosomes of these lengths (bp), at most ``most``, evenly spread."""

    def reader(self, contact_map: ContactMap) -> Callable[[Any], list[LevelMap]]:
        """Function that reads the maps of an input; in the same order for every map of the same genome."""


def spread(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most ``most`` of them, evenly spaced in their order."""
    if len(things) <= most:
        return list(things)
    return [things[i] for i in np.linspace(0, len(things) - 1, most).round().astype(int)]


def by_role(lengths: Mapping[str, int], validation: Sequence[str], test: Sequence[str]) -> dict[str, dict[str, int]]:
    """Chromosomes with their lengths by role; all that are not held out are for training."""
    names = {"training": [name for name in lengths if name not in {*validation, *test}]}
    names |= {"validation": list(validation), "test": list(test)}
    return {role: {name: lengths[name] for name in names[role]} for role in ROLES}


class OneLevel:
    """Windows of models of one level."""

    def __init__(self, settings: ContactSettings):
        self.window, self.evaluation = settings.window, settings.evaluation

    def inputs(self, lengths: Mapping[str, int], most: int) -> list[Window]:
        """See :class:`Looks`; none where all chromosomes are shorter than a window."""
        length, step = self.window.length, self.evaluation.step_bins * self.window.bin_size
        long_enough = {name: bases for name, bases in lengths.items() if bases >= length}
        return spread(tile(long_enough, length, step), most) if long_enough else []

    def reader(self, contact_map: ContactMap) -> Callable[[Window], list[LevelMap]]:
        """See :class:`Looks`."""
        window, most_missing = self.window, self.evaluation.max_missing_in_bin
        factor = window.bin_size // contact_map.resolution
        n_fine = window.bins * factor

        def read(one: Window) -> list[LevelMap]:
            place = (one.chromosome, one.start, n_fine, factor)
            target = contact_map.window_target(*place)
            counts = contact_map.missing_share(*place) <= most_missing
            where = (CIS, one.chromosome, one.start, window.length, window.bin_size)
            return [LevelMap(*where, target, np.ones_like(counts), counts)]

        return read


class SeveralLevels:
    """Inputs of models of several levels, of one chromosome or of several.

    Parameters
    ----------
    settings : ContactSettings
    contact_map : ContactMap
    seed : int
        Of the random assemblies, see :func:`cisflow.models.ladder_predict.evaluation_inputs`.
    """

    def __init__(self, settings: ContactSettings, contact_map: ContactMap, seed: int):
        self.settings, self.seed = settings, seed
        self.ladder, self.assembled = settings.window.ladder, settings.assembly is not None
        self._windows = LadderReader(contact_map, None, self.ladder, self.assembled)

    def inputs(self, lengths: Mapping[str, int], most: int) -> list[EvaluationInput]:
        """See :class:`Looks`. Of inputs with several series of windows, the first series and others evenly spread.

        Chromosomes that are shorter than an input are left out; where inputs are filled up with other chromosomes,
        those that are shorter than a window of the finest level.
        """
        shortest = self.ladder.levels[-1 if self.assembled else 0]
        long_enough = {name: bases for name, bases in lengths.items() if bases >= shortest}
        if not long_enough:
            return []
        evaluation = self.settings.evaluation
        random = min(evaluation.assemblies, most) if len(long_enough) > 1 else 0
        settings = replace(self.settings, evaluation=replace(evaluation, assemblies=random))
        found = evaluation_inputs(settings, self._windows, long_enough, self.seed)
        within = spread([one for one in found if one.kind == CIS], most)
        series = max(1, most // len(within))
        within = [replace(one, zooms=tuple(spread(one.zooms, series))) for one in within]
        return [*within, *(one for one in found if one.kind != CIS)]

    def reader(self, contact_map: ContactMap) -> Callable[[EvaluationInput], list[LevelMap]]:
        """See :class:`Looks`; levels from coarse to fine, series after series."""
        ladder, most_missing = self.ladder, self.settings.evaluation.max_missing_in_bin
        windows = LadderReader(contact_map, None, ladder, self.assembled)

        def read(one: EvaluationInput) -> list[LevelMap]:
            at, found = windows.open(one.segments), []
            for zoom, offsets in enumerate(one.zooms):
                data = at(offsets)
                target, own = data.target, one.counts(zoom, ladder, data, np.inf)
                counts = one.counts(zoom, ladder, data, most_missing)
                places = zip(offsets, ladder.levels, ladder.bin_sizes, strict=True)
                for k, (offset, level, size) in enumerate(places):
                    where = (one.kind, one.name, one.start + int(offset), level, size)
                    found.append(LevelMap(*where, target[k], own[k], counts[k]))
            return found

        return read


def looks_of(settings: ContactSettings, contact_map: ContactMap, seed: int) -> Looks:
    """Windows of a recipe: of one level or of several; ``seed`` see :class:`SeveralLevels`."""
    return SeveralLevels(settings, contact_map, seed) if settings.window.levels > 1 else OneLevel(settings)

"""Settings of a contact recipe, checked.

Inputs: a recipe (``task: contacts``). Outputs: :class:`WindowSettings`, :class:`TrainingSettings` and so on, or one
:class:`~cisflow.problems.InputError` with every problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cisflow.models.recipe_sections import Sections
from cisflow.problems import InputError, Problem, not_one_of

if TYPE_CHECKING:  # the workflow reads recipes at every start: nothing heavy is imported before it is used
    from cisflow.contacts.assembly import SegmentRule
    from cisflow.models.cascade_zoom import Ladder

KINDS = ("network", "distance_only", "mean_map", "composition")
FITTED = ("distance_only", "mean_map", "composition")  # in one go, without optimiser steps
WITHOUT_SEQUENCE = ("distance_only", "mean_map")
SHARED = ("window", "validation", "evaluation")
LOSS_OVER = ("measured", "all")


@dataclass(frozen=True)
class WindowSettings:
    """``window``: what a network sees and predicts.

    Attributes
    ----------
    bins, bin_size : int
        The predicted map has bins x bins entries of bin_size bp; with several levels, at the finest one.
    levels : int
        Number of levels. Each covers half of the one above with as many bins; the sequence is as long as the top one.
    shift : int
        Largest random displacement of the sequence against the map (bp); in an assembly, of each segment.
    max_missing : float
        Training windows with a larger share of missing entries are drawn again; 1 = none is.
    resolution : int
        Bins of the map that the targets are made from (bp), a multiple of the map's resolution in the sheet;
        0 (not given) = that one.
    """

    bins: int
    bin_size: int
    levels: int = 1
    shift: int = 0
    max_missing: float = 1.0
    resolution: int = 0

    @property
    def length(self) -> int:
        """Length of the sequence in base pairs."""
        return self.bins * self.bin_size * 2 ** (self.levels - 1)

    @property
    def ladder(self) -> Ladder:
        """Levels as :mod:`cisflow.models.cascade_zoom` has them."""
        from cisflow.models.cascade_zoom import Ladder

        return Ladder.from_finest(self.bins, self.bin_size, self.levels)


@dataclass(frozen=True)
class AssemblySettings:
    """``assembly``: inputs are put together from several chromosomes; see :mod:`cisflow.contacts.assembly`.

    Attributes
    ----------
    random_length_probability, shortest, longest, max_length
        See :class:`~cisflow.contacts.assembly.SegmentRule`.
    """

    random_length_probability: float = 0.0
    shortest: int = 0
    longest: int = 0
    max_length: int = 0

    @property
    def rule(self) -> SegmentRule:
        """How long the segments are."""
        from cisflow.contacts.assembly import SegmentRule

        return SegmentRule(self.random_length_probability, self.shortest, self.longest, self.max_length)


@dataclass(frozen=True)
class ValidationSettings:
    """``validation``: windows that choose the best network.

    Attributes
    ----------
    windows : int
        Number of windows, drawn once.
    max_missing : float
        Windows with this share of missing entries or more do not count; with several levels, windows with a larger
        share of missing pixels are drawn again, and maps of a level with 70 % missing entries or more do not count.
    zoom : tuple of int
        With several levels, first bin of each level's window in the level above; empty: the centre.
    """

    windows: int = 2048
    max_missing: float = 0.7
    zoom: tuple[int, ...] = ()


@dataclass(frozen=True)
class EvaluationSettings:
    """``evaluation``: windows of the test chromosomes.

    Attributes
    ----------
    step_bins : int
        Bins (of the finest level) from the start of one window to the next; in inputs of several chromosomes, from one
        zoom position of a test chromosome to the next.
    max_missing_in_bin : float
        Entries of the observed map with a larger share of missing fine bins do not count.
    zoom : tuple of int
        With several levels, first bin of each level's window in the level above; empty: the centre.
    assemblies : int
        Random inputs of the test chromosomes for the contacts between them.
    shortest, longest : int
        Range of the lengths of their segments (bp); 0 = whole chromosomes where they fit.
    """

    step_bins: int
    max_missing_in_bin: float = 0.25
    zoom: tuple[int, ...] = ()
    assemblies: int = 0
    shortest: int = 0
    longest: int = 0


@dataclass(frozen=True)
class TrainingSettings:
    """``training``: what the task needs; ``optimiser``, ``schedule`` and clipping belong to the training loop.

    Attributes
    ----------
    batch_size, steps, steps_per_validation : int
    profile_weight : float
        Weight of the cross-entropy of the profiles; 0 = do not predict them. Networks of several levels have none.
    loss_over : {"measured", "all"}
        What the squared error of a level is divided by: entries that were measured, or all entries of the batch.
    loaders : int
        Processes that read windows ahead of the training; 0 = read in the training process. Not part of the result.
    """

    batch_size: int
    steps: int
    steps_per_validation: int
    profile_weight: float = 1.0
    loaders: int = 0
    loss_over: str = "measured"


RANGES: Mapping[str, tuple[float, float | None]] = {  # lowest and highest value
    "bins": (2, None),
    "bin_size": (1, None),
    "levels": (1, 16),
    "shift": (0, None),
    "random_length_probability": (0, 1),
    "shortest": (0, None),
    "longest": (0, None),
    "max_length": (0, None),
    "assemblies": (0, None),
    "resolution": (1, None),
    "max_missing": (0, 1),
    "windows": (1, None),
    "step_bins": (1, None),
    "max_missing_in_bin": (0, 1),
    "batch_size": (1, None),
    "steps": (1, None),
    "steps_per_validation": (1, None),
    "profile_weight": (0, None),
    "loaders": (0, None),
}


@dataclass(frozen=True)
class ContactSettings:
    """All checked settings of a contact recipe.

    Attributes
    ----------
    model, window, validation, evaluation, network
        As in the recipe.
    training : TrainingSettings or None
        None for models that are not trained: baselines, and networks that keep the weights of ``start_from``.
    assembly : AssemblySettings or None
        None for inputs of one chromosome.
    start_from : str or None
        Model of the same map, or folder of a bundle.
    """

    model: str
    window: WindowSettings
    validation: ValidationSettings
    evaluation: EvaluationSettings
    training: TrainingSettings | None
    network: Mapping[str, Any]
    assembly: AssemblySettings | None = None
    start_from: str | None = None


def fill_from_others(recipe: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Complete a recipe without ``window``, ``validation`` or ``evaluation`` by those of another model of its map.

    Parameters
    ----------
    recipe : mapping
        The baseline's recipe leaves them out, so that it is always measured on the windows of the model beside it: of
        the model that ``windows_of`` names, else of the first that has the section.
    others : mapping of str to mapping
        Recipes of the models on the same map, by model.
    """
    filled, named = dict(recipe), recipe.get("windows_of")
    sources = [others[named]] if named in others else list(others.values())
    for name in SHARED:
        given = next((other[name] for other in sources if name in other), None)
        if name not in filled and given is not None:
            filled[name] = given
    if "window" not in recipe:
        source = next((other for other in sources if "window" in other), {})
        filled |= {"assembly": source["assembly"]} if "assembly" in source else {}
    return filled


def contact_settings(recipe: Mapping[str, Any], where: str = "recipe") -> ContactSettings:
    """Check a contact recipe.

    Parameters
    ----------
    recipe : mapping
        With ``window``, ``validation`` and ``evaluation``, see :func:`fill_from_others`.
    where : str
        File of the recipe for messages.

    Raises
    ------
    InputError
        With every unknown key, missing key and value out of range.
    """
    sections = Sections(recipe, where, RANGES, {"loss_over": LOSS_OVER})
    problems, model = sections.problems, recipe.get("model")
    if model not in KINDS:
        problems.append(Problem(where, f"{not_one_of(model, KINDS)}", column="model"))
    known = ("task", "model", "note", *SHARED, "assembly", "windows_of")
    known += ("network", "training", "start_from") if model not in FITTED else ()
    sections.check_keys(known)
    window = sections.read("window", WindowSettings)
    validation = sections.read("validation", ValidationSettings)
    evaluation = sections.read("evaluation", EvaluationSettings)
    assembly = sections.read("assembly", AssemblySettings) if "assembly" in recipe else None
    start_from = recipe.get("start_from")
    if start_from is not None and not (isinstance(start_from, str) and start_from):
        found = f"{start_from!r}; expected the name of a model of the same map, or the folder of a bundle"
        problems.append(Problem(where, found, column="start_from"))
    if model == "composition" and window is not None and window.levels > 1:
        found = f"{window.levels}; expected 1 with model composition"
        problems.append(Problem(where, found, column="window.levels"))
    if not problems:
        problems += _level_problems(window, validation, evaluation, assembly, where)
    training = None
    if model not in FITTED and ("training" in recipe or not start_from):  # else the weights stay as they are
        training = sections.read_training(TrainingSettings)
    if problems:
        raise InputError(problems)
    network = recipe.get("network") or {}
    return ContactSettings(model, window, validation, evaluation, training, network, assembly, start_from)


def _level_problems(
    window: WindowSettings,
    validation: ValidationSettings,
    evaluation: EvaluationSettings,
    assembly: AssemblySettings | None,
    where: str,
) -> list[Problem]:
    """What does not fit together in recipes of several levels or several chromosomes."""
    problems = []
    if window.levels > 1 and window.bins % 2:
        problems.append(Problem(where, f"{window.bins}; expected an even number", column="window.bins"))
    for name, zoom in (("validation", validation.zoom), ("evaluation", evaluation.zoom)):
        if zoom and (len(zoom) != window.levels - 1 or max(zoom) > window.bins // 2):
            expected = f"{window.levels - 1} numbers from 0 to {window.bins // 2}"
            problems.append(Problem(where, f"{list(zoom)}; expected {expected}", column=f"{name}.zoom"))
    ranges = [("evaluation", evaluation), *([("assembly", assembly)] if assembly else [])]
    for name, given in ranges:
        if given.shortest > given.longest:
            found = f"{given.longest} is below shortest, {given.shortest}"
            problems.append(Problem(where, found, column=f"{name}.longest"))
    if assembly is None:
        if evaluation.assemblies:
            found = "needs inputs of several chromosomes (a section `assembly`)"
            problems.append(Problem(where, found, column="evaluation.assemblies"))
    else:
        if window.levels < 2:
            found = f"{window.levels}; expected 2 or more with a section `assembly`"
            problems.append(Problem(where, found, column="window.levels"))
        if assembly.random_length_probability and not assembly.longest:
            found = "missing; it is required with random_length_probability"
            problems.append(Problem(where, found, column="assembly.longest"))
        if evaluation.step_bins % 2 ** (window.levels - 1):
            found = (
                f"{evaluation.step_bins}; expected a multiple of {2 ** (window.levels - 1)}, the bins of one top bin"
            )
            problems.append(Problem(where, found, column="evaluation.step_bins"))
    return problems


def reading_mb(settings: ContactSettings, resolution: int) -> int:
    """Memory (MB) of the processes that read training windows, the training process included.

    Parameters
    ----------
    settings : ContactSettings
    resolution : int
        Bin size of the map (bp).

    Notes
    -----
    Each holds the batch that it reads and those that wait, one byte per base, and for the window in work 3 bytes per
    fine pixel; for an assembly, whose blocks are smoothed one by one, 4 for the whole and up to 40 for one block.
    """
    training, window = settings.training, settings.window
    if training is None:
        return 0
    pixels = (window.length / resolution) ** 2
    maps = 12 * window.levels * window.bins**2
    batch = training.batch_size * (window.length + maps)
    work = pixels * (44 if settings.assembly is not None else 3)
    waiting = 3 if window.levels == 1 else 2
    return int((training.loaders + 1) * (300e6 + waiting * batch + work) / 1e6)


def parts_mb(settings: ContactSettings, resolution: int) -> int:
    """Memory (MB) of a window of a map while its contacts are given to parts at random; see :func:`reading_mb`.

    Notes
    -----
    Of a dense map, per fine pixel: 25 bytes for the counts of the parts and 3 for the smoothing; for an assembly up to
    60 and 40.
    """
    pixels = (settings.window.length / resolution) ** 2
    return int(pixels * (100 if settings.assembly is not None else 28) / 1e6)

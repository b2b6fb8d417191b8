"""A designed library, made as the test set of the Random Promoter DREAM Challenge was (Rafi et al. 2024).

Inputs: trained models, native promoters, settings. Outputs: the order with predictions and subsets, subset tables that
scoring reads, how many sequences each step made, the course of the genetic algorithms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cisflow.design.checks import refused, without
from cisflow.design.genetic import Variation, best_of, evolve
from cisflow.design.motifs import perturbed, tiled
from cisflow.design.native import tiles
from cisflow.design.pareto import along_front, evolve_disagreement
from cisflow.design.parts import DesignedLibrary, Part, assemble, singles
from cisflow.design.predictor import CodePredictor
from cisflow.design.settings import DesignSettings
from cisflow.design.variants import random_substitutions, trajectories
from cisflow.evaluation.subsets import CHALLENGE
from cisflow.files import write_table, write_text
from cisflow.interpret.mutagenesis import Predictor
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator
from cisflow.simulate.bases import decode, random_bases

#: Names of the subsets by the name of their files.
SUBSET_NAMES = {stem: name for name, stem, _, _, _ in CHALLENGE}


@dataclass(frozen=True)
class Design:
    """A designed library with everything that is told of it.

    Attributes
    ----------
    library : DesignedLibrary
    order : DataFrame
        One row per sequence in the order of the library: ``pos``, ``id``, ``sequence``, ``variable``, ``subsets``
        (names, separated by commas), and one column per model with its prediction.
    funnel : DataFrame
        ``subset``, ``step`` (designed, without forbidden sites and runs, different), ``sequences``, ``pairs``.
    history : DataFrame
        ``run``, ``generation`` and the quantities of :func:`~cisflow.design.genetic.evolve` and
        :func:`~cisflow.design.pareto.evolve_disagreement`, empty where a run has none.
    """

    library: DesignedLibrary
    order: pd.DataFrame
    funnel: pd.DataFrame
    history: pd.DataFrame


class _Maker:
    """Makes the parts of a design, each with draws of its own."""

    def __init__(self, predict: CodePredictor, settings: DesignSettings, seed: int):
        self.predict, self.settings, self.seed = predict, settings, seed
        self.how = Variation(settings.crossover, settings.mutation, settings.base_mutation, settings.replacements)
        self.history: list[pd.DataFrame] = []

    def rng(self, *names: object) -> np.random.Generator:
        return generator(self.seed, "design", *names)

    def _record(self, run: str, history: pd.DataFrame) -> None:
        self.history.append(history.assign(run=run))

    def extreme(self, model: str, kind: str) -> Part:
        """Sequences of high or low prediction."""
        number, sign = getattr(self.settings, kind), 1 if kind == "high" else -1
        run, alone = f"GA.{model}.{kind}", self.predict.only(model)
        evolved = evolve(
            self.rng("genetic", model, kind),
            lambda codes: alone(codes)[:, 0],
            self.settings.length,
            self.settings.population,
            self.settings.generations,
            sign,
            self.how,
            self.settings.tournament,
            what=run,
        )
        self._record(run, evolved.history)
        codes, _ = best_of(evolved, number, sign, self.settings.least_differences)
        if len(codes) < number:
            logger.info("%s: %d sequences differ enough, %d were asked for", run, len(codes), number)
        return singles([f"{run}_{i}" for i in range(len(codes))], codes)

    def challenging(self, first: str, second: str) -> Part:
        """Sequences that the first model predicts high and the second one low."""
        run = f"GA.{first}.vs.{second}.pareto"
        models = {name: self.predict.models[name] for name in (first, second)}
        both = CodePredictor(models, self.predict.left, self.predict.right)
        evolved = evolve_disagreement(
            self.rng("pareto", first, second),
            both,
            self.settings.length,
            self.settings.population,
            self.settings.generations,
            self.how,
            what=run,
        )
        self._record(run, evolved.history)
        codes, _ = along_front(evolved, self.settings.challenging)
        return singles([f"{run}_{i}_{i // 10}" for i in range(len(codes))], codes)

    def variants(self, native: Part, random: Part) -> list[Part]:
        """Trajectories and random substitutions."""
        found, settings = [], self.settings
        pools = [part for part in (native, random) if len(part.tags)]
        if settings.trajectory_starts and pools:
            starts = self._some(pools[0], settings.trajectory_starts, "trajectories")
            alone = self.predict.only(next(iter(self.predict.models)))
            for sign in (1, -1):
                walk = trajectories(
                    lambda codes: alone(codes)[:, 0], starts.tags, starts.variable, settings.trajectory_steps, sign
                )
                found.append(walk)
        for i, pool in enumerate(pools if settings.substituted_starts else []):
            # Half of the starts from each, all from one where the other is empty.
            number = -(-settings.substituted_starts // len(pools))
            starts = self._some(pool, number, "substitutions", i)
            rng = self.rng("substituted", i)
            found.append(random_substitutions(rng, starts.tags, starts.variable, settings.random_substitutions))
        return found

    def _some(self, part: Part, number: int, *names: object) -> Part:
        """Some sequences of a part, in its order."""
        chosen = np.sort(self.rng(*names).permutation(len(part.tags))[:number])
        return singles([part.tags[i] for i in chosen.tolist()], part.variable[chosen])


def _parts(maker: _Maker, native: Part) -> dict[str, list[Part]]:
    """Parts by the name of the subset's file."""
    settings, models = maker.settings, list(maker.predict.models)
    random = singles(
        [f"rand{i}" for i in range(settings.random)],
        random_bases(maker.rng("random"), settings.random, settings.length),
    )
    parts: dict[str, list[Part]] = {
        "all_random_seqs": [random],
        "yeast_seqs": [native],
        "high_exp_seqs": [maker.extreme(model, "high") for model in models if settings.high],
        "low_exp_seqs": [maker.extreme(model, "low") for model in models if settings.low],
        "challenging_seqs": [],
        "all_SNVs_seqs": maker.variants(native, random),
        "motif_perturbation_seqs": [],
        "motif_tiling_seqs": [],
    }
    if settings.challenging and len(models) > 1:
        first, second = models[:2]
        parts["challenging_seqs"] = [maker.challenging(first, second), maker.challenging(second, first)]
    elif settings.challenging:
        logger.info("no challenging sequences: they need two models that can disagree")
    n = settings.perturbed_backgrounds
    if n:
        part = perturbed(maker.rng("perturbed"), random.tags[:n], random.variable[:n], settings.perturbed_several)
        parts["motif_perturbation_seqs"].append(part)
    n = settings.tiled_backgrounds
    if n:
        parts["motif_tiling_seqs"].append(tiled(random.tags[:n], random.variable[:n], settings.tiling_step))
    return {name: group for name, group in parts.items() if any(len(part.tags) for part in group)}


def _checked(parts: Mapping[str, list[Part]], settings: DesignSettings) -> tuple[dict[str, list[Part]], list[tuple]]:
    """Parts without sequences that cannot be ordered, and rows of the funnel."""
    kept, funnel = {}, []
    for name, group in parts.items():
        bad = (
            refused(part.variable, settings.left, settings.right, settings.forbidden, settings.longest_run)
            for part in group
        )
        done = [without(part, rows) for part, rows in zip(group, bad, strict=True)]
        for step, some in (("designed", group), ("without forbidden sites and runs", done)):
            numbers = sum(len(part.tags) for part in some), sum(len(part.alt) for part in some)
            funnel.append((SUBSET_NAMES[name], step, *numbers))
        if any(len(part.tags) for part in done):
            kept[name] = done
    return kept, funnel


def _order(library: DesignedLibrary, predict: CodePredictor, settings: DesignSettings) -> pd.DataFrame:
    """One row per sequence."""
    belongs: list[list[str]] = [[] for _ in library.ids]
    for stem, table in library.subsets.items():
        columns = ["alt_pos", "ref_pos"] if "alt_pos" in table else ["pos"]
        for row in np.unique(table[columns].to_numpy()).tolist():
            belongs[row].append(SUBSET_NAMES[stem])
    sequences = decode(library.amplicons)
    left = len(settings.left)
    variable = library.amplicons[:, left : left + settings.length]
    predicted = predict(variable)
    return pd.DataFrame(
        {
            "pos": np.arange(len(library.ids)),
            "id": library.ids,
            "sequence": sequences,
            "variable": decode(variable),
            "subsets": [",".join(names) for names in belongs],
            **{name: predicted[:, i] for i, name in enumerate(predict.models)},
        }
    )


def design_library(
    models: Mapping[str, Sequence[Predictor]],
    settings: DesignSettings,
    promoters: Sequence[tuple[str, str]] = (),
    seed: int = 2022,
) -> Design:
    """Design a library.

    Parameters
    ----------
    models : mapping of list of Predictor by name
        Replicates of each model. Each makes its own sequences of high and low prediction; the first two are set against
        each other; the first one leads the trajectories.
    settings : DesignSettings
    promoters : sequence of (str, str)
        Native promoters, name and bases on the strand of the gene.
    seed : int

    Returns
    -------
    Design

    Raises
    ------
    InputError
        Names of promoters given twice, no promoter long enough, a forbidden site in the flanks, a model that has no
        prediction for the length, or nothing left to order.
    """
    twice = [name for name, times in Counter(name for name, _ in promoters).items() if times > 1]
    problems = [Problem("promoters", f"{name!r} is the name of several promoters") for name in twice[:20]]
    native, unknown = tiles(promoters, settings.length, settings.native_step, settings.native_tiles)
    if promoters and settings.native_tiles and not native.tags and not unknown:
        problems.append(Problem("promoters", f"none has {settings.length} bases or more, the length of a tile"))
    for key in ("left", "right"):
        flank = getattr(settings, key)
        empty = np.empty((1, 0), dtype=np.uint8)
        for site in settings.forbidden if flank else []:
            if refused(empty, flank, "", [site], 0).any():
                problems.append(Problem("design", f"the flank {flank!r} itself holds {site!r}", column="forbidden"))
    if problems:
        raise InputError(problems)
    if unknown:
        logger.info("%d tiles of native promoters hold other letters than A, C, G, T and are left out", unknown)
    predict = CodePredictor(models, settings.left, settings.right)
    maker = _Maker(predict, settings, seed)
    parts, funnel = _checked(_parts(maker, native), settings)
    if not parts:
        raise InputError(Problem("design", "no sequence is left to order"))
    library = assemble(maker.rng("order"), parts, settings.left, settings.right)
    for stem, table in library.subsets.items():
        paired = "alt_pos" in table
        members = np.unique(table[["alt_pos", "ref_pos"] if paired else ["pos"]].to_numpy())
        funnel.append((SUBSET_NAMES[stem], "different", len(members), len(table) if paired else 0))
    funnel.append(("all", "different", len(library.ids), 0))
    columns = ["run", "generation", "mean", "best", "mean_difference", "best_difference", "front", "predicted"]
    history = pd.concat([pd.DataFrame(columns=["run", "generation"]), *maker.history], ignore_index=True)
    return Design(
        library,
        _order(library, predict, settings),
        pd.DataFrame(funnel, columns=["subset", "step", "sequences", "pairs"]),
        history.reindex(columns=columns),
    )


def write_design(design: Design, folder: str | Path) -> list[str]:
    """Write a design: order sheet, ordered sequences, subset tables, funnel and history.

    Parameters
    ----------
    design : Design
    folder : path

    Returns
    -------
    list of str
        Files. ``order.tsv``; ``ordered.tsv`` (id and sequence without header, as the libraries sheet takes it);
        ``subsets/test_subset_ids/*.csv`` (as the datasets sheet takes the folder ``subsets``); ``funnel.tsv``;
        ``history.tsv``.
    """
    folder = Path(folder)
    files: dict[str, Any] = {"order.tsv": design.order, "funnel.tsv": design.funnel, "history.tsv": design.history}
    for stem, table in design.library.subsets.items():
        files[f"subsets/test_subset_ids/{stem}.csv"] = table
    for name, table in files.items():
        write_table(table, folder / name)
    write_ordered(design, folder / "ordered.tsv")
    return [*files, "ordered.tsv"]


def write_ordered(design: Design, path: str | Path) -> None:
    """Write id and sequence without a header."""
    rows = zip(design.order["id"], design.order["sequence"], strict=True)
    write_text("".join(f"{name}\t{sequence}\n" for name, sequence in rows), path)

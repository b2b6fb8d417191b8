"""Training of contact models: from a map, a genome and a recipe to a bundle.

Inputs: ``contacts/{map}/map.cool`` and ``expected.npz``, the genome, peak files. Outputs:
``models/{map}/{model}/seed{seed}/`` (a bundle).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from cisflow import provenance
from cisflow.contacts.genome import Genome
from cisflow.contacts.peaks import PeakTracks
from cisflow.contacts.reader import WindowReader
from cisflow.contacts.targets import ContactMap
from cisflow.contacts.windows import tile
from cisflow.devices import choose_device
from cisflow.joblog import logger
from cisflow.models.contact_settings import ContactSettings, contact_settings
from cisflow.models.contacts_task import ContactsTask
from cisflow.models.distance_only import DistanceOnly, mean_by_distance
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.progress import Progress
from cisflow.randomness import seed_for
from cisflow.training.bundle import write_bundle
from cisflow.training.loop import PACKAGES, train


@dataclass(frozen=True)
class ContactFiles:
    """Input files of a contact model.

    Attributes
    ----------
    contacts, expected : path
        ``contacts/{map}/map.cool`` and ``expected.npz``.
    genome : path
        FASTA.
    peaks : sequence of path
        BED files of the profile tracks, may be empty.
    """

    contacts: str | Path
    expected: str | Path
    genome: str | Path
    peaks: Sequence[str | Path] = ()

    def named(self) -> dict[str, str | Path]:
        """Files by their name in the manifest."""
        named = {"contacts": self.contacts, "expected": self.expected, "genome": self.genome}
        return named | {f"peaks {Path(path).name}": path for path in self.peaks}

    def reader(self, settings: ContactSettings) -> WindowReader:
        """Reader of windows of a recipe; without tracks when the recipe does not learn any."""
        learns_profiles = settings.training is not None and settings.training.profile_weight > 0
        peaks = PeakTracks(self.peaks if learns_profiles else [])
        contact_map = ContactMap(self.contacts, self.expected)
        genome = Genome(self.genome, contact_map.chromosomes)
        return WindowReader(contact_map, genome, settings.window.bins, settings.window.bin_size, peaks)


def lengths_of(contact_map: ContactMap, names: Sequence[str], role: str) -> dict[str, int]:
    """Lengths (bp) of held-out chromosomes.

    Raises
    ------
    InputError
        When a name is not a chromosome of the map, or there is none.
    """
    lengths = contact_map.chromosomes
    problems = [
        Problem("contact maps sheet", not_one_of(name, lengths), column=f"{role}_chromosomes")
        for name in names
        if name not in lengths
    ]
    if not names:
        problems.append(
            Problem("contact maps sheet", "empty; contact models need at least one", column=f"{role}_chromosomes")
        )
    if problems:
        raise InputError(problems)
    return {name: lengths[name] for name in names}


def train_contact_model(
    files: ContactFiles, bundle: str | Path, state_dir: str | Path, settings: Mapping[str, Any], code: str
) -> None:
    """Train a model on a contact map and write its bundle.

    Parameters
    ----------
    files : ContactFiles
    bundle, state_dir : path
        Folder of the result; folder of the state while training goes on.
    settings : mapping
        ``recipe``; ``map``, ``model`` and ``replicate``, which with ``seed`` (of the run) give the model's own seed;
        ``validation_chromosomes``, ``test_chromosomes`` (lists); ``device``; ``training`` (``threads``,
        ``save_every_seconds``).
    code : str
        Digest of the code.

    Raises
    ------
    InputError
        When recipe, map or chromosomes are not usable.
    """
    recipe = settings["recipe"]
    checked = contact_settings(recipe)
    reader = files.reader(checked)
    validation = lengths_of(reader.contact_map, settings["validation_chromosomes"], "validation")
    held_out = {**validation, **lengths_of(reader.contact_map, settings["test_chromosomes"], "test")}
    training = {name: bases for name, bases in reader.contact_map.chromosomes.items() if name not in held_out}
    names = (settings["map"], settings["model"], settings["replicate"])
    seed = seed_for(settings["seed"], "train", *names)
    task = ContactsTask(checked, reader, training, validation, seed, seed_for(settings["seed"], settings["map"]))
    recorded = {name: settings[name] for name in ("map", "model", "replicate", "seed")}
    recorded |= {f"{role}_chromosomes": settings[f"{role}_chromosomes"] for role in ("validation", "test")}
    recorded["profiles"] = reader.peaks.names
    if checked.model == "distance_only":
        _fit_distance_only(task, training, files, bundle, recipe, recorded, code)
        return
    logger.info(
        "train on %d chromosomes (%s bp), validate on %s, test on %s",
        len(training),
        f"{sum(training.values()):,}",
        ", ".join(validation),
        ", ".join(settings["test_chromosomes"]),
    )
    train(
        task,
        recipe,
        seed,
        label=f"{settings['model']} seed {settings['replicate']}",
        bundle=bundle,
        state_dir=state_dir,
        inputs=files.named(),
        settings=recorded,
        code=code,
        device=choose_device(settings["device"]),
        threads=settings["training"]["threads"],
        save_every_seconds=settings["training"]["save_every_seconds"],
    )


def _fit_distance_only(
    task: ContactsTask,
    training: Mapping[str, int],
    files: ContactFiles,
    bundle: str | Path,
    recipe: Mapping[str, Any],
    recorded: Mapping[str, Any],
    code: str,
) -> None:
    """Average the targets of all windows that tile the training chromosomes, and write the bundle."""
    window, step = task.settings.window, task.settings.evaluation.step_bins * task.settings.window.bin_size
    windows = tile(training, window.length, step)
    progress = Progress("fit distance_only", len(windows), "windows")

    def targets() -> Any:
        for one in windows:
            progress.advance()
            yield task.reader.target(one)

    network = DistanceOnly(window.bins)
    network.mean_by_distance.copy_(torch.from_numpy(mean_by_distance(targets(), window.bins).astype(np.float32)))
    metrics = task.validate(network)
    logger.info("fit distance_only | %d windows | val r %.3f", len(windows), metrics["selection"])
    manifest = provenance.manifest(files.named(), dict(recorded), PACKAGES) | {"code": code, "device": "cpu"}
    manifest["training"] = {"steps": 0, "best_selection": metrics["selection"], "parameters": window.bins}
    history = pd.DataFrame([metrics])  # without steps: fitted in one go
    write_bundle(bundle, network.state_dict(), recipe, history, manifest)

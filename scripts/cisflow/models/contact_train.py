"""Training of contact models: from a map, a genome and a recipe to a bundle.

Inputs: ``contacts/{map}/map.cool`` and ``expected.npz``, the genome, peak files, intervals to leave out, the bundle of
a model to start from. Outputs: ``models/{map}/{model}/seed{seed}/`` (a bundle).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cisflow.contacts.genome import Genome
from cisflow.contacts.intervals import read_excluded
from cisflow.contacts.ladder import LadderReader
from cisflow.contacts.peaks import PeakTracks
from cisflow.contacts.reader import WindowReader
from cisflow.contacts.targets import ContactMap
from cisflow.devices import choose_device
from cisflow.joblog import logger
from cisflow.models.cascade_task import CascadeTask
from cisflow.models.contact_baseline import write_untrained
from cisflow.models.contact_settings import ContactSettings, contact_settings
from cisflow.models.contacts_task import ContactsTask
from cisflow.models.start_from import start_values
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.randomness import seed_for
from cisflow.training.bundle import WEIGHTS
from cisflow.training.launch import run_in_processes, under_torchrun
from cisflow.training.loop import train
from cisflow.training.numerics import reproducible_numerics


@dataclass(frozen=True)
class ContactFiles:
    """Input files of a contact model.

    Attributes
    ----------
    contacts, expected : path
        ``contacts/{map}/map.cool`` and ``expected.npz``.
    genome : path
        FASTA or 2bit.
    peaks : sequence of path
        BED files of the profile tracks, may be empty.
    exclude : path or None
        BED file of intervals that windows for training and validation must not touch.
    start : path or None
        Folder of the bundle whose weights the network starts from.
    """

    contacts: str | Path
    expected: str | Path
    genome: str | Path
    peaks: Sequence[str | Path] = ()
    exclude: str | Path | None = None
    start: str | Path | None = None

    @classmethod
    def of_rule(cls, given: Any) -> ContactFiles:
        """Files of a training rule's ``snakemake.input``; ``exclude`` and ``start`` (weights) hold one file or none."""
        exclude, start = given.get("exclude", []), given.get("start", [])
        return cls(
            given.contacts,
            given.expected,
            given.genome,
            given.get("peaks", []),
            exclude[0] if exclude else None,
            Path(start[0]).parent if start else None,
        )

    def named(self) -> dict[str, str | Path]:
        """Files by their name in the manifest."""
        named = {"contacts": self.contacts, "expected": self.expected, "genome": self.genome}
        named |= {f"peaks {Path(path).name}": path for path in self.peaks}
        named |= {"exclude": self.exclude} if self.exclude else {}
        return named | ({"start": Path(self.start) / WEIGHTS} if self.start else {})

    def plain(self) -> dict[str, Any]:
        """Fields as text, for another process."""
        fields = {name: None if value is None else str(value) for name, value in asdict(self).items()}
        return fields | {"peaks": [str(path) for path in self.peaks]}

    def reader(self, settings: ContactSettings) -> WindowReader:
        """Reader of windows of a recipe; without tracks when the recipe does not learn any."""
        learns_profiles = settings.training is not None and settings.training.profile_weight > 0
        peaks = PeakTracks(self.peaks if learns_profiles else [])
        contact_map = ContactMap(self.contacts, self.expected)
        genome = Genome(self.genome, contact_map.chromosomes)
        return WindowReader(contact_map, genome, settings.window.bins, settings.window.bin_size, peaks)

    def ladder_reader(self, settings: ContactSettings) -> LadderReader:
        """Reader of inputs of a recipe with several levels."""
        contact_map = ContactMap(self.contacts, self.expected)
        genome = Genome(self.genome, contact_map.chromosomes)
        return LadderReader(contact_map, genome, settings.window.ladder, settings.assembly is not None)


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


def make_task(
    files: ContactFiles,
    checked: ContactSettings,
    validation: Sequence[str],
    test: Sequence[str],
    seed: int,
    validation_seed: int,
) -> ContactsTask | CascadeTask:
    """Task of a recipe: of one level or of several.

    Parameters
    ----------
    files, checked
        Data and recipe.
    validation, test : sequence of str
        Held-out chromosomes; all others are for training.
    seed, validation_seed : int
        Of the training windows and of the validation windows.

    Raises
    ------
    InputError
        When data, chromosomes or start values are not usable.
    """
    several = checked.window.levels > 1
    reader = files.ladder_reader(checked) if several else files.reader(checked)
    lengths = reader.contact_map.chromosomes
    held_out = lengths_of(reader.contact_map, validation, "validation")
    tested = lengths_of(reader.contact_map, test, "test")
    training = {name: bases for name, bases in lengths.items() if name not in {**held_out, **tested}}
    excluded = read_excluded(files.exclude, lengths) if files.exclude else None
    start = start_values(files.start, whole=checked.training is None) if files.start else None
    kind = CascadeTask if several else ContactsTask
    return kind(checked, reader, training, held_out, seed, validation_seed, excluded, start)


def train_contact_model(
    files: ContactFiles | Mapping[str, Any],
    bundle: str | Path,
    state_dir: str | Path,
    settings: Mapping[str, Any],
    code: str,
) -> None:
    """Train a model on a contact map and write its bundle.

    Parameters
    ----------
    files : ContactFiles, or its fields
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
        When recipe, map, chromosomes or start values are not usable.
    """
    if not isinstance(files, ContactFiles):
        files = ContactFiles(**files)
    recipe = settings["recipe"]
    checked = contact_settings(recipe)
    processes = (recipe.get("training") or {}).get("processes", 1)
    if processes > 1 and not under_torchrun():
        arguments = {"files": files.plain(), "bundle": str(bundle), "state_dir": str(state_dir)}
        arguments |= {"settings": dict(settings), "code": code}
        run_in_processes(
            "cisflow.models.contact_train:train_contact_model", arguments, processes, state_dir, settings["device"]
        )
        return
    names = (settings["map"], settings["model"], settings["replicate"])
    seed = seed_for(settings["seed"], "train", *names)
    held_out = (settings["validation_chromosomes"], settings["test_chromosomes"])
    task = make_task(files, checked, *held_out, seed, seed_for(settings["seed"], settings["map"]))
    recorded = {name: settings[name] for name in ("map", "model", "replicate", "seed")}
    recorded |= {f"{role}_chromosomes": settings[f"{role}_chromosomes"] for role in ("validation", "test")}
    recorded["profiles"] = list(task.profiles)
    device = choose_device(settings["device"])
    if checked.training is None:
        with reproducible_numerics(settings["training"]["threads"]):
            write_untrained(task, files.named(), bundle, recipe, recorded, code, device)
        return
    logger.info(
        "train on %d chromosomes (%s bp), validate on %s, test on %s",
        len(task.train_lengths),
        f"{sum(task.train_lengths.values()):,}",
        *(", ".join(names) for names in held_out),
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
        device=device,
        threads=settings["training"]["threads"],
        save_every_seconds=settings["training"]["save_every_seconds"],
    )

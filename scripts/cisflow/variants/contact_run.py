"""Structural variants from files to a table.

Purpose: the one function behind the command and the rules. Inputs: bundles, genome, expected contacts, a VCF file or
changes as text. Outputs: the table of effects, on request the maps of each change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from cisflow.code_digest import code_hash
from cisflow.contacts.genome import Genome
from cisflow.contacts.names import read_rename_table
from cisflow.files import TableWriter, sha256
from cisflow.models.contact_predict import load_contact_model
from cisflow.models.local_predict import LocalPredictor
from cisflow.parts import Parts
from cisflow.problems import InputError, Problem
from cisflow.training.bundle import RECIPE, WEIGHTS
from cisflow.training.state import state_key
from cisflow.variants.changes import Asked, asked_texts, asked_vcf, read_changes
from cisflow.variants.contact_effects import COLUMNS, Seen, VariantModel, contact_effects
from cisflow.variants.contact_views import ExpectedContacts, Placer
from cisflow.variants.ladders import Ladders
from cisflow.variants.vcf import BadLine, read_records
from cisflow.variants.vcf_names import file_names


@dataclass(frozen=True)
class Changes:
    """Where changes come from: one of the three.

    Attributes
    ----------
    vcf : path, optional
    file : path, optional
        List of changes, see :func:`cisflow.variants.changes.read_changes`.
    texts : sequence of str
    rename : path, optional
        Table of names in the genome by other names, for a VCF file, see :func:`cisflow.variants.vcf_names.translate`.
    """

    vcf: str | Path | None = None
    file: str | Path | None = None
    texts: Sequence[str] = ()
    rename: str | Path | None = None

    def listed(self) -> list[tuple[int, str, str]]:
        """Number, name and text of every change that is given as text."""
        if self.file is not None:
            return read_changes(self.file)
        return [(number, text, text) for number, text in enumerate(self.texts, 1)]

    def asked(self, genome: Genome) -> Iterator[Asked]:
        """Everything that is asked about."""
        if self.vcf is not None:
            names = file_names(self.vcf, genome.lengths, read_rename_table(self.rename) if self.rename else None)
            return asked_vcf(self.vcf, genome.lengths, genome.codes, names)
        return asked_texts(self.listed(), genome.lengths)

    def __len__(self) -> int:
        if self.vcf is None:
            return len(self.listed())
        return sum(1 if isinstance(one, BadLine) else len(one.alternatives) for one in read_records(self.vcf))

    def digest(self) -> Any:
        """What a table depends on."""
        given = self.vcf or self.file
        read = [Path(path).name for path in (given,) if path] + [sha256(path) for path in (given, self.rename) if path]
        return read or list(self.texts)


@dataclass(frozen=True)
class ContactInput:
    """Files that contact models are asked with.

    Attributes
    ----------
    genome : path
        FASTA or 2bit.
    bundles : mapping of str to sequence of path
        Replicates of each model.
    expected : mapping of str to path
        ``expected.npz`` by model; models of one level need none.
    padding : str, optional
        See :class:`~cisflow.variants.contact_views.Placer`.
    forward_only : bool
        See :class:`~cisflow.models.local_predict.LocalPredictor`.
    """

    genome: str | Path
    bundles: Mapping[str, Sequence[str | Path]]
    expected: Mapping[str, str | Path] = field(default_factory=dict)
    padding: str | None = None
    forward_only: bool = False

    def load(self, device: torch.device | str = "cpu") -> tuple[Genome, list[VariantModel]]:
        """Read genome and models.

        Raises
        ------
        InputError
            With every bundle that is no contact model, or lacks what it needs.
        """
        genome, models, problems = Genome(self.genome), [], []
        for name, folders in self.bundles.items():
            try:
                given = self.expected.get(name)
                expected = None if given is None else ExpectedContacts.read(given)
                replicates = [
                    LocalPredictor(load_contact_model(folder, device), forward_only=self.forward_only)
                    for folder in folders
                ]
                settings = replicates[0].settings
                if len({one.settings.window for one in replicates}) > 1:
                    raise InputError(Problem(name, "bundles of one name have windows of different kinds"))
                assembled = settings.assembly is not None
                levels = settings.window.ladder
                placer = Placer(levels, genome.codes, genome.lengths, expected, assembled, self.padding)
                models.append(VariantModel(name, replicates, placer))
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        return genome, models

    def digest(self) -> Any:
        """What a table depends on; the genome by its size and time of change, because it may be large."""
        about = Path(self.genome).stat()
        files = {
            name: [[sha256(Path(folder) / file) for file in (WEIGHTS, RECIPE)] for folder in folders]
            for name, folders in self.bundles.items()
        }
        expected = {name: sha256(path) for name, path in self.expected.items()}
        return [files, expected, self.padding, self.forward_only, [about.st_size, about.st_mtime_ns]]


def run_contact_variants(
    given: ContactInput,
    changes: Changes,
    output: str | Path,
    state: str | Path,
    device: torch.device | str = "cpu",
    arrays: str | Path | None = None,
    shard: tuple[int, int] = (0, 1),
    every_seconds: float = 30.0,
) -> Counter[str]:
    """Predict changes and write the table of effects.

    Parameters
    ----------
    given : ContactInput
    changes : Changes
    output : path
        Table, see :data:`~cisflow.variants.contact_effects.COLUMNS`; whole or absent.
    state : path
        Folder of the finished parts of an unfinished run.
    device : torch.device or str
    arrays : path, optional
        Folder for the maps of every change and model, ``<item>.<model>.npz``, see :class:`Ladders`.
    shard : (int, int)
        Number of this part of the work (from 0), and number of parts; a part takes every so manieth change.
    every_seconds : float
        See :func:`~cisflow.variants.contact_effects.contact_effects`.

    Returns
    -------
    Counter
        Changes by status.
    """
    genome, models = given.load(device)
    total = len(range(shard[0], len(changes), shard[1]))
    asked = islice(enumerate(changes.asked(genome), 1), shard[0], None, shard[1])

    def keep(
        item: int, model: VariantModel, one: Asked, references: Sequence[Seen], alternatives: Sequence[Seen]
    ) -> None:
        Ladders.of(model, one, references, alternatives).write(Path(arrays) / f"{item:06d}.{model.name}.npz")

    made_of = {
        "inputs": given.digest(),
        "changes": changes.digest(),
        "shard": list(shard),
        "arrays": None if arrays is None else str(Path(arrays).resolve()),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "code": code_hash(Path(__file__)),
    }
    parts = Parts(state, state_key(made_of))
    counts: Counter[str] = Counter()
    with TableWriter(output, COLUMNS) as writer:
        for table in contact_effects(
            models, asked, parts, total, every_seconds, keep=None if arrays is None else keep, counts=counts
        ):
            writer.write(table)
    parts.remove()
    return counts

"""Screens of contact maps from files to tables: the functions behind ``cisflow screen``.

Inputs: bundles, genome, expected contacts, regions or places and sequences. Outputs: tables; a killed run continues.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

import pandas as pd
import polars as pl
import torch

from cisflow.clusters.ordered import read_ordered
from cisflow.code_digest import code_hash
from cisflow.contacts.intervals import Intervals, read_excluded
from cisflow.contacts.regions import Region
from cisflow.files import TableWriter, sha256, write_text
from cisflow.parts import Parts
from cisflow.problems import InputError, Problem
from cisflow.training.state import state_key
from cisflow.variants import disruption_screen, insertion_screen
from cisflow.variants.contact_effects import VariantModel
from cisflow.variants.contact_run import ContactInput
from cisflow.variants.contact_views import base_codes
from cisflow.variants.disruption_screen import Disruption
from cisflow.variants.insertion_screen import Place
from cisflow.variants.screen_input import outside_problems


class Screen(Protocol):
    """What a screen asks of contact models."""

    kind: ClassVar[str]
    columns: ClassVar[Mapping[str, pl.DataType]]
    regions: Sequence[Region]

    def digest(self) -> dict[str, object]:
        """What its table depends on, beside regions and models."""

    def misfits(self, model: VariantModel) -> list[Problem]:
        """Why a model cannot be asked."""

    def tables(self, models: Sequence[VariantModel], parts: Parts, excluded: Intervals) -> Iterator[pl.DataFrame]:
        """Rows part after part; those of finished parts are not made again."""


@dataclass(frozen=True)
class DisruptionScreen:
    """Disrupt the sites of regions, see :mod:`cisflow.variants.disruption_screen`.

    Attributes
    ----------
    regions : sequence of Region
    rule : Disruption
    """

    kind: ClassVar[str] = "disruption"
    columns: ClassVar[Mapping[str, pl.DataType]] = disruption_screen.COLUMNS
    regions: Sequence[Region]
    rule: Disruption = field(default_factory=Disruption)

    def digest(self) -> dict[str, object]:
        """What the table depends on, beside regions and models."""
        return {"rule": asdict(self.rule)}

    def misfits(self, model: VariantModel) -> list[Problem]:
        """Why a model cannot be asked."""
        return []

    def tables(self, models: Sequence[VariantModel], parts: Parts, excluded: Intervals) -> Iterator[pl.DataFrame]:
        """Impacts of the sites."""
        return disruption_screen.screen_disruptions(models, self.regions, self.rule, parts, excluded)


@dataclass(frozen=True)
class InsertionScreen:
    """Write sequences into places, see :mod:`cisflow.variants.insertion_screen`.

    Attributes
    ----------
    regions : sequence of Region
        Bases from the start of each on are replaced.
    sequences : path
        FASTA, or table of id and sequence.
    """

    kind: ClassVar[str] = "insertion"
    columns: ClassVar[Mapping[str, pl.DataType]] = insertion_screen.COLUMNS
    regions: Sequence[Region]
    sequences: str | Path

    def digest(self) -> dict[str, object]:
        """What the table depends on, beside regions and models."""
        return {"sequences": sha256(self.sequences)}

    def misfits(self, model: VariantModel) -> list[Problem]:
        """Why a model cannot be asked."""
        if all(replicate.strands for replicate in model.replicates):
            return []
        return [Problem(model.name, "inserted sequences need a model with an encoder of Orca's kind")]

    def tables(self, models: Sequence[VariantModel], parts: Parts, excluded: Intervals) -> Iterator[pl.DataFrame]:
        """Activities of the sequences."""
        table = read_ordered(self.sequences)
        inserted = [(str(name), base_codes(text)) for name, text in table.select("element", "sequence").iter_rows()]
        places = [Place(region.chromosome, region.start) for region in self.regions]
        return insertion_screen.screen_insertions(models, places, inserted, parts, excluded)


def run_screen(
    given: ContactInput,
    screen: Screen,
    output: str | Path,
    state: str | Path,
    device: torch.device | str = "cpu",
    exclude: str | Path | None = None,
) -> None:
    """Ask models a screen and write its table.

    Parameters
    ----------
    given : ContactInput
    screen : Screen
    output : path
        Table, whole or absent: ``screen.columns``.
    state : path
        Folder of the finished parts of an unfinished run.
    device : torch.device or str
    exclude : path, optional
        BED file of badly measured stretches.

    Raises
    ------
    InputError
        With every region outside the genome, and every model that cannot be asked.
    """
    genome, models = given.load(device)
    problems = outside_problems(screen.regions, genome.lengths, screen.kind, "region")
    for model in models:
        if model.placer.assembled:
            what = "a model of inputs of several chromosomes; screens need one whose window is a stretch of one"
            problems.append(Problem(model.name, what))
        problems += screen.misfits(model)
    if problems:
        raise InputError(problems)
    made_of = {
        "inputs": given.digest(),
        "screen": [screen.kind, [list(region) for region in screen.regions], screen.digest()],
        "device": str(device),
        "threads": torch.get_num_threads(),
        "exclude": exclude and sha256(exclude),
        "code": code_hash(Path(__file__)),
    }
    parts = Parts(state, state_key(made_of))
    excluded = Intervals({}) if exclude is None else read_excluded(exclude, genome.lengths)
    with TableWriter(output, screen.columns) as writer:
        for table in screen.tables(models, parts, excluded):
            writer.write(table)
    parts.remove()


def write_bedgraphs(table: pd.DataFrame, folder: Path) -> None:
    """Write the impacts of a disruption screen as ``<model>.<level>.bedGraph``, one sorted file per model and level."""
    table = table.sort_values(["chromosome", "start"], kind="stable")
    for (model, level), part in table.groupby(["model", "level"], sort=False):
        lines = [
            f"{chromosome}\t{start}\t{end}\t{impact:.6g}\n"
            for chromosome, start, end, impact in zip(
                part["chromosome"], part["start"], part["end"], part["impact"], strict=True
            )
        ]
        write_text("".join(lines), folder / f"{model}.{level}.bedGraph")

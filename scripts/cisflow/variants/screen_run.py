"""Screens of contact maps from files to tables: the functions behind ``cisflow screen``.

Inputs: bundles, genome, expected contacts, regions or places and sequences. Outputs: tables; a killed run continues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch

from cisflow.clusters.ordered import read_ordered
from cisflow.code_digest import code_hash
from cisflow.contacts.genome import Genome
from cisflow.contacts.intervals import Intervals, read_bed, read_excluded
from cisflow.contacts.regions import Region
from cisflow.files import TableWriter, sha256, write_text
from cisflow.parts import Parts
from cisflow.problems import InputError, Problem
from cisflow.training.state import state_key
from cisflow.variants import disruption_screen, insertion_screen
from cisflow.variants.contact_run import ContactInput
from cisflow.variants.contact_views import base_codes
from cisflow.variants.disruption_screen import Disruption
from cisflow.variants.insertion_screen import Place


def _excluded(path: str | Path | None, genome: Genome) -> Intervals:
    return Intervals({}) if path is None else read_excluded(path, genome.lengths)


def _parts(
    given: ContactInput, state: str | Path, device: torch.device | str, exclude: str | Path | None, **more: object
) -> Parts:
    made_of = {
        "inputs": given.digest(),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "exclude": exclude and sha256(exclude),
        "code": code_hash(Path(__file__)),
    }
    return Parts(state, state_key(made_of | more))


def run_disruption_screen(
    given: ContactInput,
    regions: Sequence[Region],
    rule: Disruption,
    output: str | Path,
    state: str | Path,
    device: torch.device | str = "cpu",
    exclude: str | Path | None = None,
) -> None:
    """Disrupt the sites of regions and write their impacts.

    Parameters
    ----------
    given : ContactInput
    regions : sequence of Region
    rule : Disruption
    output : path
        Table, see :data:`cisflow.variants.disruption_screen.COLUMNS`.
    state : path
        Folder of the finished parts of an unfinished run.
    device : torch.device or str
    exclude : path, optional
        BED file of badly measured stretches.

    Raises
    ------
    InputError
        When a region reaches beyond its chromosome.
    """
    genome, models = given.load(device)
    problems = [
        Problem("region", f"{region}; expected a part of a chromosome of the genome")
        for region in regions
        if region.end > genome.lengths.get(region.chromosome, 0)
    ]
    if problems:
        raise InputError(problems)
    parts = _parts(given, state, device, exclude, regions=[list(r) for r in regions], rule=asdict(rule))
    with TableWriter(output, disruption_screen.COLUMNS) as writer:
        for table in disruption_screen.screen_disruptions(models, regions, rule, parts, _excluded(exclude, genome)):
            writer.write(table)
    parts.remove()


def read_places(path: str | Path, genome: Genome) -> list[Place]:
    """Places of a BED file: starts of its intervals.

    Raises
    ------
    InputError
        With every row that lies on no chromosome of the genome.
    """
    table, problems = read_bed(path)
    rows = [] if table is None else list(zip(table["chromosome"], table["start"].astype(int), strict=True))
    problems += [
        Problem(str(path), f"{chromosome}:{start} lies outside the genome")
        for chromosome, start in rows
        if start >= genome.lengths.get(chromosome, 0)
    ]
    if problems:
        raise InputError(problems)
    return [Place(chromosome, start) for chromosome, start in rows]


def run_insertion_screen(
    given: ContactInput,
    places: str | Path,
    sequences: str | Path,
    output: str | Path,
    state: str | Path,
    device: torch.device | str = "cpu",
    exclude: str | Path | None = None,
) -> None:
    """Write sequences into places and write what they do to the coarsest map.

    Parameters
    ----------
    given : ContactInput
    places : path
        BED file: bases from the start of an interval on are replaced.
    sequences : path
        FASTA, or table of id and sequence.
    output, state, device, exclude
        See :func:`run_disruption_screen`; table: :data:`cisflow.variants.insertion_screen.COLUMNS`.
    """
    genome, models = given.load(device)
    unfit = [
        Problem(
            model.name, "inserted sequences need a model with an encoder of Orca's kind and windows of one chromosome"
        )
        for model in models
        if model.placer.assembled or not all(replicate.strands for replicate in model.replicates)
    ]
    if unfit:
        raise InputError(unfit)
    table = read_ordered(sequences)
    inserted = [(str(name), base_codes(text)) for name, text in zip(table["element"], table["sequence"], strict=True)]
    files = {"places": sha256(places), "sequences": sha256(sequences)}
    parts = _parts(given, state, device, exclude, **files)
    of_all = read_places(places, genome), inserted
    with TableWriter(output, insertion_screen.COLUMNS) as writer:
        for found in insertion_screen.screen_insertions(models, *of_all, parts, _excluded(exclude, genome)):
            writer.write(found)
    parts.remove()


def write_bedgraphs(table: pd.DataFrame, folder: Path) -> None:
    """Write the impacts of a disruption screen as ``<model>.<level>.bedGraph``, one file per model and level."""
    for (model, level), part in table.groupby(["model", "level"], sort=False):
        lines = [
            f"{chromosome}\t{start}\t{end}\t{impact:.6g}\n"
            for chromosome, start, end, impact in zip(
                part["chromosome"], part["start"], part["end"], part["impact"], strict=True
            )
        ]
        write_text("".join(lines), folder / f"{model}.{level}.bedGraph")

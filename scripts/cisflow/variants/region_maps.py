"""Contact maps of any regions or sequences, as files.

Purpose: what a contact model predicts of stretches that the user names. Inputs: a model with its genome, regions.
Outputs: maps of all levels; ``.mcool``, ``.cool`` or ``.npz``. Coordinates are 0-based and half-open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from cisflow.contacts.regions import Region
from cisflow.evaluation.contact_export import CONTACTS, RATIO, write_arrays, write_maps
from cisflow.evaluation.contact_predictions import CIS, PredictedMaps
from cisflow.models.cascade_zoom import distance_backgrounds
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.variants.alleles import Allele
from cisflow.variants.contact_effects import VariantModel
from cisflow.variants.contact_run import ContactInput
from cisflow.variants.contact_views import ExpectedContacts, View
from cisflow.variants.screen_input import outside_problems, read_regions

SUFFIXES = (".mcool", ".cool", ".npz")


def sequence_regions(lengths: Mapping[str, int], window: int, where: str) -> list[Region]:
    """Sequences that each are a window of a model, as regions.

    Raises
    ------
    InputError
        With every sequence of another length.
    """
    wrong = [
        Problem(where, f"sequence {name!r} has {length:,} bp; expected the model's window, {window:,} bp")
        for name, length in lengths.items()
        if length != window
    ]
    if wrong:
        raise InputError(wrong[:20])
    return [Region(name, 0, length) for name, length in lengths.items()]


def predict_regions(
    model: VariantModel, regions: Sequence[Region], expected: ExpectedContacts | None = None
) -> PredictedMaps:
    """Predict the windows around the middles of regions, at all levels; both strands and all replicates averaged.

    Parameters
    ----------
    model : VariantModel
        Of windows of one chromosome.
    regions : sequence of Region
        Inside the genome of the model's placer. A window lies around the middle as far as the chromosome allows; what
        lies beyond a chromosome that is shorter is unknown.
    expected : ExpectedContacts, optional
        For models of one level, whose prediction needs none.

    Returns
    -------
    PredictedMaps
        One window per region. Without expected contacts these are 1; nothing is observed.
    """
    placer, progress = model.placer, Progress("predict", len(regions), "regions")
    ladder, maps, starts = placer.ladder, [], []
    for region in regions:
        for replicate in model.replicates:
            replicate.forget()
        whole = Allele.reference(region.chromosome, placer.lengths[region.chromosome])
        given = placer.place(View("ref", whole, region.chromosome, (region.start + region.end) // 2))
        shown = (placer.codes(given), given.offsets, given.expected, given.trans)
        maps.append(np.mean([one.predict(*shown) for one in model.replicates], axis=0, dtype=np.float32))
        starts.append(given.starts())
        progress.advance()
    progress.write()
    background = placer.level_expected()
    if background is None and expected is not None:
        background = np.stack(distance_backgrounds(ladder, expected.log_expected, expected.resolution))
    shape = (len(ladder.levels), ladder.bins, ladder.bins)
    predicted = np.stack(maps)
    return PredictedMaps(
        np.array([region.chromosome for region in regions]),
        np.array(ladder.levels, dtype=np.int64),
        np.array(ladder.bin_sizes, dtype=np.int64),
        np.stack(starts).astype(np.int64),
        np.array([1]),
        predicted[None],
        np.full(predicted.shape, np.nan, dtype=np.float32),
        np.zeros(predicted.shape, dtype=np.float32),
        np.zeros(shape) if background is None else np.log(background),
        np.full(len(regions), CIS),
    )


def predict_asked(
    shown: ContactInput,
    regions: Sequence[Region] | str | Path | None,
    sequences: str | Path | None = None,
    device: torch.device | str = "cpu",
) -> tuple[PredictedMaps, list[Region], dict[str, int]]:
    """Predict regions, or sequences that each are a window, with the one model that is asked.

    Parameters
    ----------
    shown : ContactInput
        Of one model. With sequences these are its genome.
    regions : sequence of Region or path, optional
        Regions, or a BED file of them.
    sequences : path, optional
        Instead of regions; for messages.
    device : torch.device or str

    Returns
    -------
    PredictedMaps, list of Region, dict of int by str
        Maps, the regions that they are of, lengths (bp) of the chromosomes.

    Raises
    ------
    InputError
        When the model's windows lie on several chromosomes, or with every region or sequence that does not fit.
    """
    genome, (model,) = shown.load(device)
    if model.placer.assembled:
        what = "a model of inputs of several chromosomes; expected one whose window is a stretch of one"
        raise InputError(Problem(model.name, what))
    if sequences is not None:
        found = sequence_regions(genome.lengths, model.placer.ladder.length, str(sequences))
    elif regions is None:
        raise ValueError("neither regions nor sequences")
    else:
        from_file = isinstance(regions, (str, Path))
        found = read_regions(regions) if from_file else list(regions)
        if problems := outside_problems(
            found, genome.lengths, "disruption", str(regions) if from_file else "intervals"
        ):
            raise InputError(problems)
    path = shown.expected.get(model.name)
    curve = None if path is None else ExpectedContacts.read(path)
    return predict_regions(model, found, curve), found, genome.lengths


def write_region_maps(
    output: str | Path, found: PredictedMaps, regions: Sequence[Region], lengths: Mapping[str, int], title: str
) -> None:
    """Write predicted regions: contacts where expected ones are known (not all 1), else ratios.

    Parameters
    ----------
    output : path
        ``.mcool`` (all levels), ``.cool`` (the finest), or ``.npz`` (log ratios and expected contacts of all levels,
        see :func:`cisflow.evaluation.contact_export.write_arrays`).
    found : PredictedMaps
    regions : sequence of Region
    lengths : mapping of str to int
        Of the chromosomes, in the order of the file.
    title : str
        What made the values, for the metadata.
    """
    if str(output).endswith(".npz"):
        write_arrays(output, found, {f"{number}.{region}": number - 1 for number, region in enumerate(regions, 1)})
        return
    inside = [
        Problem(str(region), f"chromosome shorter than the window, {found.levels.max():,} bp; only .npz holds its map")
        for region in regions
        if lengths[region.chromosome] < found.levels.max()
    ]
    if inside:
        raise InputError(inside[:20])
    values = CONTACTS if found.log_background.any() else RATIO
    write_maps(output, found, range(len(regions)), lengths, title, values=values)

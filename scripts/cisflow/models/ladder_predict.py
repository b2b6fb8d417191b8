"""Predictions of models of several levels for the test chromosomes.

Inputs: trained models, a reader of inputs at all levels, the test chromosomes. Outputs: predicted and observed maps of
all levels, see :func:`cisflow.models.contact_predict.predict_windows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from cisflow.contacts.assembly import Layout, SegmentRule
from cisflow.contacts.evaluation_inputs import EvaluationInput, assembled_inputs, centred_inputs, chromosome_inputs
from cisflow.contacts.ladder import LadderData, LadderReader
from cisflow.models.contact_settings import ContactSettings
from cisflow.progress import Progress


class LevelsModel(Protocol):
    """See :class:`cisflow.models.contact_predict.ContactModel`."""

    def predict_levels(
        self, codes: np.ndarray, zooms: list[np.ndarray], expected: list[np.ndarray], trans: list[np.ndarray]
    ) -> np.ndarray:
        """Predicted maps, float32 (series, levels, bins, bins)."""


def share_of(number: int, shard: int, shards: int) -> slice:
    """Consecutive items of a list that a shard takes; there may be none."""
    return slice(number * shard // shards, number * (shard + 1) // shards)


def evaluation_inputs(
    settings: ContactSettings, reader: LadderReader, tested: Mapping[str, int], seed: int
) -> list[EvaluationInput]:
    """Inputs that a recipe's models are evaluated on.

    Parameters
    ----------
    settings : ContactSettings
    reader : LadderReader
    tested : mapping of str to int
        Lengths of the test chromosomes (bp).
    seed : int
        Of the random assemblies.
    """
    ladder, evaluation, resolution = reader.ladder, settings.evaluation, reader.contact_map.resolution
    step, zoom = evaluation.step_bins * ladder.bin_sizes[-1], evaluation.zoom or None
    if settings.assembly is None:
        return centred_inputs(tested, ladder, step, zoom)
    others = {name: bases for name, bases in reader.contact_map.chromosomes.items() if name not in tested}
    rule = SegmentRule(1.0 if evaluation.longest else 0.0, evaluation.shortest, evaluation.longest)
    number = evaluation.assemblies
    return [
        *chromosome_inputs(tested, others, ladder, resolution, step),
        *assembled_inputs(tested, ladder, resolution, rule, number, seed, zoom),
    ]


def predict_inputs(
    models: Mapping[int, LevelsModel],
    settings: ContactSettings,
    reader: LadderReader,
    tested: Mapping[str, int],
    label: str,
    seed: int,
    shard: tuple[int, int] = (0, 1),
) -> dict[str, np.ndarray]:
    """Predict all levels of all windows with every replicate.

    Parameters
    ----------
    models : mapping of int to ContactModel
        By replicate.
    settings, reader, tested, seed
        See :func:`evaluation_inputs`.
    label : str
        Name in progress lines.
    shard : (int, int)
        Number of this part of the inputs, and of all.

    Returns
    -------
    dict
        See :func:`cisflow.models.contact_predict.predict_windows`.
    """
    ladder, assembled = reader.ladder, reader.assembled
    inputs = evaluation_inputs(settings, reader, tested, seed)
    inputs = inputs[share_of(len(inputs), *shard)]
    number = sum(len(one.zooms) for one in inputs)
    shape = (number, len(ladder.levels), ladder.bins, ladder.bins)
    predicted = np.empty((len(models), *shape), dtype=np.float32)
    maps = {name: np.empty(shape, dtype=np.float32) for name in ("observed", "missing")}
    maps |= {"log_background": np.empty(shape, dtype=np.float32)} if assembled else {}
    maps |= {"background_trans": np.empty(shape, dtype=bool)} if assembled else {}
    places: dict[str, list[np.ndarray]] = {"bin_chromosome": [], "bin_start": []}
    progress, row = Progress(f"predict {label}", number, "windows"), 0
    for one in inputs:
        codes, at = reader.codes(one.segments), reader.open(one.segments)
        data = [at(offsets) for offsets in one.zooms]
        rows = slice(row, row + len(data))
        for k, model in enumerate(models.values()):
            expected, trans = [found.expected for found in data], [found.trans for found in data]
            predicted[k, rows] = model.predict_levels(codes, list(one.zooms), expected, trans)
        for zoom, found in enumerate(data):
            counts = one.counts(zoom, ladder, found, settings.evaluation.max_missing_in_bin)
            maps["observed"][row] = np.where(counts, found.target, np.nan)
            maps["missing"][row] = found.missing
            if assembled:
                maps["log_background"][row] = np.log(found.expected)
                maps["background_trans"][row] = found.trans
                for name, values in bin_places(reader, found).items():
                    places[name].append(values)
            row += 1
            progress.advance()
    progress.write()
    if assembled:
        maps |= {name: np.array(values).reshape(*shape[:3]) for name, values in places.items()}
    else:
        maps["log_background"] = np.log(reader.expected).astype(np.float32)
    return {
        "chromosome": np.array([one.name for one in inputs for _ in one.zooms], dtype=str),
        "levels": np.array(ladder.levels, dtype=np.int64),
        "bin_size": np.array(ladder.bin_sizes, dtype=np.int64),
        "start": np.array([one.start + offsets for one in inputs for offsets in one.zooms], dtype=np.int64).reshape(
            shape[:2]
        ),
        "kind": np.array([one.kind for one in inputs for _ in one.zooms], dtype=str),
        "predicted": predicted,
        **maps,
    }


def bin_places(reader: LadderReader, data: LadderData) -> dict[str, np.ndarray]:
    """Where the bins of an assembly's windows lie in the genome.

    Returns
    -------
    dict
        ``bin_chromosome`` str and ``bin_start`` int64, both (levels, bins): chromosome of the first fine bin of each
        bin in reading order, and the lowest base that the bin has in that fine bin's segment, on either strand.
    """
    resolution, bins = reader.contact_map.resolution, reader.ladder.bins
    layout = Layout.of(data.segments, resolution)
    names = np.array(list(dict.fromkeys(segment.chromosome for segment in data.segments)))
    segment = np.repeat(np.arange(len(data.segments)), [one.length // resolution for one in data.segments])
    found: dict[str, list[np.ndarray]] = {"bin_chromosome": [], "bin_start": []}
    for offset, factor in zip(data.offsets, reader.factors, strict=True):
        fine = int(offset) // resolution + np.arange(bins * factor).reshape(bins, factor)
        beyond = segment[fine] != segment[fine[:, :1]]
        lowest = np.where(beyond, np.iinfo(np.int64).max, layout.position[fine]).min(axis=1)
        found["bin_chromosome"].append(names[layout.chromosome[fine[:, 0]]])
        found["bin_start"].append(lowest * resolution)
    return {name: np.stack(values) for name, values in found.items()}

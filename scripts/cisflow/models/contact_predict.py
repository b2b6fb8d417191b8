"""Predictions of trained contact models.

Inputs: bundles, windows of a map and its genome. Outputs: predicted and observed maps,
``predictions/{map}/{model}.contacts.npz``.

>>> from cisflow.models.contact_predict import load_contact_model  # doctest: +SKIP
>>> model = load_contact_model("results/demo/models/synthetic/orca/seed1")  # doctest: +SKIP
>>> model.predict(codes)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cisflow.contacts.genome import reverse_complement
from cisflow.contacts.windows import tile
from cisflow.files import atomic_path
from cisflow.models.cascade import Cascade, predict_from_encodings, strand_encodings
from cisflow.models.contact_networks import build_network, one_hot
from cisflow.models.contact_settings import ContactSettings, contact_settings
from cisflow.models.contact_train import ContactFiles, lengths_of
from cisflow.models.contacts_task import split_output
from cisflow.models.distance_only import LadderDistanceOnly
from cisflow.models.ladder_predict import predict_inputs, share_of
from cisflow.models.mean_map import LadderMeanMap
from cisflow.progress import Progress
from cisflow.training.bundle import Bundle, fill_network, read_bundle_of
from cisflow.training.numerics import reproducible_numerics


class ContactModel:
    """A trained contact model.

    Parameters
    ----------
    bundle : Bundle
    device : torch.device or str

    Attributes
    ----------
    recipe : mapping
        As it was trained.
    settings : ContactSettings
        ``settings.window`` says the length of the sequences and the shape of the maps.
    """

    def __init__(self, bundle: Bundle, device: torch.device | str = "cpu"):
        self.recipe, self.settings = bundle.recipe, contact_settings(bundle.recipe)
        self.device = torch.device(device)
        self.network = build_network(self.settings, len(bundle.manifest["settings"]["profiles"]))
        fill_network(self.network, bundle, self.device)

    def predict(self, codes: np.ndarray) -> np.ndarray:
        """Predict the contact map of a sequence: mean over both strands.

        Parameters
        ----------
        codes : uint8 array, (length,)
            A, C, G, T = 0 to 3, unknown = 4; ``settings.window.length`` bases.

        Returns
        -------
        float32 array, (bins, bins)
            Natural log of observed over expected contacts.

        Raises
        ------
        ValueError
            When the sequence has another length, or the model has several levels, see :meth:`predict_levels`.
        """
        self._check(codes)
        if self.settings.window.levels > 1:
            raise ValueError(f"a model of {self.settings.window.levels} levels; use `predict_levels`")
        forward, reverse = self._one_strand(codes), self._one_strand(reverse_complement(codes))
        return 0.5 * (forward + reverse[::-1, ::-1])

    def predict_levels(
        self,
        codes: np.ndarray,
        zooms: Sequence[np.ndarray],
        expected: Sequence[np.ndarray],
        trans: Sequence[np.ndarray],
    ) -> np.ndarray:
        """Predict one or more series of windows of an input at all levels: mean over both strands.

        Parameters
        ----------
        codes : uint8 array, (length,)
            See :meth:`predict`.
        zooms : sequence of int64 array, (levels,)
            Starts of the levels (bp from the start of the input), e.g. from
            :func:`cisflow.models.cascade_zoom.zoom_offsets`.
        expected : sequence of float array, (levels, bins, bins)
            Expected contacts of the windows of each series, linear scale.
        trans : sequence of bool array, (levels, bins, bins)
            Entries between chromosomes; baselines need to know.

        Returns
        -------
        float32 array, (series, levels, bins, bins)
        """
        self._check(codes)
        if isinstance(self.network, LadderDistanceOnly | LadderMeanMap):
            return self.network.maps(np.stack(trans))
        if not isinstance(self.network, Cascade):
            raise ValueError("a model of one level; use `predict`")
        encodings = strand_encodings(self.network, codes)
        return np.stack(
            [
                predict_from_encodings(self.network, encodings, offsets, backgrounds)[:, self.network.output]
                for offsets, backgrounds in zip(zooms, expected, strict=True)
            ]
        )

    def _check(self, codes: np.ndarray) -> None:
        if len(codes) != self.settings.window.length:
            raise ValueError(f"sequence of {len(codes):,} bp; expected {self.settings.window.length:,} bp")

    def _one_strand(self, codes: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(np.ascontiguousarray(codes))[None].to(self.device)
        with torch.inference_mode():
            return split_output(self.network(one_hot(batch)))[0][0].float().cpu().numpy()


def load_contact_model(folder: str | Path, device: torch.device | str = "cpu") -> ContactModel:
    """Load a trained contact model.

    Raises
    ------
    InputError
        When the folder is not the bundle of a contact model.
    """
    return ContactModel(read_bundle_of(folder, "contacts"), device)


def predict_windows(
    bundles: Mapping[int, str | Path],
    files: ContactFiles,
    chromosomes: Sequence[str],
    label: str,
    device: torch.device | str,
    threads: int,
    seed: int = 0,
    shard: tuple[int, int] = (0, 1),
    evaluation: Mapping[str, Any] | None = None,
) -> dict[str, np.ndarray]:
    """Predict the windows of the test chromosomes with every replicate of a model.

    Parameters
    ----------
    bundles : mapping of int to path
        Bundle of each replicate; all of one recipe.
    files : ContactFiles
    chromosomes : sequence of str
        Test chromosomes.
    label : str
        Name in progress lines.
    device : torch.device or str
    threads : int
        Torch threads.
    seed : int
        Of the random assemblies.
    shard : (int, int)
        Number of this part of the windows (from 0), and number of parts, see :func:`joined_windows`.
    evaluation : mapping, optional
        Which windows, as in ``evaluation`` of a recipe; by default as in the recipe of the bundles.

    Returns
    -------
    dict
        ``chromosome`` str (windows,); ``levels`` int64 (levels,): bp of a level, coarse to fine; ``bin_size`` int64
        (levels,); ``start`` int64 (windows, levels); ``kind`` str (windows,): ``cis`` or ``trans``; ``seeds``
        (seeds,); ``predicted`` float32 (seeds, windows, levels, bins, bins); ``observed`` float32 (windows, levels,
        bins, bins), NaN where an entry does not count; ``missing`` float32, as large: share of missing fine pixels;
        ``log_background`` float32 (levels, bins, bins), or, for inputs of several chromosomes, as large as
        ``observed``. Those also have ``background_trans`` bool, as large (entries between chromosomes), and
        ``bin_chromosome`` str and ``bin_start`` int64 (windows, levels, bins): place of each bin in the genome.
    """
    with reproducible_numerics(threads):
        models = {replicate: load_contact_model(folder, device) for replicate, folder in sorted(bundles.items())}
        first = next(iter(models.values()))
        settings = contact_settings({**first.recipe, "evaluation": evaluation}) if evaluation else first.settings
        if settings.window.levels > 1:
            reader = files.ladder_reader(settings)
            tested = lengths_of(reader.contact_map, chromosomes, "test")
            found = predict_inputs(models, settings, reader, tested, label, seed, shard)
        else:
            found = _predict_tiles(models, settings, files, chromosomes, label, shard)
    return {**found, "seeds": np.array(list(models), dtype=np.int64)}


def _predict_tiles(
    models: Mapping[int, ContactModel],
    settings: ContactSettings,
    files: ContactFiles,
    chromosomes: Sequence[str],
    label: str,
    shard: tuple[int, int],
) -> dict[str, np.ndarray]:
    """Windows of one level that tile the test chromosomes, see :func:`predict_windows`."""
    window, evaluation = settings.window, settings.evaluation
    reader = files.reader(settings)
    lengths = lengths_of(reader.contact_map, chromosomes, "test")
    windows = tile(lengths, window.length, evaluation.step_bins * window.bin_size)
    windows = windows[share_of(len(windows), *shard)]
    shape = (len(windows), 1, window.bins, window.bins)
    predicted = np.empty((len(models), *shape), dtype=np.float32)
    observed, missing = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    progress = Progress(f"predict {label}", len(windows), "windows")
    for i, one in enumerate(windows):
        data = reader.read(one)
        missing[i, 0] = reader.missing_share(one)
        observed[i, 0] = np.where(missing[i, 0] <= evaluation.max_missing_in_bin, data.target, np.nan)
        for k, model in enumerate(models.values()):
            predicted[k, i, 0] = model.predict(data.codes)
        progress.advance()
    progress.write()
    background = reader.contact_map.background(window.bins * reader.factor, reader.factor)
    return {
        "chromosome": np.array([one.chromosome for one in windows], dtype=str),
        "levels": np.array([window.length], dtype=np.int64),
        "bin_size": np.array([window.bin_size], dtype=np.int64),
        "start": np.array([one.start for one in windows], dtype=np.int64)[:, None],
        "kind": np.array(["cis"] * len(windows), dtype=str),
        "predicted": predicted,
        "observed": observed,
        "missing": missing,
        "log_background": np.log(background).astype(np.float32)[None],
    }


#: Arrays that are the same for all windows; of the others, the first axis are the windows.
OF_ALL_WINDOWS = ("levels", "bin_size", "seeds")


def joined_windows(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Windows of all shards of :func:`predict_windows`, in the order of the shards."""
    parts = [part for part in parts if len(part["start"])] or list(parts)
    found = {}
    for name, first in parts[0].items():
        if name in OF_ALL_WINDOWS or (name == "log_background" and first.ndim == 3):
            found[name] = first
        else:
            found[name] = np.concatenate([part[name] for part in parts], axis=1 if name == "predicted" else 0)
    return found


def write_predictions(found: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Write what :func:`predict_windows` returns as a compressed ``.npz``; equal content gives equal bytes."""
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **found)

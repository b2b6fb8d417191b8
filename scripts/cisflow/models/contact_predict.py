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

import numpy as np
import torch

from cisflow.contacts.genome import reverse_complement
from cisflow.contacts.pixels import CoolerWindows
from cisflow.contacts.windows import tile
from cisflow.files import atomic_path
from cisflow.models.contact_networks import build_network, one_hot
from cisflow.models.contact_settings import contact_settings
from cisflow.models.contact_train import ContactFiles, lengths_of
from cisflow.models.contacts_task import split_output
from cisflow.problems import InputError, Problem
from cisflow.progress import Progress
from cisflow.training.bundle import RECIPE, Bundle, read_bundle
from cisflow.training.numerics import reproducible_numerics


class ContactModel:
    """A trained contact model.

    Parameters
    ----------
    bundle : Bundle
    device : torch.device or str

    Attributes
    ----------
    settings : ContactSettings
        ``settings.window`` says the length of the sequences and the shape of the maps.
    """

    def __init__(self, bundle: Bundle, device: torch.device | str = "cpu"):
        self.settings = contact_settings(bundle.recipe)
        self.device = torch.device(device)
        self.network = build_network(self.settings, len(bundle.manifest["settings"]["profiles"]))
        try:
            self.network.load_state_dict(bundle.weights)
        except RuntimeError as error:
            raise InputError(Problem(str(bundle.folder), f"weights do not fit the recipe: {error}")) from error
        self.network.to(self.device).eval()

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
        """
        if len(codes) != self.settings.window.length:
            raise ValueError(f"sequence of {len(codes):,} bp; expected {self.settings.window.length:,} bp")
        forward, reverse = self._one_strand(codes), self._one_strand(reverse_complement(codes))
        return 0.5 * (forward + reverse[::-1, ::-1])

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
    bundle = read_bundle(folder)
    if bundle.recipe.get("task") != "contacts":
        task = bundle.recipe.get("task")
        raise InputError(Problem(str(Path(folder) / RECIPE), f"{task!r}; expected 'contacts'", column="task"))
    return ContactModel(bundle, device)


def without_sparse_entries(target: np.ndarray, measured: np.ndarray, max_missing: float) -> np.ndarray:
    """Set entries to missing when too large a share of the fine pixels behind them was not measured.

    Parameters
    ----------
    target : float array, (bins, bins)
    measured : bool array, (bins * factor,)
        Which fine bins have a balancing weight; a fine pixel is measured when both of its bins are.
    max_missing : float
        Largest share of missing fine pixels that is tolerated.

    Returns
    -------
    float array, (bins, bins)
    """
    share = measured.reshape(len(target), -1).mean(axis=1)
    return np.where(1 - np.outer(share, share) <= max_missing, target, np.nan)


def predict_windows(
    bundles: Mapping[int, str | Path],
    files: ContactFiles,
    chromosomes: Sequence[str],
    label: str,
    device: torch.device | str,
    threads: int,
) -> dict[str, np.ndarray]:
    """Predict the windows that tile the test chromosomes with every replicate of a model.

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

    Returns
    -------
    dict
        ``chromosome`` (windows,), ``start`` (windows,), ``bin_size`` (), ``seeds`` (seeds,), ``predicted`` float32
        (seeds, windows, bins, bins), ``observed`` float32 (windows, bins, bins) with NaN where too little was measured.
    """
    with reproducible_numerics(threads):
        models = {replicate: load_contact_model(folder, device) for replicate, folder in sorted(bundles.items())}
        settings = next(iter(models.values())).settings
        window, evaluation = settings.window, settings.evaluation
        reader = files.reader(settings)
        weights = CoolerWindows(files.contacts).weights
        lengths = lengths_of(reader.contact_map, chromosomes, "test")
        windows = tile(lengths, window.length, evaluation.step_bins * window.bin_size)
        shape = (len(windows), window.bins, window.bins)
        predicted = np.empty((len(models), *shape), dtype=np.float32)
        observed = np.empty(shape, dtype=np.float32)
        progress = Progress(f"predict {label}", len(windows), "windows")
        for i, one in enumerate(windows):
            data = reader.read(one)
            first = one.start // reader.contact_map.resolution
            measured = np.isfinite(weights[one.chromosome][first : first + window.bins * reader.factor])
            observed[i] = without_sparse_entries(data.target, measured, evaluation.max_missing_in_bin)
            for k, model in enumerate(models.values()):
                predicted[k, i] = model.predict(data.codes)
            progress.advance()
        progress.write()
    return {
        "chromosome": np.array([one.chromosome for one in windows]),
        "start": np.array([one.start for one in windows], dtype=np.int64),
        "bin_size": np.array(window.bin_size, dtype=np.int64),
        "seeds": np.array(list(models), dtype=np.int64),
        "predicted": predicted,
        "observed": observed,
    }


def write_predictions(found: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Write what :func:`predict_windows` returns as a compressed ``.npz``; equal content gives equal bytes."""
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **found)

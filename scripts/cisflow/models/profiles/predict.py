"""Predictions of trained profile models.

Inputs: bundles, windows of an assay. Outputs: profiles and counts of regions,
``profiles/{assay}/fold{fold}/{model}.predictions.npz``.

>>> from cisflow.models.profiles.predict import load_profile_model  # doctest: +SKIP
>>> model = load_profile_model("results/atac/profiles/k562/fold0/chrombpnet/seed1")  # doctest: +SKIP
>>> probabilities, log_count = model.predict(codes)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cisflow.files import read_table
from cisflow.models.profiles.networks import BiasedProfileNetwork, build_profile_network
from cisflow.models.profiles.settings import profile_settings
from cisflow.models.profiles.task import run
from cisflow.models.profiles.train import ProfileFiles
from cisflow.profiles.folds import Fold
from cisflow.profiles.selection import held_out_peaks
from cisflow.progress import Progress
from cisflow.training.bundle import Bundle, fill_network, read_bundle_of
from cisflow.training.numerics import reproducible_numerics


class ProfileModel:
    """A trained profile model, with its bias model where it has one.

    Parameters
    ----------
    bundle : Bundle
    device : torch.device or str

    Attributes
    ----------
    settings : ProfileSettings
        ``settings.window`` says the lengths of sequences and profiles.
    network : Module
    """

    def __init__(self, bundle: Bundle, device: torch.device | str = "cpu"):
        self.settings = profile_settings(bundle.recipe)
        self.device = torch.device(device)
        window = self.settings.window
        lengths = (window.input_length, window.output_length)
        self.network = build_profile_network(self.settings.network, *lengths)
        if "bias" in bundle.recipe:
            bias = build_profile_network(bundle.recipe["bias"]["network"], *lengths)
            self.network = BiasedProfileNetwork(self.network, bias)
        fill_network(self.network, bundle, self.device)

    def predict(self, codes: np.ndarray, with_bias: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Predict profiles and counts of sequences on the given strand.

        Parameters
        ----------
        codes : uint8 array, (n, input_length)
            A, C, G, T = 0 to 3, unknown = 4.
        with_bias : bool
            False: what is left without the enzyme's bias.

        Returns
        -------
        probabilities : float32 array, (n, output_length)
            Share of the counts at each position; rows sum to 1.
        log_count : float32 array, (n,)
            Natural log of one plus the total count.

        Raises
        ------
        ValueError
            When the sequences have another length.
        """
        length = self.settings.window.input_length
        if codes.ndim != 2 or codes.shape[1] != length:
            raise ValueError(f"sequences of shape {codes.shape}; expected (n, {length:,})")
        biased = isinstance(self.network, BiasedProfileNetwork)
        network = self.network if with_bias or not biased else self.network.main
        with torch.inference_mode():
            output = run(network, np.ascontiguousarray(codes), self.device)
            return torch.softmax(output.logits, dim=1).cpu().numpy(), output.log_count.cpu().numpy()


def load_profile_model(folder: str | Path, device: torch.device | str = "cpu") -> ProfileModel:
    """Load a trained profile model.

    Raises
    ------
    InputError
        When the folder is not the bundle of a profile model.
    """
    return ProfileModel(read_bundle_of(folder, "profiles"), device)


def predict_test_peaks(
    bundles: Mapping[int, str | Path],
    files: ProfileFiles,
    fold: Mapping[str, Any],
    label: str,
    device: torch.device | str,
    threads: int,
) -> dict[str, np.ndarray]:
    """Predict the peaks on the test chromosomes with every replicate of a model.

    Parameters
    ----------
    bundles : mapping of int to path
        Bundle of each replicate; all of one recipe.
    files : ProfileFiles
    fold : mapping
        See :meth:`Fold.of`.
    label : str
        Name in progress lines.
    device : torch.device or str
    threads : int
        Torch threads.

    Returns
    -------
    dict
        ``rows`` int64 (peaks,), rows of the table of regions; ``probabilities`` float32 (peaks, output length), mean
        over the replicates; ``log_counts`` float32 (replicates, peaks); ``seeds`` (replicates,).
    """
    rows = held_out_peaks(read_table(files.regions), Fold.of(fold))
    with reproducible_numerics(threads):
        models = {replicate: load_profile_model(folder, device) for replicate, folder in sorted(bundles.items())}
        settings = next(iter(models.values())).settings
        store, size = files.store(settings), settings.training.validation_batch_size
        probabilities = np.zeros((len(rows), settings.window.output_length), dtype=np.float32)
        log_counts = np.empty((len(models), len(rows)), dtype=np.float32)
        progress = Progress(f"predict {label}", len(models) * len(rows), "peaks")
        for i, model in enumerate(models.values()):
            for first in range(0, len(rows), size):
                part = slice(first, first + size)
                profile, log_counts[i, part] = model.predict(store.take(rows[part])[0])
                probabilities[part] += profile / len(models)
                progress.advance(len(profile))
        progress.write()
    return {"rows": rows, "probabilities": probabilities, "log_counts": log_counts, "seeds": np.array(list(models))}

"""Training of a profile network: the task that :mod:`cisflow.training.loop` runs.

Inputs: checked settings of a recipe, windows of an assay, the regions of a fold. Outputs: batches, losses and
validation metrics.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from cisflow.evaluation.profile_scores import jensen_shannon
from cisflow.evaluation.scoring import pearson
from cisflow.models.profiles.loss import count_error, multinomial_nll, profile_loss
from cisflow.models.profiles.networks import (
    BiasedProfileNetwork,
    ProfileOutput,
    build_profile_network,
    one_hot,
)
from cisflow.models.profiles.settings import NetworkData, ProfileSettings
from cisflow.profiles.epochs import Epochs
from cisflow.profiles.selection import Selection
from cisflow.profiles.windows import WindowStore


class ProfilesTask:
    """Network, batches, loss and validation of a profile model.

    Parameters
    ----------
    settings : ProfileSettings
    store : WindowStore
        Windows of the recipe's lengths with room for its jitter.
    selection : Selection
        Regions of the fold.
    seed : int
        Seeds order, displacement, strand and negatives.
    bias : Module, optional
        Trained bias model with its count shifted; its parameters are frozen.

    Notes
    -----
    An epoch is one pass over all training peaks and the negatives drawn for it. Validation regions are neither moved
    nor turned. The kept network has the lowest validation loss.
    """

    selection_label = "val -loss"

    def __init__(
        self,
        settings: ProfileSettings,
        store: WindowStore,
        selection: Selection,
        seed: int,
        bias: torch.nn.Module | None = None,
    ):
        data, training = settings.data, settings.training
        self.settings, self.store, self.bias = settings, store, bias
        self.count_weight = selection.count_weight
        self.epochs = Epochs(
            selection.train_peaks,
            selection.train_nonpeaks,
            data.negatives if isinstance(data, NetworkData) else None,
            settings.window.jitter,
            data.reverse_share,
            training.batch_size,
            seed,
        )
        self.validation = np.concatenate([selection.validation_peaks, selection.validation_nonpeaks])
        self.steps_per_epoch = self.epochs.steps
        self.n_steps = training.epochs * self.steps_per_epoch

    def build_network(self) -> torch.nn.Module:
        """Return a fresh network, beside the bias model where there is one."""
        window = self.settings.window
        main = build_profile_network(self.settings.network, window.input_length, window.output_length)
        return main if self.bias is None else BiasedProfileNetwork(main, self.bias)

    def rows(self, step: int) -> np.ndarray:
        """Rows of the table of regions (0-based, int64) that the batch of a step was made from."""
        return self.epochs.batch(step).rows

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        """Return the bases and counts of a step."""
        drawn = self.epochs.batch(step)
        codes, counts = self.store.take(drawn.rows, drawn.moves, drawn.reverse)
        return {"codes": torch.from_numpy(codes), "counts": torch.from_numpy(counts)}

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean loss of a batch."""
        return profile_loss(network(one_hot(batch["codes"])), batch["counts"], self.count_weight)[0]

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Mean loss over the validation regions with its parts, and how well counts and profiles agree.

        ``jensen_shannon`` is the median distance; ``count_pearson`` is that of ln(1 + count).
        """
        profile, count, predicted, observed, distances = [], [], [], [], []
        device = next(iter(network.state_dict().values())).device
        size = self.settings.training.validation_batch_size
        for first in range(0, len(self.validation), size):
            codes, counts = self.store.take(self.validation[first : first + size])
            output = run(network, codes, device)
            target = torch.from_numpy(counts).to(device)
            profile.append(multinomial_nll(output.logits, target).double().cpu().numpy())
            count.append(count_error(output.log_count, target).double().cpu().numpy())
            predicted.append(output.log_count.double().cpu().numpy())
            observed.append(np.log1p(counts.sum(axis=1, dtype=np.float64)))
            distances.append(jensen_shannon(counts, torch.softmax(output.logits, dim=1).cpu().numpy()))
        means = {"profile_loss": float(np.mean(np.concatenate(profile)))}
        means["count_loss"] = float(np.mean(np.concatenate(count)))
        loss = means["profile_loss"] + self.count_weight * means["count_loss"]
        r = pearson(np.concatenate(observed), np.concatenate(predicted)[:, None])[0]
        distance = np.concatenate(distances)
        median = np.median(distance[np.isfinite(distance)]) if np.isfinite(distance).any() else np.nan
        return {"selection": -loss, "loss": loss, **means, "count_pearson": float(r), "jensen_shannon": float(median)}


def run(network: torch.nn.Module, codes: np.ndarray, device: torch.device) -> ProfileOutput:
    """Output of a network for base codes (n, length), as float32 on the device."""
    output = network(one_hot(torch.from_numpy(codes).to(device)))
    return ProfileOutput(output.logits.float(), output.log_count.float())


def mean_count_gap(
    network: torch.nn.Module, store: WindowStore, rows: np.ndarray, device: torch.device, batch_size: int
) -> float:
    """Mean of observed minus predicted ln(1 + count) over regions: what a bias model's count is shifted by."""
    network.to(device).eval()
    gaps = []
    with torch.inference_mode():
        for first in range(0, len(rows), batch_size):
            codes, counts = store.take(rows[first : first + batch_size])
            predicted = run(network, codes, device).log_count.double().cpu().numpy()
            gaps.append(np.log1p(counts.sum(axis=1, dtype=np.float64)) - predicted)
    return float(np.mean(np.concatenate(gaps)))


def load_network(
    network: Mapping[str, object], weights: Mapping[str, torch.Tensor], input_length: int, output_length: int
) -> torch.nn.Module:
    """Network of a recipe with given weights, in evaluation mode."""
    built = build_profile_network(network, input_length, output_length)
    built.load_state_dict(dict(weights))
    return built.eval()

"""Networks with random input of the shape that a recipe reads, for measurements of speed.

Inputs: a complete recipe. Outputs: a task for the training loop, and a network with its encoded input. Time depends on
shapes alone, so that neither data nor trained weights are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch

from cisflow.models.encoding import ENCODINGS, PLASMID_LEFT, PlasmidEncoding
from cisflow.models.expression_task import ExpressionTask
from cisflow.models.network import SequenceNetwork
from cisflow.models.profiles.loss import profile_loss
from cisflow.models.profiles.networks import BiasedProfileNetwork, build_profile_network, one_hot
from cisflow.models.profiles.settings import profile_settings
from cisflow.models.team_encodings import TwoStrandsEncoding
from cisflow.problems import InputError, Problem, not_one_of
from cisflow.training.loop import Task

SEED = 1
#: Rows that training steps draw from, in batches, and at least.
BATCHES_OF_ROWS, FEWEST_ROWS = 8, 64
#: Mean counts per position of random profiles, and weight of their total.
MEAN_COUNTS, COUNT_WEIGHT = 0.2, 10.0


class Probe(Protocol):
    """What is measured of a recipe."""

    def task(self, batch_size: int, steps: int) -> Task:
        """Task whose batches are random, with ``steps`` steps."""

    def forward_input(self, rows: int, device: torch.device) -> tuple[torch.nn.Module, torch.Tensor]:
        """Network in evaluation mode and its encoded input, both on the device."""

    def parameters(self) -> int:
        """Numbers that training changes."""


def _bases(rng: np.random.Generator, rows: int, length: int) -> list[str]:
    text = np.frombuffer(b"ACGT", dtype=np.uint8)[rng.integers(0, 4, (rows, length))].tobytes().decode()
    return [text[i : i + length] for i in range(0, rows * length, length)]


def random_table(recipe: Mapping[str, Any], rows: int) -> pd.DataFrame:
    """A dataset of random sequences in the form that an expression recipe reads.

    Parameters
    ----------
    recipe : mapping
        Complete, of a network.
    rows : int
        Training rows; two more are for validation.

    Returns
    -------
    DataFrame
        See :func:`cisflow.models.expression_data.read_dataset`; expression is uniform over the bins of the loss.
    """
    encoding, rng = ENCODINGS.make(recipe["encoding"]), np.random.default_rng(SEED)
    n = rows + 2
    left, length = "", getattr(encoding, "width", encoding.length)
    if isinstance(encoding, PlasmidEncoding) and encoding.drop:  # it looks for its adapter
        left = recipe["encoding"].get("left_context", PLASMID_LEFT)[-encoding.drop :]
    elif isinstance(encoding, TwoStrandsEncoding):
        length = encoding.head + encoding.width + encoding.tail
    heads = {head: rng.uniform(0, 1, n) for head in recipe.get("heads", ())}
    table = {
        "element": [f"e{i}" for i in range(n)],
        "sequence": [left + bases for bases in _bases(rng, n, length)],
        "is_singleton": rng.random(n) < 0.9,
        "split": ["train"] * rows + ["validation"] * 2,
        "pos": -1,
        **heads,
        "expression": rng.uniform(0, int(recipe["loss"].get("bins", 18)) - 1, n),
    }
    return pd.DataFrame(table)


class ExpressionProbe:
    """Expression networks: the task of their training on random sequences.

    Parameters
    ----------
    recipe : mapping
        Complete, of a network.
    """

    def __init__(self, recipe: Mapping[str, Any]):
        self.recipe, self.encoding = recipe, ENCODINGS.make(recipe["encoding"])

    def task(self, batch_size: int, steps: int) -> ExpressionTask:
        """See :class:`Probe`."""
        training = {**self.recipe["training"], "batch_size": batch_size, "epochs": 1, "steps_per_epoch": steps}
        rows = max(BATCHES_OF_ROWS * batch_size, FEWEST_ROWS)
        return ExpressionTask({**self.recipe, "training": training}, random_table(self.recipe, rows), SEED)

    def forward_input(self, rows: int, device: torch.device) -> tuple[torch.nn.Module, torch.Tensor]:
        """See :class:`Probe`."""
        network = SequenceNetwork(self.recipe["network"], self.encoding.n_channels, self.encoding.length)
        codes = self.encoding.codes(random_table(self.recipe, rows)["sequence"].tolist())[:rows]
        if hasattr(network.first, "fit"):
            network.first.fit(codes, SEED)
        flags = torch.zeros(rows, device=device)
        return network.to(device).eval(), self.encoding.tensor(torch.from_numpy(codes).to(device), flags, flags)

    def parameters(self) -> int:
        """See :class:`Probe`."""
        with torch.device("meta"):
            network = SequenceNetwork(self.recipe["network"], self.encoding.n_channels, self.encoding.length)
        return sum(p.numel() for p in network.parameters() if p.requires_grad)


class _RandomProfiles:
    """Task of a profile network on random windows; see :class:`cisflow.models.profiles.task.ProfilesTask`."""

    selection_label = "val -loss"

    def __init__(self, probe: ProfilesProbe, batch_size: int, steps: int):
        self.probe, self.n_steps, self.steps_per_epoch = probe, steps, steps
        rng, window = np.random.default_rng(SEED), probe.settings.window
        n = max(BATCHES_OF_ROWS * batch_size, FEWEST_ROWS)
        self.codes = torch.from_numpy(rng.integers(0, 4, (n, window.input_length), dtype=np.uint8))
        self.counts = torch.from_numpy(rng.poisson(MEAN_COUNTS, (n, window.output_length)).astype(np.float32))
        self.batch_size = batch_size

    def build_network(self) -> torch.nn.Module:
        """Fresh network."""
        return self.probe.network()

    def batch(self, step: int) -> dict[str, torch.Tensor]:
        """Rows one after the other, from the start again at the end."""
        rows = (step * self.batch_size + torch.arange(self.batch_size)) % len(self.codes)
        return {"codes": self.codes[rows], "counts": self.counts[rows]}

    def loss(self, network: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Mean loss of a batch."""
        return profile_loss(network(one_hot(batch["codes"])), batch["counts"], COUNT_WEIGHT)[0]

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Not measured; a number that no training waits for."""
        return {"selection": 0.0}


class ProfilesProbe:
    """Profile networks and bias models; a bundle's network runs beside its bias model, a recipe's alone.

    Parameters
    ----------
    recipe : mapping
        ``task: profiles``.
    """

    def __init__(self, recipe: Mapping[str, Any]):
        self.recipe = recipe
        self.settings = profile_settings(recipe)

    def network(self) -> torch.nn.Module:
        """Fresh network."""
        window = self.settings.window
        main = build_profile_network(self.settings.network, window.input_length, window.output_length)
        if "bias" not in self.recipe:
            return main
        bias = build_profile_network(self.recipe["bias"]["network"], window.input_length, window.output_length)
        return BiasedProfileNetwork(main, bias)

    def task(self, batch_size: int, steps: int) -> _RandomProfiles:
        """See :class:`Probe`."""
        return _RandomProfiles(self, batch_size, steps)

    def forward_input(self, rows: int, device: torch.device) -> tuple[torch.nn.Module, torch.Tensor]:
        """See :class:`Probe`."""
        shape = (rows, self.settings.window.input_length)
        codes = np.random.default_rng(SEED).integers(0, 4, shape, dtype=np.uint8)
        return self.network().to(device).eval(), one_hot(torch.from_numpy(codes).to(device))

    def parameters(self) -> int:
        """See :class:`Probe`."""
        return sum(p.numel() for p in self.network().parameters() if p.requires_grad)


PROBES = {"expression": ExpressionProbe, "profiles": ProfilesProbe}


def probe_of(recipe: Mapping[str, Any]) -> Probe:
    """Probe of a complete recipe.

    Raises
    ------
    InputError
        For recipes of another task.
    """
    if recipe.get("task") not in PROBES:
        raise InputError(Problem("recipe", f"task {not_one_of(recipe.get('task'), PROBES)}", column="task"))
    return PROBES[recipe["task"]](recipe)

"""Untrained contact models of each kind as bundles, a genome, and expected contacts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cisflow.models.contact_networks import build_network
from cisflow.models.contact_settings import contact_settings
from cisflow.training.bundle import write_bundle

ENCODER = {"widths": [6, 6], "pools": [5, 8], "kernel_size": 3}
DECODER = {"channels": 6, "middle": 4, "head": 3, "dilations": [1, 2]}
TRAINING = {
    "batch_size": 2,
    "steps": 4,
    "steps_per_validation": 2,
    "optimiser": {"name": "sgd", "learning_rate": 0.01},
    "schedule": {"name": "constant"},
}
CASCADE = {"name": "orca_cascade", **ENCODER, **DECODER, "dilations_1m": [1, 2], "steps": 2, "block_bins": 7}
COMMON = {
    "task": "contacts",
    "model": "network",
    "training": TRAINING,
    "validation": {},
    "evaluation": {"step_bins": 4},
}
RECIPES = {
    "one": {
        **COMMON,
        "window": {"bins": 16, "bin_size": 40},
        "network": {"name": "orca_1mb", **ENCODER, **DECODER},
        "training": {**TRAINING, "profile_weight": 0},
    },
    "cascade": {**COMMON, "window": {"bins": 16, "bin_size": 40, "levels": 3}, "network": CASCADE},
    "assembled": {
        **COMMON,
        "window": {"bins": 16, "bin_size": 80, "levels": 2},
        "assembly": {},
        "network": {**CASCADE, "steps": 1, "coarse_steps": 1},
    },
    "distance": {
        "task": "contacts",
        "model": "distance_only",
        "window": {"bins": 16, "bin_size": 40, "levels": 3},
        "validation": {},
        "evaluation": {"step_bins": 4},
    },
}
LENGTHS = {"chrA": 6_000, "chrB": 3_100, "chrC": 900}
RESOLUTION = 20


def write_toys(folder: Path, kinds: tuple[str, ...] = tuple(RECIPES)) -> dict[str, Path]:
    """Write bundles, ``genome.fa`` and ``expected.npz``; paths of the bundles by kind."""
    rng = np.random.default_rng(5)
    text = {name: "".join("ACGT"[c] for c in rng.integers(0, 4, length)) for name, length in LENGTHS.items()}
    (folder / "genome.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in text.items()))
    curve = -np.log1p(np.arange(400)) + 0.01 * rng.standard_normal(400)
    np.savez(folder / "expected.npz", log_expected=curve, log_trans=-7.0, resolution=RESOLUTION)
    found = {}
    for k, kind in enumerate(kinds):
        torch.manual_seed(k)
        recipe = RECIPES[kind]
        network = build_network(contact_settings(recipe), 0)
        state = network.state_dict()
        for name, value in state.items():  # as if trained: normalisation that is not the identity
            if name.endswith("running_var"):
                value.uniform_(0.2, 0.6)
            elif name.endswith("mean_by_distance"):
                value.normal_()
        write_bundle(folder / kind, state, recipe, pd.DataFrame({"step": [0]}), {"settings": {"profiles": []}})
        found[kind] = folder / kind
    return found

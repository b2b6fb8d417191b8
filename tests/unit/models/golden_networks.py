"""The six networks of the golden files, filled as they were when the reference values were computed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import yaml

from cisflow.models.network import SequenceNetwork

RECIPES = Path(__file__).parents[3] / "config" / "recipes"

AUTOSOME = {"first": {"name": "autosome_first"}, "core": {"name": "autosome_core"}, "final": {"name": "autosome_final"}}
BHI = {"first": {"name": "bhi_first"}, "core": {"name": "bhi_core"}, "final": {"name": "bhi_final"}}
UNLOCKDNA = {
    "first": {"name": "unlockdna_first"},
    "core": {"name": "unlockdna_core"},
    "final": {"name": "unlockdna_final"},
}
SHAPES = {"prixfixe_bhi": (4, 110), "prixfixe_unlockdna": (6, 200)}
DREAM = ("dream_cnn", "dream_rnn", "dream_attn")
ALL = (*DREAM, "prixfixe_autosome", "prixfixe_bhi", "prixfixe_unlockdna")


def settings(name: str) -> dict:
    if name in DREAM:
        return yaml.safe_load((RECIPES / f"{name}.yaml").read_text())["network"]
    return {"prixfixe_autosome": AUTOSOME, "prixfixe_bhi": BHI, "prixfixe_unlockdna": UNLOCKDNA}[name]


def build(name: str) -> SequenceNetwork:
    return SequenceNetwork(settings(name), *SHAPES.get(name, (6, 150))).eval()


def hashed(n: int, t: int) -> np.ndarray:
    """Pseudo-random numbers in [0, 1) that recipe B of the golden files is made of."""
    k = np.arange(n, dtype=np.uint32)
    h = k * np.uint32(2654435761) + np.uint32((t * 40503 + 12345) % 2**32)
    for _ in range(2):
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x45D9F3B)
    return (h ^ (h >> np.uint32(16))).astype(np.float64) / 2**32


def fill(network: torch.nn.Module, recipe: str) -> None:
    state = network.state_dict()
    for t, (name, tensor) in enumerate(state.items()):
        if not tensor.is_floating_point():
            continue
        n = tensor.numel()
        if recipe == "A":
            values = 0.05 * np.sin(0.7 * np.arange(n) + t)
            if name.endswith("running_var"):
                values = np.ones(n)
        else:
            u = hashed(n, t)
            if name.endswith("running_var"):
                values = 0.4 + 0.4 * u
            elif tensor.ndim >= 2:
                values = (2 * u - 1) * math.sqrt(6 / math.prod(tensor.shape[1:]))
            elif name.endswith(".weight"):
                values = 1 + 0.2 * (2 * u - 1)
            else:
                values = 0.1 * (2 * u - 1)
        state[name] = torch.from_numpy(values.astype(np.float32)).reshape(tensor.shape)
    network.load_state_dict(state)


def inputs(name: str, recipe: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Base ids (4, length) and the network input (4, channels, length)."""
    channels, length = SHAPES.get(name, (6, 150))
    b, p = np.arange(4)[:, None], np.arange(length)[None, :]
    if recipe == "A":
        ids = (7 * p + 3 * b + p * p) % 4
    else:
        ids = np.stack([np.floor(4 * hashed(length, 1000 + i)).astype(int) for i in range(4)])
    x = np.zeros((4, channels, length), dtype=np.float32)
    x[:, :4] = ids[:, None, :] == np.arange(4)[None, :, None]
    if (channels, length) == (6, 150):
        x[:, 4] = b % 2
        x[:, 5] = (b // 2) % 2 if recipe == "B" else 0
    return torch.from_numpy(ids), torch.from_numpy(x)

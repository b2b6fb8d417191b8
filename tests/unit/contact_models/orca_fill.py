"""Deterministic parameters and inputs of the Orca reference files (tests/golden/orca/README.md, sections 2 and 3)."""

from __future__ import annotations

import math

import numpy as np
import torch

FULL_GAIN = ("lcombinerD.", "lcombiner.", "lconvtwos.0.", "final.")


def fill(module: torch.nn.Module, kind: str, offset: int = 0) -> torch.nn.Module:
    """Set every entry of the state dict by rule ``A`` or ``B`` and put the module into eval mode.

    ``offset`` is added to the index of an entry, so that modules of one kind differ.
    """
    state = module.state_dict()
    filled = {}
    for t, (key, value) in enumerate(state.items()):
        prefix, _, name = key.rpartition(".")
        k = np.arange(value.numel(), dtype=np.int64)
        phase = 0.7 * k + t + offset
        b = np.sin(phase + 0.01 * ((k * k) % 4099)) if kind == "B" else np.sin(phase)
        if name == "num_batches_tracked":
            values = np.zeros(1)
        elif f"{prefix}.running_mean" in state:
            plain = {"weight": 1 + 0 * b, "bias": 0 * b, "running_mean": 0 * b, "running_var": 1 + 0 * b}
            wavy = {"weight": 1 + 0.2 * b, "bias": 0.1 * b, "running_mean": 0.1 * b, "running_var": 1 + 0.5 * b * b}
            values = (wavy if kind == "B" else plain)[name]
        elif name == "weight":
            gain = 1.4 if value.dim() == 3 or key.startswith(FULL_GAIN) else 0.5
            values = gain / math.sqrt(math.prod(value.shape[1:])) * b
        else:
            values = 0.05 * b
        filled[key] = torch.from_numpy(values).reshape(value.shape).to(value.dtype)
    module.load_state_dict(filled)
    return module.eval()


def dna(length: int) -> torch.Tensor:
    """One-hot sequence [1, 4, length]."""
    p = np.arange(length, dtype=np.int64)
    base = (7 * p + 3 * (p // 4) + (p * p) % 11) % 4
    return torch.from_numpy(np.eye(4, dtype=np.float32)[:, base])[None]


def encoding(length: int, channels: int = 128) -> torch.Tensor:
    """Encoding [1, channels, length]."""
    c, i = np.arange(1, channels + 1)[:, None], np.arange(1, length + 1)[None]
    return torch.from_numpy(np.sin(0.013 * c * i).astype(np.float32))[None]


def distance(n: int) -> torch.Tensor:
    """Distance map [1, 1, n, n]."""
    i = np.arange(n)
    return torch.from_numpy((-0.5 * np.log(1 + np.abs(i[:, None] - i))).astype(np.float32))[None, None]


def coarse(n: int) -> torch.Tensor:
    """Coarse map [1, 1, n, n]."""
    i = np.arange(1, n + 1)
    return torch.from_numpy(np.cos(0.031 * i[:, None] * i).astype(np.float32))[None, None]

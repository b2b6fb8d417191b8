"""Small datasets for the tests of expression models."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cisflow.models.encoding import PLASMID_LEFT

ADAPTER, RIGHT = PLASMID_LEFT[-17:], "GGTTACGGCTGTT"
MOTIF = "TGACTCA"

NARROW = {
    "task": "expression",
    "model": "network",
    "encoding": {"name": "plasmid", "length": 110},
    "network": {
        "first": {"name": "bhi_first", "channels": 8, "kernels": [5, 9], "dropout": 0.1},
        "core": {"name": "autosome_core", "widths": [8], "expansion": 2},
        "final": {"name": "autosome_final", "bins": 18},
    },
    "loss": {"name": "soft_labels", "bins": 18},
    "training": {
        "batch_size": 32,
        "epochs": 4,
        "optimiser": {"name": "adamw"},
        "schedule": {"name": "one_cycle", "max_learning_rate": 0.01},
    },
}


def toy_table(n: int = 200, bins: int = 18) -> pd.DataFrame:
    """Promoters whose expression is set by how often a motif was put in; the last fifth is for validation."""
    rng = np.random.default_rng(0)
    sequences = []
    copies = rng.integers(0, 4, n)
    for count in copies:
        middle = "".join(rng.choice(list("ACGT"), 80 - 7 * count))
        sequences.append(ADAPTER + MOTIF * count + middle + RIGHT)
    expression = np.clip(3 + 3.5 * copies + rng.normal(0, 0.5, n), 0, 17) * (bins - 1) / 17
    expression[::5] = np.round(expression[::5])
    return pd.DataFrame(
        {
            "element": [f"e{i}" for i in range(n)],
            "sequence": sequences,
            "expression": expression,
            "n_reads": 20,
            "is_singleton": expression == np.round(expression),
            "split": np.where(np.arange(n) < 0.8 * n, "train", "validation"),
            "pos": -1,
        }
    )

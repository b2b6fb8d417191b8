"""Randomness from one seed, split by name.

Every stage and job draws from its own generator, derived from the run's seed and the names of the stage and
job: adding a job never changes the draws of another, and the number of threads never matters.
"""

from __future__ import annotations

import hashlib

import numpy as np


def seed_for(seed: int, *names: object) -> int:
    """Return a 63-bit seed for a stage or job.

    Parameters
    ----------
    seed : int
        The seed of the run (config key ``seed``).
    *names : object
        Names that identify the draw, e.g. ``"train", "dream_cnn", 1``.
    """
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int, *names: object) -> np.random.Generator:
    """Return a NumPy generator (PCG64) for a stage or job; see :func:`seed_for`."""
    return np.random.Generator(np.random.PCG64(seed_for(seed, *names)))

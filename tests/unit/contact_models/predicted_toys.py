"""Made-up predictions of contact models at several levels, as in ``predictions/{map}/{model}.contacts.npz``."""

from __future__ import annotations

import numpy as np

BINS = 24
LEVELS = np.array([9600, 4800, 2400])
SIZES = LEVELS // BINS


def smooth_noise(rng, windows, bins):
    """Symmetric maps with structure: products of a random profile along the bins."""
    profile = np.repeat(rng.choice([-1.0, 1.0], (windows, bins // 4)), 4, axis=1)
    maps = profile[:, :, None] * profile[:, None, :]
    return 0.6 * maps + 0.3 * (lambda noise: noise + noise.transpose(0, 2, 1))(rng.normal(size=maps.shape))


def made_up(noise=0.3, windows=8, seeds=(1, 2), step=4800, levels=LEVELS, kind="cis", truth_seed=0, model_seed=1):
    """Arrays of one model; equal ``truth_seed`` gives the same windows and observations.

    Half of the windows lie on chr9, the others on chr10. Level k starts a quarter of the level above further on. In
    windows ``trans`` the last third of the bins is of another chromosome.
    """
    truth, rng = np.random.default_rng(truth_seed), np.random.default_rng((truth_seed, model_seed))
    levels = np.asarray(levels)
    observed = np.stack([smooth_noise(truth, windows, BINS) for _ in levels], axis=1)
    half = windows // 2
    first = np.concatenate([step * np.arange(half), step * np.arange(windows - half)])
    offset = np.concatenate([[0], np.cumsum(levels[:-1] // 4)])
    missing = np.zeros(observed.shape)
    missing[..., 5, :] = missing[..., :, 5] = 1.0
    missing[..., 9, :] = np.maximum(missing[..., 9, :], 0.3)
    missing[..., :, 9] = np.maximum(missing[..., :, 9], 0.3)
    predicted = np.stack([observed + noise * rng.normal(size=observed.shape) for _ in seeds])
    predicted = 0.5 * (predicted + predicted.swapaxes(-1, -2))
    found = {
        "chromosome": np.array(["chr9"] * half + ["chr10"] * (windows - half)),
        "levels": levels,
        "bin_size": levels // BINS,
        "start": first[:, None] + offset,
        "seeds": np.array(seeds),
        "predicted": predicted.astype(np.float32),
        "observed": np.where(missing == 1, np.nan, observed).astype(np.float32),
        "missing": missing.astype(np.float32),
        "log_background": -np.log(1.0 + np.abs(np.arange(BINS)[:, None] - np.arange(BINS)))[None]
        - np.log(levels / BINS).astype(np.float32)[:, None, None],
        "kind": np.array(kind),
    }
    if kind == "trans":
        far = np.arange(BINS) >= 2 * BINS // 3
        found["background_trans"] = np.broadcast_to(far[:, None] != far, observed.shape).copy()
    return found


def distance_only(found):
    """Predictions that depend on distance alone, for the windows of :func:`made_up`."""
    index = np.arange(BINS)
    by_distance = -np.log1p(np.abs(index[:, None] - index)).astype(np.float32)
    return found | {
        "predicted": np.broadcast_to(by_distance, found["predicted"].shape)[:1].copy(),
        "seeds": np.array([1]),
    }


def save(folder, **models):
    """Write models as files; returns their paths by name."""
    paths = {}
    for name, found in models.items():
        paths[name] = folder / f"{name}.contacts.npz"
        np.savez_compressed(paths[name], **found)
    return paths

"""Predicted and observed maps of chosen windows as coolers and as arrays.

Purpose: files that HiGlass, cooler and cooltools open. Inputs: predictions of a model, chromosome lengths. Outputs:
``.mcool`` with one resolution per level (or ``.cool`` of one level), ``.npz`` with every matrix.
Pixels are contacts on the scale of the balanced map. Coordinates are 0-based.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from cisflow.contacts.coolers import write_cooler
from cisflow.evaluation.contact_predictions import PredictedMaps
from cisflow.files import atomic_path
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem, not_one_of

CONTACTS, INVERSE, RATIO = VALUES = ("contacts", "inverse", "ratio")
#: The values in words.
FORMULAS = {
    CONTACTS: "exp(log ratio) x expected contacts",
    INVERSE: "exp(log ratio) x (expected contacts + eps) - eps, not below 0; eps: smallest expected of the map",
    RATIO: "exp(log ratio)",
}
FORMAT = {"format": "HDF5::MCOOL", "format-version": 2, "bin-type": "fixed"}


def log_ratios(found: PredictedMaps, window: int, level: int, observed: bool) -> np.ndarray:
    """Log ratio of one map: averaged over replicates, or as measured; float64 (bins, bins), NaN where not measured."""
    if observed:
        return found.measured(level)[window].astype(np.float64)
    return found.predicted[:, window, level].mean(axis=0, dtype=np.float64)


def pixel_values(log_ratio: np.ndarray, expected: np.ndarray, values: str = CONTACTS) -> np.ndarray:
    """Values of a map that go into a cooler, see :data:`FORMULAS`.

    ``contacts`` is what the field shows. Log ratios were made with ``eps`` on both sides, which counts where contacts
    are few: ``inverse`` undoes that, so that what was observed comes back as it was measured.

    Parameters
    ----------
    log_ratio, expected : float array, (bins, bins)
    values : {"contacts", "inverse", "ratio"}

    Returns
    -------
    float64 array, (bins, bins)
    """
    ratio = np.exp(log_ratio)
    if values == RATIO:
        return ratio
    if values == CONTACTS:
        return ratio * expected
    eps = np.nanmin(expected)
    return np.maximum(ratio * (expected + eps) - eps, 0.0)


def _place(found: PredictedMaps, window: int, level: int, lengths: Mapping[str, int]) -> tuple[np.ndarray, int]:
    """Bin of the genome that each bin of a map goes to, and the largest displacement on the way (bp).

    Bins go where their centre lies, so that a map that starts on the grid of its bin size is not displaced at all.
    """
    size = int(found.bin_size[level])
    names = list(lengths)
    first = dict(zip(names, np.concatenate([[0], np.cumsum([-(-n // size) for n in lengths.values()])]), strict=False))
    if found.bin_chromosome is not None:
        chromosomes, start = found.bin_chromosome[window, level].astype(str), found.bin_start[window, level]
    else:
        chromosomes = np.full(found.bins, found.chromosome[window])
        start = int(found.start[window, level]) + size * np.arange(found.bins)
    unknown = sorted(set(chromosomes.tolist()) - set(names))
    if unknown:
        raise InputError(Problem("chromosome lengths", not_one_of(unknown[0], names)))
    bins = (start + size // 2) // size
    offset = pd.Series(chromosomes).map(first).to_numpy(dtype=np.int64)
    return offset + bins, int(np.abs(bins * size - start).max())


def _bin_table(lengths: Mapping[str, int], size: int) -> pd.DataFrame:
    """All bins of the genome: ``chrom, start, end``."""
    parts = []
    for name, length in lengths.items():
        start = np.arange(0, length, size)
        parts.append(pd.DataFrame({"chrom": name, "start": start, "end": np.minimum(start + size, length)}))
    return pd.concat(parts, ignore_index=True)


def level_pixels(
    found: PredictedMaps,
    windows: Sequence[int],
    level: int,
    lengths: Mapping[str, int],
    observed: bool = False,
    values: str = CONTACTS,
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray, int]:
    """Pixels of the maps of one level.

    Parameters
    ----------
    found : PredictedMaps
    windows : sequence of int
        Rows of the predictions. Where windows overlap, a pixel is the mean over them.
    level : int
        Index.
    lengths : mapping of str to int
        Length (bp) of every chromosome, in the order of the file.
    observed : bool
        What was measured instead of what was predicted.
    values : {"contacts", "inverse", "ratio"}
        See :func:`pixel_values`.

    Returns
    -------
    (bin1, bin2, value) : int64, int64, float64 arrays
        Upper triangle, sorted; without entries that were not measured.
    covered : int64 array, (bins of the genome,)
        Windows that each bin is in.
    displacement : int
        Largest distance (bp) of a bin of a map from the bin of the genome that it was written to.
    """
    n_bins = sum(-(-length // int(found.bin_size[level])) for length in lengths.values())
    covered = np.zeros(n_bins, dtype=np.int64)
    keys, entries, displacement = [], [], 0
    upper = np.triu_indices(found.bins)
    for window in windows:
        place, moved = _place(found, window, level, lengths)
        displacement = max(displacement, moved)
        covered[np.unique(place)] += 1
        of_window = pixel_values(log_ratios(found, window, level, observed), found.expected(window, level), values)
        low, high = np.minimum(place[upper[0]], place[upper[1]]), np.maximum(place[upper[0]], place[upper[1]])
        entry = of_window[upper]
        known = np.isfinite(entry)
        keys.append(low[known] * n_bins + high[known])
        entries.append(entry[known])
    key, where = np.unique(np.concatenate(keys), return_inverse=True)
    total = np.bincount(where, weights=np.concatenate(entries), minlength=len(key))
    return (key // n_bins, key % n_bins, total / np.bincount(where, minlength=len(key))), covered, displacement


def write_maps(
    path: str | Path,
    found: PredictedMaps,
    windows: Sequence[int],
    lengths: Mapping[str, int],
    title: str,
    observed: bool = False,
    values: str = CONTACTS,
    level: int | None = None,
) -> None:
    """Write maps as coolers.

    Parameters
    ----------
    path : path
        ``.mcool``: every level is a resolution, ``path::/resolutions/<bin size>``; ``.cool``: one level.
    found, windows, lengths, observed, values
        See :func:`level_pixels`.
    title : str
        What the values are of, in the metadata.
    level : int, optional
        Index of the level of a ``.cool``; the finest by default.

    Notes
    -----
    Every cooler has all bins of the genome. Column ``windows`` of its bins says how many windows a bin is in; column
    ``weight`` is 1 there and missing elsewhere, so that balanced reading gives the values inside the windows and NaN
    in bins that no window holds. A pair of bins without a pixel was not predicted (or measured), whatever its weights.
    Maps that do not start on the grid of their bin size are displaced by half a bin at most; the attribute
    ``metadata`` says by how much, and the log as well.

    Raises
    ------
    InputError
        When the suffix is another one, or chromosomes are not in ``lengths``.
    """
    path = Path(path)
    if path.suffix not in (".cool", ".mcool"):
        raise InputError(Problem(str(path), f"{path.suffix!r}; expected the suffix .cool or .mcool"))
    order = np.argsort(found.levels, kind="stable")
    several = path.suffix == ".mcool"
    levels = order if several else [order[0] if level is None else level]
    with atomic_path(path) as temporary:
        for number, k in enumerate(levels):
            size = int(found.bin_size[k])
            pixels, covered, moved = level_pixels(found, windows, k, lengths, observed, values)
            if moved:
                logger.info("%s: bins of %d bp displaced by up to %d bp onto the grid of the file", path, size, moved)
            about = {
                "title": title,
                "values": FORMULAS[values],
                "level_bp": int(found.levels[k]),
                "displacement_bp": moved,
                "windows": [f"{found.chromosome[w]}:{found.start[w, k]}" for w in windows],
            }
            group = f"/resolutions/{size}" if several else ""
            bins = _bin_table(lengths, size).assign(windows=covered, weight=np.where(covered > 0, 1.0, np.nan))
            mode = "w" if number == 0 else "a"
            write_cooler(temporary, bins, [pixels], group, mode, count_type=np.float64, metadata=about)
        if several:
            with h5py.File(temporary, "r+") as handle:
                handle.attrs.update(FORMAT)


def write_arrays(path: str | Path, found: PredictedMaps, windows: Mapping[str, int], observed: bool = False) -> None:
    """Write every matrix of chosen windows as a compressed ``.npz``; equal content gives equal bytes.

    Parameters
    ----------
    path : path
    found : PredictedMaps
    windows : mapping of str to int
        Rows of the predictions by name.
    observed : bool
        What was measured instead of what was predicted.

    Notes
    -----
    Arrays: ``window`` (names), ``chromosome, kind`` (windows,), ``levels, bin_size`` (levels,), ``start`` (windows,
    levels), ``log_ratio`` float32, ``expected`` float64 and ``missing`` float32 (windows, levels, bins, bins), and
    ``bin_chromosome, bin_start`` (windows, levels, bins) of windows of several chromosomes. Contacts are
    exp(``log_ratio``) x ``expected``.
    """
    rows = list(windows.values())
    levels = range(len(found.levels))
    arrays = {
        "window": np.array(list(windows)),
        "chromosome": found.chromosome[rows],
        "kind": found.kind[rows],
        "levels": found.levels,
        "bin_size": found.bin_size,
        "start": found.start[rows],
        "log_ratio": np.array([[log_ratios(found, w, k, observed) for k in levels] for w in rows], dtype=np.float32),
        "expected": np.array([[found.expected(w, k) for k in levels] for w in rows]),
        "missing": found.missing[rows],
    }
    if found.bin_chromosome is not None:
        arrays |= {"bin_chromosome": found.bin_chromosome[rows], "bin_start": found.bin_start[rows]}
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)

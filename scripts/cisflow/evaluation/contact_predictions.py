"""Predictions of contact models, read and checked, and which of their entries count.

Inputs: ``predictions/{map}/{model}.contacts.npz``. Outputs: :class:`PredictedMaps`, one model at a time.
All coordinates are 0-based base pairs; values are natural logs of observed over expected contacts.
Source of the rules about entries: evaluation of Orca (Zhou 2022, Nature Genetics 54:725-734).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cisflow.problems import InputError, Problem

#: Entries with a larger share of missing fine pixels do not count (published).
MAX_MISSING = 0.25
CIS, TRANS = KINDS = ("cis", "trans")
REQUIRED = ("chromosome", "levels", "bin_size", "start", "seeds", "predicted", "observed", "log_background")
SAME = ("chromosome", "levels", "bin_size", "start", "kind", "observed", "missing")


@dataclass(frozen=True)
class PredictedMaps:
    """What a model predicted for the test windows of a map, beside what was observed.

    Attributes
    ----------
    chromosome : str array, (windows,)
        Chromosome that holds the position that the levels zoom on.
    levels : int64 array, (levels,)
        Base pairs that a level covers, coarse to fine.
    bin_size : int64 array, (levels,)
    start : int64 array, (windows, levels)
        First base of each level's map; in windows of several chromosomes of the assembly.
    seeds : int64 array, (seeds,)
        Replicates of the model.
    predicted : float32 array, (seeds, windows, levels, bins, bins)
    observed : float32 array, (windows, levels, bins, bins)
        NaN where nothing was measured.
    missing : float32 array, (windows, levels, bins, bins)
        Share of missing fine pixels behind an entry.
    log_background : float32 array, (levels, bins, bins) or (windows, levels, bins, bins)
        Natural log of the expected contacts that the targets were divided by.
    kind : str array, (windows,)
        ``cis`` or ``trans``: the set of windows, see :meth:`scored`.
    background_trans : bool array, (windows, levels, bins, bins), or None
        Entries between chromosomes, in windows of several.
    bin_chromosome, bin_start : str and int64 arrays, (windows, levels, bins), or None
        Chromosome of every bin and its first base there, in windows of several chromosomes.
    max_missing : float
        Entries with a larger share of missing fine pixels do not count.
    """

    chromosome: np.ndarray
    levels: np.ndarray
    bin_size: np.ndarray
    start: np.ndarray
    seeds: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray
    missing: np.ndarray
    log_background: np.ndarray
    kind: np.ndarray
    background_trans: np.ndarray | None = None
    bin_chromosome: np.ndarray | None = None
    bin_start: np.ndarray | None = None
    max_missing: float = MAX_MISSING

    @property
    def bins(self) -> int:
        """Bins on a side of every map."""
        return self.observed.shape[-1]

    @property
    def kinds(self) -> list[str]:
        """Sets of windows that are there, ``cis`` first."""
        return [kind for kind in KINDS if (self.kind == kind).any()]

    def mean(self) -> np.ndarray:
        """Predictions averaged over the replicates; float32 (windows, levels, bins, bins)."""
        return self.predicted.mean(axis=0)

    def expected(self, window: int, level: int) -> np.ndarray:
        """Expected contacts of one map, balanced, linear scale; float64 (bins, bins)."""
        several = self.log_background.ndim == 4
        log = self.log_background[window, level] if several else self.log_background[level]
        return np.exp(log.astype(np.float64))

    def measured(self, level: int) -> np.ndarray:
        """Observed maps of a level with NaN where too many of the fine pixels are missing.

        Parameters
        ----------
        level : int
            Index into ``levels``.

        Returns
        -------
        float32 array, (windows, bins, bins)
        """
        return np.where(self.missing[:, level] <= self.max_missing, self.observed[:, level], np.float32(np.nan))

    def scored(self, level: int) -> np.ndarray:
        """As :meth:`measured`, with NaN at every entry that does not count.

        Windows ``trans`` keep the entries between chromosomes alone, windows ``cis`` those within.
        """
        found = self.measured(level)
        if self.background_trans is not None:
            counts = self.background_trans[:, level] == (self.kind == TRANS)[:, None, None]
            found = np.where(counts, found, np.float32(np.nan))
        return found

    def in_words(self) -> str:
        """Shape of the windows, for messages."""
        windows, levels = self.start.shape
        sizes = ", ".join(f"{size:,}" for size in self.bin_size)
        return f"{windows} windows of {self.bins} bins of {sizes} bp" + (f" ({levels} levels)" if levels > 1 else "")

    def digest(self) -> str:
        """Digest of the windows and what was observed in them; equal for models that can be compared."""
        state = hashlib.sha256()
        for name in SAME:
            values = np.ascontiguousarray(getattr(self, name))
            state.update(f"{name} {values.shape} ".encode())
            if values.dtype.kind == "U":
                state.update("\n".join(values).encode())
                continue
            for part in values:
                if part.dtype.kind == "f":  # missing values have several bit patterns
                    part = np.nan_to_num(part, nan=np.float32(-1e30))
                state.update(part.tobytes())
        return state.hexdigest()


def read_predicted_maps(path: str | Path, max_missing: float = MAX_MISSING) -> PredictedMaps:
    """Read the predictions of a model.

    Parameters
    ----------
    path : path
        ``.contacts.npz``. ``kind`` may be one word for all windows; without ``missing``, entries are missing where
        ``observed`` is NaN and nowhere else.
    max_missing : float
        See :class:`PredictedMaps`.

    Raises
    ------
    InputError
        When arrays are missing or do not fit together.
    """
    with np.load(path) as file:
        found = {name: file[name] for name in file.files}
    absent = [name for name in REQUIRED if name not in found]
    if absent:
        raise InputError(Problem(str(path), f"no array {', '.join(absent)}; expected predictions of a contact model"))
    observed = found["observed"]
    windows, levels = observed.shape[:2]
    missing = found["missing"] if "missing" in found else np.isnan(observed).astype(np.float32)
    kind = np.broadcast_to(found.get("kind", np.array(CIS)), (windows,)).astype(str)
    between = found.get("background_trans")
    shapes = {
        "chromosome": (windows,),
        "levels": (levels,),
        "bin_size": (levels,),
        "start": (windows, levels),
        "predicted": (len(found["seeds"]), *observed.shape),
    }
    problems = [
        Problem(str(path), f"shape {found[name].shape}; expected {shape}", column=name)
        for name, shape in shapes.items()
        if found[name].shape != shape
    ]
    optional = {"missing": observed.shape, "background_trans": observed.shape}
    optional |= dict.fromkeys(("bin_chromosome", "bin_start"), observed.shape[:-1])
    problems += [
        Problem(str(path), f"shape {found[name].shape}; expected {shape}", column=name)
        for name, shape in optional.items()
        if name in found and found[name].shape != shape
    ]
    unknown = sorted(set(kind.tolist()) - {CIS, TRANS})
    if unknown:
        problems.append(Problem(str(path), f"{unknown[0]!r}; expected {CIS!r} or {TRANS!r}", column="kind"))
    if TRANS in kind and between is None:
        problems.append(Problem(str(path), "absent, but there are windows of kind 'trans'", column="background_trans"))
    background = found["log_background"]
    if background.shape not in (observed.shape, observed.shape[1:]):
        expected = f"expected {observed.shape[1:]} or {observed.shape}"
        problems.append(Problem(str(path), f"shape {background.shape}; {expected}", column="log_background"))
    if problems:
        raise InputError(problems)
    return PredictedMaps(
        found["chromosome"].astype(str),
        found["levels"].astype(np.int64),
        found["bin_size"].astype(np.int64),
        found["start"].astype(np.int64),
        found["seeds"],
        found["predicted"],
        observed,
        missing,
        background,
        kind,
        between,
        *(found.get(name) for name in ("bin_chromosome", "bin_start")),
        max_missing,
    )


def each_model(
    paths: Mapping[str, str | Path], max_missing: float = MAX_MISSING
) -> Iterator[tuple[str, PredictedMaps]]:
    """Predictions of the models of a map, one model in memory at a time.

    Parameters
    ----------
    paths : mapping of str to path
        ``predictions/{map}/{model}.contacts.npz`` by model.
    max_missing : float
        See :class:`PredictedMaps`.

    Yields
    ------
    str, PredictedMaps

    Raises
    ------
    InputError
        When a model was not asked about the same windows as the first: their scores could not be compared.
    """
    first = first_words = first_digest = None
    for model, path in paths.items():
        found = read_predicted_maps(path, max_missing)
        digest, words = found.digest(), found.in_words()
        if first is None:
            first, first_words, first_digest = model, words, digest
        elif digest != first_digest:
            raise InputError(
                Problem(
                    str(path),
                    f"{words}, but {first} has {first_words}, or the same number elsewhere; give all models of a map "
                    "the same `window` and `evaluation` in their recipes",
                )
            )
        yield model, found


def read_predictions(paths: Mapping[str, str | Path], max_missing: float = MAX_MISSING) -> dict[str, PredictedMaps]:
    """Predictions of the models of a map, all in memory; see :func:`each_model`."""
    return dict(each_model(paths, max_missing))

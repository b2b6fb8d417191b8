"""Sizes of files before they are there: lines fitted to the files of finished runs.

Inputs: planned jobs of finished runs and their files. Outputs: ``workflow/disk.tsv``, one row for each file of a rule;
the size to expect for an input.

The size of a file is taken as a constant plus a multiple of the size of its job's input, as memory and time are
(:mod:`cisflow.resources`), both raised by the same factor until no recorded file lies above the line: files of large
studies differ from it by a factor, not by some kilobytes. Beyond the largest recorded input it is continued. Where the
recorded inputs were of about one size the multiple is not known, and neither is the size for an input three times as
large as those. Weights of networks and genomes among the input are not counted: they decide how a job computes, not how
much it writes. Drawings, captions and networks do not grow. What rules write by their settings rather than by their
input (simulations, networks) is known for settings that are on record.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cisflow.problems import InputError, Problem
from cisflow.resources import SLOPE_FROM_RANGE, fitted_line

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from cisflow.planning.jobs import PlannedJob

KEY = ("rule", "output", "settings")
COLUMNS = (*KEY, "files", "largest_input_mb", "mb", "mb_per_input_mb")
#: Input that says nothing of how much a job writes.
NOT_COUNTED = (".safetensors", ".2bit")
DRAWINGS = (".svg", ".png", ".json")
TRAININGS = "train_"
#: First letters of the rules whose settings decide how much they write.
BY_SETTINGS = (
    "design_library",
    "export_contacts",
    "interpret_models",
    "measure_speed",
    "overfit_contact_window",
    "predict_contact",
    "predict_profiles",
    "prepare_assay",
    "screen_",
    "simulate_",
    TRAININGS,
)
#: Settings that do not, and parts of a recipe: names, randomness, machine, course of training.
OF_NO_EFFECT = frozenset(
    ("dataset", "device", "draws", "library", "map", "model", "replicate", "sample", "seed", "test", "threads")
)
OF_TRAINING = frozenset(("evaluation", "loss", "reverse_complement", "training", "validation"))

Key = tuple[str, str, str]
#: Key of a file, input of its job and size (MB).
Row = tuple[str, str, str, float, float]


@dataclass(frozen=True)
class FileSize:
    """Size of a file of a rule.

    Attributes
    ----------
    files : int
        Recorded files.
    largest_input_mb : float
        Largest recorded input that counts (10^6 bytes).
    mb, mb_per_input_mb : float
        Size: constant, and for each MB of input; the latter None where recorded inputs were of about one size.
    """

    files: int
    largest_input_mb: float
    mb: float
    mb_per_input_mb: float | None

    def expected(self, input_mb: float | None) -> float | None:
        """Size to expect (MB), for an input of known or unknown size; None where it cannot be told."""
        if self.mb_per_input_mb is None:
            known = input_mb is not None and input_mb <= SLOPE_FROM_RANGE * self.largest_input_mb
            return self.mb if known else None
        if self.mb_per_input_mb == 0:
            return self.mb
        return None if input_mb is None else self.mb + self.mb_per_input_mb * input_mb


def is_by_settings(rule: str) -> bool:
    """Whether the settings of a rule decide how much it writes."""
    return rule.startswith(BY_SETTINGS)


def settings_digest(rule: str, settings: Mapping[str, Any] | None) -> str:
    """Eight hexadecimal digits of the settings that decide how much a rule writes.

    Parameters
    ----------
    rule : str
    settings : mapping or None
        Of a training the parts of the recipe count that make the network, and how many trainings a job has.
    """
    given = dict(settings or {})
    if rule.startswith(TRAININGS):
        recipe = {key: value for key, value in given["recipe"].items() if key not in OF_TRAINING}
        counted: dict[str, Any] = {"recipe": recipe, "trainings": len(given.get("trainings", ("one",)))}
    else:
        counted = {key: value for key, value in given.items() if key not in OF_NO_EFFECT}
    text = json.dumps(counted, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def counted_inputs(job: PlannedJob) -> list[str]:
    """Input of a job whose size counts, each file once."""
    return [path for path in dict.fromkeys(job.inputs) if not path.endswith(NOT_COUNTED)]


def keys(job: PlannedJob) -> list[Key]:
    """What the files of a job are on record by, in the order of its outputs."""
    return [(job.rule, pattern, job.decided if _is_decided(job, pattern) else "") for pattern in job.patterns]


def _is_decided(job: PlannedJob, pattern: str) -> bool:
    # History, manifest and recipe of a bundle are of one size for all networks, within some kilobytes.
    return not job.rule.startswith(TRAININGS) or not pattern.endswith((".tsv", ".json", ".yaml"))


def size_on_disk(path: Path) -> float | None:
    """Size of a file, or of all files below a folder (MB); None where there is none."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
    return path.stat().st_size / 1e6 if path.is_file() else None


def recorded_size(path: str, folder: Path) -> float | None:
    """Size of a file of a run (MB), or what its job noted where it has been removed since; None without either."""
    from cisflow.made import RECORDS

    there = size_on_disk(folder / path)
    if there is not None:
        return there
    first, *rest = Path(path).parts
    if first != "results" or len(rest) < 2:
        return None
    noted = folder / first / rest[0] / RECORDS / Path(*rest[1:])
    records = [noted.with_name(f"{noted.name}.json"), *noted.rglob("*.json")]  # of a file, or of all files of a folder
    found = [json.loads(record.read_text(encoding="utf-8"))["bytes"] for record in records if record.is_file()]
    return sum(found) / 1e6 if found else None


def measure(jobs: Iterable[PlannedJob], size: Callable[[str], float | None]) -> list[Row]:
    """Input (MB) and size (MB) of every file of finished jobs, with its key; files without a size are left out.

    Parameters
    ----------
    jobs : iterable of PlannedJob
    size : callable
        Size of a file (MB), None where it is not known.
    """
    rows = []
    for job in jobs:
        inputs = [size(path) for path in counted_inputs(job)]
        if None in inputs:
            continue
        for key, path in zip(keys(job), job.outputs, strict=False):  # a rule without outputs has a name instead
            if (mb := size(path)) is not None:
                rows.append((*key, sum(inputs), mb))
    return rows


def _enclosing(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Constant and slope of a fitted line times the least factor with which no point lies above it."""
    constant, slope = fitted_line(x, y)
    factor = max([1.0, *(b / line for b, line in zip(y, constant + slope * x, strict=True) if line > 0)])
    return factor * constant, factor * slope


def fit_sizes(rows: Iterable[Row]) -> pd.DataFrame:
    """Fit the size of every file to the input of its job; takes what :func:`measure` returns, gives ``COLUMNS``."""
    import numpy as np
    import pandas as pd

    found = []
    for key, files in pd.DataFrame(rows, columns=[*KEY, "input_mb", "mb"]).groupby(list(KEY), sort=True):
        x, y = files["input_mb"].to_numpy(float), files["mb"].to_numpy(float)
        if key[1].endswith(DRAWINGS) or key[0].startswith(TRAININGS):
            line = float(y.max()), 0.0
        elif x.max() == 0 or x.max() < SLOPE_FROM_RANGE * x.min():
            line = float(y.max()), np.nan
        else:
            line = _enclosing(x, y)
        found.append((*key, len(files), x.max(), *line))
    return pd.DataFrame(found, columns=list(COLUMNS)).round(6)


def read_sizes(path: str | Path) -> dict[Key, FileSize]:
    """Sizes by rule, name and settings, of a table as :func:`fit_sizes` makes it."""
    with open(path, encoding="utf-8", newline="") as lines:
        table = csv.reader(lines, delimiter="\t")
        header = next(table, [])
        if tuple(header) != COLUMNS:
            raise InputError(Problem(str(path), f"columns {', '.join(header)}; expected {', '.join(COLUMNS)}"))
        return {
            tuple(row[:3]): FileSize(int(row[3]), float(row[4]), float(row[5]), float(row[6]) if row[6] else None)
            for row in table
        }

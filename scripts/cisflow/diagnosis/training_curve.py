"""What the course of a training says: whether more steps would help, or the network learns its data by heart.

Inputs: ``history.tsv`` of the seeds of a model. Outputs: :class:`CurveReading`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

LATE = 0.25  # share of the validations at the end of a training that its slope is taken from
FEWEST = 6  # validations that can be read
SELECTION = "selection"


@dataclass(frozen=True)
class CurveReading:
    """Course of the trainings of a model, means over seeds.

    Attributes
    ----------
    validations : int
        Fewest over the seeds; with fewer than 6 the other values are NaN.
    best : float
        Highest validation correlation.
    best_at : float
        Share of the training after which it was reached.
    late_rise : float
        Rise of the smoothed validation correlation over the last quarter of the training.
    fall : float
        Its highest value less the last one.
    loss_fall : float
        Relative fall of the training loss from the time of the best validation to the end.
    """

    validations: int
    best: float
    best_at: float
    late_rise: float
    fall: float
    loss_fall: float


def curve_columns(levels: Sequence[int]) -> dict[int, str]:
    """Column of ``history.tsv`` with the validation correlation of each level (bp), the finest level first."""
    ordered = sorted(levels)
    return {level: f"pearson_{level}" if len(ordered) > 1 else SELECTION for level in ordered}


def smoothed(values: np.ndarray) -> np.ndarray:
    """Running mean over three validations, two at the ends."""
    padded = np.concatenate([[np.nan], values, [np.nan]])
    return np.nanmean(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)


def _read_one(history: pd.DataFrame, column: str) -> tuple[float, ...]:
    value, loss = history[column].to_numpy(dtype=float), history["training_loss"].to_numpy(dtype=float)
    if np.isnan(value).all():  # no measured validation entries at the level
        return (np.nan,) * 5
    best = int(np.nanargmax(value))
    if len(value) < FEWEST:
        return (float(value[best]), (best + 1) / len(value), np.nan, np.nan, np.nan)
    smooth, smooth_loss = smoothed(value), smoothed(loss)
    late = max(2, round(LATE * len(value)))
    loss_fall = (smooth_loss[best] - smooth_loss[-1]) / smooth_loss[best] if smooth_loss[best] else 0.0
    rise = float(smooth[-1] - smooth[-late - 1])
    return (float(value[best]), (best + 1) / len(value), rise, float(smooth.max() - smooth[-1]), float(loss_fall))


def read_curves(histories: Sequence[pd.DataFrame], column: str = SELECTION) -> CurveReading:
    """Read the courses of the trainings of all seeds of a model.

    Parameters
    ----------
    histories : sequence of DataFrame
        ``history.tsv``: columns ``selection`` and ``training_loss``, one row per validation.
    column : str
        Of the validation correlation, see :func:`curve_columns`.
    """
    found = np.array([_read_one(history, column) for history in histories])
    return CurveReading(min(map(len, histories)), *map(float, found.mean(axis=0)))

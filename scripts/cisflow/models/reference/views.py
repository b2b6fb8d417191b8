"""What a prediction is averaged over, and how it is flattened: the recipe's `prediction`.

Inputs: uint8 codes of encoded sequences. Outputs: the same sequences shifted on their plasmid; flattened predictions.
Source of the method: DeepGXP, second entry of the 2022 challenge (five shifts times two strands; Rafi et al. 2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr

from cisflow.models.encoding import letter_codes


class PredictionViews:
    """Shifted copies of a sequence whose predictions are averaged.

    Parameters
    ----------
    shifts : sequence of int
        Bases; a positive shift moves the sequence to the right, which loses its last bases and gets plasmid bases in
        front.
    left_flank, right_flank : str
        Plasmid bases directly before and after the sequence, at least as many as the largest shift.
    flatten : mapping, optional
        ``mean`` and ``sd``: the mean prediction (on the scale of the targets) becomes its quantile in that normal
        distribution, 0 to 1. The order of the predictions stays, their scale is lost.
    """

    def __init__(
        self,
        shifts: Sequence[int] = (0,),
        left_flank: str = "",
        right_flank: str = "",
        flatten: dict[str, Any] | None = None,
    ):
        self.shifts, self.flatten = tuple(shifts), flatten
        self._left, self._right = (letter_codes([flank], "recipe")[0] for flank in (left_flank, right_flank))

    def codes(self, codes: np.ndarray) -> list[np.ndarray]:
        """Codes of every shift, each uint8 (n, length)."""
        return [self._shifted(codes, shift) for shift in self.shifts]

    def _shifted(self, codes: np.ndarray, shift: int) -> np.ndarray:
        if shift == 0:
            return codes
        moved = np.empty_like(codes)
        if shift > 0:
            moved[:, :shift], moved[:, shift:] = self._left[-shift:], codes[:, :-shift]
        else:
            moved[:, shift:], moved[:, :shift] = self._right[:-shift], codes[:, -shift:]
        return moved

    def quantiles(self, prediction: np.ndarray) -> np.ndarray:
        """Flattened predictions, 0 to 1."""
        return ndtr((prediction - self.flatten["mean"]) / self.flatten["sd"])

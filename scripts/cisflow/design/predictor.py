"""Trained models as functions of codes, for designs.

Inputs: replicates of models. Outputs: predictions of codes between constant flanks, in batches that bound memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cisflow.interpret.mutagenesis import Predictor, mean_prediction
from cisflow.problems import InputError, Problem
from cisflow.simulate.bases import LETTERS

#: Sequences whose letters are in memory at once.
BLOCK = 1 << 16


class CodePredictor:
    """Mean prediction of each model for codes between flanks.

    Parameters
    ----------
    models : mapping of list of Predictor by name
        Replicates of each model.
    left, right : str
        Constant bases around the codes.
    """

    def __init__(self, models: Mapping[str, Sequence[Predictor]], left: str, right: str):
        self.models, self.left, self.right = dict(models), left, right

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """Predict, float64 (n, models).

        Raises
        ------
        InputError
            When a model has no prediction for sequences of this length.
        """
        values = np.empty((len(codes), len(self.models)))
        width = codes.shape[1]
        for first in range(0, len(codes), BLOCK):
            block = codes[first : first + BLOCK]
            text = LETTERS[block].tobytes().decode("ascii")
            ends = range(0, len(text), width)
            sequences = [self.left + text[start : start + width] + self.right for start in ends]
            for column, replicates in enumerate(self.models.values()):
                values[first : first + BLOCK, column] = mean_prediction(replicates, sequences)
        without = [name for name, column in zip(self.models, values.T, strict=True) if not np.isfinite(column).all()]
        if without:
            length = len(self.left) + width + len(self.right)
            what = f"no prediction for sequences of {length} bases ({len(self.left)} + {width} + {len(self.right)})"
            raise InputError([Problem(name, what) for name in without])
        return values

    def only(self, name: str) -> CodePredictor:
        """The same with one model."""
        return CodePredictor({name: self.models[name]}, self.left, self.right)

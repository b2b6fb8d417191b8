"""Agreement of predicted and measured expression.

Inputs: two arrays. Outputs: Pearson r, Spearman rho, mean squared error.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import rankdata


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson correlation; NaN when one side is constant."""
    x, y = x - x.mean(), y - y.mean()
    spread = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / spread if spread > 0 else math.nan


def agreement(prediction: np.ndarray, expression: np.ndarray) -> dict[str, float]:
    """Validation metrics of an expression model.

    Parameters
    ----------
    prediction, expression : float array, (n,)

    Returns
    -------
    dict
        ``selection`` and ``pearson`` (the same number), ``spearman`` (average ranks for ties), ``mse``.
    """
    r = pearson(prediction, expression)
    rho = pearson(rankdata(prediction), rankdata(expression))
    return {"selection": r, "pearson": r, "spearman": rho, "mse": float(np.mean((prediction - expression) ** 2))}

"""Agreement of predicted and measured expression.

Inputs: two arrays. Outputs: Pearson r, Spearman rho, mean squared error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson correlation; NaN when one side is constant."""
    x, y = x - x.mean(), y - y.mean()
    spread = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / spread if spread > 0 else math.nan


def average_ranks(x: np.ndarray) -> np.ndarray:
    """Ranks from 1 on, the mean of their places for ties; NaN when any value is NaN.

    The same as scipy's ``rankdata``, without the seconds that importing scipy.stats takes in each training job.
    """
    if np.isnan(x).any():
        return np.full(len(x), np.nan)
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - 0.5 * (counts - 1))[place]


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
    rho = pearson(average_ranks(prediction), average_ranks(expression))
    return {"selection": r, "pearson": r, "spearman": rho, "mse": float(np.mean((prediction - expression) ** 2))}


def heads_agreement(prediction: np.ndarray, expression: np.ndarray, heads: Sequence[str]) -> dict[str, float]:
    """Validation metrics of a model with several heads.

    Parameters
    ----------
    prediction, expression : float array, (n, heads)
    heads : sequence of str

    Returns
    -------
    dict
        Means over the heads under the names of :func:`agreement`, and ``pearson.<head>`` and so on for each.
    """
    each = {head: agreement(prediction[:, i], expression[:, i]) for i, head in enumerate(heads)}
    means = {name: float(np.mean([each[head][name] for head in heads])) for name in each[heads[0]]}
    own = {f"{name}.{head}": each[head][name] for head in heads for name in ("pearson", "spearman", "mse")}
    return means | own

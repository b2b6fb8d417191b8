"""Agreement of predicted and measured expression.

Inputs: two arrays. Outputs: Pearson r, Spearman rho, mean squared error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cisflow.statistics import rank_values


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
    rho = pearson(rank_values(prediction), rank_values(expression))
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

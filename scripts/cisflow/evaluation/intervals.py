"""Bootstrap intervals: from draws to numbers and words.

Inputs: a value in draws of the test items or windows. Outputs: limits of the 95 % interval; text for reports, captions.
"""

from __future__ import annotations

import numpy as np

LOW, HIGH = 0.025, 0.975


def interval(drawn: np.ndarray, n_blocks: int | None = None) -> tuple[float, float]:
    """2.5 and 97.5 percent of the draws that have a value.

    Parameters
    ----------
    drawn : float array, (draws,)
        NaN where a draw has no value.
    n_blocks : int, optional
        What was drawn with replacement. With one block all draws are the same, and their spread says nothing.

    Returns
    -------
    pair of float
        NaN without values, or with one block.
    """
    finite = drawn[np.isfinite(drawn)]
    known = len(finite) and n_blocks != 1
    low, high = np.quantile(finite, [LOW, HIGH]) if known else (np.nan, np.nan)
    return float(low), float(high)


def with_interval(value: float, low: float, high: float, digits: int = 3, undefined: str = "undefined") -> str:
    """A value and its interval in words; ``undefined`` without a value."""
    if not np.isfinite(value):
        return undefined
    known = np.isfinite(low) and np.isfinite(high)
    return f"{value:.{digits}f}" + (f" ({low:.{digits}f} to {high:.{digits}f})" if known else " (no interval)")

"""Names of the folds of a nested cross-validation, without the libraries that draw them: every plan asks for them."""

from __future__ import annotations

from collections.abc import Sequence


def validation_folds(folds: Sequence[str], inner_folds: int | None, test: str) -> list[str]:
    """Names of the validation folds of a test fold: the other ones, or drawn ones ``inner1``, ``inner2``, ..."""
    if inner_folds is None:
        return [name for name in folds if name != test]
    return [f"inner{i}" for i in range(1, inner_folds + 1)]

"""Which sequences of a dataset to look at, and which of their variants were measured.

Inputs: test rows and test subsets. Outputs: sequences by element, the span in which they differ, measured variants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cisflow.evaluation.subsets import Subset

#: Columns of the table of variants.
VARIANTS = ("id", "position", "substitution", "measured")


def _common_prefix(texts: Sequence[str]) -> int:
    """Letters that all texts begin with: those that the first and the last in the alphabet share."""
    first, last = min(texts), max(texts)
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))


def varying_span(sequences: Sequence[str]) -> tuple[int, int | None]:
    """Positions from the first to the last that is not the same in all sequences, as ``start`` and ``end`` of a slice.

    Constant adapters on both sides are so left out; sequences may differ in length (``end`` counts from the end).
    """
    start = _common_prefix(sequences)
    tail = _common_prefix([sequence[start:][::-1] for sequence in sequences])
    return (0, None) if len(set(sequences)) < 2 else (start, -tail or None)


def measured_variants(test: pd.DataFrame, pairs: Sequence[Subset]) -> pd.DataFrame:
    """Pairs of test rows that differ by one substitution.

    Parameters
    ----------
    test : DataFrame
        ``element``, ``sequence``, ``expression``, ``pos``.
    pairs : sequence of Subset
        Subsets of pairs (alternative, reference).

    Returns
    -------
    DataFrame
        ``id`` (element of the reference), ``position`` (0-based), ``substitution``, ``measured`` (alternative minus
        reference); every variant once.
    """
    rows = test.set_index("pos")
    known = [s.pos[np.isin(s.pos, rows.index).all(axis=1)] for s in pairs]
    pos = np.concatenate([np.empty((0, 2), dtype=np.int64), *known])
    width = int(rows["sequence"].str.len().max())
    texts = rows["sequence"].str.upper()
    alternative, reference = (
        np.array(texts.loc[side].tolist(), dtype=f"U{width}").view("U1").reshape(-1, width) for side in pos.T
    )
    differs = alternative != reference
    same_length = ((alternative == "") == (reference == "")).all(axis=1)
    single = same_length & (differs.sum(axis=1) == 1)
    pos, position = pos[single], differs[single].argmax(axis=1)
    change = rows["expression"].loc[pos[:, 0]].to_numpy() - rows["expression"].loc[pos[:, 1]].to_numpy()
    table = pd.DataFrame(
        {
            "id": rows["element"].loc[pos[:, 1]].to_numpy(),
            "position": position,
            "substitution": alternative[single][np.arange(len(pos)), position],
            "measured": change,
        }
    )
    return table.drop_duplicates(["id", "position", "substitution"], ignore_index=True)


def choose_sequences(test: pd.DataFrame, variants: pd.DataFrame, number: int) -> Mapping[str, str]:
    """Test sequences to look at: those with most measured variants, then strongest variants, then highest expression.

    Parameters
    ----------
    test : DataFrame
        ``element``, ``sequence``, ``expression``.
    variants : DataFrame
        See :func:`measured_variants`.
    number : int

    Returns
    -------
    dict of str by element
        In upper case; fewer where the test rows are fewer.
    """
    rows = test[np.isfinite(test["expression"])].drop_duplicates("element")
    strength = variants.assign(measured=variants["measured"].abs()).groupby("id")["measured"].agg(["size", "max"])
    rows = rows.assign(**{column: rows["element"].map(strength[column]).fillna(0) for column in strength})
    rows = rows.sort_values(["size", "max", "expression"], ascending=False, kind="stable").head(number)
    return dict(zip(rows["element"], rows["sequence"].str.upper(), strict=True))

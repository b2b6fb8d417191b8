"""Rows of one training of a nested cross-validation. Apart from the division into folds: training jobs start sooner.

Inputs: a dataset in folds. Outputs: a dataset that is split once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def rows_of_fold(table: pd.DataFrame, test: str, validation: str) -> pd.DataFrame:
    """Rows of one training: a dataset as :mod:`cisflow.datasets.build` makes it.

    Parameters
    ----------
    table : DataFrame
        See :attr:`cisflow.datasets.folds.Folds.table`.
    test, validation : str
        Names of the folds.

    Returns
    -------
    DataFrame
        ``split`` is ``test`` in the test fold, ``validation`` for the other rows of the validation fold, else
        ``train``; ``pos`` is -1 outside the test fold.
    """
    tested = (table["fold"] == test).to_numpy()
    validating = (table["inner"] == validation).to_numpy() & ~tested
    split = np.select([tested, validating], ["test", "validation"], "train")
    table = table.assign(split=split, pos=np.where(tested, table["pos"], -1))
    others = [name for name in table.columns if name not in ("fold", "inner", "split", "pos")]
    return table[[*others, "split", "pos"]]

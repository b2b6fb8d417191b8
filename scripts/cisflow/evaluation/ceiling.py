"""How well a perfect model could score on the test rows of a dataset.

Inputs: a dataset, the table of expression that its test values come from, subsets. Outputs: ceilings per subset and of
the total scores, see :mod:`cisflow.expression.noise_ceiling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.evaluation.scoring import total_score
from cisflow.evaluation.subsets import Subset, common_folder, read_subsets
from cisflow.expression.noise_ceiling import COLUMNS, ceiling_table, measured_values
from cisflow.files import read_table
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator


def dataset_ceilings(
    test: pd.DataFrame, expression: pd.DataFrame | None, subsets: Sequence[Subset], random: np.random.Generator
) -> pd.DataFrame:
    """Ceilings of the subsets of a dataset's test rows.

    Parameters
    ----------
    test : DataFrame
        Test rows: ``element``, ``pos``, ``expression``.
    expression : DataFrame or None
        Estimates of the library that the test rows come from; None when they come from a table, which has no errors.
    subsets : sequence of Subset
    random : Generator

    Returns
    -------
    DataFrame
        :data:`.COLUMNS` per subset; last the subset ``total``, whose ``pearson`` and ``spearman`` are ceilings of the
        total scores (weighted means of r squared and of rho), its interval the weighted mean of the intervals' ends. No
        rows without errors.

    Raises
    ------
    InputError
        When the estimates lack an element of the test rows.
    """
    if expression is None:
        return pd.DataFrame(columns=list(COLUMNS))
    if missing := sorted(set(test["element"]) - set(expression["element"]))[:5]:
        raise InputError(Problem("expression", f"no estimate of test elements, e.g. {', '.join(map(str, missing))}"))
    rows = expression.set_index("element").loc[test["element"]].reset_index()
    place = pd.Series(np.arange(len(test)), index=test["pos"].to_numpy())
    parts = [(s.name, s.kind, place.loc[s.pos.ravel()].to_numpy().reshape(s.pos.shape)) for s in subsets]
    table = ceiling_table(measured_values(rows), parts, random)
    if table.empty:
        return table
    weights = np.array([s.weight for s in subsets])
    total: dict[str, object] = dict.fromkeys(COLUMNS, np.nan)
    total |= {"subset": "total", "kind": "total", "n": len(test), "source": table["source"].iloc[0]}
    for suffix in ("", "_low", "_high"):
        for column, power in (("pearson", 2), ("spearman", 1)):
            values = table[column + suffix].to_numpy(dtype=float)
            if np.isfinite(values).all():
                total[column + suffix] = float(total_score(values**power, weights))
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True)


def read_dataset_ceilings(
    dataset: str | Path, expression: str | Path | None, subsets: Sequence[str | Path] | None, seed: int
) -> pd.DataFrame:
    """Ceilings of a dataset from its files, see :func:`dataset_ceilings`."""
    table = read_table(dataset)
    test = table[table["split"] == "test"]
    found = read_subsets(common_folder(subsets), test["pos"].to_numpy())
    estimates = read_table(expression) if expression else None
    return dataset_ceilings(test, estimates, found, generator(seed, "noise ceiling", Path(dataset).stem))

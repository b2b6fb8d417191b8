"""Predictions made elsewhere, brought into the form of the workflow.

Inputs: a table with ``pos`` and one column per model. Outputs: ``submitted.parquet``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.files import read_table, write_table
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.user_files import open_table


def import_predictions(path: str | Path, dataset: str | Path, output: str | Path) -> None:
    """Bring predictions made elsewhere into the form of the workflow.

    Parameters
    ----------
    path : path
        Table with ``pos`` (row of the test table) and one column per model. A column whose name begins with
        ``measured`` is not a model; it is left out and named in the log.
    dataset : path
        Dataset whose test rows must all be there.
    output : path
        Parquet with ``pos`` and one column per model, in the order of the dataset's test rows.

    Raises
    ------
    InputError
        On a missing column ``pos``, missing or repeated rows, and values that are not finite numbers.
    """
    table = open_table(str(path), "predictions: pos, and a column per model")
    if "pos" not in table:
        columns = ", ".join(map(str, table.columns[:8]))
        raise InputError(Problem(str(path), f"missing column; the columns are {columns}", row=1, column="pos"))
    measured = [c for c in table.columns if str(c).lower().startswith("measured")]
    if measured:
        logger.info("%s: columns %s hold measurements, not predictions; they are left out", path, measured)
    models = [c for c in table.columns if c != "pos" and c not in measured]
    if not models:
        raise InputError(Problem(str(path), "no column with predictions"))
    problems = []
    for name in models:
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            example = table[name].iloc[wrong[0]]
            problems.append(
                Problem(
                    str(path),
                    f"{str(example)!r} is not a finite number ({len(wrong)} such cells)",
                    row=int(wrong[0]) + 2,
                    column=str(name),
                )
            )
    if problems:
        raise InputError(problems)
    test = read_table(dataset)
    test = test[test["split"] == "test"]
    rows = table.set_index("pos")[models]
    if not rows.index.is_unique:
        twice = np.flatnonzero(rows.index.duplicated())
        raise InputError(
            Problem(
                str(path), f"pos {rows.index[twice[0]]} is given more than once", row=int(twice[0]) + 2, column="pos"
            )
        )
    missing = np.setdiff1d(test["pos"], rows.index)
    if len(missing):
        raise InputError(
            Problem(
                str(path), f"{len(missing)} test rows have no prediction, e.g. {missing[:5].tolist()}", column="pos"
            )
        )
    write_table(rows.loc[test["pos"]].reset_index(names="pos"), output)

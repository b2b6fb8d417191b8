"""Scores of models that predict several measurements: the same tables for each of them, joined by a column ``head``.

Inputs: a dataset with further measurements, predictions of trained models. Outputs: what the scores of every head are
computed from, and tables of all heads. A dataset without further measurements has one head, ``expression``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cisflow.datasets.columns import FIRST_HEAD
from cisflow.evaluation.ranking import Evaluation, read_evaluation, read_test_rows
from cisflow.evaluation.scoring import FEWEST_ITEMS, further_heads
from cisflow.files import read_table
from cisflow.joblog import logger


def scored_heads(dataset: str | Path, predictions: Sequence[str | Path]) -> list[str]:
    """Measurements of a dataset that models predict and its test rows have, the first of the dataset first.

    Parameters
    ----------
    dataset, predictions : path, sequence of path
        See :func:`read_evaluation`.

    Returns
    -------
    list of str
        Heads that are not measured in the test rows (those of another library or table have the first one alone) are
        left out and named in the log.
    """
    test, heads = read_test_rows(dataset), [FIRST_HEAD]
    for head in dict.fromkeys(head for path in predictions for head in further_heads(read_table(path).columns)):
        measured = np.isfinite(test[head].to_numpy(np.float64)).sum() if head in test else 0
        if measured >= FEWEST_ITEMS:
            heads.append(head)
        else:
            logger.warning("%s: measured in %d test rows, it is not scored", head, measured)
    return heads


def read_evaluations(
    dataset: str | Path, predictions: Sequence[str | Path], subsets: str | Path | None
) -> dict[str, Evaluation]:
    """Read what the scores of every head are computed from; see :func:`scored_heads`, :func:`read_evaluation`."""
    heads = scored_heads(dataset, predictions)
    return {head: read_evaluation(dataset, predictions, subsets, head) for head in heads}


def joined_heads(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One table of those of all heads, with the head as its first column ``head``."""
    filled = {head: table for head, table in tables.items() if len(table)} or tables
    return pd.concat(filled, names=["head"]).reset_index(level="head").reset_index(drop=True)


def for_each_head(make: Callable[..., pd.DataFrame], *tables: pd.DataFrame) -> pd.DataFrame:
    """Make a table from those of every head, e.g. the ranking from its draws and scores; see :func:`joined_heads`."""
    heads = tables[0]["head"].unique()
    return joined_heads({head: make(*(of_head(table, head) for table in tables)) for head in heads})


def of_head(table: pd.DataFrame, head: str) -> pd.DataFrame:
    """Rows of a head of a table with a column ``head``, without that column."""
    return table[table["head"] == head].drop(columns="head").reset_index(drop=True)

"""Folds of a dataset for nested cross-validation.

Purpose: give every row a test fold and a validation fold, so that each row is tested once and no related sequences lie
on two sides where the folds are drawn here. Inputs: rows, with or without folds of their own. Outputs: the rows with
both folds, rows and leakage per fold, and the rows of one training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numba import njit

from cisflow.clusters.near_identical import NearIdentical, TooManyPairsError, components
from cisflow.datasets.fold_names import validation_folds
from cisflow.datasets.related import related_pairs
from cisflow.datasets.tables import COLUMNS
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator
from cisflow.reads.ragged import Sequences

#: Fewer rows than this in a fold cannot be scored.
FEWEST_ROWS = 3


@dataclass(frozen=True)
class FoldSettings:
    """How to divide a dataset.

    Attributes
    ----------
    dataset : str
        Name; part of the seed and of messages.
    seed : int
        Seed of the run.
    folds : sequence of str
        Names of the test folds.
    given : bool
        Whether the rows name their folds; else they are drawn.
    inner_folds : int or None
        Validation folds to draw; None: every other test fold validates in turn.
    method, max_distance, homology_score
        What stays together in drawn folds and counts as leakage: see :class:`cisflow.datasets.build.SplitSettings`.
    """

    dataset: str
    seed: int
    folds: Sequence[str]
    given: bool
    inner_folds: int | None
    method: str
    max_distance: int
    homology_score: int


@njit(cache=True, nogil=True)
def _deal(sizes, n_folds):
    """Give each family, in its order, to the fold with the fewest rows so far."""
    rows, fold = np.zeros(n_folds, np.int64), np.empty(len(sizes), np.int64)
    for family in range(len(sizes)):
        smallest = 0
        for k in range(1, n_folds):
            if rows[k] < rows[smallest]:
                smallest = k
        fold[family] = smallest
        rows[smallest] += sizes[family]
    return fold


def draw_folds(family: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Divide rows into folds of nearly equal size; families stay whole.

    Parameters
    ----------
    family : ndarray of int, shape (n,)
        Label of each row's family.
    n_folds : int
    rng : numpy.random.Generator
        Orders families of equal size; large families are dealt first, each to the smallest fold.

    Returns
    -------
    ndarray of int64, shape (n,)
        Fold of each row, from 0 on.
    """
    _, inverse, sizes = np.unique(family, return_inverse=True, return_counts=True)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    of_family = np.empty(len(sizes), np.int64)
    of_family[order] = _deal(sizes[order], n_folds)
    return of_family[inverse]


def _given_folds(table: pl.DataFrame, settings: FoldSettings) -> np.ndarray:
    fold = table["fold"].to_numpy().astype(str)
    rows = {name: int((fold == name).sum()) for name in settings.folds}
    problems = [
        Problem(
            f"dataset {settings.dataset!r}",
            f"fold {name!r} has {count} rows with an expression; expected {FEWEST_ROWS} or more (the table has folds "
            f"{', '.join(sorted(set(fold))[:20])})",
            column="folds",
        )
        for name, count in rows.items()
        if count < FEWEST_ROWS
    ]
    if problems:
        raise InputError(problems)
    others = len(fold) - sum(rows.values())
    if others:
        logger.info("%s rows are in folds that are not listed: never tested", f"{others:,}")
    return fold


def _touched(pairs: NearIdentical, fold: np.ndarray) -> np.ndarray:
    """Rows with a related one in another fold."""
    apart = fold[pairs.first] != fold[pairs.second]
    rows = np.zeros(len(fold), bool)
    rows[pairs.first[apart]] = rows[pairs.second[apart]] = True
    return rows


@dataclass(frozen=True)
class Folds:
    """A dataset in folds, and what was counted.

    Attributes
    ----------
    table : polars.DataFrame
        ``element, sequence, expression, n_reads, is_singleton``, what else the rows have (``is_reverse``, further
        measurements), ``pos`` (0-based row of the source), ``fold`` (str), and ``inner`` (str): the fold in which the
        row validates when it is not tested.
    leakage : polars.DataFrame
        ``dataset, fold, rows, rows_before, rows_after``: rows of a test fold that have a related sequence in another
        fold, in a plain random division of the same sizes and in this one.
    funnel : polars.DataFrame
        ``dataset, step, count``.
    """

    table: pl.DataFrame
    leakage: pl.DataFrame
    funnel: pl.DataFrame


def build_folds(rows: pl.DataFrame, settings: FoldSettings) -> Folds:
    """Divide the rows of a dataset for nested cross-validation.

    Parameters
    ----------
    rows : polars.DataFrame
        See :func:`cisflow.datasets.tables.read_training_table`; with ``fold`` (str) where ``settings.given``.
    settings : FoldSettings

    Returns
    -------
    Folds

    Raises
    ------
    InputError
        A listed fold is missing or has fewer than three rows, or too many sequences are related.
    """
    name, n_read = settings.dataset, len(rows)
    rows = rows.with_columns(pos=pl.int_range(pl.len(), dtype=pl.Int64)).filter(pl.col("expression").is_finite())
    sequences = Sequences.from_series(rows["sequence"])
    try:
        pairs = related_pairs(sequences, settings.method, settings.max_distance, settings.homology_score)
    except TooManyPairsError as error:
        column = "split.homology_score" if settings.method == "homology" else "split.max_distance"
        raise InputError(Problem("config", f"dataset {name!r} cannot be divided: {error}", column=column)) from error
    family = np.arange(len(rows)) if settings.method == "random" else components(len(rows), pairs)
    names = np.asarray(settings.folds)
    if settings.given:
        fold = _given_folds(rows, settings)
    else:
        fold = names[draw_folds(family, len(names), generator(settings.seed, "folds", name))]
    inner = fold
    if settings.inner_folds is not None:
        drawn = draw_folds(family, settings.inner_folds, generator(settings.seed, "inner folds", name))
        inner = np.asarray(validation_folds(names, settings.inner_folds, ""))[drawn]
    _check_sizes(fold, inner, settings)
    shuffled = fold[generator(settings.seed, "plain folds", name).permutation(len(fold))]
    before, after = _touched(pairs, shuffled), _touched(pairs, fold)
    leakage = pl.DataFrame(
        [
            {
                "dataset": name,
                "fold": test,
                "rows": int((fold == test).sum()),
                "rows_before": int(before[shuffled == test].sum()),
                "rows_after": int(after[fold == test].sum()),
            }
            for test in settings.folds
        ]
    )
    if leakage["rows_after"].sum():
        logger.warning(
            "%s rows have a related sequence in another fold: the folds are used as given",
            f"{leakage['rows_after'].sum():,}",
        )
    steps = [("rows", n_read), ("rows with an expression", len(rows))]
    steps += [(f"test fold {test}", count) for test, count in leakage.select("fold", "rows").iter_rows()]
    others = [name for name in rows.columns if name not in (*COLUMNS, "pos", "fold")]
    table = rows.select(*COLUMNS, *others, "pos").with_columns(
        fold=pl.Series(fold.astype(str)), inner=pl.Series(inner.astype(str))
    )
    funnel = pl.DataFrame([(name, *step) for step in steps], schema=["dataset", "step", "count"], orient="row")
    return Folds(table, leakage, funnel)


def _check_sizes(fold: np.ndarray, inner: np.ndarray, settings: FoldSettings) -> None:
    """Every test and every validation fold must be large enough to be scored."""
    few = [
        f"test fold {test} with validation fold {validation}"
        for test in settings.folds
        for validation in validation_folds(settings.folds, settings.inner_folds, test)
        if min((fold == test).sum(), ((fold != test) & (inner == validation)).sum()) < FEWEST_ROWS
    ]
    if few:
        raise InputError(
            Problem(
                f"dataset {settings.dataset!r}",
                f"fewer than {FEWEST_ROWS} rows to test or to validate in {'; '.join(few[:10])}; use fewer folds, or a "
                "split.method that joins fewer sequences into families",
                column="folds",
            )
        )

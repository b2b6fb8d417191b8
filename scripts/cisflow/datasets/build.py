"""From expression tables to a dataset: rows for training, validation and test without leakage between them.

Purpose: split so that near-identical sequences never lie on two sides, and say what a plain random split would have
leaked. Inputs: checked training and test rows. Outputs: the dataset, its leakage table and its funnel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from cisflow.clusters.near_identical import NearIdentical, TooManyPairsError, components, near_identical_pairs
from cisflow.datasets.columns import ORIENTATION
from cisflow.datasets.given_splits import keep_splits
from cisflow.datasets.related import related_pairs
from cisflow.datasets.split import FEWEST_ROWS, REMOVED, SPLITS, TRAIN, Drawn, SplitError, plain_split, split_components
from cisflow.datasets.tables import COLUMNS
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem
from cisflow.randomness import generator
from cisflow.reads.ragged import Sequences


@dataclass(frozen=True)
class SplitSettings:
    """How to split a dataset.

    Attributes
    ----------
    dataset : str
        Name; part of the seed and of messages.
    seed : int
        Seed of the run.
    validation, test : float
        Shares of the training rows; ``test`` counts only where no test rows are given.
    max_distance : int
        Edit distance up to which two sequences count as near-identical.
    method : {"near_identical", "homology", "random"}
        Which sequences stay on one side: near-identical ones, homologous ones as well, or none (leakage is counted all
        the same).
    homology_score : int
        Local alignment score from which on two sequences are homologous.
    """

    dataset: str
    seed: int
    validation: float
    test: float
    max_distance: int
    method: str = "near_identical"
    homology_score: int = 60


@dataclass(frozen=True)
class Dataset:
    """A dataset and what was counted on the way.

    Attributes
    ----------
    table : polars.DataFrame
        ``element, sequence, expression, n_reads, is_singleton``, what else the rows have (``is_reverse``, further
        measurements), ``split, pos``; training rows first, in their order.
    leakage : polars.DataFrame
        ``dataset, first, second, pairs_before, rows_before, pairs_after, rows_after, removed``.
    funnel : polars.DataFrame
        ``dataset, step, count``.
    """

    table: pl.DataFrame
    leakage: pl.DataFrame
    funnel: pl.DataFrame


def _draw(pairs: NearIdentical, n_train: int, n_test: int, settings: SplitSettings, distance: int) -> Drawn:
    """Draw both splits with the pairs up to a distance."""
    pairs = pairs.within(distance)
    near_test = np.zeros(n_train, bool)
    if settings.method != "random":
        near_test[pairs.first[pairs.second >= n_train]] = True
    kept = np.flatnonzero(~near_test)
    if len(kept) < FEWEST_ROWS:
        raise SplitError(
            f"{len(kept)} of {n_train:,} training rows are left when those near-identical to a test sequence are taken "
            f"out; {FEWEST_ROWS} or more are needed"
        )
    shares = {"validation": settings.validation} | ({} if n_test else {"test": settings.test})

    def held_out(n: int) -> dict[str, int]:
        return {split: max(2, round(share * n)) for split, share in shares.items()}

    given = np.full(n_test, "test", dtype="U10")
    plain = plain_split(n_train, held_out(n_train), generator(settings.seed, "plain split", settings.dataset))
    if settings.method == "random":
        both = np.concatenate([plain, given])
        return Drawn(both, both, {})
    families = components(n_train + n_test, pairs)[kept]
    after = np.full(n_train, REMOVED, dtype="U10")
    after[kept] = split_components(families, held_out(len(kept)), generator(settings.seed, "split", settings.dataset))
    taken_out = {(TRAIN, "test"): int(near_test.sum())}
    return Drawn(np.concatenate([plain, given]), np.concatenate([after, given]), taken_out)


def _largest_family(pairs: NearIdentical, n: int, n_train: int) -> int:
    return int(np.bincount(components(n, pairs)[:n_train]).max())


def _find_and_draw(sequences: Sequences, n_train: int, settings: SplitSettings) -> tuple[NearIdentical, Drawn]:
    """Pairs and splits; when the sequences form too large families, the error names the distance that works."""
    n = len(sequences)
    exempt = np.arange(n) >= n_train
    if settings.method == "homology":
        try:
            pairs = related_pairs(sequences, settings.method, settings.max_distance, settings.homology_score, exempt)
            return pairs, _draw(pairs, n_train, n - n_train, settings, settings.max_distance)
        except (TooManyPairsError, SplitError) as error:
            raise InputError(
                Problem(
                    "config",
                    f"{settings.homology_score} joins too many sequences of dataset {settings.dataset!r} into families "
                    f"of homologous ones, which must stay on one side: {error}. Use a higher score, or "
                    "split.method: near_identical",
                    column="split.homology_score",
                )
            ) from error
    pairs, reason = None, ""
    for distance in range(settings.max_distance, -1, -1):
        try:
            pairs = near_identical_pairs(sequences, distance, exempt) if pairs is None else pairs.within(distance)
            drawn = _draw(pairs, n_train, n - n_train, settings, distance)
        except (TooManyPairsError, SplitError) as error:
            reason = reason or str(error)
            continue
        if distance == settings.max_distance:
            return pairs, drawn
        raise InputError(
            Problem(
                "config",
                f"{settings.max_distance} joins too many sequences of dataset {settings.dataset!r} into families of "
                f"near-identical ones, which must stay on one side: {reason}. Use split.max_distance: {distance} "
                f"(largest family: {_largest_family(pairs, n, n_train):,} of {n_train:,} training rows)",
                column="split.max_distance",
            )
        )
    raise InputError(
        Problem(
            "config",
            f"dataset {settings.dataset!r} cannot be split, not even with split.max_distance: 0 (equal sequences): "
            f"{reason}",
            column="split",
        )
    )


def leakage_table(
    pairs: NearIdentical,
    before: np.ndarray,
    after: np.ndarray,
    dataset: str,
    removed: Mapping[tuple[str, str], int],
) -> pl.DataFrame:
    """Count near-identical pairs between splits.

    Parameters
    ----------
    pairs : NearIdentical
    before, after : ndarray of str, shape (n,)
        Split of every row in a plain random split and in the dataset.
    dataset : str
    removed : mapping
        Rows of the first split of a pair that were taken out because they are related to one of the second.

    Returns
    -------
    polars.DataFrame
        One row per pair of splits: number of pairs, and of rows of ``second`` that have a near-identical one in
        ``first``, before and after.
    """
    rows = []
    for first, second in combinations(SPLITS, 2):
        row: dict[str, object] = {"dataset": dataset, "first": first, "second": second}
        for when, split in (("before", before), ("after", after)):
            a, b = split[pairs.first], split[pairs.second]
            forward, backward = (a == first) & (b == second), (a == second) & (b == first)
            touched = np.concatenate([pairs.second[forward], pairs.first[backward]])
            row |= {f"pairs_{when}": int(forward.sum() + backward.sum()), f"rows_{when}": len(np.unique(touched))}
        rows.append(row | {"removed": removed.get((first, second), 0)})
    return pl.DataFrame(rows)


def _without_estimate(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    kept = table.filter(pl.col("expression").is_finite())
    return kept, len(table) - len(kept)


def build_dataset(
    train: pl.DataFrame | None,
    test: pl.DataFrame | None,
    settings: SplitSettings,
    validation: pl.DataFrame | None = None,
) -> Dataset:
    """Join training and test rows and split them.

    Rows whose expression is NaN (elements without an estimate) are left out. Training rows that are near-identical to a
    given test sequence are taken out. Connected components of near-identical training rows then go to one side as a
    whole. With no test rows, a share of the training rows is held out, with ``pos`` their 0-based row in the training
    table.

    Parameters
    ----------
    train : polars.DataFrame or None
        See :func:`cisflow.datasets.tables.read_training_table`; None for a dataset that only scores predictions.
    test : polars.DataFrame or None
        See :func:`cisflow.datasets.tables.read_test_table`.
    settings : SplitSettings
    validation : polars.DataFrame or None
        Validation rows that are given, beside training and test rows: then nothing is drawn. Rows that are related to
        one of a later split are taken out (with method ``random`` none is).

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        Nothing to test on, too few rows, or families of near-identical sequences too large for the shares; the message
        then names the largest distance that works.
    """
    name, steps = settings.dataset, []
    if test is None and (train is None or settings.test == 0):
        raise InputError(
            Problem("config", f"dataset {name!r} has no test rows: give a test library or table, or split.test above 0")
        )
    schema = {"dataset": pl.String, "step": pl.String, "count": pl.Int64}
    if train is not None:
        steps.append(("training rows", len(train)))
        train = train.with_columns(_given=pl.lit(TRAIN))
        if validation is not None:
            steps.append(("validation rows", len(validation)))
            train = pl.concat([train, validation.with_columns(_given=pl.lit("validation"))])
        train = train.with_columns(pos=pl.int_range(pl.len(), dtype=pl.Int64))
        train, dropped = _without_estimate(train)
        if dropped:
            both = "training" if validation is None else "training and validation"
            steps.append((f"{both} rows with an estimate", len(train)))
        if len(train) < FEWEST_ROWS:
            raise InputError(
                Problem(f"dataset {name!r}", f"{len(train)} rows to train on; expected {FEWEST_ROWS} or more")
            )
    n_test_read = 0 if test is None else len(test)
    if test is not None:
        test, dropped = _without_estimate(test)
        if test.is_empty():
            raise InputError(Problem(f"dataset {name!r}", "no test row has an expression estimate"))
    parts = [part.drop("_given", strict=False) for part in (train, test) if part is not None]
    table = pl.concat(parts, how="diagonal")
    if ORIENTATION in table.columns:
        table = table.with_columns(pl.col(ORIENTATION).fill_null(False))
    columns = [*COLUMNS, *(name for name in table.columns if name not in (*COLUMNS, "pos"))]
    n_train = 0 if train is None else len(train)
    if train is None:
        split = np.full(len(table), "test", dtype="U10")
        leakage = leakage_table(NearIdentical(*(np.empty(0, np.int64) for _ in range(3))), split, split, name, {})
    else:
        sequences = Sequences.from_series(table["sequence"])
        if validation is None:
            pairs, drawn = _find_and_draw(sequences, n_train, settings)
        else:
            given = np.full(len(table), "test", dtype="U10")
            given[:n_train] = train["_given"].to_numpy()
            chosen = (settings.dataset, settings.method, settings.max_distance, settings.homology_score)
            pairs, drawn = keep_splits(sequences, given, *chosen)
        split = drawn.after
        leakage = leakage_table(pairs, drawn.before, drawn.after, name, drawn.removed)
        if test is not None:
            taken_out = sum(drawn.removed.values())
            later = "a test sequence" if validation is None else "one of a later split"
            steps.append((f"not near-identical to {later}", n_train - taken_out))
            logger.info("%s training rows taken out: near-identical to %s", f"{taken_out:,}", later)
        steps += [(f"split {part}", int((split == part).sum())) for part in SPLITS[:2]]
    if test is not None:
        steps.append(("test rows", n_test_read))
        if len(test) < n_test_read:
            steps.append(("test rows with an estimate", len(test)))
    steps.append(("split test", int((split == "test").sum())))
    table = table.with_columns(split=pl.Series(split.astype(str)))
    table = table.with_columns(pos=pl.when(pl.col("split") == "test").then("pos").otherwise(-1))
    table = table.filter(pl.col("split") != REMOVED).select(*columns, "split", "pos")
    for row in leakage.iter_rows(named=True) if train is not None else ():
        logger.info(
            "%s pairs %s - %s: %s in a plain random split, %s in this one",
            "homologous" if settings.method == "homology" else "near-identical",
            row["first"], row["second"], f"{row['pairs_before']:,}", f"{row['pairs_after']:,}",
        )  # fmt: skip
    funnel = pl.DataFrame([(name, step, count) for step, count in steps], schema=schema, orient="row")
    return Dataset(table, leakage, funnel)

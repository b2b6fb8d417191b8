"""One estimate from the replicates of a sample.

Purpose: combine libraries that measured the same elements. Inputs: tables of expression of the replicates.
Outputs: a table with the same columns and one column per replicate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from cisflow.joblog import logger
from cisflow.problems import InputError, Problem

#: Columns of an element: by what replicates are matched.
KEYS = {"designed": "element", "random": "sequence"}


@dataclass(frozen=True)
class Replicates:
    """Values of all replicates, elements in rows and replicates in columns; NaN where one has no value.

    Attributes
    ----------
    names : list of str
        Libraries.
    elements : DataFrame
        ``element``, ``sequence``.
    columns : dict of float64 ndarray, shape (n, n_replicates)
        Every numeric column of the tables, and ``error``: the standard error, or where it is missing the half interval
        over its normal quantile.
    """

    names: list[str]
    elements: pd.DataFrame
    columns: dict[str, np.ndarray]


def join_replicates(tables: Mapping[str, pd.DataFrame], kind: str, level: float) -> Replicates:
    """Match the elements of the replicates.

    Parameters
    ----------
    tables : mapping of DataFrame
        Expression by library.
    kind : str
        ``designed`` libraries are matched by element, ``random`` ones by sequence, as their clusters have names of
        their own; the names of the first library that has the sequence are kept.
    level : float
        Level of the intervals.

    Returns
    -------
    Replicates
        Elements of the first library, then those that only later ones have.

    Raises
    ------
    InputError
        Repeated elements, or replicates that share no element.
    """
    key, names = KEYS[kind], list(tables)
    for name, table in tables.items():
        if table[key].duplicated().any():
            first = table[key][table[key].duplicated()].iloc[0]
            raise InputError(Problem(f"expression of library {name}", f"{key} {first!r} is there twice", column=key))
    every = pd.concat([t[["element", "sequence"]] for t in tables.values()]).drop_duplicates(key, ignore_index=True)
    if len(every) == sum(map(len, tables.values())) and len(tables) > 1:
        raise InputError(
            Problem("libraries", f"the replicates {', '.join(names)} share no {key}; are they of one sample?")
        )
    place = pd.Series(np.arange(len(every)), index=every[key])
    columns: dict[str, np.ndarray] = {}
    for r, table in enumerate(tables.values()):
        rows = place.loc[table[key]].to_numpy()
        numbers = table.drop(columns=["element", "sequence"]).astype(float)
        half = (numbers["expression_high"] - numbers["expression_low"]) / (2 * ndtri(0.5 + level / 2))
        for column, values in numbers.assign(error=numbers["standard_error"].fillna(half)).items():
            columns.setdefault(str(column), np.full((len(every), len(names)), np.nan))[rows, r] = values.to_numpy()
    return Replicates(names, every, columns)


def variance_between(values: np.ndarray, errors: np.ndarray) -> float:
    """Variance by which replicates of an element differ beyond their errors (DerSimonian and Laird 1986, pooled).

    Parameters
    ----------
    values, errors : float ndarray, shape (n, n_replicates)
        NaN where a replicate has no value.

    Returns
    -------
    float
        One number for all elements, at least 0.
    """
    weight = np.where(np.isfinite(values) & (errors > 0), 1 / errors**2, 0.0)
    weight = weight[(weight > 0).sum(axis=1) > 1]
    values = np.nan_to_num(values[(np.isfinite(values) & (errors > 0)).sum(axis=1) > 1])
    if not len(weight):
        return 0.0
    total = weight.sum(axis=1)
    middle = (weight * values).sum(axis=1) / total
    surplus = (weight * (values - middle[:, None]) ** 2).sum(axis=1) - ((weight > 0).sum(axis=1) - 1)
    per_unit = total - (weight**2).sum(axis=1) / total
    return max(0.0, float(surplus.sum() / per_unit.sum()))


def combine_replicates(replicates: Replicates, level: float) -> pd.DataFrame:
    """Inverse-variance weighted mean of the replicates.

    The variance of a replicate is its squared standard error plus the variance between replicates beyond errors, so
    that a deep replicate does not count as exact. Elements of which no replicate has an error get the plain mean.

    Parameters
    ----------
    replicates : Replicates
    level : float
        Level of the interval, that of a normal distribution around the mean.

    Returns
    -------
    DataFrame
        Columns of the replicates' tables. ``n_reads`` and log likelihoods are sums, ``is_singleton``, ``at_limit`` and
        ``no_information`` hold where they hold in every replicate that has the element, ``z`` and
        ``pseudocount_share`` are means weighted like the expression; then ``n_replicates`` and
        ``expression_{library}``.
    """
    columns = replicates.columns
    values, errors = columns["expression"], columns["error"]
    present = np.isfinite(values)
    between = variance_between(values, errors)
    known = present & np.isfinite(errors)
    weight = np.where(known, 1 / np.where(known, errors**2 + between, 1.0), 0.0)
    unknown = weight.sum(axis=1) == 0
    weight[unknown] = present[unknown]
    total = weight.sum(axis=1)

    def mean(column: str) -> np.ndarray:
        given = np.isfinite(columns[column])
        with np.errstate(invalid="ignore", divide="ignore"):
            sums = (weight * np.where(given, columns[column], 0.0)).sum(axis=1)
            return np.where((weight * given).sum(axis=1) > 0, sums / (weight * given).sum(axis=1), np.nan)

    def everywhere(column: str) -> np.ndarray:
        return np.where(present, columns[column] == 1, True).all(axis=1)

    expression = mean("expression")
    error = np.where(unknown, np.nan, 1 / np.sqrt(total))
    half = ndtri(0.5 + level / 2) * error
    combined: dict[str, np.ndarray] = {
        "expression": expression,
        "expression_low": expression - half,
        "expression_high": expression + half,
        "n_reads": np.nansum(columns["n_reads"], axis=1).astype(np.int64),
        "is_singleton": everywhere("is_singleton"),
        "standard_error": error,
    }
    if "at_limit" in columns:
        combined["pseudocount_share"] = mean("pseudocount_share")
        for column in ("log_likelihood", "log_likelihood_ratio"):
            seen = np.isfinite(columns[column]).any(axis=1)
            combined[column] = np.where(seen, np.nansum(columns[column], axis=1), np.nan)
        combined["z"] = mean("z")
        combined |= {column: everywhere(column) for column in ("at_limit", "no_information")}
    combined["n_replicates"] = present.sum(axis=1)
    combined |= {f"expression_{name}": values[:, r] for r, name in enumerate(replicates.names)}
    logger.info(
        "%d elements, %d in all %d replicates; standard deviation between replicates beyond errors: %.3g",
        len(values), int(present.all(axis=1).sum()), len(replicates.names), np.sqrt(between),
    )  # fmt: skip
    return pd.concat([replicates.elements, pd.DataFrame(combined)], axis=1)

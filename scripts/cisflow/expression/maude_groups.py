"""Statistics of groups of elements: annotated groups, sliding windows, annotated regions.

Purpose: do the elements of a group together differ from the controls? Stouffer's sum of the z values of the group,
scaled by the spread of the controls, p values and false discovery rates (de Boer et al. 2020).
Inputs: a table of elements with ``z``, controls, screens and labels or positions. Outputs: one row per group.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cisflow.problems import InputError, Problem, not_one_of

TAILS = ("both", "lower", "upper")
#: Windows are called only against a spread from at least this many controls.
LEAST_CONTROLS = 10


def _check(table: pd.DataFrame, columns: Sequence[str], tails: str) -> None:
    problems = [Problem("elements", "missing column", column=c) for c in columns if c not in table]
    if tails not in TAILS:
        problems.append(Problem("tails", not_one_of(tails, TAILS)))
    if problems:
        raise InputError(problems)


def control_scale(
    table: pd.DataFrame, screen_columns: Sequence[str] = (), control_column: str = "is_control"
) -> pd.DataFrame:
    """Standard deviation of a Stouffer sum of controls, per screen.

    The R package estimates it by drawing groups of controls with replacement. The draws are independent, so the
    expectation is the population standard deviation of the controls' z for every group size; that is returned here.

    Parameters
    ----------
    table : DataFrame
        Elements with ``z``, the control column and the screen columns.

    Returns
    -------
    DataFrame
        Screen columns and ``z_scale``.

    Raises
    ------
    InputError
        When a screen has no controls with a z value.
    """
    controls = table[table[control_column].to_numpy(dtype=bool) & table["z"].notna().to_numpy()]
    screens = list(screen_columns)
    if not screens:
        scale = pd.DataFrame({"z_scale": [np.std(controls["z"].to_numpy()) if len(controls) else np.nan]})
    else:
        scale = controls.groupby(screens, sort=False)["z"].agg(lambda z: float(np.std(z.to_numpy()))).rename("z_scale")
        scale = table[screens].drop_duplicates().merge(scale.reset_index(), how="left", on=screens)
    if scale["z_scale"].isna().any():
        raise InputError(
            Problem("elements", "no controls in some screen: group statistics need controls", None, control_column)
        )
    return scale


def false_discovery_rate(
    p_values: np.ndarray, tails: str = "both", screens: Sequence[object] | None = None
) -> np.ndarray:
    """Benjamini and Hochberg's false discovery rate within each screen.

    Parameters
    ----------
    p_values : float ndarray, shape (n,)
        One-sided p values; missing ones stay missing but count as tests.
    tails : str
        With ``both`` every group was tested twice, so the number of tests doubles.
    screens : sequence, optional
        Screen of each value.

    Returns
    -------
    float64 ndarray, shape (n,)
    """
    p_values = np.asarray(p_values, dtype=float)
    codes = np.zeros(p_values.size, dtype=int) if screens is None else pd.factorize(pd.Series(screens))[0]
    result = np.full(p_values.size, np.nan)
    for code in np.unique(codes):
        (rows,) = np.nonzero(codes == code)
        tests = rows.size * (2 if tails == "both" else 1)
        rows = rows[~np.isnan(p_values[rows])]
        order = rows[np.argsort(p_values[rows], kind="stable")]
        raw = p_values[order] * tests / np.arange(1, order.size + 1)
        result[order] = np.minimum(1.0, np.minimum.accumulate(raw[::-1])[::-1])
    return result


def _significance(groups: pd.DataFrame, scale: pd.DataFrame, screens: list[str], tails: str) -> pd.DataFrame:
    """Add ``significance_z``, ``p_value`` and ``fdr`` to groups with ``stouffer_z``."""
    keys = [c for c in scale.columns if c != "z_scale"]
    groups = groups.merge(scale, how="left", on=keys) if keys else groups.assign(z_scale=scale["z_scale"].iloc[0])
    significance = (groups["stouffer_z"] / groups["z_scale"]).to_numpy()
    argument = {"both": -np.abs(significance), "lower": significance, "upper": -significance}[tails]
    groups = groups.drop(columns="z_scale").assign(significance_z=significance, p_value=ndtr(argument))
    codes = groups.groupby(screens, sort=False).ngroup().to_numpy() if screens else None
    return groups.assign(fdr=false_discovery_rate(groups["p_value"].to_numpy(), tails, codes))


def group_statistics(
    table: pd.DataFrame,
    group_columns: Sequence[str],
    screen_columns: Sequence[str] = (),
    tails: str = "both",
    control_column: str = "is_control",
    z_scale: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Test annotated groups of elements.

    Parameters
    ----------
    table : DataFrame
        Elements with ``z``, the control column, and the columns named here.
    group_columns : sequence of str
        Labels; elements with a missing label and controls are not members of any group.
    screen_columns : sequence of str
        Columns that tell screens apart.
    tails : str
        ``both``, ``lower`` or ``upper``. p values are one-sided in any case (of the nearer tail with ``both``).
    z_scale : DataFrame, optional
        Column ``z_scale`` with the screen columns, and ``n_elements`` when it depends on the size of the group;
        :func:`control_scale` when None.

    Returns
    -------
    DataFrame
        Screen and group columns, ``n_elements``, ``stouffer_z``, ``mean_z``, ``significance_z``, ``p_value``,
        ``fdr``; ordered by screen and group.
    """
    screens, labels = list(screen_columns), list(group_columns)
    _check(table, ["z", control_column, *screens, *labels], tails)
    scale = control_scale(table, screens, control_column) if z_scale is None else z_scale
    members = table[~table[control_column].to_numpy(dtype=bool)].dropna(subset=labels)
    z = members.groupby([*screens, *labels], sort=True)["z"]
    groups = pd.DataFrame({"n_elements": z.size(), "known": z.count(), "sum": z.sum()})
    complete = groups["known"] == groups["n_elements"]
    groups["stouffer_z"] = groups["sum"] / np.sqrt(groups["known"])
    groups["mean_z"] = (groups["sum"] / groups["n_elements"]).where(complete)
    return _significance(groups.drop(columns=["known", "sum"]).reset_index(), scale, screens, tails)


def _windows(position: np.ndarray, window: float, least: int) -> tuple[np.ndarray, np.ndarray]:
    """First member and one past the last of the maximal runs of sorted positions that span at most ``window``."""
    first = np.arange(position.size)
    stop = np.searchsorted(position, position + window, side="right")
    maximal = np.diff(stop, prepend=0) > 0  # a run with the same end as its predecessor lies within it
    keep = maximal & (stop - first >= least)
    return first[keep], stop[keep]


def window_statistics(
    table: pd.DataFrame,
    screen_columns: Sequence[str] = (),
    tails: str = "both",
    control_column: str = "is_control",
    chromosome_column: str = "chromosome",
    position_column: str = "position",
    window: float = 500,
    least_elements: int = 5,
    z_scale: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Test sliding windows over positioned elements.

    Parameters
    ----------
    table : DataFrame
        Elements with ``z``, the control column, and the columns named here.
    window : float
        Largest distance between the first and the last element of a window (bp, inclusive).
    least_elements : int
        Windows with fewer elements are not reported.
    screen_columns, tails, z_scale
        As in :func:`group_statistics`.

    Returns
    -------
    DataFrame
        Screen columns, ``chromosome``, ``start``, ``end`` (positions of the first and the last element),
        ``n_elements``, ``stouffer_z``, ``mean_z``, ``significance_z``, ``p_value``, ``fdr``.

    Raises
    ------
    InputError
        Missing columns, missing positions, fewer than ten controls, no other elements.
    """
    screens = list(screen_columns)
    _check(table, ["z", control_column, chromosome_column, position_column, *screens], tails)
    is_control = table[control_column].to_numpy(dtype=bool)
    problems = []
    if is_control.sum() < LEAST_CONTROLS:
        problems.append(
            Problem("elements", f"{is_control.sum()} controls; windows need {LEAST_CONTROLS}", None, control_column)
        )
    if is_control.all():
        problems.append(Problem("elements", "every element is a control", None, control_column))
    members = table[~is_control]
    unplaced = members[members[[chromosome_column, position_column]].isna().any(axis=1)]
    if len(unplaced):
        problems.append(
            Problem(
                "elements", f"{len(unplaced)} elements that are not controls lack a position", None, position_column
            )
        )
    if problems:
        raise InputError(problems)
    scale = control_scale(table, screens, control_column) if z_scale is None else z_scale
    parts = []
    for key, part in members.groupby([*screens, chromosome_column], sort=True):
        part = part.sort_values(position_column, kind="stable")
        position, z = part[position_column].to_numpy(), part["z"].to_numpy(dtype=float)
        first, stop = _windows(position, window, least_elements)
        known = ~np.isnan(z)
        sums = np.concatenate([[0.0], np.cumsum(np.where(known, z, 0.0))])
        counted = np.concatenate([[0], np.cumsum(known)])
        size, n_known, total = stop - first, counted[stop] - counted[first], sums[stop] - sums[first]
        with np.errstate(invalid="ignore", divide="ignore"):
            values = {
                **dict(zip([*screens, "chromosome"], key, strict=True)),
                "start": position[first],
                "end": position[stop - 1],
                "n_elements": size,
                "stouffer_z": total / np.sqrt(n_known),
                "mean_z": np.where(n_known == size, total / size, np.nan),
            }
        parts.append(pd.DataFrame(values))
    return _significance(pd.concat(parts, ignore_index=True), scale, screens, tails)


def overlapping_regions(elements: pd.DataFrame, regions: pd.DataFrame) -> pd.DataFrame:
    """Assign positioned elements to annotated regions.

    Parameters
    ----------
    elements : DataFrame
        Columns ``chromosome`` and ``position``, and any others.
    regions : DataFrame
        Columns ``chromosome``, ``start``, ``end`` (both ends belong to the region), and any others.

    Returns
    -------
    DataFrame
        Columns of both, one row per element and region that holds it; by region, then by position.

    Raises
    ------
    InputError
        Missing columns or values.
    """
    problems = []
    for name, table, columns in (
        ("elements", elements, ["chromosome", "position"]),
        ("regions", regions, ["chromosome", "start", "end"]),
    ):
        for column in columns:
            if column not in table:
                problems.append(Problem(name, "missing column", column=column))
            elif table[column].isna().any():
                rows = np.flatnonzero(table[column].isna())
                problems.append(Problem(name, f"{len(rows)} missing values, the first here", int(rows[0]) + 2, column))
    if problems:
        raise InputError(problems)
    element_rows, region_rows = [], []
    for chromosome, rows in regions.reset_index(drop=True).groupby("chromosome", sort=False).indices.items():
        (places,) = np.nonzero((elements["chromosome"] == chromosome).to_numpy())
        places = places[np.argsort(elements["position"].to_numpy()[places], kind="stable")]
        position = elements["position"].to_numpy()[places]
        low = np.searchsorted(position, regions["start"].to_numpy()[rows], side="left")
        high = np.searchsorted(position, regions["end"].to_numpy()[rows], side="right")
        size = np.maximum(high - low, 0)
        offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        element_rows.append(places[np.repeat(low, size) + offset])
        region_rows.append(np.repeat(rows, size))
    chosen = np.concatenate(element_rows) if element_rows else np.empty(0, dtype=int)
    owners = np.concatenate(region_rows) if region_rows else np.empty(0, dtype=int)
    order = np.argsort(owners, kind="stable")
    left = elements.iloc[chosen[order]].reset_index(drop=True)
    right = regions.drop(columns="chromosome").iloc[owners[order]].reset_index(drop=True)
    return pd.concat([left, right], axis=1)

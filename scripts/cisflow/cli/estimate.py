"""``cisflow estimate``: expression per element from counts per bin.

Inputs: a table of counts and a table of bins, either as the workflow writes them or as users of the R package MAUDE
have them. Outputs: the estimates, and on request statistics of groups, windows and annotated regions.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import pandas as pd

from cisflow.cli.options import add_section, check_outputs, example, section_settings
from cisflow.expression.bin_model import R_COLUMNS
from cisflow.joblog import logger
from cisflow.problems import InputError, Problem, did_you_mean, not_one_of
from cisflow.user_files import open_json, open_table

#: Our names of results and groups, and those of the R package; R's are written when the bins are given in its form.
R_NAMES = {
    "library_fraction": "libFraction",
    "log_likelihood": "ll",
    "log_likelihood_ratio": "llRatio",
    "z": "Z",
    "n_elements": "numGuides",
    "stouffer_z": "stoufferZ",
    "mean_z": "meanZ",
    "significance_z": "significanceZ",
    "p_value": "p.value",
    "fdr": "FDR",
}
#: Columns that the R package takes where none is named.
R_DEFAULTS = {"unsorted_column": "NS", "control_column": "NT"}
#: Keys of a file of parameters that only say where it comes from.
INFORMATIVE = {
    "error",
    "n_warnings",
    "distinct_warnings",
    "n_messages",
    "distinct_messages",
    "seed",
    "source",
    "NS_definition",
}
PARAMETERS = {
    "sort_bins",
    "unsorted_column",
    "control_column",
    "pseudocount",
    "mean_function",
    "limits",
    "experiment_column",
    "window",
    "minGuides",
}
COUNTS, BINS = "a table of counts, one row per element", "a table of bins, one row per bin"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "estimate",
        help="expression per element from counts per bin",
        description="Estimate expression as the weighted mean of the bins or with MAUDE. The bins are a table with the "
        "columns bin, role, position, lower_quantile, upper_quantile (as in the bins sheet of the workflow) or Bin, "
        "binStartQ, binEndQ (as the R package MAUDE has them; the results then carry its names: mean, ll, llRatio, Z). "
        "Rows keep their order.",
        **example(
            "cisflow estimate --method maude --counts counts.tsv --bins bins.tsv --params params.json "
            "--output expression.tsv"
        ),
    )
    parser.add_argument("--method", choices=("bin-mean", "maude"), required=True)
    parser.add_argument("--counts", required=True, help=COUNTS)
    parser.add_argument("--bins", required=True, help=BINS)
    parser.add_argument("--output", required=True, help="table of estimates")
    parser.add_argument("--library", help="library to take from a bins sheet that holds several")
    parser.add_argument("--params", help="JSON with any of: " + ", ".join(sorted(PARAMETERS)))
    table = parser.add_argument_group("columns of the counts (these options come before --params)")
    table.add_argument("--sorted-bins", nargs="+", metavar="COLUMN", help="reads of the sorted bins, in their order")
    table.add_argument("--unsorted-column", metavar="COLUMN", help="abundance (default with R's bins: NS)")
    table.add_argument("--control-column", metavar="COLUMN", help="TRUE for controls (default with R's bins: NT)")
    table.add_argument("--experiment-column", metavar="COLUMN", help="tells experiments with bins of their own apart")
    table.add_argument(
        "--element-column", metavar="COLUMN", default=None, help="names of elements (default: id or element)"
    )
    table.add_argument("--sequence-column", metavar="COLUMN", default="sequence", help="with a bins sheet")
    table.add_argument("--control-centre", choices=("mean", "median"), help="centre of the controls (default: mean)")
    groups = parser.add_argument_group("statistics of groups of elements (maude with controls)")
    groups.add_argument("--groups", metavar="FILE", help="output: groups of elements")
    groups.add_argument("--group-columns", nargs="+", metavar="COLUMN", help="labels that make the groups")
    groups.add_argument(
        "--regions", metavar="FILE", help="table of regions (chr, start, end, ...) that make the groups"
    )
    groups.add_argument("--windows", metavar="FILE", help="output: sliding windows over positioned elements")
    groups.add_argument("--chromosome-column", metavar="COLUMN", default="chr")
    groups.add_argument("--position-column", metavar="COLUMN", default="pos")
    groups.add_argument("--window", type=float, help="largest width of a window, bp (default: 500)")
    groups.add_argument("--least-elements", type=int, help="elements in a reported window (default: 5)")
    groups.add_argument("--tails", choices=("both", "lower", "upper"), default="both")
    add_section(parser, "estimate")
    parser.set_defaults(run=run)


def _parameters(given: argparse.Namespace) -> dict[str, Any]:
    """File of parameters with the options that were given put over it."""
    params: dict[str, Any] = {}
    if given.params:
        params = open_json(given.params, "parameters of an estimate")
        unknown = [key for key in params if key not in PARAMETERS | INFORMATIVE]
        if unknown:
            raise InputError(
                [Problem(given.params, f"unknown key{did_you_mean(key, PARAMETERS)}", column=key) for key in unknown]
            )
    for key in ("sorted_bins", "unsorted_column", "control_column", "experiment_column", "window", "least_elements"):
        name = {"sorted_bins": "sort_bins", "least_elements": "minGuides"}.get(key, key)
        if (value := getattr(given, key)) is not None:
            params[name] = value
    if given.control_centre:
        params["mean_function"] = given.control_centre
    if params.get("mean_function", "mean") not in ("mean", "median"):
        raise InputError(
            Problem(given.params, not_one_of(params["mean_function"], ("mean", "median")), column="mean_function")
        )
    return params


def _with_r_defaults(params: dict[str, Any], counts: pd.DataFrame, bins: pd.DataFrame) -> dict[str, Any]:
    """Parameters with the columns that the R package takes unless told otherwise, for bins in its form."""
    if "Bin" not in bins:
        return params
    taken = {key: name for key, name in R_DEFAULTS.items() if key not in params and name in counts}
    for key, name in taken.items():
        logger.info('%s: column "%s", as in the R package (an empty name takes none)', key.replace("_", " "), name)
    return params | taken


def _is_sheet(bins: pd.DataFrame) -> bool:
    """Whether the bins come as a sheet of the workflow."""
    return {"bin", "role", "position"} <= set(bins.columns)


def _from_sheet(given: argparse.Namespace, counts: pd.DataFrame, bins: pd.DataFrame) -> pd.DataFrame:
    """Estimates as the workflow's rule makes them."""
    from cisflow.expression.estimate import estimate_expression

    if "library" in bins:
        names = bins["library"].astype(str).unique().tolist()
        if given.library is None and len(names) > 1:
            raise InputError(Problem(given.bins, f"holds the libraries {', '.join(names)}; name one with --library"))
        library = given.library or names[0]
        if library not in names:
            raise InputError(Problem(given.bins, not_one_of(library, names), column="library"))
        bins = bins[bins["library"].astype(str) == library]
    if "column" in bins:
        given_names = bins.dropna(subset="column")
        counts = counts.rename(columns=dict(zip(given_names["column"], given_names["bin"], strict=True)))
    counts = counts.rename(columns={given.sequence_column: "sequence"})
    if "element" not in counts and (name := given.element_column or "sequence") in counts:
        counts = counts.assign(element=counts[name])
    gates = ("lower_quantile", "upper_quantile") if given.method == "maude" else ()
    if missing := [name for name in gates if name not in bins]:
        raise InputError([Problem(given.bins, "missing column; MAUDE needs it", 1, name) for name in missing])
    columns = ("bin", "role", "position", "lower_quantile", "upper_quantile", "cells")
    rows = [
        {c: None if c not in row or pd.isna(row[c]) else row[c] for c in columns}
        for row in bins.sort_values("position", kind="stable").to_dict("records")
    ]
    settings = section_settings(given, "estimate")
    try:
        table, _ = estimate_expression(
            counts, {**settings, "bins": rows}, given.library or "library", given.method, where=given.counts
        )
    except InputError as error:  # the workflow has no file of bins, this command does
        raise InputError([replace(p, where=given.bins) if p.where == "bins" else p for p in error.problems]) from None
    return table


def _from_screen(
    given: argparse.Namespace, counts: pd.DataFrame, bins: pd.DataFrame, params: dict[str, Any]
) -> pd.DataFrame:
    """Estimates of a table with any columns, experiment by experiment."""
    from cisflow.expression.maude_table import estimate_screens
    from cisflow.expression.screens import estimate_bin_means

    before = {key: params[key] for key in ("pseudocount", "limits") if key in params}
    settings = section_settings(given, "estimate", before)
    sorted_bins = params.get("sort_bins") or list(dict.fromkeys(bins.rename(columns=R_COLUMNS)["bin"].astype(str)))
    screens = [params["experiment_column"]] if params.get("experiment_column") else []
    element_column = given.element_column or ("id" if "id" in counts else None)
    shared = {"screen_columns": screens, "element_column": element_column}
    where = {"where": given.counts, "where_bins": given.bins}
    if given.method == "bin-mean":
        return estimate_bin_means(
            counts, bins, sorted_bins, weights=settings["bin_weights"], interval=settings["interval"], **shared, **where
        )
    return estimate_screens(
        counts,
        bins,
        sorted_bins,
        params.get("unsorted_column") or None,
        params.get("control_column") or None,
        abundance=settings["abundance"],
        centre=params.get("mean_function", "mean"),
        pseudocount=settings["pseudocount"],
        limits=settings["limits"],
        optimum=settings["optimum"],
        interval=settings["interval"],
        **shared,
        **where,
    )


def _write_groups(
    given: argparse.Namespace, table: pd.DataFrame, params: dict[str, Any], names: dict[str, str]
) -> None:
    from cisflow.expression.maude_groups import group_statistics, overlapping_regions, window_statistics
    from cisflow.expression.maude_table import parse_controls
    from cisflow.files import write_table

    control = params["control_column"]
    table = table.assign(**{control: parse_controls(table[control], given.counts)})
    screens = [params["experiment_column"]] if params.get("experiment_column") else []
    if given.groups:
        members, labels = table, given.group_columns
        if given.regions:
            regions = open_table(given.regions, "regions: chr, start, end and names").rename(
                columns={"chr": "chromosome"}
            )
            placed = table[~table[control]].rename(
                columns={given.chromosome_column: "chromosome", given.position_column: "position"}
            )
            labels = labels or [c for c in regions if c not in ("chromosome", "start", "end")]
            members = pd.concat([table[table[control]], overlapping_regions(placed, regions)], ignore_index=True)
        write_table(
            group_statistics(members, labels, screens, given.tails, control).rename(columns=names), given.groups
        )
    if given.windows:
        windows = window_statistics(
            table,
            screens,
            given.tails,
            control,
            given.chromosome_column,
            given.position_column,
            float(params.get("window", 500)),
            int(params.get("minGuides", 5)),
        )
        write_table(windows.rename(columns=names | {"chromosome": given.chromosome_column}), given.windows)


def _check_groups(given: argparse.Namespace, params: dict[str, Any]) -> None:
    problems = []
    if (given.groups or given.windows) and (given.method != "maude" or not params.get("control_column")):
        problems.append(Problem("--groups and --windows", "need --method maude and --control-column"))
    if given.groups and not (given.group_columns or given.regions):
        problems.append(Problem("--groups", "needs --group-columns or --regions to make the groups from"))
    if (given.group_columns or given.regions) and not given.groups:
        problems.append(Problem("--group-columns and --regions", "need --groups FILE to write to"))
    if problems:
        raise InputError(problems)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.files import write_table

    check_outputs([given.output, given.groups, given.windows])
    counts = open_table(given.counts, COUNTS)
    bins = open_table(given.bins, BINS, comment="#")
    params = _parameters(given)
    if given.method == "maude":
        params = _with_r_defaults(params, counts, bins)
    _check_groups(given, params)
    if _is_sheet(bins):
        if params or given.groups or given.windows:
            raise InputError(
                Problem(given.bins, "a bins sheet says all that --params and the column options say; leave them out")
            )
        table, names = _from_sheet(given, counts, bins), {}
    else:
        names = R_NAMES if "Bin" in bins else {}
        table = _from_screen(given, counts, bins, params)
        if given.groups or given.windows:
            _write_groups(given, table, params, names)
    for label in counts.columns.intersection(table.columns):  # whole numbers with gaps were read as floats
        if table[label].dtype.kind == "f" and (table[label].dropna() % 1 == 0).all():
            table[label] = table[label].astype("Int64")
    write_table(table.drop(columns="abundance", errors="ignore").rename(columns=names), given.output)
    logger.info("%s: %s elements", given.output, f"{len(table):,}")

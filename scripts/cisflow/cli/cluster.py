"""``cisflow cluster``: unique sequences per bin to counts per element and bin.

Inputs: the tables of ``cisflow count``, one per bin. Outputs: one row per element with a column per bin, and on request
the element of every sequence.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from cisflow.cli.options import add_section, check_outputs, example, section_settings
from cisflow.problems import InputError, Problem
from cisflow.user_files import open_table


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "cluster",
        help="unique sequences per bin to counts per element and bin",
        description="Join the unique sequences that are one element: those near each other (random library), or those "
        "near one of the ordered sequences (designed library, with --ordered). Columns of the output: element, "
        "sequence, and one per bin.",
        **example("cisflow cluster --bins low=bin1.parquet high=bin2.parquet --output counts.tsv"),
    )
    parser.add_argument(
        "--bins", nargs="+", required=True, metavar="NAME=FILE", help="table sequence, reads of each bin, lowest first"
    )
    parser.add_argument("--ordered", metavar="FILE", help="ordered sequences of a designed library (FASTA or table)")
    parser.add_argument("--library", default="element", help="elements are called LIBRARY_<rank> (default: element)")
    parser.add_argument("--threads", type=int, default=1, help="of Bowtie2; the result does not depend on it")
    parser.add_argument("--output", required=True, help="table of counts")
    parser.add_argument("--members", metavar="FILE", help="output: the element of every sequence")
    parser.add_argument("--funnel", metavar="FILE", help="output: what was joined and dropped in each bin")
    add_section(parser, "cluster", leave_out=("shards",))
    add_section(parser, "reads", keep=("structure", "keep_flanks"))
    parser.set_defaults(run=run)


def _bins(given: list[str]) -> dict[str, str]:
    """Files by bin, in the order given."""
    files: dict[str, str] = {}
    problems = []
    for text in given:
        name, separator, path = text.partition("=")
        if not separator or not name or not path:
            problems.append(Problem("--bins", f"{text!r}; expected NAME=FILE"))
        elif name in files:
            problems.append(Problem("--bins", f"bin {name!r} is given twice"))
        elif name in ("element", "sequence"):
            problems.append(Problem("--bins", f"{name!r} is a column of the output; expected another name"))
        files[name] = path
    if problems:
        raise InputError(problems)
    return files


def _as_parquet(files: dict[str, str], folder: Path) -> dict[str, str]:
    """The same tables as Parquet; each is checked for its columns."""
    import pandas as pd

    found, problems = {}, []
    for i, (name, path) in enumerate(files.items()):
        table = open_table(path, "columns sequence and reads")
        missing = [c for c in ("sequence", "reads") if c not in table]
        problems += [Problem(path, "missing column; expected sequence and reads", column=c) for c in missing]
        if missing:
            continue
        reads = pd.to_numeric(table["reads"], errors="coerce")
        wrong = table[~((reads >= 0) & (reads == reads.round()))]
        for row, value in wrong["reads"].head(20).items():
            problems.append(Problem(path, f"{value!r}; expected a whole number, 0 or more", int(row) + 2, "reads"))
        repeated = table[table["sequence"].duplicated()]
        for row, value in repeated["sequence"].head(20).items():
            problems.append(Problem(path, f"{str(value)[:60]!r} was there before", int(row) + 2, "sequence"))
        found[name] = str(folder / f"{i}.parquet")
        table.to_parquet(found[name], index=False)
    if problems:
        raise InputError(problems)
    return found


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.clusters.designed import assign_to_ordered
    from cisflow.clusters.elements import count_elements, pool
    from cisflow.clusters.methods import cluster_library
    from cisflow.clusters.ordered import ordered_library
    from cisflow.clusters.self_alignment import flank_lengths
    from cisflow.files import write_table
    from cisflow.reads.structure import parse_structure

    check_outputs([given.output, given.members, given.funnel])
    cluster, reads = section_settings(given, "cluster"), section_settings(given, "reads")
    files = _bins(given.bins)
    with TemporaryDirectory(prefix="cisflow_cluster_") as folder:
        tables = _as_parquet(files, Path(folder))
        pooled = pool(list(tables.values()))
        if given.ordered:
            elements = assign_to_ordered(
                pooled,
                ordered_library(given.ordered, parse_structure(reads["structure"]), reads["keep_flanks"]),
                flank_lengths(reads),
                cluster["max_designed_mismatches"],
                given.library,
                threads=given.threads,
            )
        else:
            elements = cluster_library(pooled, given.library, cluster, flank_lengths(reads), given.threads)
        kind = "designed" if given.ordered else "random"
        counts, funnel = count_elements(elements, tables, given.library, kind)
    write_table(counts, given.output)
    if given.members:
        write_table(elements.members, given.members)
    if given.funnel:
        write_table(funnel, given.funnel)

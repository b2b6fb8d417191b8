"""``cisflow count``: reads of one bin to counts of unique sequences.

Inputs: FASTQ files, plain or gzip, one or more lanes. Outputs: a table ``sequence``, ``reads``, and on request the
funnel of what each filter let through.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cisflow.cli.options import add_section, check_outputs, example, section_settings
from cisflow.problems import InputError, Problem

if TYPE_CHECKING:
    from cisflow.reads.count import ReadSettings


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "count",
        help="reads of one bin to counts of unique sequences",
        description="Merge pairs, find the parts that the read structure names, and count equal sequences. "
        "Without --read2 the reads are taken as single or already merged.",
        **example(
            "cisflow count --read1 bin1_L1_R1.fq.gz bin1_L2_R1.fq.gz --read2 bin1_L1_R2.fq.gz bin1_L2_R2.fq.gz "
            "--output bin1.parquet"
        ),
    )
    parser.add_argument("--read1", nargs="+", required=True, metavar="FILE", help="FASTQ of read 1, one per lane")
    parser.add_argument("--read2", nargs="+", default=[], metavar="FILE", help="read 2 of the same lanes")
    parser.add_argument("--name", default="bin", help="name of the bin in messages and in the funnel")
    parser.add_argument("--library", default="library", help="name of the library in the funnel")
    parser.add_argument("--barcode", help="in-line barcode of the bin, where the structure has one")
    parser.add_argument("--output", required=True, help="table of unique sequences")
    parser.add_argument("--funnel", help="table of what each filter let through")
    add_section(parser, "reads", leave_out=("shards", "check_reads"))
    parser.set_defaults(run=run)


def _settings(given: argparse.Namespace) -> ReadSettings:
    from cisflow.reads.count import ReadSettings

    values = section_settings(given, "reads")
    return ReadSettings(**{key: values[key] for key in ReadSettings.__dataclass_fields__})


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.files import write_table
    from cisflow.reads.count import count_runs, write_bin
    from cisflow.reads.funnel import funnel_table

    check_outputs([given.output, given.funnel])
    settings = _settings(given)
    length = settings.parsed.barcode_length
    if len(given.barcode or "") != length:
        what = (
            f"{given.barcode or ''!r}; the read structure asks for {length} bases" if length else "not in the structure"
        )
        raise InputError(Problem("--barcode", what))
    folder = Path(given.output).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".cisflow_count.") as runs_folder:
        barcodes = [given.barcode] * len(given.read1) if given.barcode else []
        runs, rows = count_runs(given.read1, given.read2, settings, runs_folder, given.name, barcodes)
        rows = write_bin(runs, rows, settings, given.output)
    if given.funnel:
        write_table(funnel_table(given.library, given.name, rows), given.funnel)

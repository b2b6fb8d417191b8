"""``cisflow count``: reads of one bin to counts of unique sequences.

Inputs: FASTQ files, plain or gzip, one or more lanes. Outputs: a table ``sequence``, ``reads``, and on request the
funnel of what each filter let through.
"""

from __future__ import annotations

import argparse

from cisflow.cli.options import add_section, check_outputs, example, section_settings


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
    parser.add_argument("--output", required=True, help="table of unique sequences")
    parser.add_argument("--funnel", help="table of what each filter let through")
    add_section(parser, "reads", leave_out=("shards", "check_reads"))
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    from cisflow.files import write_table
    from cisflow.reads.count import ReadSettings, count_reads

    check_outputs([given.output, given.funnel])
    settings = ReadSettings(**section_settings(given, "reads"))
    counts = count_reads(given.read1, given.read2, settings, what=given.name)
    write_table(counts.table, given.output)
    if given.funnel:
        write_table(counts.funnel_table("library", given.name), given.funnel)

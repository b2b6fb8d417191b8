"""``cisflow merge``: read pairs to merged amplicons.

Inputs: FASTQ of read 1 and read 2, plain or gzip. Outputs: a table with the name, sequence and overlap of every merged
pair, written block by block.
"""

from __future__ import annotations

import argparse

from cisflow.cli.options import add_section, check_outputs, example, section_settings
from cisflow.joblog import logger

#: Settings of the section ``reads`` that merging uses.
KEYS = ("merge_rule", "expected_overlap", "overlap_tolerance", "min_identity")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "merge",
        help="read pairs to merged amplicons",
        description="Merge read pairs; pairs are matched by their position in the two files. Columns of the output: "
        "name, sequence, overlap (bases shared by the two reads).",
        **example("cisflow merge sample_R1.fastq.gz sample_R2.fastq.gz --output merged.tsv.gz"),
    )
    parser.add_argument("read1", help="FASTQ of read 1")
    parser.add_argument("read2", help="FASTQ of read 2")
    parser.add_argument("--output", required=True, help="table of merged pairs")
    add_section(parser, "reads", keep=KEYS)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Run the command."""
    import polars as pl

    from cisflow.files import TableWriter
    from cisflow.progress import Progress
    from cisflow.reads.fastq import read_pairs
    from cisflow.reads.merge import merge_pairs
    from cisflow.reads.names import read_names

    check_outputs([given.output])
    settings = section_settings(given, "reads")
    n_pairs = n_merged = 0
    progress = Progress("merge", None, "read pairs")
    schema = {"name": pl.String, "sequence": pl.String, "overlap": pl.Int64}
    with TableWriter(given.output, schema) as writer:
        for read1, read2 in read_pairs(given.read1, given.read2):
            merged = merge_pairs(
                read1,
                read2,
                settings["expected_overlap"],
                settings["overlap_tolerance"],
                settings["min_identity"],
                settings["merge_rule"],
            )
            kept = merged.offset >= 0
            overlap = (read1.length - merged.offset)[kept]
            writer.write(
                pl.DataFrame(
                    {
                        "name": read_names(read1).filter(pl.Series(kept)),
                        "sequence": merged.amplicons.to_series(),
                        "overlap": pl.Series(overlap, dtype=pl.Int64),
                    }
                )
            )
            n_pairs, n_merged = n_pairs + len(read1), n_merged + int(kept.sum())
            progress.advance(len(read1))
    share = 100 * n_merged / n_pairs if n_pairs else 0.0
    logger.info("%s: %s of %s pairs merged (%.1f %%)", given.output, f"{n_merged:,}", f"{n_pairs:,}", share)

"""Rules align_designed and join_designed: unique sequences of a designed library to the ordered sequences."""

import polars as pl

from cisflow.clusters.designed import assign_to_ordered
from cisflow.clusters.elements import pool
from cisflow.clusters.ordered import ordered_library
from cisflow.clusters.self_alignment import flank_lengths
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.reads.structure import parse_structure

with job(snakemake):
    reads = snakemake.params.settings["reads"]
    shards = snakemake.input.get("nearest")
    found = assign_to_ordered(
        pool(snakemake.input.bins),
        ordered_library(snakemake.input.ordered, parse_structure(reads["structure"]), reads["keep_flanks"]),
        flank_lengths(reads),
        snakemake.params.settings["max_distance"],
        snakemake.wildcards.library,
        threads=snakemake.threads,
        found=[pl.read_parquet(path) for path in shards] if shards else None,
    )
    write_table(found.members, snakemake.output.members)
    write_table(found.elements, snakemake.output.elements)

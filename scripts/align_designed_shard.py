"""Rule align_designed_shard: every n-th unique sequence of a designed library to the ordered sequences."""

from cisflow.clusters.designed import nearest_of_shard
from cisflow.clusters.elements import pool
from cisflow.clusters.ordered import ordered_library
from cisflow.clusters.self_alignment import flank_lengths
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.reads.structure import parse_structure

with job(snakemake):
    settings = snakemake.params.settings
    reads = settings["reads"]
    found = nearest_of_shard(
        pool(snakemake.input.bins),
        ordered_library(snakemake.input.ordered, parse_structure(reads["structure"]), reads["keep_flanks"]),
        flank_lengths(reads),
        settings["max_distance"],
        snakemake.wildcards.library,
        (int(snakemake.wildcards.shard), settings["shards"]),
        threads=snakemake.threads,
    )
    write_table(found, snakemake.output.nearest)

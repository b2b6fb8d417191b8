"""Rule align_designed_shard: every n-th unique sequence of a designed library to the ordered sequences."""

from cisflow.clusters.designed import nearest_of_shard
from cisflow.clusters.elements import pool
from cisflow.clusters.ordered import ordered_library
from cisflow.clusters.self_alignment import flank_lengths
from cisflow.files import write_table
from cisflow.joblog import job
from cisflow.reads.count import ReadSettings

with job(snakemake):
    settings = snakemake.params.settings
    found = nearest_of_shard(
        pool(snakemake.input.bins),
        ordered_library(snakemake.input.ordered, ReadSettings(**settings["reads"])),
        flank_lengths(settings["reads"]),
        settings["max_distance"],
        snakemake.wildcards.library,
        (int(snakemake.wildcards.shard), settings["shards"]),
        threads=snakemake.threads,
    )
    write_table(found, snakemake.output.nearest)

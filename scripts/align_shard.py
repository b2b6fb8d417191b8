"""Rule align_shard: every n-th sequence of a random library aligned to all of them; the pairs that join sequences."""

import polars as pl

from cisflow.clusters.methods import alignment_settings
from cisflow.clusters.self_alignment import flank_lengths
from cisflow.clusters.shards import shard_forest
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    forest = shard_forest(
        pl.read_parquet(snakemake.input.pooled, columns=["sequence"])["sequence"],
        snakemake.input.index,
        int(snakemake.wildcards.shard),
        settings["shards"],
        alignment_settings(settings["cluster"]),
        flank_lengths(settings["reads"]),
        snakemake.wildcards.library,
        threads=snakemake.threads,
    )
    write_table(forest, snakemake.output.forest)

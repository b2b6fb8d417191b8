"""Rule join_clusters: the pairs that the shards found to the clusters of a random library."""

import polars as pl

from cisflow.clusters.shards import join_forests
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    found = join_forests(pl.read_parquet(snakemake.input.pooled), snakemake.input.forests, snakemake.wildcards.library)
    write_table(found.members, snakemake.output.members)
    write_table(found.elements, snakemake.output.elements)

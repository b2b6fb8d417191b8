"""Rule index_sequences: unique sequences of a random library to one table and its Bowtie2 index."""

from cisflow.clusters.elements import pool
from cisflow.clusters.self_alignment import flank_lengths
from cisflow.clusters.shards import index_sequences
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    pooled = pool(snakemake.input)
    index_sequences(
        pooled,
        snakemake.output.index,
        snakemake.wildcards.library,
        flank_lengths(snakemake.params.settings["reads"]),
        threads=snakemake.threads,
    )
    write_table(pooled, snakemake.output.pooled)

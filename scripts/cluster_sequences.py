"""Rule cluster_sequences: unique sequences of a random library to clusters, by aligning them against themselves."""

from cisflow.clusters.elements import pool
from cisflow.clusters.self_alignment import Seeds, cluster_sequences, flank_lengths
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    found = cluster_sequences(
        pool(snakemake.input),
        snakemake.wildcards.library,
        Seeds(**snakemake.params.settings["seeds"]),
        flank_lengths(snakemake.params.settings["reads"]),
        threads=snakemake.threads,
    )
    write_table(found.members, snakemake.output.members)
    write_table(found.elements, snakemake.output.elements)

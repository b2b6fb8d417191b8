"""Rule cluster_sequences: unique sequences of a random library to clusters."""

from cisflow.clusters.elements import pool
from cisflow.clusters.methods import cluster_library
from cisflow.clusters.self_alignment import flank_lengths
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    settings = snakemake.params.settings
    found = cluster_library(
        pool(snakemake.input),
        snakemake.wildcards.library,
        settings["cluster"],
        flank_lengths(settings["reads"]),
        threads=snakemake.threads,
    )
    write_table(found.members, snakemake.output.members)
    write_table(found.elements, snakemake.output.elements)

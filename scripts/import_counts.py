"""Rule import_counts: a table of counts per bin, made elsewhere, to counts per element and bin."""

from cisflow.clusters.counts_table import import_counts
from cisflow.files import write_table
from cisflow.joblog import job

with job(snakemake):
    counts, funnel = import_counts(
        snakemake.input[0],
        snakemake.params.settings["sequence_column"],
        snakemake.params.settings["columns"],
        snakemake.wildcards.library,
    )
    write_table(counts, snakemake.output.counts)
    write_table(funnel, snakemake.output.funnel)

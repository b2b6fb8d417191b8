"""Rule plot_recovery: estimated against true expression of a simulated library."""

from cisflow.figures.expression import plot_recovery
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    plot_recovery(
        read_table(snakemake.input.expression),
        read_table(snakemake.input.truth),
        snakemake.wildcards.library,
        snakemake.wildcards.method,
        snakemake.output.svg,
        **snakemake.params.settings,
    )

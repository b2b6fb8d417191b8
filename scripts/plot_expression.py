"""Rule plot_expression: distribution of expression, reads and standard errors of a library."""

from cisflow.figures.expression import plot_distribution
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    plot_distribution(
        read_table(snakemake.input[0]),
        snakemake.wildcards.library,
        snakemake.wildcards.method,
        snakemake.output.svg,
    )

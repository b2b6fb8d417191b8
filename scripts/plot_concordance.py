"""Rule plot_concordance: replicates of a sample against each other."""

from cisflow.figures.concordance import plot_concordance
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    plot_concordance(
        read_table(snakemake.input.expression),
        read_table(snakemake.input.concordance),
        snakemake.wildcards.sample,
        snakemake.wildcards.method,
        snakemake.output.svg,
    )

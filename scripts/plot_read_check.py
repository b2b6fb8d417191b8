"""Rule plot_read_check: draw what the read check saw in each file."""

from cisflow.figures.read_check import plot_read_check
from cisflow.files import read_table
from cisflow.joblog import job

with job(snakemake):
    plot_read_check(
        read_table(snakemake.input.table),
        read_table(snakemake.input.histogram),
        snakemake.wildcards.library,
        tuple(snakemake.params.settings["overlap"]),
        tuple(snakemake.params.settings["variable"]),
        snakemake.output.svg,
    )
